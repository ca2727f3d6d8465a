"""Messages between agent and pipeline process arrive whole, arrays included."""

import socket
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from device.messages import Message, receive, send

ARRAYS = npst.arrays(
    dtype=st.sampled_from(["float32", "float64", "float16", "int8", "uint8", "int32", "int64", "bool"]),
    shape=npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)
FIELDS = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text(), max_size=4)


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


@given(kind=st.text(), fields=FIELDS, arrays=st.dictionaries(st.text(), ARRAYS, max_size=3))
def test_any_message_arrives_as_it_was_sent(
    kind: str, fields: dict[str, Any], arrays: dict[str, Any]
) -> None:
    here, there = socket.socketpair()
    with here, there:
        send(here, Message(kind=kind, fields=fields, arrays=arrays))
        found = receive(there)
    assert found is not None
    assert (found.kind, found.fields, found.arrays.keys()) == (kind, fields, arrays.keys())
    for name, array in arrays.items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[name], array)


def test_a_view_arrives_in_its_own_order_and_may_be_written_to() -> None:
    array = np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1)[::2]
    here, there = socket.socketpair()
    with here, there:
        send(here, Message(kind="frame", arrays={"x": array}))
        message = receive(there)
    assert message is not None
    np.testing.assert_array_equal(message.arrays["x"], array)
    assert message.arrays["x"].flags.writeable


def test_a_message_cut_off_anywhere_is_no_message() -> None:
    here, there = socket.socketpair()
    with here, there:
        send(here, Message(kind="frame", fields={"number": 1}, arrays={"x": np.ones(4, "float32")}))
        whole = there.recv(1 << 16)
    for length in range(len(whole)):
        here, there = socket.socketpair()
        with there:
            here.sendall(whole[:length])
            here.close()
            assert receive(there) is None
