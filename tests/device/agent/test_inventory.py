"""What a board is: found below a root, or declared in a file that is checked word by word."""

import os
from pathlib import Path

import pytest

from device.errors import BoardFileError
from device.inventory import Board, detect_board, read_board_file
from device.inventory.detect import x86_level

CPU = min(os.sched_getaffinity(0))
V2 = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"
V3 = f"{V2} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"


@pytest.mark.parametrize(
    ("flags", "level"), [("sse2", "x86-64"), (V2, "x86-64-v2"), (V3, "x86-64-v3"), (V4, "x86-64-v4")]
)
def test_x86_cores_are_named_by_the_highest_level_that_they_have_whole(flags: str, level: str) -> None:
    assert x86_level(flags.split()) == level


def test_arm_cores_are_grouped_by_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    blocks = [
        f"processor : {cpu}\nCPU implementer : {implementer}\nCPU part : {part}\n"
        for cpu, implementer, part in [
            (0, "0x41", "0xd07"),
            (1, "0x4e", "0x003"),
            (2, "0x4e", "0x003"),
            (3, "0x41", "0xd07"),
        ]
    ]
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/cpuinfo").write_text("\n".join(blocks))
    (tmp_path / "proc/device-tree/model").write_text("quill\0")
    board = detect_board("tx2", root=tmp_path)
    assert board.model == "quill"
    found = {(p.name, p.cpus, p.target["mcpu"]) for p in board.processors}
    assert found == {("a57", (0, 3), "cortex-a57"), ("denver2", (1, 2), "cortex-a57")}


def test_a_machine_without_cpuinfo_still_has_its_cores(tmp_path: Path) -> None:
    (processor,) = detect_board(root=tmp_path).processors
    assert set(processor.cpus) == os.sched_getaffinity(0)


def test_the_fingerprint_changes_with_the_processors_only(tmp_path: Path) -> None:
    one, same = (declared(tmp_path, f'name = "b"\n{processor("big")}') for _ in range(2))
    other = declared(tmp_path, f'name = "b"\n{processor("big", "x86-64-v3")}')
    assert one.fingerprint == same.fingerprint != other.fingerprint


def processor(name: str, mcpu: str = "x86-64-v2", cpu: int = CPU) -> str:
    return f'[[processors]]\nname = "{name}"\ncpus = [{cpu}]\nmcpu = "{mcpu}"\nfeatures = ["+avx"]\n'


def declared(folder: Path, text: str) -> Board:
    path = folder / "board.toml"
    path.write_text(text)
    return read_board_file(path)


def test_declared_processors_keep_name_cpus_and_target(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    path.write_text(f'name = "pair"\n{processor("big")}')
    board = read_board_file(path)
    (found,) = board.processors
    assert (board.name, found.name, found.cpus, found.cores) == ("pair", "big", (CPU,), 1)
    assert (found.target["mcpu"], found.target["mattr"]) == ("x86-64-v2", ["+avx"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "not valid TOML"),
        ('name = "b"', "declares no processor"),
        (f"{processor('big')}", "name must be a text"),
        (f'name = "b"\ncolour = 1\n{processor("big")}', "unknown key 'colour'"),
        (f'name = "b"\n{processor("big")}{processor("big")}', "'big' twice"),
        (f'name = "b"\n{processor("big")}{processor("little")}', "to big and to little"),
        (f'name = "b"\n{processor("big", cpu=4096)}', "names CPU 4096"),
        ('name = "b"\n[[processors]]\nname = "x"\ncpus = "0"\nmcpu = "y"', "must be a list of CPU ids"),
    ],
)
def test_a_wrong_board_file_is_refused_with_the_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "board.toml"
    path.write_text(text)
    with pytest.raises(BoardFileError, match=words):
        read_board_file(path)


def test_a_missing_board_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BoardFileError, match="cannot read"):
        read_board_file(tmp_path / "none.toml")
