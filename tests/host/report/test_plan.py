from dataclasses import replace

from host.planner.plan import Baseline, Measured, MeasuredStage, Plan, PlanStage
from host.report.page import to_text
from host.report.plan import plan_page


def stage(
    first: int, last: int, processor: str, cores: int, time_us: float, *, replicas: int = 1
) -> PlanStage:
    return PlanStage(
        first=first,
        last=last,
        layers=tuple(f"layer{number}" for number in range(first, last + 1)),
        processor=processor,
        cores=cores,
        replicas=replicas,
        time_us=time_us,
        energy_uj=None,
    )


PLAN = Plan(
    model="mobilenet",
    board="tx2",
    operating_point="maxn",
    objective="throughput",
    stages=(stage(0, 5, "denver2", 2, 15_900.0), stage(6, 6, "gpu", 1, 16_100.0)),
    period_us=16_100.0,
    throughput_fps=62.1,
    latency_us=32_000.0,
    energy_uj_per_frame=118_000.0,
    baseline=Baseline(processor="gpu", cores=1, period_us=37_594.0),
    gain=2.335,
    bound_us=15_300.0,
)
MEASURED = Measured(
    period_us=16_310.0,
    throughput_fps=61.3,
    latency_us=33_000.0,
    energy_uj_per_frame=121_000.0,
    stages=(MeasuredStage(time_us=16_200.0), MeasuredStage(time_us=16_300.0)),
    frames=200,
)


def page(plan: Plan, *, plan_id: int | None = None, width: int = 200) -> str:
    return to_text(plan_page(plan, plan_id=plan_id), width=width, is_styled=False)


def test_every_stage_is_a_line_with_layers_placement_and_prediction() -> None:
    heading, first, second, *_ = page(PLAN).splitlines()
    assert heading.split() == ["stage", "layers", "placement", "predicted"]
    assert first.split() == ["1", "layer0", "..", "layer5", "denver2x2", "15.9", "ms"]
    assert second.split() == ["2", "layer6", "gpu", "16.1", "ms"]


def test_measured_values_stand_beside_the_predicted_ones() -> None:
    text = page(replace(PLAN, measured=MEASURED))
    assert "15.9 ms   16.2 ms" in text
    assert "62.1 fps predicted, 61.3 fps measured (-1.3 %)" in text
    assert "32.0 ms predicted, 33.0 ms measured" in text
    assert "118 mJ a frame predicted, 121 mJ measured" in text


def test_gain_and_bound_are_named() -> None:
    text = page(PLAN)
    assert "2.33 times the best single placement (gpu, 26.6 fps), 95 % of the bound" in text


def test_a_board_without_sensors_gets_no_invented_energy() -> None:
    assert "no sensor" in page(replace(PLAN, energy_uj_per_frame=None))


def test_replicas_are_shown() -> None:
    plan = replace(PLAN, stages=(stage(0, 5, "cpu", 1, 15_900.0, replicas=2),))
    assert "cpux1 *2" in page(plan)


def test_a_plan_of_one_stage_says_that_a_pipeline_is_not_worth_it() -> None:
    alone = replace(PLAN, stages=(stage(0, 6, "cpu", 2, 15_900.0),))
    replicated = replace(PLAN, stages=(stage(0, 6, "cpu", 1, 15_900.0, replicas=2),))
    assert "not worth it" in page(alone)
    assert "not worth it" not in page(replicated)
    assert "not worth it" not in page(PLAN)


def test_a_saved_plan_says_its_number_and_what_comes_next() -> None:
    assert "Saved as plan 17. Next: host deploy 17" in page(PLAN, plan_id=17)
    assert "Saved as plan 17. Next: host run 17" in page(replace(PLAN, measured=MEASURED), plan_id=17)
    assert "Saved" not in page(PLAN)


def test_forty_columns_hold_the_whole_page() -> None:
    text = page(replace(PLAN, measured=MEASURED), plan_id=17, width=40)
    assert max(map(len, text.splitlines())) <= 40
    dense = text.replace(" ", "").replace("\n", "")
    for piece in ("layer0", "denver2x2", "15.9ms", "16.2ms", "95%", "hostrun17"):
        assert piece in dense
