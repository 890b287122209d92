"""`facula.explain`: gradients, missing gradients and shape errors that explain themselves."""

from __future__ import annotations

import sys

from .. import _C

__all__ = ["explain"]

_SMALL = 40  # steps that are written out one by one


def explain(value=..., loss=None, *, module=None, names=None, max_steps: int = _SMALL, seconds: float = 20.0):
    """Explains the gradients of a loss, a gradient that is missing, or the last shape error.

    With a tensor that has a graph: every step with its value and gradient, local derivatives, the chain rule
    along each path to each parameter, closed forms (simplified where SymPy is installed), a numeric check,
    and a picture. Names are those of the caller's variables. It reads the graph; it calls no hook, changes no
    `.grad` and keeps the graph. After `backward()` it computes again what was released.

    With a leaf: why its `.grad` is None, or what it holds.

    Without arguments: the shapes in the expression that raised the last exception.

    Args:
        value: a tensor, an exception, or nothing.
        loss: with a leaf, the loss that should depend on it.
        module: a module whose parameters give names; those of the caller's variables are found by themselves.
        names: {name: tensor} that go before the names of variables.
        max_steps: above this many steps, parameters are grouped by module instead.
        seconds: when to stop with a large graph.

    Returns:
        An object to print, to show in a notebook and to `.save("graph.svg")` (or .html, .tex, .txt); it has
        `.latex()`, `.svg()` and, for small graphs, `.derivatives`.

    Raises:
        TypeError: `value` is neither a tensor nor an exception.

    Example:
        >>> import facula as torch
        >>> w = torch.tensor(3.0, requires_grad=True)
        >>> y = w * w + w
        >>> torch.explain(y).derivatives["w"].formula
        '2*w + 1'
    """
    frame = sys._getframe(1)
    if value is ... or isinstance(value, BaseException):
        from .shapes import explain_error

        return explain_error(None if value is ... else value)
    if value is None:
        raise TypeError("explain() got None. Was it a .grad? explain(w) says why w.grad is None")
    if not isinstance(value, _C.Tensor):
        raise TypeError(
            f"explain() takes a tensor with a graph, a leaf, or nothing, not {type(value).__name__}"
        )
    if loss is not None or not value.requires_grad or value.grad_fn is None:
        from .missing import explain_leaf

        return explain_leaf(value, loss, frame)
    return _explain_graph(value, frame, module, names, max_steps, seconds)


def _explain_graph(loss, frame, module, names, max_steps, seconds):
    from . import graph as graphs
    from . import missing, summary, written
    from . import names as naming

    known = naming.Names()
    for name, tensor in (names or {}).items():
        known.add(name, tensor)
    with _Quiet():
        graph = graphs.read(loss, seconds=seconds)
        known.look(frame, module, set(graph.leaves))
        held = naming.assign(graph, known, None)
        if len(graph.steps) + len(graph.leaves) > max_steps or not graph.complete:
            summary.fill(graph, seconds)
            if not graph.stopped:
                graphs.verify(graph, held)
            return summary.Summary(graph, seconds)
        from .report import Explanation

        graphs.compute_values(graph)
        graphs.verify(graph, held)
        written.find(graph, known.tensors)
        graphs.find_constants(graph)
        naming.recognise(graph, known)
        graphs.compute_values(graph)  # what follows from the values the caller holds
        graphs.compute_gradients(graph)
        graphs.find_results(graph)
        graphs.find_constants(graph)  # that now known results were computed with
        naming.recognise(graph, known)
        graphs.compute_values(graph)
        graph.remark = missing.no_leaf(loss, known)
        return Explanation(graph)


class _Quiet:
    """Subclasses have no say in what is computed here, the random generator is left as it was, and the
    garbage collector does not walk through what is built."""

    def __enter__(self):
        import gc

        self.collected = gc.isenabled()
        gc.disable()
        self.random = _C.default_generator.get_state()
        self.subclasses = _C.DisableTorchFunction()
        self.subclasses.__enter__()

    def __exit__(self, *exc):
        import gc

        self.subclasses.__exit__(*exc)
        _C.default_generator.set_state(self.random)
        if self.collected:
            gc.enable()
