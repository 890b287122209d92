"""Transforms by forward mode: jvp, linearize. Tangents of a level carry those of the levels around it."""

from __future__ import annotations

from .. import _C
from ..utils._pytree import tree_flatten, tree_map, tree_unflatten
from ._batch import Tensor, at_depth
from ._levels import Transform, everywhere, levels_of, plain, rewrap, wrapped_like

__all__ = ["jvp", "linearize"]

_NAME = "jvp(f, primals, tangents)"


class _DualLevel(Transform):
    """Context of one more level of tangents."""

    def __init__(self, name=_NAME):
        self.name = name

    def __enter__(self):
        from ..autograd import forward_ad

        if forward_ad._current_level >= 0:
            raise RuntimeError("Nested forward mode AD is not supported at the moment")
        super().__enter__()
        _C._enter_transform()
        self.allowed = _C._set_fwd_grad_enabled(True)
        self.level = _C._push_dual_level()
        return self.level

    def __exit__(self, *exc):
        _C._exit_dual_level()
        _C._set_fwd_grad_enabled(self.allowed)
        _C._leave_transform()
        super().__exit__(*exc)


def _tensors(elements, argument):
    if not elements:
        raise RuntimeError(f"{_NAME}: Expected {argument} to contain at least one Tensor.")
    for e in elements:
        if not isinstance(e, Tensor):
            raise RuntimeError(f"{_NAME}: Expected {argument} to only contain Tensors, got {type(e)}")


def dual(primal, tangent, *level):
    """A tensor that carries a tangent, both batched at every running vmap."""
    for x, what in ((primal, "primal"), (tangent, "tangent")):
        if not (x.dtype.is_floating_point or x.dtype.is_complex):
            raise ValueError(f"Expected {what} to be floating point or complex, but got: {x.dtype}")
    p, t = everywhere(primal), everywhere(tangent)
    with at_depth(0):
        if p.dtype != t.dtype:
            t = t.to(p.dtype)
        made = _C._make_dual(p, t, *level)
    _C._own_inputs([made, t])
    return rewrap(made, like=primal)


def unpacked(x, *level):
    """(value, tangent or None) of a tensor at a level; at the one that the user opened unless given."""
    with at_depth(0):
        primal, tangent = _C._unpack_dual(plain(x), *level)
    return wrapped_like(primal, x), None if tangent is None else wrapped_like(tangent, x)


def undual(x, level, strict=False):
    """(value, tangent) of a tensor at a level; a tangent of zeros where it has none."""
    v = plain(x)
    with at_depth(0):
        primal, tangent = _C._unpack_dual(v, level)
        if tangent is None:
            if strict:
                raise RuntimeError(
                    "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. "
                    "This is not allowed with strict=True."
                )
            tangent = _C._functions.zeros_like(primal)
    if not levels_of(x):
        return primal, tangent
    return wrapped_like(primal, x), wrapped_like(tangent, x)


def push(func, primals, tangents, strict=False, has_aux=False):
    """(outputs as leaves, their tangents, structure, aux) of a function along tangents; all are lists."""
    flat, spec = tree_flatten(primals)
    from ._reverse import check_aux

    with _DualLevel() as level:
        duals = [dual(p, t, level) for p, t in zip(flat, tangents)]
        output = func(*tree_unflatten(duals, spec))
        aux = None
        if has_aux:
            if not (isinstance(output, tuple) and len(output) == 2):
                raise RuntimeError(
                    f"{_NAME}: output of function f should be a tuple: (output, aux) if has_aux is True"
                )
            output, aux = output
            check_aux(aux)
            aux = tree_map(lambda x: undual(x, level)[0] if isinstance(x, Tensor) else x, aux)
        leaves, out_spec = tree_flatten(output)
        if (isinstance(output, (tuple, list)) and not output) or all(o is None for o in leaves):
            raise RuntimeError(
                f"{_NAME}: Expected f to be a function that has non-empty output (got output = {leaves})"
            )
        for o in leaves:
            if not isinstance(o, Tensor):
                raise RuntimeError(
                    f"{_NAME}: expected f(*primals) to return only tensors, got unsupported type {type(o)}"
                )
        pairs = [undual(o, level, strict) for o in leaves]
    return [p for p, _ in pairs], [t for _, t in pairs], out_spec, aux


