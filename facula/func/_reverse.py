"""Transforms by reverse mode: grad, vjp.

There are no wrappers and no graph of a transform's own: an input is replaced by an alias of itself, the
function is recorded as usual, and the gradient is asked for at the alias. A function that uses the input by
another way than its argument does not meet the alias, so nested transforms do not take each other's
variables.
"""

from __future__ import annotations

from functools import wraps

from .. import _C
from ..utils._pytree import tree_flatten, tree_map, tree_unflatten, treespec_pprint
from ._batch import BatchedTensor, NotBatchable, Tensor, at_depth, live
from ._levels import Transform, everywhere, plain, rewrap, wrapped_like

__all__ = ["grad", "grad_and_value", "vjp"]

_set_grad = _C._set_grad_enabled
_NO_HOOKS = (
    "torch.func.{grad, vjp, jacrev, hessian} don't yet support saved tensor hooks. Please open an issue with "
    "your use case."
)


class _Recording(Transform):
    """Context in which operations are recorded, whatever was outside."""

    def __enter__(self):
        super().__enter__()
        self.previous = _set_grad(True)

    def __exit__(self, *exc):
        _set_grad(self.previous)
        super().__exit__(*exc)


class _Transforming(_Recording):
    """The same for the function itself, which may not write to what it captured."""

    def __enter__(self):
        _C._refuse_saved_tensors_hooks(_NO_HOOKS)
        super().__enter__()
        _C._enter_transform()

    def __exit__(self, *exc):
        _C._leave_transform()
        super().__exit__(*exc)
        _C._refuse_saved_tensors_hooks(None)


