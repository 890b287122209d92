"""Proxies: what flows through a program while it is traced, and records what is done to it."""

from __future__ import annotations

import dis
import enum
import inspect
import operator
from bisect import bisect_left
from collections import OrderedDict
from dataclasses import fields, is_dataclass

import facula as torch
from facula.utils._pytree import tree_map_

from ._codegen import magic_methods, reflectable_magic_methods
from .graph import Graph
from .node import Node, base_types, map_arg

__all__ = [
    "Attribute",
    "GraphAppendingTracer",
    "ParameterProxy",
    "Proxy",
    "Scope",
    "TraceError",
    "TracerBase",
]


class Scope:
    """The module that is being traced: its path and its class."""

    def __init__(self, module_path: str, module_type) -> None:
        self.module_path, self.module_type = module_path, module_type


class ScopeContextManager:
    """Sets a scope for its duration."""

    def __init__(self, scope: Scope, current_scope: Scope) -> None:
        self._scope, self._before = scope, (scope.module_path, scope.module_type)
        scope.module_path, scope.module_type = current_scope.module_path, current_scope.module_type

    def __enter__(self) -> Scope:
        return self._scope

    def __exit__(self, *error) -> None:
        self._scope.module_path, self._scope.module_type = self._before


class TraceError(ValueError):
    """What was traced depends on values."""


class TracerBase:
    """Makes nodes from what proxies meet; subclasses decide what is a step of its own."""

    graph: Graph
    record_stack_traces = False
    check_mutable_operations = False
    trace_asserts = False
    proxy_buffer_attributes = False
    traced_func_name = "forward"

    def create_node(self, kind: str, target, args, kwargs, name=None, type_expr=None) -> Node:
        """Adds a node to the graph; subclasses may refuse or change what goes in."""
        node = self.graph.create_node(kind, target, args, kwargs, name, type_expr)
        self.node_name_to_scope[node.name] = (self.scope.module_path, self.scope.module_type)
        if self.module_stack:
            node.meta["nn_module_stack"] = OrderedDict(self.module_stack)
        if self.record_stack_traces:
            import traceback

            frames = traceback.extract_stack()
            first = next((i for i, frame in enumerate(frames) if frame.name == "forward"), None)
            if first is not None:
                user = [f for f in frames[first:] if not f.filename.startswith(_HERE)]
                node.stack_trace = "".join(traceback.format_list(user)).strip()
        return node

    def proxy(self, node: Node) -> Proxy:
        """What stands for the result of a node."""
        return Proxy(node, self)

    def create_proxy(
        self, kind: str, target, args, kwargs, name=None, type_expr=None, proxy_factory_fn=None
    ) -> Proxy:
        """Adds a node for a call with proxies among its arguments; returns what stands for its result."""
        args, kwargs = self.create_arg(args), self.create_arg(kwargs)
        node = self.create_node(kind, target, args, kwargs, name, type_expr)
        return proxy_factory_fn(node) if proxy_factory_fn else self.proxy(node)

    def create_arg(self, a):
        """A value as an argument of a node: proxies become nodes.

        Raises:
            NotImplementedError: a value of a type that a program's text cannot show.
        """
        if isinstance(a, Proxy):
            return a.node
        if hasattr(a, "__fx_create_arg__"):
            return a.__fx_create_arg__(self)
        if isinstance(a, tuple):
            items = [self.create_arg(x) for x in a]
            return type(a)(*items) if hasattr(a, "_fields") else type(a)(items)
        if isinstance(a, list):
            return [self.create_arg(x) for x in a]
        if isinstance(a, dict):
            return {self._key(k): self.create_arg(v) for k, v in a.items()}
        if isinstance(a, (slice, range)):
            return type(a)(*(self.create_arg(x) for x in (a.start, a.stop, a.step)))
        if is_dataclass(a) and not isinstance(a, type):
            values = {field.name: self.create_arg(getattr(a, field.name)) for field in fields(a)}
            return self.create_node("call_function", type(a), (), values)
        if isinstance(a, (*base_types, enum.Enum)) or a is None or a is ...:
            return a
        raise NotImplementedError(f"argument of type: {type(a)}")

    def _key(self, key):
        if isinstance(key, str):
            return key
        key = self.create_arg(key)

        def refuse(node):
            raise RuntimeError(
                f"Keys for dictionaries used as an argument cannot contain a Node. Got key: {node}"
            )

        map_arg(key, refuse)
        return key

    def to_bool(self, obj: Proxy) -> bool:
        """The truth of a proxy, which nobody knows; a tracer may decide."""
        raise TraceError("symbolically traced variables cannot be used as inputs to control flow")

    def iter(self, obj: Proxy):
        """An iterator over a proxy, whose length nobody knows; a tracer may decide."""
        raise TraceError(
            "Proxy object cannot be iterated. This can be attempted when the Proxy is used in a loop or as a "
            "*args or **kwargs function argument. See the torch.fx docs on pytorch.org for a more detailed "
            "explanation of what types of control flow can be traced, and check out the Proxy docstring for "
            "help troubleshooting Proxy iteration errors"
        )

    def keys(self, obj: Proxy):
        """What `**proxy` asks for."""
        return Attribute(obj, "keys")()


_HERE = __file__.rpartition("/")[0]


