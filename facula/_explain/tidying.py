"""Rules of writing that need no algebra: 1 * x, x + 0, numbers with numbers, conjugates of real numbers."""

from __future__ import annotations

from . import moves, notation
from .trees import OPERATORS, Symbol, keeps_conjugates

__all__ = ["squared", "substitute", "tidy"]


def squared(tree):
    """Products of something with itself as squares."""
    if not isinstance(tree, tuple):
        return tree
    if tree[0] == "mul" and isinstance(tree[1], Symbol) and tree[1] is tree[2]:
        return ("pow", tree[1], 2.0)
    return (tree[0], *map(squared, tree[1:]))


def substitute(tree, values: dict):
    """Replaces terms ("a",), ("g",) ... by trees, and tidies."""
    if not isinstance(tree, tuple):
        return tree
    if len(tree) == 1:
        return values.get(tree[0], tree)
    return tidy((tree[0], *(substitute(t, values) for t in tree[1:])))


def _is(x, c) -> bool:
    return isinstance(x, (int, float)) and x == c


_COMPARISONS = ("gt", "lt", "ge", "le", "eq", "ne")


def _is_case(t) -> bool:
    """`where(c, x, 0)` or `where(c, 0, x)`"""
    return isinstance(t, tuple) and t[0] == "where" and _is(t[2], 0) != _is(t[3], 0)


def _replaced(tree, old, new):
    if tree == old:
        return new
    if (
        not isinstance(tree, tuple)
        or not isinstance(tree[0], str)
        or tree[0] in ("matmul", "T", "mT", "outer")
    ):
        return tree  # not element by element
    return (tree[0], *(_replaced(t, old, new) for t in tree[1:]))


def _times(x, y, first):
    return tidy(("mul", x, y) if first else ("mul", y, x))


def _is_turned(t, f) -> bool:
    return isinstance(t, tuple) and t[0] == f


