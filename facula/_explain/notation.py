"""How operations on whole tensors are written: `x.T`, `x[1:4]`, `a @ b`, `sum(x, 0)`.

What is written is found by running the operation on made-up numbers and comparing, never from its name alone.
"""

from __future__ import annotations

import itertools
import math
import re

import facula

from .. import _C
from . import formula
from . import graph as graphs
from .moves import MOST, Join, Move, Reduced, Written, moved, strides_of

__all__ = ["constant", "forget_constants", "move_of", "onehot", "probe", "usual"]


def probe(t):
    """Numbers of the kind of `t` that no accident makes equal."""
    if not t.is_floating_point():
        return t
    n = t.numel()
    numbers = facula.sin(facula.arange(n, dtype=_C.float64) * 1.7 + 4.0)  # the first is negative
    return numbers.to(t.dtype).reshape(t.shape)


def usual(op, again, operands, full, tensors, drop):
    """The usual way to write an operation, such as `x @ w.T`, or None."""
    present = [i for i, t in enumerate(tensors) if t is not None]
    if not present or any(math.prod(again.shapes[i]) > 10 * MOST for i in present):
        return None
    probes = [
        None if s is None else probe(formula.fit(t, s).to(d))
        for t, s, d in zip(tensors, again.shapes, again.dtypes)
    ]
    try:
        result = again(*probes)
    except formula.UNKNOWN:
        return None
    if len(present) == 1:
        i = present[0]
        return _of_one(op, again, operands[i], full[i], probes[i], result, drop, len(probes) == 1)
    floating = [i for i in present if probes[i].is_floating_point()]
    indices = [i for i in present if probes[i].dtype == _C.int64]
    if len(floating) == 1 and indices and len(present) == len(indices) + 1:
        return _selection(again, floating[0], indices, probes, full, result)
    if again.name == "index_put" and floating == [0, 1] and len(present) == len(probes):
        part = _Part(again, probes[2:])
        found = _joined(part, probes[:2], full[:2], result)
        if found is not None and all(isinstance(s, formula.Symbol) for s in full[2:]):
            names = [_index_name(p, s) for p, s in zip(probes[2:], full[2:])]
            found[0].index = f"[{', '.join(names)}]"
        return found
    if None in operands or not all(p is not None and p.is_floating_point() for p in probes):
        return None
    names = [formula.Symbol(str(i), p) for i, p in enumerate(probes)]
    for tried, meant in zip(_products(probes, names), _products(probes, full)):
        try:
            value = formula.evaluate(tried)
        except formula.UNKNOWN:
            continue
        if isinstance(value, _C.Tensor) and value.numel() == result.numel():
            if graphs.same(value.reshape(result.shape), result):
                return meant
    return _joined(again, probes, full, result)


class _Part:
    """An operation of its first two operands, with the indices it was given."""

    def __init__(self, again, indices):
        self.again, self.indices = again, indices
        self.name, self.shapes = again.name, again.shapes[:2]

    def __call__(self, *values):
        return self.again(*values, *self.indices)


def _joined(again, probes, full, result):
    """`cat(a, b)`, whose elements are those of its operands."""
    total = sum(p.numel() for p in probes)
    if not 0 < total <= MOST or any(p.dtype not in (_C.float32, _C.float64) for p in probes):
        return None
    numbers, first = [], 1
    for p in probes:
        numbers.append(facula.arange(first, first + p.numel(), dtype=p.dtype).reshape(p.shape))
        first += p.numel()
    try:
        ahead, back = again(*numbers), again(*(-2 * n for n in numbers))
    except formula.UNKNOWN:
        return None
    if not ahead.numel() or not bool((back == -2 * ahead).all()):
        return None
    owner = [(i, k) for i, p in enumerate(probes) for k in range(p.numel())]
    places = ahead.reshape(-1).tolist()
    if any(p != int(p) or not 1 <= p <= total for p in places):
        return None
    source = [owner[int(p) - 1] for p in places]
    flat = [p.reshape(-1).tolist() for p in probes]
    if [flat[i][k] for i, k in source] != result.reshape(-1).tolist():
        return None
    owners = {i for i, _ in source}
    if len(owners) == 1:  # a copy over all of it
        (i,) = owners
        return moved(Move(again.shapes[i], result.shape, [k for _, k in source]), full[i])
    if again.name in ("copy_slices", "index_put", "slice_scatter", "select_scatter") and len(full) == 2:
        if tuple(again.shapes[0]) == tuple(result.shape):
            return (Written(again, source, result.shape), *full)
    return (Join(again, source), *full)


