"""Compressed sparse tensors: how they are made and checked, and what the other files on them share.

Each operation is written on the parts, with recorded operations on the values, so that gradients of
values and of dense operands follow.
"""

from __future__ import annotations

import functools

from .. import _C
from . import composite
from .linalg_norms import type_name

_T = _C._functions

ROW, COLUMN = ("crow_indices", "col_indices"), ("ccol_indices", "row_indices")
PARTS = {_C.sparse_csr: ROW, _C.sparse_csc: COLUMN, _C.sparse_bsr: ROW, _C.sparse_bsc: COLUMN}
BLOCKED = (_C.sparse_bsr, _C.sparse_bsc)


def known(*names):
    """The decorated function is what these functions of torch do when they are given a compressed tensor."""

    def register(function):
        from .._compressed import FUNCTIONS

        FUNCTIONS.update(dict.fromkeys(names, function))
        return function

    return register


def make(starts, at, values, size, layout):
    from .._compressed import make

    return make(starts, at, values, size, layout)


def layout_name(x):
    from .._compressed import layout_name

    return layout_name(x)


def compressed(x):
    """Whether x is a compressed tensor."""
    return isinstance(x, _C.Tensor) and x.layout in PARTS


_BY_ELEMENT: set[str] = set()


def by_element(name):
    """Whether this function works on each element by itself."""
    if not _BY_ELEMENT:
        for entry in _C._entries():
            if entry[4]:
                _BY_ELEMENT.update((entry[0], *entry[3].split()))
        _BY_ELEMENT.update("rtruediv rdiv and or xor isclose allclose nanmean gelu".split())
        _BY_ELEMENT.discard("where")
    return name.strip("_") in _BY_ELEMENT


# --- making ---


def _tensor(data):
    return data if isinstance(data, _C.Tensor) else _C.tensor(data)


def _inferred(layout, starts, at, held):
    """The smallest size that holds these parts."""
    if at.dtype.is_floating_point:
        raise NotImplementedError(
            f"\"estimate_sparse_compressed_tensor_size\" not implemented for '{type_name(at.dtype)}'"
        )
    n, blocked = starts.dim(), 2 if layout in BLOCKED else 0
    high, wide = held.shape[n : n + 2] if blocked else (1, 1)
    count, other = starts.shape[-1] - 1, int(at.max()) + 1 if at.numel() else 0
    rows, columns = (count, other) if PARTS[layout] is ROW else (other, count)
    return (*starts.shape[:-1], rows * high, columns * wide, *held.shape[n + blocked :])


def _check_dims(layout, starts, at, held):
    first, second = PARTS[layout]
    if starts.dim() < 1:
        raise RuntimeError(f"{first} must have dimensionality >= 1 but got {starts.dim()}")
    if starts.dim() != at.dim():
        raise RuntimeError(
            f"{first} and {second} dimensionalities must be equal but got {starts.dim()} and {at.dim()}, "
            "respectively"
        )
    batch, block = starts.dim() - 1, 2 if layout in BLOCKED else 0
    if held.dim() <= batch + block:
        raise RuntimeError(
            "values must have dimensionality > sum of batch and block dimensionalities "
            f"(={batch} + {block}) but got {held.dim()}"
        )


