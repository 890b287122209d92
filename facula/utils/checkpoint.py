"""Checkpoints: memory saved by computing again in the backward what the forward did not keep.

Without `use_reentrant` the forward is recorded as usual, but nodes keep tickets instead of tensors. The first
ticket that a backward presents runs the function again, as far as the last tensor that is needed; the n-th
tensor that this run would keep is what the n-th ticket stands for.
"""

from __future__ import annotations

import warnings
import weakref
from contextlib import contextmanager, nullcontext

import facula as torch

from .. import _C
from ..autograd.function import Function
from ..autograd.graph import saved_tensors_hooks
from ._selective import (
    CheckpointPolicy,
    SelectiveCheckpointContext,
    create_selective_checkpoint_contexts,
    frames,
)

__all__ = [
    "CheckpointError",
    "CheckpointFunction",
    "CheckpointPolicy",
    "DefaultDeviceType",
    "GraphExecGroup",
    "SAC_IGNORED_OPS",  # noqa: F822  made when it is asked for
    "SelectiveCheckpointContext",
    "check_backward_validity",
    "checkpoint",
    "checkpoint_sequential",
    "create_selective_checkpoint_contexts",
    "detach_variable",
    "get_device_states",
    "noop_context_fn",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop",
    "set_device_states",
]

_early_stop = None  # set_checkpoint_early_stop: goes before the argument
_debug = None


class CheckpointError(RuntimeError):
    """The second run of a checkpointed function was not like the first."""


class DefaultDeviceType:
    """The device type of checkpoints whose arguments tell none; there is only the CPU."""

    _default = "cpu"

    @staticmethod
    def set_device_type(device="cpu"):
        DefaultDeviceType._default = device

    @staticmethod
    def get_device_type():
        return DefaultDeviceType._default


def get_device_states(*args):
    """(devices, states of their generators) of tensors on accelerators: none."""
    return [], []


def set_device_states(devices, states, *, device_type=None):
    """Sets the states of accelerators' generators: there are none."""


def __getattr__(name):
    if name == "SAC_IGNORED_OPS":
        return {torch.ops.aten.detach.default}
    raise AttributeError(f"module 'torch.utils.checkpoint' has no attribute '{name}'")


_group = None  # the GraphExecGroup of backwards that run now


class GraphExecGroup:
    """Context in which each checkpoint is computed again at most once, however many backwards run.

    The backwards may not need the same kept tensor.
    """

    def __enter__(self):
        global _group
        if _group is not None:
            raise RuntimeError(f"GraphExecGroup contexts cannot be nested. Already inside group {_group}")
        _group = self
        return self

    def __exit__(self, *args):
        global _group
        _group = None

    @classmethod
    def _get_current_group(cls):
        return _group


def noop_context_fn():
    """Two contexts that do nothing: the default `context_fn`."""
    return nullcontext(), nullcontext()


@contextmanager
def set_checkpoint_early_stop(enable):
    """Context that says for all checkpoints whether the second run ends at the last tensor that is needed.

    Args:
        enable: True or False.
    """
    global _early_stop
    previous, _early_stop = _early_stop, enable
    try:
        yield
    finally:
        _early_stop = previous


@contextmanager
def set_checkpoint_debug_enabled(enabled):
    """Context that says for all checkpoints whether errors list the operations of both runs.

    Args:
        enabled: True, False, or None for what each call says.
    """
    global _debug
    previous, _debug = _debug, enabled
    try:
        yield
    finally:
        _debug = previous


def detach_variable(inputs):
    """The tensors of a tuple without history, with requires_grad as it is; other things as they are."""
    if not isinstance(inputs, tuple):
        kind = type(inputs).__name__
        raise RuntimeError(f"Only tuple of tensors is supported. Got Unsupported input type: {kind}")
    return tuple(
        t.detach().requires_grad_(t.requires_grad) if isinstance(t, _C.Tensor) else t for t in inputs
    )


def check_backward_validity(inputs):
    """Warns where no input requires grad: then no gradient comes out of a reentrant checkpoint."""
    if not any(t.requires_grad for t in inputs if isinstance(t, _C.Tensor)):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)


def _autocast():
    """The autocast of now, as a context for later."""
    enabled, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")
    cached = torch.is_autocast_cache_enabled()
    return lambda: torch.amp.autocast("cpu", dtype=dtype, enabled=enabled, cache_enabled=cached)


@contextmanager
def _random_state(state):
    """The generator in this state, and afterwards as it was. None: left alone."""
    if state is None:
        yield
        return
    previous = torch.get_rng_state()
    torch.set_rng_state(state)
    try:
        yield
    finally:
        torch.set_rng_state(previous)


