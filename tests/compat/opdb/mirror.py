"""What facula calls an object of PyTorch's, and samples as facula's tensors.

A function of the torch namespace is found by its name. Lambdas and helpers of the database are
run again, their code unchanged, with every global name, default and closed-over value translated.
"""

from __future__ import annotations

import contextlib
import functools
import types
from typing import Any

import numpy
import torch

import facula

SPACES = (
    "",
    "nn.functional",
    "linalg",
    "special",
    "fft",
    "signal.windows",
    "masked",
    "sparse",
    "Tensor",
    "nn.init",
    "nn",
    "autograd",
    "random",
)


class Missing(Exception):
    """facula lacks the name."""


def _public() -> dict[int, str]:
    found: dict[int, str] = {}
    for space in SPACES:
        place = functools.reduce(getattr, space.split("."), torch) if space else torch
        for name in dir(place):
            if name.startswith("__") and space != "Tensor":
                continue
            try:
                value = getattr(place, name)
            except Exception:
                continue
            if callable(value):
                found.setdefault(id(value), f"{space}.{name}" if space else name)
    return found


PUBLIC = _public()


def at(path: str) -> Any:
    """facula's object at this path under `torch`."""
    place: Any = facula
    for part in path.split("."):
        try:
            place = getattr(place, part)
        except (AttributeError, NotImplementedError):
            raise Missing(f"facula has no {path}") from None
    return place


@contextlib.contextmanager
def _nothing(*args: Any, **kwargs: Any):
    yield


class _Module:
    """A module of facula under the name by which PyTorch's code reaches it; raises Missing."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __getattr__(self, name: str) -> Any:
        path = f"{self._path}.{name}" if self._path else name
        value = at(path)
        return _Module(path) if isinstance(value, types.ModuleType) else value


class Mirror:
    """Translates objects; one per entry, so that what is shared stays shared."""

    def __init__(self) -> None:
        self.done: dict[int, tuple[Any, Any]] = {}

    def __call__(self, value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
            return value
        if id(value) in self.done:
            return self.done[id(value)][1]
        result = self._translate(value)
        self.done[id(value)] = (value, result)  # the original is kept so that its id stays its own
        return result

    def entry(self, op: Any) -> Any:
        """The function of an entry of the database."""
        try:
            named = functools.reduce(getattr, op.name.split("."), torch)
        except AttributeError:
            named = None
        return at(op.name.removeprefix("torch.")) if named is op.op and named is not None else self(op.op)

    def _translate(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return to_facula(value, {})
        if isinstance(value, (torch.dtype, torch.layout, torch.memory_format)):
            return at(str(value).split(".")[-1])
        if isinstance(value, torch.device):
            return facula.device(str(value))
        if isinstance(value, torch.Size):
            return facula.Size(value)
        if isinstance(value, torch.Generator):
            return facula.Generator().manual_seed(value.initial_seed())
        if isinstance(value, slice):
            return slice(self(value.start), self(value.stop), self(value.step))
        if isinstance(value, functools.partial):
            return functools.partial(self(value.func), *map(self, value.args), **self._dict(value.keywords))
        if isinstance(value, types.ModuleType):
            return self._module(value)
        if id(value) in PUBLIC and not isinstance(value, torch.Tensor):
            if getattr(value, "__module__", "") == "builtins":
                return value
            return at(PUBLIC[id(value)])
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, dict):
            return self._dict(value)
        if type(value) in (list, tuple, set, frozenset):
            return type(value)(map(self, value))
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*map(self, value))
        if isinstance(value, torch._C._InferenceMode if hasattr(torch._C, "_InferenceMode") else ()):
            raise Missing(f"facula has no {value!r}")
        if isinstance(value, torch.nn.Module) and not value.state_dict():
            return self._layer(value)
        module = getattr(value, "__module__", None) or ""
        if isinstance(value, type) and module.split(".")[0] == "torch" and value.__name__ in dir(torch):
            return at(value.__name__)
        return value

    def _dict(self, value: dict) -> dict:
        return {k: self(v) for k, v in value.items()}

    def _layer(self, layer: torch.nn.Module) -> Any:
        """facula's layer of the same class with the same attributes; one without parameters."""
        made = at(f"nn.{type(layer).__name__}")()
        for name, value in vars(layer).items():
            if not name.startswith("_"):
                setattr(made, name, self(value))
        return made

    def _module(self, module: types.ModuleType) -> Any:
        name = module.__name__
        if name == "torch":
            return _Module("")
        if name.startswith("torch.") and not name.startswith(("torch.testing", "torch._")):
            return _Module(name[len("torch.") :])
        return module

    def _function(self, function: types.FunctionType) -> Any:
        if function.__name__ == "freeze_rng_state":
            return _nothing
        if function.__name__ == "make_tensor":
            return lambda *a, **k: to_facula(
                function(*map(_back, a), **{n: _back(v) for n, v in k.items()}), {}
            )
        module = function.__module__ or ""
        if not module.startswith("torch"):
            return function
        if not module.startswith("torch.testing") and hasattr(function, "__wrapped__"):
            return self(function.__wrapped__)  # decorations such as contexts of the sampling functions
        names: set[str] = set()
        pending = [function.__code__]
        while pending:
            code = pending.pop()
            names.update(code.co_names)
            pending += [c for c in code.co_consts if isinstance(c, types.CodeType)]
        scope: dict[str, Any] = {"__builtins__": __builtins__}
        cells = tuple(types.CellType() for _ in function.__closure__ or ()) or None
        made = types.FunctionType(function.__code__, scope, function.__name__, None, cells)
        self.done[id(function)] = (function, made)  # first: functions may name themselves
        for name in names & set(function.__globals__):
            with contextlib.suppress(Missing):
                scope[name] = self(function.__globals__[name])
        made.__defaults__ = self(function.__defaults__)
        made.__kwdefaults__ = self(function.__kwdefaults__)
        for cell, old in zip(made.__closure__ or (), function.__closure__ or ()):
            with contextlib.suppress(ValueError):
                cell.cell_contents = self(old.cell_contents)
        return made


