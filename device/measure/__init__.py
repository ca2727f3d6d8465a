"""Measuring a network's layers on this board: latency in network order, until it is steady."""
