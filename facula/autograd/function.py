"""Functions whose derivative the user writes: torch.autograd.Function."""

from __future__ import annotations

from .. import _C


class FunctionCtx:
    """What `forward` leaves for `backward`: saved tensors, flags, and any attribute set on it."""

    def __init__(self):
        self._to_save = ()
        self._unpacked = None
        self._dirty = ()
        self._constant = ()
        self.materialize_grads = True
        self.needs_input_grad = ()

    def save_for_backward(self, *tensors):
        """Keeps tensors (or None) for `backward`; an in-place write to them later is noticed."""
        for t in tensors:
            if t is not None and not isinstance(t, _C.Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument is of type {type(t).__name__}"
                )
        self._to_save = tensors

    save_for_forward = save_for_backward

    @property
    def saved_tensors(self):
        """The tensors given to `save_for_backward`."""
        return self._to_save if self._unpacked is None else self._unpacked

    def mark_dirty(self, *tensors):
        """Names the inputs that `forward` wrote to; they must be among its outputs."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors):
        """Names outputs that have no gradient."""
        self._constant = tensors

    def set_materialize_grads(self, value):
        """False: missing gradients reach `backward` as None, not as zeros."""
        self.materialize_grads = bool(value)


class Function:
    """Base of operations with a derivative of their own.

    A subclass defines static methods `forward(ctx, *args)` and `backward(ctx, *grads)`, or `forward(*args)`
    with `setup_context(ctx, inputs, output)`; `apply(*args)` calls it. `backward` returns one gradient (or
    None) for each argument of `forward`.

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

    def __init__(self, *args, **kwargs):
        raise RuntimeError(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you "
            "should invoke them on the class itself. Instantiating an autograd function will raise an error "
            "in a future version of PyTorch."
        )

    @staticmethod
    def forward(*args, **kwargs):
        """Computes the result; operations in it are not recorded."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        """Turns the gradients of the outputs into those of the inputs."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use "
            "it with backward mode AD."
        )

    @staticmethod
    def jvp(ctx, *grad_inputs):
        """Turns the tangents of the arguments (None where there is none) into those of the outputs."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    setup_context = None

    @classmethod
    def apply(cls, *args):
        """Calls `forward` and records the call."""
        ctx = FunctionCtx()
        ctx.needs_input_grad = tuple(isinstance(a, _C.Tensor) and a.requires_grad for a in args)
        tangents = _tangents(args) if _C._forward_mode_active() else None
        recorded = _C._set_grad_enabled(False)
        forward = _C._set_fwd_grad_enabled(False)
        try:
            if cls.setup_context is None:
                output = cls.forward(ctx, *args)
            else:
                output = cls.forward(*args)
                cls.setup_context(ctx, args, output)
        finally:
            _C._set_grad_enabled(recorded)
            _C._set_fwd_grad_enabled(forward)
        if not recorded or not any(ctx.needs_input_grad):
            return output if tangents is None else cls._push_forward(ctx, tangents, output, output)
        backward = cls.__dict__.get("vjp") or cls.backward
        single = not isinstance(output, tuple)
        outputs = (output,) if single else output
        made = _C._attach_function(
            ctx,
            backward,
            cls.__name__ + "Backward",
            args,
            outputs,
            tuple(ctx._to_save),
            ctx._dirty,
            ctx._constant,
        )
        made = made[0] if single else made
        if tangents is not None:
            cls._push_forward(ctx, tangents, output, made)
        ctx._to_save = ()
        return made

    @classmethod
    def _push_forward(cls, ctx, tangents, output, made):
        """Gives `made`, the recorded form of `output`, the tangents that `jvp` says."""
        results = cls.jvp(ctx, *tangents)
        single = not isinstance(output, tuple)
        if single == isinstance(results, tuple) or (not single and len(results) != len(output)):
            count = len(output) if not single else 1
            raise RuntimeError(f"{cls.__name__}Backward: expected {count} tangents from jvp")
        for t, tangent in zip((made,) if single else made, (results,) if single else results):
            if tangent is not None and isinstance(t, _C.Tensor):
                written = any(t is dirty for dirty in ctx._dirty)
                _C._set_tangent(t, tangent, written)
        return made


def _tangents(args):
    """The tangents of the arguments, None where there is none; None if no argument has one."""
    found = [_C._unpack_dual(a)[1] if isinstance(a, _C.Tensor) else None for a in args]
    return found if any(t is not None for t in found) else None


def once_differentiable(function):
    """Marks a `backward` that is not itself differentiable: its operations are not recorded."""
    from functools import wraps

    @wraps(function)
    def wrapper(ctx, *grads):
        recorded = _C._set_grad_enabled(False)
        try:
            return function(ctx, *grads)
        finally:
            _C._set_grad_enabled(recorded)

    return wrapper
