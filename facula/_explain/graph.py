"""A recorded graph as explain sees it: its steps in forward order, their values, gradients and constants.

A node keeps only what its derivative reads. Its other operands are found again: leaves are held by the graph,
numbers stand in the edges, and an edge to a constant tensor remembers the tensor's address, by which the
caller's variables are recognised (an address may have been used again since, so the result is compared with
the real one). From these every value is computed anew by running the nodes' own operations again.
"""

from __future__ import annotations

import re
import time

from .. import _C

__all__ = ["Graph", "Source", "Step", "read", "short"]


_UNREAD = object()


class Source:
    """An operand: the output of a step, a leaf, a constant tensor, a number, or unknown."""

    __slots__ = "anonymous doubtful index kept kind meant solved step symbol value".split()

    def __init__(self, kind, value=None, step=None, index=0, symbol=None):
        self.kind, self.value, self.step, self.index, self.symbol = kind, value, step, index, symbol
        self.kept = None  # the value of a step's output, where the operation that read it keeps it
        self.meant = None  # (f, [(name, tensor)]): what a constant without a name is made of
        self.anonymous = False  # no variable holds it
        self.solved = False  # found from a result that was computed with it
        self.doubtful = False  # recognised by its address, which another tensor may have had then


class Step:
    """One node: `name` as PyTorch writes it, `op` the operation, and one list entry for each output."""

    __slots__ = "node name op inputs _formula released symbols values grads shape dtype order saved".split()

    def __init__(self, node, parts):
        self.node = node
        self.name, _, self.saved, self.released, op = parts
        self._formula = _UNREAD
        self.op = op.lstrip("_") if op else operation_name(self.name)
        if not op and len(parts[1]) > 3 and self.op in ("mul", "add"):
            self.op = "fused"  # a cell of a recurrent network, under the name of its last operation
        self.inputs: list[Source] = []
        self.symbols: dict[int, str] = {}
        self.values: list | None = None
        self.grads: list = [None]
        self.shape, self.dtype = None, None
        self.order = 0

    @property
    def formula(self):
        """(forward, gradient of operand 0, ...) as trees, of a pointwise operation; else None."""
        if self._formula is _UNREAD:
            self._formula = _C._node_formula(self.node)
        return self._formula

    @property
    def value(self):
        """The first output, or None where it is not known."""
        return self.values[0] if self.values else None


def operation_name(node_name: str) -> str:
    """`LogSoftmaxBackward0` is `log_softmax`, `LinalgInvExBackward0` is `inv`."""
    stem = re.sub(r"Backward\d*$", "", node_name)
    stem = re.sub(r"^Linalg(\w+?)(Ex)?$", r"\1", stem)
    stem = re.sub(r"(\d)D", r"\1d", stem)  # MaxPool2D
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", stem).lower()


def short(value, digits: int = 4) -> str:
    """A tensor or number in few characters."""
    if value is None:
        return "?"
    if isinstance(value, (int, float, complex)):
        return number(value, digits)
    if value.numel() == 1:
        inner = number(value.item(), digits)
        return inner if value.dim() == 0 else "[" * value.dim() + inner + "]" * value.dim()
    if value.numel() == 0:
        return "[]"
    if value.dim() == 1 and value.numel() <= 4 or value.dim() == 2 and value.numel() <= 6:
        return nested(value.tolist(), digits)
    return brief(value, digits)


def brief(value, digits: int = 4) -> str:
    """The shape and norm of a tensor."""
    shape = "×".join(str(n) for n in value.shape)
    if value.dtype == _C.bool or not (value.is_floating_point() or value.is_complex()):
        return f"{shape} {str(value.dtype).removeprefix('torch.')}"
    norm = float(value.detach().abs().to(_C.float64).square().sum().sqrt())
    return f"{shape}, norm {number(norm, digits)}"


def nested(items, digits: int = 4) -> str:
    """A list of lists of numbers."""
    if isinstance(items, list):
        return "[" + ", ".join(nested(i, digits) for i in items) + "]"
    return number(items, digits)


def plain_number(t):
    """The one element of a tensor."""
    value = t.item()
    return value if isinstance(value, (bool, complex)) else float(value)


def number(x, digits: int = 4) -> str:
    """`-0.56`, `3`, `1.2e-07`."""
    if isinstance(x, complex):
        imaginary = number(x.imag, digits)
        return f"({number(x.real, digits)}{'' if imaginary.startswith('-') else '+'}{imaginary}j)"
    if isinstance(x, (bool, int)):
        return str(x)
    text = f"{x:.{digits}g}"
    return "0" if text == "-0" else text


