"""torch.compiler: there is no compiler, so nothing is ever compiled."""

from __future__ import annotations

__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "compile",
    "cudagraph_mark_step_begin",
    "disable",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "list_backends",
    "reset",
    "set_stance",
]


def compile(*args, **kwargs):  # noqa: A001  PyTorch's name
    """`torch.compile`: the function or module itself."""
    from ._python import compile

    return compile(*args, **kwargs)


def _same(fn=None, *args, **kwargs):
    """What it is given; a decorator that changes nothing, with or without arguments."""
    return fn if callable(fn) else lambda function: function


disable = allow_in_graph = assume_constant_result = substitute_in_graph = _same


def is_compiling() -> bool:
    """False."""
    return False


is_dynamo_compiling = is_exporting = is_compiling


def reset() -> None:
    """Does nothing."""


cudagraph_mark_step_begin = reset


def list_backends(exclude_tags=()) -> list:
    """None."""
    return []


class set_stance:  # noqa: N801  a context manager and a function
    """Accepted: there is nothing to compile."""

    def __init__(self, stance: str = "default", **kwargs) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error) -> None:
        pass
