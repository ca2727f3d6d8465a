"""Messages between the agent and its pipeline process: a JSON header and arrays, over a socket."""

import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message.

    Attributes:
        kind: What it is about.
        fields: Small values, as JSON has them.
        arrays: Tensors by name.
    """

    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)


def send(connection: socket.socket, message: Message) -> None:
    """Sends a message whole; one thread at a time."""
    forms = [
        {"name": name, "dtype": str(array.dtype), "shape": list(array.shape)}
        for name, array in message.arrays.items()
    ]
    header = json.dumps({"kind": message.kind, "fields": dict(message.fields), "arrays": forms}).encode()
    connection.sendall(_LENGTH.pack(len(header)) + header)
    for array in message.arrays.values():
        if array.size:
            connection.sendall(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def receive(connection: socket.socket) -> Message | None:
    """The next message; None when the other side has closed the connection."""
    prefix = _read(connection, _LENGTH.size)
    if prefix is None:
        return None
    header = json.loads(_read(connection, _LENGTH.unpack(prefix)[0]) or b"null")
    if header is None:
        return None
    arrays: dict[str, Array] = {}
    for form in header["arrays"]:
        dtype, shape = np.dtype(form["dtype"]), tuple(form["shape"])
        data = _read(connection, dtype.itemsize * int(np.prod(shape, dtype=np.int64)))
        if data is None:
            return None
        arrays[form["name"]] = np.frombuffer(data, dtype).reshape(shape)
    return Message(kind=header["kind"], fields=header["fields"], arrays=arrays)


def _read(connection: socket.socket, count: int) -> bytearray | None:
    data = bytearray(count)
    view, position = memoryview(data), 0
    while position < count:
        got = connection.recv_into(view[position:])
        if not got:
            return None
        position += got
    return data
