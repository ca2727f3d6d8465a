"""A CUDA without a GPU in a folder: libraries that log every call, and an nvcc; built for this machine or another."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = HERE.parents[2]

CUDA_10_2 = (10020, "libcudart.so.10.2")
CUDA_12_9 = (12090, "libcudart.so.12")


@dataclass(frozen=True, slots=True, kw_only=True)
class StubCuda:
    """The stub in a folder.

    Attributes:
        folder: Where it lies.
        cudart: Its CUDA runtime.
        is_logging: Whether calls are logged.
    """

    folder: Path
    cudart: Path
    is_logging: bool = True

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find the stub, and a stand-in that was built into the same folder."""
        return {
            "LD_LIBRARY_PATH": str(self.folder),
            "STAGELINE_CUDA": str(self.folder),
            "STAGELINE_NVCC": str(self.folder / "nvcc"),
            **({"STUB_CUDA_LOG": str(self.folder / "calls")} if self.is_logging else {}),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
        }

    def take_calls(self) -> list[list[str]]:
        """The calls since the last time, each a name and its arguments."""
        log = self.folder / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line.split() for line in lines]

    def forget(self) -> None:
        """Drops the log and what was compiled."""
        self.take_calls()
        shutil.rmtree(self.folder / "cache", ignore_errors=True)


def build_stub(
    folder: Path,
    compiler: Sequence[str],
    cuda: tuple[int, str] = CUDA_10_2,
    *,
    nvcc: str = "stub_nvcc.py",
    is_logging: bool = True,
) -> StubCuda:
    """Compiles the stub libraries.

    Args:
        folder: Where to; made if it is not there.
        compiler: The command of a C compiler.
        cuda: Which CUDA to play: its version as a number, and what its runtime is called.
        nvcc: The program that plays nvcc.
        is_logging: Whether calls are logged.
    """
    version, name = cuda
    folder.mkdir(parents=True, exist_ok=True)
    driver = ["-DDRIVER", str(HERE / "emulated_driver.c"), "-lpthread"]
    for library, words in ((name, ["-DRUNTIME", f"-DVERSION={version}"]), ("libcuda.so.1", driver)):
        output = [f"-Wl,-soname,{library}", "-o", str(folder / library)]
        command = [*compiler, "-shared", "-fPIC", str(HERE / "stub_cuda.c"), *words, *output, "-ldl"]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    program = folder / "nvcc"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -SE "{HERE / nvcc}" "$@"\n')
    program.chmod(0o755)
    return StubCuda(folder=folder, cudart=folder / name, is_logging=is_logging)


def run_python(
    arguments: Sequence[str],
    stub: StubCuda,
    *,
    python: Sequence[str] = (sys.executable,),
    path: Sequence[Path] = (),
    timeout_s: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Runs a Python program in a process that finds the stub."""
    folders = os.pathsep.join(map(str, (*path, SOURCES)))
    own = {"PYTHONPATH": folders, "TVM_USE_RUNTIME_LIB": "1"}
    return subprocess.run(
        [*python, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env=os.environ | own | stub.environment,
        stdin=subprocess.DEVNULL,
    )