class Graph:
    """The steps of a loss in forward order, its leaves, and what was found out about them."""

    def __init__(self, loss):
        self.loss = loss
        self.steps: list[Step] = []
        self.by_node: dict[int, Step] = {}
        self.leaves: dict[int, Source] = {}  # by id of the tensor
        self.constants: dict[object, Source] = {}
        self.leaf_grads: dict[int, object] = {}
        self.complete = True  # False: the walk was stopped
        self.stopped = ""  # what is missing for lack of time
        self.loss_name = "L"
        self.released = False
        self.remark = ""  # a sentence on the tensor itself
        self.mismatch = None  # a text, when recomputed values differ from real ones
        self.seconds = 0.0

    @property
    def last(self) -> Step:
        return self.steps[-1]


def read(loss, *, limit: int = 300_000, seconds: float = 20.0) -> Graph:
    """Walks the graph behind `loss` (a tensor with a grad_fn) without recursion."""
    started = time.perf_counter()
    graph = Graph(loss)
    root = loss.grad_fn
    seen, stack, raw = {root}, [root], []
    while stack:
        node = stack.pop()
        parts = _C._node_parts(node)
        raw.append((node._sequence_nr(), node, parts))
        for next_node, *_ in parts[1]:
            if next_node is not None and next_node not in seen:
                seen.add(next_node)
                stack.append(next_node)
        if len(raw) >= limit or (len(raw) & 1023 == 0 and time.perf_counter() - started > seconds):
            graph.complete = not stack
            break
    raw.sort(key=lambda item: item[0])
    for order, (_, node, parts) in enumerate(raw):
        step = Step(node, parts)
        step.order = order
        graph.released |= step.released
        graph.steps.append(step)
        graph.by_node[id(node)] = step
    for step, (_, _, parts) in zip(graph.steps, raw):
        saved = step.saved if len(step.saved) >= len(parts[1]) else (None,) * len(parts[1])
        step.inputs = [_source(graph, edge, kept) for edge, kept in zip(parts[1], saved)]
    graph.seconds = time.perf_counter() - started
    return graph


def _source(graph, edge, kept) -> Source:
    node, leaf, output, constant = edge
    if node is not None:
        step = graph.by_node.get(id(node))
        source = Source("step", step=step, index=output) if step else Source("unknown")
        source.kept = kept if isinstance(kept, _C.Tensor) else None
        return source
    if leaf is not None:
        return graph.leaves.setdefault(id(leaf), Source("leaf", leaf))
    if isinstance(kept, _C.Tensor):
        key = constant if isinstance(constant, int) else id(kept)
        return graph.constants.setdefault(key, Source("constant", kept))
    if isinstance(kept, (int, float, complex)) and not isinstance(constant, int):
        return Source("number", kept)
    if isinstance(constant, float):
        return Source("number", constant + 0.0)
    if constant is None:
        return Source("absent")
    return graph.constants.setdefault(constant, Source("unknown", constant))


# --- values ---


def conforms(step: Step) -> bool:
    """Whether the step may be run on what its operands hold now.

    Pointwise operations look at the shapes they are given. Others rely on those they were recorded with,
    which are not known of an operand recognised by its address: such a step is refused, unless it is a
    product of matrices, whose rule can be found out on square ones.
    """
    if not any(source.doubtful for source in step.inputs) or step.formula is not None:
        return True
    if step.op.endswith("_loss") or "cross_entropy" in step.op:
        return _compares(step)
    if step.op not in ("mm", "addmm") or any(s.kind in ("absent", "number") for s in step.inputs):
        return False
    try:
        operands = [operand(source) for source in step.inputs]
    except KeyError:
        return False
    import facula

    a, b = operands[-2:]
    if a.dim() != 2 or b.dim() != 2 or any(t.dtype != a.dtype for t in operands) or 0 in (*a.shape, *b.shape):
        return False
    n = max(*a.shape, *b.shape)
    if n > 512:
        return False
    x = (facula.arange(n * n) * 1.7 + 4.0).sin().to(a.dtype).reshape(n, n)
    y = (facula.arange(n * n) * 0.9 + 1.0).cos().to(a.dtype).reshape(n, n)
    zero = [(x[0] * 0)] if len(operands) == 3 else []
    found = _C._node_replay(step.node, [*zero, x, y])[0]
    for p, u in ((a, x), (a.t(), x.t())):
        for q, v in ((b, y), (b.t(), y.t())):
            product = u @ v
            scale = found[0, 0] / product[0, 0]
            if bool(((found - scale * product).abs() <= 1e-3 * found.abs().max()).all()):
                return p.shape[1] == q.shape[0]
    return False


