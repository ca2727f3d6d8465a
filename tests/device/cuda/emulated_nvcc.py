"""Plays nvcc for the emulated GPU: makes of CUDA source a shared object for this machine, which the stub driver runs.

python emulated_nvcc.py -std=c++14 -arch=sm_62 --cubin -o OUT SOURCE    refuses what a CUDA 10 would not read
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

EMULATION = Path(__file__).parents[2] / "host/kernels"
COMPILER = "g++"
FLAGS = (
    *("-std=c++17", "-O2", "-march=native", "-w", "-U_FORTIFY_SOURCE"),
    *("-fsanitize=alignment", "-fsanitize-undefined-trap-on-error"),
    *("-shared", "-fPIC", "-fvisibility=hidden", "-fno-gnu-unique", "-Wl,--no-undefined"),
)
BEGINNING = 'extern "C" __global__'
DEFINITION = re.compile(r'extern "C" __global__ void (?:__launch_bounds__\(.*?\) )?(\w+)\([^()]*\) \{')
HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\.?[0-9a-fA-F]*p")


def translated(source: str) -> str:
    """C++ with a function that launches each kernel; each one's shared memory in a section of its own."""
    kernels = DEFINITION.findall(source)
    code = DEFINITION.sub(
        r'#undef SHARED_MEMORY\n#define SHARED_MEMORY "shared_\1"\n\g<0>', source[source.index(BEGINNING) :]
    )
    launchable = "".join(f"LAUNCHABLE({name})\n" for name in kernels)
    return f'#include "cuda_emulation.hpp"\n{code}\n{launchable}'


def main(arguments: list[str]) -> int:
    """Returns nvcc's exit status."""
    output, path = arguments[arguments.index("-o") + 1], Path(arguments[-1])
    _log(arguments)
    source = path.read_text()
    if HEXADECIMAL.search(source):
        sys.stderr.write(f"{path}: error: C++14 has no hexadecimal floating-point numbers\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder, "kernels.cpp")
        code.write_text(translated(source))
        command = [COMPILER, *FLAGS, "-I", str(EMULATION), "-o", output, str(code)]
        return subprocess.run(command, check=False).returncode


def _log(arguments: list[str]) -> None:
    if log := os.environ.get("STUB_CUDA_LOG"):
        with Path(log).open("a") as file:
            file.write(
                f"nvcc {' '.join(word for word in arguments if word.startswith('-') and word != '-o')}\n"
            )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
