"""Writes the sensor files of boards below a root, as their kernels show them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

TX2_MODULE = {
    "0-0040": {"VDD_SYS_GPU": (19152, 12), "VDD_SYS_SOC": (19144, 8), "VDD_4V0_WIFI": (4784, 0)},
    "0-0041": {"VDD_IN": (19152, 278), "VDD_SYS_CPU": (19152, 100), "VDD_SYS_DDR": (4784, 68)},
}
TX2_CARRIER = {
    "0-0042": {"VDD_MUX": (19160, 300), "VDD_5V0_IO_SYS": (4992, 100), "VDD_3V3_SYS": (3312, 120)},
    "0-0043": {"VDD_3V3_IO_SLP": (3312, 4), "VDD_1V8_IO": (1800, 20), "VDD_3V3_SYS_M2": (3312, 0)},
}
"""Voltage in millivolts and current in milliamperes by rail and chip; VDD_IN draws 5324 mW."""

TX2_CONFIGURATION = 0x7C07
"""512 averages of 2 x 140 us on three channels: 430 ms."""

Chips = Mapping[str, Mapping[str, tuple[int, int]]]


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Writes files below a root."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def tx2_rails(root: Path, *, has_carrier: bool = True, first_device: int = 0, is_old: bool = False) -> Path:
    """INA3221s of a Jetson TX2 under L4T 32, or 28.

    Args:
        root: Where.
        has_carrier: Whether the module sits on NVIDIA's carrier board, which has two more of them.
        first_device: Number of the first chip's IIO device: 1 swaps the module's two.
        is_old: L4T 28, which numbers no devices.
    """
    chips = TX2_MODULE | (TX2_CARRIER if has_carrier else {})
    folders = ["iio_device" if is_old else f"iio:device{index ^ first_device}" for index in range(len(chips))]
    return ina3221x(root, chips, folders, configuration=TX2_CONFIGURATION, shunt_mohm=10)


def tx2_nx_rails(root: Path) -> Path:
    """One chip."""
    return ina3221x(
        root,
        {"1-0040": {"VDD_IN": (4984, 800), "VDD_CPU_GPU": (4984, 160), "VDD_SOC": (4984, 200)}},
        ["iio:device0"],
    )


def nano_rails(root: Path) -> Path:
    """Jetson Nano."""
    return ina3221x(
        root,
        {"6-0040": {"POM_5V_IN": (5120, 400), "POM_5V_GPU": (5120, 8), "POM_5V_CPU": (5112, 96)}},
        ["iio:device0"],
    )


def xavier_nx_rails(root: Path) -> Path:
    """Jetson Xavier NX."""
    return ina3221x(
        root,
        {"7-0040": {"VDD_IN": (4960, 900), "VDD_CPU_GPU_CV": (4960, 168), "VDD_SOC": (4960, 240)}},
        ["iio:device0"],
    )


def agx_xavier_rails(root: Path) -> Path:
    """Jetson AGX Xavier: no rail is the input of the others."""
    return ina3221x(
        root,
        {
            "1-0040": {"GPU": (19080, 20), "CPU": (19080, 40), "SOC": (19080, 60)},
            "1-0041": {"CV": (19080, 0), "VDDRQ": (19080, 20), "SYS5V": (19080, 100)},
        },
        ["iio:device0", "iio:device1"],
    )


def ina3221x(
    root: Path,
    chips: Chips,
    folders: Sequence[str],
    *,
    configuration: int | None = None,
    shunt_mohm: int | None = None,
) -> Path:
    """Chips under NVIDIA's driver of L4T up to 32."""
    for (chip, rails), folder in zip(chips.items(), folders, strict=True):
        base = f"sys/bus/i2c/devices/{chip}"
        files: dict[str, str | bytes] = {f"{base}/name": "ina3221x\n"}
        if configuration is not None:
            files[f"{base}/of_node/ti,continuous-config"] = configuration.to_bytes(4)
        for channel, (name, (volt_mv, current_ma)) in enumerate(rails.items()):
            files |= {
                f"{base}/{folder}/rail_name_{channel}": f"{name}\n",
                f"{base}/{folder}/in_voltage{channel}_input": f"{volt_mv}\n",
                f"{base}/{folder}/in_current{channel}_input": f"{current_ma}\n",
                f"{base}/{folder}/in_power{channel}_input": f"{volt_mv * current_ma // 1000}\n",
                f"{base}/{folder}/crit_current_limit_{channel}": "2400 ma\n",
            }
            if shunt_mohm is not None:
                files[f"{base}/of_node/channel@{channel}/ti,shunt-resistor-mohm"] = shunt_mohm.to_bytes(4)
        write(root, files)
    return root


