"""Operators that programs define: what torch.library registers and torch.ops finds."""

from __future__ import annotations

import inspect
import re
import types
import typing
from dataclasses import dataclass, field

import facula as torch
from facula.utils import _pytree as pytree

__all__ = ["Argument", "Operator", "Schema", "infer_schema", "operator", "operators"]

operators: dict[str, Operator] = {}  # by qualified name, with the overload where there is one


# --- schemas ---


@dataclass
class Argument:
    """One argument of a schema."""

    name: str
    type: str
    default: object = inspect.Parameter.empty
    kwarg_only: bool = False
    is_write: bool = False


@dataclass
class Schema:
    """What an operator is called with and returns."""

    text: str
    arguments: list[Argument] = field(default_factory=list)
    returns: str = ""

    @classmethod
    def parse(cls, text: str) -> Schema:
        """From text such as `(Tensor x, float a=1.0, *, bool flag=False) -> Tensor`.

        Raises:
            RuntimeError: it is no schema.
        """
        match = re.fullmatch(r"\s*([\w.:]*)\s*\((.*)\)\s*->\s*(.+?)\s*", text, re.DOTALL)
        if match is None:
            raise RuntimeError(f"cannot read the schema {text!r}: expected 'name(type arg, ...) -> type'")
        schema = cls(text, returns=match.group(3))
        only = False
        for part in _split(match.group(2)):
            if part == "*":
                only = True
                continue
            described = re.fullmatch(r"(.+?)\s+(\w+)\s*(?:=\s*(.+))?", part, re.DOTALL)
            if described is None:
                raise RuntimeError(f"cannot read the argument {part!r} of the schema {text!r}")
            kind, name, default = described.groups()
            value = inspect.Parameter.empty if default is None else _value(default, kind)
            schema.arguments.append(Argument(name, kind, value, only, "!" in kind))
        return schema

    def bind(self, name: str, args: tuple, kwargs: dict) -> tuple[list, dict]:
        """Positional arguments and those that are given by name only, with defaults filled in."""
        positional = [a for a in self.arguments if not a.kwarg_only]
        if len(args) > len(positional):
            raise RuntimeError(
                f"{name}() expected at most {len(positional)} argument(s) but received {len(args)} "
                f"argument(s). Declaration: {name}{self.text[self.text.index('(') :]}"
            )
        rest = dict(kwargs)
        values, named = list(args), {}
        for argument in positional[len(args) :]:
            values.append(self._take(name, argument, rest))
        for argument in self.arguments:
            if argument.kwarg_only:
                named[argument.name] = self._take(name, argument, rest)
        if rest:
            raise RuntimeError(f"Unknown keyword argument '{next(iter(rest))}' for operator '{name}'.")
        return values, named

    @staticmethod
    def _take(name: str, argument: Argument, given: dict):
        if argument.name in given:
            return given.pop(argument.name)
        if argument.default is inspect.Parameter.empty:
            raise RuntimeError(f"{name}() is missing value for argument '{argument.name}'.")
        return argument.default


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def _value(text: str, kind: str):
    words = {"None": None, "True": True, "False": False}
    text = text.strip()
    if text in words:
        return words[text]
    if text.startswith("["):
        return [_value(part, kind) for part in _split(text[1:-1])]
    if text[:1] in "\"'":
        return text[1:-1]
    try:
        return float(text) if "float" in kind else int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


_SCALARS = {
    torch.Tensor: "Tensor",
    int: "SymInt",
    float: "float",
    bool: "bool",
    str: "str",
    complex: "complex",
    torch.types.Number: "Scalar",
    torch.dtype: "ScalarType",
    torch.device: "Device",
}


