"""The board's end of a comparison: contenders are opened there and given turns."""

import json
from typing import TYPE_CHECKING, Any

from host.bench.figures import Contender, Engine, Mode, Turn
from host.deploy import deploy
from host.errors import InputError, StagelineError

if TYPE_CHECKING:
    from host.network import Network
    from host.remote.tvm_session import TvmSession
    from host.session import Session

AGREEMENT = 1e-3
"""Outputs of two engines differ by no more than this part of the largest value: rounding, in another order."""

_MODEL_FILE = "reference.onnx"
_DEADLINE_S = 300.0
_MS_PER_US = 1e-3


class Contest:
    """Contenders on a board, all in one process of it.

    Args:
        session: The board.
        tvm_session: The process.
        network: What they run.
    """

    def __init__(self, session: "Session", tvm_session: "TvmSession", network: "Network") -> None:
        self._session = session
        self._tvm_session = tvm_session
        self._network = network
        self._has_model = False

    def open(self, contender: Contender) -> None:
        """Brings a contender to the board; a plan of Stageline's has to be the first.

        Raises:
            InputError: The other engine does not take the model.
        """
        self._session.reporter.progress("Load", contender.name)
        if contender.plan is not None:
            deploy(self._session, self._network, contender.plan)
            is_pipeline = contender.mode is Mode.PIPELINE
            self._ask("open_bundle", json.dumps({"name": contender.name, "is_pipeline": is_pipeline}))
            return
        self._upload_model()
        request = {"name": contender.name, "mode": contender.mode, "cpus": contender.cpus}
        self._ask("open_reference", json.dumps(request | {"model": _MODEL_FILE}))

    def require_agreement(self) -> float:
        """Compares all outputs with those of ONNX Runtime on one core.

        Returns:
            The largest difference, relative to the largest value.

        Raises:
            StagelineError: It is more than rounding.
        """
        against = f"{Engine.ONNXRUNTIME} {Mode.SINGLE_CORE}"
        differences: dict[str, float] = self._ask("differences", against)
        name, largest = max(differences.items(), key=lambda item: item[1])
        if largest > AGREEMENT:
            raise StagelineError(
                f"{name} computes something else than {against}: {100 * largest:.2g} % of the largest value "
                f"apart, and {100 * AGREEMENT:g} % is the limit",
                hint="a fast wrong answer is worth nothing; please report this with the model",
            )
        return largest

    def take_turn(self, contender: Contender, seconds: float) -> Turn:
        """Lets a contender run for about so many seconds while the others sleep."""
        found = self._ask("turn", contender.name, seconds)
        return Turn(
            latency_ms=found["latency_us"] * _MS_PER_US,
            throughput_fps=found["throughput_fps"],
            frames=found["frames"],
        )

    def _upload_model(self) -> None:
        if not self._has_model:
            self._tvm_session.upload(_onnx_bytes(self._network), _MODEL_FILE)
            self._has_model = True

    def _ask(self, function: str, *arguments: str | float) -> dict[str, Any]:
        return ask(self._tvm_session, function, *arguments)


def ask(tvm_session: "TvmSession", function: str, *arguments: str | float) -> dict[str, Any]:
    """Calls one of the board's functions for comparisons."""
    return tvm_session.ask(f"stageline.contest.{function}", *arguments, deadline_s=_DEADLINE_S)


def _onnx_bytes(network: "Network") -> bytes:
    try:
        return network.source.build().SerializeToString()
    except ValueError as error:
        raise InputError(f"{network.graph.name} is too large for one ONNX file: {error}") from error