class CheckpointFunction(Function):
    """The reentrant checkpoint: its backward runs the function again and a backward of its own."""

    @staticmethod
    def forward(ctx, run_function, preserve_rng_state, *args):
        check_backward_validity(args)
        ctx.run_function = run_function
        ctx.state = torch.get_rng_state() if preserve_rng_state else None
        ctx.autocast = _autocast()
        ctx.others = [None if isinstance(a, _C.Tensor) else a for a in args]
        ctx.at = [i for i, a in enumerate(args) if isinstance(a, _C.Tensor)]
        ctx.save_for_backward(*(args[i] for i in ctx.at))
        with torch.no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx, *grads):
        if not _C._is_checkpoint_valid():
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an "
                "`inputs` parameter to .backward(). To resolve this error, you can either set "
                "use_reentrant=False, or call .backward() without passing the `inputs` argument."
            )
        inputs = list(ctx.others)
        for i, t in zip(ctx.at, ctx.saved_tensors):
            inputs[i] = t
        with _random_state(ctx.state), torch.enable_grad(), ctx.autocast():
            detached = detach_variable(tuple(inputs))
            outputs = ctx.run_function(*detached)
        outputs = (outputs,) if isinstance(outputs, _C.Tensor) else outputs
        pairs = [(o, g) for o, g in zip(outputs, grads) if isinstance(o, _C.Tensor) and o.requires_grad]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        torch.autograd.backward([o for o, _ in pairs], [g for _, g in pairs])
        return (None, None, *(t.grad if isinstance(t, _C.Tensor) else None for t in detached))


# --- without reentrance ---


class _Ticket:
    """What a node keeps. `tensors`: for each backward, what the second run found."""

    __slots__ = ("__weakref__", "tensors")

    def __init__(self):
        self.tensors = {}


class _Enough(Exception):
    """Ends a second run: everything that is needed is there."""


def _description(t):
    return {"shape": t.shape, "dtype": t.dtype, "device": t.device}


_OVERLAP = (
    "Performing two backward calls that overlap (i.e. require the same saved activation in order to compute "
    "gradients) is not allowed while under the torch.utils.checkpoint.GraphExecGroup context. "
)


class _Frame:
    """One call of a checkpointed function."""

    def __init__(self, recompute, early_stop, describe):
        self.recompute = recompute
        self.early_stop = early_stop
        self.describe = describe
        self.tickets = []  # weak
        self.descriptions = []
        self.finished = False
        self.nested = False  # a backward ran inside the function: counts need not agree
        self.counts = {}  # number of the backward -> tensors kept by the second run
        self.packed = None  # while a selective checkpoint looks at a call: what its nodes keep

    def pack(self, t):
        ticket = _Ticket()
        self.tickets.append(weakref.ref(ticket))
        if self.describe is not None:
            self.descriptions.append(self.describe(t))
        if self.packed is not None:
            self.packed.append(t)
        return ticket

    def unpack(self, ticket):
        task = _C._current_graph_task_id() if _group is None else _group
        if task == -1:
            task = object()  # outside of a backward: for this one time
        if task not in self.counts:
            self._run(task)
        if task not in ticket.tensors:
            raise CheckpointError(
                "torch.utils.checkpoint: Unpack is being triggered for a tensor that was already unpacked "
                f"once. {_OVERLAP if _group is not None else ''}If you are calling ctx.saved_tensors in "
                "backward, make sure to do so only once. Otherwise please open an issue with details on your "
                "use case."
            )
        return ticket.tensors.pop(task)

    def _run(self, task):
        self.counts[task] = 0

        def pack(t):
            t = t.detach() if t.requires_grad else t
            n = self.counts[task]
            self.counts[task] += 1
            if n >= len(self.tickets):
                if not self.finished:
                    self.nested = True
                    return t
                raise CheckpointError(
                    "torch.utils.checkpoint: trying to save more tensors during recomputation than during "
                    "the "
                    "original forward pass."
                )
            ticket = self.tickets[n]()
            if ticket is not None:
                ticket.tensors[task] = t
            if self.early_stop and self.counts[task] == len(self.tickets):
                raise _Enough
            return t

        self.receive = pack
        frames.append(self)
        try:
            with saved_tensors_hooks(pack, lambda t: t), torch.enable_grad():
                self.recompute()
        except _Enough:
            pass
        finally:
            frames.pop()
            self.receive = None
        self._check(task)

    def _check(self, task):
        if self.nested:
            return
        count = self.counts[task]
        if count != len(self.tickets):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the original "
                "forward and "
                f"recomputation.\nNumber of tensors saved during forward: {len(self.tickets)}\nNumber of "
                "tensors "
                f"saved during recomputation: {count}.\nSuggestion: the function must do the same each "
                "time it is "
                "called: it may not depend on what changes in between."
            )
        if self.describe is None:
            return
        different = ""
        for i, (reference, before) in enumerate(zip(self.tickets, self.descriptions)):
            ticket = reference()
            if ticket is None or task not in ticket.tensors:
                continue
            now = self.describe(ticket.tensors[task])
            if now != before:
                different += (
                    f"tensor at position {i}:\nsaved metadata: {before}\nrecomputed metadata: {now}\n"
                )
        if different:
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have different "
                "metadata than "
                f"during the forward pass.\n{different}"
            )