def infer_schema(prototype_function, /, *, mutates_args, op_name: str | None = None, tags=None) -> str:
    """The schema of a function with type hints.

    Args:
        prototype_function: every argument and the result must have a type.
        mutates_args: names of the arguments that it writes to, or "unknown".
        op_name: put before the arguments.

    Raises:
        ValueError: types are missing or have no place in a schema.
    """
    signature = inspect.signature(prototype_function)

    def refuse(what: str):
        raise ValueError(f"infer_schema(func): {what} Got func with signature {signature})")

    try:
        hints = typing.get_type_hints(prototype_function)
    except NameError as error:
        return refuse(f"Unsupported type annotation. It is not a type. ({error}).")
    parts, only, letters = [], False, 0
    for name, parameter in signature.parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            refuse("We do not support *args, **kwargs, varargs-style parameters.")
        if parameter.kind is parameter.KEYWORD_ONLY and not only:
            only = True
            parts.append("*")
        if name not in hints:
            refuse(f"Parameter {name} must have a type annotation.")
        kind = _schema_type(hints[name])
        if kind is None:
            refuse(f"Parameter {name} has unsupported type {hints[name]}.")
        if mutates_args == "unknown" or name in mutates_args:
            if not kind.startswith("Tensor"):  # pyright: ignore
                refuse(f"Parameter {name} is in mutable_args but only Tensors or collections of them can be")
            kind = kind.replace("Tensor", f"Tensor(a{letters}!)", 1)  # pyright: ignore
            letters += 1
        default = "" if parameter.default is parameter.empty else f"={_default(parameter.default)}"
        parts.append(f"{kind} {name}{default}")
    unknown = [] if mutates_args == "unknown" else [n for n in mutates_args if n not in signature.parameters]
    if unknown:
        refuse(f"{unknown} in mutates_args were not found in the names of the parameters.")
    if "return" not in hints:
        refuse("No return type annotation was provided. Please add one.")
    return f"{op_name or ''}({', '.join(parts)}) -> {_returned(hints['return'], refuse)}"


def _schema_type(hint) -> str | None:
    if hint in _SCALARS:
        return _SCALARS[hint]
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if set(args) == {int, float, bool}:
            return "Scalar"
        rest = [a for a in args if a is not type(None)]
        if len(rest) < len(args):
            inner = "Scalar" if set(rest) == {int, float, bool} else _schema_type(rest[0])
            return f"{inner}?" if inner and (len(rest) == 1 or inner == "Scalar") else None
        return None
    if origin is not None and issubclass(origin, typing.Sequence) and args and origin is not tuple:
        inner = _schema_type(args[0])
        return f"{inner}[]" if inner else None
    return None


def _default(value) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).removeprefix("torch.") if isinstance(value, torch.dtype) else str(value)


def _returned(hint, refuse) -> str:
    if hint is None or hint is type(None):
        return "()"
    if typing.get_origin(hint) is tuple:
        return f"({', '.join(_returned(a, refuse) for a in typing.get_args(hint))})"
    kind = _schema_type(hint)
    if kind is None:
        refuse(f"Return has unsupported type {hint}.")
    return kind  # pyright: ignore


# --- operators ---

_BELOW = ("CPU", "CompositeExplicitAutograd", "CompositeExplicitAutogradNonFunctional", "BackendSelect")


