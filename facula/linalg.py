"""torch.linalg: the operations of this name space."""

from ._C import _linalg

globals().update({k: v for k, v in vars(_linalg).items() if not k.startswith("__")})
__all__ = sorted(k for k in vars(_linalg) if not k.startswith("_"))
