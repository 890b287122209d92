"""What the caller's source text says a constant without a name was made of: `1 - y`, `abs(r) < 1`, `norm(b)`.

Expressions over names that still hold tensors and numbers are evaluated again; one counts only where its
value is that of the constant. Nothing else in the text is run.
"""

from __future__ import annotations

import ast
import linecache
import sys
import time

from .. import _C
from . import graph as graphs
from .trees import UNKNOWN, Symbol, evaluate

__all__ = ["find"]

_BINARY = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
    ast.MatMult: "matmul",
}
_COMPARE = {ast.Lt: "lt", ast.Gt: "gt", ast.LtE: "le", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne"}
_POINTWISE = frozenset("abs exp log sqrt sin cos tan tanh sigmoid relu square sign log1p expm1".split())
_REDUCED = frozenset("sum mean norm std var max min prod".split())
_LARGEST, _PATIENCE = 100_000, 0.3


class Called:
    """A reduction of a whole tensor, as it stands in the text."""

    def __init__(self, name):
        self.name, self.key = name, ("called", name)

    def __call__(self, value):
        return getattr(value, self.name)()


class _Unread(Exception):
    pass


def find(constants, frames) -> None:
    """Notes in `meant` of constants what an expression in the text of these frames gives."""
    wanted = [s for s in constants if s.value.numel() <= _LARGEST]
    deadline = time.perf_counter() + _PATIENCE
    seen: set[str] = set()
    for frame in frames:
        spaces = (frame.f_locals, frame.f_globals)
        for node in _expressions(frame):
            if not wanted or time.perf_counter() > deadline:
                return
            text = ast.dump(node)
            if text in seen:
                continue
            seen.add(text)
            reader = _Reader(spaces)
            try:
                tree = reader.tree(node)
                value = evaluate(tree)
            except (_Unread, *UNKNOWN):
                continue
            if not reader.symbols or not isinstance(value, _C.Tensor):
                continue
            for source in [s for s in wanted if graphs.same(value.detach(), s.value.detach())]:
                names = list(reader.symbols)

                def make(*trees, tree=tree, names=names):
                    return _renamed(tree, dict(zip(names, trees)))

                source.meant = (make, [(n, t) for n, (_, t) in reader.symbols.items()])
                wanted.remove(source)


def _renamed(tree, names):
    if isinstance(tree, Symbol):
        return names.get(tree.name, tree)
    return (tree[0], *(_renamed(t, names) for t in tree[1:])) if isinstance(tree, tuple) else tree


def _expressions(frame):
    """Those of the function that runs in a frame, the last first; of a notebook, those of its cells too."""
    texts = ["".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals))]
    cells = frame.f_globals.get("In")
    if "get_ipython" in frame.f_globals and isinstance(cells, list):
        texts += reversed([c for c in cells[-40:] if isinstance(c, str)])
    for text in texts:
        if not 0 < len(text) < 200_000:
            continue
        try:
            top = ast.parse(text)
        except SyntaxError:
            continue
        if frame.f_code.co_name != "<module>":
            top = _function_at(top, frame.f_code.co_firstlineno)
            if top is None:
                continue
        kinds = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Call)
        yield from reversed([n for n in _own(top) if isinstance(n, kinds)][:600])


def _own(top):
    """The nodes of a function or a file without the functions inside it, in the order of the text."""
    for node in ast.iter_child_nodes(top):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.AsyncFunctionDef)):
            continue
        yield node
        yield from _own(node)


def _function_at(top, line):
    for node in ast.walk(top):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == line:
                return node
    return None


class _Reader:
    """Python text as a tree of tensors and numbers; raises _Unread at anything else."""

    def __init__(self, spaces):
        self.spaces = spaces
        self.symbols: dict[str, tuple[Symbol, object]] = {}

    def held(self, name):
        for space in self.spaces:
            if name in space:
                return space[name]
        raise _Unread

    def tree(self, node):
        match node:
            case ast.Constant(value=int() | float() as x) if not isinstance(x, bool):
                return float(x)
            case ast.Name(id=name):
                value = self.held(name)
                if isinstance(value, _C.Tensor) and value.numel() <= _LARGEST:
                    return self.symbols.setdefault(name, (Symbol(name, value.detach()), value))[0]
                if isinstance(value, (int, float)) and not isinstance(value, bool):
                    return float(value)
            case ast.BinOp(left=a, op=op, right=b) if type(op) in _BINARY:
                return (_BINARY[type(op)], self.tree(a), self.tree(b))
            case ast.UnaryOp(op=ast.USub(), operand=a):
                x = self.tree(a)
                return -x if isinstance(x, float) else ("neg", x)
            case ast.Compare(left=a, ops=[op], comparators=[b]) if type(op) in _COMPARE:
                return (_COMPARE[type(op)], self.tree(a), self.tree(b))
            case ast.Attribute(value=a, attr="T"):
                return ("T", self.tree(a))
            case ast.Call(func=ast.Name(id="abs"), args=[a], keywords=[]):
                return ("abs", self.tree(a))
            case ast.Call(func=ast.Attribute(value=owner, attr=name), args=args, keywords=[]):
                return self.call(owner, name, args)
        raise _Unread

    def call(self, owner, name, args):
        if isinstance(owner, ast.Name) and isinstance(self.held(owner.id), type(sys)):  # torch.exp(x)
            if len(args) != 1:
                raise _Unread
            x = self.tree(args[0])
        elif args:
            raise _Unread
        else:
            x = self.tree(owner)
        if not isinstance(x, (tuple, Symbol)):
            raise _Unread
        if name in _POINTWISE:
            return (name, x)
        if name == "float" and isinstance(x, tuple) and x[0] in _COMPARE.values():
            return ("where", x, 1.0, 0.0)
        if name in _REDUCED:
            return (Called(name), x)
        raise _Unread
