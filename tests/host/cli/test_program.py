import os
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click
import pytest

from host.cli.program import VERBS

if TYPE_CHECKING:
    from tests.host.cli.conftest import Cli, Start

HEAVY = ("alembic", "google.protobuf", "grpc", "numpy", "onnx", "rich", "sqlalchemy", "tvm")

RUN_AND_NAME_HEAVY_IMPORTS = f"""
import sys
from host.cli.program import run
code = run(sys.argv[1:])
print(sorted(set(sys.modules) & set({HEAVY!r})), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_module_with_a_command_of_its_name(verb: str) -> None:
    command = getattr(import_module(f"host.cli.verbs.{verb}"), verb)
    assert isinstance(command, click.Command)


def test_help_lists_every_verb_on_standard_output(cli: "Cli") -> None:
    answer = cli("--help")
    assert answer.code == 0
    assert not answer.err
    for verb in VERBS:
        assert f"\n  {verb} " in answer.out


def test_no_arguments_show_the_help_and_count_as_wrong_usage(cli: "Cli") -> None:
    answer = cli()
    assert answer.code == 2
    assert "Verbs:" in answer.out + answer.err


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"], ["--version"], ["plna"]])
def test_help_and_typing_errors_import_nothing_heavy(start: "Start", arguments: list[str]) -> None:
    process = start(*arguments, program=RUN_AND_NAME_HEAVY_IMPORTS)
    _, err = process.communicate(timeout=60)
    assert err.splitlines()[-1] == "[]"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(cli: "Cli", verb: str) -> None:
    answer = cli(verb, "--help")
    assert answer.code == 0
    assert f"host {verb}" in answer.out


def test_unknown_verb_is_refused_with_one_that_looks_alike(cli: "Cli") -> None:
    answer = cli("plna")
    assert answer.code == 2
    assert not answer.out
    assert "'plna'; did you mean 'plan'?" in answer.err


def test_version_is_the_distributions(cli: "Cli") -> None:
    answer = cli("--version")
    assert answer.code == 0
    assert answer.out.startswith("stageline 0.")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["plan"], "--model"),
        (["plan", "--model", "m", "--frames", "0"], "--frames"),
        (["plan", "--model", "m", "--frames", "many"], "many"),
        (["plan", "--model", "m", "--min-fps", "nan"], "nan"),
        (["plan", "--model", "m", "--min-fps", "inf"], "inf"),
        (["plan", "--model", "m", "--max-latency-ms", "-1"], "-1"),
        (["plan", "--model", "m", "--shape", "x=1x0"], "x=1x0"),
        (["plan", "--model", "m", "--shape", "1x3"], "1x3"),
        (["plan", "--model", "m", "--shape", "x=1", "--shape", "x=2"], "more than one --shape"),
        (["plan", "--model", "m", "--cut", "conv1"], "after=LAYER"),
        (["plan", "--model", "m", "--use", "gpu", "--avoid", "gpu"], "gpu"),
        (["plan", "--model", "m", "--output", "/"], "directory"),
        (["plan", "--model", "m", "--output", "/nowhere/plan.json"], "/nowhere"),
        (["plan", "--modle", "m"], "--modle"),
        (["deploy"], "PLAN"),
        (["run", "1", "--output", "x.npz"], "--input"),
        (["run", "1", "--input", "x.npz", "--frames", "3"], "--frames"),
        (["boards", "add", "b", "--address", "h:1", "--tls-ca", "f"], "--tls-cert"),
        (["db"], "Commands"),
    ],
)
def test_wrong_usage_exits_with_2_and_names_what_is_wrong(
    cli: "Cli", arguments: list[str], word: str
) -> None:
    answer = cli(*arguments)
    assert answer.code == 2
    assert word in answer.err
    assert "Traceback" not in answer.err


def test_wrong_usage_with_json_is_one_document_on_standard_output(cli: "Cli") -> None:
    answer = cli("plan", "--json", "--frames", "0")
    assert answer.code == 2
    assert answer.document["error"]["code"] == "usage"
    assert "host plan --help" in answer.document["error"]["hint"]
    assert not answer.err


def test_a_reader_that_leaves_early_is_no_failure(start: "Start") -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = start("--help", stdout=writing)
    os.close(writing)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")


def test_a_reader_that_leaves_early_is_no_failure_for_a_table_either(start: "Start") -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = start("boards", "list", stdout=writing)
    os.close(writing)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize("arguments", [["--help"], ["boards", "list"], ["boards", "list", "--json"]])
def test_a_full_disk_behind_standard_output_is_reported(start: "Start", arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        process = start(*arguments, stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "No space left on device" in err
    assert "Traceback" not in err


def test_closed_standard_output_is_no_crash() -> None:
    command = f"{sys.executable} -m host.cli boards list >&-"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_name_that_the_encoding_lacks_is_printed_escaped(start: "Start") -> None:
    process = start("pl\u00e4n", env={"PYTHONIOENCODING": "ascii"})
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert r"pl\xe4n" in err


def test_escape_sequences_in_a_name_do_not_reach_the_terminal(cli: "Cli") -> None:
    answer = cli("pl\x1b[31man")
    assert "\x1b" not in answer.err
    assert r"pl\x1b[31man" in answer.err
