"""From steps to trees (trees.py): what an operation computes of its operands, and what its derivative does.

The entries of pointwise operations state both themselves; a structural operation is an `Again`, known by the
node that ran it, and its derivative is run with its own graph recorded, which is read as a formula.
"""

from __future__ import annotations

import facula

from .. import _C
from . import graph as graphs
from . import moves, notation
from .tidying import squared, substitute, tidy
from .trees import UNKNOWN, Symbol, evaluate, fit, function, keeps_conjugates, mind_conjugates, shape_of

__all__ = [
    "Again",
    "Opaque",
    "Symbol",
    "UNKNOWN",
    "evaluate",
    "fit",
    "forward_tree",
    "function",
    "keeps_conjugates",
    "local_tree",
    "mind_conjugates",
    "shape_of",
    "substitute",
    "tidy",
]


class Again:
    """An operation that is no function of single elements: runs a node again."""

    __slots__ = ("_key", "dtypes", "index", "name", "node", "shapes")

    def __init__(self, name, node, index, shapes, dtypes):
        self.name, self.node, self.index, self.shapes, self.dtypes = name, node, index, shapes, dtypes
        self._key = None

    @property
    def key(self):
        """Equal for operations that do the same, whichever node ran them."""
        if self._key is None:
            self._key = (self.name, id(self.node), self.index)
            try:
                zeros = [facula.zeros(s, dtype=t) for s, t in zip(self.shapes, self.dtypes) if s is not None]
                if all(z.is_floating_point() and z.numel() <= 256 for z in zeros):
                    found = self(*map(notation.probe, zeros))
                    if found.numel() <= 256:
                        shapes = tuple(tuple(z.shape) for z in zeros)
                        self._key = (self.name, shapes, str(self.dtypes), str(found.tolist()))
            except UNKNOWN:
                pass
        return self._key

    def __call__(self, *values):
        # An operation is run on what it was recorded for, never on other shapes or types: it does not check.
        values = [None if s is None else fit(v, s).to(t) for v, s, t in zip(values, self.shapes, self.dtypes)]
        return _C._node_replay(self.node, values)[self.index]


class Opaque:
    """A derivative that leaves no formula: printed by name, evaluated through autograd."""

    __slots__ = ("name", "run")

    def __init__(self, name, run):
        self.name, self.run = name, run

    def __call__(self, *values):
        return self.run(*values)


# --- from steps to trees ---


def forward_tree(step, index, operands, memo, drop=True):
    """What output `index` of a step is in terms of its operands' trees.

    drop: leave out operations that change nothing but the shape, such as the sum of one element.
    """
    if step.formula is not None and index == 0:
        own = step.formula[0]
        names = dict(zip("abc", operands))
        return substitute(named(own, step.op), names)
    return _structural(step, index, operands, memo, drop)


def called(op, tree, operands):
    """`clamp(x, -1, 1)`, where the formula would be a nest of cases."""
    numbers: dict[float, None] = {}

    def cases(t):
        if isinstance(t, float) and t not in operands:
            numbers[t] = None
        if not isinstance(t, tuple) or t in operands:
            return 0
        return (t[0] == "where") + sum(map(cases, t[1:]))

    if cases(tree) < 2:
        return tree
    return (Opaque(op, None), *(o for o in operands if o is not None), *numbers)


def named(tree, op):
    """`tree` with the operation's own name for "?"."""
    if not isinstance(tree, tuple):
        return tree
    return (op if tree[0] == "?" else tree[0], *(named(t, op) for t in tree[1:]))


def _structural(step, index, operands, memo, drop):
    if step.op in ("tied", "steps"):  # a gradient, and what its own derivative is to depend on
        return operands[0]
    values = [None if o is None else evaluate(o, memo) for o in operands]
    tensors = [v if isinstance(v, _C.Tensor) or v is None else facula.tensor(float(v)) for v in values]
    if not graphs.conforms(step):
        raise KeyError("operands that may have another shape")
    shapes, dtypes = [], []
    for source in step.inputs:
        if source.kind == "absent":
            shapes.append(None)
            dtypes.append(None)
            continue
        real = graphs.operand(source)  # KeyError: not known
        if real is None:
            raise KeyError("a number")
        shapes.append(tuple(real.shape))
        dtypes.append(real.dtype)
    op = _convolution(shapes, step.shape) if step.op == "convolution" and step.shape else step.op
    again = Again(op, step.node, index, shapes, dtypes)
    # An operand that is smaller than what the operation saw is written out.
    full = [o if o is None or s is None else _full(o, s, memo) for o, s in zip(operands, shapes)]
    usual = notation.usual(step.op, again, operands, full, tensors, drop)
    if usual is None:
        usual = _plain(op, again, full)
    elif drop and isinstance(usual, tuple):
        usual = tidy(usual)
    return _folded(usual, memo) if drop else usual


