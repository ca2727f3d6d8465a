"""Reaching a board: a saved one, one at an address, or this machine through an agent of its own."""

from host.remote.board import BoardDescription, OperatingPoint, ProcessorDescription
from host.remote.boards import connect
from host.remote.client import BoardClient
from host.remote.lease import Lease

__all__ = ["BoardClient", "BoardDescription", "Lease", "OperatingPoint", "ProcessorDescription", "connect"]