def _selection(again, i, indices, probes, full, result):
    """`x[t]` for one tensor of numbers and those of indices."""
    x = probes[i]

    def run(v):
        return again(*(v if k == i else p for k, p in enumerate(probes)))

    move = _as_move(run, x, result, True)
    if move is None:
        return None
    if all(isinstance(full[k], formula.Symbol) for k in indices):
        name = _indexed(x, [probes[k] for k in indices], [full[k] for k in indices], result)
        if name:
            move = Move(move.given, move.shape, move.source, (name, True))
    return (move, full[i])


def _indexed(x, indices, symbols, result) -> str:
    """`[rows, t]`, `.gather(1, t)`: how a selection of elements is written."""
    names = [_index_name(t, s) for t, s in zip(indices, symbols)]
    tried = [(lambda: x[tuple(indices)], f"[{', '.join(names)}]")]
    if len(indices) == 1:
        t = indices[0]
        tried += [(lambda d=d: x.gather(d, t), f".gather({d}, {names[0]})") for d in range(x.dim())]
        for d in range(1, x.dim()):
            place = (slice(None),) * d
            tried.append((lambda p=place: x[(*p, t)], f"[{':, ' * d}{names[0]}]"))
    for make, name in tried:
        try:
            if graphs.same(make(), result):
                return name
        except formula.UNKNOWN:
            continue
    return ""


def _index_name(t, symbol) -> str:
    if not _is_nameless(symbol):
        return symbol.name
    if t.dim() == 1 and t.numel() > 1 and bool((t == facula.arange(t.numel())).all()):
        return f"arange({t.numel()})"
    return graphs.nested(t.tolist()) if t.numel() <= 4 else symbol.name


def _is_nameless(symbol):
    return symbol.name[:1] == "c" and symbol.name[1:].isdigit()  # no variable holds it


def _of_one(op, again, tree, full, x, result, drop, alone):
    if x.dtype != result.dtype:
        return None
    if drop and op == "expand":
        return tree
    if drop and x.numel() == result.numel() == 1 and graphs.same(x.reshape(()), result.reshape(())):
        return tree
    if drop and op in ("clone", "alias", "to_copy", "contiguous") and graphs.same(x, result):
        return tree
    if not alone:
        return None
    move = _as_move(again, x, result, drop)
    if move is not None and "..." not in move.name:
        return moved(move, full)
    if x.is_floating_point() and x.numel() <= MOST:
        suffix = _arguments(op, x, result)
        if suffix is not None:
            return (Reduced(again, op, suffix), full)
    return None


def move_of(run, like):
    """The Move that a function of one tensor is, or None."""
    if not (like.is_floating_point() and like.numel() <= MOST):
        return None
    x = probe(like.detach())
    try:
        result = run(x)
        return None if result is None else _as_move(run, x, result, True)
    except formula.UNKNOWN:
        return None


def _as_move(again, x, result, drop):
    n = x.numel()
    if not 0 < n <= MOST or not 0 < result.numel() <= MOST or not x.is_floating_point():
        return None
    if x.dtype not in (_C.float32, _C.float64):
        return None
    numbers = facula.arange(1, n + 1, dtype=x.dtype).reshape(x.shape)
    try:
        ahead, back = again(numbers), again(-2 * numbers)
    except formula.UNKNOWN:
        return None
    if not bool((back == -2 * ahead).all()):
        return None
    places = ahead.reshape(-1).tolist()
    if any(p != int(p) or not 0 <= p <= n for p in places) or n == 1 and 0 not in places:
        return None
    # A sum of several elements may look like another one: the probe has no such accidents.
    move = Move(x.shape, result.shape, [int(p) - 1 for p in places])
    if not graphs.same(move(x), result):
        return None
    in_place = move.source == tuple(range(n))
    if in_place and not drop and again(x).data_ptr() != x.data_ptr():
        return None  # a sum along a dimension of one element
    return move


def _arguments(op, x, result):
    """`, 0`: the arguments with which the operation of this name does the same, or None."""
    try:
        function = formula.function(op)
    except KeyError:
        function = getattr(facula.linalg, op, None)
        if function is None:
            return None
    dims = range(x.dim())
    tried = [((), "")]
    tried += [((d,), f", {d}") for d in (*dims, 1, 2, 3)]
    tried += [((d, True), f", {d}, True") for d in dims]
    tried += [(((a, b),), f", ({a}, {b})") for a in dims for b in dims if a < b and x.dim() > 2]
    if x.dim() > 3:
        triples = list(itertools.combinations(dims, 3))
        tried += [((t,), f", {t}") for t in triples] + [((t, True), f", {t}, True") for t in triples]
    tried += [((math.inf,), ", inf"), ((1, True), ", 1")]
    tried += [({"dim": d}, f", dim={d}") for d in dims]
    tried += [({"dim": d, "keepdim": True}, f", dim={d}, keepdim=True") for d in dims]
    for args, text in tried:
        try:
            value = function(x, **args) if isinstance(args, dict) else function(x, *args)
        except (*formula.UNKNOWN, AssertionError):
            continue
        if isinstance(value, tuple) and value:
            value = value[0]
        if isinstance(value, _C.Tensor) and graphs.same(value, result):
            return text
    return None


