"""TVM's CUDA source made plain enough for every compiler: nvcc of CUDA 10 on a Jetson, NVRTC without its headers."""

import re

_HEXADECIMAL = re.compile(r"(0x[0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?p[+-]?\d+)(f?)(?:/\*[^*]*\*/)?")
_NVRTC_BRANCH = re.compile(r"(#ifdef __CUDACC_RTC__\n).*?(\n#else\n\s*#include <cstdint>)", re.DOTALL)

_INTEGERS = """typedef signed char int8_t;
typedef short int16_t;
typedef int int32_t;
typedef long long int64_t;
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;"""


def portable(source: str) -> str:
    """Rewrites CUDA source without a change of meaning.

    Hexadecimal floating-point numbers, which nvcc refuses before C++17, become decimal ones with as many digits as it
    takes to tell them apart. Headers of NVIDIA's C++ library, which NVRTC does not bring along, become the integer
    types that kernels use of them.

    Args:
        source: What TVM generated for a module.
    """
    return _HEXADECIMAL.sub(_decimal, _NVRTC_BRANCH.sub(rf"\1{_INTEGERS}\2", source))


def _decimal(match: re.Match[str]) -> str:
    value, suffix = float.fromhex(match[1]), match[2]
    return f"{value:.{9 if suffix else 17}e}{suffix}"