class GraphAppendingTracer(TracerBase):
    """The tracer of proxies that are made for nodes of a finished graph: what they meet is added to it."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.scope = Scope("", None)
        self.module_stack: OrderedDict = OrderedDict()
        self.node_name_to_scope: dict = {}


def assert_fn(x) -> None:
    """What an assertion becomes where the tracer records them."""
    if not x:
        raise AssertionError("Assertion failed")


class Proxy:
    """Stands for a value that is not known yet: calls, operators and attributes become nodes.

    It cannot decide an `if` and cannot be iterated; functions that need that are kept whole by `fx.wrap`.
    """

    def __init__(self, node: Node, tracer: TracerBase | None = None) -> None:
        self.tracer = GraphAppendingTracer(node.graph) if tracer is None else tracer
        self.node = node

    def __repr__(self) -> str:
        return f"Proxy({self.node.name})"

    def __getattr__(self, k: str) -> Attribute:
        return Attribute(self, k)

    def __getstate__(self):
        return self.__dict__

    def __setstate__(self, d) -> None:
        self.__dict__ = d

    def __deepcopy__(self, memo):
        import copy

        new = object.__new__(type(self))
        new.__dict__.update({k: copy.deepcopy(v, memo) for k, v in self.__dict__.items()})
        return new

    def __call__(self, *args, **kwargs) -> Proxy:
        return self.tracer.create_proxy("call_method", "__call__", (self, *args), kwargs)

    def __iter__(self):
        # `a, b = proxy` says how many there are.
        frame = inspect.currentframe().f_back  # pyright: ignore
        steps = list(dis.get_instructions(frame.f_code))  # pyright: ignore
        step = steps[bisect_left(steps, frame.f_lasti, key=lambda x: x.offset)]  # pyright: ignore
        if step.opname == "UNPACK_SEQUENCE":
            return (self[i] for i in range(step.argval))  # pyright: ignore
        return self.tracer.iter(self)

    def __abs__(self) -> Proxy:
        return self.tracer.create_proxy("call_function", operator.abs, (self,), {})

    def __bool__(self) -> bool:
        if self.tracer.trace_asserts:
            frame = inspect.currentframe().f_back  # pyright: ignore
            steps = list(dis.get_instructions(frame.f_code))  # pyright: ignore
            at = bisect_left(steps, frame.f_lasti, key=lambda x: x.offset)  # pyright: ignore
            following = [step.opname for step in steps[at : at + 3]]
            if any(name.endswith("JUMP_IF_TRUE") for name in following) and any(
                "ASSERTION_ERROR" in name for name in following
            ):
                self.tracer.create_proxy("call_function", assert_fn, (self,), {})
                return True
        return self.tracer.to_bool(self)

    def keys(self):
        """What `**proxy` asks for."""
        return self.tracer.keys(self)

    def __len__(self) -> int:
        raise RuntimeError(
            "'len' is not supported in symbolic tracing by default. If you want this call to be recorded, "
            "please call torch.fx.wrap('len') at module scope"
        )

    @classmethod
    def __torch_function__(cls, orig_method, types, args=None, kwargs=None):
        args, kwargs = args or (), kwargs or {}
        tracers: dict = {}
        tree_map_(lambda a: tracers.setdefault(a.tracer) if isinstance(a, Proxy) else None, (args, kwargs))
        if len(tracers) > 1:
            raise RuntimeError(
                f"Found multiple different tracers {list(tracers)} while trying to trace operations "
                f"{orig_method}"
            )
        (tracer,) = tracers
        if orig_method is torch.einsum and len(args) == 2 and isinstance(args[1], (list, tuple)):
            args = (args[0], *args[1])  # the form in which passes look for operands
        if torch.overrides.is_tensor_method_or_property(orig_method):
            return tracer.create_proxy("call_method", orig_method.__name__, args, kwargs)
        name = tracer.graph._target_to_str(orig_method.__name__)
        return tracer.create_proxy("call_function", orig_method, args, kwargs, name=name)


class Attribute(Proxy):
    """An attribute of a proxy; a node only when it is used as a value, since most are methods."""

    def __init__(self, root: Proxy, attr: str) -> None:
        self.root = root
        self.attr = attr
        self.tracer = root.tracer
        self._node: Node | None = None

    @property
    def node(self) -> Node:
        """The node that reads it, made now if need be."""
        if self._node is None:
            self._node = self.tracer.create_proxy("call_function", getattr, (self.root, self.attr), {}).node
        return self._node

    def __call__(self, *args, **kwargs) -> Proxy:
        return self.tracer.create_proxy("call_method", self.attr, (self.root, *args), kwargs)


class ParameterProxy(Proxy):
    """A proxy of a parameter, whose shape is known."""

    def __init__(self, tracer: TracerBase, node: Node, name: str, param) -> None:
        super().__init__(node, tracer)
        self.param = param
        self.name = name

    def __repr__(self) -> str:
        return f"ParameterProxy({self.name})"

    @property
    def shape(self):
        """The parameter's."""
        return self.param.shape

    @property
    def ndim(self) -> int:
        """The parameter's."""
        return self.param.ndim

    def size(self):
        """The parameter's."""
        return self.param.size()

    def dim(self) -> int:
        """The parameter's."""
        return self.param.dim()

    def numel(self) -> int:
        """The parameter's."""
        return self.param.numel()

    def nelement(self) -> int:
        """The parameter's."""
        return self.param.nelement()


def _define(name: str) -> None:
    target = getattr(operator, name)

    def forward(self, *rest):
        return self.tracer.create_proxy("call_function", target, (self, *rest), {})

    def reflected(self, left):
        return self.tracer.create_proxy("call_function", target, (left, self), {})

    stem = name.strip("_")
    setattr(Proxy, f"__{stem}__", forward)
    if name in reflectable_magic_methods:
        setattr(Proxy, f"__r{stem}__", reflected)


for _name in magic_methods:
    if hasattr(operator, _name):
        _define(_name)
