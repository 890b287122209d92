"""Pickles as PyTorch writes them: tensors through torch._utils, their memory as persistent ids, every name
under torch, whatever name facula is imported by.

The pickler of C writes; it cannot write a name other than that of the object, so names of facula are
changed in what it has written, where that is unambiguous. Else Python's pickler writes, which is slower.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections import OrderedDict
from types import BuiltinFunctionType

from .. import _C, _utils
from .._tensor import _OVERRIDABLE, function_name

__all__ = ["dump"]

Tensor = _C.Tensor
_CONSTANTS = (_C.dtype, _C.layout, _C.memory_format)
_FUNCTIONS = (BuiltinFunctionType, _OVERRIDABLE)


class _Slow(Exception):
    """The pickler of C cannot write this object under its name."""


def _aliased() -> bool:
    """Whether the names under torch are facula's in this process."""
    return sys.modules.get("torch") is sys.modules["facula"]


def _torch_name(module: str) -> str:
    if module == "facula._C" or module.startswith("facula._C."):
        return "torch"
    return "torch" + module[len("facula") :] if module == "facula" or module.startswith("facula.") else module


def _stand_in(module: str, name: str):
    from . import names

    return names.stand_in(f"{module}/{name}".replace(".", ":"))


def _reduce(obj):
    """What to write for a tensor or one of facula's small types: (name in torch, arguments), or None."""
    if isinstance(obj, Tensor):
        return _reduce_tensor(obj)
    if isinstance(obj, _C.Size):
        return ("torch", "Size"), (tuple(obj),)
    if isinstance(obj, _C.device):
        given = (obj.type,) if obj.index is None else (obj.type, obj.index)
        return ("torch", "device"), given
    if isinstance(obj, _C.layout):
        return ("torch.serialization", "_get_layout"), (str(obj),)
    return None


def _reduce_tensor(tensor):
    from ..nn.parameter import Parameter, is_lazy

    kind = type(tensor)
    if is_lazy(tensor):  # no memory yet
        return ("torch.nn.parameter", kind.__name__), (tensor.requires_grad,)
    if tensor.layout != _C.strided and getattr(tensor, "_is_param", False):
        what = (tensor.detach(), tensor.requires_grad, OrderedDict())
        return ("torch._utils", "_rebuild_parameter"), what
    if kind is Parameter:
        state = tensor.__dict__
        what = (tensor.detach(), tensor.requires_grad, OrderedDict())
        if state:
            return ("torch._utils", "_rebuild_parameter_with_state"), (*what, dict(state))
        return ("torch._utils", "_rebuild_parameter"), what
    if kind.__name__ == "MaskedTensor" and kind.__module__ == "torch.masked.maskedtensor.core":
        return _reduce_masked(tensor)
    function, args = _utils.reduce_tensor(tensor, typed=True)
    name = ("torch._utils", function.__name__)
    state = None if tensor.layout != _C.strided else _utils._get_obj_state(tensor)
    if kind is Tensor and not state or tensor.layout != _C.strided:
        return name, args
    return ("torch._tensor", "_rebuild_from_type_v2"), (_ByName(*name), _class(kind), args, state)


def _reduce_masked(tensor):
    """A masked tensor as PyTorch writes it: what it looks like, then its data and its mask."""
    from .._masked import _data, _mask

    data = _data(tensor).detach()
    kind = _ByName(type(tensor).__module__, type(tensor).__name__)
    size, stride = tuple(data.shape), data.stride()
    looks = (kind, data.dtype, size, stride, 0, data.layout, data.device, tensor.requires_grad)
    state = {"_masked_data": data, "_masked_mask": _mask(tensor)}
    function = _ByName("torch._utils", "_rebuild_wrapper_subclass")
    return ("torch._tensor", "_rebuild_from_type_v2"), (function, kind, looks, state)


class _ByName:
    """Is written as a global."""

    def __init__(self, module: str, name: str) -> None:
        self.names = (module, name)


def _class(kind):
    return _ByName("torch", "Tensor") if kind is Tensor else kind


def dump(obj, protocol: int, storage_id, pickle_module=pickle) -> bytes:
    """The pickle of an object.

    Args:
        protocol: of pickle.
        storage_id: for a storage the persistent id, whose second part is a name or (module, name).
        pickle_module: whose Pickler is used.
    """
    if pickle_module is pickle and protocol < 4:
        try:
            return _fast(obj, protocol, storage_id)
        except _Slow:
            pass
    return _slow(obj, protocol, storage_id, pickle_module)


def _methods(storage_id, stand, constant, overridden=None):
    """persistent_id and reducer_override for a pickler; `stand` makes what is written as a global."""
    from ..storage import TypedStorage, UntypedStorage

    def persistent_id(self, obj):
        if isinstance(obj, (TypedStorage, UntypedStorage)):
            pid = storage_id(obj)
            return (pid[0], stand(*pid[1]), *pid[2:])
        return None

    def reducer_override(self, obj):
        if isinstance(obj, _CONSTANTS) and not isinstance(obj, _C.layout):
            return constant(obj)
        if isinstance(obj, _ByName):
            return constant(obj)
        if isinstance(obj, _FUNCTIONS) and function_name(obj):
            return constant(obj)
        reduced = _reduce(obj)
        if reduced is None:
            return overridden(self, obj) if overridden else NotImplemented
        name, args = reduced
        return stand(*name), args

    return persistent_id, reducer_override


