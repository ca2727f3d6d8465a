"""The stand-in before the CUDA runtime and driver of a machine that has a GPU; skipped where there is none."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from device.cuda.build import build
from device.cuda.locations import STAND_IN, find_runtimes, runtime_version
from tests.device.cuda.contract import Run
from tests.device.cuda.stub import HERE, StubCuda

_UNIFIED_FUNCTION_POINTERS = range(752, 756)
"""Bytes of the one member that is no attribute of the runtime's."""

_COMPARE = """
import ctypes, json, sys
answers = []
for path in sys.argv[1:]:
    answers.append(bytearray(1008))
    memory = (ctypes.c_char * 1008).from_buffer(answers[-1])
    assert ctypes.CDLL(path).cudaGetDeviceProperties(memory, 0) == 0
print(json.dumps([index for index in range(1008) if answers[0][index] != answers[1][index]]))
"""


@pytest.fixture(scope="module")
def real(compiler: str, tmp_path_factory: pytest.TempPathFactory) -> StubCuda:
    """No stub, but the machine's own CUDA with the stand-in before it."""
    driver = "import ctypes; assert ctypes.CDLL('libcuda.so.1').cuInit(0) == 0"
    if subprocess.run([sys.executable, "-c", driver], capture_output=True, check=False).returncode != 0:
        pytest.skip("no NVIDIA GPU")
    nvcc, runtimes = shutil.which("nvcc", path="/usr/local/cuda/bin:/usr/local/bin:/usr/bin"), find_runtimes()
    if nvcc is None or not runtimes:
        pytest.skip("no CUDA toolkit")
    folder = tmp_path_factory.mktemp("real")
    (folder / "nvcc").write_text(f'#!/bin/sh\nexec {shlex.quote(nvcc)} "$@"\n')
    (folder / "nvcc").chmod(0o755)
    made = build(folder, cudart=runtimes[0], compiler=compiler)
    assert made.devices > 0, made.note
    return StubCuda(folder=folder, cudart=runtimes[0])


def test_properties_are_those_of_the_runtime(real: StubCuda, run: Run) -> None:
    if (runtime_version(real.cudart) or (0, 0)) < (13, 0):
        pytest.skip("its CUDA has another layout")
    result = run(["-c", _COMPARE, str(real.folder / STAND_IN), str(real.cudart)], real)
    assert result.returncode == 0, result.stderr
    assert set(json.loads(result.stdout)) <= set(_UNIFIED_FUNCTION_POINTERS)


def test_tvm_computes_on_the_gpu_through_the_stand_in(real: StubCuda, run: Run, module: Path) -> None:
    result = run([str(HERE / "on_tvm.py"), str(module)], real)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["enabled"], found["reason"]) == ([False, True], "")
    assert found["copied_back"]
    assert found["doubled"]
