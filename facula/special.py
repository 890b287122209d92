"""torch.special: the operations of this name space."""

from ._C import _special

globals().update({k: v for k, v in vars(_special).items() if not k.startswith("__")})
__all__ = sorted(k for k in vars(_special) if not k.startswith("_"))
