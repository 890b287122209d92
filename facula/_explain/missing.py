"""Why a tensor has no gradient."""

from __future__ import annotations

from .. import _C
from . import graph as graphs
from . import names as naming
from .graph import short

__all__ = ["Reasons", "explain_leaf"]


class Reasons:
    """Sentences; `str()` joins them.

    Attributes:
        reasons: the sentences, the decisive one first.
        advice: what to change, or "".
    """

    def __init__(self, title: str, reasons: list[str], advice: str = ""):
        self.title, self.reasons, self.advice = title, reasons, advice

    def __str__(self) -> str:
        lines = [self.title, *("  " + r for r in self.reasons)]
        return "\n".join(lines + ([f"  -> {self.advice}"] if self.advice else []))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from html import escape

        from .web import wrap

        body = "".join(f"<p>{escape(r)}</p>" for r in self.reasons)
        advice = f'<p class="ok">→ {escape(self.advice)}</p>' if self.advice else ""
        return wrap(f"<h3>{escape(self.title)}</h3>{body}{advice}")


def explain_leaf(tensor, loss, frame) -> Reasons:
    """Why `tensor.grad` is None, or what is there: from the tensor, the loss and the caller's frame."""
    known = naming.Names()
    known.look(frame)
    hit = known.tensors.get(_C._tensor_address(tensor))
    name = hit[0] if hit else "tensor"
    losses = [("loss", loss)] if loss is not None else _losses(known, tensor)
    if loss is not None:
        found = known.tensors.get(_C._tensor_address(loss))
        losses = [(found[0] if found else "loss", loss)]
    grad = tensor.grad if tensor.grad_fn is None else None
    if grad is not None:
        if grad.numel() and bool((grad == 0).all()):
            return Reasons(
                f"{name}.grad is not None: it is zero everywhere.",
                ["Either the derivative is zero, or zero_grad(set_to_none=False) was called since."],
                f"explain(loss) shows on which path to {name} the gradient becomes zero",
            )
        return Reasons(f"{name}.grad is not None: it holds {short(grad)}.", _use(name, tensor, losses))
    if tensor.is_leaf and tensor.requires_grad and tensor.grad is None and not losses:
        lost = _without_graph(known, tensor)
        if lost:
            return Reasons(
                f"{name}.grad is None:",
                [f"{lost} has no graph: it was computed under no_grad(), or from detached tensors only."],
                f"compute {lost} outside of no_grad() and from {name} itself, then call {lost}.backward()",
            )
    title = f"{name}.grad is None:"
    floating = tensor.is_floating_point() or tensor.is_complex()
    if not floating:
        return Reasons(
            title,
            [f"its dtype is {tensor.dtype}, and only floating point and complex tensors have gradients."],
            f"make it one of them: {name} = {name}.float().requires_grad_()",
        )
    if tensor.grad_fn is not None:
        return _inner(title, name, tensor, losses, known)
    if not tensor.requires_grad:
        return _no_requires(title, name, tensor, known)
    reaching = [(n, t) for n, t in losses if t.grad_fn is not None and _reaches(t, tensor)]
    if reaching:
        found = _cleared(title, name, _final(reaching))
        last = _final(losses)
        if last not in reaching:
            found.reasons.insert(0, f"{last[0]} does not depend on {name}.")
        return found
    for loss_name, t in losses:
        reasons = _against(title, name, tensor, loss_name, t, frame, known)
        if reasons is not None:
            return reasons
    if not losses:
        return Reasons(
            title,
            [f"{name} requires grad, and no variable in sight holds a result that was computed from it."],
            f"call backward() on a loss computed from {name}; explain({name}, loss) looks at one loss",
        )
    return Reasons(title, [f"it is {losses[0][0]} itself."])


def _final(results):
    """Of results that depend on a leaf, one with a single element before those on its way."""
    return next(((n, t) for n, t in results if t.numel() == 1), results[0])


def _cleared(title, name, result) -> Reasons:
    """The leaf takes part in a result, and has no gradient all the same."""
    loss_name, t = result
    if graphs.read(t).released:
        reasons = [
            f"{loss_name} depends on {name} and its graph was used, so the gradient was cleared since "
            "(zero_grad(), or .grad = None), or went elsewhere (autograd.grad, backward(inputs=...))."
        ]
        return Reasons(title, reasons, f"compute {loss_name} again and call its backward()")
    size = "" if t.numel() == 1 else f" (it has {t.numel()} elements: reduce it first, as by .sum())"
    return Reasons(
        title,
        [f"{loss_name} depends on {name}, but its backward() was never called (or zero_grad() was since)."],
        f"call {loss_name}.backward(){size}",
    )


def _losses(known, tensor):
    """Results the caller holds that have a graph, newest first, except what `tensor` itself leads to."""
    found = []
    for name, t in known.nodes.values():
        if t is not tensor:
            found.append((t.grad_fn._sequence_nr(), name, t))
    found.sort(key=lambda item: -item[0])
    return [(name, t) for _, name, t in found[:50]]


