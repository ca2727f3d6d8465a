"""Files that fail, vanish or hold nonsense cost what they would have told, and nothing else."""

import errno
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from device.inventory import detect_board, read_sensors
from tests.device.trees import boards

Read = Callable[[Path], bytes]


def failing(part: str, number: int, times: int = 1_000_000) -> Read:
    """Reads files, but those with `part` in their path fail so many times each."""
    failures: Counter[Path] = Counter()

    def read(path: Path) -> bytes:
        if part in str(path) and failures[path] < times:
            failures[path] += 1
            raise OSError(number, os.strerror(number), str(path))
        return path.read_bytes()

    return read


@pytest.fixture
def tx2(tmp_path: Path) -> Path:
    return boards.tx2(tmp_path, mode=0)


@pytest.mark.parametrize("number", [errno.EIO, errno.EAGAIN, errno.EACCES, errno.ENODATA, errno.ENODEV])
def test_a_board_all_of_whose_files_fail_is_still_described(tx2: Path, number: int) -> None:
    board = detect_board(root=tx2, read=failing("", number))
    assert (board.model, board.processors, board.zones) == ("unknown", (), ())


@pytest.mark.parametrize("number", [errno.EIO, errno.EAGAIN, errno.EACCES, errno.EINVAL])
@pytest.mark.parametrize(
    "part",
    [
        "device-tree/model",
        "dtsfilename",
        "nv_tegra_release",
        "proc/cmdline",
        "cpu/present",
        "cpu/online",
        "cpu/isolated",
        "midr_el1",
        "cpufreq",
        "kernel/arch",
    ],
)
def test_no_single_file_decides_over_a_tx2s_processors(tx2: Path, part: str, number: int) -> None:
    board = detect_board(root=tx2, read=failing(part, number))
    assert {p.name: p.online for p in board.processors} == {"a57": (0, 3, 4, 5), "denver2": (1, 2)}
    assert board.model == "Jetson TX2"


def test_a_tx2_without_cpuinfo_has_its_processors_by_its_chip(tx2: Path) -> None:
    board = detect_board(root=tx2, read=failing("proc/cpuinfo", errno.EIO))
    assert {p.name: p.cpus for p in board.processors} == {"a57": (0, 3, 4, 5), "denver2": (1, 2)}


def test_a_zone_that_fails_once_is_read_again(tx2: Path) -> None:
    board = detect_board(root=tx2)
    assert (
        read_sensors(board, tx2, failing("/temp", errno.EAGAIN, times=2)).celsius
        == read_sensors(board, tx2).celsius
    )


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EINVAL, errno.EIO])
def test_a_zone_that_keeps_failing_has_no_temperature(tx2: Path, number: int) -> None:
    board = detect_board(root=tx2)
    celsius = read_sensors(board, tx2, failing("thermal_zone0/temp", number)).celsius
    assert [zone.path in celsius for zone in board.zones] == [False, *[True] * 6]


@pytest.mark.parametrize(
    ("content", "celsius"), [("", None), ("(null)\n", None), ("-256000\n", None), ("41500", 41.5)]
)
def test_what_a_zone_says_is_a_temperature_or_nothing(tx2: Path, content: str, celsius: float | None) -> None:
    (tx2 / "sys/devices/virtual/thermal/thermal_zone0/temp").write_text(content)
    board = detect_board(root=tx2)
    assert read_sensors(board, tx2).celsius.get(board.zones[0].path) == celsius


def test_a_zone_without_a_name_is_left_out(tx2: Path) -> None:
    (tx2 / "sys/devices/virtual/thermal/thermal_zone0/type").write_text("\n")
    assert "BCPU-therm" not in {zone.name for zone in detect_board(root=tx2).zones}


def test_a_core_that_goes_offline_meanwhile_is_still_one_of_its_cluster(tx2: Path) -> None:
    """Its block in `/proc/cpuinfo` is gone before its bit in `online` is."""
    text = (tx2 / "proc/cpuinfo").read_text()
    (tx2 / "proc/cpuinfo").write_text("\n\n".join(b for b in text.split("\n\n") if "processor\t: 2" not in b))
    assert {p.name: p.cpus for p in detect_board(root=tx2).processors}["denver2"] == (1, 2)


def test_folders_that_vanish_while_they_are_listed_are_as_if_they_had_never_been(tx2: Path) -> None:
    def read(path: Path) -> bytes:
        data = path.read_bytes()
        if path.name == "cpuinfo":
            shutil.rmtree(tx2 / "sys", ignore_errors=True)
        return data

    board = detect_board(root=tx2, read=read)
    assert {p.name: p.cpus for p in board.processors} == {"a57": (0, 3, 4, 5), "denver2": (1, 2)}
    assert (board.zones, board.gpu) == ((), None)


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"\xff\xfe\0garbage\n", b"processor\nprocessor : x\n\n\n:\n"]
)
def test_nonsense_in_any_file_of_a_board_is_survived(tx2: Path, content: bytes) -> None:
    names = (
        "cpuinfo",
        "online",
        "present",
        "isolated",
        "model",
        "compatible",
        "nv_tegra_release",
        "type",
        "temp",
    )
    board = detect_board(root=tx2, read=lambda path: content if path.name in names else path.read_bytes())
    assert board.processors == ()
    assert read_sensors(board, tx2).celsius == {} or board.zones