class _Named(torch.overrides.TorchFunctionMode):
    """Writes down which functions were called."""

    def __init__(self):
        self.names = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.names.append(getattr(func, "__name__", str(func)))
        return func(*args, **(kwargs or {}))


def _without_reentrance(
    function, preserve_rng_state, context_fn, determinism_check, debug, early_stop, args, kwargs
):
    checks = {"default": _description, "none": None}
    if determinism_check not in checks:
        raise ValueError(f"determinism_check should be one of {list(checks)}, but got {determinism_check}")
    debug = debug if _debug is None else _debug
    if debug and context_fn is not noop_context_fn:
        raise ValueError("debug=True is incompatible with non-default context_fn")
    forward_context, recompute_context = context_fn()
    first, second = _Named(), _Named()
    if debug:
        forward_context, recompute_context = first, second
    state = torch.get_rng_state() if preserve_rng_state else None
    autocast = _autocast()

    def recompute():
        try:
            with _random_state(state), autocast(), recompute_context:
                function(*args, **kwargs)
        except CheckpointError as error:
            raise _with_names(error) from error

    def _with_names(error):
        if not debug:
            return error
        return CheckpointError(
            f"{error}\nOperations of the forward pass: {' '.join(first.names)}\nOperations of the "
            "recomputation: "
            f"{' '.join(second.names)}"
        )

    frame = _Frame(recompute, early_stop if _early_stop is None else _early_stop, checks[determinism_check])

    def unpack(ticket):
        try:
            return frame.unpack(ticket)
        except CheckpointError as error:
            if not debug or "Operations of the" in str(error):
                raise
            raise _with_names(error) from error

    if not _C.is_grad_enabled():
        return function(*args, **kwargs)
    frames.append(frame)
    suppressed = False
    try:
        with saved_tensors_hooks(frame.pack, unpack), forward_context:
            try:
                result = function(*args, **kwargs)
            except BaseException:
                suppressed = True
                raise
    finally:
        frames.pop()
    if suppressed:
        raise RuntimeError(
            "torch.utils.checkpoint: the forward context provided by context_fn suppressed an exception "
            "raised during the checkpointed forward. This is not supported because checkpoint cannot return "
            "a value for a failed forward."
        )
    frame.finished = True
    return result


def checkpoint(
    function,
    *args,
    use_reentrant=None,
    context_fn=noop_context_fn,
    determinism_check="default",
    debug=False,
    early_stop=True,
    **kwargs,
):
    """Calls a function so that the backward calls it again instead of keeping its intermediate results.

    Args:
        function: must do the same each time.
        args, kwargs: its arguments; no keywords with `use_reentrant=True`.
        preserve_rng_state: the second call finds the generator as the first one did. True by default.
        use_reentrant: True: a backward inside the backward, which cannot be used with autograd.grad.
        context_fn: returns two contexts, for the first and for the second call.
        determinism_check: "default" compares shape and dtype of what the two calls keep; "none" nothing.
        debug: errors list the operations of both calls.
        early_stop: the second call ends at the last tensor that is needed.

    Returns:
        What `function` returns.

    Raises:
        CheckpointError: from the backward, where the second call was not like the first.
        ValueError: arguments that do not go together.

    Example:
        >>> import facula as torch
        >>> from facula.utils.checkpoint import checkpoint
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> checkpoint(lambda t: t.sin().exp(), x, use_reentrant=False).backward()
        >>> x.grad
        tensor(-1.0331)
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. Starting in "
            "PyTorch "
            "2.9, calling checkpoint without use_reentrant will raise an exception. use_reentrant=False is "
            "recommended, but if you need to preserve the current default behavior, you can pass "
            "use_reentrant=True. Refer to docs for more details on the differences between the two variants.",
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug is not False:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        return CheckpointFunction.apply(function, preserve, *args)
    return _without_reentrance(
        function, preserve, context_fn, determinism_check, debug, early_stop, args, kwargs
    )


def checkpoint_sequential(functions, segments, input, use_reentrant=None, **kwargs):
    """Calls functions one after the other, in segments that are checkpoints; the last segment is none.

    Args:
        functions: a Sequential, or a list of modules or functions.
        segments: into how many pieces they are divided.
        input: what the first is called with.
        use_reentrant: see `checkpoint`.
        preserve_rng_state: see `checkpoint`.

    Returns:
        What the last function returns.
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be passed "
            "explicitly. "
            "In version 2.9 we will raise an exception if use_reentrant is not passed. use_reentrant=False "
            "is "
            "recommended, but if you need to preserve the current default behavior, you can pass "
            "use_reentrant=True. Refer to docs for more details on the differences between the two variants.",
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    functions = list(functions.children()) if isinstance(functions, torch.nn.Sequential) else list(functions)

    def run(start, end):
        def forward(input):
            for function in functions[start:end]:
                input = function(input)
            return input

        return forward

    size = len(functions) // segments
    end = 0
    for start in range(0, size * (segments - 1), size):
        end = start + size
        input = checkpoint(run(start, end), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return run(end, len(functions))(input)
