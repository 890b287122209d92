"""torch.linalg: the operations of this name space, from the extension and from Python."""

from ._C import _linalg as _extension
from ._C import _LinAlgError as LinAlgError  # noqa: F401
from ._composite import space

__getattr__, __dir__ = space(__name__, _extension, globals())
