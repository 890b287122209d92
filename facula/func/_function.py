"""autograd.Function inside of transforms: its own vmap rule, or one made of its forward and backward."""

from __future__ import annotations

from typing import NamedTuple

from .. import _C
from ..utils._pytree import _broadcast_to_and_flatten, tree_flatten, tree_map, tree_unflatten
from ._batch import (
    BatchedTensor,
    NotBatchable,
    Tensor,
    as_given,
    at_depth,
    is_batched,
    new_level,
    peel,
    running,
    top_level,
    value_of,
    wrap,
    wrap_along,
)

_MORE = "For more details, please see https://pytorch.org/docs/main/notes/extending.func.html"


class VmapInfo(NamedTuple):
    """What a Function's vmap staticmethod is told."""

    batch_size: int
    randomness: str


def check(cls):
    """Raises where a Function cannot be transformed."""
    from ..autograd.function import Function

    if cls.setup_context is Function.setup_context:
        raise RuntimeError(
            "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, "
            f"...), it must override the setup_context staticmethod. {_MORE}"
        )


def apply_batched(cls, args, named):
    """The result where an argument is batched; else None. `named` are arguments that go by name alone."""
    level = top_level(args)
    if level is None and any(isinstance(a, (list, tuple, dict)) for a in args):
        level = top_level(tree_flatten(args)[0])
    if level is None:
        return None
    own = _own_rule(cls)
    if named and any(isinstance(a, Tensor) for a in tree_flatten(named)[0]):
        raise NotImplementedError(
            "Run vmap on autograd.Function with kwarg-only Tensor args. Please do not pass kwarg-only "
            f"Tensors to autograd.Function. Got: {named}"
        )
    if named and not own:
        raise TypeError(f"forward() got an unexpected keyword argument '{next(iter(named))}'")
    if level.alike and not own:
        return _generated(cls, args, level)
    if cls.generate_vmap_rule:
        if own:
            raise RuntimeError(
                f"You tried to vmap over {cls.__name__}, but it has both generate_vmap_rule=True and an "
                "overridden vmap staticmethod. Please set generate_vmap_rule=False or delete the "
                f"overridden vmap staticmethod to avoid ambiguity. {_MORE}"
            )
        return _generated(cls, args, level)
    if not own:
        raise RuntimeError(
            f"You tried to vmap over {cls.__name__}, but it does not have vmap support. Please override and "
            f"implement the vmap staticmethod or set generate_vmap_rule=True. {_MORE}"
        )
    return _by_its_rule(cls, args, named, level)


def _own_rule(cls):
    from ..autograd.function import Function

    return getattr(cls, "vmap", None) is not getattr(Function, "vmap", None)


def _as_given(a, level):
    """An argument as vmap was given it; one that holds nothing batched is the same object."""
    if is_batched(a, level):
        return as_given(a)
    if not isinstance(a, (list, tuple, dict)) or not any(is_batched(x, level) for x in tree_flatten(a)[0]):
        return a
    return tree_map(lambda x: as_given(x) if is_batched(x, level) else x, a)


def _by_its_rule(cls, args, named, level):
    in_dims = tree_map(lambda a: a._dim if is_batched(a, level) else None, args)
    with at_depth(level.number - 1):
        values = [_as_given(a, level) for a in args]
        result = cls.vmap(VmapInfo(level.size, level.randomness), in_dims, *values, **named)
        text = (
            "Expected the vmap staticmethod to have two returns, an output and out_dims with pytree "
            "structure compatible with the output. "
        )
        if not isinstance(result, tuple):
            raise RuntimeError(f"{text}Got a {type(result)} instead")
        if len(result) != 2:
            raise RuntimeError(f"{text}Got {len(result)} returns instead")
        output, out_dims = result
        flat, spec = tree_flatten(output)
        dims = _broadcast_to_and_flatten(out_dims, spec)
        if dims is None:
            raise RuntimeError(
                "The autograd.Function's vmap staticmethod returned an incompatible (output, out_dims) "
                f"tuple. Expected out_dims={out_dims} to be compatible with the structure of `output`. "
                f"out_dims has structure {tree_flatten(out_dims)[1]} but output has structure {spec}. {_MORE}"
            )
        flat = [
            x if d is None or not isinstance(x, Tensor) else wrap_along(x, d % x.dim(), level.number)
            for x, d in zip(flat, dims)
        ]
    return tree_unflatten(flat, spec)


class _Inner:
    """The ctx that the user's methods see in a generated rule."""

    def __init__(self, needs_input_grad):
        self.needs_input_grad = needs_input_grad
        self.materialize_grads = True
        self.saved_tensors = ()
        self.dirty_tensors = self.non_differentiable = ()

    def save_for_backward(self, *tensors):
        self.saved_tensors = tensors

    def save_for_forward(self, *tensors):
        self.saved_tensors = tensors

    def mark_dirty(self, *tensors):
        self.dirty_tensors = tensors

    def mark_non_differentiable(self, *tensors):
        self.non_differentiable = tensors

    def set_materialize_grads(self, value):
        self.materialize_grads = bool(value)