def _reaches(loss, tensor) -> bool:
    graph = graphs.read(loss)
    if tensor.grad_fn is not None:
        return id(tensor.grad_fn) in graph.by_node
    return id(tensor) in graph.leaves


def _use(name, tensor, losses):
    found = [n for n, t in losses if t.grad_fn is not None and t.numel() == 1 and _reaches(t, tensor)]
    if len(found) > 1:
        named = ", ".join(found[:4]) + (", ..." if len(found) > 4 else "")
        return [f"{named} depend on it; the gradients of several backward() calls add up."]
    return [f"{found[0]} depends on it."] if found else []


def _without_graph(known, tensor) -> str:
    """A variable that looks like the loss, and has no graph."""
    for other, t in known.tensors.values():
        if t is not tensor and t.dim() == 0 and t.is_floating_point() and not t.requires_grad:
            if other.lower().rpartition(".")[2] in _LOSSES:
                return other
    return ""


_LOSSES = frozenset("loss l total_loss cost err error mse nll".split())


def _inner(title, name, tensor, losses, known):
    where = f"{name} is no leaf: it was made by {tensor.grad_fn.name()}, and only leaves keep their gradient"
    if tensor.retains_grad:
        return Reasons(
            title,
            [f"{name} retains its gradient, but no backward() has come through it since."],
            "call backward() on a loss computed from it",
        )
    names = {_C._tensor_address(t) for _, t in known.tensors.values()}
    leaves = [s.value for s in graphs.read(tensor).leaves.values()]
    lost = [t for t in leaves if _C._tensor_address(t) not in names and t.shape == tensor.shape]
    if len(lost) == 1:
        return Reasons(
            title,
            [
                where + ".",
                "It was computed from a leaf of the same shape that no variable holds any more: was "
                f"{name} overwritten, as by {name} = {name} - lr * {name}.grad, {name} = {name}.to(...), or "
                f"{name} = torch.randn(..., requires_grad=True) * 0.1?",
            ],
            f"change a parameter in place (with torch.no_grad(): {name} -= ...), or make the result one: "
            f"{name} = {name}.detach().requires_grad_()",
        )
    return Reasons(title, [where + " (memory is saved so)."], f"call {name}.retain_grad() before backward()")


def _no_requires(title, name, tensor, known):
    if tensor.is_inference():
        return Reasons(
            title,
            [f"{name} was made in inference_mode, where nothing is recorded."],
            "make it outside, or use no_grad() instead",
        )
    for other, t in known.tensors.values():
        if t is not tensor and t.requires_grad and _shares(t, tensor):
            return Reasons(
                title,
                [f"{name} shares the memory of {other}, but it was detached from it (.detach() or .data)."],
                f"use {other} itself",
            )
    if not _C.is_grad_enabled():
        reason = "gradients are switched off here (no_grad, or set_grad_enabled(False))"
        return Reasons(
            title,
            [f"{name} does not require grad; {reason}: what is computed here has no graph."],
            "compute the loss outside of no_grad()",
        )
    return Reasons(
        title,
        [
            f"{name}.requires_grad is False, so operations on it are not recorded. That is so for tensors "
            "made from data, results of .detach() and .data, and what is computed under no_grad() or from "
            "tensors that do not require grad themselves."
        ],
        f"before the loss is computed: {name}.requires_grad_(). An update in place under no_grad() "
        f"({name} -= ...) keeps it, {name} = {name} - ... does not",
    )


