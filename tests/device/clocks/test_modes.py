"""The modes of a TX2: what is written in which order, and that all of it is brought back."""

import contextlib
import itertools
from pathlib import Path

import pytest

from device.clocks.fixed import Fixed
from device.clocks.journal import Journal
from device.clocks.keeper import Keeper
from device.clocks.nvpmodel import find_modes, parse_modes
from device.errors import ClocksError
from device.files import Files
from tests.device.trees import boards
from tests.device.trees.clocks import CPUS, EMC_CAP, TX2_GPU, nvpmodel_conf, old_nvpmodel_conf
from tests.device.trees.kernel import FakeKernel, Killed

MODES = ("MAXN", "MAXQ", "MAXP_CORE_ALL", "MAXP_CORE_ARM", "MAXP_CORE_DENVER")

A57_MIN = f"{CPUS}/cpu0/cpufreq/scaling_min_freq"
A57_MAX = f"{CPUS}/cpu0/cpufreq/scaling_max_freq"
DENVER_MIN = f"{CPUS}/cpu1/cpufreq/scaling_min_freq"
DENVER_MAX = f"{CPUS}/cpu1/cpufreq/scaling_max_freq"
GPU_MIN, GPU_MAX = f"{TX2_GPU}/min_freq", f"{TX2_GPU}/max_freq"


def online(*cpus: int) -> list[tuple[str, str]]:
    return [(f"{CPUS}/cpu{cpu}/online", "1") for cpu in cpus]


def offline(*cpus: int) -> list[tuple[str, str]]:
    return [(f"{CPUS}/cpu{cpu}/online", "0") for cpu in cpus]


def tx2(root: Path, mode: int, *, is_old: bool = False) -> FakeKernel:
    return FakeKernel(boards.tx2(root, mode=mode, release="28.2.1" if is_old else "32.7.1"))


def keeper(kernel: FakeKernel, folder: Path) -> Keeper:
    return Keeper(kernel.controls, Journal(folder / "clocks.json"))


@pytest.mark.parametrize("is_old", [False, True])
@pytest.mark.parametrize(
    ("present", "mode", "writes"),
    [
        (0, "MAXN", []),
        (
            0,
            "MAXQ",
            [(A57_MAX, "1267200"), (GPU_MAX, "854250000"), (EMC_CAP, "1331200000"), *offline(1, 2)],
        ),
        (
            0,
            "MAXP_CORE_ALL",
            [
                (A57_MAX, "1420800"),
                (DENVER_MAX, "1420800"),
                (GPU_MAX, "1122000000"),
                (EMC_CAP, "1600000000"),
            ],
        ),
        (0, "MAXP_CORE_ARM", [(GPU_MAX, "1122000000"), (EMC_CAP, "1600000000"), *offline(1, 2)]),
        (
            0,
            "MAXP_CORE_DENVER",
            [
                (A57_MAX, "345600"),
                (GPU_MAX, "1122000000"),
                (EMC_CAP, "1600000000"),
                *offline(2, 3, 4, 5),
            ],
        ),
        (3, "MAXN", [*online(1, 2), (GPU_MAX, "1300500000"), (EMC_CAP, "0")]),
        (4, "MAXN", [*online(2, 3, 4, 5), (A57_MAX, "2035200"), (GPU_MAX, "1300500000"), (EMC_CAP, "0")]),
        (4, "MAXP_CORE_ARM", [*online(3, 4, 5), (A57_MAX, "2035200"), *offline(1)]),
    ],
)
def test_a_mode_writes_what_differs_with_cpus_on_first_and_off_last(
    tmp_path: Path, present: int, mode: str, writes: list[tuple[str, str]], *, is_old: bool
) -> None:
    kernel = tx2(tmp_path / "root", present, is_old=is_old)
    keeper(kernel, tmp_path).set({"mode": mode})
    assert kernel.writes == writes


@pytest.mark.parametrize(("present", "mode"), list(itertools.product(range(5), MODES)))
def test_every_mode_is_reached_from_every_other_and_all_of_it_is_brought_back(
    tmp_path: Path, present: int, mode: str
) -> None:
    kernel = tx2(tmp_path / "root", present)
    found = kernel.state()
    keeping = keeper(kernel, tmp_path)
    keeping.set({"mode": mode})
    expected = tx2(tmp_path / "expected", MODES.index(mode))
    assert kernel.state() == expected.state()
    keeping.restore()
    assert kernel.state() == found
    assert not (tmp_path / "clocks.json").exists()


@pytest.mark.parametrize("fixed_khz", [345600, 1113600, 2035200])
@pytest.mark.parametrize("then_khz", [345600, 1113600, 2035200])
def test_clocks_go_from_one_fixed_frequency_to_another_without_lowest_above_highest(
    tmp_path: Path, fixed_khz: int, then_khz: int
) -> None:
    kernel = tx2(tmp_path / "root", 2)
    found = kernel.state()
    keeping = keeper(kernel, tmp_path)
    for khz in (fixed_khz, then_khz):
        keeping.set({"fixed": Fixed(cpus_khz=dict.fromkeys(range(6), khz)).to_document()})
        limits = [kernel.state()[path] for path in (A57_MIN, A57_MAX, DENVER_MIN, DENVER_MAX)]
        assert limits == [str(khz)] * 4
    keeping.restore()
    assert kernel.state() == found


def test_fixing_a_clock_of_a_cluster_writes_its_one_policy_once(tmp_path: Path) -> None:
    kernel = tx2(tmp_path / "root", 0)
    fixed = Fixed(cpus_khz=dict.fromkeys((0, 3, 4, 5), 1113600), gpu_hz=1122000000, emc_hz=1600000000)
    keeper(kernel, tmp_path).set({"fixed": fixed.to_document()})
    assert kernel.writes == [
        (A57_MIN, "1113600"),
        (A57_MAX, "1113600"),
        (GPU_MIN, "1122000000"),
        (GPU_MAX, "1122000000"),
        (EMC_CAP, "1600000000"),
    ]


