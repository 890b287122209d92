"""What the derivative transforms have in common: inputs that a derivative is taken for.

Derivatives are taken of values. Under vmap an input is therefore first made different for every example of
every running vmap (without copying: the examples share memory), so that the gradient of the value holds the
gradient of each example, and likewise tangents.
"""

from __future__ import annotations

from ._batch import BatchedTensor, live, value_of, wrap

__all__ = ["Transform", "everywhere", "levels_of", "rewrap", "wrapped_like"]


class Transform:
    """Context in which the user's function runs: Functions of autograd learn of it."""

    def __enter__(self):
        from ..autograd import function

        function.transforms.count += 1

    def __exit__(self, *exc):
        from ..autograd import function

        function.transforms.count -= 1


def everywhere(x, levels=None):
    """The plain value of a tensor with all examples of all running vmaps in front, the innermost first."""
    levels = live() if levels is None else levels
    for level in reversed(levels):
        x = value_of(x, level)
    return x


def rewrap(value, levels=None, *, like=None):
    """The inverse of `everywhere`; batches are said to lie where they do in the tensor `like`."""
    levels = live() if levels is None else levels
    for level in levels:  # the outermost wraps the value itself
        value = wrap(value, level.number)
    face = value
    while type(like) is BatchedTensor:
        if like._dim:
            while face._level != like._level:
                face = face._value
            face._dim = like._dim
        like = like._value
    return value


def levels_of(x):
    """The numbers of the levels a tensor is batched at, the innermost first."""
    found = []
    while type(x) is BatchedTensor:
        found.append(x._level)
        x = x._value
    return found


def plain(x):
    """The value below all levels of a tensor."""
    while type(x) is BatchedTensor:
        x = x._value
    return x


def wrapped_like(value, x):
    """A plain value batched as x is."""
    for number in reversed(levels_of(x)):
        value = wrap(value, number)
    return value