def agx_orin_rails(root: Path) -> Path:
    """Jetson AGX Orin under L4T from 34: two channels are called NC, and DRAM is fed from VIN_SYS_5V0."""
    hwmon_ina3221(
        root, 3, {"VDD_GPU_SOC": (19096, 168), "VDD_CPU_CV": (19096, 40), "VIN_SYS_5V0": (4992, 800)}
    )
    return hwmon_ina3221(root, 4, {"NC": (0, 0), "VDDQ_VDD2_1V8AO": (4992, 120), "NC ": (0, 0)})


def orin_nano_rails(root: Path) -> Path:
    """Jetson Orin Nano and NX."""
    return hwmon_ina3221(
        root, 1, {"VDD_IN": (5032, 1000), "VDD_CPU_GPU_CV": (5032, 160), "VDD_SOC": (5032, 280)}
    )


def hwmon_ina3221(root: Path, number: int, rails: Mapping[str, tuple[int, int]]) -> Path:
    """A chip under mainline's driver."""
    base = f"sys/class/hwmon/hwmon{number}"
    files: dict[str, str | bytes] = {
        f"{base}/name": "ina3221\n",
        f"{base}/samples": "1\n",
        f"{base}/update_interval": "7\n",
        f"{base}/in7_label": "sum of shunt voltages\n",
        f"{base}/in7_input": "9\n",
    }
    for channel, (name, (volt_mv, current_ma)) in enumerate(rails.items(), start=1):
        files |= {
            f"{base}/in{channel}_label": f"{name.strip()}\n",
            f"{base}/in{channel}_input": f"{volt_mv}\n",
            f"{base}/in{channel}_enable": "1\n",
            f"{base}/curr{channel}_input": f"{current_ma}\n",
            f"{base}/shunt{channel}_resistor": "5000\n",
        }
    return write(root, files)


def x86_rails(root: Path, *, has_psys: bool = False) -> Path:
    """Counters of an x86 machine with two packages; the first is there a second time behind MMIO."""
    domains = {"intel-rapl:0": "package-0", "intel-rapl:0:0": "core", "intel-rapl:0:2": "dram"}
    domains |= {"intel-rapl:1": "package-1", "intel-rapl-mmio:0": "package-0"}
    if has_psys:
        domains["intel-rapl:2"] = "psys"
    for folder, name in domains.items():
        base = f"sys/class/powercap/{folder}"
        write(
            root,
            {
                f"{base}/name": f"{name}\n",
                f"{base}/energy_uj": "1000000\n",
                f"{base}/max_energy_range_uj": "262143328850\n",
            },
        )
    return root


def laptop_battery(root: Path, *, status: str = "Discharging", has_power: bool = True) -> Path:
    """A battery that gives 9.5 W, and a mains adapter."""
    base = "sys/class/power_supply/BAT0"
    files: dict[str, str | bytes] = {
        "sys/class/power_supply/AC/type": "Mains\n",
        f"{base}/type": "Battery\n",
        f"{base}/status": f"{status}\n",
        f"{base}/voltage_now": "11875000\n",
        f"{base}/current_now": "-800000\n",
    }
    if has_power:
        files[f"{base}/power_now"] = "9500000\n"
    return write(root, files)
