"""What `facula.explain` returns: the explanation of one graph as text, LaTeX, HTML and a picture."""

from __future__ import annotations

import math
from html import escape

import facula

from . import algebra, derive, formula
from . import graph as graphs
from .check import central_difference
from .formula import Symbol
from .graph import Graph, brief, number, short
from .moves import SumTo
from .picture import STYLE, Box, Link, draw
from .printing import factor, pretty, symbol_pretty, text

__all__ = ["Derivative", "Explanation"]


_COARSE = (facula.float16, facula.bfloat16)  # differences of such numbers are noise
LONG = 140  # a closed form of more characters explains nothing


class Derivative:
    """The gradient of one leaf.

    Attributes:
        symbol: the leaf's name.
        formula: the closed form as Python text, or None where the graph is too large or leaves no formula.
        simplified: whether SymPy worked on it.
        numbers: the same with numbers put in, where every operand has one element; else None.
        value: the gradient, a tensor.
        entry: the index into the flattened leaf of the entry that was checked.
        numeric: its central difference, or None where the graph cannot be run again.
        agrees: whether the two agree (None without a numeric value).
        path_count: in how many ways the loss depends on the leaf.
        paths: at most six of them.
    """

    def __init__(self, leaf, value):
        self.leaf, self.symbol, self.value = leaf, leaf.symbol, value
        self.tree, self.simplified, self.paths, self.path_count = None, False, [], 0
        self.entry, self.numeric, self.precision, self.agrees = 0, None, "", None

    @property
    def formula(self) -> str | None:
        return None if self.tree is None else text(self.tree)

    @property
    def numbers(self) -> str | None:
        tree = None if self.tree is None else with_numbers(self.tree)
        return None if tree is None else text(tree)

    def __repr__(self):
        return f"<d/d{self.symbol} = {self.formula or '...'} = {short(self.value)}>"


def with_numbers(tree):
    """Every symbol replaced by its value; None where one has several elements or none."""
    if isinstance(tree, Symbol):
        v = tree.value
        if v is None or v.numel() != 1 or v.is_complex():
            return None
        return float(number(float(v), 5))
    if not isinstance(tree, tuple):
        return tree
    parts = [with_numbers(t) for t in tree[1:]]
    return None if None in parts else (tree[0], *parts)


