"""Running a program once on proxies to learn its graph."""

from __future__ import annotations

import builtins
import copy
import functools
import inspect
import math
from collections import OrderedDict, defaultdict
from types import FunctionType

import facula as torch
from facula.utils import _pytree as pytree

from ._codegen import PyTreeInfo, _PyTreeCodeGen
from .graph import Graph
from .graph_module import GraphModule
from .node import base_types, map_aggregate
from .proxy import ParameterProxy, Proxy, Scope, ScopeContextManager, TracerBase

__all__ = ["PH", "ProxyableClassMeta", "Tracer", "is_fx_tracing", "symbolic_trace", "wrap"]

_VARIADIC = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
_proxyable_classes: dict[type, None] = {}
_wrapped_fns_to_patch: dict = {}
_tracing = 0


def is_fx_tracing() -> bool:
    """Whether a program is being traced."""
    return _tracing > 0


is_fx_symbolic_tracing = is_fx_tracing


class ProxyableClassMeta(type):
    """The metaclass of classes whose construction from proxies is a step of the graph."""

    def __init__(cls, name, bases, attrs) -> None:
        _proxyable_classes.setdefault(cls)
        super().__init__(name, bases, attrs)

    def __call__(cls, *args, **kwargs):
        instance = cls.__new__(cls)
        found: list[Proxy] = []

        def look(a):
            if isinstance(a, Proxy):
                found.append(a)
            return a

        map_aggregate((args, kwargs), look)
        if found:
            return found[0].tracer.create_proxy("call_function", cls, args, kwargs)
        cls.__init__(instance, *args, **kwargs)
        return instance


class PHBase:
    """A mark in concrete arguments: what stands here stays an argument of the traced program."""

    def __repr__(self) -> str:
        return "PH"


PH = PHBase()


