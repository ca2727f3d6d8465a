"""Writes whole boards below a root, from the parts that their neighbours write."""

from collections.abc import Callable
from pathlib import Path

from tests.device.trees import power
from tests.device.trees.clocks import rk3399_clocks, tx2_clocks
from tests.device.trees.cpu import A53, A57, A72, A76, A78AE, CARMEL, DENVER2, ZEN, cores
from tests.device.trees.gpu import graphics_card, tegra_gpu
from tests.device.trees.identity import device_tree, l4t, linux
from tests.device.trees.thermal import TX2_ZONES, zones

Build = Callable[[Path], Path]

TX2_CPUS = {0: A57, 1: DENVER2, 2: DENVER2, 3: A57, 4: A57, 5: A57}
TX2_ONLINE = {0: range(6), 1: (0, 3, 4, 5), 2: range(6), 3: (0, 3, 4, 5), 4: (0, 1)}
"""CPUs that each mode of `nvpmodel` leaves online: MAXN, MAXQ, MAXP_CORE_ALL, MAXP_CORE_ARM, MAXP_CORE_DENVER."""


def tx2(
    root: Path,
    *,
    mode: int = 3,
    release: str = "32.7.1",
    isolated: str | None = None,
    has_carrier: bool = True,
    first_device: int = 0,
) -> Path:
    """Jetson TX2.

    Args:
        root: Where.
        mode: Of `nvpmodel`, 0 to 4.
        release: Of L4T, 28.2.1 or 32.7.1.
        isolated: CPUs that Linux puts nothing on; None for the release's, which are none for the older one.
        has_carrier: Whether it sits on NVIDIA's carrier board.
        first_device: Number of the first sensor: 1 swaps the module's two.
    """
    is_old = release.startswith("28.")
    if isolated is None:
        isolated = "" if is_old else "1-2"
    device_tree(
        root,
        model="quill",
        compatible=("nvidia,p2597-0000+p3310-1000", "nvidia,quill", "nvidia,tegra186"),
        source="tegra186-quill-p3310-1000-c03-00-base.dts",
    )
    linux(root, hostname="tx2", machine="aarch64", arguments=isolated and f"isolcpus={isolated}")
    l4t(root, release)
    cores(root, TX2_CPUS, online=TX2_ONLINE[mode], isolated=isolated)
    tegra_gpu(root, "17000000.gp10b")
    tx2_clocks(root, mode=mode, is_old=is_old)
    zones(root, TX2_ZONES)
    return power.tx2_rails(root, has_carrier=has_carrier, first_device=first_device, is_old=is_old)


def tx2_nx(root: Path) -> Path:
    """Jetson TX2 NX: one sensor chip."""
    device_tree(
        root,
        model="NVIDIA Jetson TX2 NX Developer Kit",
        compatible=("nvidia,p3509-0000+p3636-0001", "nvidia,tegra186"),
        source="tegra186-p3636-0001-p3509-0000-a01.dts",
    )
    linux(root, hostname="tx2nx", machine="aarch64", arguments="isolcpus=1-2")
    l4t(root, "32.7.1")
    cores(root, TX2_CPUS, isolated="1-2")
    tegra_gpu(root, "17000000.gp10b")
    zones(root, TX2_ZONES)
    return power.tx2_nx_rails(root)


def tx1(root: Path) -> Path:
    """Jetson TX1."""
    device_tree(
        root,
        model="jetson_tx1",
        compatible=("nvidia,p2597-2180", "nvidia,jetson-cv", "nvidia,tegra210"),
        source="tegra210-jetson-tx1-p2597-2180-a01-devkit.dts",
    )
    linux(root, hostname="tx1", machine="aarch64")
    l4t(root, "32.7.1")
    cores(root, dict.fromkeys(range(4), A57))
    tegra_gpu(root, "57000000.gpu")
    zones(root, {"CPU-therm": 31000, "GPU-therm": 30500, "PMIC-Die": 100000})
    return power.ina3221x(
        root,
        {"1-0040": {"VDD_IN": (19152, 200), "VDD_GPU": (19152, 0), "VDD_CPU": (19152, 24)}},
        ["iio:device0"],
    )


def nano(root: Path) -> Path:
    """Jetson Nano with 4 GB."""
    device_tree(
        root,
        model="NVIDIA Jetson Nano Developer Kit",
        compatible=("nvidia,p3449-0000-b00+p3448-0000-b00", "nvidia,jetson-nano", "nvidia,tegra210"),
        source="tegra210-p3448-0000-p3449-0000-b00.dts",
    )
    linux(root, hostname="nano", machine="aarch64")
    l4t(root, "32.7.1")
    cores(root, dict.fromkeys(range(4), A57))
    tegra_gpu(root, "57000000.gpu")
    zones(root, {"AO-therm": 40000, "CPU-therm": 31000, "GPU-therm": 30500, "PMIC-Die": 100000})
    return power.nano_rails(root)


