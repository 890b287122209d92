"""Kullback-Leibler divergences."""

from __future__ import annotations

import facula as torch

from .distribution import Distribution

__all__ = ["kl_divergence", "register_kl"]

_KL_REGISTRY: dict = {}  # (type of p, type of q) -> function
_KL_MEMOIZE: dict = {}  # the same for types that were asked for


def register_kl(type_p, type_q):
    """Decorates the function `f(p, q)` that gives the divergence for two types, and their subclasses.

    For given distributions the entry with the closest types is taken, a warning is given where the
    closest for p and the closest for q differ.
    """
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        # Libraries register classes of their own that are like distributions.
        if not isinstance(kind, type):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {kind}")

    def decorator(function):
        _KL_REGISTRY[type_p, type_q] = function
        _KL_MEMOIZE.clear()
        return function

    return decorator


def _distance(kind, above) -> int:
    return kind.__mro__.index(above)


def _dispatch_kl(type_p, type_q):
    """The closest entry: by p and then by q, and by q and then by p, which should agree."""
    found = [
        ((_distance(type_p, p), _distance(type_q, q)), (p, q))
        for p, q in _KL_REGISTRY
        if issubclass(type_p, p) and issubclass(type_q, q)
    ]
    if not found:
        return NotImplemented
    by_p = min(found, key=lambda f: f[0])[1]
    by_q = min(found, key=lambda f: f[0][::-1])[1]
    if _KL_REGISTRY[by_p] is not _KL_REGISTRY[by_q]:
        import warnings

        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). "
            f"Please register_kl({by_p[0].__name__}, {by_q[1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return _KL_REGISTRY[by_p]


def kl_divergence(p: Distribution, q: Distribution) -> torch.Tensor:
    """The mean over p of log(p / q), for each pair of the two batches.

    Raises:
        NotImplementedError: there is no formula for the two types.
    """
    types = type(p), type(q)
    function = _KL_MEMOIZE.get(types)
    if function is None:
        function = _KL_MEMOIZE[types] = _dispatch_kl(*types)
    if function is NotImplemented:
        names = f"p type {type(p).__name__} and q type {type(q).__name__}"
        raise NotImplementedError(f"No KL(p || q) is implemented for {names}")
    return function(p, q)


# The formulas register themselves.
from . import _kl_mixed, _kl_same  # noqa: E402, F401
