"""torch.library: operators of one's own.

An operator has a schema, a kernel, and what else is registered for it: a derivative, a rule for vmap. There
is no dispatcher and no compiler: kernels for other devices, and what a compiler would ask for, are accepted
and never used. Operators are found in torch.ops by their names.
"""

from __future__ import annotations

from contextlib import contextmanager

import facula as torch

from ._library import Operator, Schema, infer_schema, operator, operators

__all__ = [
    "CustomOpDef",
    "Library",
    "custom_op",
    "define",
    "fallthrough_kernel",
    "impl",
    "infer_schema",
    "opcheck",
    "register_autocast",
    "register_autograd",
    "register_fake",
    "register_kernel",
    "register_torch_dispatch",
    "register_vmap",
    "triton_op",
    "wrap_triton",
]


def _missing(name: str):
    def refuse(*args, **kwargs):
        raise NotImplementedError(f"torch.library.{name}: facula does not have it")

    refuse.__name__ = name
    refuse.__doc__ = "Raises NotImplementedError."
    return refuse


opcheck, triton_op, wrap_triton = map(_missing, ("opcheck", "triton_op", "wrap_triton"))


def fallthrough_kernel() -> None:
    """Stands for going on to the next kernel; cannot be called."""
    raise NotImplementedError("fallthrough_kernel() should never be called.")


# --- operators as objects ---


