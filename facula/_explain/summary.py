"""Graphs too large to write out: groups of parameters by module, and where gradients die, grow or break."""

from __future__ import annotations

import math
import re
import time

import facula

from .. import _C
from . import graph as graphs
from .graph import Graph, number, short
from .picture import Box, Link, draw
from .printing import symbol_pretty

__all__ = ["Summary", "dead_cause", "first_nonfinite", "nonfinite_steps"]

_PRODUCTS = ("mul", "mm", "mv", "bmm", "dot", "addmm", "matmul", "linear")
_EXPLODING, _VANISHING = 1e4, 1e-7


def _finite(t) -> bool:
    if t is None or t.numel() == 0 or not (t.is_floating_point() or t.is_complex()):
        return True
    return bool(facula.isfinite(t).all())


def _norm(t) -> float:
    if t is None or t.numel() == 0:
        return 0.0
    t = t.detach().abs().to(_C.float64)
    return math.sqrt(float((t * t).sum()))


def nonfinite_steps(graph: Graph) -> list:
    """The first step whose output has a NaN or infinity although no operand has one, if there is one."""
    found = []
    for step in graph.steps:
        if step.values is None or all(_finite(v) for v in step.values):
            continue
        operands = []
        for source in step.inputs:
            try:
                operands.append(graphs.operand(source))
            except KeyError:
                operands.append(None)
        if all(_finite(t) for t in operands):
            found.append(step)
            break
    return found


def first_nonfinite(graph: Graph, after=lambda step: "") -> list[str]:
    """Sentences: which operand or operation has the first NaN or infinity, forward and backward.

    after: what to say of where a step stands.
    """
    found = []
    for source in [*graph.leaves.values(), *graph.constants.values()]:
        if source.kind in ("leaf", "constant") and not _finite(source.value):
            found.append(f"{source.symbol} itself contains {_kind(source.value)}")
    for step in nonfinite_steps(graph):
        value = next(v for v in step.values if not _finite(v))
        operands = ", ".join(filter(None, (_operand_name(s) for s in step.inputs)))
        found.append(
            f"the first {_kind(value)} is made by {step.op}({operands}), step {step.order + 1} "
            f"({step.symbols[min(step.symbols)]}){after(step)}, {_where(value)}"
        )
    if found:
        return found
    for step in reversed(graph.steps):
        if any(not _finite(g) for g in step.grads if g is not None):
            continue
        for i, source in enumerate(step.inputs):
            if source.kind == "step":
                made = source.step.grads[source.index] if source.index < len(source.step.grads) else None
            elif source.kind == "leaf":
                made = graph.leaf_grads.get(id(source.value))
            else:
                made = None
            if made is not None and not _finite(made) and not all(g is None for g in step.grads):
                alone = graphs.local_gradients(step, step.grads)[i]
                if alone is not None and not _finite(alone):
                    found.append(
                        f"the first {_kind(alone)} among the gradients is made by the derivative of "
                        f"{step.op}, step {step.order + 1} ({step.symbols[min(step.symbols)]}){after(step)}, "
                        f"for {_operand_name(source)}"
                    )
                    return found
    return found


def _kind(t) -> str:
    return "NaN" if bool(facula.isnan(t).any()) else "infinity"


def _where(t) -> str:
    bad = (~facula.isfinite(t)).reshape(-1)
    return f"in {int(bad.sum())} of {bad.numel()} entries"


def _operand_name(source) -> str:
    if source.kind == "number":
        return number(source.value)
    if source.kind == "step":
        return source.step.symbols[min(source.step.symbols)]
    return source.symbol or ""