class _Again:
    """A level like one that may be over, for what runs in a backward."""

    def __init__(self, level):
        self.level = level

    def __enter__(self):
        self.below = at_depth(min(len(running()), self.level.number - 1))
        self.below.__enter__()
        self.new = new_level(self.level.size, self.level.randomness, self.level.alike)
        return self.new.__enter__()

    def __exit__(self, *exc):
        self.new.__exit__(*exc)
        self.below.__exit__(*exc)


def _generated(cls, args, level):
    """forward, setup_context and backward of the examples, as those of a Function of the values."""
    from ..autograd.function import Function

    batched = tuple(is_batched(a, level) for a in args)
    held: dict = {}

    def seen(values, number):
        return tuple(wrap(v, number) if b and isinstance(v, Tensor) else v for v, b in zip(values, batched))

    class Generated(Function):
        generate_vmap_rule = True
        one_by_one = True  # its level is not that of a batch of gradients

        @staticmethod
        def forward(*values):
            with _Again(level) as again:
                inputs = seen(values, again.number)
                output = cls.forward(*inputs)
                inner = _Inner(tuple(isinstance(a, Tensor) and a.requires_grad for a in args))
                cls.setup_context(inner, inputs, output)
                if inner.dirty_tensors:  # what is written to are the examples' values
                    raise RuntimeError(
                        "Some elements marked as dirty during the forward method were not returned as "
                        "output. The inputs that are modified inplace must all be outputs of the Function."
                    )
                held["inner"], held["single"] = inner, not isinstance(output, tuple)
                outputs = (output,) if held["single"] else output
                held["constant"] = [any(o is c for c in inner.non_differentiable) for o in outputs]
                plain = tuple(value_of(o, again) if isinstance(o, Tensor) else o for o in outputs)
                held["saved"] = [(is_batched(t, again), peel(t, again)) for t in inner.saved_tensors]
            return plain[0] if held["single"] else plain

        @staticmethod
        def setup_context(ctx, inputs, output):
            outputs = (output,) if held["single"] else output
            known = {id(v): v for v in (*inputs, *outputs) if isinstance(v, Tensor)}
            ctx.save_for_backward(*(known.get(id(v), v) for _, v in held["saved"]))
            ctx.save_for_forward(*(known.get(id(v), v) for _, v in held["saved"]))
            ctx.inner, ctx.marks = held["inner"], [b for b, _ in held["saved"]]
            ctx.mark_non_differentiable(
                *(o for o, c in zip(outputs, held["constant"]) if c and isinstance(o, Tensor))
            )
            ctx.set_materialize_grads(held["inner"].materialize_grads)

        @staticmethod
        def backward(ctx, *grads):
            with _Again(level) as again:
                inner = _restored(ctx, again)
                given = tuple(wrap(g, again.number) if isinstance(g, Tensor) else g for g in grads)
                function = cls.backward if cls.vjp is Function.vjp else cls.vjp
                found = _run(function, inner, given, again)
                found = found if isinstance(found, tuple) else (found,)
                values = [value_of(g, again) if isinstance(g, Tensor) else g for g in found]
            return tuple(v if b or not isinstance(v, Tensor) else v.sum(0) for v, b in zip(values, batched))

        @staticmethod
        def jvp(ctx, *tangents):
            with _Again(level) as again:
                inner = _restored(ctx, again)
                found = cls.jvp(inner, *seen(tangents, again.number))
                many = found if isinstance(found, tuple) else (found,)
                values = tuple(value_of(t, again) if isinstance(t, Tensor) else t for t in many)
            return values if isinstance(found, tuple) else values[0]

    Generated.__name__ = Generated.__qualname__ = cls.__name__
    with at_depth(level.number - 1):
        output = Generated.apply(*(peel(a, level) for a in args))
    return wrap(output, level.number)


def _restored(ctx, level):
    inner = ctx.inner
    inner.saved_tensors = tuple(
        wrap(v, level.number) if b else v for v, b in zip(ctx.saved_tensors, ctx.marks)
    )
    return inner


def _run(function, inner, grads, level):
    """The user's backward; for gradients of one evaluation also row by row, where it is not for a batch."""
    try:
        return function(inner, *grads)
    except NotBatchable:
        if not level.alike:
            raise
    saved = inner.saved_tensors
    rows = []
    with at_depth(level.number - 1):
        for i in range(level.size):

            def one(x, i=i):
                return x._value.select(0, i) if type(x) is BatchedTensor and is_batched(x, level) else x

            inner.saved_tensors = tuple(one(t) for t in saved)
            found = function(inner, *(one(g) for g in grads))
            rows.append(found if isinstance(found, tuple) else (found,))
        inner.saved_tensors = saved
        return tuple(
            wrap(_C._functions.stack(column), level.number) if isinstance(column[0], Tensor) else column[0]
            for column in zip(*rows)
        )
