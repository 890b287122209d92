"""Graphs: the steps of a traced program in order, and how to change them."""

from __future__ import annotations

import contextlib
import copy
import warnings

import facula as torch

from ._codegen import CodeGen, PythonCode, _PyTreeCodeGen, inplace_methods, magic_methods  # noqa: F401
from ._codegen import PyTreeInfo as _PyTreeInfo  # noqa: F401
from ._codegen import reflectable_magic_methods as reflectable_magic_methods
from ._names import Namespace as _Namespace
from ._names import format_target as _format_target  # noqa: F401
from ._names import snake_case as _snake_case
from .node import Node, map_arg

__all__ = ["CodeGen", "Graph", "PythonCode"]


class _InsertPoint:
    def __init__(self, graph: Graph, insert) -> None:
        self.graph, self.before = graph, graph._insert
        graph._insert = insert

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error) -> None:
        self.graph._insert = self.before


class _node_list:  # noqa: N801  PyTorch's name
    """The nodes of a graph, in either direction; nodes may be added and erased while one walks."""

    def __init__(self, graph: Graph, direction: str = "_next") -> None:
        self.graph, self.direction = graph, direction

    def __len__(self) -> int:
        return self.graph._len

    def __iter__(self):
        root = self.graph._root
        node = getattr(root, self.direction)
        while node is not root:
            if not node._erased:
                yield node
            node = getattr(node, self.direction)

    def __reversed__(self):
        return iter(_node_list(self.graph, "_prev" if self.direction == "_next" else "_next"))


class _FindNodesLookupTable:
    """Nodes by kind and, for functions, by what they call."""

    def __init__(self) -> None:
        self.table: dict = {}

    @staticmethod
    def _key(node: Node):
        return node.op, node.target if node.op == "call_function" else None

    def __contains__(self, node: Node) -> bool:
        return node in self.table.get(self._key(node), ())

    def insert(self, node: Node) -> None:
        self.table.setdefault(self._key(node), {})[node] = None

    def remove(self, node: Node) -> None:
        self.table.get(self._key(node), {}).pop(node, None)

    def find_nodes(self, *, op: str, target=None) -> list[Node]:
        if op == "call_function":
            if target is None:
                return [n for (kind, _), nodes in self.table.items() if kind == op for n in nodes]
            return list(self.table.get((op, target), ()))
        nodes = list(self.table.get((op, None), ()))
        return nodes if target is None else [n for n in nodes if n.target == target]


