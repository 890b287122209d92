"""What the parts of an expression are, looked up by name and never by calling."""

from __future__ import annotations

import ast
import re
import sys

from .. import _C

__all__ = [
    "UNKNOWN",
    "Looker",
    "Shape",
    "broadcast_shape",
    "describe",
    "is_product",
    "linear_of",
    "matmul_shape",
]

UNKNOWN = object()


_FACTORIES = ("zeros", "ones", "randn", "rand", "empty")  # whose sizes are their arguments


class Looker(ast.NodeVisitor):
    """Notes what each sub-expression is. Names, attributes of modules and tensors, and constants are looked
    up; of operations on tensors only the shapes are followed. No call is made."""

    def __init__(self, frame):
        self.frame = frame
        self.found: list[tuple[str, str]] = []
        self.values: dict[int, object] = {}
        self.operations: list[ast.AST] = []

    def note(self, node, value):
        text = ast.unparse(node)
        if value is not UNKNOWN and not isinstance(node, ast.Constant):
            what = describe(value)
            if what and (text, what) not in self.found:
                self.found.append((text, what))
        self.values[id(node)] = value
        return value

    def generic_visit(self, node):
        super().generic_visit(node)
        self.values.setdefault(id(node), UNKNOWN)

    def visit(self, node):
        super().visit(node)
        return self.values.get(id(node), UNKNOWN)

    def visit_Name(self, node):
        for space in (self.frame.f_locals, self.frame.f_globals):
            if node.id in space:
                return self.note(node, space[node.id])
        import builtins

        self.values[id(node)] = getattr(builtins, node.id, UNKNOWN)

    def visit_Constant(self, node):
        self.values[id(node)] = node.value

    def visit_Attribute(self, node):
        base = self.visit(node.value)
        value = UNKNOWN
        if isinstance(base, (_C.Tensor, Shape)):
            if node.attr in ("T", "mT"):
                s = tuple(base.shape)
                value = Shape(s[::-1] if node.attr == "T" else (*s[:-2], *s[-2:][::-1]))
            elif node.attr == "shape":
                value = tuple(base.shape)
            elif node.attr == "data":
                value = Shape(tuple(base.shape))
        elif base is not UNKNOWN and base is not None:
            value = _plain_attribute(base, node.attr)
        self.note(node, value)

    def visit_Tuple(self, node):
        values = [self.visit(e) for e in node.elts]
        self.values[id(node)] = UNKNOWN if any(v is UNKNOWN for v in values) else tuple(values)

    def visit_List(self, node):
        values = [self.visit(e) for e in node.elts]
        self.values[id(node)] = UNKNOWN if any(v is UNKNOWN for v in values) else values

    def visit_UnaryOp(self, node):
        v = self.visit(node.operand)
        if isinstance(v, (_C.Tensor, Shape)):
            v = Shape(tuple(v.shape))
        elif isinstance(node.op, ast.USub) and isinstance(v, (int, float)):
            v = -v
        else:
            v = UNKNOWN
        self.values[id(node)] = v

    def visit_BinOp(self, node):
        a, b = self.visit(node.left), self.visit(node.right)
        self.operations.append(node)
        value = UNKNOWN
        if isinstance(a, (_C.Tensor, Shape)) or isinstance(b, (_C.Tensor, Shape)):
            value = matmul_shape(a, b) if isinstance(node.op, ast.MatMult) else broadcast_shape(a, b)
        elif isinstance(a, (int, float)) and isinstance(b, (int, float)) and not isinstance(node.op, ast.Pow):
            value = _arithmetic(node.op, a, b)
        self.note(node, UNKNOWN if value is None else value)
        if value is None:
            self.values[id(node)] = UNKNOWN

    def visit_Compare(self, node):
        values = [self.visit(node.left), *(self.visit(c) for c in node.comparators)]
        self.operations.append(node)
        value = broadcast_shape(*values) if len(values) == 2 else None
        self.values[id(node)] = UNKNOWN if value is None else value

    def visit_AugAssign(self, node):
        self.visit(node.target)
        self.visit(node.value)
        self.operations.append(node)

    def visit_Subscript(self, node):
        base, index = self.visit(node.value), self.visit(node.slice)
        self.operations.append(node)
        value = UNKNOWN
        if type(base) in (list, tuple, dict) and isinstance(index, (int, str)):
            try:
                value = base[index]
            except (LookupError, TypeError):
                value = UNKNOWN
        elif isinstance(base, (_C.Tensor, Shape)) and isinstance(index, int) and base.dim():
            value = Shape(tuple(base.shape)[1:])
        self.note(node, value)

    def visit_Call(self, node):
        function = self.visit(node.func)
        if isinstance(node.func, ast.Attribute):
            self.visit(node.func.value)
        args = [self.visit(a) for a in node.args]
        for k in node.keywords:
            self.visit(k.value)
        self.operations.append(node)
        self.note(node, self.result_of(node, function, args))

    def result_of(self, node, function, args):
        """The shape of a call's result for the few calls whose shape rule is plain; never by calling."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        tensor = (
            self.values.get(id(node.func.value), UNKNOWN) if isinstance(node.func, ast.Attribute) else UNKNOWN
        )
        if isinstance(tensor, (_C.Tensor, Shape)):
            args = [tensor, *args]
        elif not _from_facula(function) and function is not UNKNOWN:
            linear = linear_of(function)
            if (
                linear
                and args
                and isinstance(args[0], (_C.Tensor, Shape))
                and tuple(args[0].shape)[-1:] == (linear[0],)
            ):
                return Shape((*tuple(args[0].shape)[:-1], linear[1]))
            return UNKNOWN
        elif name in _FACTORIES and _from_facula(function) and args:
            sizes = args[0] if len(args) == 1 and isinstance(args[0], (list, tuple)) else args
            if all(type(n) is int and n >= 0 for n in sizes):
                return Shape(sizes)
        tensors = [a for a in args if isinstance(a, (_C.Tensor, Shape))]
        if name in ("matmul", "mm", "bmm", "mv") and len(args) == 2:
            return matmul_shape(*args) or UNKNOWN
        if name in ("t",) and len(tensors) == 1:
            return Shape(tuple(tensors[0].shape)[::-1])
        if name in (
            "clone",
            "detach",
            "contiguous",
            "float",
            "double",
            "relu",
            "exp",
            "log",
            "tanh",
            "sigmoid",
            "abs",
            "sqrt",
        ):
            return Shape(tuple(tensors[0].shape)) if tensors else UNKNOWN
        if name in ("view", "reshape", "zeros", "ones", "randn", "rand", "empty") and name in (
            "view",
            "reshape",
        ):
            sizes = (
                args[1:]
                if len(args) > 1 and isinstance(args[1], int)
                else (args[1] if len(args) == 2 else ())
            )
            if isinstance(sizes, (list, tuple)) and sizes and all(isinstance(s, int) for s in sizes):
                if -1 not in sizes:
                    return Shape(tuple(sizes))
        return UNKNOWN

    def failing(self, error):
        """The operation whose operands do not fit: the last noted one with a mismatch, else the last."""
        for node in self.operations:
            if self.operands(node) and _fits(node, self.operands(node)) is False:
                return node
        return self.operations[-1] if self.operations else None

    def read_from(self, error, node):
        """Operands that are results of calls, whose shapes the error's text tells."""
        found = re.search(r"\((\d+(?:x\d+)*) and (\d+(?:x\d+)*)\)", str(error))
        if found:
            shapes = [tuple(map(int, g.split("x"))) for g in found.groups()]
        else:
            found = re.search(r"shapes \[([\d, ]*)\] and \[([\d, ]*)\]", str(error))
            if not found:
                return []
            shapes = [tuple(int(n) for n in g.split(",") if n.strip()) for g in found.groups()]
        if isinstance(node, ast.BinOp):
            sides = (node.left, node.right)
        elif isinstance(node, ast.AugAssign):
            sides = (node.target, node.value)
        else:
            return []
        new = []
        for side, other, own, theirs in zip(sides, sides[::-1], shapes, shapes[::-1]):
            value, known = self.values.get(id(side), UNKNOWN), self.values.get(id(other), UNKNOWN)
            if value is UNKNOWN and (known is UNKNOWN or tuple(getattr(known, "shape", ())) == theirs):
                new.append((ast.unparse(side), str(list(own))))
                self.values[id(side)] = Shape(own)
        return new

    def operands(self, node):
        """[(source, value)] of an operation; values that are not known are UNKNOWN."""
        if isinstance(node, ast.BinOp):
            parts = [node.left, node.right]
        elif isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.AugAssign):
            parts = [node.target, node.value]
        elif isinstance(node, ast.Subscript):
            parts = [node.value, node.slice]
        elif isinstance(node, ast.Call):
            parts = list(node.args)
            if isinstance(node.func, ast.Attribute):
                base = self.values.get(id(node.func.value), UNKNOWN)
                if isinstance(base, (_C.Tensor, Shape)):
                    parts = [node.func.value, *parts]
            flat = []
            for p in parts:
                flat += p.elts if isinstance(p, (ast.List, ast.Tuple)) else [p]
            parts = flat
        else:
            return []
        return [(ast.unparse(p), self.values.get(id(p), UNKNOWN)) for p in parts]


