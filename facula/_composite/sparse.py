"""Sparse tensors in coordinate form: how they are made, and the functions that know them.

Each operation is written on indices and values, with recorded operations on the values, so that gradients of
values and of dense operands follow.
"""

from __future__ import annotations

from .. import _C
from .._parts import TensorOfParts, as_type
from . import composite

_T = _C._functions


def _known(*names):
    """The decorated function is what these functions of torch do when they are given a sparse tensor."""

    def register(function):
        from .._sparse import FUNCTIONS

        FUNCTIONS.update(dict.fromkeys(names, function))
        return function

    return register


def _make(indices, values, size, coalesced=None):
    from .._sparse import make

    return make(indices, values, size, coalesced)


def _sparse(x):
    return isinstance(x, _C.Tensor) and x.is_sparse


# --- making ---


@composite("torch")
def sparse_coo_tensor(
    indices=None,
    values=None,
    size=None,
    *,
    dtype=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    check_invariants=None,
    is_coalesced=None,
):
    """A sparse tensor that holds `values` at `indices`; values at the same place add up.

    Args:
        indices: (sparse dimensions, places), integers.
        values: (places, *dense dimensions).
        size: of the whole; by default just large enough.
        dtype: of the values; their own by default.
        requires_grad: make a leaf. Without it gradients flow to `values`.
        check_invariants: check indices against `size` now, not when they are first used.
        is_coalesced: promise that the places differ and are in order.
    """
    if values is None:
        size = size if indices is None else indices
        if size is None:
            raise TypeError("sparse_coo_tensor() needs indices and values, or a size")
        at = _T.zeros(len(size), 0, dtype=_C.int64)
        held = _T.zeros(0, dtype=dtype or _C.get_default_dtype())
        return _make(at, held.requires_grad_(requires_grad), size, True)
    at = indices if isinstance(indices, _C.Tensor) else _C.tensor(indices)
    held = values if isinstance(values, _C.Tensor) else _C.tensor(values)
    at = at.detach().to(_C.int64)
    held = held if dtype is None else held.to(dtype)
    if held.dim() == 0:
        held = held.unsqueeze(0) if at.dim() == 1 or at.shape[1] == 1 else held.expand(at.shape[1])
    if size is None:
        if at.dim() != 2:
            raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(at.shape)}")
        if at.numel() and int(at.min()) < 0:
            row = int((at < 0).any(1).nonzero()[0])
            raise RuntimeError(f"found negative index {int(at[row].min())} for dim {row}")
        sizes = (at.amax(1) + 1).tolist() if at.shape[1] else [0] * at.shape[0]
        size = [*sizes, *held.shape[1:]]
    size = list(size)
    if at.dim() != 2:
        sparse_dim = at.shape[0] if at.dim() else 0
        raise RuntimeError(
            "'len(size) == sparse_dim + dense_dim' is not satisfied: "
            f"len(size) = {len(size)}, sparse_dim = {sparse_dim}, dense_dim = {held.dim() - 1}"
        )
    if len(size) != at.shape[0] + held.dim() - 1:
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, "
            f"sparse_dim = {at.shape[0]}, dense_dim = {held.dim() - 1}"
        )
    if at.shape[1] != held.shape[0]:
        raise RuntimeError(
            f"indices and values must have same nnz, but got nnz from indices: {at.shape[1]}, nnz from "
            "values: "
            f"{held.shape[0]}"
        )
    if list(held.shape[1:]) != size[at.shape[0] :]:
        expected = [held.shape[0], *size[at.shape[0] :]]
        raise RuntimeError(f"values has incorrect size, expected {expected}, got {list(held.shape)}")
    held = held.detach().clone().requires_grad_() if requires_grad else held.view_as(held)
    result = _make(at, held, size, is_coalesced)
    if check_invariants is None:
        from .._sparse import INVARIANTS

        check_invariants = INVARIANTS[0]
    if not check_invariants:
        return result
    if is_coalesced and not _in_order(_checked(result)):
        raise RuntimeError("cannot set is_coalesced to true if indices correspond to uncoalesced COO tensor")
    return _checked(result)


def _checked(x):
    """x, whose indices are now known to be inside."""
    if not x._checked and x._at.numel():
        low, high = x._at.amin(1).tolist(), x._at.amax(1).tolist()
        for d, size in enumerate(x.shape[: x.sparse_dim()]):
            if low[d] < 0:
                raise RuntimeError(f"found negative index {low[d]} for dim {d}")
            if high[d] >= size:
                raise RuntimeError(
                    f"size is inconsistent with indices: for dim {d}, size is {size} but found index "
                    f"{high[d]}"
                )
    x._checked = True
    return x


