"""What the caller's source text says a constant without a name was made of: `1 - y`, `abs(r) < 1`, `norm(b)`.

Expressions over names that still hold tensors and numbers are evaluated again; one counts only where its
value is that of the constant. Nothing else in the text is run.
"""

from __future__ import annotations

import ast
import linecache
import math
import sys
import time

import facula

from .. import _C
from . import graph as graphs
from .trees import UNKNOWN, Symbol, evaluate, shape_of

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
_SHAPED = frozenset("reshape view flatten unsqueeze squeeze permute transpose t long int".split())
_LARGEST, _PATIENCE = 100_000, 0.3


class Called:
    """A reduction of a whole tensor, as it stands in the text."""

    def __init__(self, name):
        self.name, self.key = name, ("called", name)

    def __call__(self, value):
        return getattr(value, self.name)()


class After:
    """Elements of a tensor in new places, as they stand in the text: `x[:, None]`, `t.reshape(-1)`."""

    after = True

    def __init__(self, name, run):
        self.name, self.run, self.key = name, run, ("after", name)

    def __call__(self, value):
        return self.run(value)


class _Unread(Exception):
    pass


def find(constants, frames, steps) -> None:
    """Notes in `meant` of constants what an expression in the text of these frames gives.

    steps: of the graph, in order; a constant is not made of what was computed with it.
    """
    read = {id(source): step.node._sequence_nr() for step in reversed(steps) for source in step.inputs}
    # One number that was found from a result may be anything.
    wanted = [s for s in constants if s.value.numel() <= _LARGEST and (s.value.numel() > 1 or not s.solved)]
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
                value = evaluate(tree, reader.memo)
            except (_Unread, *UNKNOWN):
                continue
            if not reader.symbols or not isinstance(value, _C.Tensor):
                continue
            if value.numel() == 1 and isinstance(node, ast.Subscript):
                continue
            nodes = [t.grad_fn for _, t in reader.symbols.values() if t.requires_grad]
            last = max((n._sequence_nr() for n in nodes if n is not None), default=-1)
            for source in [s for s in wanted if last < read[id(s)] and _is_it(value.detach(), s)]:
                if (
                    not value.is_floating_point() and value.dtype != _C.bool
                ):  # labels and indices have names alone
                    source.symbol, source.anonymous = ast.unparse(node), False
                    wanted.remove(source)
                    continue
                source.value = value.detach()
                names = list(reader.symbols)

                def make(*trees, tree=tree, names=names):
                    return _renamed(tree, dict(zip(names, trees)))

                source.meant = (make, [(n, t) for n, (_, t) in reader.symbols.items()])
                wanted.remove(source)


def _is_it(value, source) -> bool:
    """Whether a value is that of a constant, which may have been found in the shape it was broadcast to."""
    found = source.value.detach()
    if source.solved and value.dtype == found.dtype and value.dim() <= found.dim() and value.numel() > 1:
        shape = (1,) * (found.dim() - value.dim()) + tuple(value.shape)
        if all(n in (1, m) for n, m in zip(shape, found.shape)):
            value = value.expand(found.shape)
    return graphs.same(value, found)


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
        kinds = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Call, ast.Subscript)
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


def _is_plain(node) -> bool:
    """Whether an index or argument is made of numbers, `:` and None alone."""
    plain = (ast.Constant, ast.Slice, ast.Tuple, ast.UnaryOp, ast.USub, ast.Load)
    return all(isinstance(n, plain) for n in ast.walk(node))


def _index(node):
    """The index that plain text is."""
    if isinstance(node, ast.Tuple):
        return tuple(map(_index, node.elts))
    if isinstance(node, ast.Slice):
        return slice(
            *(None if n is None else ast.literal_eval(n) for n in (node.lower, node.upper, node.step))
        )
    return ast.literal_eval(node)


class _Reader:
    """Python text as a tree of tensors and numbers; raises _Unread at anything else."""

    def __init__(self, spaces):
        self.spaces = spaces
        self.symbols: dict[str, tuple[Symbol, object]] = {}
        self.memo: dict = {}

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
                return self.small((_BINARY[type(op)], self.tree(a), self.tree(b)))
            case ast.UnaryOp(op=ast.USub(), operand=a):
                x = self.tree(a)
                return -x if isinstance(x, float) else ("neg", x)
            case ast.Compare(left=a, ops=[op], comparators=[b]) if type(op) in _COMPARE:
                return self.small((_COMPARE[type(op)], self.tree(a), self.tree(b)))
            case ast.Attribute(value=a, attr="T"):
                return ("T", self.tree(a))
            case ast.Subscript(value=a, slice=index) if _is_plain(index):
                place, x = _index(index), self.tree(a)
                if isinstance(x, (tuple, Symbol)):
                    return (After(f"[{ast.unparse(index).strip('()')}]", lambda t: t[place]), x)
            case ast.Call(func=ast.Name(id="abs"), args=[a], keywords=[]):
                return ("abs", self.tree(a))
            case ast.Call(func=ast.Attribute(value=owner, attr=name), args=args, keywords=[]):
                return self.call(owner, name, args)
        raise _Unread

    def small(self, tree):
        """The tree, if its value is not much larger than the constants looked for."""
        a, b = (shape_of(t, self.memo) for t in tree[1:])
        if tree[0] == "matmul":
            size = math.prod(a[:-1]) * math.prod(b[:-2]) * (b[-1] if len(b) > 1 else 1)
        else:
            size = math.prod(facula.broadcast_shapes(a, b))
        if size > 4 * _LARGEST:
            raise _Unread
        return tree

    def call(self, owner, name, args):
        if name in _SHAPED and all(_is_plain(a) for a in args):
            x = self.tree(owner)
            values = [ast.literal_eval(a) for a in args]
            written = f".{name}({', '.join(map(ast.unparse, args))})"
            if isinstance(x, (tuple, Symbol)):
                return (After(written, lambda t: getattr(t, name)(*values)), x)
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
