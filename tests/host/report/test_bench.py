"""Engines side by side: one line an entry, one sentence with the ratios, one document."""

import json
from dataclasses import replace

from host.bench import Comparison, Contender, Engine, Entry, Mode, Turn
from host.planner.plan import Plan, PlanStage
from host.report.bench import bench_document, bench_page
from host.report.page import to_text


def stage(cores: int, replicas: int) -> PlanStage:
    return PlanStage(
        first=0,
        last=0,
        layers=("conv1",),
        processor="cpu",
        cores=cores,
        replicas=replicas,
        time_us=5e3,
        energy_uj=None,
    )


def plan(cores: int = 1, replicas: int = 1) -> Plan:
    return Plan(
        model="net",
        board="b",
        operating_point="default",
        objective="throughput",
        stages=(stage(cores, replicas),),
        period_us=5e3 / replicas,
        throughput_fps=200.0 * replicas,
        latency_us=5e3,
        energy_uj_per_frame=None,
        baseline=None,
        gain=None,
        bound_us=2.5e3,
    )


def entry(
    engine: Engine, mode: Mode, latency_ms: float, fps: float, where: "Plan | tuple[int, ...]"
) -> Entry:
    if isinstance(where, Plan):
        contender = Contender(engine=engine, mode=mode, plan=where)
    else:
        contender = Contender(engine=engine, mode=mode, cpus=where)
    turn = Turn(latency_ms=latency_ms, throughput_fps=fps, frames=50)
    return Entry(contender=contender, turns=(turn, turn, turn))


THEIRS = (
    entry(Engine.ONNXRUNTIME, Mode.SINGLE_CORE, 6.4, 156.0, (0,)),
    entry(Engine.ONNXRUNTIME, Mode.ALL_CORES, 3.4, 294.0, (0, 1)),
    entry(Engine.ONNXRUNTIME, Mode.SESSION_PER_CORE, 6.6, 300.0, (0, 1)),
)
OURS = (
    entry(Engine.STAGELINE, Mode.SINGLE_CORE, 4.8, 208.0, plan()),
    entry(Engine.STAGELINE, Mode.ALL_CORES, 2.6, 384.0, plan(2)),
    entry(Engine.STAGELINE, Mode.PIPELINE, 5.0, 405.0, plan(1, 2)),
)
COMPARISON = Comparison(
    model="net",
    board="b",
    entries=THEIRS + OURS,
    rounds=3,
    cores=2,
    versions={"stageline": "1", "onnxruntime": "2"},
    largest_difference=2e-6,
)


def page(comparison: Comparison, width: int = 200) -> str:
    return to_text(bench_page(comparison), width=width, is_styled=False)


def words(line: str) -> list[str]:
    return line.split()


def test_every_entry_is_a_line_with_its_figures() -> None:
    heading, *lines = page(COMPARISON).splitlines()
    assert heading.split() == ["engine", "mode", "on", "latency", "throughput", "ratio"]
    assert words(lines[1]) == words("ONNX Runtime all-cores CPU 0, 1 3.40 ms 294.0 fps")
    assert words(lines[4]) == words("Stageline all-cores cpux2 2.60 ms 384.0 fps 1.31")
    assert words(lines[5]) == words("Stageline pipeline cpux1 *2 5.00 ms 405.0 fps 1.35")


def test_the_last_sentence_has_both_ratios() -> None:
    assert page(COMPARISON).splitlines()[-1] == (
        "Stageline's latency on one core is 0.75 times ONNX Runtime's, and its best throughput (pipeline) is "
        "1.35 times ONNX Runtime's best (session-per-core)."
    )


def test_without_another_engine_the_gain_over_one_core_is_told() -> None:
    text = page(replace(COMPARISON, entries=OURS, largest_difference=None))
    assert "ratio" not in text
    assert "ONNX" not in text
    assert text.splitlines()[-1] == "Stageline's best throughput (pipeline) is 1.95 times that of one core."


def test_the_document_holds_entries_ratios_and_how_they_came_about() -> None:
    document = json.loads(json.dumps(bench_document(COMPARISON), allow_nan=False))
    assert document["schema"] == "stageline.bench/1"
    assert document["model"] == "net"
    assert [(one["engine"], one["mode"]) for one in document["entries"]] == [
        ("onnxruntime", "single-core"),
        ("onnxruntime", "all-cores"),
        ("onnxruntime", "session-per-core"),
        ("stageline", "single-core"),
        ("stageline", "all-cores"),
        ("stageline", "pipeline"),
    ]
    assert (document["entries"][0]["latency_ms"], document["entries"][0]["throughput_fps"]) == (6.4, 156.0)
    assert document["ratios"] == {"single_core_latency": 4.8 / 6.4, "best_throughput": 405 / 300}
    assert document["entries"][5]["rounds_throughput_fps"] == [405.0] * 3
    assert (document["rounds"], document["cores"], document["largest_difference"]) == (3, 2, 2e-6)
    assert Plan.from_document(document["plan"]) == plan(1, 2)


def test_the_document_of_one_engine_has_ratios_that_are_null() -> None:
    document = bench_document(replace(COMPARISON, entries=OURS, largest_difference=None))
    assert document["ratios"] == {"single_core_latency": None, "best_throughput": None}
    assert document["largest_difference"] is None


def test_forty_columns_hold_the_whole_page() -> None:
    text = page(COMPARISON, width=40)
    assert max(map(len, text.splitlines())) <= 40
    for piece in ("session-per-core", "cpux1 *2", "405.0 fps", "1.35"):
        assert piece in text
