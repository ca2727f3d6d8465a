"""Calls the stand-in as TVM would, but with chosen arguments; says as JSON what came back.

python calls.py STAND_IN    runs in a process of its own, here or on an emulated board
"""

import ctypes
import json
import sys
from ctypes import byref, c_char_p, c_float, c_int, c_size_t, c_uint, c_ulonglong, c_void_p
from typing import Any

MEMBERS = {
    "totalGlobalMem": (288, 8),
    "sharedMemPerBlock": (296, 8),
    "regsPerBlock": (304, 4),
    "warpSize": (308, 4),
    "memPitch": (312, 8),
    "maxThreadsPerBlock": (320, 4),
    "maxGridSize[2]": (344, 4),
    "totalConstMem": (352, 8),
    "major": (360, 4),
    "minor": (364, 4),
    "textureAlignment": (368, 8),
    "texturePitchAlignment": (376, 8),
    "multiProcessorCount": (384, 4),
    "maxTexture2DLinear[0]": (420, 4),
    "maxTexture3DAlt[0]": (452, 4),
    "maxTexture2DLayered[2]": (484, 4),
    "maxSurface1D": (496, 4),
    "maxSurfaceCubemapLayered[1]": (548, 4),
    "surfaceAlignment": (552, 8),
    "pciDomainID": (576, 4),
    "asyncEngineCount": (584, 4),
    "memoryBusWidth": (592, 4),
    "l2CacheSize": (596, 4),
    "persistingL2CacheMaxSize": (600, 4),
    "maxThreadsPerMultiProcessor": (604, 4),
    "sharedMemPerMultiprocessor": (624, 8),
    "managedMemory": (636, 4),
    "hostNativeAtomicSupported": (648, 4),
    "pageableMemoryAccess": (652, 4),
    "cooperativeLaunch": (668, 4),
    "sharedMemPerBlockOptin": (672, 8),
    "directManagedMemAccessFromHost": (684, 4),
    "maxBlocksPerMultiProcessor": (688, 4),
    "reservedSharedMemPerBlock": (696, 8),
    "hostRegisterSupported": (704, 4),
    "memoryPoolsSupported": (720, 4),
    "clusterLaunch": (748, 4),
    "unifiedFunctionPointers": (752, 4),
    "hostNumaId": (768, 4),
    "hostNumaMultinodeIpcSupported": (780, 4),
    "reserved": (784, 4),
}
"""Offset and size in bytes of members of cudaDeviceProp, as a compiler gives them for the headers of CUDA 13.0."""

PROPERTIES_BYTES = 1008


class LaunchConfig(ctypes.Structure):
    """CUlaunchConfig of the CUDA Driver API."""

    _fields_ = [
        ("grid", c_uint * 3),
        ("block", c_uint * 3),
        ("shared_bytes", c_uint),
        ("stream", c_void_p),
        ("attributes", c_void_p),
        ("attribute_count", c_uint),
    ]


class LaunchAttribute(ctypes.Structure):
    """CUlaunchAttribute of the CUDA Driver API."""

    _fields_ = [("kind", c_int), ("padding", ctypes.c_char * 4), ("value", ctypes.c_char * 64)]


def properties(cuda: ctypes.CDLL) -> dict[str, Any]:
    """Every member that is looked at, and whether bytes past the end were written."""
    raw = bytearray(b"\xee" * (PROPERTIES_BYTES + 64))
    status = cuda.cudaGetDeviceProperties((ctypes.c_char * len(raw)).from_buffer(raw), 0)
    numbers = {
        name: int.from_bytes(raw[offset : offset + size], sys.byteorder)
        for name, (offset, size) in MEMBERS.items()
    }
    return {
        "status": status,
        "name": raw[: raw.index(0)].decode(),
        "uuid": raw[256:272].hex(),
        "luid": raw[272:280].hex(),
        "mask": int.from_bytes(raw[280:284], sys.byteorder),
        "numbers": numbers,
        "end_is_untouched": raw[PROPERTIES_BYTES:] == b"\xee" * 64,
    }


