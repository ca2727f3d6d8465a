"""A C compiler for the emulated board: Zig, which needs no installation and binds to the C library that is named."""

import shlex
import subprocess
import sys
from pathlib import Path

from tests.emulated_board.board import NotPreparedError, alone

_PACKAGE = "ziglang>=0.13"
_TARGET = "aarch64-linux-gnu.2.27"
"""The board's processor, and the C library of a Jetson TX2."""

_TIMEOUT_S = 600


def prepare_compiler(folder: Path) -> Path:
    """A command that compiles C for the board; Zig is fetched into the folder if it is not there.

    Raises:
        NotPreparedError: The package cannot be had.
    """
    with alone(folder):
        return _prepare(folder)


def _prepare(folder: Path) -> Path:
    site = folder / "site"
    if not (site / "ziglang").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(site), _PACKAGE]
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
        )
        if result.returncode != 0:
            raise NotPreparedError(f"no compiler for the board: {' '.join(result.stderr.split()[-40:])}")
    script = folder / "cc"
    zig = shlex.join([str(site / "ziglang/zig"), "cc", "-target", _TARGET])
    script.write_text(f'#!/bin/sh\nexport HOME={shlex.quote(str(folder))}\nexec {zig} "$@"\n')
    script.chmod(0o755)
    return script