@composite("Tensor")
def to_sparse_coo(self):
    """The elements that are not zero as a coalesced sparse tensor."""
    return self.to_sparse()


@composite("Tensor")
def to_sparse(self, sparse_dim=None, *, layout=None, blocksize=None, dense_dim=None):
    """The elements that are not zero as a coalesced sparse tensor.

    sparse_dim: how many leading dimensions are sparse (all by default); where one of the elements behind a
    place is not zero, all are kept.
    """
    if layout == _C.strided:
        return to_dense(self)
    if layout is not None and layout != _C.sparse_coo or blocksize is not None:
        from .compressed_layouts import to_layout

        if sparse_dim is not None:
            raise TypeError("to_sparse() takes 0 positional arguments but 1 was given")
        return to_layout(self, layout or _C.sparse_coo, blocksize, dense_dim)
    if dense_dim is not None:
        sparse_dim = self.dim() - dense_dim
    if _sparse(self):
        if sparse_dim is not None and sparse_dim != self.sparse_dim():
            raise RuntimeError(
                "to_sparse: conversion from Sparse to Sparse with sparse_dim argument !=self.sparse_dim() "
                "is not supported"
            )
        return self
    sparse_dim = self.dim() if sparse_dim is None else sparse_dim
    if not 0 <= sparse_dim <= self.dim() or (sparse_dim == 0 and self.dim()):
        raise RuntimeError(
            f"dense_to_sparse: sparse_dim argument must be in [{min(self.dim(), 1) - 1},{self.dim()}] range, "
            f"but {sparse_dim} is given"
        )
    used = self.detach() != 0
    for _ in range(self.dim() - sparse_dim):
        used = used.any(-1)
    at = used.nonzero()
    held = self[tuple(at.unbind(1))] if self.dim() else self.reshape(1)[used.reshape(1)]
    return _make(at.t().contiguous(), held, self.shape, True)


@composite("Tensor")
@_known("to_dense")
def to_dense(self, dtype=None, *, masked_grad=None):
    """The same elements in ordinary memory; a dense tensor is returned as it is."""
    if not _sparse(self):
        return self if dtype is None else self.to(dtype)
    if dtype is not None:
        raise RuntimeError("dtype argument is not supported by sparse_to_dense")
    x = _checked(self)
    held = x._held
    if held.dtype == _C.bool:
        return to_dense(_make(x._at, held.to(_C.uint8), x.shape)) != 0
    rows = _T.zeros(_count(x), *held.shape[1:], dtype=held.dtype, device=held.device)
    return rows.index_add(0, _flat(x), held).reshape(x.shape)


def _count(x):
    count = 1
    for size in x.shape[: x.sparse_dim()]:
        count *= size
    return count


def _flat(x):
    """Each place as one number, in row-major order."""
    at = _T.zeros(x._nnz(), dtype=_C.int64)
    for d, size in enumerate(x.shape[: x.sparse_dim()]):
        at = at * size + x._at[d]
    return at


def _places(flat, sizes):
    rows = []
    for size in reversed(sizes):
        rows.append(flat % size if size else flat)
        flat = flat.div(size, rounding_mode="floor") if size else flat
    return _T.stack(rows[::-1]) if rows else _T.zeros(0, flat.shape[0], dtype=_C.int64)


@_known("coalesce")
def coalesce(x):
    """Values at the same place added up, places in row-major order."""
    if x._is_coalesced:
        return x
    _checked(x)
    if x._nnz() < 2:
        return _make(x._at, x._held, x.shape, True)
    if x.sparse_dim() == 0:
        held = x._held
        one = held.any(0, keepdim=True) if held.dtype == _C.bool else held.sum(0, True, dtype=held.dtype)
        return _make(x._at[:, :1], one, x.shape, True)
    flat, where = _T.unique(_flat(x), return_inverse=True)
    held = x._held
    if held.dtype == _C.bool:
        held = held.to(_C.uint8)
    merged = _T.zeros(flat.shape[0], *held.shape[1:], dtype=held.dtype).index_add(0, where, held)
    merged = merged.to(x._held.dtype)
    return _make(_places(flat, x.shape[: x.sparse_dim()]), merged, x.shape, True)


@composite("Tensor", name="coalesce")
def coalesce_method(self):
    """Values at the same place added up, places in row-major order."""
    if not _sparse(self):
        raise RuntimeError("coalesce expected sparse coordinate tensor layout but got Strided")
    return coalesce(self)


