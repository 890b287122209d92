"""torch.masked: reductions and normalisations of the elements that a mask selects."""

from types import SimpleNamespace as _Namespace

from ._composite import space

__getattr__, __dir__ = space(__name__, _Namespace(), globals())


# The same functions, under the name that PyTorch's own documentation calls them by.
_ops = __import__("sys").modules[__name__]
