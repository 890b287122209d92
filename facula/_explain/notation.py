"""How operations on whole tensors are written: `x.T`, `x[1:4]`, `a @ b`, `sum(x, 0)`.

What is written is found by running the operation on made-up numbers and comparing, never from its name alone.
"""

from __future__ import annotations

import math

import facula

from .. import _C
from . import formula
from . import graph as graphs

__all__ = ["Entries", "Move", "Reduced", "constant", "forget_constants", "onehot", "probe", "usual", "walk"]

_MOST = 4096  # elements: beyond, an operation keeps its plain name


class Move:
    """Elements copied to other places, all others zero: views, transposes, indexing and their reverse.

    `source`: for each element of the result the place it comes from, -1 for a zero.
    """

    __slots__ = ("after", "given", "key", "name", "shape", "source")

    def __init__(self, given, shape, source, name=None):
        self.given, self.shape, self.source = tuple(given), tuple(shape), tuple(source)
        self.name, self.after = name or _moved_name(self.given, self.shape, self.source)
        self.key = ("move", self.given, self.shape, self.source)

    def __call__(self, value):
        flat = formula.fit(value, self.given).reshape(-1)
        places = facula.tensor(self.source, dtype=_C.int64)
        found = flat[places.clamp(min=0)] if flat.numel() else flat
        if -1 in self.source:
            found = facula.where(places < 0, facula.zeros_like(found), found)
        return found.reshape(self.shape)

    @property
    def is_transpose(self):
        return self.name == ".T"

    def following(self, first: Move) -> Move:
        """Both in one."""
        return Move(first.given, self.shape, [-1 if k < 0 else first.source[k] for k in self.source])


def transpose(shape) -> Move:
    return Move(shape, shape[::-1], transpose_source(shape))


def transpose_source(shape) -> tuple:
    rows, columns = shape
    return tuple(i * columns + j for j in range(columns) for i in range(rows))


def _moved_name(given, shape, source):
    """(name, whether it is written after its operand)."""
    count = math.prod(given)
    if source == tuple(range(count)):
        index = _new_axes(given, shape)
        if index is not None:
            return index, True
        if len(shape) == 1 and len(given) > 1:
            return ".flatten()", True
        return f".reshape({', '.join(map(str, shape))})", True
    if len(source) == count and sorted(source) == list(range(count)) and len(given) == len(shape):
        order = _permutation(given, shape, source)
        if order is not None:
            n = len(given)
            if n == 2:
                return ".T", True
            if order == [*range(n - 2), n - 1, n - 2]:
                return ".mT", True
            return f".permute({', '.join(map(str, order))})", True
        flipped = _flip(given, shape, source)
        if flipped is not None:
            return f".flip({', '.join(map(str, flipped))})", True
    if -1 not in source:
        index = _index(given, shape, source)
        if index is not None:
            return f"[{index}]", True
        if len(source) == count and len(given) == 2 and source == transpose_source(given):
            return f".T.reshape({', '.join(map(str, shape))})", True
        if len(source) == count and len(shape) == 2 and source == transpose_source(shape[::-1]):
            return f".reshape({shape[1]}, {shape[0]}).T", True
        if len(given) == len(shape) == 1:
            return f"[{list(source)}]", True
        return f".take(...){list(shape)}" if len(source) > 4 else f".take({list(source)})", True
    inverse = [-1] * count
    for to, come in enumerate(source):
        if come >= 0:
            if inverse[come] >= 0:
                return "place", False
            inverse[come] = to
    if -1 not in inverse:
        index = _index(shape, given, inverse)
        if index is not None:
            return f"place[{index}]", False
    return "place", False


def _new_axes(given, shape):
    """`[:, None]` where the shapes differ in sizes of 1 that were added, `[:, 0]` where they were taken."""
    if len(shape) > len(given) and [n for n in shape if n != 1] == [n for n in given if n != 1]:
        parts, rest = [], list(given)
        for n in shape:
            if rest and n == rest[0]:
                rest.pop(0)
                parts.append(":")
            elif n == 1:
                parts.append("None")
            else:
                return None
        if rest:
            return None
        while parts and parts[-1] == ":":
            parts.pop()
        return f"[{', '.join(parts)}]"
    if len(shape) < len(given) and len(given) <= 4:
        return _bracketed(_index(given, shape, list(range(math.prod(given)))))
    return None


def _bracketed(index):
    return None if index is None else f"[{index}]"


def _strides(shape):
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return strides[::-1]


def _permutation(given, shape, source):
    strides, mine = _strides(given), _strides(shape)
    order: list[int] = []
    for axis, n in enumerate(shape):
        if n == 1:
            free = [d for d, m in enumerate(given) if m == 1 and d not in order]
        else:
            step = source[mine[axis]]
            free = [d for d, m in enumerate(given) if m == n and strides[d] == step and d not in order]
        if not free:
            return None
        order.append(free[0])
    new = [strides[d] for d in order]
    return order if walk(shape, new) == list(source) else None


