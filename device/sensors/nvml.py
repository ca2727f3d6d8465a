"""Power of NVIDIA's graphics cards through the driver's own library; Jetson boards up to JetPack 5 do not have it."""

import ctypes
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from device.sensors.gauges import Gauge
from device.sensors.rails import Rail

LIBRARY = "libnvidia-ml.so.1"

_UJ_PER_MJ = 1e3
_ENERGY_WINDOW_S = 0.1
_POWER_WINDOW_S = 1.0
"""Since Ampere the power is an average over a second (NVML's reference, `nvmlDeviceGetPowerUsage`)."""


def find_nvml(load: Callable[[str], Any] = ctypes.CDLL) -> Iterator[Gauge]:
    """Every card that tells its energy (Volta and later) or its power; nothing without the driver.

    Args:
        load: Opens a shared library; raises OSError where there is none.
    """
    try:
        library = load(LIBRARY)
    except OSError:
        return
    if library.nvmlInit_v2() != 0:
        return
    count = ctypes.c_uint()
    if library.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
        return
    for index in range(count.value):
        card = ctypes.c_void_p()
        if library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(card)) == 0:
            yield _gauge(library, index, card)


def _gauge(library: Any, index: int, card: ctypes.c_void_p) -> Gauge:
    rail = Rail(name=f"nvidia-{index}", role="gpu", path=f"nvml:{index}")
    energy = partial(_energy_uj, library, card)
    if energy() is not None:
        return Gauge(rail=rail, read=energy, is_counter=True, window_s=_ENERGY_WINDOW_S)
    return Gauge(rail=rail, read=partial(_power_mw, library, card), window_s=_POWER_WINDOW_S)


def _energy_uj(library: Any, card: ctypes.c_void_p) -> float | None:
    energy_mj = ctypes.c_ulonglong()
    failed = library.nvmlDeviceGetTotalEnergyConsumption(card, ctypes.byref(energy_mj))
    return None if failed else energy_mj.value * _UJ_PER_MJ


def _power_mw(library: Any, card: ctypes.c_void_p) -> float | None:
    power_mw = ctypes.c_uint()
    failed = library.nvmlDeviceGetPowerUsage(card, ctypes.byref(power_mw))
    return None if failed else float(power_mw.value)
