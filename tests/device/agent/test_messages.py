"""Messages between agent and pipeline process arrive whole, arrays included."""

import socket
import threading

import numpy as np
import pytest

from device.messages import Message, receive, send


def test_fields_and_arrays_arrive_as_they_were_sent() -> None:
    here, there = socket.socketpair()
    arrays = {
        "image": np.arange(600_000, dtype="float32").reshape(1, 3, 400, 500),
        "scalar": np.array(7, dtype="int64"),
        "empty": np.zeros((0, 4), dtype="uint8"),
    }
    with here, there:
        sender = threading.Thread(
            target=send, args=(here, Message(kind="frame", fields={"number": 3}, arrays=arrays))
        )
        sender.start()
        message = receive(there)
        sender.join()
    assert message is not None
    assert (message.kind, message.fields) == ("frame", {"number": 3})
    for name, array in arrays.items():
        np.testing.assert_array_equal(message.arrays[name], array)
        assert message.arrays[name].dtype == array.dtype


@pytest.mark.parametrize("part", [b"", b"\x05\x00", b"\x05\x00\x00\x00{}"])
def test_a_closed_connection_is_the_end_and_no_message(part: bytes) -> None:
    here, there = socket.socketpair()
    with there:
        here.sendall(part)
        here.close()
        assert receive(there) is None
