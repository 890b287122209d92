"""Rules for whole tensors that an algebra system does not know: one entry of a tensor, one-hot factors, terms
that are zero whatever the numbers. What comes out is compared with the gradient like every other formula."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import facula

from .. import _C
from . import formula, moves, notation
from .formula import Symbol, tidy
from .moves import Join, Move, Reduced, SumTo

__all__ = ["entries", "keeps_summed", "masked", "polished", "pulled_out", "rewritten", "size", "unguarded"]

_LIMIT = 160  # terms


def rewritten(tree):
    """The tree with these rules applied, or as it was."""
    if not 3 <= size(tree, _LIMIT) <= _LIMIT:
        return tree
    try:
        if _contains(tree, _picks):
            tree = _Entries().of(tree)
        return _without_zeros(tree)
    except formula.UNKNOWN:
        return tree


def polished(tree):
    """A local derivative as one would write it: numbers first, and no cases for single points."""
    tree = _without_points(tree)
    if isinstance(tree, tuple) and tree[0] == "mul" and any(isinstance(t, float) for t in tree[1:]):
        number, x = tree[1:] if isinstance(tree[1], float) else tree[:0:-1]
        if number and not isinstance(x, (int, float)):
            simple = Fraction(number).limit_denominator(10_000)
            top, below = abs(simple.numerator), simple.denominator
            if abs(simple - Fraction(number)) > 1e-7 * abs(number):
                below = 1
            if below > 1 and (top == 1 or top < 10 and below % 2 and below % 5):
                x = tidy(("neg", x)) if number < 0 else x
                return tidy(("div", x if top == 1 else tidy(("mul", float(top), x)), float(below)))
            return tidy(("mul", number, x))
    return tree


def unguarded(tree):
    """The tree without `maximum(x, 1e-12)`, which only keep a quotient from being one by zero."""
    if not isinstance(tree, tuple):
        return tree
    rest = tuple(map(unguarded, tree[1:]))
    if tree[0] in ("maximum", "clamp") and len(rest) == 2:
        for x, low in (rest, rest[::-1]):
            if isinstance(low, float) and 0 < low <= 1e-6 and not isinstance(x, (int, float)):
                return x
    same = all(a is b for a, b in zip(rest, tree[1:]))
    tree = _without_point(tree if same else tidy((tree[0], *rest)))
    if isinstance(tree, tuple) and tree[0] == "where" and isinstance(tree[1], tuple):
        f, *c = tree[1]
        if f in ("lt", "le") and isinstance(c[1], float) and 0 < c[1] <= 1e-6 and not _is_met(tree[1]):
            return tree[3]
    return tree


def _without_points(tree):
    if not isinstance(tree, tuple):
        return tree
    rest = tuple(map(_without_points, tree[1:]))
    same = all(a is b for a, b in zip(rest, tree[1:]))
    tree = _without_point(tree if same else tidy((tree[0], *rest)))
    if isinstance(tree, tuple) and tree[0] == "mul" and isinstance(tree[2], float):
        if (
            isinstance(tree[1], Symbol)
            and tree[1].of is None
            or isinstance(tree[1], tuple)
            and _is_plain(tree[1])
        ):
            return tidy(("mul", tree[2], tree[1]))
    return tree


def _is_plain(tree) -> bool:
    """Whether no gradient stands in it."""
    return not any(
        isinstance(t, Symbol) and t.of or isinstance(t, tuple) and not _is_plain(t) for t in tree[1:]
    )


def _without_point(tree):
    """`where(a == b, x, y)` is y where no element of a is one of b."""
    if isinstance(tree, tuple) and tree[0] == "where" and isinstance(tree[1], tuple):
        if _contains(tree[1], lambda t: t[0] == "eq") and not _is_met(tree[1]):
            return tree[3]
    return tree


def _is_met(condition) -> bool:
    """Whether a condition holds for any element, as far as that is known."""
    try:
        met = formula.evaluate(condition)
    except formula.UNKNOWN:
        return True
    return bool(met.any()) if isinstance(met, _C.Tensor) else bool(met)


def size(tree, limit) -> int:
    """Terms of a tree as it would be printed; stops counting beyond the limit."""
    total, stack = 0, [tree]
    while stack and total <= limit:
        t = stack.pop()
        total += 1
        if isinstance(t, tuple):
            stack.extend(t[1:])
    return total


def _contains(tree, test) -> bool:
    return isinstance(tree, tuple) and (test(tree) or any(_contains(t, test) for t in tree[1:]))


def _picks(tree) -> bool:
    """One element of a tensor, or a tensor of zeros but for one element."""
    f = tree[0]
    if not isinstance(f, Move):
        return False
    return len(f.source) == 1 and f.source[0] >= 0 or math.prod(f.given) == 1 and -1 in f.source


class _Entries:
    """`(x * y)[1]` is `x[1] * y[1]`; what is multiplied by a one-hot tensor counts in one entry only."""

    def __init__(self):
        self.memo = {}
        self.keep = []

    def shape(self, tree):
        self.keep.append(tree)
        return formula.shape_of(tree, self.memo)

    def of(self, tree):
        if not isinstance(tree, tuple):
            return tree
        f, *rest = tree
        args = [self.of(t) for t in rest]
        if isinstance(f, Move) and _picks(tree):
            if len(f.source) == 1:
                return self.entry(args[0], f.given, f.source[0], f.shape)
            return self.placed(f, args[0])
        if f == "mul":
            return self.product(*args)
        if f in ("div",) and not isinstance(args[0], float) and _factor_of(args[0]) is not None:
            return self.product(args[0], tidy(("div", 1.0, args[1])))
        if isinstance(f, SumTo) and math.prod(f.shape) == 1 or _is_whole_sum(f):
            return self.sum(f, args[0])
        return tidy((f, *args))

    def entry(self, tree, shape, place, to=()):
        """Entry `place` of a tree whose value has `shape`."""
        if isinstance(tree, (int, float)):
            return tree
        have = self.shape(tree)
        if math.prod(have) == 1:
            return tree
        if have != tuple(shape):
            raise KeyError("broadcast")
        if isinstance(tree, tuple) and isinstance(tree[0], str) and tree[0] in _pointwise():
            return tidy((tree[0], *(self.entry(t, shape, place) for t in tree[1:])))
        if isinstance(tree, Symbol) and tree.is_constant:
            return float(tree.value.reshape(-1)[place])
        return moves.moved(Move(shape, to, (place,)), tree)

    def placed(self, f, value):
        hot = next(i for i, k in enumerate(f.source) if k >= 0)
        one = facula.zeros(math.prod(f.shape))
        one[hot] = 1
        dtype = self.value_dtype(value)
        return self.product(notation.constant(one.reshape(f.shape).to(dtype)), value)

    def value_dtype(self, tree):
        v = formula.evaluate(tree, self.memo)
        self.keep.append(tree)
        return v.dtype if isinstance(v, _C.Tensor) else _C.float32

    def product(self, a, b):
        for x, y in ((a, b), (b, a)):
            for sign in ("add", "sub"):
                if isinstance(x, tuple) and x[0] == sign and any(_factor_of(t) for t in x[1:]):
                    return tidy((sign, self.product(x[1], y), self.product(x[2], y)))
        for x, y in ((a, b), (b, a)):
            hot = _factor_of(x)
            if hot is not None and not isinstance(y, (int, float)):
                place = _hot(hot)
                if self.shape(y) == tuple(hot.value.shape):
                    y = self.entry(y, hot.value.shape, place)
                return tidy(("mul", x, y))
        return tidy(("mul", a, b))

    def sum(self, f, tree):
        if isinstance(tree, tuple) and tree[0] in ("add", "sub") and any(map(_factor_of, tree[1:])):
            whole = self.shape(tree)
            if all(self.shape(t) == whole for t in tree[1:]):
                return tidy((tree[0], *(self.sum(f, t) for t in tree[1:])))
        if isinstance(tree, tuple) and tree[0] == "neg":
            return tidy(("neg", self.sum(f, tree[1])))
        hot = _factor_of(tree)
        if hot is None:
            return tidy((f, tree))
        return _divided(tree, hot)


def _divided(tree, hot):
    """A product without one of its factors."""
    if tree is hot:
        return 1.0
    if tree[0] == "neg":
        return tidy(("neg", _divided(tree[1], hot)))
    if tree[0] == "div":
        return tidy(("div", _divided(tree[1], hot), tree[2]))
    if _factor_of(tree[1]) is hot:
        return tidy(("mul", _divided(tree[1], hot), tree[2]))
    return tidy(("mul", tree[1], _divided(tree[2], hot)))


def _is_whole_sum(f) -> bool:
    return isinstance(f, Reduced) and f.name == "sum" and not f.suffix


def _hot(symbol) -> int:
    return int(symbol.value.reshape(-1).argmax())


def _factor_of(tree):
    """The one-hot factor of a product, or None."""
    while True:
        if isinstance(tree, Symbol):
            v = tree.value
            if tree.is_constant and v is not None and v.numel() > 1 and v.is_floating_point():
                return tree if int((v != 0).sum()) == 1 and float(v.sum()) == 1 else None
            return None
        if not isinstance(tree, tuple):
            return None
        if tree[0] == "mul":
            found = _factor_of(tree[1])
            if found is not None:
                return found
            tree = tree[2]
        elif tree[0] in ("neg", "div"):
            tree = tree[1]
        else:
            return None


_words: frozenset = frozenset()


def _pointwise() -> frozenset:
    global _words
    if not _words:
        whole = ("matmul", "T", "mT", "outer", "complex", "polygamma")
        words = "add sub mul div neg pow square exp log sqrt rsqrt reciprocal sin cos tan tanh sinh cosh"
        words += " sigmoid relu abs sgn where gt lt ge le eq ne erf log1p expm1 asin acos atan"
        _words = frozenset(words.split()) - frozenset(whole)
    return _words


def entries(tree, shape):
    """A sum of one-hot tensors times numbers as `[a, b]`, where it is small; else the tree."""
    if math.prod(shape) > 6 or len(shape) not in (1, 2) or not isinstance(tree, tuple):
        return tree
    if not _contains(tree, _is_part):
        return tree
    parts: list = [0.0] * math.prod(shape)
    memo: dict = {}

    def add(t, sign, by):
        if isinstance(t, tuple) and t[0] in ("add", "sub"):
            return add(t[1], sign, by) and add(t[2], sign if t[0] == "add" else not sign, by)
        if isinstance(t, tuple) and t[0] == "neg":
            return add(t[1], not sign, by)
        if isinstance(t, tuple) and t[0] == "mul" and isinstance(t[1], (int, float)):
            return add(t[2], sign, by * t[1])
        if isinstance(t, Symbol) and t.is_constant and tuple(t.value.shape) == tuple(shape):
            for k, x in enumerate(t.value.reshape(-1).tolist()):
                parts[k] = tidy(("add" if sign else "sub", parts[k], x * by))
            return True
        if isinstance(t, tuple) and isinstance(t[0], Join) and len(t[0].source) == len(parts):
            for k, (i, place) in enumerate(t[0].source):
                one = tidy(("mul", by, _Entries().entry(t[1 + i], t[0].shapes[i], place)))
                parts[k] = tidy(("add" if sign else "sub", parts[k], one))
            return True
        if isinstance(t, tuple) and isinstance(t[0], Move) and t[0].shape == tuple(shape):
            for k, place in enumerate(t[0].source):
                if place >= 0:
                    one = tidy(("mul", by, _Entries().entry(t[1], t[0].given, place)))
                    parts[k] = tidy(("add" if sign else "sub", parts[k], one))
            return True
        hot = _factor_of(t)
        if hot is None or tuple(hot.value.shape) != tuple(shape):
            return False
        rest = tidy(("mul", by, _divided(t, hot)))
        try:
            if math.prod(formula.shape_of(rest, memo)) != 1:
                return False
        except formula.UNKNOWN:
            return False
        parts[_hot(hot)] = tidy(("add" if sign else "sub", parts[_hot(hot)], rest))
        return True

    try:
        whole = add(tree, True, 1.0)
    except formula.UNKNOWN:
        return tree
    if not whole or not any(isinstance(p, tuple) or isinstance(p, Symbol) for p in parts):
        return tree
    alike = [_lifted(p, tuple(shape), k) for k, p in enumerate(parts)]
    if alike[0] is not None and all(a == alike[0] for a in alike):
        return alike[0]  # the same for each entry
    if sum(size(p, 100) for p in parts) > 120:
        return tree
    return (moves.Entries(shape), *(tidy(("neg", p[2])) if _is_minus(p) else p for p in parts))


def _lifted(tree, shape, place):
    """`exp(x)` for `exp(x[place])`; None where other entries take part."""
    if not isinstance(tree, tuple):
        return None if isinstance(tree, Symbol) else tree
    f = tree[0]
    if isinstance(f, Move) and len(f.source) == 1:
        return tree[1] if f.given == shape and f.source[0] == place else None
    if not isinstance(f, str):
        return None
    parts = [_lifted(t, shape, place) for t in tree[1:]]
    return None if None in parts else (f, *parts)


def _is_part(tree) -> bool:
    f = tree[0]
    if isinstance(f, Join) or isinstance(f, Move) and -1 in f.source:
        return True
    return any(isinstance(t, Symbol) and _factor_of(t) for t in tree[1:])


def _is_minus(p) -> bool:
    return isinstance(p, tuple) and p[0] == "sub" and p[1] == 0.0


# --- several entries ---


def masked(tree, labels=()):
    """`onehot(t) / p` for `place[i, t](1 / p[i, t])`: what is done to entries, done to all."""
    if not isinstance(tree, tuple):
        return tree
    tree = (tree[0], *(masked(t, labels) for t in tree[1:]))
    f = tree[0]
    if not isinstance(f, Move) or not f.name.startswith("place") or isinstance(tree[1], (int, float)):
        return tidy(tree)
    back = [-1] * math.prod(f.given)
    for to, come in enumerate(f.source):
        if come >= 0:
            if back[come] >= 0:
                return tree
            back[come] = to
    inner = None if -1 in back else _everywhere(tree[1], f, tuple(back))
    if inner is None:
        return tree
    hot = facula.tensor([float(k >= 0) for k in f.source]).reshape(f.shape)
    return tidy(("mul", notation.constant(hot, labels), inner))


def _everywhere(tree, f, back):
    """The tree with t for t[index] wherever a tensor stands; None where one stands by itself."""
    if not isinstance(tree, tuple):
        return tree if isinstance(tree, (int, float)) else None
    g = tree[0]
    if isinstance(g, Move):
        return tree[1] if g.source == back and g.given == f.shape and g.shape == f.given else None
    if not isinstance(g, str) or g not in _pointwise():
        return None
    parts = [_everywhere(t, f, back) for t in tree[1:]]
    return None if None in parts else (g, *parts)


def pulled_out(tree):
    """Sums along a dimension without the factors that are the same along it: `sum(x / s, 1, True)`."""
    if not isinstance(tree, tuple):
        return tree
    tree = tidy((tree[0], *map(pulled_out, tree[1:])))
    dims = _summed_dims(tree)
    if not dims:
        return tree
    memo: dict = {}
    try:
        whole = formula.shape_of(tree[1], memo)
        parts = _factors(tree[1], True)
        alike = [_is_alike(t, whole, dims, memo) for t, _ in parts]
    except formula.UNKNOWN:
        return tree
    if not any(alike) or all(alike):
        return _sum_of_constant(tree)
    kept = _product([p for p, out in zip(parts, alike) if not out])
    return _product([(_sum_of_constant((tree[0], kept)), True), *(p for p, out in zip(parts, alike) if out)])


def keeps_summed(tree) -> bool:
    """Whether a sum stands in it that keeps its dimensions."""
    return _contains(tree, lambda t: bool(_summed_dims(t)))


def _summed_dims(tree) -> list[int]:
    """The dimensions of a sum that keeps them with size 1, else none."""
    if not isinstance(tree, tuple):
        return []
    f = tree[0]
    if isinstance(f, SumTo) and len(f.to) == len(f.whole):
        return f.dims
    if isinstance(f, Reduced) and f.name == "sum" and f.suffix.endswith(", True"):
        return [int(d) for d in re.findall(r"\d+", f.suffix)]
    return []


def _factors(tree, above):
    if isinstance(tree, tuple) and tree[0] == "mul":
        return _factors(tree[1], above) + _factors(tree[2], above)
    if isinstance(tree, tuple) and tree[0] == "div":
        return _factors(tree[1], above) + _factors(tree[2], not above)
    if isinstance(tree, tuple) and tree[0] == "neg":
        return [(-1.0, True), *_factors(tree[1], above)]
    return [(tree, above)]


def _product(parts):
    top, bottom = 1.0, 1.0
    for tree, above in parts:
        if above:
            top = tidy(("mul", top, tree))
        else:
            bottom = tidy(("mul", bottom, tree))
    return tidy(("div", top, bottom))


def _is_alike(tree, whole, dims, memo) -> bool:
    if isinstance(tree, (int, float)):
        return True
    shape = formula.shape_of(tree, memo)
    shape = (1,) * (len(whole) - len(shape)) + shape
    return all(shape[d] == 1 for d in dims)


def _sum_of_constant(tree):
    """The number that the sum of a mask is, where it is the same everywhere."""
    if isinstance(tree[1], Symbol) and tree[1].is_constant:
        value = formula.constant_of(tree)
        return value if isinstance(value, float) else tree
    return tree


# --- terms that vanish ---


def _without_zeros(tree):
    """Leaves out terms of sums whose value is zero for other values of the symbols, too."""
    symbols: dict[int, Symbol] = {}
    _collect(tree, symbols)
    moving = [s for s in symbols.values() if s.value is not None and s.value.is_floating_point()]
    moving = [s for s in moving if not s.is_constant]
    if not moving or not _contains(tree, lambda t: t[0] in ("add", "sub") and _has_sums(t)):
        return tree
    before = [s.value for s in moving]
    memos = []
    state = _C.default_generator.get_state()
    try:
        for k in range(2):
            for s, v in zip(moving, before):
                steps = facula.arange(v.numel(), dtype=_C.float64).reshape(v.shape)
                s.value = (
                    v.to(_C.float64) * (1 + 0.1 * (steps * (1.3 + k) + 1).sin()) + 0.01 * (steps + k).cos()
                )
                s.value = s.value.to(v.dtype)
            memo: dict = {}
            _evaluate_all(tree, memo)
            memos.append(memo)
    finally:
        for s, v in zip(moving, before):
            s.value = v
        _C.default_generator.set_state(state)
    return _dropped(tree, memos)


def _has_sums(tree) -> bool:
    return _contains(tree, lambda t: isinstance(t[0], (SumTo, Reduced)) or _is_whole_sum(t[0]))


def _collect(tree, found):
    if isinstance(tree, Symbol):
        found[id(tree)] = tree
    elif isinstance(tree, tuple):
        for t in tree[1:]:
            _collect(t, found)


def _evaluate_all(tree, memo):
    formula.evaluate(tree, memo)


def _size_at(tree, memo) -> float:
    if id(tree) not in memo:
        return math.nan
    value = memo[id(tree)][1]
    if isinstance(value, _C.Tensor):
        return float(value.abs().max()) if value.numel() else 0.0
    return abs(value)


def _dropped(tree, memos):
    if not isinstance(tree, tuple):
        return tree
    if tree[0] in ("add", "sub"):
        a, b = tree[1:]
        sizes = [(_size_at(a, m), _size_at(b, m)) for m in memos]
        if _has_sums(b) and all(y <= 3e-6 * x for x, y in sizes):
            return _dropped(a, memos)
        if _has_sums(a) and all(x <= 3e-6 * y for x, y in sizes):
            b = _dropped(b, memos)
            return b if tree[0] == "add" else tidy(("neg", b))
    return tidy((tree[0], *(_dropped(t, memos) for t in tree[1:])))
