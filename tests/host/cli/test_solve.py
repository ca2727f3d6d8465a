import io
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.host.cli.conftest import Cli

PROFILE: dict[str, Any] = {
    "schema": "stageline.profile/1",
    "model": "tiny",
    "board": "rk3399",
    "layers": [
        {"name": "conv1", "inputs": ["input"], "output_bytes": 100},
        {"name": "fc", "inputs": ["conv1"], "output_bytes": 10},
    ],
    "input_bytes": 1000,
    "processors": [{"name": "a57", "cores": 1}, {"name": "gpu", "cores": 1}],
    "operating_points": [{"name": "maxn", "idle_power_mw": None, "levels": {}}],
    "costs": [
        {"layer": layer, "processor": processor, "cores": 1, "level": "maxn", "latency_us": latency_us}
        for layer, processor, latency_us in (
            ("conv1", "a57", 9000.0),
            ("fc", "a57", 5000.0),
            ("conv1", "gpu", 4000.0),
            ("fc", "gpu", 6000.0),
        )
    ],
    "handover_us": 0.0,
}


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(PROFILE))
    return path


def test_solve_prints_the_best_plan(cli: "Cli", profile: Path) -> None:
    document = cli("solve", profile, "--json").document
    assert document["schema"] == "stageline.plan/1"
    assert [stage["processor"] for stage in document["stages"]] == ["gpu", "a57"]
    assert document["period_us"] == 5000.0
    assert document["gain"] == pytest.approx(2.0)


def test_solve_for_people_shows_stages_and_throughput(cli: "Cli", profile: Path) -> None:
    answer = cli("solve", profile)
    assert answer.code == 0
    assert not answer.err
    assert "200.0 fps predicted: 2.00 times the best single placement (gpu, 100.0 fps)" in answer.out


def test_solve_reads_standard_input(cli: "Cli", monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.BytesIO(json.dumps(PROFILE).encode())
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False, buffer=text))
    assert cli("solve", "-", "--json").document["model"] == "tiny"


def test_solve_does_not_wait_for_a_keyboard(cli: "Cli", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    assert cli("solve", "-").code == 2


def test_constraints_narrow_the_search(cli: "Cli", profile: Path) -> None:
    assert len(cli("solve", profile, "--max-stages", "1", "--json").document["stages"]) == 1
    assert cli("solve", profile, "--avoid", "gpu", "--json").document["period_us"] == 14000.0


def test_what_cannot_be_met_is_infeasible(cli: "Cli", profile: Path) -> None:
    answer = cli("solve", profile, "--min-fps", "1000", "--json")
    assert answer.code == 7
    assert answer.document["error"]["code"] == "infeasible"


@pytest.fixture
def profile_with_energies(tmp_path: Path) -> Path:
    """Two processors, of which one takes twice the time and a quarter of the energy."""
    path = tmp_path / "energies.json"
    costs = [
        row | {"energy_uj": row["latency_us"] * (2.0 if row["processor"] == "gpu" else 0.25)}
        for row in PROFILE["costs"]
    ]
    points = [{"name": "maxn", "idle_power_mw": 100.0, "levels": {}}]
    path.write_text(json.dumps(PROFILE | {"costs": costs, "operating_points": points}))
    return path


def test_the_least_latency_may_be_looked_for(cli: "Cli", profile: Path) -> None:
    document = cli("solve", profile, "--objective", "latency", "--json").document
    assert document["objective"] == "latency"
    assert document["latency_us"] == 9000.0


def test_a_limit_on_power_is_kept(cli: "Cli", profile_with_energies: Path) -> None:
    fast = cli("solve", profile_with_energies, "--json").document
    assert fast["energy_uj_per_frame"] / fast["period_us"] > 1
    slow = cli("solve", profile_with_energies, "--max-power-w", "1", "--json").document
    assert slow["energy_uj_per_frame"] / slow["period_us"] <= 1
    answer = cli("solve", profile_with_energies, "--max-power-w", "0.2")
    assert answer.code == 7
    assert "0.2 W" in answer.err
    assert "--max-power-w" in answer.err


def test_a_limit_on_power_needs_energies(cli: "Cli", profile: Path) -> None:
    answer = cli("solve", profile, "--max-power-w", "5")
    assert answer.code == 3
    assert "--energy" in answer.err


def test_all_plans_that_none_beats(cli: "Cli", profile_with_energies: Path, tmp_path: Path) -> None:
    path = tmp_path / "front.json"
    document = cli("solve", profile_with_energies, "--pareto", "-o", path, "--json").document
    assert json.loads(path.read_text()) == document
    assert document["schema"] == "stageline.front/1"
    values = [
        (plan["period_us"], plan["energy_uj_per_frame"], plan["latency_us"]) for plan in document["plans"]
    ]
    assert len(values) > 1
    assert values == sorted(values)
    assert not any(
        one != other and all(mine <= its for mine, its in zip(one, other, strict=True))
        for one in values
        for other in values
    )
    assert "none of which beats another" in cli("solve", profile_with_energies, "--pareto").out


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "line 1"),
        ("{", "line 1"),
        ("[]", "object"),
        ('{"schema": "stageline.plan/1"}', "stageline.p"),
        ('{"schema": "stageline.profile/1", "schema": "x"}', "twice"),
        (json.dumps(PROFILE | {"handover_us": float("nan")}), "handover_us"),
        (json.dumps(PROFILE | {"colour": "red"}), "colour"),
    ],
)
def test_a_file_that_is_no_profile_is_refused_with_the_place(
    cli: "Cli", tmp_path: Path, text: str, word: str
) -> None:
    path = tmp_path / "profile.json"
    path.write_text(text)
    answer = cli("solve", path, "--json")
    assert answer.code == 3
    assert word in answer.document["error"]["message"]


def test_a_missing_file_a_directory_and_binary_rubbish_are_bad_input(cli: "Cli", tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(os.urandom(16) + b"\xff\xfe")
    for path in (tmp_path / "missing.json", tmp_path, rubbish):
        answer = cli("solve", path)
        assert answer.code == 3
        assert str(path) in answer.err
        assert "Traceback" not in answer.err


def test_the_plan_can_be_written_to_a_file(cli: "Cli", profile: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    printed = cli("solve", profile, "-o", path, "--json").document
    assert json.loads(path.read_text()) == printed


def test_networks_share_a_board(cli: "Cli", profile: Path, tmp_path: Path) -> None:
    path = tmp_path / "shared.json"
    document = cli("solve", profile, profile, "--fps", "50,100", "-o", path, "--json").document
    assert json.loads(path.read_text()) == document
    assert document["schema"] == "stageline.shared/1"
    assert document["rates_fps"] == [50.0, 100.0]
    assert document["load"] == pytest.approx(1.0)
    assert [[stage["processor"] for stage in plan["stages"]] for plan in document["plans"]] == [
        ["a57"],
        ["gpu"],
    ]
    out = cli("solve", profile, profile, "--fps", "20,50").out
    assert "tiny at 20.0 fps" in out
    assert "the busiest stage works 50 % of the time" in out
    assert "not worth it" not in out


def test_rates_that_are_too_high_or_make_no_sense(cli: "Cli", profile: Path) -> None:
    answer = cli("solve", profile, profile, "--fps", "500,500")
    assert answer.code == 7
    assert "lower --fps" in answer.err
    for options in (["--fps", "1"], ["--fps", "1,x"], ["--fps", "0,1"], ["--fps", "1,1", "--pareto"]):
        assert cli("solve", profile, profile, *options).code == 2
    assert cli("solve", profile, "--fps", "5").code == 2
