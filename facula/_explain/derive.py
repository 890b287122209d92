"""The chain rule written out: local derivatives, paths from the loss to each leaf, closed forms."""

from __future__ import annotations

import time

import facula

from .. import _C
from . import algebra, formula, rewrite
from . import graph as graphs
from .formula import Symbol
from .graph import Graph, Source
from .printing import text

__all__ = ["Local", "Path", "closed_forms", "local_derivatives", "paths"]


_PATIENCE = 1.5  # seconds of work for simplification; what is left over is shown as it is


class Local:
    """The derivative of one operand of one step: a tree in g (the gradient of the step's output)."""

    __slots__ = ("factor", "index", "source", "step", "tree")

    def __init__(self, step, index, tree, factor):
        self.step, self.index, self.tree, self.factor = step, index, tree, factor
        self.source = step.inputs[index]


class Path:
    """Steps from the loss to a leaf, the factors met on the way and what this path contributes."""

    __slots__ = ("contribution", "leaf", "links")

    def __init__(self, leaf, links, contribution):
        self.leaf, self.links, self.contribution = leaf, links, contribution


class Symbols:
    """One Symbol for each operand and output of a graph."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.made: dict = {}
        self.order: dict[int, int] = {}
        for step in graph.steps:
            for source in step.inputs:
                if source.kind in ("leaf", "constant", "unknown"):
                    made = [self.of(source)]
                    if source.meant is not None:
                        made = [self.named(name, tensor) for name, tensor in source.meant[1]]
                    for tree in made:
                        self.order.setdefault(id(tree), len(self.order))

    def of(self, source: Source):
        if source.kind == "number":
            value = source.value
            return value if isinstance(value, complex) else float(value)
        if source.kind == "absent":
            return None
        if source.kind == "step":
            return self.output(source.step, source.index)
        key = id(source)
        if source.meant is not None:
            make, names = source.meant
            return make(*(self.named(name, tensor) for name, tensor in names))
        if source.kind == "constant" and source.anonymous and source.value.numel() == 1:
            return graphs.plain_number(source.value)
        if key not in self.made:
            value = source.value.detach() if source.kind in ("leaf", "constant") else None
            self.made[key] = Symbol(source.symbol, value)
        return self.made[key]

    def named(self, name, tensor):
        """The Symbol of what a variable holds: a leaf, a constant or a result of the graph."""
        if name not in self.made:
            held = [*self.graph.leaves.values(), *self.graph.constants.values()]
            own = [s for s in held if s.symbol == name and s.kind in ("leaf", "constant") and s.meant is None]
            made = [(s, k) for s in self.graph.steps for k, symbol in s.symbols.items() if symbol == name]
            if own:
                self.made[name] = self.of(own[0])
            else:
                self.made[name] = self.output(*made[0]) if made else Symbol(name, tensor.detach())
        return self.made[name]

    def output(self, step, index):
        key = (id(step), index)
        if key not in self.made:
            values = step.values or []
            name = step.symbols.get(index) or f"{step.symbols[min(step.symbols)]}[{index}]"
            self.made[key] = Symbol(name, values[index] if index < len(values) else None)
        return self.made[key]


def gradient_symbol(of: str, loss: str, value) -> Symbol:
    return Symbol(f"d{loss}/d{of}", value, loss, of)


def local_derivatives(graph: Graph, symbols: Symbols, loss: str) -> dict[int, list[Local | None]]:
    """For each step (by order) one entry an operand: None where no gradient goes."""
    found = {}
    memo: dict = {}
    root = graph.by_node[id(graph.loss.grad_fn)]
    for step in graph.steps:
        row: list[Local | None] = []
        outputs = [symbols.output(step, k) for k in range(max(1, len(step.values or [])))]
        gradients = [
            gradient_symbol(outputs[k].name, loss, step.grads[k])
            if k < len(step.grads) and step.grads[k] is not None
            else None
            for k in range(len(outputs))
        ]
        if step is root and graph.loss.numel() == 1 and len(gradients) == 1:
            gradients = [1.0]
        operands = [symbols.of(source) for source in step.inputs]
        for i, source in enumerate(step.inputs):
            if source.kind not in ("step", "leaf") or all(g is None for g in gradients):
                row.append(None)
                continue
            try:
                tree = rewrite.polished(formula.local_tree(step, i, gradients, operands, outputs, memo))
                factor = rewrite.polished(_factor(step, i, operands, outputs, memo))
            except (
                KeyError,
                RuntimeError,
                TypeError,
                ValueError,
                IndexError,
                AttributeError,
                ArithmeticError,
            ):
                tree = factor = None
            row.append(Local(step, i, tree, factor))
        found[step.order] = row
    return found


def _factor(step, i, operands, outputs, memo):
    """The local derivative itself, where the gradient is multiplied by it element by element; else None."""
    if step.formula is not None:
        names = {**dict(zip("abc", operands)), "g": 1.0, "y": outputs[0]}
        own = formula.named(step.formula[1 + i], step.op)
        if formula.keeps_conjugates() and _conjugates_gradient(own):
            return None  # linear in the conjugate of g: no factor
        return formula.squared(formula.substitute(own, names))
    if len(step.inputs) == 1 and step.shape is not None:  # a sum and the like: the same number everywhere
        one = Symbol("g", facula.ones(step.shape, dtype=step.dtype))
        tree = formula.local_tree(step, i, [one], operands, outputs, memo)
        if tree is one:
            return 1.0
        if isinstance(tree, tuple) and tree[0] == "div" and tree[1] is one and isinstance(tree[2], float):
            return ("div", 1.0, tree[2])
        if isinstance(tree, tuple) and tree[0] == "mul" and one in tree[1:] and isinstance(tree[2], float):
            return tree[2]
    return None


def _conjugates_gradient(tree, inside=False) -> bool:
    if not isinstance(tree, tuple):
        return False
    if tree[0] == "g":
        return inside
    return any(_conjugates_gradient(t, inside or tree[0] in ("conj", "real", "imag")) for t in tree[1:])


def paths(graph: Graph, locals_: dict, leaf: Source, limit: int = 6):
    """(paths from the loss to a leaf, how many there are)."""
    count: dict[int, int] = {}
    for step in graph.steps:  # forward order: operands come first
        total = 0
        for local in locals_.get(step.order, ()):
            if local is None:
                continue
            if local.source is leaf:
                total += 1
            elif local.source.kind == "step":
                total += count.get(local.source.step.order, 0)
        count[step.order] = total
    root = graph.by_node[id(graph.loss.grad_fn)]
    found: list[list[Local]] = []
    stack = [(root, [])]
    while stack and len(found) < limit:
        step, links = stack.pop()
        for local in reversed(locals_.get(step.order, [])):
            if local is None:
                continue
            if local.source is leaf:
                found.append([*links, local])
            elif local.source.kind == "step" and count.get(local.source.step.order):
                stack.append((local.source.step, [*links, local]))
    return [Path(leaf, links, _contribution(graph, links)) for links in found[:limit]], count[root.order]


def _contribution(graph, links):
    g = facula.ones_like(graph.loss.detach())
    for k, local in enumerate(links):
        index = graph.loss.output_nr if k == 0 else links[k - 1].source.index
        step = local.step
        grads = [None] * max(index + 1, len(step.grads))
        grads[index] = g
        g = graphs.local_gradients(step, grads)[local.index]
        if g is None:
            return None
    return g


def closed_forms(graph: Graph, symbols: Symbols, loss: str, limit: int = 400):
    """({id of leaf: (tree, simplified)}, tree of the loss): the gradients in leaves and constants alone.

    A form whose value is not the gradient's is left out; simplified means that algebra was done on it.
    """
    memo: dict = {}
    forward: dict[tuple[int, int], object] = {}
    try:
        for step in graph.steps:
            operands = [_operand_tree(source, symbols, forward) for source in step.inputs]
            for index in range(max(1, len(step.values or []))):
                if step.values is None or step.values[index] is None:
                    if index == 0:
                        return {}, None
                    continue
                forward[id(step), index] = formula.forward_tree(step, index, operands, memo)
    except formula.UNKNOWN:
        return {}, None
    root = (id(graph.by_node[id(graph.loss.grad_fn)]), graph.loss.output_nr)
    total = forward.get(root)
    if total is not None and rewrite.size(total, limit) > limit:
        return {}, None
    back: dict[tuple[int, int], object] = {root: 1.0}
    leaf_trees: dict[int, object] = {}
    for step in reversed(graph.steps):
        count = max(1, len(step.values or []))
        gradients = [back.get((id(step), k)) for k in range(count)]
        if all(g is None for g in gradients):
            continue
        operands = [_operand_tree(source, symbols, forward) for source in step.inputs]
        outputs = [forward.get((id(step), k)) for k in range(count)]
        for i, source in enumerate(step.inputs):
            if source.kind not in ("step", "leaf"):
                continue
            try:
                tree = formula.local_tree(step, i, gradients, operands, outputs, memo)
            except (
                KeyError,
                RuntimeError,
                TypeError,
                ValueError,
                IndexError,
                AttributeError,
                ArithmeticError,
            ):
                return {}, total
            if tree is None:
                continue
            if source.kind == "leaf":
                before = leaf_trees.get(id(source.value))
                leaf_trees[id(source.value)] = tree if before is None else formula.tidy(("add", before, tree))
            else:
                key = (id(source.step), source.index)
                before = back.get(key)
                back[key] = tree if before is None else formula.tidy(("add", before, tree))
    forms = {}
    algebra.available()  # its import does not count
    deadline = time.thread_time() + _PATIENCE
    for key, tree in leaf_trees.items():
        gradient = graph.leaf_grads.get(key)
        if gradient is None or rewrite.size(tree, limit) > limit or _says_nothing(tree):
            continue
        hurried = time.thread_time() > deadline
        plain = rewrite.unguarded(tree)
        if plain is not tree and _has_value(plain, gradient):
            tree = plain
        short = tree if gradient.is_complex() or hurried else rewrite.rewritten(tree)
        simple = None if gradient.is_complex() or hurried else algebra.simplify(short, symbols.order)
        if simple is None and short is not tree:
            simple = algebra.simplify(tree, symbols.order)
        shape = tuple(gradient.shape)
        written = None if simple is None else rewrite.entries(simple, shape)
        if written is not None and written is not simple:
            parts = [algebra.simplify(t, symbols.order) if isinstance(t, tuple) else t for t in written[1:]]
            written = (written[0], *(t if p is None else p for p, t in zip(parts, written[1:])))
        for candidate, simplified in ((written, True), (simple, True), (short, False), (tree, False)):
            if candidate is not None and _has_value(candidate, gradient):
                forms[key] = (candidate, simplified)
                break
        if simple is not None:
            other = _with_masks(tree, symbols)
            best = forms.get(key, (None, False))[0]
            if other is not None and (best is None or len(text(other)) < len(text(best))):
                if _has_value(other, gradient):
                    forms[key] = (other, True)
    return forms, total


def _with_masks(tree, symbols):
    """The simplified tree with masks for entries that are picked and put back; None where there are none."""
    try:
        labels = [s for s in symbols.made.values() if s.value is not None and s.value.dtype == _C.int64]
        plain = rewrite.masked(tree, labels)
        if plain == tree and not rewrite.keeps_summed(tree):
            return None
        plain = rewrite.pulled_out(algebra.simplify(plain, symbols.order) or plain)
        return algebra.simplify(plain, symbols.order)
    except formula.UNKNOWN:
        return None


def _says_nothing(tree) -> bool:
    """Whether a derivative without a formula is taken of a number alone."""
    if not isinstance(tree, tuple):
        return False
    if isinstance(tree[0], formula.Opaque) and not any(isinstance(t, (Symbol, tuple)) for t in tree[1:]):
        return True
    return any(map(_says_nothing, tree[1:]))


def _in_leaves(tree, results):
    """A tree with what stands for results of steps."""
    if isinstance(tree, Symbol):
        return results.get(id(tree), tree)
    return (tree[0], *(_in_leaves(t, results) for t in tree[1:])) if isinstance(tree, tuple) else tree


def _operand_tree(source, symbols, forward):
    if source.meant is not None:
        names = {id(s): forward[key] for key, s in symbols.made.items() if key in forward}
        return _in_leaves(symbols.of(source), names)
    if source.kind == "constant" and source.anonymous and source.value.is_floating_point():
        value = _uniform(source.value)
        if value is not None:
            return value
    return forward[id(source.step), source.index] if source.kind == "step" else symbols.of(source)


def _has_value(tree, gradient) -> bool:
    try:
        value = formula.evaluate(tree)
        if not isinstance(value, _C.Tensor):
            value = facula.tensor(float(value), dtype=gradient.dtype)
        value = formula.fit(value, gradient.shape).to(gradient.dtype)
    except formula.UNKNOWN:
        return False
    difference = (value - gradient).abs()
    scale = gradient.abs().max() if gradient.numel() else 0
    tolerance = 1e-9 if gradient.dtype == _C.float64 else 1e-4
    equal = (
        (difference <= tolerance * (scale + 1e-6))
        | (value == gradient)
        | ((value != value) & (gradient != gradient))
    )
    return bool(equal.all())


def _uniform(tensor) -> float | None:
    """The number that all elements are, or None."""
    if tensor.numel() and bool((tensor == tensor.reshape(-1)[0]).all()):
        return float(tensor.reshape(-1)[0])
    return None
