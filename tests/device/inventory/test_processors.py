"""What Linux says about CPUs becomes processors that TVM has targets for."""

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from device.files import Files
from device.inventory import Processor
from device.inventory.cpus import find_cpus
from device.inventory.parts import cpu_target, x86_level
from device.inventory.processors import find_processors, notes_on
from tests.device.trees.cpu import A53, A57, A72, A76, DENVER2, ZEN, Core, cores
from tests.device.trees.power import write

V2 = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"
V3 = f"{V2} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"

TX2 = ("nvidia,quill", "nvidia,tegra186")
MYSTERY = A57 | {"CPU implementer": "0x99", "CPU part": "0x123"}


def processors(
    root: Path, compatible: Collection[str] = (), usable: Collection[int] | None = None
) -> dict[str, Processor]:
    found = find_processors(find_cpus(Files(root), compatible, usable), "aarch64")
    return {processor.name: processor for processor in found}


def notes(root: Path, compatible: Collection[str] = (), usable: Collection[int] | None = None) -> str:
    cpus = find_cpus(Files(root), compatible, usable)
    return "\n".join(notes_on(cpus, find_processors(cpus, "aarch64"), has_modes=bool(compatible)))


def clocks(root: Path, khz: Mapping[int, int]) -> None:
    for cpu, value in khz.items():
        write(root, {f"sys/devices/system/cpu/cpu{cpu}/cpufreq/cpuinfo_max_freq": f"{value}\n"})


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        ("", "x86-64"),
        ("sse sse2", "x86-64"),
        (V2, "x86-64-v2"),
        (V3, "x86-64-v3"),
        (V3.replace("movbe", ""), "x86-64-v2"),
        (V4, "x86-64-v4"),
        (V4.replace("f16c", ""), "x86-64-v2"),
    ],
)
def test_x86_cores_are_named_by_the_highest_level_that_they_have_whole(flags: str, level: str) -> None:
    assert x86_level(flags.split()) == level


def test_equal_cores_are_one_processor(tmp_path: Path) -> None:
    cores(tmp_path, dict.fromkeys(range(6), ZEN | {"flags": f"fpu {V3}"}))
    (processor,) = processors(tmp_path).values()
    assert (processor.name, processor.cpus, processor.cores) == ("cpu", (0, 1, 2, 3, 4, 5), 6)
    assert processor.mcpu == "x86-64-v3"


def test_cores_of_different_parts_are_processors_of_their_own(tmp_path: Path) -> None:
    cores(tmp_path, {0: A57, 1: DENVER2, 2: DENVER2, 3: A57, 4: A57, 5: A57})
    found = processors(tmp_path)
    assert {name: (p.cpus, p.mcpu) for name, p in found.items()} == {
        "a57": ((0, 3, 4, 5), "cortex-a57"),
        "denver2": ((1, 2), "cortex-a57"),
    }


@pytest.mark.parametrize(("core", "mcpu"), [(A72, "cortex-a72"), (MYSTERY, "generic")])
def test_equal_arm_cores_are_called_cpu(tmp_path: Path, core: Core, mcpu: str) -> None:
    cores(tmp_path, dict.fromkeys(range(4), core))
    assert {name: p.mcpu for name, p in processors(tmp_path).items()} == {"cpu": mcpu}


def test_an_unknown_core_has_generic_code_and_a_note_with_its_numbers(tmp_path: Path) -> None:
    cores(tmp_path, {0: A53, 1: A53, 2: MYSTERY})
    assert processors(tmp_path)["cpu"].cpus == (2,)
    assert "CPU 2: implementer 0x99, part 0x123 is not known; its code is generic" in notes(tmp_path)


def test_different_unknown_cores_are_not_thrown_together(tmp_path: Path) -> None:
    cores(tmp_path, {0: MYSTERY, 1: MYSTERY, 2: MYSTERY | {"CPU part": "0x124"}})
    assert [p.cpus for p in processors(tmp_path).values()] == [(0, 1), (2,)]
    assert len(processors(tmp_path)) == 2


def test_the_register_of_a_cpu_counts_before_cpuinfo(tmp_path: Path) -> None:
    cores(tmp_path, dict.fromkeys(range(2), A57))
    write(
        tmp_path,
        {"sys/devices/system/cpu/cpu1/regs/identification/midr_el1": "0x000000004e0f0030\n"},
    )
    assert {name: p.cpus for name, p in processors(tmp_path).items()} == {"a57": (0,), "denver2": (1,)}


@pytest.mark.parametrize(
    ("online", "a57", "denver2"),
    [
        (range(6), (0, 3, 4, 5), (1, 2)),
        ((0, 3, 4, 5), (0, 3, 4, 5), ()),
        ((0, 1), (0,), (1,)),
        ((0,), (0,), ()),
    ],
)
def test_offline_cores_of_a_tx2_stay_in_their_cluster(
    tmp_path: Path, online: Collection[int], a57: tuple[int, ...], denver2: tuple[int, ...]
) -> None:
    cores(tmp_path, {cpu: DENVER2 if cpu in {1, 2} else A57 for cpu in range(6)}, online=online)
    found = processors(tmp_path, TX2)
    assert (found["a57"].cpus, found["denver2"].cpus) == ((0, 3, 4, 5), (1, 2))
    assert (found["a57"].online, found["denver2"].online) == (a57, denver2)
    assert (found["a57"].cores, found["denver2"].cores) == (len(a57), len(denver2))


