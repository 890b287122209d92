"""torch.library: operators of one's own for PyTorch's dispatcher, which facula does not have."""

from __future__ import annotations

__all__ = [
    "Library",
    "custom_op",
    "define",
    "fallthrough_kernel",
    "impl",
    "opcheck",
    "register_autograd",
    "register_fake",
    "register_kernel",
    "triton_op",
    "wrap_triton",
]


def _missing(name: str):
    def refuse(*args, **kwargs):
        raise NotImplementedError(
            f"torch.library.{name}: facula has no dispatcher to register operators with; write a "
            "function, or a "
            "torch.autograd.Function where it needs a derivative of its own"
        )

    refuse.__name__ = name
    refuse.__doc__ = "Raises NotImplementedError."
    return refuse


custom_op, define, impl, opcheck = map(_missing, ("custom_op", "define", "impl", "opcheck"))
register_autograd = _missing("register_autograd")
register_kernel, triton_op, wrap_triton = map(_missing, ("register_kernel", "triton_op", "wrap_triton"))
register_vmap, get_ctx, impl_abstract = map(_missing, ("register_vmap", "get_ctx", "impl_abstract"))
fallthrough_kernel = _missing("fallthrough_kernel")


def register_fake(op, func=None, /, *, lib=None, _stacklevel: int = 1, allow_override: bool = False):
    """Accepts what tells a compiler the shapes of an operator's results; nothing is compiled."""
    return func if func is not None else lambda function: function


class Library:
    """Raises NotImplementedError."""

    def __init__(self, *args, **kwargs) -> None:
        _missing("Library")()
