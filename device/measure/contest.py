"""What the host calls over TVM RPC to measure engines side by side; runs in the private child process of a lease.

The host deploys a bundle or uploads an ONNX file, opens a contender on it, and in the end gives all of them turns.
All live in this one process, which ends with the lease, and all but the one that has its turn sleep.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from device.errors import ContestError
from device.measure.answers import Function, register_all
from device.measure.reference import OnnxRuntime, ReferenceMode, reference_version
from device.measure.staged import WholePasses, WholePipeline
from device.measure.turns import Arrays, Contender, difference, settle
from device.pipeline import Bundle
from device.pipeline.stand_in import stand_in_frame


class Contest:
    """The contenders that are open, by the names that the host gave them.

    Args:
        folder: Where the host's uploads are.
        bundle: Where the lease's bundle is, each time that one was deployed.
    """

    def __init__(self, folder: Path, bundle: Path) -> None:
        self._folder = folder
        self._bundle = bundle
        self._contenders: dict[str, Contender] = {}
        self._frame: Arrays = {}

    def open_bundle(self, name: str, *, is_pipeline: bool) -> None:
        """Opens what is deployed as a contender.

        The first one's inputs are the frame that all of them run on.
        """
        bundle = Bundle.open(self._own_copy(name))
        self._frame = self._frame or stand_in_frame(bundle.layout.interface)
        kind = WholePipeline if is_pipeline else WholePasses
        self._contenders[name] = kind(bundle, self._frame)

    def open_reference(self, name: str, *, model: str, mode: str, cpus: list[int]) -> None:
        """Opens ONNX Runtime on an uploaded file as a contender."""
        if not self._frame:
            raise ContestError("the reference needs a frame, which the first bundle brings")
        path = self._folder / Path(model).name
        self._contenders[name] = OnnxRuntime(path, ReferenceMode(mode), cpus, self._frame)

    def differences(self, against: str) -> dict[str, float]:
        """How far each contender's outputs are from those of one of them, relative to its largest value."""
        expected = self._contenders[against].outputs()
        return {
            name: difference(contender.outputs(), expected)
            for name, contender in self._contenders.items()
            if name != against
        }

    def turn(self, name: str, seconds: float) -> dict[str, Any]:
        """Gives one contender a turn, once the others are asleep."""
        settle()
        return self._contenders[name].turn(seconds).to_document()

    def _own_copy(self, name: str) -> Path:
        """The bundle under a path of its own: the next one comes to the same place, and a module stays mapped."""
        folder = self._folder / name.replace(" ", "-")
        try:
            shutil.copytree(self._bundle, folder, copy_function=_link)
        except (OSError, shutil.Error) as error:
            raise ContestError(f"the deployed bundle cannot be read: {error}") from error
        return folder


def register(folder: Path, bundle: Path) -> None:
    """Makes the contest's functions known to this process's TVM RPC server.

    Args:
        folder: Where uploads land.
        bundle: Where bundles that the lease deploys are.
    """
    contest = Contest(folder, bundle)

    def open_bundle(text: str) -> dict[str, Any]:
        contest.open_bundle(**json.loads(text))
        return {}

    def open_reference(text: str) -> dict[str, Any]:
        contest.open_reference(**json.loads(text))
        return {}

    functions: dict[str, Function] = {
        "reference_version": lambda: {"version": reference_version()},
        "open_bundle": open_bundle,
        "open_reference": open_reference,
        "differences": contest.differences,
        "turn": contest.turn,
    }
    register_all("stageline.contest", functions)


def _link(source: str, target: str) -> None:
    """The same file under another name, which takes no room, or a copy where that cannot be."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