class Operator:
    """An operator of one signature. Called, it runs the kernel for the CPU, with its derivative if any."""

    def __init__(self, namespace: str, name: str, schema: Schema, overload: str = "default") -> None:
        self.namespace, self._opname, self._overloadname = namespace, name, overload
        self._schema = schema
        self.kernels: dict[str, object] = {}
        self.backward = self.setup_context = self.vmap = self.fake = None
        self.__name__ = f"{name}.{overload}"
        self.__qualname__ = name
        self.__module__ = f"torch.ops.{namespace}"
        self._within: list[str] = []

    def name(self) -> str:
        """`namespace::name`, with the overload where there is one."""
        tail = "" if self._overloadname == "default" else f".{self._overloadname}"
        return f"{self.namespace}::{self._opname}{tail}"

    def __repr__(self) -> str:
        return f"<OpOverload(op='{self.namespace}.{self._opname}', overload='{self._overloadname}')>"

    def __str__(self) -> str:
        return f"{self.namespace}.{self.__name__}"

    def __call__(self, *args, **kwargs):
        values, named = self._schema.bind(self.name(), args, kwargs)
        from .overrides import handle_torch_function, has_torch_function

        leaves = [*values, *named.values()]
        if has_torch_function(leaves):
            return handle_torch_function(self, leaves, *args, **kwargs)
        for key in ("Autograd", "AutogradCPU", "CompositeImplicitAutograd"):
            # What a kernel for autograd calls again is what lies below it.
            if key in self.kernels and key not in self._within:
                self._within.append(key)
                try:
                    return self.kernels[key](*values, **named)  # pyright: ignore
                finally:
                    self._within.pop()
        if self.vmap is not None or self._wants_gradient(leaves):
            return self._apply(values, named)
        return self._run(values, named)

    @staticmethod
    def _wants_gradient(leaves) -> bool:
        if not torch.is_grad_enabled():
            return False
        flat = pytree.tree_leaves(leaves)
        return any(isinstance(x, torch.Tensor) and x.requires_grad for x in flat)

    def _kernel(self):
        for key in _BELOW:
            if key in self.kernels:
                return self.kernels[key]
        raise NotImplementedError(
            f"Could not run '{self.name()}' with arguments from the 'CPU' backend: no kernel was registered "
            "for it"
        )

    def _run(self, values, named):
        with torch.no_grad():
            result = self._kernel()(*values, **named)  # pyright: ignore
        given = {id(x) for x in values if isinstance(x, torch.Tensor)}
        outputs = result if isinstance(result, (tuple, list)) else (result,)
        if "a0!" not in self._schema.text and any(id(x) in given for x in outputs if x is not None):
            raise RuntimeError(
                f"{self.name()}: The output of this custom operator (1) must not also be an input to this "
                "custom operator and (2) may not alias any inputs to this custom operator or other returns. "
                "The most common way to trigger this error is if we have y = custom_op(x) and y and x are "
                "the same Tensor. Please instead return a clone of the offending output tensor(s) (e.g. "
                "return x.clone()) or refactor the custom operator to not return y."
            )
        return result

    def _apply(self, values, named):
        """Runs the operator as an autograd.Function; tensors in lists are handed to it one by one."""
        leaves, spec = pytree.tree_flatten(tuple(values))
        shape: list = []
        result = self._function().apply(named, spec, shape, *leaves)
        return pytree.tree_unflatten(list(result) if isinstance(result, tuple) else [result], shape[0])

    def _function(self):
        op = self

        class Generated:
            @staticmethod
            def forward(named, spec, shape, *leaves):
                result, out = pytree.tree_flatten(op._run(pytree.tree_unflatten(list(leaves), spec), named))
                shape.append(out)
                return tuple(result) if len(result) != 1 else result[0]

            @staticmethod
            def setup_context(ctx, inputs, output):
                named, ctx.spec, shape, *leaves = inputs
                if op.setup_context is None:
                    return
                flat = list(output) if isinstance(output, tuple) else [output]
                keywords = {"keyword_only_inputs": named} if named else {}
                op.setup_context(
                    ctx=ctx,
                    inputs=tuple(pytree.tree_unflatten(leaves, ctx.spec)),
                    output=pytree.tree_unflatten(flat, shape[0]),
                    **keywords,
                )

            @staticmethod
            def backward(ctx, *grads):
                if op.backward is None:
                    raise RuntimeError(
                        f"Trying to backward through {op} but no autograd formula was registered. Please use "
                        "register_autograd to add one."
                    )
                result = op.backward(_Shifted(ctx), *grads)
                result = result if isinstance(result, tuple) else (result,)
                flat: list = [None, None, None]
                for grad, part in zip(result, ctx.spec.children(), strict=True):
                    if part.is_leaf():
                        flat.append(grad)
                    else:
                        flat.extend([None] * part.num_leaves if grad is None else grad)
                return tuple(flat)

            @staticmethod
            def vmap(info, in_dims, named, spec, shape, *leaves):
                if op.vmap is None:
                    raise RuntimeError(
                        f"vmap: no rule was registered for {op}; torch.library.register_vmap adds one"
                    )
                values = pytree.tree_unflatten(list(leaves), spec)
                dims = pytree.tree_unflatten(list(in_dims[3:]), spec)
                result, out_dims = op.vmap(info, tuple(dims), *values, **named)
                flat, out = pytree.tree_flatten(result)
                shape.append(out)
                return (tuple(flat), out_dims) if len(flat) != 1 else (flat[0], out_dims)

        name = f"GeneratedBackwardFor_{self.namespace}_{self._opname}_{self._overloadname}"
        methods = {k: v for k, v in vars(Generated).items() if isinstance(v, staticmethod)}
        made = type(torch.autograd.Function)(name, (torch.autograd.Function,), methods)
        self._function = lambda: made  # made once
        return made


class _Shifted:
    """A context whose needs_input_grad counts the operator's own arguments only."""

    def __init__(self, ctx) -> None:
        object.__setattr__(self, "_ctx", ctx)

    @property
    def needs_input_grad(self) -> tuple:
        flat = list(self._ctx.needs_input_grad[3:])
        return tuple(pytree.tree_unflatten(flat, self._ctx.spec))

    def __getattr__(self, name: str):
        return getattr(self._ctx, name)

    def __setattr__(self, name: str, value) -> None:
        setattr(self._ctx, name, value)


def operator(op) -> Operator:
    """The operator of a name, of a packet, or itself.

    Raises:
        RuntimeError: there is none of the name.
    """
    if isinstance(op, Operator):
        return op
    found = getattr(op, "_opoverload", None)
    if found is not None:
        return found
    name = op if isinstance(op, str) else getattr(op, "_qualified_op_name", "")
    if name.removesuffix(".default") in operators:
        return operators[name.removesuffix(".default")]
    raise RuntimeError(f"operator {name} does not exist")
