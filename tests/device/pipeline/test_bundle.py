"""A bundle runs as it was made, and is refused when anything in it is not what the manifest says."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.errors import BundleError, ProgramError
from device.pipeline import Bundle, Pipeline

FORM = {"shape": [1000], "dtype": "float32"}
CPU = min(os.sched_getaffinity(0))


def compile_kernels(output: Path) -> None:
    """Builds `scale(x, w, y)`: y = x * w + 1, and `add(x, y, z)`: z = x + y."""
    import tvm
    from tvm import te

    x, w = te.placeholder((1000,), name="x"), te.placeholder((1000,), name="w")
    scaled = te.compute((1000,), lambda i: x[i] * w[i] + 1.0, name="y")
    added = te.compute((1000,), lambda i: x[i] + w[i], name="z")
    module = tvm.IRModule(
        {
            name: te.create_prim_func([x, w, result]).with_attr("global_symbol", name)
            for name, result in (("scale", scaled), ("add", added))
        }
    )

    def link(target: str, objects: list[str], options: Any = None, **_: Any) -> None:
        subprocess.run(["cc", "-shared", "-o", target, *objects], check=True, timeout=60)

    link.object_format, link.output_format = "o", "so"  # type: ignore[attr-defined]
    library = tvm.tirx.build(module, target=tvm.target.Target({"kind": "llvm"}))
    library.export_library(str(output), fcompile=link)


def program(function: str, inputs: list[str], output: str, weights: list[str]) -> dict[str, Any]:
    arguments = [*inputs, *weights, output]
    return {
        "schema": "stageline.program/1",
        "inputs": inputs,
        "outputs": [output],
        "weights": weights,
        "buffers": dict.fromkeys(arguments, FORM),
        "layers": [{"name": function, "calls": [{"function": function, "arguments": arguments}]}],
    }


def stage(index: int, cpus: list[list[int]]) -> dict[str, Any]:
    return {
        "directory": f"stages/{index}",
        "processor": "cpu",
        "cores": 1,
        "device": "cpu",
        "replica_cpus": cpus,
    }


def seal(folder: Path, **changes: Any) -> None:
    """Writes the manifest for what is in the folder."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    manifest = {
        "schema": "stageline.bundle/1",
        "versions": {"tvm": version("apache-tvm"), "tvm_ffi": version("apache-tvm-ffi")},
        "files": {
            path.relative_to(folder).as_posix(): {
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "bytes": path.stat().st_size,
            }
            for path in files
        },
        **changes,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stage 0: a = x * w + 1, stage 1 (two replicas): out = a + x."""
    folder = tmp_path_factory.mktemp("bundle")
    programs = [program("scale", ["x"], "a", ["w"]), program("add", ["x", "a"], "b", [])]
    weights: list[dict[str, Any]] = [{"w": np.full(1000, 2, np.float32)}, {}]
    for index in range(2):
        directory = folder / "stages" / str(index)
        directory.mkdir(parents=True)
        (directory / "program.json").write_text(json.dumps(programs[index]))
        np.savez(directory / "weights.npz", **weights[index])
    compile_kernels(folder / "stages/0/module.so")
    shutil.copy(folder / "stages/0/module.so", folder / "stages/1/module.so")
    (folder / "plan.json").write_text('{"schema": "stageline.plan/1"}')
    layout = {
        "schema": "stageline.pipeline/1",
        "inputs": {"x": FORM},
        "outputs": {"out": FORM},
        "output_tensors": {"out": "b"},
        "stages": [stage(0, [[CPU]]), stage(1, [[CPU], [CPU]])],
    }
    (folder / "pipeline.json").write_text(json.dumps(layout))
    seal(folder)
    return folder


@pytest.fixture
def bundle(original: Path, tmp_path: Path) -> Path:
    """A copy to be tampered with."""
    return shutil.copytree(original, tmp_path / "bundle")


def test_bundle_runs_compiled_kernels_in_order(original: Path) -> None:
    frames = [{"x": np.full(1000, n, np.float32)} for n in range(64)]
    with Pipeline.load(original) as pipeline:
        outputs = list(pipeline.run(frames))
    for n, output in enumerate(outputs):
        assert np.array_equal(output["out"], np.full(1000, 3 * n + 1, np.float32))
    assert len(outputs) == 64


def test_bundle_can_be_measured(original: Path) -> None:
    with Pipeline.load(str(original), queue_depth=2) as pipeline:
        report = pipeline.measure(100, warm_up_s=0)
    assert report.frames == 100
    assert [stage.replicas for stage in report.stages] == [1, 2]


def test_plan_is_readable_from_the_bundle(original: Path) -> None:
    assert Bundle.open(original).plan == {"schema": "stageline.plan/1"}


def test_folder_without_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"is no bundle: manifest\.json cannot be read"):
        Pipeline.load(tmp_path)


@pytest.mark.parametrize("name", ["plan.json", "stages/0/module.so", "stages/1/weights.npz"])
def test_changed_file_is_refused_by_name(bundle: Path, name: str) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    with pytest.raises(BundleError, match=f"{name} is damaged"):
        Bundle.open(bundle)


def test_truncated_file_is_refused(bundle: Path) -> None:
    path = bundle / "stages/0/module.so"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BundleError, match=r"stages/0/module.so has \d+ bytes, and the manifest says \d+"):
        Bundle.open(bundle)


def test_missing_file_is_refused(bundle: Path) -> None:
    (bundle / "stages/1/program.json").unlink()
    with pytest.raises(BundleError, match=r"stages/1/program\.json of the bundle cannot be read"):
        Bundle.open(bundle)


def test_file_that_the_manifest_does_not_list_is_not_used(bundle: Path) -> None:
    edit(bundle / "manifest.json", lambda manifest: manifest["files"].pop("stages/1/module.so"))
    with pytest.raises(BundleError, match=r"does not list stages/1/module\.so"):
        Bundle.open(bundle)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "stages/../../secret"])
def test_manifest_cannot_point_outside(bundle: Path, name: str) -> None:
    entry = {"sha256": "0" * 64, "bytes": 1}
    edit(bundle / "manifest.json", lambda manifest: manifest["files"].update({name: entry}))
    with pytest.raises(BundleError, match="lie inside it"):
        Bundle.open(bundle)


def test_link_out_of_the_bundle_is_refused(bundle: Path, tmp_path: Path) -> None:
    outside = tmp_path / "module.so"
    shutil.move(bundle / "stages/0/module.so", outside)
    (bundle / "stages/0/module.so").symlink_to(outside)
    with pytest.raises(BundleError, match="lie inside it"):
        Bundle.open(bundle)


def test_bundle_for_another_tvm_is_refused_with_both_versions(bundle: Path) -> None:
    seal(bundle, versions={"tvm": "0.1", "tvm_ffi": version("apache-tvm-ffi")})
    with pytest.raises(
        BundleError, match=f"apache-tvm 0.1, and here it is {version('apache-tvm')}"
    ) as caught:
        Bundle.open(bundle)
    assert "apache-tvm==0.1" in caught.value.hint


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("schema", "stageline.pipeline/9", "pipeline.json.schema"),
        ("stages", [], "at least one stage"),
        ("output_tensors", {}, "must name the outputs"),
        ("output_tensors", {"out": "c"}, "output 'out' is tensor 'c', which neither"),
        ("inputs", {"y": FORM}, "stage 0 reads tensor 'x', which neither"),
        ("inputs", {"x": FORM, "a": FORM}, "stage 0 makes tensor 'a', which exists already"),
        (
            "inputs",
            {"x": {"shape": [10], "dtype": "float32"}},
            r"stage 0 reads tensor 'x' as float32\[1000\]",
        ),
        ("stages", [{**stage(0, [[0]]), "device": "npu"}], r"stages\[0\].device: .* not on 'npu'"),
        ("stages", [stage(0, [])], r"stages\[0\].replica_cpus: a stage needs at least one replica"),
        ("stages", [stage(0, [[0, 1]])], r"replica_cpus\[0\]: must list 1 CPUs, got \[0, 1\]"),
        ("stages", [stage(0, [[-1]])], r"replica_cpus\[0\]\[0\]: must be a whole number"),
    ],
)
def test_layout_that_cannot_work_is_refused(bundle: Path, key: str, value: Any, complaint: str) -> None:
    edit(bundle / "pipeline.json", lambda layout: layout.update({key: value}))
    seal(bundle)
    with pytest.raises(BundleError, match=complaint):
        Bundle.open(bundle)


def test_malformed_program_names_its_file(bundle: Path) -> None:
    edit(bundle / "stages/1/program.json", lambda document: document.pop("layers"))
    seal(bundle)
    with pytest.raises(BundleError, match=r"stages/1/program.json: program: `layers` is missing"):
        Bundle.open(bundle)


def test_program_that_is_not_json_names_its_file(bundle: Path) -> None:
    (bundle / "stages/1/program.json").write_text("{")
    seal(bundle)
    with pytest.raises(BundleError, match=r"stages/1/program.json is not JSON"):
        Bundle.open(bundle)


def test_module_of_another_machine_is_refused(bundle: Path) -> None:
    (bundle / "stages/0/module.so").write_bytes(b"\x7fELF nonsense")
    seal(bundle)
    with pytest.raises(ProgramError, match=r"module\.so cannot be loaded"):
        Pipeline.load(bundle)


def test_module_without_a_kernel_is_refused(bundle: Path) -> None:
    def rename(document: dict[str, Any]) -> None:
        document["layers"][0]["calls"][0]["function"] = "conv"

    edit(bundle / "stages/1/program.json", rename)
    seal(bundle)
    with pytest.raises(ProgramError, match="no kernel 'conv'"):
        Pipeline.load(bundle)


@pytest.mark.parametrize(
    ("weights", "error", "complaint"),
    [
        ({}, BundleError, "the weights of stage 0 cannot be read: 'w"),
        (
            {"w": np.zeros(9, np.float32)},
            ProgramError,
            r"weight 'w' must be float32\[1000\], got float32\[9\]",
        ),
        ({"w": np.zeros(1000)}, ProgramError, r"weight 'w' must be float32\[1000\], got float64\[1000\]"),
        ({"w": np.array([{}])}, BundleError, "the weights of stage 0 cannot be read"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    bundle: Path, weights: dict[str, Any], error: type[Exception], complaint: str
) -> None:
    np.savez(bundle / "stages/0/weights.npz", **weights)
    seal(bundle)
    with pytest.raises(error, match=complaint):
        Pipeline.load(bundle)
