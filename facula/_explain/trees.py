"""Formulas as trees: numbers, `Symbol`s, and tuples (function, operand, ...), and their values.

A function is a word of the formula vocabulary ("mul", "exp"; src/op/vocabulary.h), as which the entries of
pointwise operations state themselves and their derivatives, or an object that can be called, such as an
`Again` (formula.py) or a `Move` (moves.py). Every tree can be evaluated, which is how what is printed is
checked.
"""

from __future__ import annotations

import operator

import facula

from .. import _C

__all__ = [
    "OPERATORS",
    "UNKNOWN",
    "Symbol",
    "evaluate",
    "fit",
    "function",
    "keeps_conjugates",
    "mind_conjugates",
    "shape_of",
]


# What evaluating a tree may raise where a value is not known or an operation cannot be run again.
UNKNOWN = (KeyError, RuntimeError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError)


class Symbol:
    """A named tensor; with `of`, the gradient of `loss` with respect to what is called so."""

    __slots__ = ("is_constant", "loss", "name", "of", "value")

    def __init__(self, name, value=None, loss=None, of=None, is_constant=False):
        self.name, self.value, self.loss, self.of = name, value, loss, of
        self.is_constant = is_constant  # made on the way, no variable of the program


def fit(value, shape):
    """`value` in a shape it may be broadcast to."""
    if not isinstance(value, _C.Tensor):
        value = facula.tensor(float(value))
    shape = tuple(shape)
    if tuple(value.shape) == shape:
        return value
    if value.numel() == facula.Size(shape).numel():
        return value.reshape(shape)
    return value.expand(shape)


OPERATORS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": lambda a, b: a / b if isinstance(b, _C.Tensor) or b or isinstance(a, _C.Tensor) else _limit(a),
    "neg": operator.neg,
    "pow": operator.pow,
    "matmul": lambda a, b: a @ b if isinstance(a, _C.Tensor) and isinstance(b, _C.Tensor) else a * b,
    "gt": operator.gt,
    "lt": operator.lt,
    "ge": operator.ge,
    "le": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
    "complex": complex,
    "where": lambda c, a, b: facula.where(c if isinstance(c, _C.Tensor) else facula.tensor(bool(c)), a, b),
    "T": lambda a: a.t() if isinstance(a, _C.Tensor) and a.dim() == 2 else a,
    "mT": lambda a: a.mT,
    "polygamma": lambda n, a: facula.polygamma(int(n), _as_tensor(a)),
    "maximum": lambda a, b: facula.maximum(*_tensors(a, b)),
    "minimum": lambda a, b: facula.minimum(*_tensors(a, b)),
    "log_sigmoid": lambda a: facula.nn.functional.logsigmoid(a),
}


def function(name):
    """What a word of the vocabulary stands for. KeyError: nothing."""
    if name in OPERATORS:
        return OPERATORS[name]
    for space in (facula, facula.special):
        found = getattr(space, name.removeprefix("special."), None)
        if found is not None:
            return lambda *a: found(
                *(_as_tensor(x) if i == 0 or type(x) is bool else x for i, x in enumerate(a))
            )
    raise KeyError(name)


def _limit(a):
    return float("nan") if a == 0 or a != a else float("inf") if a > 0 else -float("inf")


def _tensors(a, b):
    """Both as tensors; a number has the dtype of the other."""
    if isinstance(a, _C.Tensor):
        return a, b if isinstance(b, _C.Tensor) else facula.tensor(b, dtype=a.dtype)
    return facula.tensor(a, dtype=b.dtype) if isinstance(b, _C.Tensor) else facula.tensor(a), _as_tensor(b)


def _as_tensor(x):
    return facula.tensor(x, dtype=_C.float64) if isinstance(x, float) else facula.as_tensor(x)


def evaluate(tree, memo=None):
    """The value of a tree: a tensor or a number. KeyError or RuntimeError where it has none."""
    memo = {} if memo is None else memo
    stack = [tree]
    while stack:
        t = stack[-1]
        if id(t) in memo:
            stack.pop()
            continue
        if not isinstance(t, tuple):
            if isinstance(t, Symbol):
                if t.value is None:
                    raise KeyError(t.name)
                memo[id(t)] = (t, t.value)
            else:
                memo[id(t)] = (t, t)
            stack.pop()
            continue
        waiting = [a for a in t[1:] if id(a) not in memo]
        if waiting:
            stack.extend(waiting)
            continue
        f = t[0] if callable(t[0]) else function(t[0])
        memo[id(t)] = (t, f(*(memo[id(a)][1] for a in t[1:])))
        stack.pop()
    return memo[id(tree)][1]


def shape_of(tree, memo) -> tuple:
    value = evaluate(tree, memo)
    return tuple(value.shape) if isinstance(value, _C.Tensor) else ()


_complex = False  # whether conjugates mean something in the graph that is being explained


def mind_conjugates(on: bool) -> None:
    """Whether `conj(x)` is kept: in graphs with complex numbers."""
    from . import notation

    global _complex
    _complex = on
    notation.forget_constants()


def keeps_conjugates() -> bool:
    return _complex
