"""Which names a pickled file may use, and what is done when it calls one.

Weights: the tensors, containers and small types that state_dicts are made of. Programs
(`weights_only=False`): also modules, optimizers and other classes that are loaded already, made without
running their code: see docs/differences.md. What the user has named with add_safe_globals() is trusted in
    both.
"""

from __future__ import annotations

import pickle
import types
from collections import Counter, OrderedDict

from .. import _C, _utils
from .._parts import TensorOfParts
from ..storage import TypedStorage, UntypedStorage, legacy_class

__all__ = ["Allowed", "Refused", "copying", "set_fields"]

UnpicklingError = pickle.UnpicklingError
Tensor = _C.Tensor

_QUANTIZED = frozenset("QInt8Storage QUInt8Storage QInt32Storage QUInt4x2Storage QUInt2x4Storage".split())


class Refused(UnpicklingError):
    """A global that is not allowed; `name` says which."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


# --- how the allowed are called: (unpickler, *arguments) ---


def copying(kind):
    """A container made from at most one other, whose elements count."""

    def call(unpickler, *args):
        if len(args) > 1 or (
            args and type(args[0]) not in (list, tuple, dict, set, frozenset, str, OrderedDict)
        ):
            raise UnpicklingError(f"{kind.__name__} takes one container")
        if args:
            from .unpickler import check_key

            unpickler.spend(len(args[0]))
            if issubclass(kind, dict):
                pairs = isinstance(args[0], (list, tuple)) and kind is not Counter
                for item in args[0]:
                    check_key(item[0] if pairs and isinstance(item, (list, tuple)) and item else item)
            elif issubclass(kind, (set, frozenset)):
                for item in args[0]:
                    check_key(item)
        return kind(*args)

    return call


def _bytearray(unpickler, *args):
    if not args:
        return bytearray()
    if not isinstance(args[0], (bytes, str)) or len(args) > 2:
        raise UnpicklingError("bytearray is made of bytes")
    unpickler.spend(len(args[0]))
    return bytearray(_encode(unpickler, *args)) if isinstance(args[0], str) else bytearray(args[0])


def _encode(unpickler, text="", encoding="utf-8"):
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
        raise UnpicklingError("_codecs.encode takes a text and one of the encodings latin1, utf-8, ascii")
    unpickler.spend(len(text))
    return text.encode(encoding)


def _numbers(kind):
    def call(unpickler, *args):
        if not all(isinstance(a, (int, float)) for a in args):
            raise UnpicklingError(f"{kind.__name__} takes numbers")
        return kind(*args)

    return call


def _size(unpickler, *args):
    if args and isinstance(args[0], (tuple, list)):
        unpickler.spend(len(args[0]))
    return _C.Size(*args)


def _plainly(function):
    """A function that checks its arguments itself."""

    def call(unpickler, *args):
        return function(*args)

    return call


def _parameter(unpickler, data=None, requires_grad=True):
    from ..nn.parameter import Parameter

    if data is not None and not isinstance(data, Tensor):
        raise UnpicklingError("Parameter takes a tensor")
    return Parameter(data, bool(requires_grad))


def _rebuild_parameter_with_state(unpickler, data, requires_grad, hooks, state):
    result = _parameter(unpickler, data, requires_grad)
    set_fields(result, state)
    return result


def _from_type(unpickler, function, kind, args, state):
    call = unpickler.calls.get(id(function))
    if call is None or not (isinstance(kind, type) and issubclass(kind, Tensor)) or type(args) is not tuple:
        raise UnpicklingError("_rebuild_from_type_v2 takes a function that rebuilds tensors, and their class")
    result = call(unpickler, *args)
    if not isinstance(result, Tensor):
        raise UnpicklingError("_rebuild_from_type_v2 makes tensors")
    if type(result) is not kind:
        result = result.as_subclass(kind)
    if hasattr(kind, "__setstate__") and kind.__setstate__ is not Tensor.__setstate__:
        result.__setstate__(state)
    else:
        set_fields(result, state)
    return result


def _sparse(unpickler, layout, data):
    unpickler.spend(sum(part.numel() // 8 for part in data[:3] if isinstance(part, _C.Tensor)))
    result = _utils._rebuild_sparse_tensor(layout, data)
    unpickler.allowed.unchecked.append(result)
    return result


def _get_layout(unpickler, name):
    layout = getattr(_C, str(name).removeprefix("torch."), None)
    if not isinstance(layout, _C.layout):
        raise UnpicklingError(f"{name} is no layout")
    return layout


def set_fields(obj, state) -> None:
    """State into __dict__ and slots, without any code of the object's class."""
    fields, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    for part in (fields, slots):
        if part and not (isinstance(part, dict) and all(type(k) is str for k in part)):
            raise UnpicklingError(
                f"the state of {type(obj).__name__} must be a dictionary with names as keys"
            )
        if part and isinstance(obj, TensorOfParts) and any(k.startswith("_") for k in part):
            raise UnpicklingError("the state of a sparse tensor must not name what the tensor consists of")
    if fields:
        target = getattr(obj, "__dict__", None)
        if type(target) is not dict:
            raise UnpicklingError(f"{type(obj).__name__} has no attributes of its own")
        target.update(fields)
    for name, value in (slots or {}).items():
        member = getattr(type(obj), name, None)
        if not isinstance(member, types.MemberDescriptorType):
            raise UnpicklingError(f"{type(obj).__name__} has no slot '{name}'")
        object.__setattr__(obj, name, value)


