"""The shapes in the expression that raised an error, evaluated from names alone."""

from __future__ import annotations

import ast
import linecache
import re
import sys
import textwrap

from .. import _C
from .expressions import (
    UNKNOWN,
    Looker,
    Shape,
    broadcast_shape,
    describe,
    is_product,
    linear_of,
    matmul_shape,
)

__all__ = ["ShapeReport", "explain_error"]


class ShapeReport:
    """`str()` is the report.

    Attributes:
        expression: the source of the failing expression, "" where it is not known.
        shapes: [(source of a sub-expression, what it is)], in the order of evaluation.
        mismatch: which dimensions do not fit, "" where that was not found out.
        suggestion: one change, or "".
    """

    def __init__(self, error, place="", expression="", shapes=(), mismatch="", suggestion=""):
        self.error, self.place, self.expression = error, place, expression
        self.shapes, self.mismatch, self.suggestion = list(shapes), mismatch, suggestion

    def __str__(self) -> str:
        first = str(self.error).strip().split("\n")[0]
        lines = [f"{type(self.error).__name__}: {first}"]
        if self.place:
            lines.append(f"in {self.place}")
        if self.expression:
            lines += ["", *("    " + line for line in self.expression.split("\n"))]
        width = max((len(s) for s, _ in self.shapes), default=0)
        lines += [f"        {s.ljust(width)}  {what}" for s, what in self.shapes]
        if self.mismatch:
            lines += ["", self.mismatch]
        if self.suggestion:
            lines.append(f"-> {self.suggestion}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from html import escape

        from .web import wrap

        return wrap(f"<pre>{escape(str(self))}</pre>")


def last_error():
    """The exception being handled, or the last one that nobody caught."""
    current = sys.exc_info()[1]
    if current is not None:
        return current
    last = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    if last is not None:
        return last
    shell = sys.modules.get("IPython")
    if shell is not None and hasattr(shell, "get_ipython"):
        ip = shell.get_ipython()
        found = getattr(ip, "_last_traceback", None)
        if found is not None:
            return getattr(found, "value", None)
    return None


def explain_error(error=None) -> ShapeReport:
    """Explains an exception, or the last one.

    Raises:
        RuntimeError: there is no exception to explain.
    """
    error = last_error() if error is None else error
    if error is None:
        raise RuntimeError("explain() without arguments explains the last exception, and there was none")
    frames = []
    tb = error.__traceback__
    while tb is not None:
        frames.append(tb)
        tb = tb.tb_next
    best = None
    for tb in frames:
        name = tb.tb_frame.f_globals.get("__name__", "")
        if best is None or not name.startswith(("facula.", "IPython", "ipykernel", "runpy")):
            best = tb
    if best is None:
        return ShapeReport(error)
    frame, line = best.tb_frame, best.tb_lineno
    file = frame.f_code.co_filename
    place = f"{_short_name(file)}, line {line}, in {frame.f_code.co_name}"
    statement = _statement(frame, best)
    if statement is None:
        return ShapeReport(error, place)
    node, source = statement
    looker = Looker(frame)
    looker.visit(node)
    expression = ast.unparse(node) if source is None else source
    guilty = looker.failing(error)
    own = ast.unparse(guilty) if guilty is not None else ""
    shown = [(text, what) for text, what in looker.found if text != own or isinstance(guilty, ast.AugAssign)]
    shown += looker.read_from(error, guilty)
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):  # x[0] = value
        expression, value = _assignment(frame, node, looker) or (expression, None)
        shown += [value] if value and value not in shown else []
    mismatch, suggestion = diagnose(error, guilty, looker)
    if not mismatch:
        inner, mismatch, suggestion = _in_layer(frames[frames.index(best) + 1 :])
        # The layer that stands in the expression, given what stands there, is not shown twice.
        whats = [what for _, what in shown]
        repeated = inner and inner[0][0].removeprefix("inside: ") in whats
        if not repeated or not any(w.startswith(inner[0][1].removeprefix("given ")) for w in whats):
            shown += inner
    if not mismatch and not suggestion:
        mismatch, suggestion = _own_words(error)
        state = _carried(frame, line) if "a second time" in str(error).split("\n")[0] else ""
        if state:
            mismatch += (
                f"\n{state} goes from one turn of the loop to the next, with the graph of all turns before."
            )
            suggestion = f"at the end of a turn: {state} = {state}.detach()"
    return ShapeReport(error, place, expression, shown, mismatch, suggestion)


