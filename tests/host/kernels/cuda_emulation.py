"""Runs CUDA kernels without a GPU: their generated source, compiled as C++ beside an emulation of what CUDA adds.

The emulation (`cuda_emulation.hpp`) ends with an error where a GPU would, and where it only might. It needs g++.
"""

import math
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
import tvm_ffi

from host.kernels.cuda.source import portable

Array = npt.NDArray[Any]

COMPILER = "g++"

_TIMEOUT_S = 60
_FLAGS = (
    "-std=c++17",
    "-O1",
    "-w",
    "-ffp-contract=off",
    "-fsanitize=alignment,bounds",
    "-fsanitize-undefined-trap-on-error",
)
_KERNELS = 'extern "C"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One start of a kernel.

    Attributes:
        kernel: Its name.
        arguments: Names of the tensors that it gets.
        grid: Blocks along three axes.
        block: Threads of a block along three axes.
    """

    kernel: str
    arguments: tuple[str, ...]
    grid: tuple[int, int, int]
    block: tuple[int, int, int]

    @property
    def blocks(self) -> int:
        """Blocks of threads."""
        return math.prod(self.grid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What TVM made of a TIR function for a GPU.

    Attributes:
        source: CUDA source, as portable as we make it.
        parameters: Numbers in each of the function's tensors, by name.
        workspaces: Numbers in each tensor that it only uses for itself, by name.
        launches: What the host's side starts, in order.
    """

    source: str
    parameters: Mapping[str, int]
    workspaces: Mapping[str, int]
    launches: tuple[Launch, ...]


def compiled(function: Any, arch: str) -> Program:
    """Generates a TIR function's CUDA source and reads from the host's code how it is started."""
    kept: list[Any] = []

    @tvm.instrument.pass_instrument  # type: ignore[untyped-decorator, unused-ignore]
    class _Keeping:
        def run_after_pass(self, module: Any, info: Any) -> None:
            if info.name == "tirx.SplitHostDevice":
                kept.append(module)

    target = tvm.target.Target({"kind": "cuda", "arch": arch}, host={"kind": "llvm"})
    with tvm.transform.PassContext(instruments=[_Keeping()]):
        library = tvm.tirx.build(tvm.IRModule({"main": function}), target=target)
    return _Reading(kept[-1]["main"]).program(portable(library.imports[0].inspect_source()))


def emulate(program: Program, arguments: Sequence[Array]) -> list[Array]:
    """Runs a program.

    Args:
        program: What to run.
        arguments: The function's tensors, outputs included, whose numbers are then what they are at first.

    Returns:
        All tensors as they are afterwards.

    Raises:
        RuntimeError: It did something that a GPU would not forgive, or its result depends on the order of threads.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "main.cpp").write_text(_main(program))
        _run(
            COMPILER,
            *_FLAGS,
            "-I",
            str(Path(__file__).parent),
            "-o",
            str(path / "main"),
            str(path / "main.cpp"),
        )
        (path / "in").write_bytes(b"".join(values.tobytes() for values in arguments))
        _run(str(path / "main"), str(path / "in"), str(path / "out"))
        found = np.fromfile(path / "out", "float32")
    ends = np.cumsum([values.size for values in arguments])
    return [
        part.reshape(values.shape) for part, values in zip(np.split(found, ends[:-1]), arguments, strict=True)
    ]


def _run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if result.returncode:
        raise RuntimeError(f"{Path(command[0]).name} ended with {result.returncode}: {result.stderr[:2000]}")


class _Reading:
    """Reads the host's function after TVM has cut the kernels out of it."""

    def __init__(self, function: Any) -> None:
        self._names = {parameter: f"p{index}" for index, parameter in enumerate(function.params)}
        self._parameters = {
            f"p{index}": math.prod(int(extent) for extent in parameter.shape)
            for index, parameter in enumerate(function.params)
        }
        self._workspaces: dict[str, int] = {}
        self._launches: list[Launch] = []
        walked = [
            (tvm.tirx.stmt.AllocBuffer, self._allocate),
            (tvm.tirx.stmt.DeclBuffer, self._declare),
            (tvm.tirx.Evaluate, self._launch),
        ]
        tvm_ffi.structural_walk(function.body, walked, order="pre")

    def program(self, source: str) -> Program:
        """What was read, with the kernels' source."""
        return Program(
            source=source,
            parameters=self._parameters,
            workspaces=self._workspaces,
            launches=tuple(self._launches),
        )

    def _allocate(self, node: Any) -> None:
        name = self._names[node.buffer] = f"w{len(self._workspaces)}"
        lanes = str(node.buffer.dtype).partition("x")[2] or "1"
        self._workspaces[name] = math.prod(int(extent) for extent in node.buffer.shape) * int(lanes)

    def _declare(self, node: Any) -> None:
        self._names[node.buffer] = self._names[node.data.args[0]]

    def _launch(self, node: Any) -> None:
        name, *rest = node.value.args
        axes = [str(axis) for axis in node.value.attrs.launch_params]
        extents = {axis: int(extent) for axis, extent in zip(axes, rest[-len(axes) :], strict=True)}
        self._launches.append(
            Launch(
                kernel=str(name.value),
                arguments=tuple(self._names[argument.args[0]] for argument in rest[: -len(axes)]),
                grid=_three(extents, "blockIdx"),
                block=_three(extents, "threadIdx"),
            )
        )


def _three(extents: Mapping[str, int], name: str) -> tuple[int, int, int]:
    x, y, z = (extents.get(f"{name}.{axis}", 1) for axis in "xyz")
    return x, y, z


def _main(program: Program) -> str:
    """A C++ program that reads tensors from a file, runs the kernels and writes the tensors to another file."""
    kernels = program.source[program.source.index(_KERNELS) :]
    tensors = ", ".join(f'{{"{name}", {count}, true}}' for name, count in program.parameters.items())
    workspaces = "".join(f', {{"{name}", {count}, false}}' for name, count in program.workspaces.items())
    launches = "\n".join(map(_launch, program.launches))
    return f"""#include "cuda_tensors.hpp"
{kernels}
int main(int, char** arguments) {{
  emulation::Tensors tensors({{{tensors}{workspaces}}}, arguments[1]);
  for (bool is_backward : {{false, true}}) {{
    tensors.begin();
{launches}
    tensors.end();
  }}
  tensors.write(arguments[2]);
}}
"""


def _launch(launch: Launch) -> str:
    arguments = ", ".join(f'tensors["{name}"]' for name in launch.arguments)
    grid, block = (", ".join(map(str, extents)) for extents in (launch.grid, launch.block))
    return f"    emulation::launch({{{grid}}}, {{{block}}}, is_backward, [&] {{ {launch.kernel}({arguments}); }});"
