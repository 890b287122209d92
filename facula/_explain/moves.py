"""Tensors whose elements are those of others in new places: views, transposes, indices, joined tensors."""

from __future__ import annotations

import math
import re

import facula

from .. import _C
from . import formula

__all__ = [
    "Entries",
    "Join",
    "MOST",
    "Move",
    "Reduced",
    "Softmax",
    "SumTo",
    "Written",
    "expanded",
    "moved",
    "strides_of",
    "summed",
    "swapped",
    "view_of",
]

MOST = 4096  # elements: beyond, an operation keeps its plain name


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

    def renamed(self, name: str) -> Move:
        return Move(self.given, self.shape, self.source, (name, self.after and name[:1] in "[."))

    def following(self, first: Move) -> Move:
        """Both in one."""
        return Move(first.given, self.shape, [-1 if k < 0 else first.source[k] for k in self.source])


def transpose(shape) -> Move:
    return Move(shape, shape[::-1], transpose_source(shape))


def swapped(shape) -> Move:
    """The last two dimensions exchanged."""
    rows, columns = shape[-2:]
    size = rows * columns
    source = [b * size + k for b in range(math.prod(shape[:-2])) for k in transpose_source((rows, columns))]
    return Move(shape, (*shape[:-2], columns, rows), source)


def expanded(given, shape) -> Move | None:
    """What broadcasting makes of a tensor."""
    if math.prod(shape) > MOST:
        return None
    given, steps = tuple(given), strides_of(given)
    extra = len(shape) - len(given)
    steps = [0] * extra + [0 if n == 1 else s for n, s in zip(given, steps)]
    return Move(given, shape, walk(shape, steps), (f".expand({', '.join(map(str, shape))})", True))


def view_of(value, t) -> Move | None:
    """The Move that makes `value` out of `t`, where it is a view of it or a copy in another shape."""
    if value.dtype != t.dtype or not 1 < value.numel() <= 100 * MOST or not value.is_floating_point():
        return None
    if value.untyped_storage().data_ptr() == t.untyped_storage().data_ptr() and t.is_contiguous():
        first = value.storage_offset() - t.storage_offset()
        places = [first + p for p in walk(value.shape, value.stride())]
        return Move(t.shape, value.shape, places) if 0 <= min(places) <= max(places) < t.numel() else None
    if value.numel() == t.numel() and bool((value.reshape(-1) == t.reshape(-1)).all()):
        return Move(t.shape, value.shape, range(t.numel()))
    return None


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
    if given == shape and all(k in (-1, i) for i, k in enumerate(source)):
        holes = [i for i, k in enumerate(source) if k < 0]
        index = _index(given, _shape_of_zeros(given, source), holes, exact=False)
        if index is not None:
            return f"zero[{index}]", False
    inverse = [-1] * count
    for to, come in enumerate(source):
        if come >= 0:
            if inverse[come] >= 0:
                return "place", False
            inverse[come] = to
    if -1 not in inverse:
        index = _index(shape, given, inverse, exact=False)
        if index is None and len(shape) == len(given) == 1 and len(inverse) <= 6:
            index = str(inverse)
        if index is not None:
            return f"place[{index}]", False
    return "place", False