def _products(probes, operands):
    """How products are written; a candidate counts only where its value is the operation's."""
    if len(operands) == 2:
        a, b = operands
        p, q = probes

        def turned(t, x):
            return formula.tidy(("T" if x.dim() == 2 else "mT", t))

        if p.dim() and q.dim():
            yield ("matmul", a, b)
            if p.dim() > 1:
                yield ("matmul", turned(a, p), b)
            if q.dim() > 1:
                yield ("matmul", a, turned(b, q))
            if p.dim() > 1 and q.dim() > 1:
                yield ("matmul", turned(a, p), turned(b, q))
            yield ("matmul", b, a)
            if q.dim() > 1:
                yield ("matmul", turned(b, q), a)
        if p.numel() == 1 or q.numel() == 1:
            yield ("mul", a, b)
        if p.dim() in (1, 2) and q.dim() in (1, 2) and p.numel() <= 64 and q.numel() <= 64:
            yield ("outer", a, b)
    elif len(operands) == 3:
        for (c, a, b), (_, p, q) in zip(
            (operands, (operands[2], *operands[:2])), (probes, (probes[2], *probes[:2]))
        ):
            if p.dim() and q.dim():
                yield ("add", ("matmul", a, ("T", b)), c)
                yield ("add", ("matmul", a, b), c)


# --- constants that arise on the way ---

_seen: dict = {}


def forget_constants() -> None:
    _seen.clear()


def constant(tensor, labels=()):
    """A number where all elements are the same (broadcasting does the rest), else a named tensor.

    labels: Symbols of integers, one of which a one-hot matrix may be made from.
    """
    tensor = tensor.detach()
    if tensor.numel() == 1:
        value = tensor.item()
        if not isinstance(value, complex):
            return value if isinstance(value, bool) else float(value)
        return value if value.imag else value.real
    first = tensor.reshape(-1)[0] if tensor.numel() else None
    if first is not None and bool((tensor == first).all()) and not tensor.is_complex():
        return bool(first) if tensor.dtype == _C.bool else float(first)
    if tensor.is_floating_point() and 0 < tensor.numel() <= 100 * MOST:
        kept = tensor[tensor != 0]
        if kept.numel() and bool((kept == kept[0]).all()) and float(kept[0]) != 1.0:
            return formula.tidy(("mul", float(kept[0]), constant((tensor != 0).to(tensor.dtype), labels)))
    is_mask = bool(((tensor == 0) | (tensor == 1)).all())
    key = (
        tuple(tensor.shape),
        str(tensor.dtype),
        str(tensor.tolist()) if tensor.numel() <= MOST else id(tensor),
    )
    if key not in _seen:
        _seen[key] = formula.Symbol(_constant_name(tensor, labels), tensor, is_constant=is_mask)
    return _seen[key]


def _constant_name(tensor, labels):
    name = onehot(tensor, labels)
    if name:
        return name
    if tensor.dim() == 2 and tensor.shape[0] == tensor.shape[1] and tensor.is_floating_point():
        if bool((tensor == facula.eye(tensor.shape[0], dtype=tensor.dtype)).all()):
            return f"eye({tensor.shape[0]})"
    if tensor.numel() <= 6 and tensor.dim() <= 2:
        return graphs.nested(tensor.tolist())
    if tensor.is_floating_point() and int((tensor != 0).sum()) == 1 and float(tensor.sum()) == 1:
        place = int(tensor.reshape(-1).argmax())
        index = [place // s % n for s, n in zip(strides_of(tensor.shape), tensor.shape)]
        return f"onehot[{', '.join(map(str, index))}]"
    if tensor.is_floating_point() and bool(((tensor == 0) | (tensor == 1)).all()):
        return "mask"
    return "const"


def onehot(tensor, labels) -> str:
    """`onehot(t)` where the rows of a matrix are those of the labels t."""
    if tensor.dim() == 2 and tensor.is_floating_point():
        for symbol in labels:
            t = symbol.value
            t = t[:, 0] if t.dim() == 2 and t.shape[1] == 1 else t
            if t.dtype == _C.int64 and t.dim() == 1 and t.shape[0] == tensor.shape[0] and t.numel():
                if 0 <= int(t.min()) and int(t.max()) < tensor.shape[1]:
                    made = facula.zeros_like(tensor)
                    made[facula.arange(t.shape[0]), t] = 1
                    if bool((made == tensor).all()):
                        name = re.sub(
                            r"(\[:, None\]|\.unsqueeze\(-?1\)|\.(view|reshape)\(-1, 1\))$", "", symbol.name
                        )
                        return f"onehot({name})"
    return ""