def _fast(obj, protocol: int, storage_id) -> bytes:
    out = io.BytesIO()
    changed: dict[bytes, bytes] = {}

    def stand(module, name):
        found = _stand_in(module, name)
        written = f"c{found.__module__}\n{found.__qualname__}\n".encode()
        changed[written] = f"c{module}\n{name}\n".encode()
        return found

    def constant(value):
        raise _Slow

    persistent_id, reduce_own = _methods(storage_id, stand, constant)

    def reducer_override(self, value):
        if isinstance(value, type) or hasattr(value, "__qualname__"):
            module = getattr(value, "__module__", None) or ""
            if module.startswith("facula._serialize"):
                return NotImplemented
            if module == "torch" or module.startswith(("torch.", "facula._C")) or module == "facula":
                if not _aliased() or module.startswith("facula"):
                    raise _Slow
            elif module.startswith("facula."):
                name = value.__qualname__
                changed[f"c{module}\n{name}\n".encode()] = f"c{_torch_name(module)}\n{name}\n".encode()
            if not isinstance(value, _FUNCTIONS):
                return NotImplemented
        return reduce_own(self, value)

    kind = type(
        "Pickler", (pickle.Pickler,), {"persistent_id": persistent_id, "reducer_override": reducer_override}
    )
    try:
        kind(out, protocol=protocol).dump(obj)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise _Slow from error
    data = out.getvalue()
    for written, wanted in changed.items():
        # A text of the user's may look the same.
        if data.count(written) != 1:
            raise _Slow
        data = data.replace(written, wanted)
    return data


def _slow(obj, protocol: int, storage_id, pickle_module) -> bytes:
    base = pickle._Pickler if pickle_module is pickle else pickle_module.Pickler  # pyright: ignore
    writes_names = hasattr(base, "save_global") and hasattr(base, "save_tuple")
    out = io.BytesIO()
    stands: dict = {}

    def stand(module, name):
        return stands.setdefault((module, name), _ByName(module, name))

    def constant(value):
        if isinstance(value, _FUNCTIONS):
            return value.__name__
        return value.names[1] if isinstance(value, _ByName) else str(value)[6:]

    overridden = getattr(base, "reducer_override", None)
    persistent_id, reducer_override = _methods(storage_id, stand, constant, overridden)
    members = {"persistent_id": persistent_id, "reducer_override": reducer_override}
    if not writes_names:
        return _foreign(obj, protocol, storage_id, base)

    def save_global(self, value, name=None):
        module = None
        if isinstance(value, _ByName):
            module, name = value.names
        elif isinstance(value, _FUNCTIONS) and function_name(value):
            module, name = function_name(value)
        elif isinstance(value, _CONSTANTS):
            module, name = "torch", str(value).removeprefix("torch.")
        else:
            own = getattr(value, "__module__", None)
            if own is not None and (own == "facula" or own.startswith(("facula.", "torch"))):
                module = _torch_name(own)
                name = name or getattr(value, "__qualname__", None) or value.__name__
        if module is None:
            return super(kind, self).save_global(value, name)
        if self.proto >= 4:
            self.save(module)
            self.save(name)
            self.write(pickle.STACK_GLOBAL)
        elif "." in name:
            raise pickle.PicklingError(f"{module}.{name} needs pickle_protocol=4 or higher")
        else:
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
        self.memoize(value)

    def save_reduce(self, func, args, state=None, *rest, obj=None, **named):
        # Python's pickler insists on a callable; ours is a name.
        if isinstance(func, _ByName):
            self.save(func)
            self.save(args)
            self.write(pickle.REDUCE)
            if obj is not None:
                if id(obj) in self.memo:
                    self.write(pickle.POP + self.get(self.memo[id(obj)][0]))
                else:
                    self.memoize(obj)
            return None
        return super(kind, self).save_reduce(func, args, state, *rest, obj=obj, **named)

    dispatch = dict(getattr(base, "dispatch", {}))
    dispatch[type] = lambda self, value: (
        save_global(self, value)
        if (getattr(value, "__module__", None) or "").partition(".")[0] in ("facula", "torch")
        else base.dispatch[type](self, value)
    )
    members.update(save_global=save_global, save_reduce=save_reduce, dispatch=dispatch)
    kind = type("Pickler", (base,), members)
    kind(out, protocol=protocol).dump(obj)
    return out.getvalue()


def _foreign(obj, protocol: int, storage_id, base) -> bytes:
    """With a pickler of somebody else's that only lets itself be told about reductions."""
    from .. import _tensor
    from ..storage import TypedStorage, UntypedStorage, legacy_class

    out = io.BytesIO()
    overridden = getattr(base, "reducer_override", None)

    def real(module, name):
        if module == "torch._utils":
            return getattr(_utils, name)
        if module == "torch._tensor":
            return getattr(_tensor, name)
        if module == "torch.serialization":
            from ..serialization import _get_layout

            return _get_layout
        return legacy_class(name) or getattr(_C, name, None) or UntypedStorage

    def persistent_id(self, value):
        if isinstance(value, (TypedStorage, UntypedStorage)):
            pid = storage_id(value)
            return (pid[0], real(*pid[1]), *pid[2:])
        return None

    def reducer_override(self, value):
        if isinstance(value, Tensor):
            name, args = _reduce_tensor(value)
            return real(*name), tuple(real(*a.names) if isinstance(a, _ByName) else a for a in args)
        return overridden(self, value) if overridden else NotImplemented

    members = {"persistent_id": persistent_id, "reducer_override": reducer_override}
    type("Pickler", (base,), members)(out, protocol=protocol).dump(obj)
    return out.getvalue()
