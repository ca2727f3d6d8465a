"""A GPU is found by its files; whether TVM can use it, it is asked in a process of its own, on the board only."""

from pathlib import Path

import pytest

from device.cuda import CudaState
from device.files import Files
from device.inventory import gpu as gpus
from device.inventory.board import Board, Processor
from device.inventory.gpu import Gpu, capability, find_gpu
from tests.device.trees.gpu import graphics_card, tegra_gpu
from tests.device.trees.power import write

USABLE = Gpu(name="GP10B", arch="sm_62", path="sys/devices/17000000.gp10b", usable=True)


def never() -> CudaState:
    raise AssertionError("libraries of this machine were loaded")


def board(gpu: Gpu | None) -> Board:
    cpu = Processor(name="cpu", kind="cpu", cpus=(0, 1), online=(0,), usable=(0,), target={"kind": "llvm"})
    return Board(
        name="b",
        model="m",
        hostname="h",
        machine="aarch64",
        processors=(cpu,),
        operating_points=(),
        versions={},
        gpu=gpu,
    )


@pytest.mark.parametrize(
    ("chip", "device", "name", "arch"),
    [
        ("nvidia,tegra210", "57000000.gpu", "GM20B", "sm_53"),
        ("nvidia,tegra186", "17000000.gp10b", "GP10B", "sm_62"),
        ("nvidia,tegra186", "gpu.0", "GP10B", "sm_62"),
        ("nvidia,tegra194", "17000000.gv11b", "GV11B", "sm_72"),
        ("nvidia,tegra234", "platform/17000000.gpu", "GA10B", "sm_87"),
        ("nvidia,tegra234", "platform/bus@0/17000000.gpu", "GA10B", "sm_87"),
    ],
)
def test_tegra_gpus_are_found_by_folder_and_chip(
    tmp_path: Path, chip: str, device: str, name: str, arch: str
) -> None:
    write(tmp_path, {f"sys/devices/{device}/load": "0\n"})
    found = find_gpu(Files(tmp_path), [chip], never)
    assert found is not None
    assert (found.name, found.arch, found.path) == (name, arch, f"sys/devices/{device}")


def test_a_board_without_nvidias_parts_has_no_gpu(tmp_path: Path) -> None:
    write(tmp_path, {"sys/devices/platform/ff9a0000.gpu/uevent": ""})
    assert find_gpu(Files(tmp_path), ["rockchip,rk3399"], never) is None


@pytest.mark.parametrize(
    ("name", "arch"),
    [
        ("NVIDIA H100 80GB HBM3", "sm_90"),
        ("NVIDIA H200", "sm_90"),
        ("NVIDIA A100-SXM4-80GB", "sm_80"),
        ("NVIDIA A10", "sm_86"),
        ("NVIDIA GeForce RTX 3090", "sm_86"),
        ("NVIDIA GeForce RTX 4070 Ti", "sm_89"),
        ("NVIDIA L4", "sm_89"),
        ("Tesla V100-PCIE-16GB", "sm_70"),
        ("Tesla T4", "sm_75"),
        ("NVIDIA GeForce GTX 1080 Ti", "sm_61"),
        ("NVIDIA B200", "sm_100"),
        ("NVIDIA Something 7", ""),
    ],
)
def test_cards_are_known_by_name(name: str, arch: str) -> None:
    assert capability(name) == arch


def test_a_card_whose_file_says_nothing_is_still_a_gpu(tmp_path: Path) -> None:
    graphics_card(tmp_path, "")
    found = find_gpu(Files(tmp_path), [], never)
    assert found is not None
    assert (found.name, found.arch, found.usable) == ("NVIDIA GPU", "", False)


def test_below_another_root_the_boards_own_cuda_says_what_is_missing(tmp_path: Path) -> None:
    tegra_gpu(tmp_path, "17000000.gp10b")
    for name in ("libcudart.so.10.2", "libcudart.so.10.2.300"):
        write(tmp_path, {f"usr/local/cuda-10.2/lib64/{name}": ""})
    found = find_gpu(Files(tmp_path), ["nvidia,tegra186"], never)
    assert found is not None
    assert not found.usable
    assert "its CUDA is 10.2" in found.reason
    assert "device-agent build-cuda-shim" in found.reason


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (CudaState(usable=True, name="NVIDIA Tegra X2", arch="sm_62"), (True, "sm_62", "")),
        (CudaState(usable=False, reason="no driver"), (False, "sm_62", "no driver")),
    ],
)
def test_on_the_board_itself_tvm_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: CudaState, expected: tuple[bool, str, str]
) -> None:
    tegra_gpu(tmp_path, "17000000.gp10b")
    monkeypatch.setattr(gpus, "_ROOT", tmp_path)
    found = find_gpu(Files(tmp_path), ["nvidia,tegra186"], lambda: state)
    assert found is not None
    assert (found.usable, found.arch, found.reason) == expected


def test_without_being_asked_for_it_nothing_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tegra_gpu(tmp_path, "17000000.gp10b")
    monkeypatch.setattr(gpus, "_ROOT", tmp_path)
    found = find_gpu(Files(tmp_path), ["nvidia,tegra186"], None)
    assert found is not None
    assert found.reason.startswith("not tried yet")


def test_a_usable_gpu_is_a_processor() -> None:
    gpu = board(USABLE).all_processors[-1]
    assert (gpu.name, gpu.kind, gpu.cores, gpu.arch, gpu.mcpu) == ("gpu", "gpu", 1, "sm_62", None)
    assert gpu.target == {"kind": "cuda", "arch": "sm_62", "host": {"kind": "llvm"}}
    assert [p.name for p in board(USABLE).offered] == ["cpu", "gpu"]


def test_a_gpu_that_becomes_usable_leaves_the_board_what_it_was() -> None:
    assert board(USABLE).fingerprint == board(None).fingerprint