def aliases_of(tensors, outer):
    """A recorded alias of each: (values, what the function is called with)."""
    values, seen = [], []
    for x in tensors:
        if not isinstance(x, Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")
        v = everywhere(x)
        if v.requires_grad and outer:
            v = v.view_as(v)
        else:
            if not (v.dtype.is_floating_point or v.dtype.is_complex):
                raise RuntimeError("only Tensors of floating point dtype can require gradients")
            v = _C._leaf_alias(v)
        values.append(v)
        seen.append(rewrap(v, like=x))
    _C._own_inputs(values)
    return values, seen


def own_face(x):
    """What a function that is transformed sees of an argument that no derivative is taken for."""
    if not isinstance(x, Tensor):
        return x
    v = plain(x)
    if v.requires_grad or type(v) is not Tensor:
        _C._own_inputs([v])
        return x
    v = _C._without_history(v)
    _C._own_inputs([v])
    return wrapped_like(v, x)


def _faces(args, face):
    if type(args) is tuple and all(isinstance(x, Tensor) for x in args):
        return tuple(map(face, args))
    return tree_map(face, args)


def _select(argnums, args):
    """The arguments a derivative is taken for, as one tree, and what puts others in their place.

    The rest goes through `face`: the function may write to it, which the caller's tensors do not record.
    """
    n = len(args)

    def at(i):
        if not isinstance(i, int):
            raise RuntimeError(f"argnum must be int, got: {type(i)}")
        if not -n <= i < n:
            raise RuntimeError(f"Got argnum={i}, but only {n} positional inputs")
        return i % n

    if isinstance(argnums, int):
        chosen = at(argnums)

        def replaced(new, face=own_face):
            return (*_faces(args[:chosen], face), new, *_faces(args[chosen + 1 :], face))

        return args[chosen], replaced
    if not isinstance(argnums, tuple):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    if not argnums:
        raise RuntimeError("argnums must be non-empty")
    many = [at(i) for i in argnums]
    if len(set(many)) != len(many):
        raise RuntimeError(f"argnums elements must be unique, got {tuple(many)}")

    def replaced_many(new, face=own_face):
        given = dict(zip(many, new))
        return tuple(given[i] if i in given else _faces(args[i], face) for i in range(n))

    return tuple(args[i] for i in many), replaced_many


def _gradients(outputs, cotangents, aliases, *, create, retain):
    """The gradients at the aliases; zeros where the outputs do not depend on one."""
    with at_depth(0):
        pairs = [(o, g) for o, g in zip(outputs, cotangents) if o.requires_grad]
        found = [None] * len(aliases)
        if pairs:
            roots, gradients = zip(*pairs)
            found = _C._lazily(_C._grad, roots, aliases, gradients, retain or create, create, True, True)
        return [_C._functions.zeros_like(a) if g is None else g for g, a in zip(found, aliases)]


def _leave(tree, outside):
    """What a function returns besides: without the history of this level."""
    if outside:
        return tree

    def cut(x):
        if not isinstance(x, Tensor):
            return x
        v = plain(x)
        return wrapped_like(_C._without_history(v), x) if v.requires_grad else x

    return tree_map(cut, tree)


def check_aux(aux):
    """What a function returns besides may be any nesting, of tensors."""
    for x in tree_flatten(aux)[0]:
        if not isinstance(x, Tensor):
            raise RuntimeError(f"Expected tensors, got unsupported type {type(x)}")


def grad_and_value(func, argnums=0, has_aux=False):
    """A function that returns the gradient of a scalar function, and its value.

    Args:
        func: returns a scalar tensor, or (scalar tensor, aux) with `has_aux`.
        argnums: the argument, or a tuple of arguments, the gradient is taken for: tensors or nestings of
            them.
        has_aux: `func` returns something besides, which is handed on.

    Returns:
        A function of the same arguments that returns (gradient, value), or (gradient, (value, aux)).

    Raises:
        RuntimeError: the result is no scalar tensor, or argnums does not name arguments.

    Example:
        >>> import facula as torch
        >>> torch.func.grad_and_value(lambda x: x**2)(torch.tensor(3.0))
        (tensor(6.), tensor(9.))
    """

    @wraps(func)
    def wrapper(*args, **kwargs):
        outer = _C.is_grad_enabled()
        with _Transforming():
            chosen, replaced = _select(argnums, args)
            leaves, spec = tree_flatten(chosen)
            aliases, seen = aliases_of(leaves, outer)
            kwargs = _faces(kwargs, own_face) if kwargs else kwargs
            output = func(*replaced(tree_unflatten(seen, spec)), **kwargs)
            aux = None
            if has_aux:
                if not (isinstance(output, tuple) and len(output) == 2):
                    raise RuntimeError(
                        "grad_and_value(f)(*args): output of function f should be a tuple: (output, aux) if "
                        "has_aux is True"
                    )
                output, aux = output
                check_aux(aux)
            if not isinstance(output, Tensor):
                raise RuntimeError(
                    f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(output)}"
                )
            if output.dim():
                raise RuntimeError(
                    "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with "
                    f"{output.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
                )
            value = plain(output)
            if value.is_complex():
                raise RuntimeError(
                    f"grad can be implicitly created only for real scalar outputs but got {value.dtype}"
                )
            outside = outer and _C._depends_on_others([value], aliases)
            with at_depth(0):
                ones = [_C._functions.ones_like(value)]
            found = _gradients([value], ones, aliases, create=outside, retain=outside)
            _C._close_aliases(aliases)
        if not outside:
            found = [_C._without_history(g) if g.requires_grad else g for g in found]
        gradient = tree_unflatten([rewrap(g) for g in found], spec)
        output, aux = _leave((output, aux), outside)
        return (gradient, (output, aux)) if has_aux else (gradient, output)

    return wrapper