def test_a_frequency_that_linux_caps_is_an_error_and_nothing_stays_set(tmp_path: Path) -> None:
    kernel = tx2(tmp_path / "root", 3)
    kernel.caps[GPU_MAX] = 1236750000
    found = kernel.state()
    with pytest.raises(ClocksError, match="was set to 1300500000 and reads 1236750000"):
        keeper(kernel, tmp_path).set({"mode": "MAXN"})
    assert kernel.state() == found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("deadly_write", range(12))
def test_whoever_dies_at_whatever_write_leaves_behind_what_brings_the_board_back(
    tmp_path: Path, mode: str, deadly_write: int
) -> None:
    kernel = tx2(tmp_path / "root", 3)
    found = kernel.state()
    kernel.before_write = lambda number: _die(number, deadly_write)
    with contextlib.suppress(Killed):
        keeper(kernel, tmp_path).set({"mode": mode})
    kernel.before_write = lambda number: None
    keeper(kernel, tmp_path).restore()
    assert kernel.state() == found


@pytest.mark.parametrize("deadly_write", range(12))
def test_whoever_dies_while_bringing_back_is_continued(tmp_path: Path, deadly_write: int) -> None:
    kernel = tx2(tmp_path / "root", 3)
    found = kernel.state()
    keeping = keeper(kernel, tmp_path)
    keeping.set({"mode": "MAXP_CORE_DENVER"})
    kernel.writes.clear()
    kernel.before_write = lambda number: _die(number, deadly_write)
    with contextlib.suppress(Killed):
        keeping.restore()
    kernel.before_write = lambda number: None
    keeper(kernel, tmp_path).restore()
    assert kernel.state() == found


def test_a_write_that_linux_refuses_stops_nothing_else_from_being_brought_back(tmp_path: Path) -> None:
    kernel = tx2(tmp_path / "root", 0)
    keeping = keeper(kernel, tmp_path)
    keeping.set({"mode": "MAXQ"})
    (tmp_path / "root" / EMC_CAP).unlink()
    (tmp_path / "root" / EMC_CAP).mkdir()
    with pytest.raises(ClocksError, match="not all brought back"):
        keeping.restore()
    state = FakeKernel(tmp_path / "root").root
    assert (state / A57_MAX).read_text().strip() == "2035200"
    assert (state / GPU_MAX).read_text().strip() == "1300500000"


@pytest.mark.parametrize(
    "wanted",
    [
        {"mode": "../../etc"},
        {"mode": ["MAXN"]},
        {"mode": "MAXN", "fixed": {}},
        {"path": "/sys/devices/system/cpu/cpu1/online"},
        {"fixed": {"cpus_khz": {"0": 1200000}, "gpu_hz": None, "emc_hz": None}},
        {"fixed": {"cpus_khz": {"0": "2035200"}, "gpu_hz": None, "emc_hz": None}},
        {"fixed": {"cpus_khz": {"/etc": 2035200}, "gpu_hz": None, "emc_hz": None}},
        {"fixed": {"cpus_khz": {"9": 2035200}, "gpu_hz": None, "emc_hz": None}},
        {"fixed": {"cpus_khz": {}, "gpu_hz": 1120000000, "emc_hz": None}},
        {"fixed": {"cpus_khz": {}, "gpu_hz": None, "emc_hz": 12}},
        {"fixed": {"cpus_khz": {}, "gpu_hz": True, "emc_hz": None}},
        {"fixed": {"cpus_khz": {}, "gpu_hz": None, "emc_hz": None, "path": "/etc"}},
        {"fixed": None},
        "MAXN",
        None,
    ],
)
def test_only_the_boards_own_modes_and_frequencies_are_written(tmp_path: Path, wanted: object) -> None:
    kernel = tx2(tmp_path / "root", 3)
    with pytest.raises(ClocksError):
        keeper(kernel, tmp_path).set(wanted)
    assert kernel.writes == []


def test_both_formats_of_nvpmodel_conf_say_the_same() -> None:
    new, old = parse_modes(nvpmodel_conf()), parse_modes(old_nvpmodel_conf())
    assert [(mode.number, mode.name, mode.lines) for mode in new] == [
        (mode.number, mode.name, mode.lines) for mode in old
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("< POWER_MODEL ID=0 NAME=X >\n/etc/shadow 1\n", "not below /sys"),
        ("< POWER_MODEL ID=0 NAME=X >\n/sys/../etc/shadow 1\n", "not below /sys"),
        ("< POWER_MODEL ID=0 NAME=X >\nGPU MAX_FREQ 1\n", "does not declare"),
        ("< POWER_MODEL NAME=X >\n", "no ID"),
        ("< POWER_MODEL ID=0 NAME=X >\n/sys/devices/gpu.0/max_freq fast\n", "no frequency"),
    ],
)
def test_a_damaged_nvpmodel_conf_is_refused(text: str, words: str) -> None:
    with pytest.raises(ClocksError, match=words):
        parse_modes(text)


def test_the_file_of_modes_is_found_under_its_newer_name(tmp_path: Path) -> None:
    tx2(tmp_path, 3)
    (tmp_path / "etc/nvpmodel").mkdir()
    (tmp_path / "etc/nvpmodel.conf").rename(tmp_path / "etc/nvpmodel/nvpmodel_t186.conf")
    assert [mode.name for mode in find_modes(Files(tmp_path))] == list(MODES)


def _die(number: int, deadly: int) -> None:
    if number == deadly:
        raise Killed
