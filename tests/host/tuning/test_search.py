"""A search proposes kernels that compute what they should, and goes on from what was found before."""

import sys
from typing import Any

import numpy as np
import pytest
import tvm

from host.errors import InputError
from host.kernels import emit
from host.kernels.cpu.emission import parameter_shapes
from host.kernels.specs import Convolution
from host.kernels.tuned import unscheduled
from host.kernels.variants import Direct, Tuned
from host.tuning import search
from host.tuning.search import KernelSearch, Measured, require_packages


def results(function: Any, target: Any, spec: Convolution, base: Direct) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(2)
    shapes = parameter_shapes(spec, base)
    tensors = [tvm.runtime.tensor(random.standard_normal(shape).astype("float32")) for shape in shapes]
    module = tvm.IRModule({"main": function.with_attr("global_symbol", "main")})
    tvm.tirx.build(module, target=tvm.target.Target(target))["main"](*tensors)
    return np.asarray(tensors[-1].numpy())


def test_candidates_compute_the_same_and_are_rebuilt_from_their_traces(
    spec: Convolution, base: Direct, target: Any, model: Any
) -> None:
    found = KernelSearch(unscheduled(spec, base), target, model, threads=1)
    expected = results(emit(spec, base, target), target, spec, base)
    proposals = found.propose(3)
    assert len(proposals) == 3
    for proposal in proposals:
        rebuilt = emit(spec, Tuned("0" * 16, base), target, trace=proposal.trace)
        tvm.ir.assert_structural_equal(rebuilt, proposal.function, map_free_vars=True)
        np.testing.assert_allclose(
            results(proposal.function, target, spec, base), expected, rtol=1e-3, atol=1e-3
        )


def test_nothing_is_proposed_twice_and_failures_are_learned_from(
    spec: Convolution, base: Direct, target: Any, model: Any
) -> None:
    found = KernelSearch(unscheduled(spec, base), target, model, threads=1)
    first = [proposal.trace for proposal in found.propose(4)]
    found.learn([10.0, None, 30.0, None])
    second = [proposal.trace for proposal in found.propose(4)]
    assert len({*first, *second}) == 8


def test_a_later_search_begins_with_what_is_known(
    spec: Convolution, base: Direct, target: Any, model: Any
) -> None:
    definition = unscheduled(spec, base)
    first = KernelSearch(definition, target, model, threads=1)
    known = [Measured(trace=proposal.trace, latency_us=5.0) for proposal in first.propose(2)]
    later = KernelSearch(definition, target, model, known, threads=1, seed=2)
    assert later.propose(2)


def test_tvm_is_left_as_it_was(spec: Convolution, base: Direct, target: Any, model: Any) -> None:
    before = sys.modules.get("tvm.s_tir.tensor_intrin")
    KernelSearch(unscheduled(spec, base), target, model, threads=1)
    assert sys.modules.get("tvm.s_tir.tensor_intrin") is before


def test_missing_packages_are_named_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "find_spec", lambda name: None if name == "xgboost" else object())
    with pytest.raises(InputError, match=r"^--tune needs xgboost, which is not installed$") as caught:
        require_packages()
    assert caught.value.hint == "pip install 'stageline[host,tune]'"
    monkeypatch.setattr(search, "find_spec", lambda name: object())
    require_packages()
