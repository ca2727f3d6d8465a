"""The private TVM RPC server of a lease: one process, one socket, one session.

Whoever may talk to it may run code as its user, so it never listens: it serves the one end of a socket pair whose other
end the agent holds, and is killed with the lease.
"""

import os
import socket
import struct
import sys
from pathlib import Path
from typing import Any

from device.children import die_with_parent

_MAGIC = 0xFF271
_SUCCESS = _MAGIC
_SERVER_KEY = b"server:stageline"


def main() -> None:
    """Serves the socket whose descriptor is the first argument.

    Uploads land in the folder that is the second argument; the third is where the lease's bundle is, once there is one;
    the fourth is the root below which the clocks are watched.
    """
    die_with_parent()
    descriptor, folder, bundle, root = int(sys.argv[1]), *map(Path, sys.argv[2:5])
    os.chdir(folder)
    connection = socket.socket(fileno=descriptor)
    _register(folder, bundle, root)
    _shake_hands(connection)
    import tvm_ffi

    tvm_ffi.get_global_func("rpc.ServerLoop")(connection.detach())


def _shake_hands(connection: socket.socket) -> None:
    """TVM's own greeting: magic and key from the client, code and key from the server (`tvm/rpc/server.py`)."""
    magic, length = struct.unpack("<ii", _receive(connection, 8))
    if magic != _MAGIC:
        sys.exit(f"not a TVM RPC client: it began with {magic:#x}")
    _receive(connection, length)
    connection.sendall(struct.pack("<ii", _SUCCESS, len(_SERVER_KEY)) + _SERVER_KEY)


def _receive(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            sys.exit(0)  # the host changed its mind
        data += part
    return data


def _register(folder: Path, bundle: Path, root: Path) -> None:
    """Gives the server its work folder and the measuring functions."""
    import tvm.runtime
    import tvm_ffi

    from device import cuda
    from device.measure import contest, remote

    def path_of(name: str) -> str:
        return str(folder / Path(name).name)

    def load_module(name: str) -> Any:
        return tvm.runtime.load_module(path_of(name))

    tvm_ffi.register_global_func("tvm.rpc.server.workpath", path_of, override=True)
    tvm_ffi.register_global_func("tvm.rpc.server.load_module", load_module, override=True)
    cuda.enable()  # a board without CUDA measures its CPUs
    remote.register(folder, root)
    contest.register(folder, bundle)


if __name__ == "__main__":
    main()