def walk(shape, strides) -> list[int]:
    """The places of a strided tensor's elements, in order."""
    places = [0]
    for n, step in zip(shape, strides):
        places = [p + k * step for p in places for k in range(n)]
    return places


def _flip(given, shape, source):
    if given != shape:
        return None
    strides = _strides(shape)
    first = source[0]
    dims = [d for d, n in enumerate(shape) if n > 1 and first // strides[d] % n == n - 1]
    signs = [-s if d in dims else s for d, s in enumerate(strides)]
    return dims if [first + p for p in walk(shape, signs)] == list(source) else None


def _index(given, shape, source):
    """`1, 2:5` where the elements are those of a basic index, else None."""
    if not source:
        return None
    strides, mine = _strides(given), _strides(shape)
    start = [source[0] // s % n for s, n in zip(strides, given)]
    parts, steps, axis = [], [0] * len(shape), 0
    axes = [a for a, n in enumerate(shape) if n > 1]
    for d, n in enumerate(given):
        used = None
        if axis < len(axes):
            jump = source[mine[axes[axis]]] - source[0]
            if jump > 0 and jump % strides[d] == 0 and jump // strides[d] < n:
                used = axes[axis]
        if used is None:
            parts.append(str(start[d]))
            continue
        jump = (source[mine[used]] - source[0]) // strides[d]
        steps[used] = jump * strides[d]
        stop = start[d] + jump * (shape[used] - 1) + 1
        axis += 1
        if stop > n:
            return None
        if jump == 1:
            text = f"{start[d] or ''}:{'' if stop == n else stop}"
        else:
            text = f"{start[d] or ''}:{'' if stop + jump > n else stop}:{jump}"
        parts.append(text)
    if axis != len(axes) or [source[0] + p for p in walk(shape, steps)] != list(source):
        return None
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    return ", ".join(parts)


class Join:
    """Elements of several operands put side by side: `cat(a, b)`.

    `source`: (operand, place) of each element.
    """

    __slots__ = ("again", "key", "name", "shapes", "source")

    def __init__(self, again, source):
        self.again, self.name, self.shapes, self.source = again, again.name, again.shapes, source
        self.key = (self.name, tuple(self.shapes), tuple(source))

    def __call__(self, *values):
        return self.again(*values)

    def picked(self, move):
        """(operand, Move of it) where a Move takes elements of one operand alone, else None."""
        taken = [self.source[k] for k in move.source if k >= 0]
        if not taken or any(i != taken[0][0] for i, _ in taken):
            return None
        i = taken[0][0]
        places = [-1 if k < 0 else self.source[k][1] for k in move.source]
        return i, Move(self.shapes[i], move.shape, places)


class Entries:
    """A small tensor written out entry by entry."""

    __slots__ = ("key", "name", "shape")

    def __init__(self, shape):
        self.name, self.shape, self.key = "entries", tuple(shape), ("entries", tuple(shape))

    def __call__(self, *values):
        values = [formula.fit(v, ()) for v in values]
        wide = max((v.dtype for v in values), key=lambda t: t.itemsize)
        return facula.stack([v.to(wide) for v in values]).reshape(self.shape)

    def rows(self, texts):
        """The entries' texts as lists of lists."""
        if len(self.shape) == 1:
            return [texts]
        n = self.shape[1]
        return [texts[i : i + n] for i in range(0, len(texts), n)]


class Reduced:
    """An operation of one operand with the arguments that were found, such as `sum(x, 0)`."""

    __slots__ = ("again", "key", "name", "suffix")

    def __init__(self, again, name, suffix):
        self.again, self.name, self.suffix = again, name, suffix
        self.key = (name, suffix, tuple(again.shapes), tuple(map(str, again.dtypes)))

    @property
    def shapes(self):
        return self.again.shapes

    def __call__(self, value):
        return self.again(value)


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
    if not present or any(math.prod(again.shapes[i]) > 10 * _MOST for i in present):
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
    if len(floating) == 1 and len(present) == len(probes) == 2:
        return _selection(again, floating[0], probes, full, result)
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


def _joined(again, probes, full, result):
    """`cat(a, b)`, whose elements are those of its operands."""
    total = sum(p.numel() for p in probes)
    if not 0 < total <= _MOST or any(p.dtype not in (_C.float32, _C.float64) for p in probes):
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
    return (Join(again, source), *full)


def _selection(again, i, probes, full, result):
    """`x[t]` for one tensor of numbers and one of indices."""
    x, index = probes[i], probes[1 - i]

    def run(v):
        return again(*(v if k == i else index for k in range(2)))

    move = _as_move(run, x, result, True)
    if move is None:
        return None
    symbol = full[1 - i]
    if isinstance(symbol, formula.Symbol) and not symbol.is_constant:
        try:
            if graphs.same(x[index], result):
                shown = (
                    graphs.nested(index.tolist())
                    if index.numel() <= 4 and _is_nameless(symbol)
                    else symbol.name
                )
                return (Move(move.given, move.shape, move.source, (f"[{shown}]", True)), full[i])
        except formula.UNKNOWN:
            pass
    return (move, full[i])


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
    if move is not None:
        return moved(move, full)
    if x.is_floating_point() and x.numel() <= _MOST:
        suffix = _arguments(op, x, result)
        if suffix is not None:
            return (Reduced(again, op, suffix), full)
    return None


def moved(move, tree):
    """The tree of a Move, joined with one that stands inside, and left out where nothing moves."""
    inner = None
    if isinstance(tree, tuple) and isinstance(tree[0], Move):
        inner = tree[0]
    elif isinstance(tree, tuple) and tree[0] == "T" and len(move.given) == 2:
        inner = transpose(move.given[::-1])
    elif _is_spread(tree, math.prod(move.given)) and tree[0] in ("add", "sub", "neg", "mul"):
        return (tree[0], *(t if isinstance(t, (int, float)) else moved(move, t) for t in tree[1:]))
    elif isinstance(tree, tuple) and tree[0] == "mT":
        n, rows, columns = math.prod(move.given[:-2]), *move.given[-2:]
        source = [b * rows * columns + k for b in range(n) for k in transpose_source((columns, rows))]
        inner = Move((*move.given[:-2], columns, rows), move.given, source)
    if isinstance(tree, tuple) and isinstance(tree[0], Join):
        found = tree[0].picked(move)
        if found is not None:
            return moved(found[1], tree[1 + found[0]])
    if inner is not None and inner.shape == move.given:
        both = move.following(inner)
        if both.name != "place" or "place" in (move.name, inner.name):
            move, tree = both, tree[1]
    if len(move.source) == 1 == math.prod(move.given) and move.source[0] == 0:
        return tree
    if move.given == move.shape and move.source == tuple(range(len(move.source))):
        return tree
    if move.is_transpose:
        return ("T", tree)
    return (move, tree)


def _is_spread(tree, count) -> bool:
    """Whether a tree is a sum of multiples of what was moved or joined to `count` elements."""
    if not isinstance(tree, tuple):
        return False
    f, *rest = tree
    if f in ("add", "sub", "neg"):
        return all(_is_spread(t, count) for t in rest)
    if f == "mul":
        return isinstance(rest[0], (int, float)) and _is_spread(rest[1], count)
    if isinstance(f, Join):
        return len(f.source) == count
    return isinstance(f, Move) and f.name.startswith("place") and len(f.source) == count


def move_of(run, like):
    """The Move that a function of one tensor is, or None."""
    if not (like.is_floating_point() and like.numel() <= _MOST):
        return None
    x = probe(like.detach())
    try:
        result = run(x)
        return None if result is None else _as_move(run, x, result, True)
    except formula.UNKNOWN:
        return None


def _as_move(again, x, result, drop):
    n = x.numel()
    if not 0 < n <= _MOST or not 0 < result.numel() <= _MOST or not x.is_floating_point():
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
    tried += [((math.inf,), ", inf"), ((1, True), ", 1")]
    for args, text in tried:
        try:
            value = function(x, *args)
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
            return ("T", t) if x.dim() == 2 else ("mT", t)

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
        c, a, b = operands
        if all(p.dim() for p in probes[1:]):
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
    if tensor.is_floating_point() and 0 < tensor.numel() <= 100 * _MOST:
        kept = tensor[tensor != 0]
        if kept.numel() and bool((kept == kept[0]).all()) and float(kept[0]) != 1.0:
            return formula.tidy(("mul", float(kept[0]), constant((tensor != 0).to(tensor.dtype), labels)))
    key = (
        tuple(tensor.shape),
        str(tensor.dtype),
        str(tensor.tolist()) if tensor.numel() <= _MOST else id(tensor),
    )
    if key not in _seen:
        _seen[key] = formula.Symbol(_constant_name(tensor, labels), tensor, is_constant=True)
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
        index = [place // s % n for s, n in zip(_strides(tensor.shape), tensor.shape)]
        return f"onehot[{', '.join(map(str, index))}]"
    if tensor.is_floating_point() and bool(((tensor == 0) | (tensor == 1)).all()):
        return "mask"
    return "const"


def onehot(tensor, labels) -> str:
    """`onehot(t)` where the rows of a matrix are those of the labels t."""
    if tensor.dim() == 2 and tensor.is_floating_point():
        for symbol in labels:
            t = symbol.value
            if t.dtype == _C.int64 and t.dim() == 1 and t.shape[0] == tensor.shape[0] and t.numel():
                if 0 <= int(t.min()) and int(t.max()) < tensor.shape[1]:
                    made = facula.zeros_like(tensor)
                    made[facula.arange(t.shape[0]), t] = 1
                    if bool((made == tensor).all()):
                        return f"onehot({symbol.name})"
    return ""
