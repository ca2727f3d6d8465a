"""Runs a bundle's pipeline on two equal frames, in a process of its own.

python on_pipeline.py BUNDLE INPUTS.npz OUTPUTS.npz
"""

import sys
from pathlib import Path

import numpy as np

from device.pipeline import Pipeline


def main(bundle: str, inputs: str, outputs: str) -> None:
    """Both frames have to come out the same."""
    with np.load(inputs) as arrays:
        frame = dict(arrays)
    with Pipeline.load(Path(bundle)) as pipeline:
        first, second = pipeline.run([frame, frame])
    for name, found in first.items():
        np.testing.assert_array_equal(found, second[name])
    np.savez(outputs, **first)


if __name__ == "__main__":
    main(*sys.argv[1:])