def _assignment(frame, target, looker):
    """(source, (value, what it is)) of the assignment to a target."""
    text = "".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals))
    at = (target.lineno, target.col_offset)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assign) and at in [(t.lineno, t.col_offset) for t in node.targets]:
            value = looker.visit(node.value)
            plain = value is UNKNOWN or isinstance(node.value, ast.Constant)
            what = "" if plain else describe(value)
            return ast.get_source_segment(text, node), (ast.unparse(node.value), what) if what else None
    return None


def _carried(frame, line) -> str:
    """A result that the loop around a line computes from what it was in the turn before, as h = f(h)."""
    try:
        tree = ast.parse("".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals)))
    except SyntaxError:
        return ""
    loops = [n for n in ast.walk(tree) if isinstance(n, (ast.For, ast.While))]
    for loop in [n for n in loops if n.lineno <= line <= (n.end_lineno or n.lineno)][::-1]:
        for node in ast.walk(loop):
            if not isinstance(node, ast.Assign):
                continue
            read = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
            written = [n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)]
            for name in written:
                value = frame.f_locals.get(name)
                if name in read and isinstance(value, _C.Tensor) and value.grad_fn is not None:
                    return name
    return ""


def _own_words(error) -> tuple[str, str]:
    """What the error itself says beyond its first line: the arguments, and one change."""
    lines = str(error).strip().split("\n")[1:]
    lines = [re.sub(r"\S*ipykernel\S*?\.py(?=:\d)", lambda m: _cell(m.group()), line) for line in lines]
    change = [line.removeprefix("Suggestion: ") for line in lines if line.startswith("Suggestion: ")]
    rest = [line for line in lines if line.strip() and not line.startswith("Suggestion: ")]
    rest = [re.sub(r"(?<=[\w\]]); (?=\w+(?:\[\d+\])? has shape)", ";\n    ", line) for line in rest]
    return "\n".join(rest), " ".join(change)


def _in_layer(frames):
    """What the layer that raised was given, where a module called it: (rows, mismatch, change)."""
    for tb in reversed(frames):
        layer = tb.tb_frame.f_locals.get("self")
        given = tb.tb_frame.f_locals.get("input", tb.tb_frame.f_locals.get("query"))
        if not isinstance(given, _C.Tensor) or not _is_layer(layer):
            continue
        shape, name = list(given.shape), type(layer).__name__
        rows = [(f"inside: {describe(layer) or name}", f"given {list(given.shape)}")]
        linear, channels = linear_of(layer), getattr(layer, "in_channels", None)
        features = getattr(layer, "input_size", getattr(layer, "embed_dim", None))
        if isinstance(features, int) and shape and shape[-1] != features:
            text = (
                f"{name} takes {features} features in the last dimension; its input is {shape}: {shape[-1]}."
            )
            return rows, text, f"make it {name}({shape[-1]}, ...)"
        if linear and shape[-1:] != [linear[0]]:
            have = shape[-1] if shape else "none"
            text = f"{name} takes {linear[0]} features in the last dimension; its input is {shape}: {have}."
            return (
                rows,
                text,
                _flattened("its input", shape, linear[0]) or f"make it Linear({have}, {linear[1]})",
            )
        if isinstance(channels, int) and len(shape) > 1:
            kernel = len(getattr(layer, "kernel_size", ()))
            at = len(shape) - kernel - 1
            if at >= 0 and kernel and shape[at] != channels:
                text = (
                    f"{name} takes {channels} channels in dimension {at}; its input is {shape}: {shape[at]}."
                )
                return rows, text, f"make it {name}({shape[at]}, ...)"
        return rows, "", ""
    return [], "", ""


