"""torch.sparse: operations on sparse tensors in coordinate form."""

from types import SimpleNamespace as _Namespace

from ._composite import space

__getattr__, __dir__ = space(__name__, _Namespace(), globals())
