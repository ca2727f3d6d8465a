"""What a schedule must know of a processor: registers, vectors, caches. Pure; found by the target's CPU name.

Sources stand beside the numbers. Where a design leaves a size open, the smaller one of what is sold; where
cores share a cache, a core's part of it.
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
        registers: Vector registers that a kernel may fill: those that a program can name, less what the compiler's
            schedule for the core takes to load ahead.
        multiply_adds: Vector multiply-adds that begin in one cycle.
        loads: Vector loads in one cycle.
        latency: Cycles from a multiply-add to the next one on the same sum.
        first_cache_bytes: Data cache next to the core.
        first_cache_ways: Lines of it that addresses compete for which share a set.
        second_cache_bytes: The cache behind it, the core's share where cores share it.
        broadcasts_from_memory: Whether a scalar in memory can be an operand for all lanes; otherwise lanes of a
            register are.
        last_cache_bytes: A cache behind the second one; 0 where there is none or not on all boards.
        memory_bytes: What one core alone reads from memory in one cycle.
        has_maxnum: Whether the larger of two numbers is one instruction with the rules of IEEE 754's maxNum, which
            LLVM takes only when it is told; x86 has its own rules, and LLVM sees them in a comparison.
    """

    lanes: int
    registers: int
    multiply_adds: int = 1
    loads: int = 1
    latency: int = 4
    first_cache_bytes: int = 32 * _KIB
    first_cache_ways: int = 8
    second_cache_bytes: int = 512 * _KIB
    broadcasts_from_memory: bool = True
    last_cache_bytes: int = 8 * 1024 * _KIB
    memory_bytes: float = 6.0
    has_maxnum: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A CUDA device, by its compute capability.

    A multiprocessor's numbers are those of the CUDA C++ Programming Guide, tables of features and of throughput; times
    and bandwidths are what published microbenchmarks found, rounded: only their proportions matter.

    Attributes:
        arch: Such as `sm_62`.
        multiprocessors: How many of them; only a guess, since a capability does not tell.
        cores: Multiply-adds that a multiprocessor begins in one cycle.
        shared_bytes: Shared memory that a block may use without asking for more.
        shared_bytes_of_all: Shared memory of all blocks on a multiprocessor.
        registers: 32-bit registers of a thread before it spills.
        registers_of_all: Registers of all threads on a multiprocessor.
        warp: Threads that run together.
        threads: Most threads of a block.
        threads_of_all: Most threads on a multiprocessor.
        latency: Cycles from a read of global memory to its value, mostly from the second cache.
        launch: Cycles that another kernel costs behind a first one.
        cache_bytes: What all multiprocessors together read from the second cache in one cycle.
    """

    arch: str
    multiprocessors: int
    cores: int = 128
    shared_bytes: int = 48 * _KIB
    shared_bytes_of_all: int = 64 * _KIB
    registers: int = 255
    registers_of_all: int = 64 * _KIB
    warp: int = 32
    threads: int = 1024
    threads_of_all: int = 2048
    latency: int = 400
    launch: int = 4000
    cache_bytes: int = 64


_SCALAR = Cpu(lanes=1, registers=32)

# Before AVX2 a product and a sum are two instructions, for different ports.
_SSE = Cpu(lanes=4, registers=16)
_AVX2 = Cpu(lanes=8, registers=16, multiply_adds=2, loads=2, latency=5, second_cache_bytes=256 * _KIB)
_AVX2_OF_ALDERLAKE = replace(
    _AVX2,
    loads=3,
    latency=4,
    first_cache_bytes=48 * _KIB,
    first_cache_ways=12,
    second_cache_bytes=1280 * _KIB,
)
_AVX512 = Cpu(
    lanes=16,
    registers=32,
    multiply_adds=2,
    loads=2,
    first_cache_bytes=48 * _KIB,
    first_cache_ways=12,
    second_cache_bytes=1024 * _KIB,
)
_AVX512_OF_SKYLAKE = replace(_AVX512, first_cache_bytes=32 * _KIB, first_cache_ways=8)

# Two ASIMD pipes of 64 bits: one multiply-add of a whole register a cycle.
_NEON = Cpu(
    lanes=4,
    registers=32,
    broadcasts_from_memory=False,
    has_maxnum=True,
    second_cache_bytes=256 * _KIB,
    last_cache_bytes=0,
    memory_bytes=4.0,
)
_NEON_IN_ORDER = replace(_NEON, registers=28, first_cache_ways=4)
_NEON_UNKNOWN = replace(_NEON_IN_ORDER, registers=30)

# Cortex-A76 and A78 Software Optimization Guides, and their successors': two pipes of 128 bits, sums forwarded after
# two of four cycles.
_NEON_TWICE = replace(
    _NEON, multiply_adds=2, loads=2, latency=2, first_cache_bytes=64 * _KIB, first_cache_ways=4
)
# Cortex-X1 and Neoverse V1 Software Optimization Guides.
_NEON_FOURFOLD = replace(_NEON_TWICE, multiply_adds=4, second_cache_bytes=512 * _KIB)

_ARM: Mapping[str, Cpu] = {
    "": _NEON_UNKNOWN,
    "cortex-a53": _NEON_IN_ORDER,
    "cortex-a55": _NEON_IN_ORDER,
    # Cortex-A57 Software Optimization Guide: sums forwarded after 5 of 10 cycles. Jetson TX2: 2 MiB for four cores.
    "cortex-a57": replace(_NEON, latency=5, first_cache_ways=2, second_cache_bytes=512 * _KIB),
    # Cortex-A72 Software Optimization Guide. Raspberry Pi 4: 1 MiB for four cores.
    "cortex-a72": replace(_NEON, first_cache_ways=2),
    "cortex-a76": _NEON_TWICE,
    "cortex-a77": _NEON_TWICE,
    "cortex-a78": _NEON_TWICE,
    "cortex-a710": _NEON_TWICE,
    "cortex-a715": _NEON_TWICE,
    "cortex-a720": _NEON_TWICE,
    "cortex-x": _NEON_FOURFOLD,
    "neoverse-n": replace(_NEON_TWICE, second_cache_bytes=1024 * _KIB),
    "neoverse-v": replace(_NEON_FOURFOLD, second_cache_bytes=1024 * _KIB),
    # NVIDIA's Technical Reference Manuals of Xavier and Parker give the caches, 2 MiB for two cores; nobody published
    # the pipes, Denver's are what its designers showed (Hot Chips 26). LLVM has no name for Denver.
    "carmel": replace(_NEON_TWICE, latency=4, second_cache_bytes=1024 * _KIB),
    "denver2": replace(_NEON_TWICE, latency=4, second_cache_bytes=1024 * _KIB),
    # Apple Silicon CPU Optimization Guide, and dougallj's measurements of the M1: 12 MiB for four cores.
    "apple-": replace(
        _NEON, multiply_adds=4, loads=3, first_cache_bytes=128 * _KIB, second_cache_bytes=3072 * _KIB
    ),
}

_X86: Mapping[str, Cpu] = {
    "": _SSE,
    "x86-64-v3": _AVX2,
    "x86-64-v4": _AVX512,
    # Intel 64 and IA-32 Architectures Optimization Reference Manual.
    "haswell": _AVX2,
    "broadwell": _AVX2,
    "skylake": replace(_AVX2, latency=4),
    "alderlake": _AVX2_OF_ALDERLAKE,
    "raptorlake": _AVX2_OF_ALDERLAKE,
    "skylake-avx512": _AVX512_OF_SKYLAKE,
    "cascadelake": _AVX512_OF_SKYLAKE,
    "cooperlake": _AVX512_OF_SKYLAKE,
    "icelake-client": replace(_AVX512, multiply_adds=1, second_cache_bytes=512 * _KIB),
    "tigerlake": replace(_AVX512, multiply_adds=1),
    "icelake-server": _AVX512,
    "sapphirerapids": _AVX512,
    "emeraldrapids": _AVX512,
    "graniterapids": _AVX512,
    # AMD's Software Optimization Guides of families 17h, 19h and 1Ah: the first and the fourth Zen halve their widest
    # vectors.
    "znver": _AVX512,
    "znver1": replace(_AVX2, multiply_adds=1, loads=1, second_cache_bytes=512 * _KIB),
    "znver2": replace(_AVX2, second_cache_bytes=512 * _KIB),
    "znver3": replace(_AVX2, latency=4, second_cache_bytes=512 * _KIB),
    "znver4": replace(_AVX512_OF_SKYLAKE, multiply_adds=1, loads=1),
}

_CORES: Mapping[str, Mapping[str, Cpu]] = {"aarch64": _ARM, "arm64": _ARM, "x86_64": _X86, "": {"": _SCALAR}}
"""By architecture and the beginning of LLVM's name for the core: the longest that fits holds."""

