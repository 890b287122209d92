"""From a graph to the text of a Python function."""

from __future__ import annotations

import enum
import types
import typing
from dataclasses import dataclass

import facula as torch

from ._names import BUILTINS, Namespace, format_target, is_from_torch, qualified_name, type_name
from .node import Node

TYPE_CHECKING = False
if TYPE_CHECKING:
    from facula.utils._pytree import TreeSpec

__all__ = ["CodeGen", "PythonCode"]

reflectable_magic_methods = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "floordiv": "{} // {}",
    "truediv": "{} / {}",
    "div": "{} / {}",
    "mod": "{} % {}",
    "pow": "{} ** {}",
    "lshift": "{} << {}",
    "rshift": "{} >> {}",
    "and_": "{} & {}",
    "or_": "{} | {}",
    "xor": "{} ^ {}",
    "getitem": "{}[{}]",
    "matmul": "{} @ {}",
}
magic_methods = {
    "eq": "{} == {}",
    "ne": "{} != {}",
    "lt": "{} < {}",
    "gt": "{} > {}",
    "le": "{} <= {}",
    "ge": "{} >= {}",
    "pos": "+{}",
    "neg": "-{}",
    "invert": "~{}",
    **reflectable_magic_methods,
}
inplace_methods = {
    **{
        f"i{name.strip('_')}": text.replace(" ", " ", 1).replace(" {}", "= {}", 1)
        for name, text in reflectable_magic_methods.items()
        if name not in ("div", "getitem")
    },
    "setitem": "{}[{}] = {}",
}


@dataclass
class PythonCode:
    """The text of a function and the objects that it names."""

    src: str
    globals: dict
    _lineno_map: dict | None = None
    _prologue_start: int = 0


class PyTreeInfo(typing.NamedTuple):
    """How the arguments that the caller gives are taken apart, and the results put together."""

    orig_args: list
    in_spec: TreeSpec
    out_spec: TreeSpec | None


class CodeGen:
    """Writes the function; subclasses change its head and what it returns."""

    def __init__(self) -> None:
        self._body_transformer = None
        self._func_name = "forward"

    def gen_fn_def(self, free_vars: list, maybe_return_annotation: str, **_) -> str:
        """The head of the function."""
        if not free_vars or free_vars[0] != "self":
            free_vars.insert(0, "self")
        return f"def {self._func_name}({', '.join(free_vars)}){maybe_return_annotation}:"

    def generate_output(self, output_args, *, repr_fn=repr, **_) -> str:
        """The return statement."""
        return f"return {repr_fn(output_args)}"

    def process_inputs(self, *args):
        """What the graph reads, from what the function is given."""
        return args

    def process_outputs(self, outputs):
        """What the function returns, from what the graph computed."""
        return outputs

    def additional_globals(self) -> list:
        """Further (name, object) pairs for the text."""
        return []

    def _gen_python_code(self, nodes, root_module: str, namespace: Namespace, **_) -> PythonCode:
        writer = _Writer(namespace, root_module, self)
        for name, obj in BUILTINS.items():
            writer.add_global(name, obj)
        writer.write(list(nodes))
        body = writer.body or ["pass\n"]
        head = ""
        if writer.wrapped:
            wrap = writer.add_global("wrap", torch.fx.wrap)
            head = "\n".join(f'{wrap}("{name}")' for name in writer.wrapped)
        if self._body_transformer:
            body = self._body_transformer(body)
        for name, value in self.additional_globals():
            writer.add_global(name, value)
        prologue = self.gen_fn_def(writer.free_vars, writer.returns)
        lines = "".join(body).lstrip("\n").split("\n")
        code = "\n".join("    " + line for line in lines)
        return PythonCode(f"\n{head}\n\n{prologue}\n{code}", writer.globals, None, head.count("\n") + 4)


class _PyTreeCodeGen(CodeGen):
    def __init__(self, pytree_info: PyTreeInfo) -> None:
        super().__init__()
        self.pytree_info = pytree_info

    def process_inputs(self, *args):
        return torch.utils._pytree.tree_flatten(args)[0]

    def process_outputs(self, outputs):
        spec = self.pytree_info.out_spec
        return outputs if spec is None else torch.utils._pytree.tree_unflatten(outputs, spec)

    def gen_fn_def(self, free_vars: list, maybe_return_annotation: str, **_) -> str:
        given = list(self.pytree_info.orig_args)
        if given and given[0] == "self":
            free_vars.insert(0, "self")
        head = super().gen_fn_def(given[:], maybe_return_annotation)
        if free_vars:
            bare = [x.split(":")[0] for x in free_vars]
            head += (
                f"\n    {', '.join(bare)}, = fx_pytree.tree_flatten_spec([{', '.join(given)}], self._in_spec)"
            )
        return head

    def generate_output(self, output_args, *, repr_fn=repr, **_) -> str:
        if self.pytree_info.out_spec is None:
            return super().generate_output(output_args, repr_fn=repr_fn)
        return f"return pytree.tree_unflatten({repr_fn(output_args)}, self._out_spec)"

    def additional_globals(self) -> list:
        from . import _pytree

        return [("fx_pytree", _pytree), ("pytree", torch.utils._pytree)]


