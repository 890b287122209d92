"""torch.masked: reductions and normalisations of what a mask selects, and tensors with a mask."""

from types import SimpleNamespace as _Namespace

from ._composite import space
from ._masked import MaskedTensor, as_masked_tensor, is_masked_tensor, masked_tensor  # noqa: F401

__getattr__, __dir__ = space(__name__, _Namespace(), globals())


# The same functions, under the name that PyTorch's own documentation calls them by.
_ops = __import__("sys").modules[__name__]