def jvp(func, primals, tangents, *, strict=False, has_aux=False):
    """A function's value and its derivative along a direction, in one forward pass.

    Args:
        func: takes tensors, or nestings of them, by position; returns such a nesting.
        primals: a tuple of arguments, where the derivative is taken.
        tangents: the direction: of the same structure, shapes and dtypes.
        strict: an output that does not depend on the inputs is an error; else its derivative is zero.
        has_aux: `func` returns (output, aux) and aux, which is not differentiated, is handed on.

    Returns:
        (output, derivative), or (output, derivative, aux).

    Raises:
        RuntimeError: primals or tangents are no tuples of tensors, or differ in structure or shape.

    Example:
        >>> import facula as torch
        >>> torch.func.jvp(torch.sin, (torch.tensor(0.0),), (torch.tensor(2.0),))
        (tensor(0.), tensor(2.))
    """
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{_NAME}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    flat, spec = tree_flatten(primals)
    directions, direction_spec = tree_flatten(tangents)
    if spec != direction_spec:
        raise RuntimeError(
            f"{_NAME}: Expected primals and tangents to have the same python structure. For example, if "
            f"primals is a tuple of 3 tensors, tangents also must be. Got primals with structure {spec} and "
            f"tangents with structure {direction_spec}"
        )
    _tensors(flat, "primals")
    _tensors(directions, "tangents")
    values, derivatives, out_spec, aux = push(func, primals, directions, strict, has_aux)
    result = tree_unflatten(values, out_spec), tree_unflatten(derivatives, out_spec)
    return (*result, aux) if has_aux else result


def linearize(func, *primals):
    """A function's value, and its derivative at a place as a function of the direction.

    Args:
        func: takes tensors, or nestings of them, by position; returns such a nesting.
        primals: where the derivative is taken.

    Returns:
        (output, jvp_fn): jvp_fn takes tangents like the primals and returns the derivative along them,
        without evaluating `func` again.

    Raises:
        RuntimeError: tangents differ from the primals in structure, shape or dtype.

    Example:
        >>> import facula as torch
        >>> y, derivative = torch.func.linearize(torch.sin, torch.tensor(0.0))
        >>> derivative(torch.tensor(3.0))
        tensor(3.)
    """
    flat, spec = tree_flatten(primals)
    linear = _recorded(func, primals)
    output = func(*primals) if linear is None else linear.output

    def jvp_fn(*tangents):
        directions, direction_spec = tree_flatten(tangents)
        if direction_spec != spec:
            raise RuntimeError(
                f"Expected the tangents {direction_spec} to have the same argspec as the primals {spec}"
            )
        for i, (t, p) in enumerate(zip(directions, flat)):
            for what in ("shape", "device", "dtype"):
                if getattr(t, what) != getattr(p, what):
                    raise RuntimeError(
                        f"tangent:{i} with {what} {getattr(t, what)} in flattened pytree doesn't match the "
                        f"{what} {getattr(p, what)} of the corresponding primal."
                    )
        if linear is not None:
            return linear(directions)
        _, derivatives, out_spec, _ = push(func, primals, directions)
        return tree_unflatten(derivatives, out_spec)

    return output, jvp_fn


class _Linear:
    """The derivative of a recorded function: u -> J'u is recorded as well, and its transpose is J."""

    def __init__(self, pulled):
        from ._reverse import _Recording

        self.pulled = pulled
        self.output = pulled.outputs()
        with _Recording(), at_depth(0):
            roots = [v for v in pulled.values if v.requires_grad]
            self.vectors = [_C._leaf_alias(_C._functions.zeros_like(v)) for v in roots]
            self.pulled_back = [None] * len(pulled.aliases)
            if roots:
                self.pulled_back = _C._grad(roots, pulled.aliases, self.vectors, True, True, True, True)

    def __call__(self, directions):
        from ._older import grad

        levels = self.pulled.levels
        pairs = [(rewrap(b, levels), t) for b, t in zip(self.pulled_back, directions) if b is not None]
        recorded = [o for o, v in zip(self.pulled.leaves, self.pulled.values) if v.requires_grad]
        faces = [wrapped_like(u, o) for u, o in zip(self.vectors, recorded)]
        found = [None] * len(faces)
        if pairs:
            create = self.pulled.outside or any(plain(t).requires_grad for _, t in pairs)
            found = grad([b for b, _ in pairs], faces, [t for _, t in pairs], True, create, True, True)
        found = iter(found)
        results = []
        for o, v in zip(self.pulled.leaves, self.pulled.values):
            g = next(found) if v.requires_grad else None
            results.append(_C._functions.zeros_like(o) if g is None else g)
        return tree_unflatten(results, self.pulled.out_spec)


def _recorded(func, primals):
    """The derivative of a function from its graph; None where only forward mode can tell."""
    from ._reverse import Pulled

    state = _C.default_generator.get_state()
    try:
        pulled = Pulled(func, primals, outer=_C.is_grad_enabled())
        with at_depth(0):
            if _C._graph_size([v for v in pulled.values if v.requires_grad])[1]:
                return _Linear(pulled)
    except (RuntimeError, ValueError):
        pass
    _C.default_generator.set_state(state)
    return None
