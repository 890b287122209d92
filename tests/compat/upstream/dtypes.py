"""Groups of dtypes under the names that PyTorch's test files know them by, as tuples without repetition."""

from __future__ import annotations

import numpy as np
import torch

FLOATING = (torch.float32, torch.float64)
HALVES = (torch.float16, torch.bfloat16)
FLOAT8 = tuple(
    getattr(torch, name)
    for name in ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz")
    if hasattr(torch, name)
)
COMPLEX = (torch.complex64, torch.complex128)
INTEGRAL = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)

TO_NUMPY = {
    torch.bool: np.bool_,
    torch.bfloat16: np.float32,  # NumPy has neither this
    torch.complex32: np.complex64,  # nor this
}
_SHARED = "uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 float64 complex64 complex128"
for _name in _SHARED.split():
    TO_NUMPY[getattr(torch, _name)] = getattr(np, _name)
FROM_NUMPY = {
    kind: dtype for dtype, kind in TO_NUMPY.items() if dtype not in (torch.bfloat16, torch.complex32)
}


def _group(*members: torch.dtype):
    """Two functions: the group, and the group with more dtypes."""

    def group() -> tuple[torch.dtype, ...]:
        return members

    def group_and(*more: torch.dtype) -> tuple[torch.dtype, ...]:
        return tuple(dict.fromkeys((*members, *more)))

    return group, group_and


floating_types, floating_types_and = _group(*FLOATING)
complex_types, complex_types_and = _group(*COMPLEX)
integral_types, integral_types_and = _group(*INTEGRAL)
floating_and_complex_types, floating_and_complex_types_and = _group(*FLOATING, *COMPLEX)
all_types, all_types_and = _group(*FLOATING, *INTEGRAL)
all_types_and_complex, all_types_and_complex_and = _group(*FLOATING, *INTEGRAL, *COMPLEX)
_, all_types_complex_float8_and = _group(*FLOATING, *INTEGRAL, *COMPLEX, *FLOAT8)
_, float8_types_and = _group(*FLOAT8)

float_to_corresponding_complex_type_map = {
    torch.float16: torch.complex32,
    torch.float32: torch.complex64,
    torch.float64: torch.complex128,
}


def get_all_int_dtypes() -> list[torch.dtype]:
    return list(INTEGRAL)


def get_all_complex_dtypes(include_complex32: bool = False) -> list[torch.dtype]:
    return [torch.complex32] * include_complex32 + list(COMPLEX)


def get_all_fp_dtypes(include_half: bool = True, include_bfloat16: bool = True) -> list[torch.dtype]:
    return list(FLOATING) + [torch.float16] * include_half + [torch.bfloat16] * include_bfloat16


def get_all_math_dtypes(device: str) -> list[torch.dtype]:
    return get_all_int_dtypes() + get_all_fp_dtypes(False, False) + get_all_complex_dtypes()


def get_all_dtypes(
    include_half: bool = True,
    include_bfloat16: bool = True,
    include_bool: bool = True,
    include_complex: bool = True,
    include_complex32: bool = False,
    include_qint: bool = False,
) -> list[torch.dtype]:
    chosen = get_all_int_dtypes() + get_all_fp_dtypes(include_half, include_bfloat16)
    if include_bool:
        chosen.append(torch.bool)
    if include_complex:
        chosen += get_all_complex_dtypes(include_complex32)
    return chosen


def get_all_qint_dtypes() -> list[torch.dtype]:
    return []
