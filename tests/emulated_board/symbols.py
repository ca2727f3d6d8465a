"""What is linked here for a Jetson TX2 needs nothing that its C library, of 2018, lacks.

Not collected by a plain `pytest`: `make test-board` names this file. It needs Debian's package archive and PyPI.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.build import Builder
from host.frontends import resolve
from host.layers.choice import likeliest
from host.linker import link
from host.network import Network
from tests.emulated_board.board import default_folder, prepare
from tests.emulated_board.compiler import prepare_compiler

FOLDER = default_folder()  # asked before the tests' own folders take the place of the user's

TARGET = {"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a57"}
NETWORK = "squeezenet1_1"

GLIBC = (2, 27)
EVERY_GLIBC = {"expf", "memcpy", "memmove", "memset", "powf"}
"""What kernels may call besides TVM: it is in every C library for aarch64."""

DYNAMIC_SYMBOLS = 11
"""Kind of an ELF file's section (System V ABI, chapter 4)."""


def dynamic_symbols(data: bytes) -> Iterator[tuple[str, bool]]:
    """Names of an ELF file's dynamic symbols, 64 bits, little endian, and whether it has them itself."""
    (offset,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, offset + index * size) for index in range(count)]
    for section in sections:
        if section[1] == DYNAMIC_SYMBOLS:
            names = sections[section[6]][4]
            for start in range(section[4], section[4] + section[5], section[9]):
                name, _, _, defined_in = struct.unpack_from("<IBBH", data, start)
                end = data.index(b"\0", names + name)
                yield data[names + name : end].decode(), defined_in != 0


def glibc_versions(data: bytes) -> set[tuple[int, ...]]:
    """Versions of the C library that an ELF file names."""
    return {tuple(map(int, found.split(b"."))) for found in re.findall(rb"GLIBC_([\d.]+)", data)}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A network's kernels for the board's CPU."""
    source = resolve(NETWORK)
    network = Network(source, source.fingerprint, None)
    cache = tmp_path_factory.mktemp("objects")
    kernels = network.graph.implementations(likeliest(network.graph, TARGET))
    Builder(TARGET, cache).build(kernels, network.graph.kernels, lambda: network.lowered.functions)
    return sorted(cache.rglob("*.o"))


@pytest.mark.parametrize("linker", ["bare", "zig"])
def test_modules_need_no_newer_c_library(
    linker: str, objects: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = prepare(FOLDER).linker if linker == "bare" else prepare_compiler(FOLDER.with_name("zig"))
    monkeypatch.setenv("STAGELINE_AARCH64_LINKER", str(command))
    link(objects, tmp_path / "kernels.so", TARGET["mtriple"])
    data = (tmp_path / "kernels.so").read_bytes()
    needed = {name for name, is_own in dynamic_symbols(data) if name and not is_own}
    assert {name for name in needed if not name.startswith(("TVM", "__TVM"))} <= EVERY_GLIBC
    assert all(version <= GLIBC for version in glibc_versions(data))
