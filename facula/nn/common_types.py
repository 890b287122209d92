"""Types that annotations of modules use: sizes that may be one number for all dimensions."""

# ruff: noqa: UP007  programs look at __args__ of a Union

from __future__ import annotations

from typing import Union

from .. import Tensor

__all__: list[str] = []


def _scalar_or_tuple(n: int):
    return Union[int, tuple[(int,) * n]]


_scalar_or_tuple_any_t = Union[int, tuple[int, ...]]
_scalar_or_tuple_1_t = _size_1_t = _scalar_or_tuple(1)
_scalar_or_tuple_2_t = _size_2_t = _scalar_or_tuple(2)
_scalar_or_tuple_3_t = _size_3_t = _scalar_or_tuple(3)
_scalar_or_tuple_4_t = _size_4_t = _scalar_or_tuple(4)
_scalar_or_tuple_5_t = _size_5_t = _scalar_or_tuple(5)
_scalar_or_tuple_6_t = _size_6_t = _scalar_or_tuple(6)
_size_any_t = _scalar_or_tuple_any_t

_ratio_2_t = Union[float, tuple[float, float]]
_ratio_3_t = Union[float, tuple[float, float, float]]
_ratio_any_t = Union[float, tuple[float, ...]]

_tensor_list_t = Union[Tensor, list[Tensor]]
_maybe_indices_t = Union[Tensor, tuple[Tensor, Tensor]]
