"""The recorded graph: its nodes and edges, and hooks on what nodes keep and on gradients."""

from __future__ import annotations

import abc
from contextlib import contextmanager
from typing import NamedTuple

from .. import _C

__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "region_activation_memory_budget",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
    "set_override_stale_capture_stream",
    "set_warn_on_accumulate_grad_stream_mismatch",
]


class Node(abc.ABC):
    """What `tensor.grad_fn` is: a recorded operation. For isinstance(); nodes are made by operations."""

    @abc.abstractmethod
    def name(self) -> str:
        """The name of the operation's derivative, such as 'AddBackward0'."""
        raise NotImplementedError

    @property
    @abc.abstractmethod
    def next_functions(self):
        """For each input (node, which of its outputs the input was); (None, 0) where no gradient goes."""
        raise NotImplementedError

    @abc.abstractmethod
    def metadata(self) -> dict:
        """A dictionary of the user's own."""
        raise NotImplementedError

    @abc.abstractmethod
    def register_hook(self, fn):
        """Calls fn(grad_inputs, grad_outputs) after the node has run; it may return other grad_inputs."""
        raise NotImplementedError

    @abc.abstractmethod
    def register_prehook(self, fn):
        """Calls fn(grad_outputs) before the node runs; it may return other grad_outputs."""
        raise NotImplementedError

    @classmethod
    def __subclasshook__(cls, subclass):
        if cls is Node:
            return issubclass(subclass, _C._NodeBase)
        return NotImplemented


class GradientEdge(NamedTuple):
    """A place in the graph where a gradient arrives: an output of a node. `backward` and `grad` take it in
    place of a tensor.
    """

    node: Node
    output_nr: int
    ownership_token: object = None  # keeps nothing alive here: the node does


class _EdgeOfTensor(GradientEdge):
    """One that knows the shape of the gradient."""


_EdgeOfTensor.__name__ = _EdgeOfTensor.__qualname__ = "GradientEdge"


def get_gradient_edge(tensor) -> GradientEdge:
    """The edge at which the gradient of a tensor arrives.

    Raises:
        RuntimeError: the tensor does not require grad.
    """
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require gradients"
        )
    edge = _EdgeOfTensor(*_C._edge_of(tensor))
    edge.shape = tensor.shape
    return edge


def increment_version(tensor) -> None:
    """Counts an in-place write to a tensor (or to each of several), for writes that autograd did not see."""
    for t in (tensor,) if isinstance(tensor, _C.Tensor) else tensor:
        _C._bump_version(t)