def _is_layer(value) -> bool:
    nn = sys.modules.get("facula.nn")
    return nn is not None and isinstance(value, nn.Module)


def _flattened(name, shape, features) -> str:
    """`x.flatten(1)`, where that gives the layer as many features as it takes."""
    rest = 1
    for n in shape[1:]:
        rest *= n
    return f"{name}.flatten(1) is [{shape[0]}, {rest}]" if len(shape) > 2 and rest == features else ""


def _short_name(file):
    import os

    if "ipykernel" in file or file.startswith("<ipython-input"):
        return _cell(file)
    return os.path.basename(file) if not file.startswith("<") else file


def _cell(file) -> str:
    """`Cell In[3]`, as IPython's tracebacks have it."""
    shell = sys.modules.get("IPython")
    compiler = getattr(shell and shell.get_ipython(), "compile", None)
    number = getattr(compiler, "_filename_map", {}).get(file)
    if number is None and (found := re.match(r"<ipython-input-(\d+)", file)):
        number = found.group(1)
    return "the cell" if number is None else f"Cell In[{number}]"


def _statement(frame, tb):
    """(the innermost expression or statement that was running, its source)."""
    lines = linecache.getlines(tb.tb_frame.f_code.co_filename, frame.f_globals)
    if not lines:
        return None
    tree = None
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        text = textwrap.dedent(lines[tb.tb_lineno - 1]) if tb.tb_lineno <= len(lines) else ""
        try:
            tree = ast.parse(text.strip())
        except SyntaxError:
            return None
        return (tree.body[0], text.strip()) if tree.body else None
    line = tb.tb_lineno
    span = _positions(frame, tb)
    if span is not None:  # Python 3.11 and later know the columns
        for node in ast.walk(tree):
            if isinstance(node, (ast.expr, ast.AugAssign)) and span == (
                node.lineno,
                node.end_lineno,
                node.col_offset,
                node.end_col_offset,
            ):
                return node, ast.get_source_segment("".join(lines), node)
    best = None
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            if node.lineno <= line <= (node.end_lineno or node.lineno):
                if best is None or node.lineno >= best.lineno:
                    best = node
        elif isinstance(node, (ast.If, ast.While)) and node.test.lineno <= line <= node.test.end_lineno:
            best = best or node.test
        elif isinstance(node, ast.For) and node.iter.lineno <= line <= node.iter.end_lineno:
            best = best or node.iter
        elif isinstance(node, ast.Lambda) and best is None and node.lineno <= line <= node.end_lineno:
            best = node.body
    if best is None:
        return None
    return best, ast.unparse(best)


def _positions(frame, tb):
    code = frame.f_code
    if not hasattr(code, "co_positions"):
        return None
    for index, span in enumerate(code.co_positions()):
        if index == tb.tb_lasti // 2:
            return span if None not in span else None
    return None


def diagnose(error, node, looker) -> tuple[str, str]:
    """(which dimensions do not match, one change)."""
    if node is None:
        return "", ""
    named = looker.operands(node)
    operands = [(s, v) for s, v in named if isinstance(v, (_C.Tensor, Shape))]
    name = ""
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        function = looker.values.get(id(node.func), UNKNOWN)
        linear = linear_of(function) if function is not UNKNOWN else None
        if linear and operands and tuple(operands[0][1].shape)[-1:] != (linear[0],):
            s, v = operands[0]
            have = list(v.shape)
            last = have[-1] if have else "none"
            layer = ast.unparse(node.func)
            text = f"{layer} takes {linear[0]} features in the last dimension; {s} is {have}: {last}."
            return text, _flattened(s, have, linear[0]) or f"make it Linear({last}, {linear[1]})"
        if name in ("view", "reshape") and operands:
            s, v = operands[0]
            sizes = [x for _, x in named[1:]]
            return _view(s, v, sizes) if all(isinstance(x, int) for x in sizes) else ("", "")
        if name in ("cat", "concat", "stack") and len(operands) > 1:
            return _cat(name, operands, node, looker)
    if len(operands) == 2:
        (a, x), (b, y) = operands
        if is_product(node):
            if matmul_shape(x, y) is None:
                return _product(a, x, b, y)
            return _exact_product(name, a, x, b, y) if name in _DIMENSIONS else ("", "")
        if broadcast_shape(x, y) is None and (name == "" or _is_about_broadcasting(error)):
            return _elementwise(a, x, b, y, node)
    elif isinstance(node, ast.Subscript) and operands:
        s, v = operands[0]
        if "out of bounds" not in str(error):
            return "", ""
        found = re.search(r"size (\d+)", str(error))
        size = f" of size {found.group(1)}" if found else ""
        return f"{s} is {list(v.shape)}: the index does not lie in its dimension{size}.", ""
    return "", ""


