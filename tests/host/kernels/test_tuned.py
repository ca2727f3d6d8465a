"""A tuned variant is written down and read back, and takes its base's order of the weights."""

import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm
from tvm import s_tir
from tvm.s_tir.meta_schedule.database import TuningRecord, Workload

from host.build import Builder
from host.errors import InputError
from host.kernels.definition import define
from host.kernels.forms import Form
from host.kernels.packing import pack, packed_shape
from host.kernels.specs import Convolution, Generic
from host.kernels.tuned import module_of
from host.kernels.variants import Direct, Plain, Tuned, Variant, Window, name_of, variant_of
from host.layers.graph import Implementation

TARGET = {"kind": "llvm", "mtriple": f"{platform.machine()}-linux-gnu"}
RECORD = "0123456789abcdef"
BASE = Direct(1, 4, 16, "pixels")
SPEC = Convolution(
    input=Form(channels=8, height=5, width=5), output=Form(channels=24, height=5, width=5), kernel=(1, 1)
)


@pytest.mark.parametrize("base", [BASE, Window(4, 8), Plain()])
def test_names_are_read_back(base: Any) -> None:
    variant = Tuned(RECORD, base)
    assert name_of(variant) == f"tuned-{RECORD}-{name_of(base)}"
    assert variant_of(name_of(variant)) == variant


@pytest.mark.parametrize("name", ["tuned", f"tuned-{RECORD}", f"tuned-{RECORD}-tuned-{RECORD}-plain"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="tuned"):
        variant_of(name)


def test_weights_are_packed_as_the_base_reads_them() -> None:
    weights = np.random.default_rng(1).standard_normal((24, 8, 1, 1)).astype("float32")
    assert packed_shape(SPEC, Tuned(RECORD, BASE)) == packed_shape(SPEC, BASE)
    np.testing.assert_array_equal(pack(SPEC, Tuned(RECORD, BASE), weights), pack(SPEC, BASE, weights))


def trace(definition: Any) -> str:
    """A schedule that somebody may have found: the first loops of the result in parallel."""
    module = module_of(definition)
    sch = s_tir.Schedule(module)
    sch.parallel(sch.fuse(*sch.get_loops(sch.get_sblock("result"))[:2]))
    return json.dumps(TuningRecord(sch.trace, Workload(module)).as_json()[0])


def built(variant: Variant, spec: Any, builder: Builder, folder: Path, code: Any = None) -> Any:
    one = Implementation(kernel="kernel", variant=name_of(variant))
    builder.build([one], {"kernel": spec}, lambda: {"kernel": code})
    builder.link([one], folder / "module.so")
    return tvm.runtime.load_module(str(folder / "module.so"))[one.symbol]


def test_a_tuned_kernel_is_built_from_its_record(tmp_path: Path) -> None:
    records = {RECORD: trace(define(SPEC, BASE))}
    builder = Builder(TARGET, tmp_path / "cache", records.__getitem__)
    random = np.random.default_rng(1)
    weights = random.standard_normal((24, 8, 1, 1)).astype("float32")
    image = random.standard_normal((1, 5, 5, 8)).astype("float32")
    found = []
    for variant in (BASE, Tuned(RECORD, BASE)):
        folder = tmp_path / name_of(variant)
        folder.mkdir()
        output = tvm.runtime.tensor(np.zeros((1, 5, 5, 24), "float32"))
        kernel = built(variant, SPEC, builder, folder)
        kernel(tvm.runtime.tensor(image), tvm.runtime.tensor(pack(SPEC, variant, weights)), output)
        found.append(output.numpy())
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4, atol=1e-5)


def test_a_generic_kernel_is_searched_from_its_own_code(tmp_path: Path) -> None:
    data = tvm.te.placeholder((4, 6), name="data")
    code = tvm.te.create_prim_func(
        [data, tvm.te.compute((4, 6), lambda i, j: data[i, j] + 1.0, name="result")]
    )
    records = {RECORD: trace(code)}
    builder = Builder(TARGET, tmp_path / "cache", records.__getitem__)
    kernel = built(Tuned(RECORD, Plain()), Generic(code="kernel", flops=24.0), builder, tmp_path, code)
    source, output = (tvm.runtime.tensor(np.zeros((4, 6), "float32")) for _ in range(2))
    kernel(source, output)
    assert output.numpy().tolist() == [[1.0] * 6] * 4


def test_without_its_record_a_tuned_kernel_cannot_be_built(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"the tuning record {RECORD} is not at hand"):
        built(Tuned(RECORD, BASE), SPEC, Builder(TARGET, tmp_path / "cache"), tmp_path)
