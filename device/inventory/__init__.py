"""What this board is: processors, GPU, sensors, operating points, versions."""

from device.inventory.board import Board, Processor, Readings
from device.inventory.declared import read_board_file
from device.inventory.detect import detect_board, read_sensors
from device.inventory.gpu import Gpu

__all__ = ["Board", "Gpu", "Processor", "Readings", "detect_board", "read_board_file", "read_sensors"]