class Graph:
    """A program as a list of nodes: placeholders, calls, one output.

    `create_node` and its kinds add at the place that `inserting_before` and `inserting_after` set, at the end
    otherwise.
    """

    def __init__(self, owning_module=None, tracer_cls=None, tracer_extras=None) -> None:
        self._root = Node(self, "", "root", "", (), {})
        self._insert = self._root.prepend
        self._len = 0
        self._graph_namespace = _Namespace()
        self._owning_module = owning_module
        self._tracer_cls = tracer_cls
        self._tracer_extras = tracer_extras
        self._codegen = CodeGen()
        self._co_fields: dict = {}
        self._found = self._find_nodes_lookup_table = _FindNodesLookupTable()

    @property
    def owning_module(self):
        """The GraphModule that runs this graph."""
        return self._owning_module

    @owning_module.setter
    def owning_module(self, mod) -> None:
        self._owning_module = mod

    @property
    def nodes(self) -> _node_list:
        """All nodes in order."""
        return _node_list(self)

    def output_node(self) -> Node:
        """The last node, what the graph returns."""
        return next(iter(reversed(self.nodes)))

    def find_nodes(self, *, op: str, target=None, sort: bool = True) -> list[Node]:
        """The nodes of a kind; of calls of functions those of `target`."""
        nodes = self._found.find_nodes(op=op, target=target)
        if not sort:
            return nodes
        wanted = set(nodes)
        return [node for node in self.nodes if node in wanted]

    # --- adding ---

    def create_node(self, op: str, target, args=None, kwargs=None, name=None, type_expr=None) -> Node:
        """Adds a node; its name is unique and begins with `name`, or with what it calls."""
        args = args or ()
        kwargs = kwargs or {}
        if not isinstance(args, tuple):
            raise AssertionError(f"args must be a tuple, got {type(args)}")
        if not isinstance(kwargs, dict):
            raise AssertionError(f"kwargs must be a dict, got {type(kwargs)}")
        candidate = name if name is not None else self._target_to_str(target)
        node = Node(
            self, self._graph_namespace.create_name(candidate, None), op, target, args, kwargs, type_expr
        )
        for hook in getattr(self.owning_module, "_create_node_hooks", None) or ():
            hook(node)
        self._insert(node)
        self._found.insert(node)
        self._len += 1
        return node

    def placeholder(self, name: str, type_expr=None, default_value=...) -> Node:
        """Adds an argument of the program."""
        args = () if default_value is ... else (default_value,)
        return self.create_node("placeholder", name, args=args, type_expr=type_expr)

    def get_attr(self, qualified_name: str, type_expr=None) -> Node:
        """Adds a read of a parameter, buffer or module."""
        owner = self.owning_module
        if owner is not None and not _has(owner, qualified_name):
            warnings.warn(
                "Attempted to insert a get_attr Node with no underlying reference in the owning GraphModule! "
                "Call GraphModule.add_submodule to add the necessary submodule, GraphModule.add_parameter to "
                "add the necessary Parameter, or nn.Module.register_buffer to add the necessary buffer",
                stacklevel=2,
            )
        return self.create_node("get_attr", qualified_name, type_expr=type_expr)

    def call_module(self, module_name: str, args=None, kwargs=None, type_expr=None) -> Node:
        """Adds a call of a module."""
        owner = self.owning_module
        if owner is not None and not _has(owner, module_name):
            warnings.warn(
                "Attempted to insert a call_module Node with no underlying reference in the owning "
                "GraphModule! Call GraphModule.add_submodule to add the necessary submodule",
                stacklevel=2,
            )
        return self.create_node("call_module", module_name, args, kwargs, type_expr=type_expr)

    def call_method(self, method_name: str, args=None, kwargs=None, type_expr=None) -> Node:
        """Adds a call of a method of the first argument."""
        return self.create_node("call_method", method_name, args, kwargs, type_expr=type_expr)

    def call_function(self, the_function, args=None, kwargs=None, type_expr=None, name=None) -> Node:
        """Adds a call of a function."""
        return self.create_node("call_function", the_function, args, kwargs, name=name, type_expr=type_expr)

    def output(self, result, type_expr=None) -> Node:
        """Adds the return statement."""
        return self.create_node("output", "output", (result,), type_expr=type_expr)

    def node_copy(self, node: Node, arg_transform=lambda x: x) -> Node:
        """Adds a copy of a node of another graph; `arg_transform` maps what it reads to nodes of this one."""
        args, kwargs = map_arg(node.args, arg_transform), map_arg(node.kwargs, arg_transform)
        copied = self.create_node(node.op, node.target, args, kwargs, node.name, node.type)
        copied.meta = copy.copy(node.meta)
        return copied

    def graph_copy(self, g: Graph, val_map: dict, return_output_node: bool = False):
        """Adds copies of all nodes of `g` that `val_map` does not have, and enters them there.

        Returns what stands for the output of `g`, None where it has none.
        """
        for node in g.nodes:
            if node in val_map:
                continue
            if node.op == "output":
                result = map_arg(node.args[0], lambda n: val_map[n])
                return (result, node) if return_output_node else result
            val_map[node] = self.node_copy(node, lambda n: val_map[n])
        return None

    def __deepcopy__(self, memo=None) -> Graph:
        memo = {} if memo is None else memo
        g = Graph(tracer_cls=self._tracer_cls)
        memo[id(self)] = g
        copies: dict = {}
        result = g.graph_copy(self, copies, return_output_node=True)
        memo.update(copies)
        g._codegen = copy.deepcopy(self._codegen)
        if result is not None:
            value, old = result
            g.output(value, type_expr=old.type).meta = copy.copy(old.meta)
        return g

    # --- changing ---

    def erase_node(self, to_erase: Node) -> None:
        """Removes a node that nobody reads."""
        if to_erase.users:
            raise RuntimeError(
                f"Tried to erase Node {to_erase} but it still had {len(to_erase.users)} users in the graph: "
                f"{to_erase.users}!"
            )
        if to_erase.graph is not self:
            raise RuntimeError(f"Attempting to remove {to_erase} from wrong graph!")
        if to_erase._erased:
            warnings.warn(f"erase_node({to_erase}) on an already erased node", stacklevel=2)
            return
        for hook in getattr(self.owning_module, "_erase_node_hooks", None) or ():
            hook(to_erase)
        self._found.remove(to_erase)
        # A walk that stands on the node goes on from it, so it keeps its own links.
        to_erase._prev._next, to_erase._next._prev = to_erase._next, to_erase._prev
        to_erase._erased = True
        self._len -= 1
        to_erase._set(map_arg(to_erase.args, lambda n: None), map_arg(to_erase.kwargs, lambda n: None))

    def inserting_before(self, n: Node | None = None) -> _InsertPoint:
        """A context in which nodes are added before `n`; without it, at the beginning."""
        if n is None:
            return self.inserting_after(self._root)
        if n.graph is not self:
            raise AssertionError("Node to insert before is not in graph.")
        return _InsertPoint(self, n.prepend)

    def inserting_after(self, n: Node | None = None) -> _InsertPoint:
        """A context in which nodes are added after `n`; without it, at the end."""
        if n is None:
            return self.inserting_before(self._root)
        if n.graph is not self:
            raise AssertionError("Node to insert after is not in graph.")
        place = [n]

        def insert(node: Node) -> None:
            place[0].append(node)
            place[0] = node

        return _InsertPoint(self, insert)

    def eliminate_dead_code(self, is_impure_node=None) -> bool:
        """Removes steps whose results nobody reads and that do nothing else; says whether any went."""
        self.lint()
        impure = is_impure_node or Node.is_impure
        changed = False
        for node in list(reversed(self.nodes)):
            if not node.users and not impure(node):
                self.erase_node(node)
                changed = True
        return changed

    def lint(self) -> None:
        """Raises RuntimeError where the graph is no program: wrong order, foreign nodes, missing targets."""
        names, defined = set(), set()
        for node in self.nodes:
            if node.graph is not self:
                raise RuntimeError(f"Node '{node}' does not belong to this Graph!")
            if node not in self._found:
                raise RuntimeError(f"Node '{node}' is not added to the side table")
            for read in node._input_nodes:
                context = f" of Node '{node}' "
                if read.graph is not self:
                    raise RuntimeError(
                        f"Argument '{read}'{context}does not belong to this Graph, but was used as an "
                        "argument! If you are copying nodes from another graph, make sure to use "
                        f"``arg_transform`` on node_copy() to remap values\n{self}"
                    )
                if read not in defined:
                    raise RuntimeError(
                        f"Argument '{read}'{context}was used before it has been defined! Please check that "
                        f"Nodes in the graph are topologically ordered\n{self}"
                    )
            defined.add(node)
            if node.name in names:
                raise RuntimeError(f"Node redefined name {node.name}!")
            names.add(node.name)
        if self.owning_module is not None:
            for node in self.nodes:
                self._lint_target(node)

    def _lint_target(self, node: Node) -> None:
        wanted, fits = ("Callable", callable) if node.op == "call_function" else ("str", _is_text)
        if not fits(node.target):
            raise ValueError(
                f"Node {node} target {node.target} has type {torch.typename(node.target)} but a {wanted} is "
                "expected"
            )
        if node.op not in ("get_attr", "call_module"):
            return
        owner = self.owning_module
        parts = node.target.split(".")
        for i, part in enumerate(parts):
            value, place = getattr(owner, part, None), ".".join(parts[:i])
            if value is None:
                raise RuntimeError(
                    f"Node {node} target {node.target} references nonexistent attribute {part} of {place}"
                )
            if node.op == "call_module" and not isinstance(value, torch.nn.Module):
                raise RuntimeError(
                    f"Node {node} target {node.target} {part} of {place} does not reference an nn.Module"
                )
            owner = value

    # --- text ---

    @staticmethod
    def _target_to_str(target) -> str:
        name = target.__name__ if callable(target) else target
        if not callable(target) and name.startswith("__") and name.endswith("__"):
            name = name[2:-2]
        return _snake_case(name)

    def python_code(self, root_module: str, **options) -> PythonCode:
        """The function as text; `root_module` is how it names the module whose attributes it reads."""
        namespace = _Namespace()
        before = [(node, node._repr_fn) for node in self.nodes]
        for node, _ in before:
            node._repr_fn = lambda n: namespace.create_name(n.name, n)
        try:
            return self._codegen._gen_python_code(self.nodes, root_module, namespace, **options)
        finally:
            for node, shown in before:
                node._repr_fn = shown

    def __str__(self) -> str:
        names: list = []
        returns = [""]
        lines = [node.format_node(names, returns) for node in self.nodes]
        return f"graph({', '.join(names)}){returns[0]}:" + "".join(f"\n    {line}" for line in lines if line)

    def print_tabular(self) -> None:
        """Prints the nodes as a table; needs the package tabulate."""
        try:
            from tabulate import tabulate
        except ImportError:
            print(
                "`print_tabular` relies on the library `tabulate`, which could not be found on this machine. "
                "Run `pip install tabulate` to install the library."
            )
            raise
        rows = [[n.op, n.name, n.target, n.args, n.kwargs] for n in self.nodes]
        print(tabulate(rows, headers=["opcode", "name", "target", "args", "kwargs"]))

    def process_inputs(self, *args):
        """What the placeholders get, from what the function is given."""
        return self._codegen.process_inputs(*args)

    def process_outputs(self, out):
        """What the function returns, from what the output node reads."""
        return self._codegen.process_outputs(out)

    def set_codegen(self, codegen: CodeGen) -> None:
        """Changes how the function is written."""
        self._codegen = codegen

    def on_generate_code(self, make_transformer):
        """Registers a function from the lines of the body to other lines; as a context, for its duration."""
        old = self._codegen._body_transformer
        self._codegen._body_transformer = make_transformer(old)

        @contextlib.contextmanager
        def restored():
            try:
                yield
            finally:
                self._codegen._body_transformer = old

        return restored()


def _has(module, path: str) -> bool:
    for part in path.split("."):
        if not hasattr(module, part):
            return False
        module = getattr(module, part)
    return True


def _is_text(value) -> bool:
    return isinstance(value, str)
