"""Plays nvcc: logs its arguments, and makes of CUDA source the text that the stub driver takes for a cubin.

python stub_nvcc.py -std=c++14 -arch=sm_62 --cubin -o OUT SOURCE    refuses source with the words `no_such_thing`
"""

import os
import re
import sys
from pathlib import Path

KERNEL = re.compile(r"__global__.*?(\w+)\(([^()]*)\) \{")


def main(arguments: list[str]) -> int:
    """Returns nvcc's exit status."""
    output, source = Path(arguments[arguments.index("-o") + 1]), Path(arguments[-1])
    with Path(os.environ["STUB_CUDA_LOG"]).open("a") as log:
        log.write(f"nvcc {' '.join(word for word in arguments if word.startswith('-') and word != '-o')}\n")
    text = source.read_text()
    if "no_such_thing" in text:
        sys.stderr.write(f'{source}(7): error: identifier "no_such_thing" is undefined\n1 error detected\n')
        return 2
    kernels = [[name, *(word.split()[-1] for word in rest.split(","))] for name, rest in KERNEL.findall(text)]
    output.write_text("".join(" ".join(words) + "\n" for words in kernels))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
