"""What `host doctor` looks at: each check says in one line how things are."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from db.errors import DatabaseError, MissingError
from host import locations
from host.errors import InputError, StagelineError

_TVM_TIMEOUT_S = 120
_LINKERS = ("cc", "gcc", "clang")
_PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[\w.]+)$")
_TVM_PROGRAM = "import tvm; print('llvm' if tvm.runtime.enabled('llvm') else 'no llvm')"


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of a check.

    Attributes:
        subject: What was looked at.
        verdict: How it is.
        detail: What was found.
        hint: What to do about it; empty when all is well.
        exit_code: For the process where the check failed.
    """

    subject: str
    verdict: Verdict
    detail: str
    hint: str = ""
    exit_code: int = 0


def findings(database: str, board: str | None) -> Iterator[Finding]:
    """Runs every check, the quick ones first.

    Args:
        database: Path or URL of the profile database.
        board: A saved name or HOST:PORT; None for this machine.
    """
    checks: dict[str, Callable[[], Finding]] = {
        "command": _command,
        "package": _package,
        "versions": _versions,
        "folders": _folders,
        "linker": _linker,
        "database": lambda: _database(database),
        "compiler": _compiler,
        "board": lambda: _board(board),
    }
    for subject, check in checks.items():
        try:
            yield check()
        except (StagelineError, DatabaseError) as error:
            yield Finding(
                subject=subject,
                verdict=Verdict.FAILED,
                detail=error.message,
                hint=error.hint,
                exit_code=error.exit_code,
            )


def _command() -> Finding:
    """`host` is also the name of BIND's tool for the DNS."""
    ours, found = Path(sys.executable).parent / "host", shutil.which("host")
    if found is None:
        return _warning(
            "command", "no `host` on the PATH", "use `stageline`, or activate the virtual environment"
        )
    if Path(found).resolve() != ours.resolve():
        return _warning(
            "command", f"`host` is {found}, another program", "use `stageline`: it is the same command"
        )
    return _ok("command", found)


def _package() -> Finding:
    """Another distribution with a package `host` overwrites ours without a word."""
    owners = set(metadata.packages_distributions().get("host", [])) - {"stageline"}
    place = Path(locations.__file__).parent
    if owners:
        return _failure(
            "package",
            f"{', '.join(sorted(owners))} installs a package `host` into {place} too",
            "install it elsewhere",
        )
    return _ok(
        "package", f"stageline {metadata.version('stageline')} in {place}, Python {sys.version.split()[0]}"
    )


def _versions() -> Finding:
    wrong = []
    for requirement in metadata.requires("stageline") or ():
        if pin := _PIN.match(requirement):
            found = metadata.version(pin["name"])
            if found != pin["version"]:
                wrong.append(f"{pin['name']} is {found} instead of {pin['version']}")
    if wrong:
        return _failure("versions", "; ".join(wrong), "pip install --upgrade 'stageline[host]'")
    return _ok("versions", f"apache-tvm {metadata.version('apache-tvm')} and its FFI are the pinned ones")


def _folders() -> Finding:
    folders = (locations.data_directory(), locations.cache_directory(), locations.config_directory())
    for folder in folders:
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
            return _failure("folders", f"{folder} cannot be written", f"check the permissions of {existing}")
    return _ok("folders", f"{folders[0]}, {folders[1]}, {folders[2]}")


def _linker() -> Finding:
    """Kernels are compiled by TVM and linked by the C compiler."""
    chosen = os.environ.get("CC") or next(filter(shutil.which, _LINKERS), "")
    found = shutil.which(chosen) if chosen else None
    if found is None:
        return _failure(
            "linker", f"no C compiler: looked for {chosen or ', '.join(_LINKERS)}", "apt-get install gcc"
        )
    return _ok("linker", found)


def _database(database: str) -> Finding:
    from db.store import Store

    with suppress(MissingError):
        with Store.open(database, create=False) as store:
            found = store.info()
        rows = f"{found.counts.get('profiles', 0):,} profiles, {found.counts.get('plans', 0):,} plans"
        return _ok("database", f"{found.path}, version {found.schema_version}, {rows}")
    return _ok("database", f"{database} does not exist yet; `host plan` makes it")


def _compiler() -> Finding:
    """In a process of its own: a TVM with the wrong FFI does not raise, it crashes."""
    command = [sys.executable, "-c", _TVM_PROGRAM]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_TVM_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return _failure("compiler", f"TVM did not load in {_TVM_TIMEOUT_S} s", "is the machine overloaded?")
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or [f"ended with status {result.returncode}"]
        return _failure(
            "compiler", f"TVM does not load: {lines[-1]}", "pip install --force-reinstall 'stageline[host]'"
        )
    if result.stdout.strip() != "llvm":
        return _failure(
            "compiler", "this TVM has no LLVM, and so cannot compile", "install apache-tvm from PyPI"
        )
    return _ok("compiler", "TVM loads and has LLVM")


def _board(board: str | None) -> Finding:
    from host.remote import connect

    with connect(board) as client:
        found = client.describe()
    processors = ", ".join(f"{item.name} x{item.cores}" for item in found.processors)
    pinned = {"tvm": metadata.version("apache-tvm"), "tvm_ffi": metadata.version("apache-tvm-ffi")}
    for name, version in pinned.items():
        if (there := found.versions.get(name)) != version:
            text = f"{found.name} has {name} {there}, and this machine {version}"
            return _failure("board", text, "install the same version of stageline on both")
    rails = f"{len(found.sensors)} power rails" if found.sensors else "no power sensor"
    return _ok(
        "board",
        f"{found.name}: {', '.join(filter(None, (found.model, found.release)))}; {processors}; {rails}",
    )


def _ok(subject: str, detail: str) -> Finding:
    return Finding(subject=subject, verdict=Verdict.OK, detail=detail)


def _warning(subject: str, detail: str, hint: str) -> Finding:
    return Finding(subject=subject, verdict=Verdict.WARNING, detail=detail, hint=hint)


def _failure(subject: str, detail: str, hint: str) -> Finding:
    return Finding(
        subject=subject, verdict=Verdict.FAILED, detail=detail, hint=hint, exit_code=InputError.exit_code
    )
