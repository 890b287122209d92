"""What factories make of layout=torch.sparse_coo and the compressed layouts: tensors that hold nothing."""

from __future__ import annotations

from .. import _C
from . import sparse  # noqa: F401  first: the others build on it
from .compressed import layout_name
from .compressed_new import nothing
from .sparse_layout import _nothing

# What PyTorch fills a tensor with that it cannot fill, of a sparse layout.
_WRITES = {"rand": "uniform_", "randn": "normal_", "randint": "random_"}
_EMPTY = ("zeros", "empty", "new_zeros", "new_empty", "zeros_like")
_FULL = ("ones", "full", "new_ones", "new_full")


def _refuse(name, layout):
    raise NotImplementedError(
        f"Could not run 'aten::{name}' with arguments from the '{layout_name(layout)}CPU' backend. It makes "
        "dense tensors: to_sparse() makes them sparse"
    )


def made(name, args, kwargs):
    """The tensor that a factory of this name makes, called with a sparse layout among `kwargs`."""
    layout = kwargs.pop("layout")
    if name in _FULL:
        raise RuntimeError("full(...) is not implemented for sparse layout")
    if name not in _EMPTY:
        _refuse(_WRITES.get(name, "empty_strided" if name.endswith("_like") else name), layout)
    if kwargs.get("out") is not None:
        raise RuntimeError(f"{name}(): out= and layout={layout} do not go together")
    requires_grad = kwargs.pop("requires_grad", False)
    call = getattr(_C.Tensor, name) if name.startswith("new_") else getattr(_C._functions, name)
    like = call(*args, **{**kwargs, "device": "meta"})  # its size and dtype
    if layout == _C.sparse_coo:
        result = _nothing(like.shape, like.dim(), like.dtype)
    else:
        kind = "zeros" if "zeros" in name else "empty"
        result = nothing(like.shape, layout, like.dtype, name=kind)
    return result.requires_grad_(requires_grad)
