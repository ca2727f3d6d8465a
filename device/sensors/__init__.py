"""Power rails of a board: which there are, and what they read."""

from device.sensors.gauges import Gauge, Meter
from device.sensors.rails import Rail
from device.sensors.source import find_rails, open_gauges, read_rails

__all__ = ["Gauge", "Meter", "Rail", "find_rails", "open_gauges", "read_rails"]