@composite("Tensor")
def sparse_mask(self, mask):
    """The elements of a dense or sparse tensor at the places of the sparse `mask`."""
    if not _sparse(mask):
        raise NotImplementedError("sparse_mask() is not implemented for masks that are not sparse")
    if self.shape != mask.shape:
        raise RuntimeError(
            f"sparse_mask(): operands have incompatible sizes; self has size {list(self.shape)} but mask "
            "has size "
            f"{list(mask.shape)}"
        )
    _checked(mask)
    dense = to_dense(self)
    return _make(mask._at, dense[tuple(mask._at.unbind(0))], mask.shape, mask._is_coalesced)


_known("sparse_mask")(sparse_mask)


# --- element by element ---


def _mapped(x, f):
    return _make(x._at, f(x._held), x.shape, x._is_coalesced)


def _zero_to_zero(name):
    def call(x, *args, **kwargs):
        return _mapped(coalesce(x), lambda v: getattr(v, name)(*args, **kwargs))

    def write(x, *args, **kwargs):
        if not x._is_coalesced:
            raise RuntimeError(f"{name.replace('arc', 'a')}_ requires coalesced input")
        return x.copy_(as_type(call(x, *args, **kwargs), x.dtype))

    _known(name)(call)
    if name != "square":
        _known(name + "_")(write)


# Functions with f(0) = 0, which need the values only.
for _name in (
    "abs absolute sqrt sin tan asin arcsin atan arctan sinh tanh asinh arcsinh atanh arctanh expm1 log1p "
    "relu sgn sign floor ceil round trunc fix frac erf erfinv deg2rad rad2deg isnan isinf isposinf isneginf "
    "signbit square nan_to_num"
).split():
    _zero_to_zero(_name)


@_known("positive")
def _positive(x):
    return x


@_known("neg", "negative")
def _neg(x):
    return _mapped(x, lambda v: -v)


@_known("clone")
def _clone(x, *, memory_format=None):
    return _make(x._at.clone(), x._held.clone(), x.shape, x._is_coalesced)


@_known("to")
def _to(x, *args, **kwargs):
    return _converted(x, x._held.to(*args, **kwargs))


def _converted(x, held):
    return x if held is x._held else _make(x._at, held, x.shape, x._is_coalesced)


for _name in "float double half bfloat16 int long short char byte bool cfloat cdouble cpu".split():
    _known(_name)(lambda x, *a, _name=_name, **k: _converted(x, getattr(x._held, _name)(*a, **k)))


@_known("pow", "__pow__")
def _pow(x, exponent):
    if isinstance(exponent, _C.Tensor) or exponent == 0:
        raise RuntimeError("pow of a sparse tensor needs a number other than 0")
    return _mapped(coalesce(x), lambda v: v**exponent)


def _same_shape(name, a, b):
    if a.shape != b.shape:
        raise RuntimeError(
            f"{name}: expected sizes of 'self' and 'other' to match, but {list(a.shape)} != {list(b.shape)}"
        )


@_known("add", "radd")
def _add(a, b, *, alpha=1):
    if not isinstance(a, _C.Tensor) or not isinstance(b, _C.Tensor):
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    if not _sparse(a) or not _sparse(b):
        dense, other = (b, a) if _sparse(a) else (a, b)
        if a.shape != b.shape:
            raise RuntimeError(
                f"add: expected 'self' and 'other' to have same size, but self has size {list(a.shape)} "
                f"while other has size {list(b.shape)} (FYI: dense-sparse addition does not currently "
                "support broadcasting)"
            )
        if other is b:
            return dense + to_dense(b) * alpha if alpha != 1 else dense + to_dense(b)
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    _same_shape("add", a, b)
    _checked(a), _checked(b)
    other = b._held if alpha == 1 else b._held * alpha
    dtype = _T.result_type(a._held, b._held)
    if a.sparse_dim() != b.sparse_dim():  # of a tensor that holds nothing it says nothing
        kept, held = (a, a._held) if b._nnz() == 0 else (b, other)
        if kept is b and a._nnz():
            raise RuntimeError(
                "add: expected 'self' and 'other' to have same number of sparse dimensions, but "
                f"{a.sparse_dim()} != {b.sparse_dim()}"
            )
        return _make(kept._at, held.to(dtype), a.shape, kept._is_coalesced)
    if a._at is b._at:
        return _make(a._at, a._held + other, a.shape, a._is_coalesced)
    held = _T.cat([a._held.to(dtype), other.to(dtype)])
    both = _make(_T.cat([a._at, b._at], 1), held, a.shape)
    if a._is_coalesced and b._is_coalesced:
        return coalesce(both)
    if not _in_order(a) or not _in_order(b):
        return both
    merged = coalesce(both)
    return _make(merged._at, merged._held, a.shape, False)


def _in_order(x):
    """Whether the places come one after another, each once, whatever the tensor says of itself."""
    flat = _flat(x)
    return bool((flat[1:] > flat[:-1]).all())


