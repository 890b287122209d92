"""Factories that are combinations of others."""

from __future__ import annotations

import sys

from .. import _C
from . import composite

_T = _C._functions


@composite("torch")
def empty_permuted(
    size, physical_layout, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False
):
    """A dense tensor of this size whose dimensions lie in memory in the order `physical_layout`.

    The first of `physical_layout` has the largest stride. Elements are as the memory comes.
    """
    size, order = list(size), list(physical_layout)
    n = len(size)
    if len(order) != n:
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. "
            f"len(size) = {n} is not equal to len(physical_layout) = {len(order)}"
        )
    for k, d in enumerate(order):
        if not 0 <= d < n:
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {n - 1}, but got {d} at index {k}).  "
                "NB: negative dims not currently supported; file an issue if you want it."
            )
        if d in order[:k]:
            raise RuntimeError("Duplicate dim not allowed")
    plain = _T.empty([size[d] for d in order], dtype=dtype, device=device)
    result = plain.permute([order.index(d) for d in range(n)]).detach()
    return result.requires_grad_() if requires_grad else result


@composite("torch")
def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=None):
    """A tensor of what `obj` is: a tensor, an array, a DLPack capsule, a buffer (read as `dtype`), numbers.

    Args:
        dtype, device: of the result; those of `obj` by default.
        copy: True: memory of its own. False: ValueError if it cannot share that of `obj`. None: if need be.
        requires_grad: whether the result is recorded; False detaches it from what `obj` was made of.
    """
    numpy = sys.modules.get("numpy")
    if isinstance(obj, _C.Tensor):
        result = obj
        if device is not None and _C.device(device) != obj.device:
            if copy is False:
                raise ValueError(f"can't alias tensor from device '{obj.device}' to '{device}'.")
            result = result.to(device)
        if dtype is not None and dtype != obj.dtype:
            if copy is False:
                names = (_dtype_name(obj.dtype), _dtype_name(dtype))
                raise ValueError(f"can't alias tensor with dtype '{names[0]}' into dtype '{names[1]}'.")
            result = result.to(dtype)
        if copy and result is obj:
            result = obj.clone()
        if requires_grad is False and result.requires_grad:
            result = result.detach()
        if not requires_grad or result.requires_grad:
            return result
        if not (result.is_floating_point() or result.is_complex()):
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        return result.requires_grad_()
    if numpy is not None and isinstance(obj, numpy.generic) and copy is False:
        raise RuntimeError(
            "can't alias NumPy scalars. Either remove copy=False or transform it in a ndarray. "
        )
    if numpy is not None and isinstance(obj, (numpy.ndarray, numpy.generic)):
        shared = _C.as_tensor(obj)
        return asarray(shared, dtype=dtype, device=device, copy=copy, requires_grad=requires_grad)
    if hasattr(obj, "__dlpack__") or type(obj).__name__ == "PyCapsule" and '"dltensor"' in repr(obj):
        from ..utils.dlpack import from_dlpack

        shared = from_dlpack(obj)
        return asarray(shared, dtype=dtype, device=device, copy=copy, requires_grad=requires_grad)
    if _is_buffer(obj):
        kind = dtype or _C.get_default_dtype()
        empty = memoryview(obj).nbytes == 0  # an error in PyTorch; safetensors has such tensors
        shared = _C.tensor([], dtype=kind) if empty else _C.frombuffer(obj, dtype=kind)
        return asarray(shared, device=device, copy=copy, requires_grad=requires_grad)
    if copy is False:
        raise ValueError("can't alias arbitrary sequence into a tensor.")
    return _C.tensor(obj, dtype=dtype, device=device, requires_grad=bool(requires_grad))


def _dtype_name(dtype) -> str:
    """Float for torch.float32, as PyTorch's errors have it."""
    short = {
        "float32": "Float",
        "float64": "Double",
        "float16": "Half",
        "bfloat16": "BFloat16",
        "int64": "Long",
    }
    short |= {"int32": "Int", "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool"}
    name = str(dtype).rsplit(".", 1)[-1]
    return short.get(name, {"complex64": "ComplexFloat", "complex128": "ComplexDouble"}.get(name, name))


def _is_buffer(obj) -> bool:
    try:
        memoryview(obj)
    except TypeError:
        return False
    return True


@composite("torch")
def from_file(
    filename,
    shared=None,
    size=0,
    *,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
    pin_memory=False,
):
    """A one-dimensional tensor over a file, which is mapped into memory.

    Args:
        filename: path of the file.
        shared: writes go to the file, which is made as long as need be. Else the file stays as it is.
        size: number of elements.
        dtype: of the elements; the default dtype.
    """
    from ..storage import UntypedStorage

    dtype = dtype or _C.get_default_dtype()
    storage = UntypedStorage.from_file(filename, bool(shared), size * dtype.itemsize)
    result = _T.empty(0, dtype=dtype).set_(storage, 0, (size,), (1,))
    return result.requires_grad_() if requires_grad else result
