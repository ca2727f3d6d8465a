"""A board file describes this machine in the user's words, or is refused in one sentence that names the place."""

import os
from pathlib import Path

import pytest

from device.errors import BoardFileError
from device.inventory import Board, read_board_file

BIG = '[[processors]]\nname = "big"\ncpus = [0]\nmcpu = "x86-64-v3"\n'
LITTLE = '[[processors]]\nname = "little"\ncpus = [1, 2]\nmcpu = "x86-64-v2"\nfeatures = ["+avx2"]\n'


@pytest.fixture(autouse=True)
def four_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})


def read(folder: Path, text: str) -> Board:
    path = folder / "board.toml"
    path.write_text(text)
    return read_board_file(path)


def test_cores_of_one_machine_can_stand_for_two_clusters(tmp_path: Path) -> None:
    board = read(tmp_path, f'name = "pair"\n{BIG}{LITTLE}')
    assert board.name == "pair"
    assert [(p.name, p.cpus, p.cores) for p in board.processors] == [("big", (0,), 1), ("little", (1, 2), 2)]
    assert board.processors[1].target["mcpu"] == "x86-64-v2"
    assert board.processors[1].target["mattr"] == ["+avx2"]
    assert board.operating_points[0].levels == {"big": "default", "little": "default"}


def test_a_cpu_named_twice_counts_once(tmp_path: Path) -> None:
    board = read(tmp_path, 'name = "b"\n' + BIG.replace("[0]", "[0, 3, 0]"))
    assert board.processors[0].cpus == (0, 3)


def test_another_declaration_is_another_board(tmp_path: Path) -> None:
    first = read(tmp_path, f'name = "b"\n{BIG}')
    assert read(tmp_path, f'name = "b"\n{BIG}').fingerprint == first.fingerprint
    assert read(tmp_path, f'name = "b"\n{BIG.replace("[0]", "[1]")}').fingerprint != first.fingerprint
    assert read(tmp_path, f'name = "b"\n{BIG}features = ["+fma"]').fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name = ", "is not valid TOML"),
        ('name = "b"', "declares no processor"),
        ('name = "b"\nprocessors = []', "declares no processor"),
        ('name = "b"\nprocessors = [1]', r"processors\[0\] must be a table"),
        (BIG, r"board\.toml\.name must be a text, got None"),
        (f'name = " "\n{BIG}', "name must be a text"),
        (f'name = "b"\ncolour = 1\n{BIG}', "unknown key 'colour'; known are gpu, name, processors"),
        (f'name = "b"\n{BIG}{LITTLE}speed = 2', r"processors\[1\] has the unknown key 'speed'"),
        (f'name = "b"\n{BIG}kind = "gpu"', "kind is 'gpu'; only 'cpu'"),
        (f'name = "b"\n{BIG.replace("[0]", "[]")}', r"cpus must be a list of CPU ids, got \[\]"),
        (f'name = "b"\n{BIG.replace("[0]", "[true]")}', "cpus must be a list of CPU ids"),
        (f'name = "b"\n{BIG.replace("[0]", "0")}', "cpus must be a list of CPU ids, got 0"),
        (f'name = "b"\n{BIG.replace("[0]", "[7]")}', "names CPU 7, and this machine offers"),
        (f'name = "b"\n{BIG}features = "+avx2"', "features must be a list of texts"),
        (f'name = "b"\n{BIG}{BIG.replace("[0]", "[1]")}', "declares the processor 'big' twice"),
        (f'name = "b"\n{BIG}{LITTLE.replace("[1, 2]", "[0]")}', "gives CPU 0 to big and to little"),
        (f'name = "b"\n{BIG.replace("mcpu", "features")}', r".+"),
    ],
)
def test_a_wrong_file_is_refused_where_it_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(BoardFileError, match=complaint):
        read(tmp_path, text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BoardFileError, match=r"cannot read the board file .*nowhere\.toml: No such file"):
        read_board_file(tmp_path / "nowhere.toml")
    with pytest.raises(BoardFileError, match="cannot read"):
        read_board_file(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BoardFileError, match="is not valid TOML"):
        read_board_file(tmp_path / "binary.toml")