def dead_cause(graph: Graph, leaf) -> str:
    """Which operation let nothing of the gradient through on the way to a leaf."""
    readers: dict[int, list] = {}
    for step in graph.steps:
        for source in step.inputs:
            key = id(source) if source.kind == "leaf" else id(source.step) if source.kind == "step" else None
            if key is not None:
                readers.setdefault(key, []).append(step)
    todo, seen = list(readers.get(id(leaf), [])), set()
    while todo:
        step = todo.pop()
        if id(step) in seen:
            continue
        seen.add(id(step))
        reaching = [g for g in step.grads if g is not None]
        if any(g.numel() and bool((g != 0).any()) for g in reaching):
            at = f"{step.op} ({step.symbols[min(step.symbols)]})"
            for source in step.inputs:
                if source is not leaf and source.kind in ("step", "constant", "leaf"):
                    other = source.step.value if source.kind == "step" else source.value
                    if (
                        step.op in _PRODUCTS
                        and other is not None
                        and other.numel()
                        and not bool((other != 0).any())
                    ):
                        return (
                            f"what it is multiplied by in {at}, {_operand_name(source)}, is zero everywhere"
                        )
            return f"the derivative of {at} is zero where it was taken"
        todo.extend(readers.get(id(step), []))
    return ""


class Group:
    """Parameters of one module."""

    def __init__(self, name):
        self.name, self.leaves, self.grads = name, [], []
        self.first = 1 << 60

    @property
    def count(self) -> int:
        return sum(s.value.numel() for s in self.leaves)

    @property
    def norm(self) -> float:
        return math.sqrt(sum(_norm(g) ** 2 for g in self.grads if g is not None))

    def state(self, middle: float, top: float = 0.0) -> str:
        grads = [g for g in self.grads if g is not None]
        if not grads:
            return "no gradient"
        if not all(_finite(g) for g in grads):
            return "NaN or infinite"
        if all(g.numel() == 0 or not bool((g != 0).any()) for g in grads):
            return "dead"
        if self.norm > _EXPLODING and self.norm > 100 * middle or self.norm > 1e8:
            return "exploding"
        if self.norm < _VANISHING and (self.norm < middle / 100 or self.norm < top / 1e6):
            return "vanishing"
        return ""


