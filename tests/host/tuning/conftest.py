"""A kernel that is searched in a moment, and searches that need no XGBoost."""

import platform
from typing import Any

import pytest

from host.kernels.epilogue import Epilogue, Step
from host.kernels.forms import Form
from host.kernels.specs import Convolution
from host.kernels.variants import Direct
from host.tuning import search

BASE = Direct(1, 4, 16, "pixels")


@pytest.fixture(scope="session")
def target() -> dict[str, Any]:
    """This machine, any of its kind."""
    return {"kind": "llvm", "mtriple": f"{platform.machine()}-linux-gnu"}


@pytest.fixture(scope="session")
def spec() -> Convolution:
    """A small convolution with everything around it: halos, a tail of channels, bias and ReLU."""
    return Convolution(
        input=Form(channels=8, height=6, width=6, halo=(1, 1)),
        output=Form(channels=24, height=6, width=6, halo=(1, 1)),
        kernel=(3, 3),
        padding=(1, 1),
        epilogue=Epilogue(
            operands=(None,),
            steps=(
                Step(operation="add", operands=("x", "o0")),
                Step(operation="maximum", operands=("s0", 0.0)),
            ),
        ),
    )


@pytest.fixture
def base() -> Direct:
    """The analytic variant that the searches begin from."""
    return BASE


@pytest.fixture(autouse=True)
def little_thought(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches that propose in a moment, and not the best."""
    monkeypatch.setattr(search, "POPULATION", 32)


@pytest.fixture
def model() -> Any:
    """Scores candidates by chance."""
    from tvm.s_tir.meta_schedule.cost_model import RandomModel

    return RandomModel(seed=1)