@_known("sub", "subtract", "rsub")
def _sub(a, b, *, alpha=1):
    return _add(a, b, alpha=-alpha)


def _need_number(what, a, b):
    if not _sparse(a) or (isinstance(b, _C.Tensor) and (b.dim() or _sparse(b))):
        size = list(b.shape) if isinstance(b, _C.Tensor) else []
        raise RuntimeError(
            f"Sparse {what} requires a scalar or zero-dim dense tensor divisor (got shape {size} for divisor)"
        )


@_known("div", "true_divide", "divide")
def _div(a, b, *, rounding_mode=None):
    _need_number("division", a, b)
    if rounding_mode is not None:
        a = coalesce(a)
    return _mapped(a, lambda v: v.div(b, rounding_mode=rounding_mode))


@_known("floor_divide", "__floordiv__")
def _floor_divide(a, b):
    _need_number("floor division", a, b)
    return _div(a, b, rounding_mode="floor")


# --- gradients ---


def accumulated(total, part, in_place):
    """The sum of two gradients of which one is sparse (`total` None: a copy of the other), or `total` itself
    that `part` was added to."""
    layouts = {t.layout for t in (total, part) if t is not None}
    if not layouts <= {_C.strided, _C.sparse_coo}:
        return _accumulated_compressed(total, part, in_place)
    if total is None:
        return _clone(part if _C.is_grad_enabled() else part.detach())
    if not _sparse(part):
        return part + to_dense(total)
    if not _sparse(total):
        return total.add_(to_dense(part)) if in_place else total + to_dense(part)
    result = _add(total, part)
    if not in_place:
        return result
    vars(total).update(vars(result))
    return total


def _accumulated_compressed(total, part, in_place):
    if total is None:
        return part.clone() if _C.is_grad_enabled() else part.detach().clone()
    if total.layout != part.layout:
        total, part = (t if t.layout == _C.strided else t.to_dense() for t in (total, part))
        return total.add_(part) if in_place and total.is_contiguous() else total + part
    return total.add_(part) if in_place else total + part


def _root(output, gradient):
    """What a backward from a sparse tensor starts from: its values, with the gradients of their places."""
    if not isinstance(output, TensorOfParts):
        return output, gradient
    if gradient is None:
        raise RuntimeError("grad can be implicitly created only for scalar outputs")
    if output.shape != gradient.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[0] has a shape of {gradient.shape} and output[0] has a shape of "
            f"{output.shape}."
        )
    if not _sparse(output):
        return output._held, output._values_of(gradient)
    return output._held, sparse_mask(gradient, output)._held


def _tuple(value):
    return (
        (value,) if value is None or isinstance(value, _C.Tensor) or hasattr(value, "node") else tuple(value)
    )


def _roots(outputs, gradients):
    outputs, gradients = _tuple(outputs), _tuple(gradients)
    if len(gradients) == 1 and gradients[0] is None:
        gradients *= len(outputs)
    if len(outputs) != len(gradients):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(gradients)} gradients")
    return zip(*map(_root, outputs, gradients))


def _leaves(inputs):
    return [x._held if isinstance(x, TensorOfParts) else x for x in inputs]


@_known("backward")
def _backward(
    tensors, gradient=None, retain_graph=None, create_graph=False, inputs=None, *, grad_tensors=None
):
    roots, gradients = _roots(tensors, gradient if grad_tensors is None else grad_tensors)
    with _C.DisableTorchFunctionSubclass():
        inputs = None if inputs is None else _leaves(_tuple(inputs))
        _C._backward(roots, gradients, retain_graph, create_graph, inputs=inputs)


@_known("grad")
def _grad(outputs, inputs, grad_outputs=None, *args, **kwargs):
    roots, gradients = _roots(outputs, grad_outputs)
    inputs = _tuple(inputs)
    with _C.DisableTorchFunctionSubclass():
        found = _C._grad(roots, _leaves(inputs), gradients, *args, **kwargs)
    return tuple(
        x._like(g) if isinstance(x, TensorOfParts) and g is not None else g for x, g in zip(inputs, found)
    )


_known("is_floating_point")(lambda x: x.dtype.is_floating_point)
_known("is_complex")(lambda x: x.dtype.is_complex)
_known("to_sparse")(to_sparse)
_known("result_type")(lambda *given: _T.result_type(*(t._held if _sparse(t) else t for t in given)))


@composite("torch")
def _validate_sparse_coo_tensor_args(indices, values, size, is_coalesced=None):
    """The checks of check_invariants=True."""
    sparse_coo_tensor(indices, values, size, is_coalesced=is_coalesced, check_invariants=True)


from . import sparse_products, sparse_reductions  # noqa: E402, F401  they build on the above