class Tracer(TracerBase):
    """Traces modules and functions: layers of torch.nn stay whole, what users write is looked into.

    Args:
        autowrap_modules: modules whose functions stay whole where they are called with proxies.
        autowrap_functions: further such functions.
        param_shapes_constant: shapes of parameters may decide an `if`.
    """

    def __init__(self, autowrap_modules=(math,), autowrap_functions=(), param_shapes_constant=False) -> None:
        self._autowrap_function_ids = {
            id(value)
            for module in autowrap_modules
            for name, value in vars(module).items()
            if not name.startswith("_") and callable(value)
        }
        self._autowrap_function_ids.update(id(f) for f in autowrap_functions)
        self._autowrap_search = list(autowrap_modules)
        self.param_shapes_constant = param_shapes_constant
        self.submodule_paths: dict | None = None
        self.root_module_name = ""
        self.scope = Scope("", None)
        self.module_stack: OrderedDict = OrderedDict()
        self.num_calls: dict[str, int] = {}
        self.node_name_to_scope: dict = {}
        self._qualname_counter: dict[str, int] = defaultdict(int)

    def get_fresh_qualname(self, prefix: str) -> str:
        """A name that no attribute of the root has."""
        i = self._qualname_counter[prefix]
        while hasattr(self.root, f"{prefix}{i}"):
            i += 1
        self._qualname_counter[prefix] = i
        return f"{prefix}{i}"

    def create_arg(self, a):
        """As TracerBase says; parameters, buffers, modules and tensors become reads of attributes."""
        if isinstance(a, torch.nn.Parameter):
            for name, p in self.root.named_parameters():
                if a is p:
                    return self.create_node("get_attr", name, (), {})
            raise NameError("parameter is not a member of this module")
        if isinstance(a, torch.Tensor):
            known = self.root.named_buffers()
        elif isinstance(a, torch.nn.Module):
            known = self.root.named_modules()
        else:
            known = ()
        for name, value in known:
            if a is value:
                return self.create_node("get_attr", name, (), {})
        if isinstance(a, tuple) and hasattr(a, "_fields"):
            return self.create_node("call_function", type(a), tuple(map(self.create_arg, a)), {})
        if isinstance(a, torch.Tensor):
            name = self.tensor_attrs.get(a)
            if not name:
                name = self.get_fresh_qualname("_tensor_constant")
                self.tensor_attrs[a] = name
                setattr(self.root, name, a)
            return self.create_node("get_attr", name, (), {})
        if type(a) in _proxyable_classes:
            name = self.get_fresh_qualname(f"_{type(a).__name__}_constant_")
            setattr(self.root, name, a)
            return self.create_node("get_attr", name, (), {})
        return super().create_arg(a)

    def is_leaf_module(self, m, module_qualified_name: str) -> bool:
        """Whether a module is one step: those of torch.nn are, containers are not."""
        return m.__module__.startswith(("torch.nn", "torch.ao.nn", "facula.nn")) and not isinstance(
            m, torch.nn.Sequential
        )

    def path_of_module(self, mod) -> str:
        """Where a module hangs below the root.

        Raises:
            NameError: nowhere.
        """
        if self.submodule_paths:
            path = self.submodule_paths.get(mod)
        else:
            path = next((name for name, m in self.root.named_modules() if m is mod), None)
        if path is None:
            raise NameError("module is not installed as a submodule")
        return path

    def call_module(self, m, forward, args, kwargs):
        """A call of a module: one node where it is a leaf, else what its forward does."""
        path = self.path_of_module(m)
        with ScopeContextManager(self.scope, Scope(path, type(m))) as scope:
            calls = self.num_calls.get(path, 0)
            key = f"{scope.module_path}@{calls}" if calls else scope.module_path
            self.module_stack[key] = (path, scope.module_type)
            self.num_calls[path] = calls + 1
            try:
                if self.is_leaf_module(m, path):
                    return self.create_proxy("call_module", path, args, kwargs)
                return forward(*args, **kwargs)
            finally:
                self.module_stack.popitem()

    def getattr(self, attr: str, attr_val, parameter_proxy_cache: dict):
        """What an attribute of a module is while it is traced: parameters are proxies."""

        def proxy_in(collection):
            for name, value in collection:
                if attr_val is value:
                    if name not in parameter_proxy_cache:
                        options = {}
                        if self.param_shapes_constant:
                            options["proxy_factory_fn"] = lambda node, name=name: ParameterProxy(
                                self, node, name, attr_val
                            )
                        parameter_proxy_cache[name] = self.create_proxy("get_attr", name, (), {}, **options)
                    return parameter_proxy_cache[name]
            return attr_val

        if isinstance(attr_val, torch.nn.Parameter):
            return proxy_in(self.root.named_parameters())
        if self.proxy_buffer_attributes and isinstance(attr_val, torch.Tensor):
            return proxy_in(self.root.named_buffers())
        return attr_val

    def create_args_for_root(self, root_fn, is_module: bool, concrete_args=None):
        """Placeholders for the arguments of the program; returns the function and what to call it with."""
        analysed = inspect.unwrap(root_fn)
        code = analysed.__code__
        count = code.co_argcount + code.co_kwonlyargcount
        names = list(code.co_varnames)
        args: list = []
        first = 0
        if is_module:
            if count == 0:
                raise RuntimeError("``self`` argument cannot be part of *args expansion!")
            args.append(self.root)
            first = 1
        signature = inspect.signature(analysed)
        own = names[first:count]
        if isinstance(concrete_args, tuple):
            if code.co_flags & _VARIADIC and count == 1 and concrete_args:
                args.extend(
                    self.create_proxy("placeholder", f"input_{i}", (), {}) for i in range(len(concrete_args))
                )
                return root_fn, args
            if len(own) != len(concrete_args):
                raise RuntimeError(
                    f"Tracing expected {len(own)} arguments but got {len(concrete_args)} concrete arguments"
                )
            concrete_args = dict(zip(own, concrete_args))
        args.extend(self._proxy_placeholder(n, concrete_args, signature, analysed) for n in own)
        if code.co_kwonlyargcount > 0 or code.co_flags & _VARIADIC:
            rest = names[count:]
            if code.co_flags & inspect.CO_VARARGS:
                args.append(self._proxy_placeholder("*" + rest.pop(0), concrete_args, signature, analysed))
            if code.co_flags & inspect.CO_VARKEYWORDS:
                args.append(self._proxy_placeholder("**" + rest.pop(0), concrete_args, signature, analysed))
            root_fn = _positional(root_fn, len(args))
        flat, spec = pytree.tree_flatten(tuple(args))
        if all(child.is_leaf() for child in spec.children()):
            return root_fn, args
        codegen = self.graph._codegen = _PyTreeCodeGen(PyTreeInfo(names[:count], spec, None))

        def flatten_fn(*leaves):
            result = root_fn(*pytree.tree_unflatten(list(leaves), spec))
            out, out_spec = pytree.tree_flatten(result)
            codegen.pytree_info = codegen.pytree_info._replace(out_spec=out_spec)
            return out

        return flatten_fn, flat

    def _proxy_placeholder(self, name: str, concrete_args, signature, analysed):
        default: tuple = ()
        if name[0] != "*":
            parameter = signature.parameters[name]
            default = () if parameter.default is inspect.Parameter.empty else (parameter.default,)
        if concrete_args is None or name not in concrete_args:
            kind = analysed.__annotations__.get(name)
            return self.create_proxy("placeholder", name, default, {}, type_expr=kind)
        count = 0

        def placeholder(x):
            nonlocal count
            count += 1
            out = self.create_proxy("placeholder", f"{name}_{count}", default, {})
            if isinstance(x, PHBase):
                return out
            if isinstance(x, base_types) and not isinstance(x, torch.Tensor):
                text = f"{name} has been specialized to have value {x} but got another value"
                torch._assert(out == x, text)
            elif x is None:
                text = f"{name} has been specialized to have value None but got another value"
                self.create_proxy("call_function", _assert_is_none, (out, text), {})
            else:
                import warnings

                warnings.warn(
                    f"Was not able to add assertion to guarantee correct input {name} to specialized "
                    "function. It is up to the user to make sure that your inputs match the inputs you "
                    "specialized the function with.",
                    stacklevel=2,
                )
            return x

        return pytree.tree_map(placeholder, concrete_args[name])

    def trace(self, root, concrete_args=None) -> Graph:
        """The graph of a module's forward, or of a function.

        Args:
            root: module or Python function.
            concrete_args: values by name that the program is traced for; `PH` in them stays an argument.
        """
        global _tracing
        is_module = isinstance(root, torch.nn.Module)
        if is_module:
            self.root = root
            fn = getattr(type(root), self.traced_func_name)
            self.root_module_name = root._get_name()
            self.submodule_paths = {mod: name for name, mod in root.named_modules()}
        else:
            self.root = torch.nn.Module()
            fn = root
        self.graph = Graph(tracer_cls=type(self))
        self.tensor_attrs: dict = {}
        self._collect_tensors(self.root, [])
        if not isinstance(fn, FunctionType):
            raise AssertionError(f"Expected FunctionType, got {type(fn)}")
        names = fn.__globals__
        _tracing += 1
        try:
            fn, args = self.create_args_for_root(fn, is_module, concrete_args)
            with _Patches() as patches:
                self._patch_modules(patches)
                for (_, name), frame in list(_wrapped_fns_to_patch.items()):
                    original = frame[name] if name in frame else getattr(builtins, name)
                    patches.item(frame, name, _whole(original))
                self._autowrap(patches, names)
                for module in self._autowrap_search:
                    self._autowrap(patches, vars(module))
                returns = inspect.get_annotations(inspect.unwrap(fn)).get("return")
                result = self.create_arg(fn(*args))
                self.create_node("output", "output", (result,), {}, type_expr=returns)
            self.submodule_paths = None
        finally:
            _tracing -= 1
        return self.graph

    def _collect_tensors(self, module, path: list) -> None:
        for name, value in vars(module).items():
            if isinstance(value, torch.Tensor):
                self.tensor_attrs[value] = ".".join([*path, name])
        for name, child in module.named_children():
            self._collect_tensors(child, [*path, name])

    def _patch_modules(self, patches: _Patches) -> None:
        original_getattr, original_call = torch.nn.Module.__getattr__, torch.nn.Module.__call__
        seen: dict = {}

        def module_getattr(mod, attr):
            return self.getattr(attr, original_getattr(mod, attr), seen)

        def module_call(mod, *args, **kwargs):
            self._autowrap(patches, getattr(getattr(mod, "forward", mod), "__globals__", {}))
            return self.call_module(mod, functools.partial(original_call, mod), args, kwargs)

        patches.module("__getattr__", module_getattr)
        patches.module("__call__", module_call)

    def _autowrap(self, patches: _Patches, names: dict) -> None:
        if not patches.first_visit(names):
            return
        for name, value in list(names.items()):
            if not name.startswith("_") and callable(value) and id(value) in self._autowrap_function_ids:
                patches.item(names, name, _whole(value))

    def __deepcopy__(self, memo):
        new = object.__new__(type(self))
        for name, value in vars(self).items():
            kept = name == "_autowrap_search"
            vars(new)[name] = copy.copy(value) if kept else copy.deepcopy(value, memo)
        return new


