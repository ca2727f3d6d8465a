"""What the INA3221 power monitor's registers mean (Texas Instruments, SBOS576)."""

_CONVERSION_US = (140, 204, 332, 588, 1100, 2116, 4156, 8244)
_AVERAGES = (1, 4, 16, 64, 128, 256, 512, 1024)
_ROUNDING_MS = 0.5

CHANNELS = 3
CURRENT_STEP_UV = 40
"""Voltage over the shunt for one step of a reading."""


def window_s(configuration: int) -> float | None:
    """How long one reading of every channel takes, over which it is an average.

    Args:
        configuration: The chip's configuration register: channels in bits 14 to 12, number of averages in 11 to 9,
            time of a bus conversion in 8 to 6, of a shunt conversion in 5 to 3.

    Returns:
        Seconds; None where no channel is on.
    """
    channels = (configuration >> 12 & 7).bit_count()
    averages = _AVERAGES[configuration >> 9 & 7]
    bus, shunt = _CONVERSION_US[configuration >> 6 & 7], _CONVERSION_US[configuration >> 3 & 7]
    return channels * (bus + shunt) * averages / 1e6 or None


def step_mw(*, shunt_mohm: float, bus_mv: float) -> float | None:
    """By how much two power readings differ at least.

    Args:
        shunt_mohm: The shunt's resistance.
        bus_mv: The rail's voltage.
    """
    return CURRENT_STEP_UV / shunt_mohm * bus_mv / 1e3 if shunt_mohm > 0 and bus_mv > 0 else None


def hwmon_window_s(*, interval_ms: int, samples: int, channels: int) -> float:
    """The same from what Linux's hwmon driver says.

    Its `update_interval` is documented as the time for all samples; some kernels give it for one sample. Conversion
    times come in eight lengths, so that only one of the two is possible as a rule; the documented one where both are.

    Args:
        interval_ms: `update_interval`.
        samples: How many conversions make a reading.
        channels: How many are on.

    Returns:
        Seconds.
    """
    pairs_us = (bus + shunt for bus in _CONVERSION_US for shunt in _CONVERSION_US)
    is_of_all = any(
        abs(channels * samples * pair_us / 1e3 - interval_ms) <= _ROUNDING_MS for pair_us in pairs_us
    )
    return max(interval_ms, 1) / 1e3 * (1 if is_of_all else samples)