class Explanation:
    """`str()` and `print` give the text, notebooks show the picture with tables; `save` writes files.

    Attributes:
        derivatives: {name of a leaf: Derivative}.
        graph: the steps, in forward order.
        loss: the symbol of the loss.
    """

    def __init__(self, graph: Graph):
        self.graph = graph
        root = graph.by_node[id(graph.loss.grad_fn)]
        self.loss = root.symbols[graph.loss.output_nr]
        tensors = [graph.loss, *(s.value for s in graph.leaves.values()), *(s.value for s in graph.steps)]
        formula.mind_conjugates(any(t is not None and t.is_complex() for t in tensors))
        self.symbols = derive.Symbols(graph)
        self.locals = derive.local_derivatives(graph, self.symbols, self.loss)
        forms, self.loss_tree = derive.closed_forms(graph, self.symbols, self.loss)
        self.derivatives: dict[str, Derivative] = {}
        for source in graph.leaves.values():
            value = graph.leaf_grads.get(id(source.value))
            if value is None:
                continue
            d = Derivative(source, value)
            d.tree, d.simplified = forms.get(id(source.value), (None, False))
            d.paths, d.path_count = derive.paths(graph, self.locals, source)
            self._check(d)
            self.derivatives[source.symbol] = d
        self.operations = [self._operation(step) for step in graph.steps]

    def _check(self, d: Derivative) -> None:
        size = d.value.abs()
        if size.numel() == 0:
            return
        size = size.reshape(-1).to(facula.float64)
        d.entry = int(facula.where(facula.isfinite(size), size, -1.0).argmax())
        found = central_difference(self.graph, d.leaf.value, d.entry)
        if found is None:
            return
        d.numeric, d.precision = found
        exact = d.value.reshape(-1)[d.entry].item()
        finite = abs(d.numeric) < float("inf") and abs(exact) < float("inf")
        if not finite or d.precision == "kink" or any(v.dtype in _COARSE for v in self._values()):
            return  # nothing to compare
        size = abs(self.graph.loss.detach().abs().sum().item())
        noise = {facula.float64: 1e-8, facula.complex128: 1e-8, facula.float32: 1e-6, facula.complex64: 1e-6}
        tolerance = (1e-4 if d.precision == "float64" else 2e-2) * abs(exact)
        tolerance += noise.get(d.value.dtype, 1e-2) * (1 + size) * (1 if d.precision == "float64" else 100)
        d.agrees = abs(d.numeric - exact) <= tolerance

    def _values(self):
        return [v for step in self.graph.steps for v in step.values or () if v is not None]

    def _operation(self, step):
        operands = [self.symbols.of(s) for s in step.inputs]
        try:
            tree = formula.forward_tree(step, 0, operands, {}, drop=False)
            if len(operands) == 2 and step.op in ("mul", "div") and not isinstance(tree, tuple):
                return (step.op, *operands)  # times 1, as it was recorded
            return formula.called(step.op, tree, operands)
        except formula.UNKNOWN:
            return (formula.Opaque(step.op, None), *(o for o in operands if o is not None))

    def _constant(self, source):
        """The symbol of a constant, or what it is made of (`1 - y`)."""
        return self.symbols.of(source) if source.meant is not None else Symbol(source.symbol)

    # --- what all forms show ---

    def _heading(self) -> str:
        name = self.graph.loss_name
        return self.loss if name in (self.loss, None) else f"{self.loss} = {name}"

    def _notes(self) -> list[str]:
        graph, notes = self.graph, []
        if graph.remark:
            notes.append(graph.remark)
        if graph.mismatch:
            notes.append("Note: " + graph.mismatch + ".")
        if graph.loss.numel() != 1:
            shape = "×".join(map(str, graph.loss.shape))
            notes.append(
                f"{self.loss} has {graph.loss.numel()} elements ({shape}): these are derivatives of its sum."
            )
        if graph.loss.is_complex():
            notes.append(f"{self.loss} is complex: gradients are taken with 1 as its gradient.")
        lost = [s.symbol for s in graph.constants.values() if s.kind == "unknown"]
        if lost:
            notes.append(
                f"{', '.join(lost)}: constants that no variable holds any more; the graph does not keep them."
            )
        missing = [s.symbol for s in graph.leaves.values() if id(s.value) not in graph.leaf_grads]
        if graph.released and missing:
            notes.append(
                f"The derivative of {', '.join(missing)} is not known: backward() released the graph, and "
                "not all of it can be computed again. Call explain before backward(), or use "
                "backward(retain_graph=True)."
            )
        if not algebra.available():
            notes.append("Formulas are not simplified: that needs SymPy (pip install sympy).")
        notes += [f"Warning: {w}" for w in self.problems()]
        return notes

    def problems(self) -> list[str]:
        """Zero gradients and the first NaN or infinity, one sentence each."""
        from .summary import dead_cause, first_nonfinite

        found = first_nonfinite(self.graph)
        for d in self.derivatives.values():
            if d.value.numel() and bool((d.value == 0).all()):
                cause = dead_cause(self.graph, d.leaf)
                found.append(f"the gradient of {d.symbol} is zero" + (f": {cause}" if cause else ""))
        return found

    def _rows(self):
        for step, tree in zip(self.graph.steps, self.operations):
            shape = "?" if step.shape is None else "×".join(map(str, step.shape)) or "scalar"
            yield step, step.symbols[min(step.symbols)], tree, shape

    def _factors(self, path):
        """(names, formulas, numbers) of a path's factors; None where one of them is no factor."""
        if any(link.factor is None for link in path.links):
            return None
        names, trees = [], []
        above = None
        for link in path.links:
            below = self._name(link.source)
            above = above or self.loss
            names.append((above, below))
            trees.append(link.factor)
            above = below
        numbers = [with_numbers(t) for t in trees]
        return names, trees, None if None in numbers else self._put_in(path, numbers)

    def _put_in(self, path, numbers):
        """The numbers of a path's factors, after how many are alike where a sum undoes broadcasting."""
        count = math.prod(
            math.prod(link.tree[0].whole) // max(math.prod(link.tree[0].shape), 1)
            for link in path.links
            if is_summed(link)
        )
        if count == 1 or path.contribution is None:
            return numbers
        values = [value_of(n) for n in numbers]
        if path.contribution.numel() != 1 or any(v is None or isinstance(v, complex) for v in values):
            return None
        total, product = float(path.contribution), count * math.prod(map(float, values))
        return [float(count), *numbers] if abs(product - total) <= 1e-4 * abs(total) else None

    def _summed(self, path, product: str) -> str:
        """The product of a path's factors, with the sums over what broadcasting had repeated."""
        at = [k for k, link in enumerate(path.links) if is_summed(link)]
        if at == [len(path.links) - 1]:
            return f"sum({product}{path.links[-1].tree[0].suffix})"
        if at:
            names = ", ".join(self._name(path.links[k].source) for k in at)
            return f"{product}   (summed to the shape of {names})"
        return product

    def _name(self, source):
        if source.kind == "step":
            return self.symbols.output(source.step, source.index).name
        return source.symbol

    # --- text ---

    def __str__(self) -> str:
        lines = [
            f"How {self._heading()} = {short(self.graph.loss.detach())} came about, and its derivatives",
            "",
        ]
        table = [("", "operation", "shape", "value", f"d{self.loss}/d(.)")]
        for leaf in self.graph.leaves.values():
            g = self.graph.leaf_grads.get(id(leaf.value))
            table.append((leaf.symbol, "parameter", _shape(leaf.value), short(leaf.value), short(g)))
        for c in self.graph.constants.values():
            if c.kind == "constant" and not is_number(c):
                row = (text(self._constant(c)), "constant", _shape(c.value), short(c.value), "")
                table += [row] if row not in table else []
        for step, symbol, tree, shape in self._rows():
            table.append((symbol, _clip(text(tree), 44), shape, short(step.value), short(step.grads[0])))
        widths = [max(len(row[i]) for row in table) for i in range(5)]
        for row in table:
            lines.append("  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip())
        lines += ["", "Local derivatives"]
        for step in self.graph.steps:
            for local in self.locals[step.order]:
                if local is not None:
                    lines.append("  " + self._local_text(step, local))
        lines += ["", f"Chain rule, from {self.loss} to each parameter"]
        for d in self.derivatives.values():
            lines += [""] + ["  " + line for line in self._derivative_text(d)]
        notes = self._notes()
        return "\n".join(lines + ([""] + notes if notes else []))

    def __repr__(self) -> str:
        return str(self)

    def _local_text(self, step, local):
        below, above = self._name(local.source), self._step_symbol(step)
        if local.factor is not None:
            value = with_numbers(local.factor)
            number = "?" if value is None else short(value_of(value))
            shown = number if isinstance(local.factor, (int, float)) else text(local.factor)
            tail = "" if value is None else _equals(shown, number)
            summed = f"   (then summed to the shape of {below})" if is_summed(local) else ""
            twice = (
                sum(
                    s is local.source or s.kind == "step" and s.step is getattr(local.source, "step", 0)
                    for s in step.inputs
                )
                > 1
            )
            which = f"   (operand {local.index + 1})" if twice else ""
            return f"d{above}/d{below} = {shown}{tail}{summed}{which}"
        if local.tree is not None:
            return f"d{self.loss}/d{below} = {_clip(text(local.tree), 90)}"
        return f"d{self.loss}/d{below} = {step.op}_vjp(d{self.loss}/d{above})"

    def _link_text(self, link):
        below = f"d{self.loss}/d{self._name(link.source)}"
        if link.tree is None:
            return f"{below} = {link.step.op}_vjp(d{self.loss}/d{self._step_symbol(link.step)})"
        return f"{below} = {_clip(_written(link.tree), 100)}"

    def _step_symbol(self, step):
        return step.symbols[min(step.symbols)]

    def _derivative_text(self, d):
        head = f"d{self.loss}/d{d.symbol}"
        pad = " " * len(head)
        lines = []
        several = d.path_count > 1
        for k, path in enumerate(d.paths):
            label = f"path {k + 1}: " if several else ""
            factors = self._factors(path)
            route = [self.loss, *(self._name(link.source) for link in path.links)]
            if factors is None and not several:
                lines.append(" <- ".join(route))
                lines += [self._link_text(link) for link in path.links]
                continue
            if factors is None:
                lines.append(f"{label}{' <- '.join(route)} contributes {short(path.contribution)}")
                continue
            names, trees, numbers = factors
            start = label.rstrip() if several else head
            value = short(path.contribution)
            product = " * ".join(factor(_written(t)) for t in trees)
            rows = [" * ".join(f"d{a}/d{b}" for a, b in names), self._summed(path, product)]
            if numbers is not None:
                rows.append(" * ".join(factor(short(value_of(n))) for n in numbers))
            rows = [r for k, r in enumerate(rows) if r not in rows[:k] and (several or r != head)]
            if numbers is not None:
                rows[-1] += f" = {value}" if rows[-1] != value else ""
            elif several:
                rows.append(value)
            for k, row in enumerate(rows):
                lines.append(f"{' ' * len(start) if k else start} = {row}")
        if several:
            more = d.path_count - len(d.paths)
            if more > 0:
                lines.append(f"... and {more:,} more path{'s' if more > 1 else ''}")
            lines.append(f"{head} = {all_paths(d)} = {short(d.value)}")
        if d.tree is not None and len(text(d.tree)) <= LONG:
            known = f"{head} = {text(d.tree)}" in lines
            if not known:
                lines.append(f"{head} = {text(d.tree)}")
            elif f"{pad} = {short(d.value)}" in lines:
                return [*lines, self._check_text(d)]
            if d.numbers is not None and d.numbers not in (text(d.tree), short(d.value)):
                lines.append(f"{pad} = {d.numbers}")
            if short(d.value) != text(d.tree):
                lines.append(f"{pad} = {short(d.value)}")
        elif not several:
            lines.append(f"{head} = {short(d.value)}")
        lines.append(self._check_text(d))
        return lines

    def _check_text(self, d) -> str:
        if d.numeric is None:
            if not d.value.numel():
                return "check: it is empty"
            if self.graph.loss.is_complex():
                return "check: none for a complex result"
            return f"check: not possible, {self._not_again()}"
        where = "" if d.value.numel() == 1 else f" of entry {place_of(d.entry, d.value.shape)}"
        exact = d.value.reshape(-1)[d.entry].item()
        undecided = "the derivative jumps here" if d.precision == "kink" else "cannot be compared"
        verdict = undecided if d.agrees is None else "agrees" if d.agrees else "DIFFERS"
        both = f"{number(d.numeric, 6)}, gradient = {number(exact, 6)}"
        return f"check: central difference{where} = {both}: {verdict}"

    def _not_again(self) -> str:
        """What stands in the way of running the graph again."""
        for step in self.graph.steps:
            known = all(s.kind != "step" or s.step.values is not None for s in step.inputs)
            if known and all(s.kind != "unknown" for s in step.inputs) and graphs.cannot_run(step):
                return f"{step.op} ({self._step_symbol(step)}) cannot be run again"
        return "the graph cannot be run again"

    def latex(self) -> str:
        """The definitions, local derivatives and each derivative as `align*` environments."""
        from .tex import blocks

        return "\n\n".join(blocks(self))

    # --- picture and HTML ---

    def svg(self) -> str:
        """The graph as a picture that needs nothing outside itself."""
        boxes, links = [], []
        loss = symbol_pretty(self.loss)
        for source in self.graph.leaves.values():
            g = self.graph.leaf_grads.get(id(source.value))
            lines = [(symbol_pretty(source.symbol), "fx-title"), (_in_box(source.value), "fx-small")]
            if g is not None:
                lines.append((f"∂{loss}/∂{symbol_pretty(source.symbol)} = {_in_box(g)}", "fx-grad"))
            boxes.append(Box(id(source), lines, "leaf", "parameter"))
        readers = {}
        for step in self.graph.steps:
            for source in step.inputs:
                number = is_number(source)
                if source.kind in ("constant", "unknown") and not number:
                    readers.setdefault(id(source), source)
        for key, source in readers.items():
            value = source.value if source.kind == "constant" else None
            boxes.append(
                Box(
                    key,
                    [(pretty(self._constant(source)), "fx-title"), (_in_box(value), "fx-small")],
                    "constant",
                    "constant",
                )
            )
        root = self.graph.by_node[id(self.graph.loss.grad_fn)]
        bad = {id(s) for s in _bad_steps(self.graph)}
        for step, symbol, tree, shape in self._rows():
            s = symbol_pretty(symbol)
            lines = [
                (f"{s} = {_clip(pretty(tree), 40)}", "fx-title"),
                (_in_box(step.value), "fx-small"),
            ]
            if step.grads[0] is not None:
                lines.append((f"∂{loss}/∂{s} = {_in_box(step.grads[0])}", "fx-grad"))
            kind = "bad" if id(step) in bad else "loss" if step is root else "box"
            boxes.append(Box(step.order, lines, kind, f"{step.name}, shape {shape}"))
            row = self.locals[step.order]
            for i, source in enumerate(step.inputs):
                if source.kind == "step":
                    start = source.step.order
                elif source.kind in ("leaf", "constant", "unknown"):
                    start = id(source)
                else:
                    continue
                local = row[i] if i < len(row) else None
                links.append(Link(start, step.order, self._link_label(step, local), local is not None))
        legend = [
            ("value", "fx-small"),
            ("gradient", "fx-grad"),
            ("on an arrow: the local derivative", "fx-note"),
        ]
        title = f"{self._heading()} = {_in_box(self.graph.loss.detach())}"
        return draw(boxes, links, title, legend)

    def _link_label(self, step, local):
        if local is None:
            return ""
        below = symbol_pretty(self._name(local.source))
        if local.factor is not None:
            shown = _clip(pretty(local.factor), 26)
            put_in = with_numbers(local.factor)
            value = "" if put_in is None else short(value_of(put_in)).replace("-", "−")
            tail = f" = {value}" if value and value != shown else ""
            return f"∂{symbol_pretty(self._step_symbol(step))}/∂{below} = {shown}{tail}"
        if local.tree is not None:
            return f"∂{symbol_pretty(self.loss)}/∂{below} = {_clip(pretty(local.tree), 30)}"
        return ""

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_html_(self) -> str:
        from .web import page

        return page(self)

    def save(self, path) -> None:
        """Writes the explanation: `.svg` the picture, `.html` a page, `.tex` a document, `.txt` the text.

        Raises:
            ValueError: the name ends in something else.
        """
        save(self, path)


def save(explanation, path) -> None:
    """By the ending of the name."""
    import os

    ending = os.path.splitext(os.fspath(path))[1].lower()
    if ending == ".svg":
        content = explanation.svg()
    elif ending in (".html", ".htm"):
        title = escape(f"explain({explanation.graph.loss_name})")
        content = (
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f"<style>{STYLE}"
            "html{color-scheme:light dark}body{margin:24px;background:Canvas}</style></head><body>\n"
            f"{explanation._repr_html_()}\n</body></html>\n"
        )
    elif ending == ".tex":
        content = (
            "\\documentclass{article}\n\\usepackage{amsmath}\n\\begin{document}\n\n"
            f"{explanation.latex()}\n\n\\end{{document}}\n"
        )
    elif ending == ".txt":
        content = str(explanation) + "\n"
    else:
        raise ValueError(
            f"explanations are saved as .svg, .html, .tex or .txt, not {ending or 'without an ending'!r}"
        )
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)