def test_the_device_tree_names_an_offline_core(tmp_path: Path) -> None:
    cores(tmp_path, {0: A53, 1: A53, 2: A72}, online=(0, 1))
    write(tmp_path, {"sys/devices/system/cpu/cpu2/of_node/compatible": "arm,cortex-a72\0"})
    assert {name: p.cpus for name, p in processors(tmp_path).items()} == {"a53": (0, 1), "a72": (2,)}


def test_an_offline_core_is_like_the_others_where_they_are_all_the_same(tmp_path: Path) -> None:
    cores(tmp_path, dict.fromkeys(range(4), A72), online=(0, 1))
    (processor,) = processors(tmp_path).values()
    assert (processor.cpus, processor.online, processor.cores) == ((0, 1, 2, 3), (0, 1), 2)
    assert "cpu: CPUs 2-3 offline; stages get CPUs 0-1" in notes(tmp_path)


def test_an_offline_core_that_could_be_anything_is_in_no_processor(tmp_path: Path) -> None:
    cores(tmp_path, {0: A53, 1: A72, 2: A72}, online=(0, 1))
    assert {name: p.cpus for name, p in processors(tmp_path).items()} == {"a53": (0,), "a72": (1,)}
    assert "CPU 2 offline, and nothing says of which kind" in notes(tmp_path)


def test_only_cpus_that_this_process_may_use_are_given_to_stages(tmp_path: Path) -> None:
    cores(tmp_path, dict.fromkeys(range(6), ZEN), online=range(5))
    (processor,) = processors(tmp_path, usable={1, 4}).values()
    assert processor.cpus == (0, 1, 2, 3, 4, 5)
    assert (processor.usable, processor.cores) == ((1, 4), 2)
    assert "cpu: CPUs 0, 2-3 online, but not for this process" in notes(tmp_path, usable={1, 4})


def test_isolated_cpus_are_named(tmp_path: Path) -> None:
    cores(tmp_path, dict.fromkeys(range(4), A57), isolated="2-3")
    assert processors(tmp_path)["cpu"].isolated == (2, 3)
    assert "CPUs 2-3 isolated" in notes(tmp_path)


@pytest.mark.parametrize("argument", ["1-2", "domain,managed_irq,1-2", "nohz,1,2"])
def test_the_kernels_arguments_tell_isolated_cpus_where_no_file_does(tmp_path: Path, argument: str) -> None:
    cores(tmp_path, dict.fromkeys(range(4), A57))
    (tmp_path / "sys/devices/system/cpu/isolated").unlink()
    write(tmp_path, {"proc/cmdline": f"console=ttyS0 isolcpus={argument} quiet\n"})
    assert processors(tmp_path)["cpu"].isolated == (1, 2)


def test_equal_cores_of_several_clusters_are_one_processor_with_a_note(tmp_path: Path) -> None:
    cores(tmp_path, dict.fromkeys(range(4), A76), clusters={0: 0, 1: 0, 2: 1, 3: 1})
    assert processors(tmp_path)["cpu"].cpus == (0, 1, 2, 3)
    assert "cpu: one processor of 2 clusters (0-1; 2-3)" in notes(tmp_path)


def test_equal_cores_of_different_speed_are_different_processors(tmp_path: Path) -> None:
    cores(tmp_path, dict.fromkeys(range(6), A76), online=range(5), clusters={4: 1, 5: 1})
    clocks(tmp_path, dict.fromkeys(range(4), 1800000) | {4: 2400000})
    assert {name: p.cpus for name, p in processors(tmp_path).items()} == {
        "a76_1800": (0, 1, 2, 3),
        "a76_2400": (4, 5),
    }


def test_cores_that_are_binned_a_little_higher_are_no_processor_of_their_own(tmp_path: Path) -> None:
    cores(tmp_path, dict.fromkeys(range(3), ZEN))
    clocks(tmp_path, {0: 5200000, 1: 5300000, 2: 5200000})
    assert processors(tmp_path)["cpu"].cpus == (0, 1, 2)


def test_a_machine_without_cpuinfo_still_has_its_cores(tmp_path: Path) -> None:
    (processor,) = processors(tmp_path, usable={0, 1, 2}).values()
    assert (processor.cpus, processor.cores, processor.mcpu) == ((0, 1, 2), 3, "generic")


def test_a_cpu_that_this_process_may_use_is_online_whatever_a_container_shows(tmp_path: Path) -> None:
    cores(tmp_path, dict.fromkeys(range(2), ZEN))
    (processor,) = processors(tmp_path, usable={5, 7}).values()
    assert (processor.usable, processor.online) == ((5, 7), (0, 1, 5, 7))


def test_a_folder_without_any_cpu_has_no_processor(tmp_path: Path) -> None:
    assert processors(tmp_path) == {}


@pytest.mark.parametrize("content", ["", "\n", "what\n", "-"])
def test_cpuinfo_tells_which_cpus_are_online_where_their_set_is_unreadable(
    tmp_path: Path, content: str
) -> None:
    cores(tmp_path, dict.fromkeys(range(4), A72), online=(0, 2))
    write(tmp_path, {"sys/devices/system/cpu/online": content})
    assert processors(tmp_path)["cpu"].online == (0, 2)


def test_a_target_names_features_only_where_there_are_some() -> None:
    assert "mattr" not in cpu_target("aarch64", "generic")
    assert cpu_target("x86_64", "x86-64-v2", ["+avx2"])["mattr"] == ["+avx2"]