class Shape:
    """Stands for a tensor that was not computed."""

    def __init__(self, shape):
        self.shape = tuple(shape)

    def dim(self):
        return len(self.shape)

    def numel(self):
        n = 1
        for s in self.shape:
            n *= s
        return n


def _plain_attribute(base, name):
    """An attribute that is stored, not computed: of modules, and in instance dictionaries."""
    if isinstance(base, type(sys)):
        return vars(base).get(name, _lazily(base, name))
    space = getattr(base, "__dict__", None)
    if isinstance(space, dict):
        if name in space:
            return space[name]
        for inner in ("_parameters", "_buffers", "_modules"):
            if isinstance(space.get(inner), dict) and name in space[inner]:
                return space[inner][name]
    nn = sys.modules.get("facula.nn")
    if nn is not None and isinstance(base, nn.Module):
        for inner in ("_parameters", "_buffers", "_modules"):
            found = getattr(base, inner, {})
            if name in found:
                return found[name]
    return UNKNOWN


def _lazily(module, name):
    loaded = sys.modules.get(f"{module.__name__}.{name}")
    return loaded if loaded is not None else UNKNOWN


def _from_facula(function) -> bool:
    module = getattr(function, "__module__", None) or ""
    if isinstance(function, type(len)) or module.startswith(("facula", "torch")):
        nn = sys.modules.get("facula.nn")
        return not (nn is not None and isinstance(function, nn.Module))
    return False