class CustomOpDef:
    """An operator made by `custom_op`: called like a function; more is registered by its methods."""

    def __init__(self, namespace: str, name: str, schema: str, fn) -> None:
        self._namespace, self._name, self._schema, self._init_fn = namespace, name, schema, fn
        self._opoverload = Operator(namespace, name, Schema.parse(name + schema))
        operators[f"{namespace}::{name}"] = self._opoverload
        torch.ops._forget(namespace, name)
        self.__name__, self.__doc__, self.__wrapped__ = name, fn.__doc__, fn

    @property
    def _qualname(self) -> str:
        return self._opoverload.name()

    def __call__(self, *args, **kwargs):
        return self._opoverload(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    def register_kernel(self, device_types, fn=None, /):
        """A kernel for a kind of device, or for several; usable as a decorator."""
        return _decorator(lambda f: _set_kernel(self._opoverload, device_types, f), fn)

    def register_fake(self, fn, /):
        """What a compiler would ask for the shapes of results."""
        self._opoverload.fake = fn
        return fn

    def register_autograd(self, backward, /, *, setup_context=None) -> None:
        """The derivative, as the function of that name in this module says."""
        register_autograd(self._opoverload, backward, setup_context=setup_context)

    def register_vmap(self, func=None):
        """The rule for vmap: `func(info, in_dims, *args)` returns results and their batch dimensions."""
        return register_vmap(self._opoverload, func)

    def register_torch_dispatch(self, torch_dispatch_class, fn=None, /):
        """Accepted: there is no `__torch_dispatch__`."""
        return _decorator(lambda f: None, fn)

    def register_autocast(self, device_type: str, cast_inputs) -> None:
        """Casts the tensors that the operator gets while autocast is on."""
        register_autocast(self._opoverload, device_type, cast_inputs)


def custom_op(
    name: str, fn=None, /, *, mutates_args, device_types=None, schema: str | None = None, tags=None
):
    """Makes an operator of a function; usable as a decorator.

    Args:
        name: `namespace::name`.
        fn: the kernel; it runs without recording gradients.
        mutates_args: names of arguments that it writes to.
        device_types: accepted; a kernel for other devices than the CPU is never called.
        schema: what it takes and returns; read from its type hints otherwise.

    Raises:
        ValueError: type hints are missing, or `schema` and `mutates_args` disagree.
    """

    def make(function) -> CustomOpDef:
        text = infer_schema(function, mutates_args=mutates_args) if schema is None else schema
        namespace, _, op = name.partition("::")
        made = CustomOpDef(namespace, op, text, function)
        if schema is not None:
            written = {a.name for a in made._opoverload._schema.arguments if a.is_write}
            if written != set(mutates_args):
                raise ValueError(
                    f"Attempted to create a custom op with `mutates_args={mutates_args}` and "
                    f"`schema={schema}. The schema suggests that the op mutates {written}which is "
                    "different from what was provided to us in `mutates_args`. Please make these consistent."
                )
        made.register_kernel(device_types)(function)
        return made

    return make if fn is None else make(fn)


def _decorator(register, fn):
    def inner(function):
        register(function)
        return function

    return inner if fn is None else inner(fn)


def _set_kernel(op: Operator, device_types, fn) -> None:
    kinds = [device_types] if device_types is None or isinstance(device_types, str) else list(device_types)
    for kind in kinds:
        key = {None: "CompositeExplicitAutograd", "cpu": "CPU"}.get(kind, str(kind).upper())
        op.kernels[key] = fn


# --- operators by name ---


def define(qualname: str, schema: str | None = None, *, lib=None, tags=()):
    """Makes an operator without a kernel from a schema such as `(Tensor x) -> Tensor`."""
    if "::" not in qualname:
        raise ValueError(
            "torch.library.define(qualname, schema): expected qualname to be of the form 'namespace::name', "
            f"got {qualname!r}"
        )
    namespace, _, name = qualname.partition("::")
    _define(namespace, f"{name}{schema}")


def _define(namespace: str, text: str) -> str:
    schema = Schema.parse(text)
    name, _, overload = text.partition("(")[0].strip().partition(".")
    key = f"{namespace}::{name}" + (f".{overload}" if overload else "")
    if key in operators:
        raise RuntimeError(f"Tried to register an operator ({text}) with the same name multiple times.")
    operators[key] = Operator(namespace, name, schema, overload or "default")
    torch.ops._forget(namespace, name)
    return name + (f".{overload}" if overload else "")


def impl(qualname, types, func=None, *, lib=None):
    """A kernel for `types`: "cpu", "default", or names of dispatch keys; usable as a decorator."""
    kinds = [types] if isinstance(types, str) else list(types)
    named = {"default": "CompositeExplicitAutograd", "cpu": "CPU"}

    def register(function) -> None:
        for kind in kinds:
            operator(qualname).kernels[named.get(kind, kind)] = function

    return _decorator(register, func)


def register_kernel(op, device_types, func=None, /, *, lib=None):
    """A kernel of an operator for kinds of devices; usable as a decorator."""
    return _decorator(lambda f: _set_kernel(operator(op), device_types, f), func)


def register_fake(op, func=None, /, *, lib=None, _stacklevel: int = 1, allow_override: bool = False):
    """Accepts what tells a compiler the shapes of an operator's results; nothing is compiled."""

    def register(function) -> None:
        name = op if isinstance(op, str) else operator(op).name()
        if name in operators:
            operators[name].fake = function

    return _decorator(register, func)


impl_abstract = register_fake


def register_autograd(op, backward, /, *, setup_context=None, lib=None) -> None:
    """The derivative of an operator.

    Args:
        op: the operator or its name.
        backward: `backward(ctx, *grads)` returns a gradient for each argument, None where there is none.
        setup_context: `setup_context(ctx, inputs, output)` keeps what backward needs.
    """
    found = operator(op)
    if any(a.is_write for a in found._schema.arguments):
        raise RuntimeError(
            f"Cannot register autograd formula for non-functional operator {found} with schema "
            f"{found.name()}{found._schema.text[found._schema.text.index('(') :]}. Please create a "
            "functional operator and register an autograd formula for that."
        )
    found.backward, found.setup_context = backward, setup_context


def register_vmap(op, func=None, /, *, lib=None):
    """The rule of an operator for vmap; usable as a decorator."""

    def register(function) -> None:
        operator(op).vmap = function

    return _decorator(register, func)


def register_torch_dispatch(op, torch_dispatch_class, func=None, /, *, lib=None):
    """Accepted: there is no `__torch_dispatch__`."""
    return _decorator(lambda f: None, func)


def register_autocast(op, device_type: str, cast_inputs, /, *, lib=None) -> None:
    """Casts the tensors that an operator gets, while autocast is on for the CPU."""
    if device_type not in ("cpu", "cuda", "xpu"):
        raise ValueError(f"Unknown device type: {device_type}")
    if device_type != "cpu":
        return
    found = operator(op)

    def cast(value):
        floating = isinstance(value, torch.Tensor) and value.is_floating_point()
        return value.to(cast_inputs) if floating and value.dtype != torch.float64 else value

    plain = found.__class__.__call__

    def kernel(*values, **named):
        if not torch.is_autocast_enabled("cpu"):
            return plain(found, *values, **named)
        values, named = torch.utils._pytree.tree_map(cast, (values, named))
        with torch.autocast("cpu", enabled=False):
            return plain(found, *values, **named)

    found.kernels["Autograd"] = kernel


def get_ctx():
    """The context of a fake kernel; there is none, since nothing calls them."""
    raise RuntimeError("torch.library.get_ctx() can only be called inside of a fake impl")


class Library:
    """Registers operators of a namespace.

    Args:
        ns: the namespace.
        kind: "DEF" or "FRAGMENT" to define operators, "IMPL" to give kernels.
        dispatch_key: for the kernels; the CPU by default.
    """

    def __init__(self, ns: str, kind: str, dispatch_key: str = "") -> None:
        if kind not in ("IMPL", "DEF", "FRAGMENT"):
            raise ValueError(f"Unsupported kind: {kind}")
        if ns in ("prim", "prims") and kind in ("DEF", "FRAGMENT"):
            raise ValueError(
                f"{ns} is a reserved namespace. Please try creating a library with another name."
            )
        self.ns, self.kind, self.dispatch_key = ns, kind, dispatch_key

    def __repr__(self) -> str:
        return f"Library(kind={self.kind}, ns={self.ns}, dispatch_key={self.dispatch_key})>"

    def define(self, schema: str, alias_analysis: str = "", *, tags=()) -> str:
        """Makes an operator from a schema such as `mul(Tensor x, Tensor y) -> Tensor`."""
        return _define(self.ns, schema)

    def impl(self, op_name, fn, dispatch_key: str = "", *, with_keyset: bool = False, allow_override=False):
        """A kernel for an operator, by its name or itself."""
        if not callable(fn):
            raise TypeError(f"Input function is required to be a callable but found type {type(fn)}")
        key = dispatch_key or self.dispatch_key or "CompositeImplicitAutograd"
        if fn is fallthrough_kernel or key.startswith(("Autocast", "Meta")):
            return
        name = op_name if isinstance(op_name, str) else operator(op_name).name()
        name = name if "::" in name else f"{self.ns}::{name}"
        if self.ns == "aten":
            raise NotImplementedError("torch.library.Library.impl: operators of aten cannot be replaced")
        operator(name).kernels[key] = fn

    def _register_fake(self, op_name, fn, _stacklevel: int = 1, *, allow_override: bool = True) -> None:
        register_fake(f"{self.ns}::{op_name}", fn)

    def _destroy(self) -> None:
        for name in [n for n in operators if n.startswith(f"{self.ns}::")]:
            del operators[name]
        torch.ops._forget(self.ns)


@contextmanager
def _scoped_library(*args, **kwargs):
    """Context with a Library whose operators are gone afterwards."""
    library = Library(*args, **kwargs)
    try:
        yield library
    finally:
        library._destroy()
