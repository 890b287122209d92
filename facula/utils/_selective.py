"""Selective checkpoints: which results a checkpoint keeps, and is not to compute again.

The modes see the calls of the checkpointed function. For a call whose result is kept, the second run gives
out that result and hands the checkpoint what the nodes of the call had kept: nothing is computed.
"""

from __future__ import annotations

import enum
import re

import facula as torch

from .. import _C
from .._library import Operator
from ..autograd.function import Function
from ..ops import OpOverload, OpOverloadPacket
from ..overrides import TorchFunctionMode
from ._pytree import tree_flatten, tree_unflatten

__all__ = ["CheckpointPolicy", "SelectiveCheckpointContext", "create_selective_checkpoint_contexts"]

frames: list = []  # the checkpoints whose functions run, the innermost last


class CheckpointPolicy(enum.Enum):
    """What a checkpoint does with the result of an operation.

    `*_SAVE`: it is kept. `*_RECOMPUTE`: it is computed again. `*_CPU_OFFLOAD`: as `*_RECOMPUTE`. MUST and
    PREFER differ for compilers only.
    """

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


class SelectiveCheckpointContext:
    """What a policy function is told besides the call: whether it is the second run, and the result."""

    def __init__(self, *, is_recompute, op_output=None):
        self.is_recompute = is_recompute
        self.op_output = op_output


class _Given(Function):
    """A result that is there already."""

    @staticmethod
    def forward(ctx, anchor, value):
        return value.detach()

    @staticmethod
    def backward(ctx, g):
        return None, None


class _Kept:
    """The result of a call, and where what its nodes kept comes from in the second run."""

    def __init__(self, output, given, packed):
        self.leaves, self.spec = tree_flatten(output)
        inputs = [x for x in tree_flatten(given)[0] if isinstance(x, _C.Tensor)]
        results = [x for x in self.leaves if isinstance(x, _C.Tensor)]
        self.sources = [_source(t, inputs, results) for t in packed]
        self.recorded = [isinstance(x, _C.Tensor) and x.requires_grad for x in self.leaves]
        self.leaves = [x.detach() if isinstance(x, _C.Tensor) else x for x in self.leaves]
        self.versions = [x._version if isinstance(x, _C.Tensor) else None for x in self.leaves]

    def again(self, given, frame, mutable):
        if not mutable and any(v is not None and x._version != v for x, v in zip(self.leaves, self.versions)):
            raise RuntimeError("Tensor cached during selective activation checkpoint has been mutated")
        inputs = [x for x in tree_flatten(given)[0] if isinstance(x, _C.Tensor)]
        results = [x for x in self.leaves if isinstance(x, _C.Tensor)]
        if frame is not None:
            for kind, which in self.sources:
                frame.receive(which if kind == "kept" else (inputs if kind == "input" else results)[which])
        anchor = torch.ones((), requires_grad=True)
        leaves = [_Given.apply(anchor, x) if r else x for x, r in zip(self.leaves, self.recorded)]
        return tree_unflatten(leaves, self.spec)


def _source(t, inputs, results):
    def same(x):
        return (
            x.data_ptr() == t.data_ptr()
            and x.shape == t.shape
            and x.stride() == t.stride()
            and x.dtype == t.dtype
        )

    for kind, among in (("input", inputs), ("output", results)):
        for i, x in enumerate(among):
            if same(x):
                return kind, i
    return "kept", t.detach()


_RECOMPUTE, _CONSUMED = object(), object()
_IGNORED = frozenset(("detach", "__get__", "__set__", "requires_grad_", "register_hook"))
_MISMATCH = (
    "This can happen if the operations in the checkpointed region are nondeterministic or depend on global "
    "state that changed between forward and backward."
)


def _has_tensors(output):
    return any(isinstance(x, _C.Tensor) for x in tree_flatten(output)[0])


def _name(func):
    return getattr(func, "__name__", str(func))


class _Caching(TorchFunctionMode):
    """The first run: keeps results."""

    def __init__(self, policy, storage):
        super().__init__()
        self.policy, self.storage = policy, storage

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if _name(func) in _IGNORED:
            return func(*args, **kwargs)
        frame = frames[-1] if frames else None
        if frame is not None:
            frame.packed = []
        try:
            output = func(*args, **kwargs)
        finally:
            packed = []
            if frame is not None:
                packed, frame.packed = frame.packed, None
        if not _has_tensors(output):
            return output
        context = SelectiveCheckpointContext(is_recompute=False, op_output=output)
        seen, named = (self._of_linear(*args, **kwargs), {}) if _name(func) == "linear" else (args, kwargs)
        policy = self.policy(context, operator_of(func, args, kwargs, output), *seen, **named)
        if isinstance(policy, bool):
            policy = CheckpointPolicy.MUST_SAVE if policy else CheckpointPolicy.PREFER_RECOMPUTE
        keep = policy in (CheckpointPolicy.MUST_SAVE, CheckpointPolicy.PREFER_SAVE)
        entry = _Kept(output, (args, kwargs), packed) if keep and not _in_place(args, output) else _RECOMPUTE
        self.storage.setdefault(_name(func), []).append(entry)
        return output

    def _of_linear(self, input, weight, bias=None):
        """What the dispatcher sees of it: the weight is transposed, then multiplied with."""
        transposed = weight.detach().t()
        context = SelectiveCheckpointContext(is_recompute=False, op_output=transposed)
        self.policy(context, torch.ops.aten.t.default, weight)
        return (input, transposed) if bias is None else (bias, input, transposed)


def _in_place(args, output):
    return isinstance(output, _C.Tensor) and any(a is output for a in args)