def _is_about_broadcasting(error) -> bool:
    first = str(error).split("\n")[0]
    return "must match the size of tensor" in first or "broadcast" in first and "operand" not in first


# Products that take so many dimensions and broadcast nothing.
_DIMENSIONS = {"mm": (2, 2), "bmm": (3, 3), "mv": (2, 1), "dot": (1, 1)}


def _exact_product(name, a, x, b, y):
    """Where the sizes would do for @, which broadcasts."""
    s, t = list(x.shape), list(y.shape)
    edit = f"{_bracket(a)} @ {_bracket(b)}"
    if (len(s), len(t)) != _DIMENSIONS[name]:
        want = "tensors of {} and {} dimensions".format(*_DIMENSIONS[name])
        return f"{name} takes {want}; {a} is {s} and {b} is {t}.", f"{edit} takes any number of them"
    if s[:-2] != t[:-2]:
        return f"{name} broadcasts nothing; {a} is {s} and {b} is {t}.", f"{edit} does"
    return "", ""  # no matter of shapes


def _product(a, x, b, y):
    s, t = list(x.shape), list(y.shape)
    if not s or not t:
        which = a if not s else b
        return (
            f"{which} is a scalar; a matrix product needs at least one dimension.",
            f"use * for scalars: {a} * {b}",
        )
    k = t[-2] if len(t) > 1 else t[0]
    if s[-1] != k:
        which = "second to last" if len(t) > 1 else "only"
        text = (
            f"The last dimension of {a} is {s[-1]}, the {which} dimension of {b} is {k}: "
            "in a matrix product they are the same."
        )
        wrap_a, wrap_b = _bracket(a), _bracket(b)
        if len(t) > 1 and t[-1] == s[-1]:
            return text, f"{wrap_a} @ {wrap_b}.mT has the shape {[*s[:-1], k]}" if len(
                t
            ) > 2 else f"{wrap_a} @ {wrap_b}.T has the shape {[*s[:-1], k]}"
        if len(s) > 1 and s[-2] == k:
            return (
                text,
                f"{wrap_a}.{'mT' if len(s) > 2 else 'T'} @ {wrap_b} has the shape "
                f"{[*s[:-2], s[-1], *t[-1:]]}",
            )
        if len(t) > 1 and t[-1] == s[-2 if len(s) > 1 else -1]:
            return text, f"{wrap_b} @ {wrap_a} has the shape {[*t[:-1], s[-1]]}"
        return text, ""
    return f"The leading dimensions {s[:-2]} of {a} and {t[:-2]} of {b} cannot be broadcast.", ""