def _folded(tree, memo):
    """A constant where all operands are."""
    if isinstance(tree, tuple) and _is_constant(tree):
        try:
            value = evaluate(tree, memo)
        except UNKNOWN:
            return tree
        if isinstance(value, _C.Tensor) and value.numel() <= 4096:
            return notation.constant(value, memo.get("labels", ()))
    return tree


_labels: list = []  # the Symbols of integers that were met last


def constant_of(tree):
    """The constant that a tree of numbers is."""
    return notation.constant(evaluate(tree), _labels)


def is_number(tree) -> bool:
    plain = isinstance(tree, tuple) and isinstance(tree[0], str)
    return all(map(is_number, tree[1:])) if plain else isinstance(tree, (int, float))


def _is_constant(tree) -> bool:
    if isinstance(tree, Symbol):
        return tree.is_constant
    if not isinstance(tree, tuple):
        return True
    return not isinstance(tree[0], Opaque) and all(map(_is_constant, tree[1:]))


def _convolution(shapes, result) -> str:
    """`conv2d`, `conv_transpose2d`: which of them, the shapes tell."""
    x, w = shapes[:2]
    if x is None or w is None or len(x) != len(w) or len(w) not in (3, 4, 5):
        return "convolution"
    forward, back = result[1] == w[0] and x[1] % w[1] == 0, x[1] == w[0] and result[1] % w[1] == 0
    if forward and back:
        forward = result[2:] <= x[2:]
    return f"{'conv' if forward else 'conv_transpose'}{len(w) - 2}d"


def _plain(op, again, full):
    if any(o is None for o in full):
        places = [i for i, o in enumerate(full) if o is not None]
        count = len(full)

        def run(*given):
            row = [None] * count
            for i, v in zip(places, given):
                row[i] = v
            return again(*row)

        return (Opaque(op, run), *(full[i] for i in places))
    return (again, *full)


def _full(tree, shape, memo):
    if tuple(shape) == shape_of(tree, memo):
        return tree
    size = facula.Size(shape).numel()
    if size == facula.Size(shape_of(tree, memo)).numel():
        return tree
    if isinstance(tree, (int, float)):
        name = f"ones{tuple(shape)}".replace(",)", ")")
        ones = Symbol(name, facula.ones(shape), is_constant=True)
        return tidy(("mul", tree, ones))
    move = moves.expanded(shape_of(tree, memo), shape)
    return (Opaque("expand", lambda v: fit(v, shape)) if move is None else move, tree)


def _shape_of_source(source):
    if source.kind in ("leaf", "constant"):
        return tuple(source.value.shape)
    if source.kind == "step" and source.step.values and source.index < len(source.step.values):
        v = source.step.values[source.index]
        return None if v is None else tuple(v.shape)
    return None


def local_tree(step, i, gradients, operands, outputs, memo):
    """The gradient of operand i, given trees of those of the step's outputs; None where none flows."""
    shape = _shape_of_source(step.inputs[i])
    if step.formula is not None:
        names = {**dict(zip("abc", operands)), "g": gradients[0], "y": outputs[0]}
        tree = squared(substitute(named(step.formula[1 + i], step.op), names))
        whole = step.shape
    else:
        tree, whole = _recorded(step, i, gradients, operands, outputs, memo)
        if tree is None:
            return None
    if shape is not None and whole is not None and tuple(shape) != tuple(whole):
        tree = sum_to(tree, whole, shape, memo)
    return tree


