"""Frames for measuring when there is no camera."""

from typing import Any

import numpy as np
import numpy.typing as npt

from device.pipeline.layout import Interface


def stand_in_frame(interface: Interface, seed: int = 0) -> dict[str, npt.NDArray[Any]]:
    """Random inputs: numbers between 0 and 1, as images are, and zeros where the element type is whole.

    Zeros everywhere would flatter: some kernels and some hardware are quicker on them.
    """
    random = np.random.default_rng(seed)
    frame: dict[str, npt.NDArray[Any]] = {}
    for name, form in interface.inputs.items():
        is_real = np.dtype(form.dtype).kind == "f"
        values = random.random(form.shape) if is_real else np.zeros(form.shape)
        frame[name] = values.astype(form.dtype)
    return frame
