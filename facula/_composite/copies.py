"""The copying forms of views: `name_copy` computes what the view `name` shows and shares no memory."""

from __future__ import annotations

from .. import _C
from . import composite


def _contiguous(result):
    if isinstance(result, _C.Tensor):
        return result.clone(memory_format=_C.contiguous_format)
    return tuple(_contiguous(part) for part in result)


def _copying(view: str) -> None:
    """Publishes `view_copy` for a view that is a method of Tensor or a function of torch."""

    def call(input, *args, **kwargs):
        method = getattr(_C.Tensor, view, None)
        if method is None:
            return _contiguous(getattr(_C._functions, view)(input, *args, **kwargs))
        return _contiguous(method(input, *args, **kwargs))

    call.__name__ = call.__qualname__ = f"{view}_copy"
    call.__doc__ = f"A contiguous tensor with the elements that `{view}` shows; its arguments are the same."
    if view not in ("split", "split_with_sizes", "unbind"):
        composite("torch", out="exact")(call)
        return

    def into(input, *args, out=None, **kwargs):
        parts = call(input, *args, **kwargs)
        if out is None:
            return parts
        if len(out) != len(parts):
            raise RuntimeError(
                f"{call.__name__}(): expected the out= argument to have size {len(parts)}, got {len(out)}"
            )
        for o, part in zip(out, parts):
            _C._copy_to_out(o, part, call.__name__)
        return None

    into.__name__, into.__qualname__, into.__doc__ = call.__name__, call.__name__, call.__doc__
    composite("torch")(into)


# PyTorch has the copying form of these views alone.
for _view in (
    "as_strided detach diagonal expand permute select split split_with_sizes squeeze t transpose unbind "
    "unfold unsqueeze view view_as_complex view_as_real"
).split():
    _copying(_view)


@composite("torch", out="exact")
def alias_copy(input):
    """A contiguous copy."""
    return _contiguous(input)


@composite("torch", out="exact")
def slice_copy(input, dim=0, start=None, end=None, step=1):
    """A contiguous copy of `input[start:end:step]` along `dim`."""
    return _contiguous(input.movedim(dim, 0)[start:end:step].movedim(0, dim))
