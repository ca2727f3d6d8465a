"""How the functions that a host calls over TVM RPC answer: with JSON, failures included."""

import functools
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from device.errors import DeviceError

_log = logging.getLogger(__name__)

Function = Callable[..., dict[str, Any]]


def register_all(prefix: str, functions: Mapping[str, Function]) -> None:
    """Makes functions known to this process's TVM RPC server.

    Args:
        prefix: Stands before every name, such as `stageline.measure`.
        functions: They take texts and numbers, since nothing else crosses, and return what JSON can hold.
    """
    import tvm_ffi

    for name, function in functions.items():
        tvm_ffi.register_global_func(f"{prefix}.{name}", _answering(function), override=True)


def _answering(function: Function) -> Callable[..., str]:
    """Answers with JSON, failures included: an exception would leave TVM's caller with a text that nobody can sort."""

    @functools.wraps(function)
    def wrapper(*arguments: Any) -> str:
        try:
            return json.dumps(function(*arguments))
        except DeviceError as error:
            return _failure(error.code, error.message, error.hint)
        except Exception as error:  # whatever it is, the host must hear of it
            _log.exception("measuring failed")
            return _failure(DeviceError.code, f"{type(error).__name__}: {error}")

    return wrapper


def _failure(code: str, message: str, hint: str = "") -> str:
    return json.dumps({"error": {"code": code, "message": message, "hint": hint}})
