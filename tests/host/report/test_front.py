from dataclasses import replace

from host.planner.plan import Plan
from host.report.front import front_page
from host.report.page import to_text
from tests.host.report.test_plan import PLAN


def page(plans: list[Plan], *, width: int = 200) -> str:
    return to_text(front_page(plans), width=width, is_styled=False)


def test_every_plan_is_a_line_with_what_it_gives_and_takes() -> None:
    lines = page([PLAN, replace(PLAN, throughput_fps=40.0, energy_uj_per_frame=None)]).splitlines()
    assert lines[1].split() == [
        "62.1",
        "fps",
        "32.0",
        "ms",
        "118",
        "mJ",
        "7.33",
        "W",
        "maxn",
        "denver2x2",
        "|",
        "gpu",
    ]
    assert lines[2].split()[:2] == ["40.0", "fps"]
    assert " W " not in lines[2]
    assert lines[-1] == "2 plans, none of which beats another."


def test_of_many_plans_some_are_shown_with_the_first_and_the_last_among_them() -> None:
    plans = [replace(PLAN, throughput_fps=1000.0 - number) for number in range(300)]
    lines = page(plans).splitlines()
    assert "1000 fps" in lines[1] or "1000.0 fps" in lines[1]
    assert "701.0 fps" in lines[24]
    assert lines[-1] == "300 plans, none of which beats another; 24 of them are shown, --json gives all."