def tidy(t):
    """One step of what needs no algebra: 1 * x, x + 0, numbers with numbers, conjugates of real numbers."""
    f, *a = t
    if f in ("T", "mT"):
        if isinstance(a[0], (int, float)):
            return a[0]
        if isinstance(a[0], tuple) and a[0][0] == f:
            return a[0][1]
        if isinstance(a[0], tuple) and isinstance(a[0][0], moves.Move) and len(a[0][0].shape) > 1:
            return moves.moved(moves.swapped(a[0][0].shape), a[0])
        if f == "T" and isinstance(a[0], Symbol) and a[0].is_constant:
            return notation.constant(OPERATORS["T"](a[0].value))
        if isinstance(a[0], tuple) and a[0][0] == "neg":
            return ("neg", tidy((f, a[0][1])))
        if isinstance(a[0], tuple) and a[0][0] == "matmul" and any(_is_turned(x, f) for x in a[0][1:]):
            return ("matmul", tidy((f, a[0][2])), tidy((f, a[0][1])))  # (g.T @ x).T
        return t
    if f == "exp" and isinstance(a[0], tuple):
        if getattr(a[0][0], "name", "") == "log_softmax":
            return (moves.Softmax(a[0][0]), *a[0][1:])
        if a[0][0] == "sub" and moves.is_logsumexp(a[0][2], a[0][1]):
            return (moves.Softmax.beside(a[0][2]), a[0][1])
    if getattr(f, "name", "") == "sum" and _is(a[0], 0):
        return 0.0
    if f == "matmul":
        if any(isinstance(x, (int, float)) for x in a):  # of one element
            return tidy(("mul", *a))
        for x, y in (a, a[::-1]):
            if isinstance(x, Symbol) and x.is_constant and x.name.startswith("eye("):
                return y
    if f == "conj" and isinstance(a[0], tuple):
        if a[0][0] == "conj":
            return a[0][1]
        if a[0][0] == "mul" and isinstance(a[0][1], (int, float)):
            return ("mul", a[0][1], tidy(("conj", a[0][2])))
    if f == "conj" and (isinstance(a[0], (int, float)) or not keeps_conjugates()):
        return a[0]
    if f == "real" and not keeps_conjugates():
        return a[0]
    if f in ("eq", "le", "ge") and a[0] == a[1] and not isinstance(a[0], (int, float)):
        return True
    if f in ("add", "sub", "mul", "div", "neg") and all(isinstance(x, (int, float)) for x in a):
        if f != "div" or a[1] != 0:
            return OPERATORS[f](*a)
    if f in _COMPARISONS and all(isinstance(x, (int, float)) for x in a):
        return bool(OPERATORS[f](*a))
    if f == "where" and isinstance(a[0], bool):
        return a[1] if a[0] else a[2]
    if f in ("le", "gt") and _is(a[1], 0) and isinstance(a[0], tuple) and a[0][0] == "relu":
        return (f, a[0][1], a[1])
    if f == "where" and isinstance(a[0], tuple) and a[0][0] == "le" and _is(a[1], 0):
        return tidy(("where", ("gt", *a[0][1:]), a[2], a[1]))  # where(x > 0, g, 0)
    if f == "where" and isinstance(a[0], tuple) and a[0][0] == "gt" and _is(a[0][2], 0):
        return ("where", a[0], _replaced(a[1], ("relu", a[0][1]), a[0][1]), a[2])
    if f == "logical_and" and any(isinstance(x, bool) for x in a):
        return False if False in a else next((x for x in a if x is not True), True)
    if f == "logical_or" and any(isinstance(x, bool) for x in a):
        return True if True in a else next((x for x in a if x is not False), False)
    if f == "mul":
        if _is(a[0], 0) or _is(a[1], 0):
            return 0.0
        if _is(a[0], 1):
            return a[1]
        if _is(a[1], 1):
            return a[0]
        for x, y in (a, a[::-1]):
            if _is(x, -1):
                return tidy(("neg", y))
            if isinstance(x, float) and isinstance(y, tuple) and y[0] == "mul" and isinstance(y[1], float):
                return tidy(("mul", x * y[1], y[2]))
            if isinstance(x, tuple) and x[0] == "neg":
                return tidy(("neg", tidy(("mul", x[1], y) if x is a[0] else ("mul", y, x[1]))))
            if _is_case(x) and not _is_case(y):
                c, p, q = x[1:]
                return ("where", c, *(r if _is(r, 0) else _times(r, y, x is a[0]) for r in (p, q)))
    elif f == "add":
        if _is(a[0], 0):
            return a[1]
        if _is(a[1], 0):
            return a[0]
        if _is_case(a[0]) and _is_case(a[1]) and a[0][1] == a[1][1]:
            (p, q), (r, s) = a[0][2:], a[1][2:]
            return tidy(("where", a[0][1], tidy(("add", p, r)), tidy(("add", q, s))))
        if isinstance(a[0], tuple) and a[0][0] == "neg" and not isinstance(a[1], tuple):
            return ("sub", a[1], a[0][1])
        if a[0] == a[1]:
            return tidy(("mul", 2.0, a[0]))
        if isinstance(a[1], tuple) and a[1][0] == "neg":
            return ("sub", a[0], a[1][1])
    elif f == "sub":
        if _is(a[1], 0):
            return a[0]
        if isinstance(a[1], tuple) and a[1][0] == "neg":
            return ("add", a[0], a[1][1])
    elif f == "div":
        if _is(a[1], 1) or _is(a[0], 0):
            return a[0]
        if isinstance(a[0], tuple) and a[0][0] == "div" and a[0][2] == a[1]:
            return ("div", a[0][1], ("pow", a[1], 2.0))  # a/b/b
    elif f == "neg" and isinstance(a[0], tuple):
        g, *b = a[0]
        if g == "neg":
            return b[0]
        if g in ("mul", "div") and isinstance(b[0], float) and b[0] < 0:
            return tidy((g, -b[0], b[1]))
    elif f == "pow" and _is(a[1], 1):
        return a[0]
    elif f == "pow" and _is(a[1], 0):
        return 1.0
    return t
