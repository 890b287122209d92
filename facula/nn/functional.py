"""torch.nn.functional: operations of the extension, and compositions of them."""

from __future__ import annotations

from .. import _C
from . import _activation, _distance, _loss, _normalization

_wrapped: set = set()
for _module in (_activation, _distance, _loss, _normalization):
    _wrapped.update(getattr(_module, "_WRAPPED", ()))
    for _name in _module.__all__:
        # Classes and modes with a __torch_function__ are asked first.
        _function = getattr(_module, _name)
        if not isinstance(_function, _C._overridable):
            _function = _C._overridable(_function)
            setattr(_module, _name, _function)
        globals()[_name] = _function
# An operation of the extension goes before a composition of the same name.
for _name in dir(_C._nn):
    if not _name.startswith("_") and _name not in _wrapped:
        globals()[_name] = getattr(_C._nn, _name)
del _function, _module, _name, _wrapped


def __getattr__(name):
    if name.endswith("torch_function") or name.startswith("has_torch_function"):
        from .. import overrides

        return getattr(overrides, name)
    if name == "grad":
        from . import grad

        return grad
    if name in (
        "_canonical_mask",
        "_none_or_dtype",
        "_in_projection",
        "_in_projection_packed",
        "_mha_shape_check",
    ):
        from . import _attention_helpers

        return getattr(_attention_helpers, name)
    from .._composite import find

    function = None if name.startswith("__") else find("nn.functional", name)
    if function is None:
        from .._names import missing

        raise missing(__name__, name, __dir__)
    globals()[name] = function
    return function


def __dir__():
    from .._composite import names

    return sorted({*globals(), *names("nn.functional")})
