"""Power rails of a board: which there are, and what they read."""

from device.sensors.rails import Rail, find_rails, read_rails

__all__ = ["Rail", "find_rails", "read_rails"]
