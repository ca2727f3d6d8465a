"""Which points a board has, and that equal levels mean equal clocks."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.clocks.fixed import Fixed, parse_fixed
from device.clocks.ranges import UNLIMITED, pair_order, round_to_step
from device.errors import ClocksError
from device.files import Files
from device.inventory import detect_board
from tests.device.trees import boards
from tests.device.trees.clocks import CPUS, TX2_GPU, TX2_KHZ

STEPS = st.lists(st.integers(1, 10**10), min_size=1, unique=True).map(sorted)


@pytest.mark.parametrize("mode", range(5))
@pytest.mark.parametrize("is_old", [False, True])
def test_a_tx2_has_the_same_points_in_every_mode_the_present_one_first(
    tmp_path: Path, mode: int, *, is_old: bool
) -> None:
    root = boards.tx2(tmp_path, mode=mode, release="28.2.1" if is_old else "32.7.1")
    points = detect_board(root=root).operating_points
    by_name = {point.name: (dict(point.levels), dict(point.cpus)) for point in points}
    a57, denver = (0, 3, 4, 5), (1, 2)
    assert by_name == {
        "MAXN": (
            {"a57": "2035200", "denver2": "2035200", "gpu": "1300500000"},
            {"a57": a57, "denver2": denver},
        ),
        "MAXQ": ({"a57": "1267200+emc1331200000", "gpu": "854250000+emc1331200000"}, {"a57": a57}),
        "MAXP_CORE_ALL": (
            {
                "a57": "1420800+emc1600000000",
                "denver2": "1420800+emc1600000000",
                "gpu": "1122000000+emc1600000000",
            },
            {"a57": a57, "denver2": denver},
        ),
        "MAXP_CORE_ARM": ({"a57": "2035200+emc1600000000", "gpu": "1122000000+emc1600000000"}, {"a57": a57}),
        "MAXP_CORE_DENVER": (
            {
                "a57": "345600+emc1600000000",
                "denver2": "2035200+emc1600000000",
                "gpu": "1122000000+emc1600000000",
            },
            {"a57": (0,), "denver2": (1,)},
        ),
    }
    assert (
        points[0].name
        == next(iter(by_name))
        == ("MAXN", "MAXQ", "MAXP_CORE_ALL", "MAXP_CORE_ARM", "MAXP_CORE_DENVER")[mode]
    )


def test_clocks_that_no_mode_has_are_the_present_ones(tmp_path: Path) -> None:
    root = boards.tx2(tmp_path, mode=0)
    (root / TX2_GPU / "max_freq").write_text("1122000000\n")
    first, *others = detect_board(root=root).operating_points
    assert (first.name, first.levels["gpu"]) == ("present", "1122000000")
    assert len(others) == 5


def test_a_board_without_modes_has_its_present_point_and_some_fixed_ones(tmp_path: Path) -> None:
    points = detect_board(root=boards.rk3399(tmp_path)).operating_points
    assert [point.name for point in points] == [
        "present",
        "a53=1416000,a72=1800000",
        "a53=1200000,a72=1608000",
        "a53=816000,a72=1200000",
    ]
    assert points[0].levels == points[1].levels == {"a53": "1416000", "a72": "1800000"}


def test_a_machine_that_tells_nothing_of_its_clocks_has_one_point(tmp_path: Path) -> None:
    (point,) = detect_board(root=boards.x86(tmp_path)).operating_points
    assert (point.name, point.levels) == ("default", {"cpu": "default"})


def test_a_damaged_file_of_modes_leaves_the_present_point(tmp_path: Path) -> None:
    root = boards.tx2(tmp_path, mode=0)
    (root / "etc/nvpmodel.conf").write_text("< POWER_MODEL ID=0 NAME=X >\n/etc/shadow 1\n")
    assert detect_board(root=root).operating_points[0].name == "present"


def test_fixed_frequencies_are_rounded_up_to_steps_and_named_by_them(tmp_path: Path) -> None:
    root = boards.tx2(tmp_path, mode=0)
    processors = detect_board(root=root).processors
    text = "gpu=1120000000, a57=1100000,emc=1600000000"
    name, fixed = parse_fixed(text, Files(root), processors)
    assert name == "a57=1113600,gpu=1122000000,emc=1600000000"
    assert fixed == Fixed(cpus_khz=dict.fromkeys((0, 3, 4, 5), 1113600), gpu_hz=1122000000, emc_hz=1600000000)
    assert Fixed.from_document(fixed.to_document()) == fixed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fast", "no setting of clocks"),
        ("a57=", "no setting of clocks"),
        ("a57=1113600,a57=345600", "no setting of clocks"),
        ("a57=-1", "no setting of clocks"),
        ("dla=1", "none of the clocks of this board: a57, denver2, gpu, emc"),
        ("denver2=2035200", "lists no frequencies for it now"),
    ],
)
def test_what_is_no_setting_of_this_board_is_refused(tmp_path: Path, text: str, words: str) -> None:
    root = boards.tx2(tmp_path, mode=3)
    with pytest.raises(ClocksError, match=words):
        parse_fixed(text, Files(root), detect_board(root=root).processors)


@pytest.mark.parametrize(
    ("wanted", "step"),
    [(0, 345600), (1200000, 1267200), (1400000, 1420800), (2000000, 2035200), (2035200, 2035200)],
)
def test_the_tx2s_rounded_modes_come_to_the_steps_that_are_seen_there(wanted: int, step: int) -> None:
    assert round_to_step(TX2_KHZ, wanted) == step


@given(STEPS, st.integers(0, 10**10))
def test_rounding_gives_the_nearest_step_that_is_not_below_or_the_highest(
    steps: list[int], wanted: int
) -> None:
    step = round_to_step(steps, wanted)
    assert step in steps
    assert step == steps[-1] or step >= wanted
    assert not any(wanted <= other < step for other in steps)
    assert round_to_step(steps, UNLIMITED) == steps[-1]


@given(st.tuples(*[st.integers(0, 9)] * 4))
def test_the_lowest_frequency_is_never_above_the_highest_on_the_way(values: tuple[int, ...]) -> None:
    now, wanted = sorted(values[:2]), sorted(values[2:])
    present = {"min": now[0], "max": now[1]}
    goal = {"min": wanted[0], "max": wanted[1]}
    for name in pair_order("min", "max", wanted_upper=goal["max"], present_upper=present["max"]):
        present[name] = goal[name]
        assert present["min"] <= present["max"]


def test_a_tree_of_clocks_looks_like_the_kernels(tmp_path: Path) -> None:
    root = boards.tx2(tmp_path, mode=3)
    assert (root / f"{CPUS}/cpu3/cpufreq/related_cpus").read_text() == "0 3 4 5\n"
    assert not (root / f"{CPUS}/cpu1/cpufreq").exists()
