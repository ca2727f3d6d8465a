"""Clocks of a board: the operating points that it has, setting one, and leaving everything as it was found."""

from device.clocks.points import OperatingPoint, find_points

__all__ = ["OperatingPoint", "find_points"]