def _assert_is_none(value, msg: str) -> None:
    if value is not None:
        raise AssertionError(msg)


def _positional(function, count: int):
    """The function with *args and **kwargs as two arguments more, for proxies to stand there."""
    code = function.__code__
    new = code.replace(
        co_argcount=count,
        co_posonlyargcount=0,
        co_kwonlyargcount=0,
        co_flags=code.co_flags & ~_VARIADIC,
    )
    return FunctionType(
        new, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )


def _whole(function):
    """The function as one step of the graph wherever it is called with a proxy."""

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        found: list[Proxy] = []

        def look(a):
            if isinstance(a, Proxy):
                found.append(a)
            return a

        map_aggregate((args, kwargs), look)
        if not found:
            return function(*args, **kwargs)
        result = found[-1].tracer.create_proxy("call_function", function, args, kwargs)
        result.node.meta["is_wrapped"] = True
        return result

    return wrapped


_MISSING = object()


class _Patches:
    """Names that mean something else while a program is traced; all are put back, the last first."""

    def __init__(self) -> None:
        self.undo: list = []
        self.visited: set[int] = set()

    def __enter__(self) -> _Patches:
        return self

    def __exit__(self, *error) -> None:
        for step in reversed(self.undo):
            step()

    def first_visit(self, names: dict) -> bool:
        new = id(names) not in self.visited
        self.visited.add(id(names))
        return new

    def item(self, names: dict, name: str, value) -> None:
        before = names.get(name, _MISSING)
        names[name] = value

        def put_back() -> None:
            if before is _MISSING:
                del names[name]
            else:
                names[name] = before

        self.undo.append(put_back)

    def module(self, name: str, value) -> None:
        cls = torch.nn.Module
        before = vars(cls).get(name, _MISSING)
        setattr(cls, name, value)

        def put_back() -> None:
            if before is not _MISSING:
                setattr(cls, name, before)
                return
            type.__delattr__(cls, name)
            if name == "__getattr__":
                _fast_attributes(cls)

        self.undo.append(put_back)


