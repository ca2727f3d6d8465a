"""Over the modes of a TX2, a plan for energy takes a slower one where the user's frame rate allows it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.tx2_costs import tx2_document

if TYPE_CHECKING:
    from tests.e2e.conftest import Host


@pytest.fixture
def costs(tmp_path: Path) -> Path:
    path = tmp_path / "tx2.json"
    path.write_text(json.dumps(tx2_document()))
    return path


def solved(host: "Host", costs: Path, *options: object) -> dict[str, Any]:
    answer = host("solve", costs, *options, "--json")
    assert answer.returncode == 0, answer.stderr
    plan: dict[str, Any] = json.loads(answer.stdout)
    return plan


def test_a_slower_mode_is_chosen_where_the_frame_rate_allows_it(host: "Host", costs: Path) -> None:
    assert len(json.loads(costs.read_text())["operating_points"]) == 5
    fastest = solved(host, costs)
    assert fastest["operating_point"] == "MAXN"
    full = solved(host, costs, "--objective", "energy", "--min-fps", fastest["throughput_fps"])
    assert full["operating_point"] == "MAXN"
    slow = solved(host, costs, "--objective", "energy", "--min-fps", fastest["throughput_fps"] / 2)
    assert slow["operating_point"] != "MAXN"
    assert slow["throughput_fps"] >= fastest["throughput_fps"] / 2
    assert slow["energy_uj_per_frame"] < full["energy_uj_per_frame"]


def test_the_energy_saved_is_printed(host: "Host", costs: Path) -> None:
    answer = host("solve", costs, "--objective", "energy", "--min-fps", 20)
    assert answer.returncode == 0, answer.stderr
    saved = next(line for line in answer.stdout.splitlines() if line.startswith("Saved"))
    assert "% of the energy that the fastest plan takes a frame" in saved


def test_limits_on_latency_and_power_are_kept_with_every_objective(host: "Host", costs: Path) -> None:
    free = solved(host, costs, "--objective", "energy")
    quick = solved(host, costs, "--objective", "energy", "--max-latency-ms", 40)
    assert quick["latency_us"] <= 40_000 < free["latency_us"]
    assert quick["energy_uj_per_frame"] > free["energy_uj_per_frame"]
    thrifty = solved(host, costs, "--max-power-w", 5)
    assert thrifty["energy_uj_per_frame"] / thrifty["period_us"] <= 5
    answer = host("solve", costs, "--objective", "energy", "--max-latency-ms", 10)
    assert answer.returncode == 7
    assert "--max-latency-ms" in answer.stderr