def xavier_nx(root: Path) -> Path:
    """Jetson Xavier NX in a mode of four cores."""
    device_tree(
        root,
        model="NVIDIA Jetson Xavier NX Developer Kit",
        compatible=("nvidia,p3449-0000+p3668-0000", "nvidia,p3509-0000+p3668-0000", "nvidia,tegra194"),
        source="tegra194-p3668-all-p3509-0000.dts",
    )
    linux(root, hostname="xavier-nx", machine="aarch64")
    l4t(root, "32.7.1")
    cores(root, dict.fromkeys(range(6), CARMEL), online=range(4))
    tegra_gpu(root, "17000000.gv11b")
    zones(root, {"CPU-therm": 41000, "GPU-therm": 40500})
    return power.xavier_nx_rails(root)


def agx_xavier(root: Path) -> Path:
    """Jetson AGX Xavier: eight Carmel cores in pairs."""
    device_tree(
        root,
        model="Jetson-AGX",
        compatible=(
            "nvidia,galen",
            "nvidia,jetson-xavier",
            "nvidia,p2822-0000+p2888-0001",
            "nvidia,tegra194",
        ),
        source="tegra194-p2888-0001-p2822-0000.dts",
    )
    linux(root, hostname="agx-xavier", machine="aarch64")
    l4t(root, "32.7.1")
    cores(root, dict.fromkeys(range(8), CARMEL), clusters={cpu: cpu // 2 for cpu in range(8)})
    tegra_gpu(root, "17000000.gv11b")
    zones(root, {"CPU-therm": 41000, "GPU-therm": 40500})
    return power.agx_xavier_rails(root)


def agx_orin(root: Path) -> Path:
    """Jetson AGX Orin: three clusters of equal cores."""
    device_tree(
        root,
        model="Jetson AGX Orin Developer Kit",
        compatible=("nvidia,p3737-0000+p3701-0000", "nvidia,tegra234"),
    )
    linux(root, hostname="agx-orin", machine="aarch64")
    l4t(root, "35.4.1")
    cores(root, dict.fromkeys(range(12), A78AE), clusters={cpu: cpu // 4 for cpu in range(12)})
    tegra_gpu(root, "17000000.ga10b")
    zones(root, {"CPU-therm": 49000, "GPU-therm": 45000, "CV0-therm": -256000})
    return power.agx_orin_rails(root)


def orin_nano(root: Path) -> Path:
    """Jetson Orin Nano."""
    device_tree(
        root,
        model="NVIDIA Orin Nano Developer Kit",
        compatible=("nvidia,p3768-0000+p3767-0005", "nvidia,p3767-0005", "nvidia,tegra234"),
    )
    linux(root, hostname="orin-nano", machine="aarch64")
    l4t(root, "35.4.1")
    cores(root, dict.fromkeys(range(6), A78AE))
    tegra_gpu(root, "17000000.ga10b")
    zones(root, {"cpu-thermal": 49000, "gpu-thermal": 45000})
    return power.orin_nano_rails(root)


def raspberry_pi(root: Path) -> Path:
    """Raspberry Pi 4: four equal cores, no sensors."""
    device_tree(
        root, model="Raspberry Pi 4 Model B Rev 1.4", compatible=("raspberrypi,4-model-b", "brcm,bcm2711")
    )
    linux(root, hostname="raspberrypi", machine="aarch64")
    cores(root, dict.fromkeys(range(4), A72))
    return zones(root, {"cpu-thermal": 42842})


def rk3399(root: Path) -> Path:
    """A board with Rockchip's RK3399: four little cores and two big ones."""
    device_tree(root, model="FriendlyElec NanoPC-T4", compatible=("friendlyarm,nanopc-t4", "rockchip,rk3399"))
    linux(root, hostname="nanopc", machine="aarch64")
    cores(root, dict.fromkeys(range(4), A53) | dict.fromkeys((4, 5), A72))
    rk3399_clocks(root)
    return zones(root, {"cpu-thermal": 45000, "gpu-thermal": 44000})


def rk3588(root: Path) -> Path:
    """A board with Rockchip's RK3588: its big cores are two clusters with clocks of their own."""
    device_tree(root, model="Radxa ROCK 5B", compatible=("radxa,rock-5b", "rockchip,rk3588"))
    linux(root, hostname="rock", machine="aarch64")
    a55 = A53 | {"CPU part": "0xd05"}
    clusters = dict.fromkeys(range(4), 0) | dict.fromkeys((4, 5), 1) | dict.fromkeys((6, 7), 2)
    return cores(root, dict.fromkeys(range(4), a55) | dict.fromkeys(range(4, 8), A76), clusters=clusters)


def x86(root: Path, *, has_gpu: bool = False) -> Path:
    """A PC with two counters of energy."""
    linux(root, hostname="pc", machine="x86_64")
    cores(root, dict.fromkeys(range(8), ZEN))
    zones(root, {"acpitz": 27800})
    if has_gpu:
        graphics_card(root, "NVIDIA GeForce RTX 3090")
    return power.x86_rails(root)


def laptop(root: Path, *, has_power: bool = True) -> Path:
    """A laptop on battery, whose power it gives, or else voltage and current."""
    linux(root, hostname="laptop", machine="x86_64")
    cores(root, dict.fromkeys(range(4), ZEN))
    return power.laptop_battery(root, has_power=has_power)