def _back(value: Any) -> Any:
    return getattr(torch, str(value).split(".")[-1]) if isinstance(value, facula.dtype) else value


# Tensors


def _named_only(dtype: Any) -> bool:
    try:
        facula.empty(1, dtype=dtype)
    except NotImplementedError:
        return True
    return False


NAMED_ONLY = {d for d in list(vars(facula).values()) if isinstance(d, facula.dtype) and _named_only(d)}


def _storage_bytes(t: torch.Tensor) -> bytes:
    storage = t.untyped_storage()
    raw = torch.empty(0, dtype=torch.uint8).set_(storage, 0, (storage.nbytes(),), (1,))
    return raw.numpy().tobytes()


def is_dense(size: Any, stride: Any) -> bool:
    """Whether these strides put the elements side by side in some order."""
    expected = 1
    for step, n in sorted((s, n) for s, n in zip(stride, size) if n != 1):
        if step != expected:
            return False
        expected *= n
    return True


def to_facula(t: torch.Tensor, bases: dict) -> Any:
    """A copy with the same strides, offset, sharing (within one `bases`) and requires_grad."""
    if t.layout is torch.sparse_coo:
        made = facula.sparse_coo_tensor(
            to_facula(t._indices(), bases), to_facula(t._values().detach(), bases), tuple(t.shape)
        )
        if t.is_coalesced():
            made = made.coalesce()
        return made.requires_grad_() if t.requires_grad else made
    if t.layout is not torch.strided:
        rows = t.layout in (torch.sparse_csr, torch.sparse_bsr)
        indices = (t.crow_indices(), t.col_indices()) if rows else (t.ccol_indices(), t.row_indices())
        parts = (to_facula(part.detach(), bases) for part in (*indices, t.values()))
        layout = at(str(t.layout).split(".")[-1])
        made = facula.sparse_compressed_tensor(*parts, tuple(t.shape), layout=layout)
        return made.requires_grad_() if t.requires_grad else made
    dtype = at(str(t.dtype).split(".")[-1])
    if dtype in NAMED_ONLY:
        raise Missing(f"facula has no {dtype} tensors")
    if t.device.type == "meta":
        return facula.empty_strided(tuple(t.shape), tuple(t.stride()), dtype=dtype, device="meta")
    plain = t.detach()
    if plain.is_conj():
        return _finish(to_facula(plain.conj(), bases).conj(), t)
    if plain.is_neg():
        plain = plain.resolve_neg()
    size, stride, offset = tuple(plain.shape), tuple(plain.stride()), plain.storage_offset()
    storage = plain.untyped_storage()
    count = storage.nbytes() // plain.element_size()
    key = (storage.data_ptr(), dtype)
    if plain.numel() == 0:
        return _finish(facula.empty_strided(size, stride, dtype=dtype), t)
    if key not in bases:
        flat = facula.frombuffer(bytearray(_storage_bytes(plain)), dtype=dtype, count=count)
        if offset == 0 and count == plain.numel() and is_dense(size, stride):
            made = facula.empty_strided(size, stride, dtype=dtype)
            made.as_strided((count,), (1,)).copy_(flat)
            bases[key] = (made, storage)
            return _finish(made, t)
        bases[key] = (flat.clone(), storage)
    made = bases[key][0]
    return _finish(made.as_strided(size, stride, offset).detach(), t)