_BY_FEATURE: Mapping[str, Cpu] = {"+avx512f": _AVX512, "+avx2": _AVX2}

_GPU = Gpu(arch="sm_50", multiprocessors=5, cache_bytes=256)
_GPU_OF_SERVER = replace(_GPU, cores=64, latency=500, launch=3000, cache_bytes=2048)

_GPUS: Mapping[str, Gpu] = {
    "sm_53": replace(_GPU, multiprocessors=2, cache_bytes=64),
    "sm_60": replace(_GPU_OF_SERVER, multiprocessors=56),
    "sm_61": replace(_GPU, multiprocessors=20, shared_bytes_of_all=96 * _KIB, cache_bytes=1024),
    "sm_62": replace(_GPU, multiprocessors=2, cache_bytes=128),
    "sm_70": replace(_GPU_OF_SERVER, multiprocessors=80, shared_bytes_of_all=96 * _KIB),
    "sm_72": replace(_GPU, multiprocessors=8, cores=64, shared_bytes_of_all=96 * _KIB),
    "sm_75": replace(_GPU_OF_SERVER, multiprocessors=40, threads_of_all=1024, cache_bytes=1024),
    "sm_80": replace(_GPU_OF_SERVER, multiprocessors=108, shared_bytes_of_all=164 * _KIB, cache_bytes=4096),
    "sm_86": replace(
        _GPU_OF_SERVER, multiprocessors=46, cores=128, shared_bytes_of_all=100 * _KIB, threads_of_all=1536
    ),
    "sm_87": replace(
        _GPU, multiprocessors=8, shared_bytes_of_all=164 * _KIB, threads_of_all=1536, cache_bytes=512
    ),
    "sm_89": replace(
        _GPU_OF_SERVER, multiprocessors=58, cores=128, shared_bytes_of_all=100 * _KIB, threads_of_all=1536
    ),
    "sm_90": replace(
        _GPU_OF_SERVER, multiprocessors=132, cores=128, shared_bytes_of_all=228 * _KIB, cache_bytes=4096
    ),
}


def describe_cpu(target: Mapping[str, Any]) -> Cpu:
    """The core that a target names; a modest one of its architecture where the name is unknown.

    Args:
        target: TVM's target as a dictionary.
    """
    name, features = str(target.get("mcpu", "")), target.get("mattr", ())
    architecture = str(target.get("mtriple", "x86_64")).split("-", maxsplit=1)[0]
    cores = _CORES.get(architecture, _CORES[""])
    named = cores[max((start for start in cores if name.startswith(start)), key=len)]
    return max((named, *(_BY_FEATURE[f] for f in features if f in _BY_FEATURE)), key=lambda cpu: cpu.lanes)


def describe_gpu(target: Mapping[str, Any]) -> Gpu:
    """The GPU that a target names.

    Args:
        target: TVM's target as a dictionary, with `arch`.
    """
    arch = str(target.get("arch", "sm_50"))
    return replace(_GPUS.get(arch.rstrip("af"), _GPU), arch=arch)