def _elementwise(a, x, b, y, node):
    s, t = list(x.shape), list(y.shape)
    n = max(len(s), len(t))
    p, q = [1] * (n - len(s)) + s, [1] * (n - len(t)) + t
    bad = [i for i in range(n) if p[i] != q[i] and 1 not in (p[i], q[i])]
    where = ", ".join(f"dimension {i - n} ({p[i]} and {q[i]})" for i in bad)
    text = (
        f"{a} is {s} and {b} is {t}; aligned from the right they differ in {where}. Sizes have to be "
        "equal, or one of them 1."
    )
    wrap_a, wrap_b = _bracket(a), _bracket(b)
    if len(t) == 1 and len(s) > 1 and t[0] in s[:-1]:
        i = len(s) - 1 - s[:-1][::-1].index(t[0]) - 1
        index = ", ".join([":"] + ["None"] * (len(s) - 1 - i))
        return text, f"to go with dimension {i} of {a}: {wrap_b}[{index}]"
    if len(s) == 1 and len(t) > 1 and s[0] in t[:-1]:
        i = len(t) - 1 - t[:-1][::-1].index(s[0]) - 1
        index = ", ".join([":"] + ["None"] * (len(t) - 1 - i))
        return text, f"to go with dimension {i} of {b}: {wrap_a}[{index}]"
    if len(s) == len(t) == 2 and s == t[::-1]:
        return text, f"transpose one of them: {wrap_b}.T is {s}"
    if x.numel() == y.numel():
        return (
            text,
            f"both have {x.numel()} elements: {wrap_b}.reshape({a}.shape)"
            if a.isidentifier()
            else f"{wrap_b}.reshape{tuple(s)}",
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and matmul_shape(x, y) is not None:
        return text, f"a matrix product is written {wrap_a} @ {wrap_b}"
    return text, ""


def _view(s, v, sizes):
    n = v.numel()
    want = 1
    for size in sizes:
        want *= size if size != -1 else 1
    shape = list(v.shape)
    if not sizes:
        return f"{s} is {shape}: {n} elements.", ""
    if -1 in sizes:
        return (
            f"{s} is {shape}, {n} elements, which {want} (the product of the other sizes) does not divide.",
            "",
        )
    if want == n:
        return "", ""  # no matter of the number of elements
    text = f"{s} is {shape}, {n} elements; {sizes} has {want}."
    for i in range(len(sizes)):
        rest = 1
        for k, size in enumerate(sizes):
            rest *= size if k != i else 1
        if rest and n % rest == 0:
            free = [size if k != i else -1 for k, size in enumerate(sizes)]
            return (
                text,
                f"{s}.reshape({', '.join(map(str, free))}) is {[x if x != -1 else n // rest for x in free]}",
            )
    return text, ""


def _one_more(name, dim, low, high):
    """Where a dimension of size 1 lets two operands (name and shape) be joined."""
    (low, shape), (high, longer) = low, high
    dim = dim % len(longer) if -len(longer) <= dim < len(longer) else 0
    for along in (dim,) if name == "stack" else dict.fromkeys((dim, *range(len(longer)))):
        for at in range(len(longer)):
            ours = [*shape[:at], 1, *shape[at:]]
            differ = {i for i, (n, m) in enumerate(zip(ours, longer, strict=False)) if n != m}
            if len(ours) == len(longer) and differ <= (set() if name == "stack" else {along}):
                where = "" if along == dim else f"; join along dim={along}"
                return f"{low}.unsqueeze({at}) has as many as {high}{where}"
    return ""


def _cat(name, operands, node, looker):
    first, v = operands[0]
    dims = [looker.values.get(id(k.value)) for k in node.keywords if k.arg in ("dim", "axis")]
    dims += [looker.values.get(id(a)) for a in node.args[1:]]
    dim = next((d for d in dims if isinstance(d, int)), 0)
    for other, w in operands[1:]:
        a, b = list(v.shape), list(w.shape)
        if len(a) != len(b):
            low, high = (other, first) if len(b) < len(a) else (first, other)
            return (
                f"{first} is {a} and {other} is {b}: not the same number of dimensions.",
                _one_more(name, dim, (low, min(a, b, key=len)), (high, max(a, b, key=len))),
            )
        bad = [i for i in range(len(a)) if a[i] != b[i] and (name == "stack" or i != dim % max(len(a), 1))]
        if bad:
            k = bad[0]
            text = f"{first} is {a} and {other} is {b}: they differ in dimension {k} ({a[k]} and {b[k]})"
            if name == "stack":
                return text + "; stack takes equal shapes.", ""
            others = [i for i in range(len(a)) if a[i] != b[i]]
            return (
                text + f", and only dimension {dim} may.",
                f"join along dimension {others[0]}: dim={others[0]}" if len(others) == 1 else "",
            )
    return "", ""


def _bracket(s: str) -> str:
    return s if re.fullmatch(r"[\w.\[\]]+", s) else f"({s})"
