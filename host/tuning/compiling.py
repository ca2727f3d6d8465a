"""Candidates to machine code, in processes of their own: a compiler that crashes or takes for ever costs one trial."""

import os
import subprocess
from collections.abc import Mapping
from concurrent.futures import CancelledError
from types import TracebackType
from typing import Any, Self

from host.build import compile_function

COMPILE_DEADLINE_S = 30.0
"""A candidate that takes longer is unrolled too far to be of any use."""


class CompilerPool:
    """Compiles for one target, a process for each CPU of this machine.

    Args:
        target: TVM's target as a dictionary.
    """

    def __init__(self, target: Mapping[str, Any]) -> None:
        from tvm.support.popen_pool import PopenPoolExecutor

        self._target = dict(target)
        self._pool = PopenPoolExecutor(
            max_workers=len(os.sched_getaffinity(0)),
            timeout=COMPILE_DEADLINE_S,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Self:
        """Ends the processes with the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the processes."""
        self._pool.shutdown(wait=False)

    def compile(self, functions: Mapping[str, Any]) -> dict[str, bytes]:
        """Compiles TIR functions.

        Args:
            functions: By the symbol that each shall have.

        Returns:
            Object files by symbol, without those that could not be compiled in time.
        """
        import tvm

        waiting = {
            symbol: self._pool.submit(compile_text, tvm.ir.save_json(function), symbol, self._target)
            for symbol, function in functions.items()
        }
        done: dict[str, bytes] = {}
        for symbol, future in waiting.items():
            try:
                done[symbol] = future.result()
            except (CancelledError, Exception):  # whatever it is, the search goes on without this candidate
                continue
        return done


def compile_text(text: str, symbol: str, target: Mapping[str, Any]) -> bytes:
    """An object file of a TIR function that came as TVM's JSON; runs in a process of the pool."""
    import tvm

    return compile_function(tvm.ir.load_json(text), symbol, target)[0]