class _Writer:
    """The lines of one function while they are written."""

    def __init__(self, namespace: Namespace, root: str, codegen: CodeGen) -> None:
        self.namespace, self.root, self.codegen = namespace, root, codegen
        self.body: list[str] = []
        self.free_vars: list[str] = []
        self.globals: dict = {}
        self.wrapped: dict[str, None] = {}
        self.returns = ""

    def add_global(self, hint: str, obj) -> str:
        if is_from_torch(obj) and obj is not torch.device:
            return qualified_name(obj) if not isinstance(obj, type) else type_name(obj)
        name = self.namespace.create_name(hint, obj)
        self.globals.setdefault(name, obj)
        return name

    def write(self, nodes: list[Node]) -> None:
        # Walking backwards, the first reader met is the last to run: after it the value is let go.
        last_reads: dict[Node, list[Node]] = {}
        seen: set[Node] = set()
        for node in reversed(nodes):
            for read in node._input_nodes:
                if read not in seen:
                    seen.add(read)
                    last_reads.setdefault(node, []).append(read)
        for node in nodes:
            self.line(node)
            if node.op == "placeholder":
                continue
            done = [] if node.op == "output" else last_reads.get(node, [])
            if not node.users and node.op != "output":
                done = [*done, node]
            self.body.append(f";  {' = '.join([*map(repr, done), 'None'])}\n" if done else "\n")

    def line(self, node: Node) -> None:
        kind = "" if node.type is None else f" : {self.annotation(node.type)}"
        if node.op == "placeholder":
            default = f" = {self.value(node.args[0])}" if node.args else ""
            self.free_vars.append(f"{node.target}{kind}{default}")
            bare = node.target.replace("*", "")
            if bare != repr(node):
                self.body.append(f"{node!r} = {bare}\n")
            return
        if node.op == "output":
            if node.type is not None:
                self.returns = f" -> {self.annotation(node.type)}"
            self.body.append(self.codegen.generate_output(node.args[0], repr_fn=self.value))
            return
        if node.op == "call_function":
            text = self.call(node)
            if text.startswith(";"):
                self.body.append(f"{text[1:]};  {node!r}{kind} = {self.value(node.args[0])}")
                return
        elif node.op == "call_method":
            owner = format_target(self.value(node.args[0]), node.target)
            text = f"{owner}({self.arguments(node.args[1:], node.kwargs)})"
        else:
            text = format_target(self.root, node.target)
            if node.op == "call_module":
                text += f"({self.arguments(node.args, node.kwargs)})"
        self.body.append(f"{node!r}{kind} = {text}")

    def call(self, node: Node) -> str:
        """A call as an expression; what is written in place begins with a semicolon."""
        target = node.target
        if getattr(target, "__module__", "") == "_operator":
            name = target.__name__
            for table, mark in ((magic_methods, ""), (inplace_methods, ";")):
                if name in table:
                    return mark + table[name].format(*map(self.value, node.args))
        name = self.add_global(qualified_name(target), target)
        args = node.args
        if name == "getattr" and len(args) == 2 and isinstance(args[1], str) and args[1].isidentifier():
            return format_target(self.value(args[0]), args[1])
        if node.meta.get("is_wrapped", False):
            self.wrapped.setdefault(name)
        return f"{name}({self.arguments(args, node.kwargs)})"

    def arguments(self, args, kwargs) -> str:
        return ", ".join([*map(self.value, args), *(f"{k} = {self.value(v)}" for k, v in kwargs.items())])

    def value(self, arg) -> str:
        if isinstance(arg, Node):
            return repr(arg)
        if isinstance(arg, tuple):
            if hasattr(arg, "_fields"):
                return f"{self.add_global(qualified_name(type(arg)), type(arg))}{tuple(arg)!r}"
            return f"({', '.join(map(self.value, arg))}{',' if len(arg) == 1 else ''})"
        if isinstance(arg, list):
            return f"[{', '.join(map(self.value, arg))}]"
        if isinstance(arg, slice):
            return f"slice({self.value(arg.start)}, {self.value(arg.stop)}, {self.value(arg.step)})"
        if isinstance(arg, enum.Enum):
            return f"{self.add_global(type(arg).__name__, type(arg))}.{arg.name}"
        if isinstance(arg, torch.Tensor):
            return f"torch.Tensor(size={list(arg.size())}, dtype={str(arg.dtype).split('.')[-1]})"
        return repr(arg)

    def annotation(self, kind) -> str:
        if kind == ():
            return "()"
        name = type_name(kind)
        if isinstance(kind, types.UnionType):
            return "|".join(map(self.annotation, typing.get_args(kind)))
        origin = getattr(kind, "__origin__", None)
        if origin is None:
            return self.add_global(name, kind)
        if type(kind).__module__ == "typing":
            origin = _GENERIC.get(origin, origin)
        name = self.add_global(type_name(origin), origin)
        parts = typing.get_args(kind)
        return f"{name}[{','.join(map(self.annotation, parts))}]" if parts else name


_GENERIC = {
    list: typing.List,  # noqa: UP006  as the program wrote it
    dict: typing.Dict,  # noqa: UP006
    set: typing.Set,  # noqa: UP006
    frozenset: typing.FrozenSet,  # noqa: UP006
    tuple: typing.Tuple,  # noqa: UP006
}