def _shapeless(kind):
    """Parameters of lazy modules: they have nothing but whether they require a gradient."""
    return lambda unpickler, requires_grad=False: kind(bool(requires_grad))


def _weights() -> dict:
    """Name -> (object, how it is called or None)."""
    import _codecs

    rebuild = {
        name: (getattr(_utils, name), _plainly(getattr(_utils, name)))
        for name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3")
    }
    rebuild["_rebuild_meta_tensor_no_storage"] = (
        _utils._rebuild_meta_tensor_no_storage,
        _plainly(_utils._rebuild_meta_tensor_no_storage),
    )
    rebuild["_rebuild_sparse_tensor"] = (_utils._rebuild_sparse_tensor, _sparse)
    rebuild["_rebuild_parameter"] = (
        _utils._rebuild_parameter,
        lambda unpickler, data, requires_grad, hooks: _parameter(unpickler, data, requires_grad),
    )
    rebuild["_rebuild_parameter_with_state"] = (
        _utils._rebuild_parameter_with_state,
        _rebuild_parameter_with_state,
    )
    from .. import _tensor
    from ..nn._uninitialized import UninitializedBuffer, UninitializedParameter
    from ..nn.parameter import Parameter

    known = {f"torch._utils.{name}": each for name, each in rebuild.items()}
    known.update(
        {
            "torch._tensor._rebuild_from_type_v2": (_tensor._rebuild_from_type_v2, _from_type),
            "torch.serialization._get_layout": (_get_layout, _get_layout),
            "torch.nn.parameter.Parameter": (Parameter, _parameter),
            "torch.nn.parameter.UninitializedParameter": (
                UninitializedParameter,
                _shapeless(UninitializedParameter),
            ),
            "torch.nn.parameter.UninitializedBuffer": (UninitializedBuffer, _shapeless(UninitializedBuffer)),
            "torch.Tensor": (Tensor, None),
            "torch.Size": (_C.Size, _size),
            "torch.device": (_C.device, _plainly(_C.device)),
            "torch.storage.UntypedStorage": (UntypedStorage, None),
            "torch.storage.TypedStorage": (TypedStorage, None),
            "collections.OrderedDict": (OrderedDict, copying(OrderedDict)),
            "collections.Counter": (Counter, copying(Counter)),
            "builtins.set": (set, copying(set)),
            "builtins.complex": (complex, _numbers(complex)),
            "builtins.bytearray": (bytearray, _bytearray),
            "_codecs.encode": (_codecs.encode, _encode),
        }
    )
    for kind in (UninitializedParameter, UninitializedBuffer):
        known[f"torch.nn.parameter.{kind.__name__}"] = (kind, _shapeless(kind))
    for name, value in vars(_C).items():
        if isinstance(value, (_C.dtype, _C.layout, _C.memory_format)):
            known[f"torch.{name}"] = (value, None)
    return known


_known: dict = {}


def weights() -> dict:
    if not _known:
        _known.update(_weights())
    return _known


def _storage_class(name: str):
    """The class behind 'torch.FloatStorage' or 'torch.cuda.FloatStorage', or None."""
    for start in ("torch.cuda.", "torch."):
        if name.startswith(start) and name.endswith("Storage"):
            found = legacy_class(name[len(start) :])
            if found is not None:
                return found
            if name[len(start) :] in _QUANTIZED:
                raise NotImplementedError(f"{name}: quantized tensors are not implemented")
    return None


# Names that PyTorch allows and that mean something facula does not have.
_MISSING = frozenset(
    "torch._utils._rebuild_qtensor torch._utils._rebuild_nested_tensor "
    "torch._utils._rebuild_xla_tensor torch._utils._rebuild_device_tensor_from_numpy "
    "torch._utils._rebuild_device_tensor_from_cpu_tensor".split()
)


