"""Every built-in network and every light model of the onnx package, from its name to a pipeline of two stages.

Not collected by a plain `pytest`: `make test-models` names this file. Each network is planned, deployed and run as two
stages on cores of their own, and its outputs are compared with those of ONNX Runtime on the same input.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from host.errors import InfeasibleError
from host.frontends import builtins, resolve
from host.jobs import PlanRequest, RunRequest, plan_model, run_plan
from host.planner import Constraints, Plan
from host.requests import ModelRequest
from tests.e2e.onnx_runtime import assert_equal, reference

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"
LIGHT_MODELS = sorted(LIGHT.glob("light_*.onnx"))


class Quiet:
    """A reporter that says nothing."""

    def step(self, title: str, detail: str, seconds: float | None = None) -> None:
        pass

    def progress(self, title: str, detail: str) -> None:
        pass

    def warn(self, text: str, hint: str = "") -> None:
        pass


@dataclass(frozen=True)
class Bench:
    """Where the runs of one test leave their files."""

    folder: Path

    @property
    def database(self) -> str:
        return str(self.folder / "profiles.sqlite")

    def plan(self, model: str, **constraints: Any) -> tuple[int, Plan]:
        request = PlanRequest(
            model=ModelRequest(model=model),
            board=None,
            database=self.database,
            constraints=Constraints(no_replicas=True, **constraints),
            deploy=False,
            frames=1,
        )
        outcome = plan_model(request, Quiet())
        return outcome.plan_id, outcome.plan

    def plan_two_stages(self, model: str) -> tuple[int, Plan]:
        """The planner's own choice, or a cut in the middle where it would rather have one stage."""
        plan_id, plan = self.plan(model)
        if len(plan.stages) > 1:
            return plan_id, plan
        names = [name for stage in plan.stages for name in stage.layers]
        for name in sorted(names[:-1], key=lambda name: abs(names.index(name) - len(names) // 2)):
            try:
                return self.plan(model, cuts=(name,))
            except InfeasibleError:
                continue
        raise AssertionError(f"{model} cannot be cut")

    def run(self, plan_id: int, inputs: dict[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
        """Outputs of one frame."""
        source, target = self.folder / "inputs.npz", self.folder / "outputs.npz"
        arrays: dict[str, Any] = inputs
        np.savez(source, **arrays)
        run_plan(
            RunRequest(
                plan=str(plan_id),
                board=None,
                database=self.database,
                frames=None,
                inputs=source,
                outputs=target,
                queue_depth=None,
                drop_on_overload=False,
            ),
            Quiet(),
        )
        with np.load(target) as outputs:
            return {name: outputs[name][0] for name in outputs.files}


def run_and_compare(model: str, proto: onnx.ModelProto, folder: Path) -> Bench:
    bench = Bench(folder)
    plan_id, plan = bench.plan_two_stages(model)
    assert len(plan.stages) >= 2
    inputs, expected = reference(proto, folder)
    assert_equal(bench.run(plan_id, inputs), expected)
    return bench


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [builtin.name for builtin in builtins()])
def test_builtin_runs_as_two_stages_like_onnx_runtime(name: str, tmp_path: Path) -> None:
    run_and_compare(name, resolve(name).build(), tmp_path)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", LIGHT_MODELS, ids=lambda path: path.stem)
def test_light_model_runs_as_two_stages_like_onnx_runtime_and_its_stored_output(
    path: Path, tmp_path: Path
) -> None:
    model = onnx.load(path)
    bench = run_and_compare(str(path), model, tmp_path)
    stored = onnx.TensorProto.FromString(path.with_name(f"{path.stem}_output_0.pb").read_bytes())
    initial = {item.name for item in model.graph.initializer}
    inputs = {item.name: stored_input(item) for item in model.graph.input if item.name not in initial}
    found = bench.run(1, inputs)
    assert_equal(found, {model.graph.output[0].name: onnx.numpy_helper.to_array(stored)})


def stored_input(item: onnx.ValueInfoProto) -> np.ndarray[Any, Any]:
    """The frame that belongs to the stored outputs, as onnx's own backend tests make it."""
    shape = [extent.dim_value for extent in item.type.tensor_type.shape.dim]
    size = int(np.prod(shape))
    return (np.arange(size).reshape(shape) / size).astype("float32")
