"""Every board that people have is described right from its files alone."""

import os
import platform
import socket
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from device.inventory import Board, detect_board, read_sensors
from tests.device.trees import boards
from tests.device.trees.identity import device_tree

Cpus = dict[str, tuple[tuple[int, ...], tuple[int, ...]]]


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below another root nobody asks this machine."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("this machine was asked")

    monkeypatch.setattr(os, "sched_getaffinity", refuse)
    monkeypatch.setattr(platform, "machine", refuse)
    monkeypatch.setattr(socket, "gethostname", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)


def described(tmp_path: Path, build: boards.Build) -> Board:
    return detect_board(root=build(tmp_path))


@pytest.mark.parametrize("release", ["28.2.1", "32.7.1"])
@pytest.mark.parametrize(
    ("mode", "a57", "denver2"),
    [
        (0, (0, 3, 4, 5), (1, 2)),
        (1, (0, 3, 4, 5), ()),
        (2, (0, 3, 4, 5), (1, 2)),
        (3, (0, 3, 4, 5), ()),
        (4, (0,), (1,)),
    ],
)
def test_a_tx2_in_every_mode(
    tmp_path: Path, release: str, mode: int, a57: tuple[int, ...], denver2: tuple[int, ...]
) -> None:
    board = detect_board(root=boards.tx2(tmp_path, mode=mode, release=release))
    assert (board.name, board.model, board.release) == ("tx2", "Jetson TX2", f"L4T {release}")
    first, second = board.processors
    assert (first.name, first.cpus, first.online, first.mcpu) == ("a57", (0, 3, 4, 5), a57, "cortex-a57")
    assert (second.name, second.cpus, second.online, second.mcpu) == (
        "denver2",
        (1, 2),
        denver2,
        "cortex-a57",
    )
    assert second.isolated == ((1, 2) if release.startswith("32.") else ())
    assert [p.name for p in board.offered] == (["a57", "denver2"] if denver2 else ["a57"])
    assert ("nvpmodel" in " ".join(board.notes)) == (mode in {1, 3, 4})
    assert board.gpu is not None
    assert (board.gpu.name, board.gpu.arch) == ("GP10B", "sm_62")


def test_a_tx2_is_the_same_board_in_every_mode(tmp_path: Path) -> None:
    prints = {
        detect_board(root=boards.tx2(tmp_path / str(mode), mode=mode)).fingerprint
        for mode in boards.TX2_ONLINE
    }
    assert len(prints) == 1


@pytest.mark.parametrize(
    ("build", "model", "release", "arch"),
    [
        (boards.tx2_nx, "Jetson TX2 NX", "L4T 32.7.1", "sm_62"),
        (boards.tx1, "Jetson TX1", "L4T 32.7.1", "sm_53"),
        (boards.nano, "Jetson Nano", "L4T 32.7.1", "sm_53"),
        (boards.xavier_nx, "Jetson Xavier NX", "L4T 32.7.1", "sm_72"),
        (boards.agx_xavier, "Jetson AGX Xavier", "L4T 32.7.1", "sm_72"),
        (boards.agx_orin, "Jetson AGX Orin", "L4T 35.4.1", "sm_87"),
        (boards.orin_nano, "Jetson Orin Nano", "L4T 35.4.1", "sm_87"),
        (boards.raspberry_pi, "Raspberry Pi 4 Model B Rev 1.4", "", None),
        (boards.x86, "AMD Ryzen 7 5700G", "", None),
        (lambda root: boards.x86(root, has_gpu=True), "AMD Ryzen 7 5700G", "", "sm_86"),
    ],
)
def test_boards_have_their_names_and_gpus(
    tmp_path: Path, build: boards.Build, model: str, release: str, arch: str | None
) -> None:
    board = described(tmp_path, build)
    assert (board.model, board.release) == (model, release)
    assert (board.gpu and board.gpu.arch) == arch