class Allowed:
    """What one file may use.

    Args:
        programs: beside weights also modules, optimizers and plain classes that are loaded.
        user: what add_safe_globals() has named: name -> object.
    """

    def __init__(self, programs: bool, user: dict) -> None:
        self.unchecked: list = []  # sparse tensors whose indices have not been looked at
        self.programs = programs
        self.user = user
        self.user_classes = {each for each in user.values() if isinstance(each, type)}

    def find(self, module: str, name: str):
        """(object, how it is called or None) for a name; Refused if it is not allowed."""
        full = f"{module}.{name}"
        if full in self.user:
            found = self.user[full]
            return found, _plainly(found)
        known = weights().get(full)
        if known is not None:
            return known
        found = _storage_class(full)
        if found is not None:
            return found, None
        if full in _MISSING:
            raise NotImplementedError(
                f"{full}: quantized and nested tensors and those of other devices are not implemented"
            )
        if self.programs:
            from . import programs

            known = programs.find(module, name)
            if known is not None:
                return known
        raise Refused(full, refusal(full, module, self.programs))

    def check(self) -> None:
        """Looks at the indices of sparse tensors, now that all elements are there."""
        for tensor in self.unchecked:
            if tensor.is_sparse:
                from .._composite.sparse import _checked

                _checked(tensor)
            else:
                from .._composite.compressed import check

                check(tensor.layout, tensor._starts, tensor._at, tensor._held, tensor.shape)

    def may_fill(self, kind: type) -> bool:
        """Whether items may go into a subclass of list or dict."""
        if kind in self.user_classes:
            return True
        if self.programs:
            from . import programs

            return programs.may_fill(kind)
        return False

    def new(self, unpickler, cls: type, args: tuple, named: dict):
        """An object of an allowed class, its __init__ not run."""
        if cls in self.user_classes:
            return cls.__new__(cls, *args, **named)
        call = unpickler.calls.get(id(cls))
        if cls in (OrderedDict, Counter, set) and call is not None and not named:
            return call(unpickler, *args)
        if self.programs and not named:
            from . import programs

            return programs.new(unpickler, cls, args)
        raise UnpicklingError(f"Trying to create new object for unrecognized class {cls}")

    def build(self, unpickler, obj, state) -> None:
        """State into an object of an allowed class."""
        kind = type(obj)
        if isinstance(obj, TensorOfParts):
            raise UnpicklingError("a sparse tensor is made of its parts and takes no state")
        if kind in self.user_classes:
            if hasattr(kind, "__setstate__"):
                obj.__setstate__(state)
            else:
                set_fields(obj, state)
        elif kind is OrderedDict:
            set_fields(obj, state)
        elif isinstance(obj, Tensor) and kind is not Tensor and kind.__name__ == "Parameter":
            _set_parameter(obj, state)
        elif kind is Tensor and isinstance(state, tuple) and len(state) in (4, 5):
            # Very old files: a tensor without anything, then (storage, offset, size, stride).
            obj.data = _utils._rebuild_tensor(*state[:4])
        elif self.programs:
            from . import programs

            programs.build(obj, state)
        else:
            raise UnpicklingError(
                f"Can only build Tensor, Parameter, OrderedDict or types allowlisted via `add_safe_globals`, "
                f"but got {kind}"
            )


def _set_parameter(obj, state) -> None:
    if isinstance(state, tuple) and len(state) == 4 and isinstance(state[0], Tensor):
        obj.data, obj.requires_grad = state[0], bool(state[1])
    else:
        set_fields(obj, state)


def refusal(full: str, module: str, programs: bool) -> str:
    """Why a global is refused and what to do."""
    name = full.removeprefix("builtins.")
    start = f"Unsupported global: GLOBAL {full} was not an allowed global by default. "
    if module.partition(".")[0] in ("os", "posix", "nt", "subprocess", "sys", "shutil", "socket", "runpy"):
        return (
            start + "No file of weights needs it: the file may be an attempt to run code on this machine, so "
            "do not load it with other programs either."
        )
    allow = (
        f"Please use `torch.serialization.add_safe_globals([{name}])` or the "
        f"`torch.serialization.safe_globals([{name}])` context manager to allowlist this global if you trust "
        "this class/function."
    )
    if programs:
        return (
            start + allow + " (With weights_only=False modules, optimizers and plain classes load that the "
            "program has imported before: import what the file was saved with, or name it.)"
        )
    return (
        start + allow + " Or pass weights_only=False, which also loads modules, optimizers and plain classes."
    )