def linear_of(function):
    a, b = getattr(function, "in_features", None), getattr(function, "out_features", None)
    return (a, b) if isinstance(a, int) and isinstance(b, int) else None


def describe(value) -> str:
    """`[2, 3] float32`, `Linear(in_features=3, out_features=4)`; "" for what has no shape."""
    if isinstance(value, _C.Tensor):
        return f"{list(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, Shape):
        return str(list(value.shape))
    if isinstance(value, (bool, int, float)):
        return repr(value)
    if type(value) in (list, tuple) and value and all(isinstance(v, (_C.Tensor, Shape)) for v in value):
        return ", ".join(str(list(v.shape)) for v in value[:6])
    nn = sys.modules.get("facula.nn")
    if nn is not None and isinstance(value, nn.Module):
        text = repr(value)
        return text if "\n" not in text and len(text) < 90 else type(value).__name__
    return ""


def broadcast_shape(a, b):
    """The shape of an elementwise result; None where there is none."""
    shapes = []
    for v in (a, b):
        if isinstance(v, (_C.Tensor, Shape)):
            shapes.append(tuple(v.shape))
        elif isinstance(v, (int, float, complex, bool)):
            shapes.append(())
        else:
            return None
    out = []
    n = max(map(len, shapes))
    rows = [(1,) * (n - len(s)) + s for s in shapes]
    for x, y in zip(*rows):
        if x != y and 1 not in (x, y):
            return None
        out.append(y if x == 1 else x)
    return Shape(out)


def matmul_shape(a, b):
    """The shape of a matrix product; None where there is none."""
    if not all(isinstance(v, (_C.Tensor, Shape)) for v in (a, b)):
        return None
    s, t = tuple(a.shape), tuple(b.shape)
    if not s or not t or s[-1] != (t[-2] if len(t) > 1 else t[0]):
        return None
    batch = broadcast_shape(Shape(s[:-2]), Shape(t[:-2]))
    if batch is None:
        return None
    return Shape((*batch.shape, *(s[-2:-1]), *(t[-1:] if len(t) > 1 else ())))


def _arithmetic(op, a, b):
    try:
        match op:
            case ast.Add():
                return a + b
            case ast.Sub():
                return a - b
            case ast.Mult():
                return a * b
            case ast.FloorDiv():
                return a // b
    except ArithmeticError:
        pass
    return UNKNOWN


def is_product(node) -> bool:
    if isinstance(node, (ast.BinOp, ast.AugAssign)):
        return isinstance(node.op, ast.MatMult)
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return name in ("matmul", "mm", "bmm", "mv", "dot")
    return False


def _fits(node, operands):
    """False: they do not. None: cannot be told."""
    values = [v for _, v in operands]
    if len(values) == 2 and all(isinstance(v, (_C.Tensor, Shape)) for v in values):
        if is_product(node):
            return matmul_shape(*values) is not None
        if isinstance(node, (ast.BinOp, ast.Compare, ast.AugAssign)):
            return broadcast_shape(*values) is not None
    return None