# --- small things ---


def is_number(source) -> bool:
    """Whether a constant is written as a number: one element, and no name."""
    nameless = source.kind == "constant" and source.anonymous and source.meant is None
    return nameless and source.value.numel() == 1


def all_paths(d) -> str:
    return "the sum of both paths" if d.path_count == 2 else f"the sum of all {d.path_count:,} paths"


def value_of(tree):
    try:
        return formula.evaluate(tree)
    except formula.UNKNOWN:
        return None  # shown as "?"


def _bad_steps(graph):
    from .summary import nonfinite_steps

    return nonfinite_steps(graph)


def is_summed(local) -> bool:
    tree = local.tree
    return isinstance(tree, tuple) and isinstance(tree[0], SumTo)


def _shape(t) -> str:
    return "×".join(map(str, t.shape)) or "scalar"


def _in_box(value) -> str:
    """A value where there is little room: with its shape and norm instead of many entries."""
    written = short(value)
    return (written if len(written) <= 34 else brief(value)).replace("-", "−")


def _clip(s: str, width: int) -> str:
    return s if len(s) <= width else s[: width - 1] + "…"


def _written(tree) -> str:
    """A number as short as values are."""
    return short(tree) if isinstance(tree, (int, float)) else text(tree)


def _equals(shown: str, value: str) -> str:
    return "" if shown == value else f" = {value}"


def place_of(position: int, shape) -> str:
    if len(shape) == 1:
        return str(position)
    index = []
    for n in reversed(shape):
        index.append(position % n)
        position //= n
    return "(" + ", ".join(map(str, reversed(index))) + ")"
