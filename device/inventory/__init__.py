"""What this board is: processors, operating points, versions."""

from device.inventory.board import Board, Processor
from device.inventory.declared import read_board_file
from device.inventory.detect import detect_board

__all__ = ["Board", "Processor", "detect_board", "read_board_file"]