class saved_tensors_hooks:
    """Context in which what nodes keep for the backward goes through two functions.

    Args:
        pack_hook: takes each tensor when it is kept; returns any object, which is kept instead.
        unpack_hook: takes that object when the backward needs it; returns a tensor of the same content.

    Example:
        >>> import facula as torch
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> with torch.autograd.graph.saved_tensors_hooks(lambda t: t.item(), torch.tensor):
        ...     y = x * x
        >>> y.backward()
        >>> x.grad
        tensor(6.)
    """

    def __init__(self, pack_hook, unpack_hook):
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self):
        _C._push_saved_tensors_default_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *args):
        _C._pop_saved_tensors_default_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Context in which nodes keep copies on the CPU, where all tensors are: so they keep copies.

    Args:
        pin_memory: accepted for compatibility.
    """

    def __init__(self, pin_memory=False, device_type="cuda"):
        super().__init__(lambda t: (t.device, t.cpu()), lambda packed: packed[1].to(packed[0]))


@contextmanager
def disable_saved_tensors_hooks(error_message):
    """Context in which saved_tensors_hooks may not be used.

    Args:
        error_message: the text of the RuntimeError that they raise.
    """
    _C._refuse_saved_tensors_hooks(error_message)
    try:
        yield
    finally:
        _C._refuse_saved_tensors_hooks(None)


class _MultiHandle:
    """Removes the hooks on several tensors."""

    def __init__(self, handles):
        self.handles = handles

    def remove(self):
        for handle in self.handles:
            handle.remove()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.remove()


def register_multi_grad_hook(tensors, fn, *, mode="all"):
    """Calls a function when the gradients of several tensors are there.

    Args:
        tensors: tensors that require grad.
        fn: for "all" called with a list of gradients (None for those that the backward does not reach), when
            the last of them has come; for "any" called with the first gradient.
        mode: "all" or "any".

    Returns:
        A handle with `remove()`.

    Raises:
        ValueError: another mode.
    """
    from threading import Lock

    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of {('all', 'any')} but got {mode}")
    lock = Lock()
    runs = {}  # number of the backward -> [gradients, how many are there, how many will come]
    if mode == "any":
        ran = set()

        def once(gradient):
            with lock:
                task = _C._current_graph_task_id()
                first = task not in ran
                ran.add(task)
            if first:
                fn(gradient)

        return _MultiHandle(tuple(t.register_hook(once) for t in tensors if t.requires_grad))
    for t in tensors:
        if not t.requires_grad:
            raise AssertionError("Expected gradient function to be set")
    nodes = [_C._edge_of(t)[0] for t in tensors]

    def hook_of(i):
        def hook(gradient):
            task = _C._current_graph_task_id()
            with lock:
                run = runs.get(task)
                if run is None:
                    expected = sum(map(_C._will_engine_execute_node, nodes))
                    run = runs[task] = [[None] * len(nodes), 0, expected]
                run[0][i] = gradient
                run[1] += 1
                complete = run[1] == run[2]
                if complete:
                    del runs[task]
            if complete:
                fn(run[0])

        return hook

    return _MultiHandle(tuple(t.register_hook(hook_of(i)) for i, t in enumerate(tensors)))


class _SavedCopies:
    """What nodes keep within `allow_mutation_on_saved_tensors`: copies, by what stands for them there."""

    def __init__(self):
        from weakref import WeakKeyDictionary

        self.copies = WeakKeyDictionary()

    def clear(self):
        """Lets go of the copies: a backward that needs them fails."""
        self.copies.clear()


class _Kept:
    """Stands for a copy: as long as a node has it, the copy is there."""


_mutation_allowed = None  # or what the context that allows it has yielded


@contextmanager
def allow_mutation_on_saved_tensors():
    """Context in which tensors that a backward will need may be written to: nodes keep copies of them.

    Forward and backward both belong inside the context, which is an object that holds the copies; it lets go
    of them at the end, or when its `clear()` is called.

    Raises:
        RuntimeError: inside another one.
        AssertionError: from the backward, outside of the context.
    """
    global _mutation_allowed
    if _mutation_allowed:
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")

    here = _SavedCopies()

    def pack(t):
        kept = _Kept()
        here.copies[kept] = t.clone()
        return kept

    def unpack(kept):
        if _mutation_allowed is not here:
            raise AssertionError(
                "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context"
                "in which the graph was originally recorded."
            )
        if kept not in here.copies:
            raise AssertionError("The copies of this context were cleared before the backward needed them.")
        return here.copies[kept]

    _mutation_allowed = here
    try:
        with saved_tensors_hooks(pack, unpack):
            yield here
    finally:
        here.clear()
        _mutation_allowed = None


def set_warn_on_accumulate_grad_stream_mismatch(enabled: bool) -> None:
    """Accepted for compatibility: there are no streams that could differ."""


def set_override_stale_capture_stream(enabled: bool) -> None:
    """Accepted for compatibility: there are no graphs of an accelerator that could be captured."""


@contextmanager
def region_activation_memory_budget(budget: float):
    """Context for compiled regions, which facula does not have: entering it is an error, as it is in PyTorch
    outside of torch.compile.

    Args:
        budget: a share between 0 and 1.

    Raises:
        ValueError: another number.
        RuntimeError: always else.
    """
    if not 0 <= budget <= 1:
        raise ValueError(
            f"torch.autograd.graph.region_activation_memory_budget: must be in [0, 1], got {budget}"
        )
    raise RuntimeError(
        "torch.autograd.graph.region_activation_memory_budget can only be used inside a torch.compile "
        "region; it has no effect in eager mode."
    )
    yield
