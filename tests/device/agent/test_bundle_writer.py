"""A bundle's files are checked as they arrive and never leave their folder."""

import hashlib
from pathlib import Path

import pytest

from device.errors import BundleError
from device.holding import BundleWriter

DATA = b"weights"
DIGEST = hashlib.sha256(DATA).hexdigest()


def test_files_arrive_in_their_folders(tmp_path: Path) -> None:
    writer = BundleWriter(tmp_path)
    for path in ("plan.json", "stages/0/weights.npz"):
        writer.begin(path, len(DATA), DIGEST)
        writer.add(DATA[:3])
        writer.add(DATA[3:])
    writer.finish()
    assert (tmp_path / "stages/0/weights.npz").read_bytes() == DATA
    assert (writer.files, writer.total_bytes) == (2, 2 * len(DATA))


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../outside", "stages/../../outside", "", ".", "..", "/", "a\0b"]
)
def test_a_path_that_leaves_the_bundle_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(BundleError, match="cannot hold a file named"):
        BundleWriter(tmp_path / "bundle").begin(path, 1, DIGEST)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    writer = BundleWriter(tmp_path)
    writer.begin("plan.json", len(DATA), DIGEST)
    writer.add(DATA[::-1])
    with pytest.raises(BundleError, match="arrived damaged"):
        writer.finish()


def test_a_file_that_is_too_short_or_too_long_is_refused(tmp_path: Path) -> None:
    writer = BundleWriter(tmp_path)
    writer.begin("short", len(DATA), DIGEST)
    with pytest.raises(BundleError, match="arrived damaged"):
        writer.begin("next", 1, DIGEST)
    writer = BundleWriter(tmp_path)
    writer.begin("long", 3, DIGEST)
    with pytest.raises(BundleError, match="larger than announced"):
        writer.add(DATA)


def test_data_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        BundleWriter(tmp_path).add(DATA)


@pytest.mark.parametrize("path", ["plan.json", "plan.json/below", "x" * 5000])
def test_a_path_that_cannot_be_written_is_named(tmp_path: Path, path: str) -> None:
    writer = BundleWriter(tmp_path)
    writer.begin("plan.json", len(DATA), DIGEST)
    writer.add(DATA)
    with pytest.raises(BundleError, match=f"cannot write {path} on the board"):
        writer.begin(path, len(DATA), DIGEST)