def check(layout, starts, at, held, size):
    """PyTorch's invariants of a compressed tensor; RuntimeError names the one that does not hold."""
    _check_dims(layout, starts, at, held)
    first, second = PARTS[layout]
    batch, block = starts.dim() - 1, 2 if layout in BLOCKED else 0
    dense = held.dim() - batch - block - 1
    if len(size) != batch + 2 + dense:
        raise RuntimeError(
            "tensor dimensionality must be sum of batch, base, and dense dimensionalities "
            f"(={batch} + 2 + {dense}) but got {len(size)}"
        )
    for name, part in ((first, starts), (second, at)):
        if part.numel() and part.stride(-1) != 1 and part.shape[-1] > 1:
            raise RuntimeError(f"expected {name} to be a contiguous tensor per batch")
    batches = [list(t.shape[:batch]) for t in (starts, at, held)]
    if any(each != list(size[:batch]) for each in batches):
        raise RuntimeError(
            f"all batch dimensions of {first} (={batches[0]}), {second} (={batches[1]}), and values "
            f"(={batches[2]}) must be equal to tensor batch dimensions (={list(size[:batch])})"
        )
    blocksize = held.shape[batch + 1 : batch + 3] if block else (1, 1)
    counts = []
    for d in (0, 1):
        n = size[batch + d]
        if blocksize[d] and n % blocksize[d]:
            raise RuntimeError(
                f"tensor shape[{d}] (={n}) must be divisible with blocksize[{d}] (={blocksize[d]}) as "
                "defined by values shape"
            )
        counts.append(n // blocksize[d] if blocksize[d] else 0)
    by_rows = PARTS[layout] is ROW
    count, other = counts if by_rows else counts[::-1]
    what = ("row" if by_rows else "column") + (" block" if block else "")
    if starts.shape[-1] != count + 1:
        raise RuntimeError(
            f"{first}.shape[-1] must be equal to the number of {what}s + 1 (={count + 1}), but got "
            f"{starts.shape[-1]}"
        )
    if at.shape[-1] != held.shape[batch]:
        raise RuntimeError(
            f"{second}.shape[-1] must be equal to nnz (={held.shape[batch]}) as defined by "
            f"values.shape[{batch}], but got {at.shape[-1]}"
        )
    if starts.dtype != at.dtype:
        raise RuntimeError(
            f"{first} and {second} must be of one dtype, but are {type_name(starts.dtype)} and "
            f"{type_name(at.dtype)}"
        )
    if starts.dtype not in (_C.int32, _C.int64):
        raise RuntimeError(
            f"{first} and {second} dtype must be Int or Long, but got {type_name(starts.dtype)}"
        )
    _check_indices(first, second, by_rows, starts.detach().long(), at.detach().long(), other)


def _check_indices(first, second, by_rows, starts, at, other):
    total = at.shape[-1]
    n, n_other = ("nrows", "ncols") if by_rows else ("ncols", "nrows")

    def need(holds, what):
        if not bool(holds):
            raise RuntimeError(f"`{what}` is not satisfied.")

    need((starts[..., 0] == 0).all(), f"{first}[..., 0] == 0")
    need((starts[..., -1] == total).all(), f"{first}[..., -1] == nnz")
    steps = starts[..., 1:] - starts[..., :-1]
    need(
        ((steps >= 0) & (steps <= other)).all(),
        f"0 <= {first}[..., 1:] - {first}[..., :-1] <= {n_other}",
    )
    need(((at >= 0) & (at < other)).all(), f"0 <= {second} < {n_other}")
    group = lines(starts, total)
    rises = (at[..., 1:] > at[..., :-1]) | (group[..., 1:] != group[..., :-1])
    need(
        rises.all(),
        f"{second}[..., {first}[..., i - 1]:{first}[..., i]] for all i = 1, ..., {n} are sorted and distinct "
        "along the last dimension values",
    )


def lines(starts, total):
    """(*batch, elements): the row (or column, whichever is compressed) of each element."""
    steps = (starts[..., 1:] - starts[..., :-1]).long()
    count = steps.shape[-1]
    batches = 1
    for n in starts.shape[:-1]:
        batches *= n
    flat = steps.reshape(-1)
    if flat.numel() and int(flat.min()) < 0:
        raise RuntimeError("the compressed indices of a sparse tensor must not fall")
    # Before anything of that size is made; with no step above `total` the sum does not overflow.
    too_many = flat.numel() and int(flat.max()) > total
    if too_many or bool((steps.sum(-1) != total).any()) or bool((starts[..., :1] != 0).any()):
        raise RuntimeError(
            f"the compressed indices of a sparse tensor must rise from 0 to {total}, how many elements it has"
        )
    line = _T.repeat_interleave(_T.arange(batches * count, dtype=_C.int64), flat)
    return (line % count if count else line).reshape(*starts.shape[:-1], total)


def _checks_wanted(asked):
    from .._sparse import INVARIANTS

    return INVARIANTS[0] if asked is None else asked


def _constructed(name, layout, given, parts, size, dtype, device, requires_grad, check_invariants):
    if size is not None and not isinstance(size, (tuple, list)):
        kinds = ", ".join(type(each).__name__ for each in (*parts, size))
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got ({kinds}), but expected compressed "
            "indices, plain indices, values, and a size unless it is to be found from them"
        )
    if given is not None and given != layout:
        raise RuntimeError(f"{name}: layout must be {layout_name(layout)} but got {layout_name(given)}")
    starts, at, held = (_tensor(part) for part in parts)
    starts, at, held = starts.detach(), at.detach(), held if dtype is None else held.to(dtype)
    if any(t.is_meta for t in (starts, at, held)) or (
        device is not None and _C.device(device).type == "meta"
    ):
        if size is None:
            raise RuntimeError("Tensor.item() cannot be called on meta tensors")
        starts, at, held = (t.to("meta") for t in (starts, at, held))
        return make(starts, at, held.requires_grad_(requires_grad), tuple(size), layout)
    _check_dims(layout, starts, at, held)
    size = _inferred(layout, starts, at, held) if size is None else tuple(size)
    if _checks_wanted(check_invariants):
        check(layout, starts, at, held, size)
    elif any(n < 0 for n in size):
        raise RuntimeError("numel: integer multiplication overflow")
    held = held.detach().clone().requires_grad_() if requires_grad else held.view_as(held)
    return make(starts, at, held, size, layout)


