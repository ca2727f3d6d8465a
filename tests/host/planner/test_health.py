"""Slow cores become processors of their own, and get less to do."""

from typing import Any

import pytest

from host.planner import Constraints, parse_profile, solve, split

Document = dict[str, Any]


def test_a_sound_board_is_as_it_was(document: Document) -> None:
    table = parse_profile(document)
    board = split(table, {"a57": (0, 3)}, {0: 1.01})
    assert board.table.processors == table.processors
    assert board.table.layers == table.layers
    assert solve(board.table).stages == solve(table).stages


def test_a_slow_core_is_a_processor_of_its_own(document: Document) -> None:
    table = parse_profile(document)
    board = split(table, {"a57": (0, 3)}, {3: 2.0})
    assert [(one.name, one.cores) for one in board.table.processors] == [("a57", 1), ("a57/3", 1), ("gpu", 1)]
    assert board.cpus == {"a57": (0,), "a57/3": (3,)}
    assert board.real_names == {"a57": "a57", "a57/3": "a57", "gpu": "gpu"}
    plan = solve(board.table, Constraints(use=("a57", "a57/3"), avoid=("gpu",)))
    sound, slow = sorted(plan.stages, key=lambda stage: stage.processor)
    assert len(sound.layers) > len(slow.layers)
    costs = {"conv1": 90.0, "conv2": 60.0, "add": 30.0}
    assert slow.time_us == pytest.approx(0.5 + 2 * sum(costs[name] for name in slow.layers))


def test_all_cores_may_be_slow_and_a_gpu_too(document: Document) -> None:
    board = split(parse_profile(document), {"a57": (0, 3)}, {0: 1.5, 3: 2.0, "gpu": 10.0})
    assert [one.name for one in board.table.processors] == ["a57/0", "a57/3", "gpu"]
    stages = solve(board.table, Constraints(max_stages=1, use=("gpu",))).stages
    assert stages[0].time_us == pytest.approx(0.5 + 10 * 70.0)


def test_transfers_lead_to_slow_cores_as_to_others(document: Document) -> None:
    board = split(parse_profile(document), {"a57": (0, 3)}, {3: 2.0})
    pairs = {(row.source, row.target) for row in board.table.transfers}
    assert pairs == {("a57", "gpu"), ("a57/3", "gpu"), ("gpu", "a57"), ("gpu", "a57/3")}
