"""Runs a bundle's pipeline on two equal frames, in a process of its own.

python on_pipeline.py BUNDLE INPUTS.npz OUTPUTS.npz
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from device.pipeline import Pipeline


def main(bundle: str, inputs: str, outputs: str) -> None:
    """Both frames have to come out the same."""
    with np.load(inputs) as arrays:
        frame = dict(arrays)
    results: list[dict[str, Any]]
    with Pipeline.load(Path(bundle)) as pipeline:
        results = [dict(found) for found in pipeline.run([frame, frame])]
    first, second = results
    for name, found in first.items():
        np.testing.assert_array_equal(found, second[name])
    np.savez(outputs, **first)


if __name__ == "__main__":
    main(*sys.argv[1:])
