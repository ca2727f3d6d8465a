"""Plays nvcc: compiles CUDA source for the emulation of a GPU (`cuda_emulation.hpp`), with g++.

python emulated_nvcc.py -std=c++14 -arch=sm_62 --cubin -o OUT SOURCE    writes a shared object that launches each kernel
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

EMULATION = Path(__file__).parents[2] / "host/kernels"
KERNEL = re.compile(r'extern "C" __global__ void (?:__launch_bounds__\([^()]*\) )?(\w+)\(([^()]*)\)')
FLAGS = ("-std=c++17", "-O2", "-w", "-ffp-contract=off", "-fPIC", "-fvisibility=hidden", "-fno-gnu-unique")


def main(arguments: list[str]) -> int:
    """Returns g++'s exit status."""
    output, source = arguments[arguments.index("-o") + 1], Path(arguments[-1]).read_text()
    kernels = dict(KERNEL.findall(source))  # each is declared first and then defined
    code = source[source.index('extern "C"') :]
    launches = "\n".join(launch(name, words) for name, words in kernels.items())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kernels.cpp")
        path.write_text(f'#include "cuda_emulation.hpp"\n#define uint unsigned int\n{code}\n{launches}\n')
        command = ["g++", *FLAGS, "-I", str(EMULATION), "-shared", "-o", output, str(path)]
        return subprocess.run(command, check=False).returncode


def launch(name: str, parameters: str) -> str:
    """C++ that launches a kernel with arguments as the driver gets them: pointers to their values."""
    types = [word.replace("__restrict__", "").rpartition(" ")[0].strip() for word in parameters.split(",")]
    values = ", ".join(f"*static_cast<{kind}*>(arguments[{index}])" for index, kind in enumerate(types))
    return (
        f'extern "C" __attribute__((visibility("default")))\n'
        f"void launch_{name}(const unsigned* grid, const unsigned* block, void** arguments) {{\n"
        f"  emulation::launch({{grid[0], grid[1], grid[2]}}, {{block[0], block[1], block[2]}}, false,\n"
        f"                    [&] {{ {name}({values}); }});\n}}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