def _finish(made: Any, t: torch.Tensor) -> Any:
    return made.requires_grad_() if t.requires_grad else made


def to_torch(t: Any) -> torch.Tensor:
    """The values of a tensor of facula's, contiguous."""
    t = t.detach()
    if "sparse" in str(t.layout):
        t = t.to_dense()
    dtype = getattr(torch, str(t.dtype).split(".")[-1])
    if t.numel() == 0:
        return torch.empty(tuple(t.shape), dtype=dtype)
    flat = t.contiguous().as_strided((t.numel(),), (1,))  # one element may have any stride
    raw = numpy.array(flat.view(facula.uint8).numpy())
    return torch.from_numpy(raw).view(dtype).reshape(tuple(t.shape))


def copy_torch(t: torch.Tensor, bases: dict) -> torch.Tensor:
    """A copy with the same strides, offset and sharing."""
    if t.layout is not torch.strided or t.device.type == "meta":
        made = t.detach().clone()
    elif t.is_conj():
        made = copy_torch(t.detach().conj(), bases).conj()
    elif t.is_neg():
        made = t.detach().clone()
    else:
        storage = t.untyped_storage()
        if storage.data_ptr() not in bases:
            bases[storage.data_ptr()] = (storage.clone(), storage)
        made = torch.empty(0, dtype=t.dtype)
        made.set_(bases[storage.data_ptr()][0], t.storage_offset(), t.shape, t.stride())
    return made.requires_grad_() if t.requires_grad else made


def mapped(value: Any, change: Any) -> Any:
    """The same lists, tuples and dicts with change(x) for each leaf."""
    if isinstance(value, dict):
        return {k: mapped(v, change) for k, v in value.items()}
    if type(value) in (list, tuple):
        return type(value)(mapped(v, change) for v in value)
    return change(value)


class Call:
    """The arguments of one sample for one library, made anew for each call."""

    def __init__(self, sample: Any, mirror: Mirror) -> None:
        self.input, self.args, self.kwargs = sample.input, tuple(sample.args), dict(sample.kwargs)
        self.mirror = mirror

    def torch(self) -> tuple[list, dict]:
        bases: dict = {}
        copy = lambda x: copy_torch(x, bases) if isinstance(x, torch.Tensor) else x  # noqa: E731
        args, kwargs = mapped([self.input, *self.args], copy), mapped(self.kwargs, copy)
        return args, kwargs

    def wide(self, dtypes: dict) -> tuple[list, dict]:
        """For PyTorch, with the narrow dtypes replaced by these."""

        def change(x: Any) -> Any:
            if isinstance(x, torch.Tensor):
                return x.detach().to(dtypes[x.dtype]) if x.dtype in dtypes else x.detach().clone()
            return dtypes.get(x, x) if isinstance(x, torch.dtype) else x

        return mapped([self.input, *self.args], change), mapped(self.kwargs, change)

    def facula(self) -> tuple[list, dict]:
        bases: dict = {}
        one = Mirror()

        def change(x: Any) -> Any:
            return to_facula(x, bases) if isinstance(x, torch.Tensor) else one(x)

        return mapped([self.input, *self.args], change), mapped(self.kwargs, change)


def tensors(value: Any, kind: type) -> list:
    """The tensors among arguments or results, in order."""
    found: list = []
    if isinstance(value, kind):
        found.append(value)
    elif isinstance(value, dict):
        for v in value.values():
            found += tensors(v, kind)
    elif isinstance(value, (list, tuple)):
        for v in value:
            found += tensors(v, kind)
    return found
