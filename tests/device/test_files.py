"""Small files are read below a root, with every failure in its place and nothing from outside."""

import errno
import os
from pathlib import Path

import pytest

from device.files import Files


def test_a_value_comes_without_its_padding_and_its_text_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"quill\0")
    (tmp_path / "compatible").write_bytes(b"nvidia,quill\0nvidia,tegra186\0")
    files = Files(tmp_path)
    assert files.maybe("model") == "quill"
    assert files.text("model") == "quill\0"
    assert files.maybe("compatible") == "nvidia,quill\0nvidia,tegra186"


@pytest.mark.parametrize("content", [b"", b"\n", b"\0"])
def test_an_empty_file_has_no_value(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "empty").write_bytes(content)
    assert Files(tmp_path).maybe("empty") is None


def test_bytes_that_are_no_text_are_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "name").write_bytes(b"a\xffb")
    assert Files(tmp_path).maybe("name") == "a\N{REPLACEMENT CHARACTER}b"


def test_a_missing_file_raises_or_has_no_value(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Files(tmp_path).text("nowhere")
    assert Files(tmp_path).maybe("nowhere") is None
    assert not Files(tmp_path).exists("nowhere")


def test_failures_of_the_reading_function_arrive(tmp_path: Path) -> None:
    (tmp_path / "in_power0_input").write_text("229\n")

    def fail(path: Path) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    files = Files(tmp_path, fail)
    with pytest.raises(OSError, match=r"in_power0_input"):
        files.text("in_power0_input")
    assert files.maybe("in_power0_input") is None


def test_matches_are_relative_and_sorted(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        (tmp_path / f"sys/zone{number}").mkdir(parents=True)
    assert Files(tmp_path).glob("sys/zone*") == ["sys/zone1", "sys/zone10", "sys/zone2"]
    assert Files(tmp_path).glob("sys/nothing*") == []


def test_an_absolute_link_stays_below_the_root(tmp_path: Path) -> None:
    root = tmp_path / "copy"
    (root / "etc/nvpmodel").mkdir(parents=True)
    (root / "etc/nvpmodel/nvpmodel_t186.conf").write_text("conf")
    (root / "etc/nvpmodel.conf").symlink_to("/etc/nvpmodel/nvpmodel_t186.conf")
    (root / "etc/passwd").symlink_to("/etc/passwd")
    (root / "etc/up").symlink_to("../../secret")
    (tmp_path / "secret").write_text("of this machine")
    files = Files(root)
    assert files.maybe("etc/nvpmodel.conf") == "conf"
    assert files.maybe("etc/passwd") is None
    assert not files.exists("etc/passwd")
    assert files.maybe("etc/up") is None
