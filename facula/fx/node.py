"""Nodes: one step of a traced program each, in the order in which the steps run."""

from __future__ import annotations

import builtins
import enum
import operator
import types
from collections.abc import Callable

import facula as torch

from ._names import qualified_name as _get_qualified_name
from ._names import type_name as _type_repr
from .immutable_collections import immutable_dict, immutable_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .graph import Graph

__all__ = ["Argument", "Node", "Target", "has_side_effect", "map_aggregate", "map_arg"]

Target = Callable | str
Argument = object
base_types = (
    str,
    int,
    float,
    bool,
    complex,
    torch.dtype,
    torch.Tensor,
    torch.device,
    torch.memory_format,
    torch.layout,
)
_LEGAL = ("placeholder", "call_method", "call_module", "call_function", "get_attr", "output", "root")
_side_effectful_functions: set = {torch._assert, operator.setitem}


def has_side_effect(fn):
    """Keeps calls of `fn` from being removed where nobody uses their result; usable as a decorator."""
    _side_effectful_functions.add(fn)
    return fn


class Node:
    """One step: its kind (`op`), what it calls (`target`), with what, who uses its result.

    `op` is one of placeholder, get_attr, call_function, call_method, call_module and output. `users` is a
    dictionary that serves as an ordered set; `meta` is for passes and travels with copies.
    """

    def __init__(self, graph: Graph, name: str, op: str, target, args, kwargs, return_type=None) -> None:
        if op not in _LEGAL:
            raise AssertionError(f"op '{op}' is not a legal op")
        if op == "call_function":
            if not callable(target):
                raise ValueError(
                    f"Node [graph = {graph}, name = '{name}'] target {target} has type "
                    f"{torch.typename(target)} but a Callable is expected"
                )
        elif not isinstance(target, str):
            raise ValueError(
                f"Node [graph = {graph}, name = '{name}'] target {target} has type "
                f"{torch.typename(target)} but a str is expected"
            )
        self.graph = graph
        self.name = name
        self.op = op
        self.target = target
        self.users: dict[Node, None] = {}
        self.type = return_type
        self.meta: dict = {}
        self._input_nodes: dict[Node, None] = {}
        self._args: tuple = ()
        self._kwargs: dict = immutable_dict()
        self._repr_fn = None
        self._erased = False
        self._prev = self._next = self
        self._set(args, kwargs)

    def __setattr__(self, name: str, value) -> None:
        # The table by which find_nodes answers knows nodes by kind and target.
        if name in ("op", "target") and name in self.__dict__ and not self.__dict__.get("_erased", True):
            table = self.graph._found
            table.remove(self)
            object.__setattr__(self, name, value)
            table.insert(self)
            return
        object.__setattr__(self, name, value)

    # --- its place among the others ---

    @property
    def next(self) -> Node:
        """The node after this one; the root of the graph after the last."""
        return self._next

    @property
    def prev(self) -> Node:
        """The node before this one."""
        return self._prev

    def prepend(self, x: Node) -> None:
        """Moves `x` to before this node."""
        if x.graph is not self.graph:
            raise AssertionError("Attempting to move a Node into a different Graph")
        if x is self:
            return
        x._unlink()
        before = self._prev
        before._next, x._prev, x._next, self._prev = x, before, self, x

    def append(self, x: Node) -> None:
        """Moves `x` to after this node."""
        self._next.prepend(x)

    def _unlink(self) -> None:
        self._prev._next, self._next._prev = self._next, self._prev
        self._prev = self._next = self

    def _position(self) -> int:
        return next(i for i, node in enumerate(self.graph.nodes) if node is self)

    def __lt__(self, other: Node) -> bool:
        return self._position() < other._position()

    # --- what it reads ---

    @property
    def args(self) -> tuple:
        """Positional arguments: numbers, strings, tensors' descriptions, nodes, and lists of them."""
        return self._args

    @args.setter
    def args(self, value: tuple) -> None:
        self._set(value, self._kwargs)

    @property
    def kwargs(self) -> dict:
        """Arguments by name."""
        return self._kwargs

    @kwargs.setter
    def kwargs(self, value: dict) -> None:
        self._set(self._args, value)

    def _set(self, args: tuple, kwargs: dict) -> None:
        for node in self._input_nodes:
            node.users.pop(self, None)
        self._input_nodes = {}

        def used(node: Node) -> Node:
            self._input_nodes.setdefault(node)
            node.users.setdefault(self)
            return node

        self._args = map_arg(tuple(args), used)
        self._kwargs = map_arg(dict(kwargs), used)

    @property
    def all_input_nodes(self) -> list[Node]:
        """Each node that this one reads, once."""
        return list(self._input_nodes)

    def update_arg(self, idx: int, arg) -> None:
        """Replaces one positional argument."""
        args = list(self.args)
        args[idx] = arg
        self.args = tuple(args)

    def insert_arg(self, idx: int, arg) -> None:
        """Puts an argument before the one at `idx`."""
        if not 0 <= idx <= len(self.args):
            raise AssertionError(
                f"insert_args index must be between 0 and len(self.args), got {idx} for args of length "
                f"{len(self.args)}"
            )
        self.args = (*self.args[:idx], arg, *self.args[idx:])

    def update_kwarg(self, key: str, arg) -> None:
        """Replaces one named argument."""
        self.kwargs = {**self.kwargs, key: arg}

    def replace_input_with(self, old_input: Node, new_input: Node) -> None:
        """Reads `new_input` wherever `old_input` was read."""

        def other(node: Node) -> Node:
            return new_input if node is old_input else node

        hooks = getattr(self.graph.owning_module, "_replace_hooks", None)
        for hook in hooks or ():
            hook(old=old_input, new=new_input.name, user=self)
        self._replace_input_with(other)

    def _replace_input_with(self, other) -> None:
        self._set(map_arg(self.args, other), map_arg(self.kwargs, other))

    def replace_all_uses_with(
        self, replace_with: Node, delete_user_cb=None, *, propagate_meta: bool = False
    ) -> list[Node]:
        """Makes all readers of this node read another; returns those that do.

        `delete_user_cb` says for each reader whether to change it.
        """
        if propagate_meta:
            if replace_with.meta:
                raise AssertionError(
                    "Called node.replace_all_uses_with(replace_with, propagate_meta=True), but replace_with "
                    "already has .meta keys"
                )
            replace_with.meta.update(self.meta)
        changed = []
        hooks = getattr(self.graph.owning_module, "_replace_hooks", None)
        for user in list(self.users):
            if delete_user_cb is not None and not delete_user_cb(user):
                continue
            changed.append(user)
            for hook in hooks or ():
                hook(old=self, new=replace_with.name, user=user)
            user._replace_input_with(lambda node: replace_with if node is self else node)
        return changed

    # --- what it is ---

    def is_impure(self, impure_random: bool = True) -> bool:
        """Whether the step must run although nobody reads its result."""
        if self.op in ("placeholder", "output"):
            return True
        if self.op == "call_module":
            if self.graph.owning_module is None:
                raise AssertionError("self.graph.owning_module not set for purity check")
            return getattr(self.graph.owning_module.get_submodule(self.target), "_is_impure", False)
        if self.op == "call_function":
            return self.target in _side_effectful_functions or (
                impure_random and getattr(self.target, "__name__", "") in _RANDOM
            )
        return False

    @property
    def stack_trace(self) -> str | None:
        """The lines of the program that made this node, where the tracer recorded them."""
        return self.meta.get("stack_trace")

    @stack_trace.setter
    def stack_trace(self, trace: str | None) -> None:
        self.meta["stack_trace"] = trace

    def _rename(self, candidate: str) -> None:
        if candidate != self.name:
            self.name = self.graph._graph_namespace.create_name(candidate, None)

    def __repr__(self) -> str:
        return self._repr_fn(self) if self._repr_fn else self.name

    @staticmethod
    def _pretty_print_target(target) -> str:
        if isinstance(target, str):
            return target
        home, name = getattr(target, "__module__", None), getattr(target, "__name__", None)
        if home == "builtins" or (home is None and getattr(builtins, str(name), None) is target):
            return f"builtins.{name}"
        if home == "_operator":
            return f"operator.{name}"
        return _get_qualified_name(target)

    def format_node(self, placeholder_names=None, maybe_return_typename=None, **_) -> str | None:
        """The step in one line, as printing a graph shows it."""
        kind = f"{_type_repr(self.type)} " if self.type is not None else ""
        users = f"[num_users={len(self.users)}]"
        if self.op == "placeholder":
            if placeholder_names is not None and len(placeholder_names) > 0:
                placeholder_names.append(self.target)
                return None
            default = f"(default={self.args[0]})" if self.args else ""
            return f"%{self.name} : {kind}{users} = placeholder[target={self.target}]{default}"
        if self.op == "get_attr":
            return f"%{self.name} : {kind}{users} = get_attr[target={self.target}]"
        if self.op == "output":
            if self.type and maybe_return_typename:
                maybe_return_typename[0] = f" -> {_type_repr(self.type)}"
            return f"return {self.args[0]}"
        return (
            f"%{self.name} : {kind}{users} = {self.op}[target={self._pretty_print_target(self.target)}]("
            f"args = {_format_arg(self.args)}, kwargs = {_format_arg(self.kwargs)})"
        )

    def __deepcopy__(self, memo) -> Node:
        import copy

        copy.deepcopy(self.graph, memo)
        return memo.get(self, self)


