"""Functions whose derivative the user writes: torch.autograd.Function."""

from __future__ import annotations

from _thread import _local

from .. import _C

__all__ = [
    "BackwardCFunction",
    "Function",
    "FunctionCtx",
    "FunctionMeta",
    "InplaceFunction",
    "NestedIOFunction",
    "once_differentiable",
]


class _Transforms(_local):
    count = (
        0  # of torch.func that run in this thread: Functions have further rules in them (func/_function.py)
    )


transforms = _Transforms()


class FunctionCtx:
    """What `forward` leaves for `backward`: saved tensors, flags, and any attribute set on it."""

    def save_for_backward(self, *tensors):
        """Keeps tensors (or None) for `backward`, which finds them in `saved_tensors`.

        To be called once, with inputs or outputs of `forward`. An in-place write to them before the backward
        is noticed.
        """
        self.to_save = tensors

    def save_for_forward(self, *tensors):
        """Keeps tensors (or None) for `jvp`, which finds them in `saved_tensors`."""
        for tensor in tensors:
            if tensor is not None and not isinstance(tensor, _C.Tensor):
                raise AssertionError(
                    "save_for_forward expects all arguments to be tensors; you should save non-tensors as "
                    "attributes on ctx."
                )
        self.saved_for_forward = tensors

    def mark_dirty(self, *args):
        """Names the inputs that `forward` wrote to; they must be among its outputs."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args):
        """Names outputs that have no gradient."""
        self.non_differentiable = args

    def set_materialize_grads(self, value):
        """False: missing gradients reach `backward` as None, not as zeros."""
        if not isinstance(value, bool):
            raise TypeError(
                "set_materialize_grads received an invalid combination of arguments - got "
                f"({type(value).__name__}), but expected (bool)"
            )
        self.materialize_grads = value

    def mark_shared_storage(self, *pairs):
        """Does nothing: shared memory is seen without being told."""
        import warnings

        warnings.warn(
            "mark_shared_storage is deprecated. Tensors with shared storages are automatically tracked. Note "
            "that calls to `set_()` are not tracked",
            FutureWarning,
            stacklevel=2,
        )


class BackwardCFunction(_C._FunctionBase, FunctionCtx):
    """The ctx of a call, and the node of its results."""

    def apply(self, *args):
        """Runs the user's `backward` (or `vjp`) on gradients."""
        function = self._forward_cls
        has_backward = function.backward is not Function.backward
        has_vjp = function.vjp is not Function.vjp
        if has_backward and has_vjp:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should "
                "only "
                "implement one of them."
            )
        return (function.vjp if has_vjp else function.backward)(self, *args)

    def apply_jvp(self, *args):
        """Runs the user's `jvp` on tangents."""
        return self._forward_cls.jvp(self, *args)


class FunctionMeta(type):
    """Gives each Function a class of contexts, which its nodes are named for."""

    def __init__(cls, name, bases, attrs):
        super().__init__(name, bases, attrs)
        cls._backward_cls = type(
            name + "Backward",
            (BackwardCFunction,),
            {"_forward_cls": cls, "__module__": "torch.autograd.function"},
        )


class Function(metaclass=FunctionMeta):
    """Base of operations with a derivative of their own.

    A subclass defines static methods `forward(ctx, *args)` and `backward(ctx, *grads)`, or `forward(*args)`
    with `setup_context(ctx, inputs, output)`; `apply(*args)` calls it. `backward` returns one gradient (or
    None) for each argument of `forward`; `jvp(ctx, *tangents)` one tangent for each output.

    Example:
        >>> import facula as torch
        >>> class Twice(torch.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         return x * 2
        ...
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         return g * 2
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> Twice.apply(x).backward()
        >>> x.grad
        tensor(2.)
    """

    generate_vmap_rule = False

    def __init__(self, *args, **kwargs):
        import warnings

        warnings.warn(
            f"{self.__class__} should not be instantiated. Methods on autograd functions are all static, "
            "so you "
            "should invoke them on the class itself. Instantiating an autograd function will raise an "
            "error in "
            "a future version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args, **kwargs):
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style "
            "autograd function with static forward method. (Example: "
            "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    @staticmethod
    def forward(*args, **kwargs):
        """Computes the result; operations in it are not recorded."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keeps what `backward` needs, where `forward` takes no ctx."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        """Turns the gradients of the outputs into those of the inputs."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use "
            "it with backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx, *grad_inputs):
        """Turns the tangents of the arguments (None where there is none) into those of the outputs."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @staticmethod
    def vmap(info, in_dims, *args):
        """The function on batched arguments, for torch.func.vmap."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod or set "
            "generate_vmap_rule=True."
        )

    @classmethod
    def apply(cls, *args, **kwargs):
        """Calls `forward` and records the call."""
        split = cls.setup_context is not Function.setup_context
        if split or kwargs:
            args = _with_defaults(cls.forward, args, kwargs, 0 if split else 1)
        if transforms.count:
            from ..func._function import apply_batched, check

            check(cls)
            result = apply_batched(cls, args)
            if result is not None:
                return result
        ctx = cls._backward_cls()
        ctx.needs_input_grad = needed = tuple(isinstance(a, _C.Tensor) and a.requires_grad for a in args)
        levels = _C._set_forward_levels(0)
        tangents = {k: _tangents(args, k) for k in range(1, levels + 1)}
        recorded = _C._set_grad_enabled(False)
        try:
            if split:
                output = cls.forward(*args)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args)
        finally:
            _C._set_grad_enabled(recorded)
            _C._set_forward_levels(levels)
        single = not isinstance(output, tuple)
        outputs = (output,) if single else output
        pending = []
        for level, at_level in tangents.items():
            if at_level is not None:
                dirty = ctx.dirty_tensors or ()
                results = _push(cls, ctx, at_level, args, outputs, level)
                pending += [(i, t, any(outputs[i] is d for d in dirty), level) for i, t in enumerate(results)]
        made = _C._attach_function(ctx, args, outputs, recorded and any(needed))
        for i, tangent, written, level in pending:
            if tangent is not None and isinstance(made[i], _C.Tensor):
                _C._set_tangent(made[i], tangent, written, level)
        return made[0] if single else made