def _compares(step: Step) -> bool:
    """Whether the operands of a loss have shapes and labels that it is safe to compute it from."""
    try:
        operands = [operand(source) for source in step.inputs if source.kind != "absent"]
    except KeyError:
        return False
    if len(operands) != 2 or None in operands:
        return False
    a, b = operands
    if a.dtype == b.dtype and a.is_floating_point():
        return a.shape == b.shape
    if (
        b.dtype != _C.int64
        or step.op != "nll_loss"
        or a.dim() != 2
        or b.shape != a.shape[:1]
        or not b.numel()
    ):
        return False
    return 0 <= int(b.min()) and int(b.max()) < a.shape[1]


def outputs_again(step: Step, inputs) -> list | None:
    """The step's operation on other inputs; None where it cannot be run again."""
    if not conforms(step):
        return None
    try:
        return list(_C._node_replay(step.node, inputs)) or None
    except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError):
        return None


def cannot_run(step: Step) -> bool:
    """Whether the operation fails on the very operands it had."""
    try:
        return outputs_again(step, [operand(source) for source in step.inputs]) is None
    except KeyError:
        return False


def operand(source: Source):
    """The tensor an operand holds, None for a number or what is absent; KeyError where it is not known."""
    if source.kind == "step":
        values = source.step.values
        if values is None or source.index >= len(values) or values[source.index] is None:
            raise KeyError
        return values[source.index]
    if source.kind in ("leaf", "constant"):
        return source.value.detach()
    if source.kind == "unknown":
        raise KeyError
    return None


def compute_values(graph: Graph, deadline: float | None = None) -> None:
    """Fills in `values` of every step that can be computed, with the random generator left as it was."""
    state = _C.default_generator.get_state()
    previous = _C._set_grad_enabled(False)
    try:
        for step in graph.steps:
            if step.values is not None:
                continue
            if deadline is not None and step.order & 255 == 0 and time.perf_counter() > deadline:
                graph.stopped = graph.stopped or "not all values were computed"
                break
            try:
                inputs = [operand(source) for source in step.inputs]
            except KeyError:
                continue
            # What an operation might write to is not the caller's.
            inputs = [t.clone() if s.kind == "constant" else t for s, t in zip(step.inputs, inputs)]
            step.values = outputs_again(step, inputs)
            _note_shape(step)
    finally:
        _C._set_grad_enabled(previous)
        _C.default_generator.set_state(state)


def find_constants(graph: Graph) -> None:
    """Operands that nobody holds any more, from what operations have kept of the results computed with them.

    The operation must be affine in the operand, as `y - c` is; whether it is, running it again tells.
    """
    for step in graph.steps:
        for source in step.inputs:
            if source.kind == "step" and source.kept is not None:
                values = source.step.values or []
                values += [None] * (source.index + 1 - len(values))
                if values[source.index] is None:
                    values[source.index] = source.kept.detach()
                    source.step.values = values
                    _note_shape(source.step)
    previous = _C._set_grad_enabled(False)
    try:
        for step in graph.steps:
            _solve(step, [i for i, source in enumerate(step.inputs) if source.kind == "unknown"])
    finally:
        _C._set_grad_enabled(previous)


def find_results(graph: Graph) -> None:
    """Results of operations that cannot be run again, such as a Function, from what they were used in."""
    previous = _C._set_grad_enabled(False)
    try:
        for step in reversed(graph.steps):
            lost = [i for i, s in enumerate(step.inputs) if s.kind == "step" and s.step.values is None]
            sizes = [step.inputs[i].step.shape for i in lost]
            if step.value is not None and sizes == [step.shape] and step.inputs[lost[0]].index == 0:
                _solve(step, lost)
    finally:
        _C._set_grad_enabled(previous)


def _solve(step, lost):
    """The one operand that is lost, if the result is known."""
    import facula

    if len(lost) != 1 or step.value is None or not step.value.is_floating_point():
        return
    i = lost[0]
    try:
        inputs = [None if k == i else operand(source) for k, source in enumerate(step.inputs)]
    except KeyError:
        return

    def run(value):
        found = outputs_again(step, [value if k == i else t for k, t in enumerate(inputs)])
        return found[0] if found else None

    out = step.value
    zero, one = run(facula.zeros_like(out)), run(facula.ones_like(out))
    if zero is None or one is None or zero.shape != out.shape or one.dtype != out.dtype:
        return
    value = (out - zero) / (one - zero)
    again = run(value)
    if again is not None and bool(facula.isfinite(value).all()) and same(again, out):
        source = step.inputs[i]
        if source.kind == "step":  # what a Function of the caller's returned
            source.step.values = [value]
            _note_shape(source.step)
        else:
            source.kind, source.value, source.solved = "constant", value, True


def _note_shape(step):
    if step.value is not None:
        step.shape, step.dtype = tuple(step.value.shape), step.value.dtype


