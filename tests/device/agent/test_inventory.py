"""What Linux says about a machine becomes processors that TVM has targets for."""

import os
import platform
from pathlib import Path

import pytest

from device.inventory import detect_board
from device.inventory.detect import cpu_target, installed_versions, x86_level

V2 = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"
V3 = f"{V2} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"


@pytest.fixture(autouse=True)
def six_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)))


def linux(root: Path, *blocks: str) -> Path:
    """A root below which `/proc/cpuinfo` has a block for each CPU."""
    (root / "proc").mkdir()
    text = "\n\n".join(f"processor\t: {number}\n{block}" for number, block in enumerate(blocks))
    (root / "proc/cpuinfo").write_text(f"{text}\n\n")
    return root


def arm(implementer: str, part: str) -> str:
    return f"CPU implementer\t: {implementer}\nCPU part\t: {part}"


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        ("", "x86-64"),
        ("sse sse2", "x86-64"),
        (V2, "x86-64-v2"),
        (V3, "x86-64-v3"),
        (V3.replace("movbe", ""), "x86-64-v2"),
        (V4, "x86-64-v4"),
        (V4.replace("f16c", ""), "x86-64-v2"),
    ],
)
def test_x86_cores_are_named_by_the_highest_level_that_they_have_whole(flags: str, level: str) -> None:
    assert x86_level(flags.split()) == level


def test_equal_cores_are_one_processor(tmp_path: Path) -> None:
    block = f"model name\t: Some CPU @ 2GHz\nflags\t\t: fpu {V3}"
    board = detect_board("b", linux(tmp_path, *[block] * 6))
    (processor,) = board.processors
    assert (processor.name, processor.cpus, processor.cores) == ("cpu", (0, 1, 2, 3, 4, 5), 6)
    assert processor.target["mcpu"] == "x86-64-v3"
    assert (board.name, board.model) == ("b", "Some CPU @ 2GHz")
    assert board.operating_points[0].levels == {"cpu": "default"}


def test_clusters_of_different_cores_are_processors_of_their_own(tmp_path: Path) -> None:
    a57, denver = arm("0x41", "0xd07"), arm("0x4e", "0x003")
    root = linux(tmp_path, a57, denver, denver, a57, a57, a57)
    (tmp_path / "proc/device-tree").mkdir()
    (tmp_path / "proc/device-tree/model").write_text("quill\0")
    board = detect_board("tx2", root=root)
    found = {processor.name: (processor.cpus, processor.target["mcpu"]) for processor in board.processors}
    assert found == {"a57": ((0, 3, 4, 5), "cortex-a57"), "denver2": ((1, 2), "cortex-a57")}
    assert board.model == "quill"
    assert board.operating_points[0].levels == {"a57": "default", "denver2": "default"}


@pytest.mark.parametrize(
    ("implementer", "part", "mcpu"), [("0x41", "0xd08", "cortex-a72"), ("0x99", "0x123", "generic")]
)
def test_equal_arm_cores_are_called_cpu(tmp_path: Path, implementer: str, part: str, mcpu: str) -> None:
    board = detect_board(root=linux(tmp_path, *[arm(implementer, part)] * 6))
    assert [(p.name, p.target["mcpu"]) for p in board.processors] == [("cpu", mcpu)]


def test_only_cpus_that_this_process_may_use_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 4})
    board = detect_board(root=linux(tmp_path, *[f"flags : {V2}"] * 6))
    assert [p.cpus for p in board.processors] == [(1, 4)]


def test_a_machine_without_cpuinfo_still_has_its_cores(tmp_path: Path) -> None:
    board = detect_board(root=tmp_path)
    (processor,) = board.processors
    assert processor.cpus == (0, 1, 2, 3, 4, 5)
    assert processor.target["mcpu"] == "generic"
    assert board.model == platform.machine()


def test_the_fingerprint_follows_name_and_hardware(tmp_path: Path) -> None:
    root = linux(tmp_path, *[f"flags : {V2}"] * 6)
    first = detect_board("b", root)
    assert detect_board("b", root).fingerprint == first.fingerprint
    assert detect_board("c", root).fingerprint != first.fingerprint
    (root / "proc/cpuinfo").write_text(f"processor : 0\nflags : {V3}\n")
    assert detect_board("b", root).fingerprint != first.fingerprint


def test_a_target_names_features_only_where_there_are_some() -> None:
    assert "mattr" not in cpu_target("generic")
    assert cpu_target("x86-64-v2", ["+avx2"])["mattr"] == ["+avx2"]


def test_versions_are_those_that_are_installed() -> None:
    assert installed_versions().keys() == {"stageline", "tvm", "tvm_ffi"}
    assert "missing" not in installed_versions().values()
