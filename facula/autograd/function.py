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
        if function.boxed_grads_call:
            args = (list(args),)
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
    clear_saved_tensors_on_access = False  # True: `backward` may ask for saved_tensors once, and frees them
    boxed_grads_call = False  # True: `backward(ctx, grads)` gets a list, which it may empty

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
        named = {}
        if split:
            args, named = _with_defaults(cls.forward, args, kwargs)
        elif kwargs:
            args = _by_position(cls.forward, args, kwargs)
        if transforms.count:
            from ..func._function import apply_batched, check

            check(cls)
            result = apply_batched(cls, args, named)
            if result is not None:
                return result
        if named:
            called = "custom_function_call_grad" if transforms.count else "forward"
            raise TypeError(f"{called}() got an unexpected keyword argument '{next(iter(named))}'")
        ctx = cls._backward_cls()
        ctx.needs_input_grad = needed = _C._needs_grad(args)
        if cls.clear_saved_tensors_on_access:
            ctx._saved_once = True
        levels = _C._set_forward_levels(0)
        tangents = {k: _tangents(args, k) for k in range(1, levels + 1)}
        recorded = _C._set_recording(False)
        try:
            if split:
                output = cls.forward(*args)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args)
        finally:
            _C._set_recording(recorded)
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


def _with_defaults(function, args, kwargs):
    """(arguments by position, those that go by name alone) of a `forward` without ctx, defaults included."""
    from inspect import signature

    bound = signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args, bound.kwargs


def _by_position(function, args, kwargs):
    """The arguments of a `forward` with ctx by position, as far as they are given."""
    from inspect import Parameter, signature

    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    known = [p for p in list(signature(function).parameters.values())[1:] if p.kind in kinds]
    names = [p.name for p in known]
    for name in kwargs:
        if name not in names:
            raise TypeError(f"forward() got an unexpected keyword argument '{name}'")
        if names.index(name) < len(args):
            raise TypeError(f"forward() got multiple values for argument '{name}'")
    values = list(args)
    for k in range(len(args), 1 + max(map(names.index, kwargs))):
        value = kwargs.get(names[k], known[k].default)
        if value is Parameter.empty:
            raise TypeError(f"forward() missing required argument: '{names[k]}' (position {k})")
        values.append(value)
    return tuple(values)


def _push(cls, ctx, tangents, args, outputs, level):
    """The tangents of the outputs at a level that `jvp` says; they carry those of the levels below."""
    own = tangents
    if ctx._materialize_grads:
        tangents = [a.detach() * 0 if t is None and _has_tangents(a) else t for t, a in zip(tangents, args)]
    versions = [t._version if isinstance(t, _C.Tensor) else 0 for t in tangents]
    before = _C._set_forward_levels(level - 1)
    try:
        results = ctx.apply_jvp(*tangents)
    finally:
        _C._set_forward_levels(before)
    results = results if isinstance(results, tuple) else (results,)
    for i, result in enumerate(results):
        if result is not None and not isinstance(result, _C.Tensor):
            kind = type(result).__name__
            raise RuntimeError(f"expected Variable or None (got {kind}) for grad output {i}.")
    if len(results) != len(outputs):
        raise RuntimeError(
            "Function's jvp returned an invalid number of forward gradients (expected "
            f"{len(outputs)} but got {len(results)})"
        )
    dirty, constant = ctx.dirty_tensors or (), ctx.non_differentiable or ()
    for i, (output, result) in enumerate(zip(outputs, results)):
        if result is None or not isinstance(output, _C.Tensor):
            continue
        if not _has_tangents(output) or any(output is c for c in constant):
            raise RuntimeError(
                f"Function's jvp returned a gradient at position {i}, but  the corresponding forward output "
                "is not a differentiable Tensor.You should return None at that position instead."
            )
        at = next((k for k, a in enumerate(args) if a is output), None)
        if any(output is d for d in dirty):
            _check_written(result, tangents[at or 0], versions[at or 0])
        elif at is not None or _looks_into(output, args):
            _check_view(output, result, args, own, at)
    return results


def _has_tangents(value):
    return isinstance(value, _C.Tensor) and (value.dtype.is_floating_point or value.dtype.is_complex)


def _check_written(result, tangent, version):
    """Where `forward` wrote to an input, `jvp` writes to its tangent."""
    if isinstance(tangent, _C.Tensor) and result._version == version:
        raise RuntimeError(
            "An inplace custom Function is not modifying the forward mode gradients inplace. If the "
            "forward is modifying an input inplace, then the jvp function must modify the "
            "corresponding gradient inplace."
        )
    if result is not tangent:
        raise RuntimeError(
            "An inplace custom Function is not returning the forward mode gradients as-is. If the "
            "forward is modifying an input inplace, then the jvp function must modify the gradient "
            "inplace and return it as-is."
        )


def _check_view(output, result, args, tangents, at):
    """Where `forward` returns a view of an input, `jvp` returns a view of its tangent."""
    if at is None:
        at = next(k for k, a in enumerate(args) if _looks_into(output, (a,)))
        if tangents[at] is None:
            return
    if result._base is None:
        raise RuntimeError(
            "A custom Function's forward is returning a view (or an input as-is) but the jvp is not "
            "returning a view."
        )
    tangent = tangents[at]
    if output is args[at] or tangent is None:
        return
    if tangent._base is not None:
        if result._base is not tangent._base:
            raise RuntimeError(
                "A custom Function is returning a view but the jvp is not returning a view of the same base "
                "as the given grad input."
            )
    elif result._base is not tangent:
        raise RuntimeError(
            "A custom Function is returning a view but the jvp is not returning a view of the given grad "
            "input."
        )


def _looks_into(tensor, others):
    """Whether a tensor is a view of one of these, or of the base of one."""
    base = tensor._base
    if base is None:
        return False
    return any(isinstance(o, _C.Tensor) and (o is base or o._base is base) for o in others)


def _tangents(args, level):
    """The tangents of the arguments, None where there is none; None if no argument has one."""
    found = [_C._unpack_dual(a, level)[1] if isinstance(a, _C.Tensor) else None for a in args]
    return found if any(t is not None for t in found) else None


class _DelayedError(Function):
    """The identity, whose derivative is an error."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*tensors):
        return tuple(t.detach() for t in tensors)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, *grads):
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )


_DelayedError._backward_cls.__name__ = "Error"


def once_differentiable(fn):
    """Marks a `backward` that is not itself differentiable: differentiating its results is an error."""
    from functools import wraps

    @wraps(fn)
    def wrapper(ctx, *args):
        recorded = _C._set_recording(False)
        try:
            outputs = fn(ctx, *args)
        finally:
            _C._set_recording(recorded)
        if not recorded or not any(isinstance(a, _C.Tensor) and a.requires_grad for a in args):
            return outputs
        many = outputs if isinstance(outputs, tuple) else (outputs,)
        # A missing gradient has an edge as well.
        leaves = [_C.tensor(0) if t is None else _C._leaf_alias(t.detach()) for t in many]
        made = _DelayedError.apply(*leaves)
        return tuple(None if t is None else m for t, m in zip(many, made))

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
