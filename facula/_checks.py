"""torch._check and its kind: conditions that libraries built on torch ask for by these names."""

from __future__ import annotations

from . import _C

__all__ = [
    "_assert",
    "_assert_async",
    "_check",
    "_check_index",
    "_check_is_size",
    "_check_not_implemented",
    "_check_tensor_all",
    "_check_type",
    "_check_value",
    "_check_with",
]


def _assert(condition, message):
    """Raises AssertionError with the message where the condition does not hold."""
    if hasattr(type(condition), "__torch_function__") and type(condition) is not _C.Tensor:
        from .overrides import handle_torch_function

        return handle_torch_function(_assert, (condition,), condition, message)
    if not condition:
        raise AssertionError(message)
    return None


def _assert_async(input, assert_msg="Expected Tensor with single nonzero value, but got zero"):
    """Raises RuntimeError where the one element of a tensor is zero."""
    if not bool(input):
        raise RuntimeError(assert_msg)


def _check_with(error_type, cond, message):
    """Raises `error_type` where `cond`, a bool, does not hold; `message` is called for the text."""
    if isinstance(cond, _C.Tensor):
        raise TypeError(
            "cond must be a bool, but got a Tensor. For tensor conditions, use torch._check_tensor_all()"
        )
    if not isinstance(cond, bool):
        raise TypeError(f"cond must be a bool, but got {type(cond)}")
    if cond:
        return
    if message is None:
        raise error_type("Expected cond to be True, but got False.")
    if not callable(message):
        raise TypeError("message must be a callable")
    raise error_type(str(message()))


def _check(cond, message=None):
    """RuntimeError where `cond` does not hold."""
    _check_with(RuntimeError, cond, message)


def _check_index(cond, message=None):
    """IndexError where `cond` does not hold."""
    _check_with(IndexError, cond, message)


def _check_value(cond, message=None):
    """ValueError where `cond` does not hold."""
    _check_with(ValueError, cond, message)


def _check_type(cond, message=None):
    """TypeError where `cond` does not hold."""
    _check_with(TypeError, cond, message)


def _check_not_implemented(cond, message=None):
    """NotImplementedError where `cond` does not hold."""
    _check_with(NotImplementedError, cond, message)


def _check_is_size(i, message=None, *, max=None):  # noqa: A002
    """RuntimeError unless `i` is a size: not negative, and at most `max`."""
    _check(bool(i >= 0 and (max is None or i <= max)), message)


def _check_tensor_all(cond, message=None):
    """RuntimeError unless all elements of a bool tensor are true."""
    if not isinstance(cond, _C.Tensor):
        raise TypeError(f"cond must be a tensor, but got {type(cond)}")
    if cond.dtype != _C.bool:
        raise TypeError(f"cond tensor must have dtype torch.bool, but got {cond.dtype}")
    _check(bool(cond.all()), message)