def _shape_of_zeros(shape, source, most=-1):
    """The shape of the block of places that are zero, as far as it is one."""
    at = [[i // s % n for s, n in zip(strides_of(shape), shape)] for i, k in enumerate(source) if k <= most]
    return tuple(len({row[d] for row in at}) for d in range(len(shape))) if at else (0,)


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


def strides_of(shape) -> list[int]:
    """Those of a contiguous tensor."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return strides[::-1]


def _permutation(given, shape, source):
    strides, mine = strides_of(given), strides_of(shape)
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
    strides = strides_of(shape)
    first = source[0]
    dims = [d for d, n in enumerate(shape) if n > 1 and first // strides[d] % n == n - 1]
    signs = [-s if d in dims else s for d, s in enumerate(strides)]
    return dims if [first + p for p in walk(shape, signs)] == list(source) else None


def _index(given, shape, source, exact=True):
    """`1, 2:5` where the elements are those of a basic index, else None; exact: in that very shape."""
    if not source:
        return None
    strides, mine = strides_of(given), strides_of(shape)
    start = [source[0] // s % n for s, n in zip(strides, given)]
    parts, steps, axis = [], [0] * len(shape), 0
    axes = [a for a, n in enumerate(shape) if n > 1]
    sizes: list[int | None] = []  # of the dimensions that remain; None for one that goes
    for d, n in enumerate(given):
        used = None
        if axis < len(axes):
            jump = source[mine[axes[axis]]] - source[0]
            if jump > 0 and jump % strides[d] == 0 and jump // strides[d] < n:
                used = axes[axis]
        if used is None:
            parts.append(str(start[d]))
            sizes.append(None)
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
        sizes.append(shape[used])
    if axis != len(axes) or [source[0] + p for p in walk(shape, steps)] != list(source):
        return None
    tail = ""
    if exact and tuple(n for n in sizes if n is not None) != tuple(shape):
        kept = [":" if s is None and n == 1 else p for p, s, n in zip(parts, sizes, given)]
        left = tuple(1 if s is None else s for s, n in zip(sizes, given) if s is not None or n == 1)
        if left == tuple(shape):
            parts = kept
        elif tuple(1 if s is None else s for s in sizes) == tuple(shape):
            parts = [
                f"{p}:{int(p) + 1}" if s is None and n > 1 else k
                for p, k, s, n in zip(parts, kept, sizes, given)
            ]
        else:
            tail = _new_axes([n for n in sizes if n is not None], shape)
            if tail is None:
                return None
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    return ", ".join(parts) + (f"]{tail[:-1]}" if tail else "")


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


class Written(Join):
    """A tensor with some of its elements replaced: `y with [0] = x`."""

    __slots__ = ("index",)

    def __init__(self, again, source, shape):
        super().__init__(again, source)
        places: dict[int, list[int]] = {}
        for k, (i, place) in enumerate(source):
            if i == 1:
                places.setdefault(place, []).append(k)
        taken = sorted(k for ks in places.values() for k in ks)
        to = tuple(self.shapes[1])
        if len(taken) == math.prod(to):
            taken, block = [places[p][0] for p in range(math.prod(to))], to
        else:
            block = _shape_of_zeros(shape, [0 if k in set(taken) else 1 for k in range(len(source))], 0)
        found = _index(tuple(shape), block, taken, exact=False)
        self.index = "[...]" if found is None else f"[{found}]"


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


class SumTo:
    """Undoes broadcasting: the gradient of an operand that was repeated."""

    __slots__ = ("dims", "key", "name", "shape", "suffix", "to", "whole")

    def __init__(self, whole, shape, to=None):
        self.name, self.whole, self.shape = "sum", tuple(whole), tuple(shape)
        extra = len(self.whole) - len(self.shape)
        self.dims = list(range(extra)) + [
            i + extra for i, n in enumerate(self.shape) if n == 1 and self.whole[i + extra] != 1
        ]
        kept = any(n != 1 for i, n in enumerate(self.whole) if i not in self.dims)
        self.suffix = ""
        if kept:
            self.suffix = f", {self.dims[0]}" if len(self.dims) == 1 else f", {tuple(self.dims)}"
            if self.dims != list(range(extra)) and self.shape and to is None:
                self.suffix += ", True"
        self.to = self.shape if to is None else tuple(to)
        self.key = ("sum", self.whole, self.shape, self.to)

    def __call__(self, value):
        value = formula.fit(value, self.whole)
        return (value.sum(self.dims) if self.dims else value).reshape(self.to)


class Softmax:
    """exp(log_softmax(x)), as it is usually written."""

    __slots__ = ("again", "key", "name", "suffix")

    def __init__(self, again):
        self.again, self.name, self.suffix = again, "softmax", getattr(again, "suffix", "")
        self.key = ("softmax", again.key)

    @classmethod
    def beside(cls, tree):
        """That of x for the tree `logsumexp(x, dim)`, with or without a dimension of size 1."""
        while isinstance(tree[0], Move):
            tree = tree[1]
        dim = int(tree[0].suffix.split(", ")[1])
        made = cls(tree[0])
        made.again = lambda x: facula.log_softmax(x, dim)
        made.suffix = f", {dim}"
        return made

    def __call__(self, *values):
        return self.again(*values).exp()


def is_logsumexp(tree, x) -> bool:
    """Whether a tree is `logsumexp(x, dim)`, in a shape that may be subtracted from x."""
    moved_by = None
    if isinstance(tree, tuple) and isinstance(tree[0], Move) and tree[0].after:
        moved_by, tree = tree[0], tree[1]
    if not isinstance(tree, tuple) or not isinstance(tree[0], Reduced) or tree[1] != x:
        return False
    f = tree[0]
    if f.name != "logsumexp" or not re.fullmatch(r", \d+(, True)?", f.suffix):
        return False
    shape, dim = f.shapes[0], int(f.suffix.split(", ")[1])
    if moved_by is None:
        return len(shape) == 1 or f.suffix.endswith("True")
    return moved_by.shape == (*shape[:dim], 1, *shape[dim + 1 :])


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
        inner = swapped((*move.given[:-2], *move.given[:-3:-1]))
    if isinstance(tree, tuple) and isinstance(tree[0], Join):
        found = tree[0].picked(move)
        if found is not None:
            return moved(found[1], tree[1 + found[0]])
    if inner is not None and inner.shape == move.given:
        both = move.following(inner)
        if both.name != "place" or "place" in (move.name, inner.name):
            move, tree = both, tree[1]
    if formula.is_number(tree) or isinstance(tree, formula.Symbol) and tree.name[:1] == "[":
        return formula.constant_of((move, tree))
    if isinstance(tree, tuple) and isinstance(tree[0], SumTo) and tree[0].to == move.given:
        f = tree[0]
        kept = tuple(n for i, n in enumerate(f.whole) if i not in f.dims)
        if move.source == tuple(range(len(move.source))) and move.shape == kept and f.shape:
            return (SumTo(f.whole, f.shape, kept), tree[1])
    if len(move.source) == 1 == math.prod(move.given) and move.source[0] == 0:
        return tree
    if move.given == move.shape and move.source == tuple(range(len(move.source))):
        return tree
    if move.is_transpose:
        return ("T", tree)
    return (move, tree)


def summed(tree, whole, dims, shape):
    """The sum of a Move along `dims`, where each sum has one element that is no zero; else None."""
    if not isinstance(tree, tuple) or not isinstance(tree[0], Move) or -1 not in tree[0].source:
        return None
    move = tree[0]
    if move.shape != tuple(whole):
        return None
    kept = [0 if i in dims else step for i, step in enumerate(_kept_strides(whole, dims))]
    found = [-1] * math.prod(shape)
    for to, come in zip(walk(whole, kept), move.source):
        if come >= 0:
            if found[to] >= 0:
                return None
            found[to] = come
    return moved(Move(move.given, shape, found), tree[1])


def _kept_strides(whole, dims):
    steps, step = [], 1
    for i, n in reversed(list(enumerate(whole))):
        steps.append(step)
        step *= 1 if i in dims else n
    return steps[::-1]


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
