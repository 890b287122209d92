"""Running a graph node by node, and making another graph on the way."""

from __future__ import annotations

from contextlib import contextmanager

from .graph import Graph
from .graph_module import GraphModule
from .node import Node, map_aggregate, map_arg
from .proxy import Proxy, Scope, TracerBase

__all__ = ["Interpreter", "Transformer"]


class Interpreter:
    """Runs a GraphModule node by node; a method for each kind of node may be overridden.

    Args:
        module: what the graph reads from.
        garbage_collect_values: let go of each value after its last use.
        graph: run this one instead of the module's own.
    """

    def __init__(self, module, garbage_collect_values: bool = True, graph: Graph | None = None) -> None:
        self.module = module
        self.submodules = dict(module.named_modules())
        self.graph = module.graph if graph is None else graph
        self.env: dict = {}
        self.name = "Interpreter"
        self.garbage_collect_values = garbage_collect_values
        self.extra_traceback = True
        self.user_to_last_uses: dict[Node, list[Node]] = {}
        seen: set[Node] = set()
        for user in reversed(self.graph.nodes) if garbage_collect_values else ():
            for node in user.all_input_nodes:
                if node not in seen:
                    seen.add(node)
                    self.user_to_last_uses.setdefault(user, []).append(node)

    def run(self, *args, initial_env: dict | None = None, enable_io_processing: bool = True):
        """Runs the graph and returns what it returns.

        Args:
            args: what the placeholders get, in order.
            initial_env: values of nodes that are known already.
            enable_io_processing: take arguments apart and put results together as the module itself does.
        """
        self.env = {} if initial_env is None else initial_env
        self.args_iter = iter(self.graph.process_inputs(*args) if enable_io_processing else args)
        for node in self.graph.nodes:
            if node in self.env:
                continue
            try:
                self.env[node] = self.run_node(node)
            except Exception as error:
                if self.extra_traceback:
                    text = f"While executing {node.format_node()}"
                    text = f"{error.args[0]}\n\n{text}" if error.args else text
                    error.args = (f"{text}\nOriginal traceback:\n{node.stack_trace}", *error.args[1:])
                    if isinstance(error, KeyError):
                        raise RuntimeError(*error.args) from error
                raise
            for done in self.user_to_last_uses.get(node, ()):
                del self.env[done]
            if node.op == "output":
                value = self.env[node]
                return self.graph.process_outputs(value) if enable_io_processing else value
        return None

    def boxed_run(self, args_list: list):
        """Runs with a list of arguments, which is emptied."""
        places = self.graph.find_nodes(op="placeholder")
        if len(args_list) != len(places):
            what = "extra" if len(args_list) > len(places) else "missing"
            raise RuntimeError(
                f"Interpreter.boxed_run expected {len(places)} arguments for placeholders but received "
                f"{len(args_list)} ({what} arguments)"
            )
        env = dict(zip(places, args_list))
        args_list.clear()
        return self.run(initial_env=env)

    @contextmanager
    def _set_current_node(self, node: Node):
        yield

    def run_node(self, n: Node):
        """Runs one node."""
        with self._set_current_node(n):
            args, kwargs = self.fetch_args_kwargs_from_env(n)
            return getattr(self, n.op)(n.target, args, kwargs)

    def placeholder(self, target: str, args, kwargs):
        """The next argument, or the default."""
        if target.startswith("*"):
            return list(self.args_iter)
        try:
            return next(self.args_iter)
        except StopIteration:
            if args:
                return args[0]
            raise RuntimeError(
                f"Expected positional argument for parameter {target}, but one was not passed in!"
            ) from None

    def get_attr(self, target: str, args, kwargs):
        """Reads an attribute."""
        return self.fetch_attr(target)

    def call_function(self, target, args, kwargs):
        """Calls a function."""
        return target(*args, **kwargs)

    def call_method(self, target: str, args, kwargs):
        """Calls a method of the first argument."""
        owner, *rest = args
        return getattr(owner, target)(*rest, **kwargs)

    def call_module(self, target: str, args, kwargs):
        """Calls a module."""
        return self.fetch_attr(target)(*args, **kwargs)

    def output(self, target: str, args, kwargs):
        """What is returned."""
        return args[0]

    def fetch_attr(self, target: str):
        """What a path names in the module."""
        value = self.module
        parts = target.split(".")
        for i, part in enumerate(parts):
            if not hasattr(value, part):
                raise RuntimeError(f"Node referenced nonexistent target {'.'.join(parts[: i + 1])}")
            value = getattr(value, part)
        return value

    def fetch_args_kwargs_from_env(self, n: Node):
        """The arguments of a node with values in place of nodes."""
        return self.map_nodes_to_values(n.args, n), self.map_nodes_to_values(n.kwargs, n)

    def map_nodes_to_values(self, args, n: Node):
        """Arguments with values in place of nodes."""

        def value(node: Node):
            if node not in self.env:
                raise RuntimeError(
                    f"Node {n} referenced nonexistent value {node}! Run Graph.lint() to diagnose such issues"
                )
            return self.env[node]

        return map_arg(args, value)


class _TransformerTracer(TracerBase):
    def __init__(self, graph: Graph) -> None:
        from collections import OrderedDict

        self.graph = graph
        self.scope = Scope("", None)
        self.module_stack: OrderedDict = OrderedDict()
        self.node_name_to_scope: dict = {}
        self.tensor_attrs: dict = {}

    def is_leaf_module(self, m, module_qualified_name) -> bool:
        """Modules stay whole."""
        return True


class Transformer(Interpreter):
    """Runs a graph on proxies and so makes another; what a method calls is what the new graph has."""

    def __init__(self, module) -> None:
        super().__init__(module)
        self.new_graph = Graph()
        self.new_graph.set_codegen(module.graph._codegen)
        self.tracer = _TransformerTracer(self.new_graph)
        self.tracer.root = module  # pyright: ignore

    def placeholder(self, target: str, args, kwargs):
        """An argument of the new graph."""
        default = args[0] if args else ...
        return Proxy(self.new_graph.placeholder(target, default_value=default), self.tracer)

    def get_attr(self, target: str, args, kwargs):
        """A read in the new graph."""
        return self.tracer.create_proxy("get_attr", target, args, kwargs)

    def call_module(self, target: str, args, kwargs):
        """A call in the new graph."""
        return self.tracer.create_proxy("call_module", target, args, kwargs)

    def call_function(self, target, args, kwargs):
        """A call in the new graph."""
        return self.tracer.create_proxy("call_function", target, args, kwargs)

    def transform(self) -> GraphModule:
        """The module that runs the new graph."""
        result = super().run(enable_io_processing=False)
        if result is not None:
            old = self.graph.output_node()
            value = map_aggregate(result, lambda a: a.node if isinstance(a, Proxy) else a)
            new = self.new_graph.output(value, type_expr=old.type)
            new.meta.update(old.meta)
        return GraphModule(self.module, self.new_graph)