class _Cached(TorchFunctionMode):
    """The second run: gives them out, each once."""

    def __init__(self, storage, mutable):
        super().__init__()
        self.storage, self.mutable, self.counts = storage, mutable, {}

    def __enter__(self):
        self.counts.clear()
        return super().__enter__()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = _name(func)
        if name in _IGNORED:
            return func(*args, **kwargs)
        entries, at = self.storage.get(name), self.counts.get(name, 0)
        if entries is None or at >= len(entries):
            output = func(*args, **kwargs)
            if not _has_tensors(output):
                return output
            op = operator_of(func, args, kwargs, output)
            where = "" if entries is None else f" invocation index {at}"
            raise RuntimeError(
                f"{op}{where} encountered during backward but not found in storage. {_MISMATCH}"
            )
        self.counts[name] = at + 1
        entry = entries[at]
        if entry is _CONSUMED:
            raise RuntimeError(
                "Trying to backward an extra time. You are only allowed to backward once on any region "
                "computed under selective activation checkpoint."
            )
        if entry is _RECOMPUTE:
            return func(*args, **kwargs)
        entries[at] = _CONSUMED
        return entry.again((args, kwargs), frames[-1] if frames else None, self.mutable)


def create_selective_checkpoint_contexts(policy_fn_or_list, allow_cache_entry_mutation=False):
    """The two contexts of a checkpoint that keeps the results of some operations.

    Args:
        policy_fn_or_list: f(context, operator, *args, **kwargs) -> CheckpointPolicy, or a list of operators
            (torch.ops.aten.mm.default) whose results are kept.
        allow_cache_entry_mutation: writes to results that are kept are no errors.

    Returns:
        (context of the first run, context of the second): what `context_fn` of `checkpoint` is to return.

    Raises:
        ValueError: the list holds something else than operators.
        TypeError: neither a function nor a list.

    Example:
        >>> import functools
        >>> import facula as torch
        >>> from facula.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts
        >>> keep = functools.partial(create_selective_checkpoint_contexts, [torch.ops.aten.mm.default])
        >>> x = torch.eye(2, requires_grad=True)
        >>> checkpoint(lambda x: (x @ x).exp(), x, use_reentrant=False, context_fn=keep).sum().backward()
        >>> x.grad
        tensor([[5.4366, 2.0000],
                [2.0000, 5.4366]])
    """
    if isinstance(policy_fn_or_list, list):
        for op in policy_fn_or_list:
            if isinstance(op, (OpOverload, Operator)):
                continue
            hint = ""
            if isinstance(op, OpOverloadPacket):
                hint = (
                    "Please update the OpOverloadPacket to a specific OpOverload.For example, if you have "
                    "`torch.ops.aten.mm`, change it to `torch.ops.aten.mm.default`."
                )
            raise ValueError(
                f"Expected op in `op_list` to be an OpOverload but got: {op} of type {type(op)}. {hint}"
            )

        def policy(ctx, op, *args, **kwargs):
            kept = op in policy_fn_or_list
            return CheckpointPolicy.MUST_SAVE if kept else CheckpointPolicy.PREFER_RECOMPUTE

    elif callable(policy_fn_or_list):
        policy = policy_fn_or_list
    else:
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    storage: dict = {}
    return _Caching(policy, storage), _Cached(storage, allow_cache_entry_mutation)


# --- what the dispatcher calls an operation ---

_ARITHMETIC = frozenset("add sub mul div rsub eq ne lt le gt ge remainder floor_divide".split())
_REDUCTIONS = {"sum": "dim_IntList", "mean": "dim", "prod": "dim_int", "logsumexp": "default"}
_UNDERSCORED = frozenset(("softmax", "log_softmax", "to_copy", "unsafe_view"))


def operator_of(func, args, kwargs, output):
    """The OpOverload of a call: named by the node of its result where there is one."""
    if isinstance(func, Operator):  # of torch.library
        return func
    name = _name(func).strip("_")
    first = next((x for x in tree_flatten(output)[0] if isinstance(x, _C.Tensor)), None)
    node = first.grad_fn if first is not None else None
    if name in ("matmul", "linear", "mm", "bmm", "addmm"):
        name = _product(name, args, kwargs)
    elif node is not None and (found := re.fullmatch(r"([A-Za-z0-9]+?)Backward\d*", node.name())):
        name = re.sub(r"(\d)D", r"\1d", found[1])  # MaxPool2DWithIndices: max_pool2d_with_indices
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        name = "_" + name if name in _UNDERSCORED or name.startswith("scaled_dot") else name
    overload = "default"
    if name in _ARITHMETIC:
        overload = "Tensor" if name != "rsub" else "Scalar"
        if name in ("eq", "ne", "lt", "le", "gt", "ge") and not isinstance(args[-1], _C.Tensor):
            overload = "Scalar"
    elif name == "pow":
        overload = "Tensor_Tensor" if isinstance(args[-1], _C.Tensor) else "Tensor_Scalar"
    elif name in _REDUCTIONS and (len(args) > 1 or "dim" in kwargs):
        overload = _REDUCTIONS[name]
    elif name in ("transpose", "select"):
        overload = "int"
    elif name == "slice":
        overload = "Tensor"
    try:
        packet = getattr(torch.ops.aten, name)
    except AttributeError:
        packet = OpOverloadPacket("aten", name, func)
    return getattr(packet, overload)


def _product(name, args, kwargs):
    given = [a for a in (*args, *kwargs.values()) if isinstance(a, _C.Tensor)]
    if name not in ("matmul", "linear") or len(given) < 2:
        return name
    a, b = given[0].dim(), given[1].dim()
    if name == "linear":
        return "addmm" if len(given) > 2 else "mm"
    if a == 1 and b == 1:
        return "dot"
    if b == 1:
        return "mv"
    return "bmm" if b > 2 or (a > 2 and b != 2) else "mm"