class Summary:
    """The explanation of a graph with many steps; shown and saved as those of small ones are.

    Attributes:
        graph: the steps, in forward order.
        groups: parameters by module, in the order of use.
        loss: the symbol of the loss.
    """

    def __init__(self, graph: Graph, seconds: float):
        self.graph, self.seconds = graph, seconds
        root = graph.by_node[id(graph.loss.grad_fn)]
        self.loss = root.symbols[graph.loss.output_nr]
        self.groups = self._groups()
        norms = sorted(g.norm for g in self.groups if g.norm == g.norm)
        self.middle = norms[len(norms) // 2] if norms else 0.0
        self.top = max((n for n in norms if n != math.inf), default=0.0)
        self.partial = graph.stopped

    def _groups(self):
        groups: dict[str, Group] = {}
        first: dict[int, int] = {}
        for step in self.graph.steps:
            for source in step.inputs:
                if source.kind == "leaf":
                    first.setdefault(id(source), step.order)
        for source in self.graph.leaves.values():
            name = source.symbol.rpartition(".")[0]
            if not name:
                name = (
                    re.sub(r"[\[_]?\d+\]?$", "", source.symbol)
                    if len(self.graph.leaves) > 12
                    else source.symbol
                )
            group = groups.setdefault(name, Group(name))
            group.leaves.append(source)
            group.grads.append(self.graph.leaf_grads.get(id(source.value)))
            group.first = min(group.first, first.get(id(source), 1 << 60))
        return sorted(groups.values(), key=lambda g: g.first)

    def problems(self) -> list[str]:
        """One sentence for each dead or exploding group and for the first NaN."""
        found = [] if self.partial else first_nonfinite(self.graph, self._after)
        for state, groups in self._runs():
            first, last = groups[0], groups[-1]
            names = first.name if first is last else f"{first.name} to {last.name} ({len(groups)} in a row)"
            if state == "dead":
                cause = dead_cause(self.graph, last.leaves[0])
                found.append(f"{names}: the gradient is zero everywhere" + (f": {cause}" if cause else ""))
            elif state in ("exploding", "vanishing"):
                low, high = min(g.norm for g in groups), max(g.norm for g in groups)
                size = number(low) if low == high else f"{number(low)} to {number(high)}"
                only = "only " if state == "vanishing" else ""
                growth = self._growth(first) if state == "exploding" else ""
                found.append(f"{names}: the gradient's norm is {only}{size}{growth}")
        return found

    def _runs(self):
        """[state, groups]: modules in a row of which the same is to be said."""
        runs: list[tuple[str, list[Group]]] = []
        for group in self.groups:
            state = group.state(self.middle, self.top)
            if runs and runs[-1][0] == state:
                runs[-1][1].append(group)
            else:
                runs.append((state, [group]))
        return runs

    def _after(self, step) -> str:
        """Which module's parameters were used last before a step."""
        used = [g for g in self.groups if g.first <= step.order]
        return f", after {used[-1].name}" if used and used[-1].name != "p" else ""

    def _growth(self, group):
        """Where on the way from the loss the gradient grew most."""
        best, at = 1.0, None
        for step in self.graph.steps[-2000:]:
            out = max((_norm(g) for g in step.grads if g is not None), default=0.0)
            for source in step.inputs:
                if source.kind == "step" and out > 0 and source.index < len(source.step.grads):
                    ratio = _norm(source.step.grads[source.index]) / out
                    if ratio > best and ratio != math.inf:
                        best, at = ratio, step
        if at is None:
            return ""
        return f"; it grows most, {number(best, 3)} times, in {at.op} ({at.symbols[min(at.symbols)]})"

    def _rows(self):
        top = max((g.norm for g in self.groups if g.norm == g.norm and g.norm != math.inf), default=0.0)
        for g in self.groups:
            bar = "█" * round(16 * g.norm / top) if top and g.norm == g.norm and g.norm != math.inf else ""
            largest = max((float(x.abs().max()) for x in g.grads if x is not None and x.numel()), default=0.0)
            yield (
                g.name,
                f"{g.count:,}",
                number(g.norm),
                number(largest),
                bar or "▏",
                g.state(self.middle, self.top),
            )

    def _heading(self):
        name = self.graph.loss_name
        return self.loss if name in (self.loss, None) else f"{self.loss} = {name}"

    def _notes(self):
        graph = self.graph
        notes = []
        if self.partial:
            notes.append(f"Stopped after {self.seconds:g} s: {self.partial}.")
        if graph.mismatch:
            notes.append("Note: " + graph.mismatch + ".")
        if graph.released and not graph.leaf_grads:
            notes.append(
                "The graph was released by backward() and cannot be run again; call explain before it."
            )
        return notes + [f"Warning: {w}" for w in self.problems()]

    def _operations(self):
        count: dict[str, int] = {}
        for step in self.graph.steps:
            count[step.op] = count.get(step.op, 0) + 1
        common = sorted(count.items(), key=lambda kv: -kv[1])[:8]
        return ", ".join(f"{n:,} {op}" for op, n in common) + (", ..." if len(count) > 8 else "")

    def table(self, first: int = 0, count: int = 200) -> str:
        """Steps in forward order, with operands, shape, value and gradient.

        Args:
            first: the first step shown; negative counts from the end.
            count: how many at most.
        """
        steps = self.graph.steps[first:] if first else self.graph.steps
        rows = [("", "operation", "shape", "value", f"d{self.loss}/d(.)")]
        for step in steps[:count]:
            operands = ", ".join(filter(None, map(_operand_name, step.inputs)))
            shape = "?" if step.shape is None else "×".join(map(str, step.shape)) or "scalar"
            gradient = next((g for g in step.grads if g is not None), None)
            name = step.symbols[min(step.symbols)]
            rows.append((name, f"{step.op}({operands})", shape, short(step.value), short(gradient)))
        widths = [max(len(r[i]) for r in rows) for i in range(5)]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip() for r in rows)

    def __str__(self) -> str:
        many = f"{len(self.graph.steps):,}" + ("" if self.graph.complete else " or more")
        lines = [
            f"How {self._heading()} = {short(self.graph.loss.detach())} depends on its parameters",
            "",
            f"  {many} steps: {self._operations()}",
            "",
        ]
        rows = [("parameters of", "count", "gradient norm", "largest", "", ""), *self._rows()]
        shown = rows if len(rows) <= 61 else rows[:40] + [("...",) + ("",) * 5] + rows[-20:]
        widths = [max(len(r[i]) for r in shown) for i in range(6)]
        lines += ["  " + "  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip() for r in shown]
        notes = self._notes()
        return "\n".join(lines + ([""] + notes if notes else []))

    __repr__ = __str__

    def latex(self) -> str:
        """A table of the groups with their gradient norms."""
        from .printing import _escape

        rows = [rf"\text{{{_escape(n)}}} & {c} & {v} & \text{{{s}}} \\" for n, c, v, _, _, s in self._rows()]
        return (
            "\\begin{array}{lrrl}\n\\text{module} & n & \\lVert \\nabla \\rVert & \\\\\n"
            + "\n".join(rows)
            + "\n\\end{array}"
        )

    def svg(self) -> str:
        """One box a module, in the order of use."""
        owners: dict[
            int, dict[str, None]
        ] = {}  # whose parameters a step's result comes from last, on each way
        group_of = {id(s): g.name for g in self.groups for s in g.leaves}
        edges: dict[tuple[str, str], None] = {}
        for step in self.graph.steps:
            before: dict[str, None] = {}
            for source in step.inputs:
                if source.kind == "step":
                    before.update(owners.get(id(source.step), {}))
            own = next((group_of[id(s)] for s in step.inputs if s.kind == "leaf"), None)
            if own is not None:
                edges.update(dict.fromkeys((b, own) for b in before if b != own))
                before = {own: None}
            owners[id(step)] = dict(list(before.items())[-8:])
        position = {g.name: i for i, g in enumerate(self.groups)}
        boxes, loss = [], symbol_pretty(self.loss)
        groups = self.groups[:60]
        for g in groups:
            state = g.state(self.middle, self.top)
            lines = [
                (g.name, "fx-title"),
                (f"{g.count:,} parameters", "fx-note"),
                (f"‖∂{loss}‖ = {number(g.norm)}", "fx-grad"),
            ]
            if state:
                lines.append((state, "fx-note"))
            boxes.append(Box(g.name, lines, "bad" if state else "group"))
        boxes.append(Box(0, [(f"{loss} = {short(self.graph.loss.detach())}", "fx-title")], "loss"))
        links = [Link(a, b, "", True) for a, b in edges if position[a] < position[b]]
        ends = list(owners[id(self.graph.by_node[id(self.graph.loss.grad_fn)])])
        links += [Link(e, 0, "", True) for e in ends]
        return draw(
            boxes, links, f"{self._heading()}: {len(self.graph.steps):,} steps, {len(self.groups)} modules"
        )

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_html_(self) -> str:
        from .web import notes_html, table, wrap

        rows = [(n, c, (v, "g"), m, (b, "g"), s) for n, c, v, m, b, s in self._rows()]
        if len(rows) > 80:
            rows = [*rows[:50], ("…",) * 6, *rows[-25:]]
        head = f"<p class='n'>{len(self.graph.steps):,} steps: {self._operations()}</p>"
        body = table(("parameters of", "count", "gradient norm", "largest", "", ""), rows)
        return wrap(self.svg() + head + body + notes_html(self._notes()))

    def save(self, path) -> None:
        """As `Explanation.save`."""
        from .report import save

        save(self, path)


def fill(graph: Graph, seconds: float) -> None:
    """Values and gradients of a large graph, as far as time goes; `graph.stopped` says what is missing."""
    deadline = time.perf_counter() + seconds
    graph.stopped = "" if graph.complete else "not all of the graph was read"
    graphs.compute_values(graph, deadline)
    graphs.compute_gradients(graph, deadline)
