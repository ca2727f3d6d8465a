from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from host.cli import checks
from host.cli.checks import Verdict, findings

if TYPE_CHECKING:
    from tests.host.cli.conftest import Cli


@pytest.fixture
def without_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out the checks that start TVM or an agent."""
    monkeypatch.setattr(
        checks, "_compiler", lambda: checks.Finding(subject="compiler", verdict=Verdict.OK, detail="")
    )
    monkeypatch.setattr(
        checks, "_board", lambda _: checks.Finding(subject="board", verdict=Verdict.OK, detail="")
    )


def found(subject: str, database: Path) -> checks.Finding:
    return next(finding for finding in findings(str(database), None) if finding.subject == subject)


def test_this_installation_is_healthy(cli: "Cli", tmp_path: Path) -> None:
    answer = cli("doctor", "--db", tmp_path / "none.sqlite", "--json")
    assert answer.code == 0, answer.out
    assert answer.document["healthy"] is True
    assert not (tmp_path / "none.sqlite").exists()


@pytest.mark.usefixtures("without_processes")
def test_another_program_called_host_is_pointed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "host"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = found("command", tmp_path / "db")
    assert finding.verdict == Verdict.WARNING
    assert str(other) in finding.detail
    assert "stageline" in finding.hint


@pytest.mark.usefixtures("without_processes")
def test_a_missing_c_compiler_fails_with_a_remedy(
    cli: "Cli", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = cli("doctor", "--db", tmp_path / "none.sqlite")
    assert answer.code == 3
    assert "no C compiler" in answer.out
    assert "gcc" in answer.out


@pytest.mark.usefixtures("without_processes")
def test_another_distribution_with_a_package_host_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "packages_distributions", lambda: {"host": ["stageline", "intruder"]})
    finding = found("package", tmp_path / "db")
    assert finding.verdict == Verdict.FAILED
    assert "intruder" in finding.detail


@pytest.mark.usefixtures("without_processes")
def test_a_version_that_is_not_the_pinned_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "requires", lambda _: ["apache-tvm==0.0.1", "numpy>=2.0"])
    finding = found("versions", tmp_path / "db")
    assert finding.verdict == Verdict.FAILED
    assert "0.0.1" in finding.detail


@pytest.mark.usefixtures("without_processes")
def test_a_damaged_database_fails_with_the_databases_exit_code(cli: "Cli", tmp_path: Path) -> None:
    path = tmp_path / "profiles.sqlite"
    path.write_text("not a database, whatever its name says" * 100)
    answer = cli("doctor", "--db", path, "--json")
    assert answer.code == 8
    assert answer.document["healthy"] is False


def test_a_board_that_does_not_answer_fails_with_its_exit_code(
    cli: "Cli", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        checks, "_compiler", lambda: checks.Finding(subject="compiler", verdict=Verdict.OK, detail="")
    )
    answer = cli("doctor", "--board", "127.0.0.1:1", "--db", tmp_path / "none.sqlite", "--json")
    assert answer.code == 4


def test_a_tvm_that_crashes_is_reported_and_does_not_take_us_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_TVM_PROGRAM", "import os; os.abort()")
    finding = checks._compiler()
    assert finding.verdict == Verdict.FAILED
    assert "does not load" in finding.detail