def _against(title, name, tensor, loss_name, loss, frame, known):
    """What stands between one loss and the leaf; None where the loss depends on it."""
    if loss.grad_fn is None:
        if not loss.requires_grad:
            cut = _cut_between(frame, known, loss)
            return Reasons(
                title,
                [f"{loss_name} has no graph (it does not require grad): {cut}"],
                "compute it outside of no_grad() and without .detach(), .data, .item() or NumPy on the way",
            )
        return None if loss is tensor else Reasons(title, [f"{loss_name} is a leaf of its own."])
    if _reaches(loss, tensor):
        return None
    graph = graphs.read(loss)
    known_names = {_C._tensor_address(t): n for n, t in known.tensors.values()}
    leaves = [known_names.get(_C._tensor_address(s.value), "a leaf") for s in graph.leaves.values()]
    reasons = [
        f"{loss_name} does not depend on {name}: its graph ends in {', '.join(leaves[:8]) or 'constants'}."
    ]
    ends = []
    for key, source in graph.constants.items():
        address = key if source.kind == "unknown" else _C._tensor_address(source.value)
        hit = known.tensors.get(address)
        if hit is None:
            continue
        cut = hit[1]
        if cut is tensor:
            continue
        ends.append(hit[0])
        step = next(s for s in graph.steps if source in s.inputs)
        if _shares(cut, tensor):
            reasons.insert(
                0,
                f"the graph of {loss_name} ends at {hit[0]}, an operand of {step.op}, which shares "
                f"{name}'s memory but is detached from it.",
            )
    if ends:
        reasons.append(
            f"Constants in its graph: {', '.join(ends[:8])}. Where one of them was computed from {name}, it "
            "was detached on the way (.detach(), .data, .item(), NumPy, torch.tensor(...), no_grad())."
        )
    if not any("shares" in r for r in reasons):
        reasons += _leads(graph, name, tensor) or ([] if ends else _nameless(graph, known))
    copies = [s.value for s in graph.leaves.values() if _is_copy(s.value, tensor)]
    copies = [known_names[a] for a in map(_C._tensor_address, copies) if a in known_names]
    if copies:
        reasons.insert(
            1,
            f"{copies[0]} has the values of {name} and is a leaf of its own, as torch.tensor(...), .tolist() "
            "and NumPy make one.",
        )
    owner, _, last = name.rpartition(".")
    for n, t in known.tensors.values():
        alike = t is not tensor and t.requires_grad and t.grad_fn is None and t.shape == tensor.shape
        if alike and id(t) in graph.leaves and n.rpartition(".")[2] == last and not _siblings(n, name, known):
            reasons.append(f"{n} is another tensor of the same shape that it does depend on.")
            break
    updating = _optimizer(frame, tensor)
    if updating:
        reasons.append(f"{updating} updates {name}: was it made with the parameters of another model?")
    advice = f"use {name} itself in the computation of {loss_name}"
    if ends:
        advice += ", without .detach(), .data, .item() or no_grad() on the way"
    elif updating:
        advice = f"make {updating} of the parameters of the model that computes {loss_name}"
    elif owner and _siblings(name, name, known):
        advice = f"call {owner} in forward() and use what it returns, or leave it out of the model"
    return Reasons(title, reasons, advice)


def _leads(graph, name, tensor) -> list[str]:
    """Constants without a name that come from the tensor: `w.data`, `w.item()`."""
    for step in graph.steps:
        for source in step.inputs:
            if source.kind == "constant" and _shares(source.value, tensor) and source.value.grad_fn is None:
                return [
                    f"An operand of {step.op} shares {name}'s memory, and is detached from it: {name}.data "
                    f"or {name}.detach()."
                ]
            if source.kind == "number" and tensor.numel() == 1 and source.value == tensor.item():
                value = graphs.number(source.value)
                return [
                    f"The number {value} in {step.op} is the value of {name}: {name}.item(), float({name}) "
                    "and the like lead out of the graph."
                ]
    return []


def _nameless(graph, known) -> list[str]:
    """That an operand is a constant nobody holds, such as what argmax or .detach() returned."""
    for step in graph.steps:
        for source in step.inputs:
            if source.kind in ("unknown", "constant"):
                at = source.value if source.kind == "unknown" else _C._tensor_address(source.value)
                if at not in known.tensors:
                    return [
                        f"An operand of {step.op} is a constant that no variable holds. What .detach(), "
                        ".data, argmax(), comparisons and conversions to integers return is one."
                    ]
    return []


def no_leaf(tensor, known) -> str:
    """That an intermediate result keeps no gradient, where a later result in sight was computed from it."""
    if tensor.retains_grad or tensor.grad_fn is None:
        return ""
    here = tensor.grad_fn._sequence_nr()
    later = [t for _, t in known.nodes.values() if t.grad_fn is not None and t.grad_fn._sequence_nr() > here]
    if not any(id(tensor.grad_fn) in graphs.read(t, limit=2000).by_node for t in later[:8]):
        return ""
    hit = known.nodes.get((id(tensor.grad_fn), tensor.output_nr))
    if hit is None:
        return ""
    found = _inner("", hit[0], tensor, [], known)
    return (
        f"{hit[0]}.grad stays None: {found.reasons[0]} " + " ".join(found.reasons[1:]) + f" -> {found.advice}"
    )


def _is_copy(leaf, tensor) -> bool:
    if leaf is tensor or leaf.shape != tensor.shape or leaf.dtype != tensor.dtype or not tensor.numel():
        return False
    return not bool((tensor == tensor.reshape(-1)[0]).all()) and bool((leaf == tensor).all())


def _siblings(a, b, known) -> bool:
    """Whether two names belong to one module."""
    tensors = dict(known.tensors.values())
    for top in (m for _, m in known.modules):
        own = {id(p) for p in top.parameters()}
        if all(n in tensors and id(tensors[n]) in own for n in (a, b)):
            return True
    return False


def _optimizer(frame, tensor) -> str:
    """The name of an optimizer in sight that updates a tensor."""
    for variable, value in {**frame.f_globals, **frame.f_locals}.items():
        groups = getattr(value, "param_groups", None)
        if isinstance(groups, list) and any(p is tensor for g in groups for p in g["params"]):
            return variable
    return ""


def _shares(a, b) -> bool:
    return bool(a.numel() and b.numel() and a.data_ptr() == b.data_ptr())


def _cut_between(frame, known, loss):
    if loss.is_inference():
        return "it was made in inference_mode."
    return "it was computed under no_grad(), or from detached tensors and constants only."