def sum_to(tree, whole, shape, memo):
    """The sum over what was repeated to make `whole` out of `shape`."""
    total, left = facula.Size(whole).numel(), facula.Size(shape).numel()
    have = facula.Size(shape_of(tree, memo)).numel()
    if total == left:
        return tree
    if have == left and left and total % left == 0 and have <= total:
        if fit_is_exact(shape_of(tree, memo), shape):  # all the same along what is summed
            return tidy(("mul", float(total // left), tree))
    summed = moves.SumTo(whole, shape)
    moved = moves.summed(tree, whole, summed.dims, shape)
    if moved is not None:
        return moved
    return tidy((summed, _full(tree, whole, memo) if have != total else tree))


def fit_is_exact(a, b):
    return tuple(n for n in a if n != 1) == tuple(n for n in b if n != 1)


def _recorded(step, i, gradients, operands, results, memo):
    """Runs the step's derivative with its own graph, and reads that graph as a formula."""
    again = graphs.record_again(step)
    if again is None:
        return _written(step, i, gradients, memo)
    inputs, outputs = again
    if i >= len(inputs) or inputs[i] is None:
        return None, None
    previous = _C._set_grad_enabled(True)
    try:
        leaves = []
        for o, g in zip(outputs, gradients):
            leaves.append(
                None if o is None or g is None else fit(_tensor(g, memo, o), o.shape).clone().to(o.dtype)
            )
        for leaf in leaves:
            if leaf is not None:
                leaf.requires_grad_()
        found = graphs.gradients_of(outputs, inputs, leaves, create_graph=True)[i]
    finally:
        _C._set_grad_enabled(previous)
    if found is None:
        return None, None
    trees = {}
    memo["operands"] = [(t, o) for t, o in zip(inputs, operands) if t is not None and o is not None]
    memo["labels"] = _labels[:] = [
        o for o in operands if isinstance(o, Symbol) and o.value is not None and o.value.dtype == _C.int64
    ]
    for t, tree in [*zip(inputs, operands), *zip(leaves, gradients)]:
        if t is not None and tree is not None:
            trees[_C._tensor_address(t)] = tree
    shape = tuple(found.shape)
    try:
        tree = tree_of(found, trees, memo)
        if isinstance(tree, tuple) and isinstance(tree[0], moves.Move) and tree[0].name.startswith("place"):
            index = _index_of(step, i, operands, memo)
            tree = (tree[0].renamed(f"place{index}"), *tree[1:]) if index else tree
        return tree, shape
    except UNKNOWN:
        order = [k for k, leaf in enumerate(leaves) if leaf is not None]

        def run(*values):
            fresh = [values[order.index(k)] if k in order else None for k in range(len(outputs))]
            return graphs.local_gradients(
                step, [None if v is None else fit(v, o.shape) for v, o in zip(fresh, outputs)]
            )[i]

        if len(order) == 1:
            g = gradients[order[0]]
            known = _moved_back(step, i, run, operands, inputs, outputs[order[0]], g, results, memo)
            if known is not None:
                return known, shape
        return (Opaque(f"{step.op}_vjp", run), *(gradients[k] for k in order)), shape


def _product_shape(step, x, y, found) -> tuple | None:
    """Where y = prod(x), the derivative of which is y/x, here and for other numbers: the shape in which y is
    broadcast to that of x."""
    if found is None or not x.is_floating_point() or y.dim() not in (0, x.dim(), x.dim() - 1):
        return None
    if y.numel() >= x.numel():  # what only moves or drops elements has this slope too
        return None
    for d in (None,) if y.dim() == 0 else range(x.dim()):

        def wide(t, d=d):
            return t if d is None or t.dim() == x.dim() else t.unsqueeze(d)

        fits = all(n in (1, m) for n, m in zip(wide(y).shape, x.shape))
        if fits and graphs.same(wide(y) / x, found):
            other = notation.probe(x).requires_grad_()
            previous = _C._set_grad_enabled(True)
            try:
                again = _C._node_replay(step.node, [other])[0]
                (slope,) = _C._grad([again], [other], [facula.ones_like(again)])
            finally:
                _C._set_grad_enabled(previous)
            return tuple(wide(y).shape) if graphs.same((wide(again) / other).detach(), slope) else None
    return None


def _moved_back(step, i, run, operands, inputs, output, g, trees, memo):
    """The derivative of an operation that moves elements, which moves them back; or None.

    Which elements an operation such as sort takes may depend on their values: as they are.
    """
    one = output.detach()
    if len(operands) == len(trees) == 1:
        wide = _product_shape(step, inputs[0].detach(), one, run(facula.ones_like(one)))
        if wide is not None:
            lift = moves.Move(one.shape, wide, range(one.numel()))
            g, y = (t if isinstance(t, float) else moves.moved(lift, t) for t in (g, trees[0]))
            return tidy(("div", tidy(("mul", g, y)), operands[0]))
    index = _index_of(step, i, operands, memo)
    move = notation.move_of(run, one)
    if move is not None and (index or move.name != "place"):
        return moves.moved(move.renamed(f"place{index}") if index else move, g)
    if index:
        return (Opaque(f"add_at{index}", run), g)  # where an index repeats, gradients add up
    mask = run(facula.ones_like(one))
    if mask is None or not bool(((mask == 0) | (mask == 1)).all()):
        return moves.moved(move, g) if move is not None else None
    x = notation.probe(one)
    for d in range(mask.dim()):
        wide = x if x.dim() == mask.dim() else x.unsqueeze(d) if x.dim() == mask.dim() - 1 else None
        fits = wide is not None and all(n in (1, m) for n, m in zip(wide.shape, mask.shape))
        if fits and graphs.same(mask * wide, run(x)):
            lifted = moves.moved(moves.Move(x.shape, wide.shape, range(x.numel())), g)
            return tidy(("mul", lifted, notation.constant(mask, memo.get("labels", ()))))
    return moves.moved(move, g) if move is not None else None


def _index_of(step, i, operands, memo) -> str:
    """`[t]` where the operation is x[t] for operand i, as it is written; else ""."""
    try:
        tree = forward_tree(step, 0, operands, memo)
    except UNKNOWN:
        return ""
    if isinstance(tree, tuple) and isinstance(tree[0], moves.Move) and tree[1] is operands[i]:
        name = tree[0].name
        return name if name.startswith("[") else f"[{name[1:]}]" if name.startswith(".gather") else ""
    return ""


def _written(step, i, gradients, memo):
    """The derivative of an operation one of whose operands is not known any more, if it is linear: a sum, a
    write into a part of a tensor."""
    if step.shape is None or gradients[0] is None or len(gradients) > 1:
        return None, None

    def run(g):
        return graphs.local_gradients(step, [g])[i]

    like = facula.zeros(step.shape, dtype=step.dtype)
    if step.op in ("copy_slices", "as_strided"):
        move = notation.move_of(run, like)
        return (None, None) if move is None else (moves.moved(move, gradients[0]), move.shape)
    if like.numel() == 1:
        found = run(facula.ones_like(like))
        number = None if found is None or not found.numel() else notation.constant(found)
        if isinstance(number, float):
            return tidy(("mul", number, gradients[0])), tuple(found.shape)
    return None, None


def _tensor(tree, memo, like):
    value = evaluate(tree, memo)
    return value.detach() if isinstance(value, _C.Tensor) else facula.tensor(value, dtype=like.dtype)


def _kept(tensor, memo):
    """What a derivative has kept: an operand in another shape, or a constant."""
    for t, tree in memo.get("operands", ()):
        move = moves.view_of(tensor, t.detach())
        if move is not None:
            return moves.moved(move, tree)
    return notation.constant(tensor, memo.get("labels", ()))


def tree_of(tensor, trees: dict, memo):
    """The formula of a recorded tensor, whose leaves are known by address."""
    address = _C._tensor_address(tensor)
    if address in trees:
        return trees[address]
    if tensor.grad_fn is None:
        return _kept(tensor, memo)
    inner = graphs.read(tensor, limit=200)
    if not inner.complete:
        raise KeyError("too long")
    given: dict[int, object] = {}
    for key, source in inner.constants.items():
        if source.kind == "unknown" and key in trees:  # an operand that takes part as a constant
            given[id(source)] = trees[key]
            source.kind, source.value = "constant", _tensor(trees[key], memo, tensor)
    graphs.compute_values(inner)
    made: dict[tuple[int, int], object] = {}
    for step in inner.steps:
        operands = []
        for source in step.inputs:
            if source.kind == "step":
                operands.append(made[id(source.step), source.index])
            elif source.kind == "number":
                operands.append(source.value)
            elif source.kind in ("leaf", "constant"):
                tree = given.get(id(source), trees.get(_C._tensor_address(source.value)))
                operands.append(_kept(source.value, memo) if tree is None else tree)
            elif source.kind == "absent":
                operands.append(None)
            else:
                raise KeyError("unknown")
        for index in range(len(step.values or [None])):
            made[id(step), index] = forward_tree(step, index, operands, memo)
    return made[id(inner.by_node[id(tensor.grad_fn)]), tensor.output_nr]