_RANDOM = frozenset(
    "rand randn randint randperm rand_like randn_like randint_like bernoulli multinomial normal "
    "poisson".split()
)


def _format_arg(arg) -> str:
    if isinstance(arg, list):
        return f"[{', '.join(map(_format_arg, arg))}]"
    if isinstance(arg, tuple):
        return f"({', '.join(map(_format_arg, arg))}{',' if len(arg) == 1 else ''})"
    if isinstance(arg, dict):
        return f"{{{', '.join(f'{k}: {_format_arg(v)}' for k, v in arg.items())}}}"
    return f"%{arg}" if isinstance(arg, Node) else str(arg)


def map_arg(a, fn: Callable[[Node], object]):
    """The argument with `fn` applied to each node in it."""
    if not callable(fn):
        raise AssertionError("torch.fx.map_arg(a, fn): fn must be a callable")
    return map_aggregate(a, lambda x: fn(x) if isinstance(x, Node) else x)


def map_aggregate(a, fn: Callable[[object], object]):
    """The argument with `fn` applied to each leaf of its tuples, lists, dictionaries and slices."""
    if isinstance(a, tuple):
        items = [map_aggregate(x, fn) for x in a]
        return type(a)(*items) if hasattr(a, "_fields") else tuple(items)
    if isinstance(a, list):
        return immutable_list([map_aggregate(x, fn) for x in a])
    if isinstance(a, dict):
        return immutable_dict({k: map_aggregate(v, fn) for k, v in a.items()})
    if isinstance(a, slice):
        return slice(*(map_aggregate(x, fn) for x in (a.start, a.stop, a.step)))
    return fn(a)


def _is_constant(a) -> bool:
    return isinstance(a, (*base_types, enum.Enum, types.NoneType, types.EllipsisType))
