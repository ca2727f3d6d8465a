import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.host.cli.conftest import Cli


def test_every_builtin_is_listed_with_its_input(cli: "Cli") -> None:
    models = {model["name"]: model for model in cli("models", "--json").document["models"]}
    assert {"mobilenet", "squeezenet", "resnet18", "googlenet"} <= set(models)
    assert models["mobilenet"]["input_shape"] == [1, 3, 224, 224]


def test_the_list_for_people_has_a_line_for_each(cli: "Cli") -> None:
    names = [model["name"] for model in cli("models", "--json").document["models"]]
    heading, *lines = cli("models").out.splitlines()
    assert heading.split() == ["model", "network", "input"]
    assert [line.split()[0] for line in lines] == names


def test_forty_columns_still_name_every_model(cli: "Cli", monkeypatch: pytest.MonkeyPatch) -> None:
    names = [model["name"] for model in cli("models", "--json").document["models"]]
    monkeypatch.setenv("COLUMNS", "40")
    out = cli("models").out
    assert max(map(len, out.splitlines())) <= 40
    assert all(name in out.split() for name in names)


def test_head_may_take_the_first_line_only() -> None:
    command = f"set -o pipefail; {sys.executable} -m host.cli models | head -1"
    result = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "60"},
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("model")


def test_listing_models_needs_no_database_and_no_board(cli: "Cli") -> None:
    answer = cli("models", "--json")
    assert answer.code == 0
    assert not answer.err


@pytest.mark.parametrize("verb", ["plan", "profile"])
def test_a_misspelt_model_is_refused_with_one_that_looks_alike(cli: "Cli", verb: str) -> None:
    answer = cli(verb, "--model", "mobilnet", "--json")
    assert answer.code == 3
    assert "mobilnet" in answer.document["error"]["message"]
    assert "mobilenet" in answer.document["error"]["hint"]