_OPTIONS = """
        size: of the whole; by default just large enough.
        dtype: of the values; their own by default.
        requires_grad: make a leaf. Without it gradients flow to `values`.
        check_invariants: check the indices now, not when they are first used.
    """


def _constructor(layout):
    """The function that is named after a layout."""
    name = f"{str(layout).removeprefix('torch.')}_tensor"
    blocks = layout in BLOCKED
    of, each = (" of blocks", "blocks") if blocks else ("", "elements")

    if PARTS[layout] is ROW:
        line, place = "rows", "column"

        def construct(
            crow_indices,
            col_indices,
            values,
            size=None,
            *,
            dtype=None,
            layout=None,
            device=None,
            pin_memory=False,
            requires_grad=False,
            check_invariants=None,
        ):
            parts = crow_indices, col_indices, values
            return build(layout, parts, size, dtype, device, requires_grad, check_invariants)

    else:
        line, place = "columns", "row"

        def construct(
            ccol_indices,
            row_indices,
            values,
            size=None,
            *,
            dtype=None,
            layout=None,
            device=None,
            pin_memory=False,
            requires_grad=False,
            check_invariants=None,
        ):
            parts = ccol_indices, row_indices, values
            return build(layout, parts, size, dtype, device, requires_grad, check_invariants)

    build = functools.partial(_constructed, name, layout)
    starts, at = PARTS[layout]
    construct.__name__ = construct.__qualname__ = name
    construct.__doc__ = f"""A sparse tensor{of} in compressed {line}, with layout {layout}.

    Args:
        {starts}: (*batch, {line}{of} + 1), where each starts, and where the last one ends.
        {at}: (*batch, {each}), the {place} of each.
        values: (*batch, {each},{" *block," if blocks else ""} *dense).{_OPTIONS}"""
    return composite("torch")(construct)


@composite("torch")
def sparse_compressed_tensor(
    compressed_indices,
    plain_indices,
    values,
    size=None,
    *,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    check_invariants=None,
):
    """A compressed sparse tensor of the layout that is asked for: sparse_csr_tensor() and its like in one.

    Args:
        compressed_indices: (*batch, rows + 1), or columns, or blocks of them.
        plain_indices: (*batch, elements).
        values: (*batch, elements, *block, *dense).
        size: of the whole; by default just large enough.
        layout: torch.sparse_csr, sparse_csc, sparse_bsr or sparse_bsc.
        check_invariants: check the indices now.
    """
    name = "sparse_compressed_tensor"
    if layout not in PARTS:
        got = "none" if layout is None else layout_name(layout)
        raise RuntimeError(f"{name} expected sparse compressed tensor layout but got {got}")
    parts = compressed_indices, plain_indices, values
    return _constructed(name, layout, None, parts, size, dtype, device, requires_grad, check_invariants)


@composite("torch")
def _validate_sparse_compressed_tensor_args(compressed_indices, plain_indices, values, size, layout):
    """The checks of check_invariants=True."""
    check(layout, compressed_indices, plain_indices, values, tuple(size))


@composite("torch")
def _validate_compressed_sparse_indices(is_crow, compressed_idx, plain_idx, cdim, dim, nnz):
    """The checks of check_invariants=True, of the indices alone."""
    names = ROW if is_crow else COLUMN
    _check_indices(*names, is_crow, compressed_idx.long(), plain_idx.long(), dim)


def _validator(name, layout):
    def validate(compressed_indices, plain_indices, values, size):
        check(layout, compressed_indices, plain_indices, values, tuple(size))

    validate.__name__ = validate.__qualname__ = name
    validate.__doc__ = "The checks of check_invariants=True."
    return composite("torch")(validate)


for _layout in PARTS:
    _constructor(_layout)
    _validator(f"_validate_{str(_layout).removeprefix('torch.')}_tensor_args", _layout)