@pytest.mark.parametrize(
    ("build", "processors"),
    [
        (boards.tx2_nx, {"a57": ((0, 3, 4, 5), (0, 3, 4, 5)), "denver2": ((1, 2), (1, 2))}),
        (boards.tx1, {"cpu": ((0, 1, 2, 3), (0, 1, 2, 3))}),
        (boards.xavier_nx, {"cpu": ((0, 1, 2, 3, 4, 5), (0, 1, 2, 3))}),
        (boards.agx_orin, {"cpu": (tuple(range(12)), tuple(range(12)))}),
        (boards.rk3399, {"a53": ((0, 1, 2, 3), (0, 1, 2, 3)), "a72": ((4, 5), (4, 5))}),
        (boards.rk3588, {"a55": ((0, 1, 2, 3), (0, 1, 2, 3)), "a76": ((4, 5, 6, 7), (4, 5, 6, 7))}),
        (boards.laptop, {"cpu": ((0, 1, 2, 3), (0, 1, 2, 3))}),
    ],
)
def test_boards_have_their_processors(tmp_path: Path, build: boards.Build, processors: Cpus) -> None:
    board = described(tmp_path, build)
    assert {p.name: (p.cpus, p.online) for p in board.processors} == processors


@pytest.mark.parametrize(
    ("build", "machine"), [(boards.tx2, "aarch64"), (boards.rk3399, "aarch64"), (boards.x86, "x86_64")]
)
@pytest.mark.parametrize("tells_arch", [True, False])
def test_code_is_for_the_boards_architecture(
    tmp_path: Path, build: boards.Build, machine: str, *, tells_arch: bool
) -> None:
    root = build(tmp_path)
    if not tells_arch:
        (root / "proc/sys/kernel/arch").unlink()
        text = (root / "proc/cpuinfo").read_text().replace("fpu", "fpu lm")
        (root / "proc/cpuinfo").write_text(text)
    board = detect_board(root=root)
    assert board.machine == machine
    assert {p.target["mtriple"] for p in board.processors} == {f"{machine}-linux-gnu"}


@pytest.mark.parametrize(
    ("model", "compatible", "source", "words"),
    [
        ("lightning", ("nvidia,tegra186",), "tegra186-quill-p3489-0888-a00-00-base.dts", "Jetson TX2 4GB"),
        ("storm", ("nvidia,p2597-0000+p3489-0000", "nvidia,tegra186"), "", "Jetson TX2i"),
        (
            "NVIDIA Jetson TX2 Developer Kit",
            ("nvidia,p2771-0000", "nvidia,tegra186"),
            "",
            "Jetson TX2",
        ),
        ("Orin NX", ("nvidia,p3768-0000+p3767-0000", "nvidia,tegra234"), "", "Jetson Orin NX"),
        ("carrier of mine", ("acme,board", "nvidia,tegra186"), "", "carrier of mine (Tegra X2)"),
    ],
)
def test_jetsons_are_named_by_their_module(
    tmp_path: Path, model: str, compatible: tuple[str, ...], source: str, words: str
) -> None:
    assert (
        detect_board(root=device_tree(tmp_path, model=model, compatible=compatible, source=source)).model
        == words
    )


def test_a_release_without_nvidias_file_is_named_by_its_distribution(tmp_path: Path) -> None:
    root = boards.raspberry_pi(tmp_path)
    (root / "etc").mkdir()
    (root / "etc/os-release").write_text('NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    assert detect_board(root=root).release == "Debian GNU/Linux 12 (bookworm)"


def test_thermal_zones_are_those_that_measure(tmp_path: Path) -> None:
    board = described(tmp_path, boards.tx2)
    assert "PMIC-Die" not in {zone.name for zone in board.zones}
    celsius = {zone.name: read_sensors(board, tmp_path).celsius[zone.path] for zone in board.zones}
    assert celsius["BCPU-therm"] == 38.5
    assert len(celsius) == 7


def test_a_switched_off_zone_has_no_temperature(tmp_path: Path) -> None:
    board = described(tmp_path, boards.agx_orin)
    celsius = read_sensors(board, tmp_path).celsius
    assert [zone.path in celsius for zone in board.zones] == [True, True, False]


def test_a_board_without_any_file_is_described_all_the_same(tmp_path: Path) -> None:
    board = detect_board(root=tmp_path)
    assert (board.name, board.model, board.machine, board.processors) == ("board", "unknown", "unknown", ())
    assert board.versions == {}


def test_the_fingerprint_follows_name_and_hardware(tmp_path: Path) -> None:
    first = detect_board("b", boards.x86(tmp_path / "x86"))
    assert detect_board("b", tmp_path / "x86").fingerprint == first.fingerprint
    assert detect_board("c", tmp_path / "x86").fingerprint != first.fingerprint
    assert detect_board("b", boards.nano(tmp_path / "nano")).fingerprint != first.fingerprint
