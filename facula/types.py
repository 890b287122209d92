"""torch.types: names for annotations."""

from __future__ import annotations

import os
from typing import Any, Union

from ._C import Size, Tensor, device, dtype

__all__ = ["Device", "FileLike", "Number", "Storage"]

Number = Union[int, float, bool]  # noqa: UP007  usable with isinstance's relatives on every Python
_Number = (int, float, bool)
_int, _float, _bool = int, float, bool
_dtype, _device = dtype, device
_size = Union[Size, list[int], tuple[int, ...]]  # noqa: UP007
_symsize = _size
_TensorOrTensors = Union[Tensor, tuple[Tensor, ...]]  # noqa: UP007
_TensorOrTensorsOrGradEdge = _TensorOrTensors
Device = Union[device, str, int, None]  # noqa: UP007
FileLike = Union[str, os.PathLike, Any]  # noqa: UP007
Storage = Any
py_sym_types = ()
