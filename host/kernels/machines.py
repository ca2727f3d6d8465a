"""What a schedule must know of a processor: registers, vectors, caches. Pure; found by the target's CPU name.

Sources: Intel and AMD optimization manuals; Arm's Cortex-A57, A72 and A78 Software Optimization Guides; dougallj's
measurements of Apple's M1. A number that a guide leaves open is the smaller one of what is common.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

_KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """One core.

    Attributes:
        lanes: float32 numbers in a vector register.
        registers: Vector registers that a program can name.
        multiply_adds: Vector multiply-adds that begin in one cycle.
        loads: Vector loads in one cycle.
        latency: Cycles from a multiply-add to the next one on the same sum.
        first_cache_bytes: Data cache next to the core.
        second_cache_bytes: The cache behind it, the core's share where cores share it.
        broadcasts_from_memory: Whether a scalar in memory can be an operand for all lanes; otherwise lanes of a
            register are.
        last_cache_bytes: A cache behind the second one; 0 where there is none or not on all boards.
        memory_bytes: What one core alone reads from memory in one cycle.
    """

    lanes: int
    registers: int
    multiply_adds: int = 1
    loads: int = 1
    latency: int = 4
    first_cache_bytes: int = 32 * _KIB
    second_cache_bytes: int = 512 * _KIB
    broadcasts_from_memory: bool = True
    last_cache_bytes: int = 8 * 1024 * _KIB
    memory_bytes: float = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A CUDA device, by its compute capability.

    Attributes:
        arch: Such as `sm_62`.
        multiprocessors: How many of them; only a guess, since a capability does not tell.
        shared_bytes: Shared memory that a block may use without asking for more.
        registers: 32-bit registers of a thread before it spills.
        warp: Threads that run together.
        threads: Most threads of a block.
    """

    arch: str
    multiprocessors: int
    shared_bytes: int = 48 * _KIB
    registers: int = 255
    warp: int = 32
    threads: int = 1024


_SSE = Cpu(lanes=4, registers=16, loads=2, multiply_adds=2)
_AVX2 = Cpu(lanes=8, registers=16, loads=2, multiply_adds=2)
_AVX512 = Cpu(
    lanes=16,
    registers=32,
    loads=2,
    multiply_adds=2,
    first_cache_bytes=48 * _KIB,
    second_cache_bytes=1024 * _KIB,
)
_NEON = Cpu(lanes=4, registers=32, broadcasts_from_memory=False, last_cache_bytes=0, memory_bytes=4.0)

_BY_NAME: Mapping[str, Cpu] = {
    "cortex-a53": _NEON,
    "cortex-a57": replace(_NEON, latency=5, loads=1),
    "cortex-a72": replace(_NEON, loads=1),
    "cortex-a76": replace(_NEON, multiply_adds=2, loads=2, first_cache_bytes=64 * _KIB),
    "cortex-a78": replace(_NEON, multiply_adds=2, loads=2, first_cache_bytes=64 * _KIB),
    "carmel": replace(_NEON, multiply_adds=2, loads=2, first_cache_bytes=64 * _KIB),
    "denver2": replace(
        _NEON, multiply_adds=2, loads=2, first_cache_bytes=64 * _KIB, second_cache_bytes=1024 * _KIB
    ),
    "apple-m1": replace(
        _NEON, multiply_adds=4, loads=3, first_cache_bytes=128 * _KIB, second_cache_bytes=3072 * _KIB
    ),
    "x86-64-v3": _AVX2,
    "x86-64-v4": _AVX512,
}

_AVX512_NAMES = ("skylake-avx512", "icelake", "sapphirerapids", "cascadelake", "znver4", "znver5")
_AVX2_NAMES = ("haswell", "broadwell", "skylake", "alderlake", "znver")

_MULTIPROCESSORS = {
    "53": 2,
    "62": 2,
    "72": 8,
    "87": 8,
    "70": 80,
    "75": 40,
    "80": 108,
    "86": 46,
    "89": 58,
    "90": 132,
}


def describe_cpu(target: Mapping[str, Any]) -> Cpu:
    """The core that a target names; a modest one of its architecture where the name is unknown.

    Args:
        target: TVM's target as a dictionary.
    """
    name, features = str(target.get("mcpu", "")), set(target.get("mattr", ()))
    if name in _BY_NAME:
        return _BY_NAME[name]
    if not str(target.get("mtriple", "x86_64")).startswith("x86_64"):
        return _NEON
    if "+avx512f" in features or name.startswith(_AVX512_NAMES):
        return _AVX512
    return _AVX2 if "+avx2" in features or name.startswith(_AVX2_NAMES) else _SSE


def describe_gpu(target: Mapping[str, Any]) -> Gpu:
    """The GPU that a target names.

    Args:
        target: TVM's target as a dictionary, with `arch`.
    """
    arch = str(target.get("arch", "sm_50"))
    return Gpu(arch=arch, multiprocessors=_MULTIPROCESSORS.get(arch.removeprefix("sm_"), 16))
