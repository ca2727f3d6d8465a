"""Reading a bundle: nothing in it is used before its digest has been compared with the manifest."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from device.documents import Node
from device.errors import BundleError, ProgramError
from device.pipeline.layout import PipelineLayout
from device.program import Program

SCHEMA = "stageline.bundle/1"

_DISTRIBUTIONS = {"tvm": "apache-tvm", "tvm_ffi": "apache-tvm-ffi"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A verified bundle.

    Attributes:
        folder: Where it lies.
        plan: The `stageline.plan/1` document that it was made from.
        layout: Its interface and stages.
        programs: For each stage what it computes.
    """

    folder: Path
    plan: Mapping[str, Any]
    layout: PipelineLayout
    programs: tuple[Program, ...]

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Reads a bundle and verifies every file that its manifest lists.

        Raises:
            BundleError: A file is missing, differs from the manifest or is malformed; the bundle was made for
                other versions of TVM.
            ProgramError: A stage's program is malformed.
        """
        manifest = Node(_read_json(folder, "manifest.json"), "manifest.json", BundleError)
        manifest["schema"].expect(SCHEMA)
        _check_versions(manifest["versions"])
        listed = set(_verified_files(folder, manifest["files"]))
        layout = PipelineLayout.parse(_read_listed(folder, "pipeline.json", listed))
        bundle = cls(
            folder=folder,
            plan=_read_listed(folder, "plan.json", listed),
            layout=layout,
            programs=tuple(_read_program(folder, stage.directory, listed) for stage in layout.stages),
        )
        layout.interface.check(bundle.programs)
        return bundle

    def module(self, stage: int) -> Path:
        """Where a stage's compiled kernels lie."""
        return self.folder / self.layout.stages[stage].directory / "module.so"

    def weights(self, stage: int) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        """A stage's weights, read one after the other to keep no second copy of all.

        Raises:
            BundleError: The file cannot be read or lacks a weight.
        """
        path = self.folder / self.layout.stages[stage].directory / "weights.npz"
        try:
            with np.load(path, allow_pickle=False) as file:
                for name in self.programs[stage].weights:
                    yield name, file[name]
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise BundleError(f"the weights of stage {stage} cannot be read: {error}") from error


def _check_versions(versions: Node) -> None:
    for name, distribution in _DISTRIBUTIONS.items():
        wanted = versions[name].text()
        try:
            found = version(distribution)
        except PackageNotFoundError:
            found = "not installed"
        if found != wanted:
            raise BundleError(
                f"the bundle was made for {distribution} {wanted}, and here it is {found}",
                hint=f"install {distribution}=={wanted} on the board, or plan again",
            )


def _verified_files(folder: Path, files: Node) -> Iterator[str]:
    for name, entry in files.members():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise entry.wrong("a bundle's files lie inside it")
        _verify(path, name, entry)
        yield name


def _verify(path: Path, name: str, entry: Node) -> None:
    wanted_bytes, wanted_digest = entry["bytes"].whole(least=0), entry["sha256"].text()
    try:
        found_bytes = path.stat().st_size
        with path.open("rb") as file:
            found_digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(f"{name} of the bundle cannot be read: {error.strerror}") from error
    if found_bytes != wanted_bytes:
        raise BundleError(
            f"{name} has {found_bytes} bytes, and the manifest says {wanted_bytes}", hint="deploy it again"
        )
    if found_digest != wanted_digest:
        raise BundleError(f"{name} is damaged: its SHA-256 is not the manifest's", hint="deploy it again")


def _read_program(folder: Path, directory: str, listed: set[str]) -> Program:
    for name in ("module.so", "weights.npz"):
        _check_listed(f"{directory}/{name}", listed)
    name = f"{directory}/program.json"
    try:
        return Program.parse(_read_listed(folder, name, listed))
    except ProgramError as error:
        raise BundleError(f"{name}: {error.message}", hint=error.hint) from error


def _read_listed(folder: Path, name: str, listed: set[str]) -> Any:
    _check_listed(name, listed)
    return _read_json(folder, name)


def _check_listed(name: str, listed: set[str]) -> None:
    if name not in listed:
        raise BundleError(f"the manifest does not list {name}")


def _read_json(folder: Path, name: str) -> Any:
    try:
        return json.loads((folder / name).read_bytes())
    except OSError as error:
        raise BundleError(f"{folder} is no bundle: {name} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BundleError(f"{name} is not JSON: {error}") from error