def grad(func, argnums=0, has_aux=False):
    """A function that returns the gradient of a scalar function.

    Args:
        func: returns a scalar tensor, or (scalar tensor, aux) with `has_aux`.
        argnums: the argument, or a tuple of arguments, the gradient is taken for: tensors or nestings of
            them.
        has_aux: `func` returns something besides, which is handed on.

    Returns:
        A function of the same arguments that returns the gradient, in the structure of the argument, or
        (gradient, aux). It can be transformed again.

    Raises:
        RuntimeError: the result is no scalar tensor, or argnums does not name arguments.

    Example:
        >>> import facula as torch
        >>> from facula.func import grad
        >>> grad(grad(lambda x: x**3))(torch.tensor(2.0))
        tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    @wraps(func)
    def wrapper(*args, **kwargs):
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapper


def _check_outputs(api, output, leaves):
    if (isinstance(output, (tuple, list)) and not output) or all(o is None for o in leaves):
        raise RuntimeError(
            f"{api}: Expected f to be a function that has non-empty output (got output = {leaves})"
        )
    for o in leaves:
        if not isinstance(o, Tensor):
            raise RuntimeError(
                f"{api}: expected f(*primals) to return only tensors, got unsupported type {type(o)}"
            )


class Pulled:
    """A function that was evaluated and recorded: its outputs, and gradients for given cotangents."""

    def __init__(self, func, primals, has_aux=False, outer=True):
        self.func, self.primals, self.has_aux = func, primals, has_aux
        leaves, self.spec = tree_flatten(primals)
        self.levels = live()
        self.state = _C.default_generator.get_state() if self._draws() else None
        with _Transforming():
            self.aliases, seen = aliases_of(leaves, outer)
            output = func(*tree_unflatten(seen, self.spec))
            self.aux = None
            if has_aux:
                if not (isinstance(output, tuple) and len(output) == 2):
                    raise RuntimeError(
                        "vjp(f, *primals): output of function f should be a tuple: (output, aux) if "
                        "has_aux is True"
                    )
                output, self.aux = output
                check_aux(self.aux)
            self.leaves, self.out_spec = tree_flatten(output)
            _check_outputs("vjp(f, *primals)", output, self.leaves)
            for o in self.leaves:
                if not (o.dtype.is_floating_point or o.dtype.is_complex):
                    raise RuntimeError(
                        "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got "
                        f"Tensor with dtype {o.dtype}"
                    )
        self.values = [plain(o) for o in self.leaves]
        self.outside = outer and _C._depends_on_others(
            [v for v in self.values if v.requires_grad], self.aliases
        )
        _C._close_aliases(self.aliases)

    def _draws(self):
        return not self.levels or self.levels[-1].randomness != "error"

    def outputs(self):
        return _leave(tree_unflatten(self.leaves, self.out_spec), self.outside)

    def pull(self, cotangents, *, retain=True, create=True):
        """Gradients, a list of tensors, for one cotangent per output."""
        known = {level.number for level in self.levels}
        if any(number not in known for c in cotangents for number in _numbers(c)):
            if not any(
                n in known and n not in _numbers(o)
                for c, o in zip(cotangents, self.leaves)
                for n in _numbers(c)
            ):
                try:
                    return self._pull_batch(cotangents, create)
                except NotBatchable:  # what a Function of the user's does is not for a batch
                    pass
            return self._again().pull(cotangents, retain=False, create=create)
        given = []
        for c, o, v in zip(cotangents, self.leaves, self.values):
            levels = [level for level in self.levels if level.number in _numbers(o)]
            if len(levels) < len(
                _numbers(c)
            ):  # an output that is the same for examples with other cotangents
                levels = self.levels
            g = everywhere(c, levels)
            given.append(g if g.shape == v.shape else g.sum(tuple(range(g.dim() - v.dim()))))
        create = create and self.outside
        found = _gradients(self.values, given, self.aliases, create=create, retain=retain)
        if not create:
            found = [_C._without_history(g) if g.requires_grad else g for g in found]
        return [rewrap(g, self.levels) for g in found]

    def _pull_batch(self, cotangents, create):
        """Gradients for cotangents of vmaps that the function did not see: one backward for all."""
        from ._older import grad

        create = create and self.outside
        pairs = [(o, c) for o, c, v in zip(self.leaves, cotangents, self.values) if v.requires_grad]
        inputs = [rewrap(a, self.levels) for a in self.aliases]
        found = [None] * len(inputs)
        if pairs:
            outputs, given = zip(*pairs)
            found = grad(outputs, inputs, given, True, create, True, True)
        found = [_C._functions.zeros_like(x) if g is None else g for g, x in zip(found, inputs)]
        if create:
            return found
        return [wrapped_like(_C._without_history(plain(g)), g) if g.requires_grad else g for g in found]

    def pull_rows(self, start, stop, *, create=True):
        """Gradients of elements start to stop of the outputs: for each input, with the elements in front."""
        from ..autograd._batched import rows_of

        create = create and self.outside
        with at_depth(0):
            found = rows_of(
                self.values,
                self.aliases,
                start,
                stop,
                create_graph=create,
                shapes=[o.shape for o in self.leaves],
            )
            rows = []
            for g, a in zip(found, self.aliases):
                if g is None:
                    g = _C._functions.zeros_like(a).expand((stop - start, *a.shape))
                if not create and g.requires_grad:
                    g = _C._without_history(g)
                rows.append(g.movedim(0, len(self.levels)) if self.levels else g)
        return [rewrap(g, self.levels) for g in rows]

    def _again(self):
        """The function evaluated for every example of the vmaps that run now."""
        from ._jacobian import alike

        with alike(len(self.levels), self.state):
            return Pulled(self._main_of, self.primals, outer=self.outside)

    def _main_of(self, *primals):
        output = self.func(*primals)
        return output[0] if self.has_aux else output


def _numbers(x):
    found = []
    while type(x) is BatchedTensor:
        found.append(x._level)
        x = x._value
    return found


def vjp(func, *primals, has_aux=False):
    """A function's value and the function that pulls cotangents back.

    Args:
        func: takes tensors, or nestings of them, by position; returns such a nesting.
        primals: where it is evaluated.
        has_aux: `func` returns (output, aux) and aux, which is not differentiated, is handed on.

    Returns:
        (output, vjp_fn) or (output, vjp_fn, aux). vjp_fn takes cotangents in the structure of the output and
        returns a tuple of gradients, one per primal; it may be called often, and under vmap.

    Raises:
        RuntimeError: an output is no floating point or complex tensor, or cotangents do not have the
        structure of
            the output.

    Example:
        >>> import facula as torch
        >>> y, pull = torch.func.vjp(torch.sin, torch.tensor(0.0))
        >>> pull(torch.tensor(2.0))
        (tensor(2.),)
    """
    pulled = Pulled(func, primals, has_aux, _C.is_grad_enabled())

    def wrapper(cotangents, retain_graph=True, create_graph=None):
        leaves, spec = tree_flatten(cotangents)
        if spec != pulled.out_spec:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of outputs to "
                f"the function. cotangents: {treespec_pprint(spec)}, primal output: "
                f"{treespec_pprint(pulled.out_spec)}"
            )
        create = _C.is_grad_enabled() if create_graph is None else create_graph
        with _Recording():
            for c, o in zip(leaves, pulled.leaves):
                if not isinstance(c, Tensor):
                    raise TypeError(f"gradients can be either Tensors or None, but got {type(c).__name__}")
                if c.shape != o.shape:
                    raise RuntimeError(
                        f"Mismatch in shape: grad_output[0] has a shape of {c.shape} and output[0] has a "
                        f"shape of {o.shape}."
                    )
            depends = create and (pulled.outside or any(plain(c).requires_grad for c in leaves))
            pulled.outside, before = depends, pulled.outside
            try:
                found = pulled.pull(leaves, retain=retain_graph, create=create)
            finally:
                pulled.outside = before
        return tree_unflatten(found, pulled.spec)

    output = pulled.outputs()
    return (output, wrapper, _leave(pulled.aux, pulled.outside)) if has_aux else (output, wrapper)
