"""`device-agent`: serves this board until it is told to stop."""

import argparse
import logging
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from device import describe
from device.children import die_with_parent
from device.clocks import helper
from device.clocks.client import DEFAULT_SOCKET
from device.clocks.control import Clocks
from device.cuda import command as cuda_shim
from device.errors import BoardFileError, CudaError, DeviceError, PowerSourceError
from device.inventory import Board, detect_board, read_board_file
from device.sensors.source import SOURCE_VARIABLE, absolute_source
from device.service import AgentService
from protos.stageline.v1 import agent_pb2_grpc
from protos.wire import SERVER_OPTIONS

_log = logging.getLogger("device")

_SERVICE = "stageline.v1.Agent"
_LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
_DEFAULT_LISTEN = "127.0.0.1:7443"
_SWEEP_EVERY_S = 1.0
_WORKERS = 16
_USAGE, _BAD_INPUT = 2, 3


def main() -> None:
    """Runs the command line."""
    options = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        _choose_power(options)
        if options.command == describe.NAME:
            sys.stdout.write(describe.describe(options))
        elif options.command == helper.NAME:
            helper.run(options)
        elif options.command == cuda_shim.NAME:
            cuda_shim.run(options)
        else:
            _serve(_board(options), options)
    except (BoardFileError, CudaError, PowerSourceError) as error:
        _fail(error, _BAD_INPUT)
    except DeviceError as error:
        _fail(error, _USAGE)


def _fail(error: DeviceError, status: int) -> None:
    sys.stderr.write(f"device-agent: {error.message}" + (f" ({error.hint})\n" if error.hint else "\n"))
    raise SystemExit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="device-agent", description="Serves this board to Stageline hosts.")
    _add_board_options(parser)
    parser.add_argument(
        "--listen",
        default=_DEFAULT_LISTEN,
        metavar="HOST:PORT",
        help="default %(default)s; port 0 takes a free one",
    )
    parser.add_argument(
        "--insecure", action="store_true", help="serve others than this machine without certificates"
    )
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="this agent's certificate (PEM)")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key (PEM)")
    parser.add_argument(
        "--tls-ca", type=Path, metavar="FILE", help="who may sign the hosts' certificates (PEM)"
    )
    parser.add_argument("--port-file", type=Path, metavar="FILE", help="write HOST:PORT there when ready")
    parser.add_argument(
        "--die-with-parent", action="store_true", help="end when the process that started this one ends"
    )
    parser.add_argument(
        "--clocks-socket",
        type=Path,
        default=DEFAULT_SOCKET,
        metavar="PATH",
        help="where the helper that sets clocks listens; default %(default)s",
    )
    parser.add_argument(
        "--clocks-root",
        type=Path,
        default=Path("/"),
        metavar="DIR",
        help="look the clocks up in a copy of a board's files, for trying things out",
    )
    commands = parser.add_subparsers(dest="command", metavar="")
    describing = commands.add_parser(describe.NAME, help="say what this board is, and exit")
    _add_board_options(describing)
    describe.add_options(describing)
    helping = commands.add_parser(
        helper.NAME, help="set clocks for the agent; the one part that runs as root"
    )
    helper.add_options(helping)
    cuda_shim.add_parser(commands)
    return parser


def _add_board_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--board",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="processors declared in a TOML file",
    )
    parser.add_argument(
        "--name", default=argparse.SUPPRESS, help="what to call this board; default its host name"
    )
    parser.add_argument(
        "--power",
        metavar="SOURCE",
        default=argparse.SUPPRESS,
        help=f"where power readings come from: auto, none, synthetic, replay:FILE; default ${SOURCE_VARIABLE}, or auto",
    )


def _choose_power(options: argparse.Namespace) -> None:
    """Lets this process and its children read power from where the user said."""
    if source := getattr(options, "power", None):
        os.environ[SOURCE_VARIABLE] = absolute_source(source)


def _board(options: argparse.Namespace) -> Board:
    file: Path | None = getattr(options, "board", None)
    return read_board_file(file) if file else detect_board(getattr(options, "name", None))


def _serve(board: Board, options: argparse.Namespace) -> None:
    if options.die_with_parent:
        os.environ.setdefault("STAGELINE_PARENT", str(os.getppid()))
        die_with_parent()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    clocks = Clocks(board.processors, options.clocks_socket, options.clocks_root)
    service = AgentService(board, clocks=clocks)
    server = grpc.server(ThreadPoolExecutor(_WORKERS, "rpc"), options=SERVER_OPTIONS)
    agent_pb2_grpc.add_AgentServicer_to_server(service, server)
    checks = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    address = _bind(server, options)
    server.start()
    for name in ("", _SERVICE):
        checks.set(name, health_pb2.HealthCheckResponse.SERVING)
    _announce(address, options.port_file)
    while not stopping.wait(_SWEEP_EVERY_S):
        service.sweep()
    checks.enter_graceful_shutdown()
    service.close()
    server.stop(grace=1.0).wait()


def _bind(server: grpc.Server, options: argparse.Namespace) -> str:
    host, _, port = options.listen.rpartition(":")
    if not host or not port.isdigit():
        raise DeviceError(f"--listen takes HOST:PORT, got {options.listen!r}")
    try:
        credentials = _credentials(options)
        if credentials is not None:
            bound = server.add_secure_port(options.listen, credentials)
        else:
            _require_safe(host, options)
            bound = server.add_insecure_port(options.listen)
    except RuntimeError as error:
        raise DeviceError(
            f"cannot listen on {options.listen}: the address is taken or not this machine's"
        ) from error
    return f"{host}:{bound}"


def _credentials(options: argparse.Namespace) -> grpc.ServerCredentials | None:
    files = (options.tls_key, options.tls_cert, options.tls_ca)
    if not any(files):
        return None
    if not all(files):
        raise DeviceError("--tls-cert, --tls-key and --tls-ca belong together")
    try:
        key, certificate, authority = (file.read_bytes() for file in files)
    except OSError as error:
        raise DeviceError(f"cannot read {error.filename}: {error.strerror}") from error
    return grpc.ssl_server_credentials([(key, certificate)], authority, require_client_auth=True)


def _require_safe(host: str, options: argparse.Namespace) -> None:
    if host not in _LOOPBACK and not options.insecure:
        raise DeviceError(
            f"whoever reaches {options.listen} could run code here",
            hint="give --tls-cert, --tls-key and --tls-ca, or say --insecure on a network that you trust",
        )


def _announce(address: str, port_file: Path | None) -> None:
    _log.info("serving on %s", address)
    if port_file is not None:
        partial = port_file.with_suffix(".partial")
        partial.write_text(address)
        partial.replace(port_file)


if __name__ == "__main__":
    main()