def _fast_attributes(cls) -> None:
    """Gives modules back the attribute access in C that a `__getattr__` in the class had replaced."""
    renew = vars(torch._C._ModuleBase)["__init_subclass__"].__get__(None, cls)
    renew()
    for sub in type.__subclasses__(cls):
        _fast_attributes(sub)


def wrap(fn_or_name):
    """Keeps a function whole: calls of it become one step of the graph. At the top level of a module only.

    Args:
        fn_or_name: the function (then usable as a decorator), or the name of a global or builtin function.

    Raises:
        NotImplementedError: called elsewhere than at the top level of a module.
    """
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    name = fn_or_name if isinstance(fn_or_name, str) else fn_or_name.__name__
    frame = inspect.currentframe().f_back  # pyright: ignore
    if frame.f_code.co_name != "<module>":  # pyright: ignore
        raise NotImplementedError("wrap must be called at the top level of a module")
    names = frame.f_globals  # pyright: ignore
    _wrapped_fns_to_patch[(id(names), name)] = names
    return fn_or_name


def symbolic_trace(root, concrete_args=None) -> GraphModule:
    """Traces a module or function and returns a module that runs the graph.

    Args:
        root: module or Python function.
        concrete_args: values by name that the program is traced for.

    Raises:
        TraceError: the program decides by values.
    """
    tracer = Tracer()
    graph = tracer.trace(root, concrete_args)
    name = type(root).__name__ if isinstance(root, torch.nn.Module) else root.__name__
    return GraphModule(tracer.root, graph, name)