def _with_defaults(function, args, kwargs, skipped):
    """All arguments of `forward` by position, its defaults included."""
    from inspect import signature

    try:
        bound = signature(function).bind(*(None,) * skipped, *args, **kwargs)
    except TypeError as error:
        raise TypeError(f"forward() {error}" if skipped else str(error)) from None
    bound.apply_defaults()
    if bound.kwargs:
        name = next(iter(bound.kwargs))
        raise TypeError(f"forward() got an unexpected keyword argument '{name}'")
    return bound.args[skipped:]


def _push(cls, ctx, tangents, args, outputs, level):
    """The tangents of the outputs at a level that `jvp` says; they carry those of the levels below."""
    if ctx._materialize_grads:
        tangents = [
            a.detach() * 0 if t is None and isinstance(a, _C.Tensor) else t for t, a in zip(tangents, args)
        ]
    versions = [t._version if isinstance(t, _C.Tensor) else 0 for t in tangents]
    before = _C._set_forward_levels(level - 1)
    try:
        results = ctx.apply_jvp(*tangents)
    finally:
        _C._set_forward_levels(before)
    results = results if isinstance(results, tuple) else (results,)
    for i, result in enumerate(results):
        if result is not None and not isinstance(result, _C.Tensor):
            raise RuntimeError(f"expected Variable or None (got {type(result).__name__}) for grad output {i}")
    if len(results) != len(outputs):
        raise RuntimeError(
            "Function's jvp returned an invalid number of forward gradients (expected "
            f"{len(outputs)} but got {len(results)})"
        )
    dirty = ctx.dirty_tensors or ()
    for output, result in zip(outputs, results):
        if not isinstance(output, _C.Tensor) or result is None:
            continue
        if any(output is d for d in dirty):
            at = next((i for i, a in enumerate(args) if a is output), 0)
            if isinstance(tangents[at], _C.Tensor) and tangents[at]._version == versions[at]:
                raise RuntimeError(
                    "An inplace custom Function is not modifying the forward mode gradients inplace. If the "
                    "forward is modifying an input inplace, then the jvp function must modify the "
                    "corresponding gradient inplace."
                )
            if result is not tangents[at]:
                raise RuntimeError(
                    "An inplace custom Function is not returning the forward mode gradients as-is. If the "
                    "forward is modifying an input inplace, then the jvp function must modify the gradient "
                    "inplace and return it as-is."
                )
        elif _looks_into(output, args) and not _is_view_of(result, tangents):
            raise RuntimeError(
                "A custom Function's forward is returning a view (or an input as-is) but the jvp is not "
                "returning a view."
            )
    return results


def _looks_into(tensor, others):
    """Whether a tensor is one of these, or a view of one."""
    base = tensor if tensor._base is None else tensor._base
    return any(isinstance(o, _C.Tensor) and (o is base or o._base is base) for o in others)


def _is_view_of(tensor, others):
    return tensor._base is not None and _looks_into(tensor, others)


def _tangents(args, level):
    """The tangents of the arguments, None where there is none; None if no argument has one."""
    found = [_C._unpack_dual(a, level)[1] if isinstance(a, _C.Tensor) else None for a in args]
    return found if any(t is not None for t in found) else None


class _DelayedError(Function):
    """The identity, whose derivative is an error."""

    @staticmethod
    def forward(ctx, text, *tensors):
        ctx.text = text
        return tuple(t.detach() if t is not None else None for t in tensors)

    @staticmethod
    def backward(ctx, *grads):
        raise RuntimeError(ctx.text)


_DelayedError._backward_cls.__name__ = "Error"


def once_differentiable(fn):
    """Marks a `backward` that is not itself differentiable: differentiating its results is an error."""
    from functools import wraps

    @wraps(fn)
    def wrapper(ctx, *args):
        recorded = _C._set_grad_enabled(False)
        try:
            outputs = fn(ctx, *args)
        finally:
            _C._set_grad_enabled(recorded)
        if not recorded or not any(isinstance(a, _C.Tensor) and a.requires_grad for a in args):
            return outputs
        many = outputs if isinstance(outputs, tuple) else (outputs,)
        leaves = [t if t is None else _C._leaf_alias(t.detach()) for t in many]
        return _DelayedError.apply(
            "trying to differentiate twice a function that was marked with @once_differentiable", *leaves
        )

    return wrapper


class InplaceFunction(Function):
    """A Function with a flag `inplace`, as old programs use it."""

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace


class NestedIOFunction(Function):
    """A Function of nested arguments, of the time before static methods: only its name is kept."""

    @classmethod
    def apply(cls, *args, **kwargs):
        """Not implemented: flatten the arguments and use Function."""
        raise NotImplementedError("NestedIOFunction is not implemented: give Function flat arguments")
