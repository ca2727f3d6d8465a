"""Runs on the board, with nothing of Stageline: calls the kernels of a shared object one by one.

python on_board.py FOLDER    reads kernels.so and NAME.npz, writes NAME.npy with what the kernel NAME computed
"""

import sys
from pathlib import Path

import numpy as np
import tvm


def main(folder: Path) -> None:
    """Says each kernel's name before it is called, so that whoever reads knows which one ended the program."""
    module = tvm.runtime.load_module(str(folder / "kernels.so"))
    for path in sorted(folder.glob("*.npz")):
        print(path.stem, flush=True)
        with np.load(path) as file:
            arguments = [tvm.runtime.tensor(file[f"arr_{index}"]) for index in range(len(file.files))]
        module[path.stem](*arguments)
        np.save(path.with_suffix(".npy"), arguments[-1].numpy())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