def same(a, b) -> bool:
    """Equal as far as rounding goes; NaN equals NaN."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.numel() == 0:
        return True
    a, b = a.detach(), b.detach()
    close = (a == b) | ((a != a) & (b != b))
    if a.is_floating_point() or a.is_complex():
        tolerance = {_C.float64: 1e-9, _C.complex128: 1e-9, _C.float32: 1e-4}.get(a.dtype, 1e-2)
        scale = b.abs()
        close = close | ((a - b).abs() <= tolerance * (1e-3 + scale))
    return bool(close.all())


def verify(graph: Graph, known: dict[tuple[int, int], object]) -> None:
    """Compares what was computed with tensors the caller still holds: {(id of node, output): tensor}.

    Values that differ are dropped, and so are the constants that were recognised by an address and that only
    wrong values were computed from.
    """
    known = {**known, (id(graph.loss.grad_fn), graph.loss.output_nr): graph.loss}
    wrong = []
    for (node, index), tensor in known.items():
        step = graph.by_node.get(node)
        if step is None:
            continue
        if step.values is not None and index < len(step.values) and step.values[index] is not None:
            if not same(step.values[index], tensor):
                wrong.append(step)
    if wrong:
        graph.mismatch = (
            "what the graph's leaves and constants yield now differs from what was computed then: something "
            "was changed in place since (an optimizer's step?), or a constant is gone"
        )
    for (node, index), tensor in known.items():  # the real ones
        step = graph.by_node.get(node)
        if step is not None and (step.values is None or index < len(step.values)):
            values = step.values or [None] * (index + 1)
            values[index] = tensor.detach()
            step.values = values
            _note_shape(step)


# --- gradients ---


def compute_gradients(graph: Graph, deadline: float | None = None) -> None:
    """Fills in the gradients of every step's outputs and of the leaves, node by node; no hook is called."""
    import facula

    step = graph.by_node[id(graph.loss.grad_fn)]
    index = graph.loss.output_nr
    step.grads = [None] * index + [facula.ones_like(graph.loss.detach())]
    for step in reversed(graph.steps):
        if all(g is None for g in step.grads):
            continue
        if deadline is not None and step.order & 255 == 0 and time.perf_counter() > deadline:
            graph.stopped = graph.stopped or "not all gradients were computed"
            break
        first = next(g for g in step.grads if g is not None)
        if step.shape is None:
            step.shape, step.dtype = tuple(first.shape), first.dtype
        for source, g in zip(step.inputs, local_gradients(step, step.grads)):
            if g is None:
                continue
            if source.kind == "leaf":
                before = graph.leaf_grads.get(id(source.value))
                graph.leaf_grads[id(source.value)] = g if before is None else before + g
            elif source.kind == "step":
                grads = source.step.grads
                grads.extend([None] * (source.index + 1 - len(grads)))
                grads[source.index] = g if grads[source.index] is None else grads[source.index] + g


def local_gradients(step: Step, grads) -> list:
    """The step's own derivative on gradients of its outputs; None where nothing flows or is known."""
    try:
        return list(_C._node_backward(step.node, list(grads)))
    except (RuntimeError, NotImplementedError):
        pass
    again = record_again(step)
    if again is None:
        return [None] * len(step.inputs)
    inputs, outputs = again
    return gradients_of(outputs, inputs, grads, create_graph=False)


def record_again(step: Step, requires=None):
    """(inputs, outputs) of the step's operation on leaves of its own, recorded; None where it cannot be."""
    try:
        inputs = [operand(source) for source in step.inputs]
    except KeyError:
        return None
    previous = _C._set_grad_enabled(True)
    try:
        inputs = [None if t is None else t.clone() for t in inputs]
        for source, t in zip(step.inputs, inputs):
            if (
                source.kind in ("leaf", "step")
                and t is not None
                and (t.is_floating_point() or t.is_complex())
            ):
                t.requires_grad_()
        outputs = outputs_again(step, inputs)
    finally:
        _C._set_grad_enabled(previous)
    return None if outputs is None else (inputs, outputs)


def gradients_of(outputs, inputs, grads, create_graph):
    pairs = [(o, g) for o, g in zip(outputs, grads) if o is not None and g is not None and o.requires_grad]
    wanted = [t for t in inputs if t is not None and t.requires_grad]
    if not pairs or not wanted:
        return [None] * len(inputs)
    named = _C._give_second_names(False)
    try:
        found = iter(
            _C._grad(
                [o for o, _ in pairs],
                wanted,
                [g for _, g in pairs],
                allow_unused=True,
                create_graph=create_graph,
            )
        )
    except (RuntimeError, NotImplementedError):
        return [None] * len(inputs)
    finally:
        _C._give_second_names(named)
    return [next(found) if t is not None and t.requires_grad else None for t in inputs]