def forwarded(cuda: ctypes.CDLL) -> dict[str, int]:
    """Calls what is handed on unchanged; gives each status."""
    one, two, number, other = c_void_p(), c_void_p(), c_size_t(), c_size_t()
    device, milliseconds = c_int(-1), c_float()
    stream, event, graph = c_void_p(0x51), c_void_p(0x52), c_void_p(0x53)
    buffer = (ctypes.c_char * 8)()
    status = {
        "cudaGetDeviceCount": cuda.cudaGetDeviceCount(byref(device)),
        "cudaGetDevice": cuda.cudaGetDevice(byref(device)),
        "cudaGetLastError": cuda.cudaGetLastError(),
        "cudaPeekAtLastError": cuda.cudaPeekAtLastError(),
        "cudaMalloc": cuda.cudaMalloc(byref(one), c_size_t(1 << 12)),
        "cudaMallocHost": cuda.cudaMallocHost(byref(two), c_size_t(77)),
        "cudaMemGetInfo": cuda.cudaMemGetInfo(byref(number), byref(other)),
        "cudaMemcpyAsync": cuda.cudaMemcpyAsync(one, buffer, c_size_t(8), 1, stream),
        "cudaMemcpyPeerAsync": cuda.cudaMemcpyPeerAsync(one, 3, buffer, 4, c_size_t(8), stream),
        "cudaFree": cuda.cudaFree(one),
        "cudaFreeHost": cuda.cudaFreeHost(two),
        "cudaStreamCreate": cuda.cudaStreamCreate(byref(one)),
        "cudaStreamCreateWithFlags": cuda.cudaStreamCreateWithFlags(byref(one), c_uint(1)),
        "cudaStreamWaitEvent": cuda.cudaStreamWaitEvent(stream, event, c_uint(0)),
        "cudaStreamSynchronize": cuda.cudaStreamSynchronize(stream),
        "cudaStreamDestroy": cuda.cudaStreamDestroy(stream),
        "cudaStreamBeginCapture": cuda.cudaStreamBeginCapture(stream, 2),
        "cudaStreamEndCapture": cuda.cudaStreamEndCapture(stream, byref(one)),
        "cudaEventCreate": cuda.cudaEventCreate(byref(one)),
        "cudaEventRecord": cuda.cudaEventRecord(event, stream),
        "cudaEventSynchronize": cuda.cudaEventSynchronize(event),
        "cudaEventElapsedTime": cuda.cudaEventElapsedTime(byref(milliseconds), event, stream),
        "cudaEventDestroy": cuda.cudaEventDestroy(event),
        "cudaGraphLaunch": cuda.cudaGraphLaunch(graph, stream),
        "cudaGraphExecDestroy": cuda.cudaGraphExecDestroy(graph),
        "cudaGraphDestroy": cuda.cudaGraphDestroy(graph),
    }
    assert (number.value, other.value, milliseconds.value) == (5_000_000_000, 8_000_000_000, 2.5)
    return status


def graph(cuda: ctypes.CDLL) -> dict[str, int]:
    """cudaGraphInstantiate in the form of CUDA 13, without flags and with one."""
    made = c_void_p()
    return {
        "plain": cuda.cudaGraphInstantiate(byref(made), c_void_p(0x53), c_ulonglong(0)),
        "with_flag": cuda.cudaGraphInstantiate(byref(made), c_void_p(0x53), c_ulonglong(1)),
    }


def launches(cuda: ctypes.CDLL) -> dict[str, int]:
    """cuLaunchKernelEx with and without attributes, and what only newer GPUs have."""
    attributes = (LaunchAttribute * 2)()
    config = LaunchConfig((5, 6, 7), (8, 9, 10), 1234, 0x51, ctypes.cast(attributes, c_void_p).value, 0)
    status = {"plain": cuda.cuLaunchKernelEx(byref(config), None, None, c_void_p(0x77))}
    config.attribute_count = 2
    status["with_ignored_attributes"] = cuda.cuLaunchKernelEx(byref(config), None, None, None)
    attributes[1].kind = 4
    status["with_an_attribute"] = cuda.cuLaunchKernelEx(byref(config), None, None, None)
    return status | {"tensor_map": cuda.cuTensorMapEncodeTiled()}


def attributes(cuda: ctypes.CDLL) -> dict[str, list[int]]:
    """Status and value of a known attribute, one too new for CUDA 10, and the error that is left behind."""
    value = c_int(-1)
    known = [cuda.cudaDeviceGetAttribute(byref(value), 97, 0), value.value]
    value.value = -1
    new = [cuda.cudaDeviceGetAttribute(byref(value), 120, 0), value.value]
    return {"known": known, "new": new, "last_error": [cuda.cudaGetLastError()]}


def devices(cuda: ctypes.CDLL) -> list[int]:
    """Choosing a device twice, then one that is not there."""
    return [cuda.cudaSetDevice(0), cuda.cudaSetDevice(0), cuda.cudaSetDevice(9)]


def errors(cuda: ctypes.CDLL) -> list[str]:
    """Name and text of an error."""
    cuda.cudaGetErrorName.restype = cuda.cudaGetErrorString.restype = c_char_p
    return [cuda.cudaGetErrorName(2).decode(), cuda.cudaGetErrorString(2).decode()]


PARTS = {
    part.__name__: part for part in (properties, forwarded, graph, launches, attributes, devices, errors)
}

if __name__ == "__main__":
    print(json.dumps(PARTS[sys.argv[2]](ctypes.CDLL(sys.argv[1]))))
