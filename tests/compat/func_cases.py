"""Programs that use torch.func, each a function of the torch namespace it runs in."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from functools import partial

CASES: dict = {}
Pair = namedtuple("Pair", "a b")


def case(f):
    CASES[f.__name__] = f
    return f


def each(**cases):
    CASES.update(cases)


def x(torch):
    return torch.tensor([0.5, -1.5, 2.0])


def m(torch):
    return torch.arange(12.0).reshape(3, 4) / 7 - 0.6


def f3(t):
    return (t**3).sum()


# --- grad and grad_and_value ---

each(
    grad_cube=lambda t: t.func.grad(f3)(x(t)),
    grad_twice=lambda t: t.func.grad(lambda a: t.func.grad(lambda b: b**4)(a))(t.tensor(1.5)),
    grad_thrice=lambda t: t.func.grad(t.func.grad(t.func.grad(t.sin)))(t.tensor(0.7)),
    grad_argnums_1=lambda t: t.func.grad(lambda a, b: (a * b * b).sum(), argnums=1)(x(t), x(t)),
    grad_argnums_negative=lambda t: t.func.grad(lambda a, b: (a * b * b).sum(), argnums=-1)(x(t), x(t)),
    grad_argnums_tuple=lambda t: t.func.grad(lambda a, b: (a * b * b).sum(), argnums=(0, 1))(x(t), x(t)),
    grad_argnums_swapped=lambda t: t.func.grad(lambda a, b: (a * b * b).sum(), argnums=(1, 0))(x(t), x(t)),
    grad_aux=lambda t: t.func.grad(lambda a: (f3(a), a * 2), has_aux=True)(x(t)),
    grad_aux_tree=lambda t: t.func.grad(lambda a: (f3(a), {"k": a * 2, "n": (a.cos(),)}), has_aux=True)(x(t)),
    grad_and_value_plain=lambda t: t.func.grad_and_value(f3)(x(t)),
    grad_and_value_aux=lambda t: t.func.grad_and_value(lambda a: (f3(a), a.sin()), has_aux=True)(x(t)),
    grad_of_dict=lambda t: t.func.grad(lambda d: (d["w"] * d["b"][0]).sum())({"w": x(t), "b": [x(t) * 2]}),
    grad_of_tuple=lambda t: t.func.grad(lambda d: (d[0] * d[1]).sum())((x(t), x(t) + 1)),
    grad_of_namedtuple=lambda t: t.func.grad(lambda d: (d.a * d.b).sum())(Pair(x(t), x(t) + 1)),
    grad_of_ordered=lambda t: t.func.grad(lambda d: f3(d["a"]))(OrderedDict(a=x(t))),
    grad_unused=lambda t: t.func.grad(lambda a, b: a.sum(), argnums=(0, 1))(x(t), x(t)),
    grad_constant=lambda t: t.func.grad(lambda a: t.tensor(1.0))(x(t)),
    grad_kwargs=lambda t: t.func.grad(lambda a, k=1: f3(a) * k)(x(t), k=3),
    grad_complex_through=lambda t: t.func.grad(lambda a: t.view_as_real(t.fft.fft(a)).pow(2).sum())(x(t)),
    grad_closure_not_differentiated=lambda t: (lambda a: t.func.grad(lambda b: (a * b).sum())(a))(x(t)),
    grad_perturbation=lambda t: t.func.grad(lambda a: a * t.func.grad(lambda b: a + b)(t.tensor(1.0)))(
        t.tensor(1.0)
    ),
    grad_perturbation_product=lambda t: t.func.grad(
        lambda a: a * t.func.grad(lambda b: a * b * b)(t.tensor(3.0))
    )(t.tensor(2.0)),
    grad_in_place_inside=lambda t: t.func.grad(lambda a: a.clone().mul_(a).sum())(x(t)),
    grad_detach=lambda t: t.func.grad(lambda a: (a * a.detach()).sum())(x(t)),
    grad_views=lambda t: t.func.grad(lambda a: (a[1:] * a[:-1]).sum())(x(t)),
    grad_matrix=lambda t: t.func.grad(lambda a: (a @ a.T).trace())(m(t)),
    grad_no_dims_error=lambda t: t.func.grad(lambda a: a)(x(t)),
    grad_no_tensor_error=lambda t: t.func.grad(lambda a: 1.0)(x(t)),
    grad_int_error=lambda t: t.func.grad(lambda a: a.sum())(t.arange(3)),
    grad_aux_error=lambda t: t.func.grad(f3, has_aux=True)(x(t)),
    grad_argnum_range_error=lambda t: t.func.grad(f3, argnums=2)(x(t)),
    grad_argnum_type_error=lambda t: t.func.grad(f3, argnums=0.5)(x(t)),
    grad_argnum_empty_error=lambda t: t.func.grad(f3, argnums=())(x(t)),
    grad_argnum_twice_error=lambda t: t.func.grad(lambda a, b: f3(a), argnums=(0, 0))(x(t), x(t)),
    grad_non_tensor_error=lambda t: t.func.grad(lambda a: a)(3.0),
    grad_leaf_in_place_error=lambda t: t.func.grad(lambda a: a.mul_(2).sum())(x(t)),
)


@case
def grad_no_grad_inside(t):
    def f(a):
        with t.no_grad():
            c = a**2
        return (a - c).sum()

    return t.func.grad(f)(x(t))


@case
def grad_inside_no_grad(t):
    with t.no_grad():
        g = t.func.grad(f3)(x(t))
    return g, g.requires_grad


@case
def grad_result_is_recorded_outside(t):
    a = x(t).requires_grad_()
    g = t.func.grad(f3)(a)
    g.sum().backward()
    return g, g.requires_grad, a.grad


@case
def grad_closure_is_recorded_outside(t):
    w = x(t).requires_grad_()
    g = t.func.grad(lambda a: (a * a * w).sum())(x(t) + 1)
    g.sum().backward()
    return g.detach(), w.grad


@case
def grad_leaves_no_history(t):
    g, v = t.func.grad_and_value(f3)(x(t))
    return g.requires_grad, v.requires_grad, g.is_leaf


# --- vjp ---


@case
def vjp_plain(t):
    y, pull = t.func.vjp(t.sin, x(t))
    return y, pull(t.ones(3)), pull(x(t))


@case
def vjp_many(t):
    y, pull = t.func.vjp(lambda a, b: {"p": a * b, "q": (a + b,)}, x(t), x(t) * 2)
    return y, pull({"p": x(t), "q": (t.ones(3),)})


@case
def vjp_aux(t):
    y, pull, aux = t.func.vjp(lambda a: (a * 2, a.cos()), x(t), has_aux=True)
    return y, pull(x(t)), aux


@case
def vjp_of_vjp(t):
    def g(a):
        return t.func.vjp(t.sin, a)[1](t.ones(3))[0]

    y, pull = t.func.vjp(g, x(t))
    return y, pull(x(t))


@case
def vjp_under_vmap(t):
    _, pull = t.func.vjp(lambda a: (a**2) @ m(t), x(t))
    return t.vmap(pull)(t.eye(4))


@case
def vjp_under_vmap_twice(t):
    _, pull = t.func.vjp(lambda a: a**3, x(t))
    return t.vmap(t.vmap(pull))(t.arange(18.0).reshape(2, 3, 3))


each(
    vjp_structure_error=lambda t: t.func.vjp(lambda a: (a, a), x(t))[1](x(t)),
    vjp_int_output_error=lambda t: t.func.vjp(lambda a: a.long(), x(t)),
    vjp_empty_output_error=lambda t: t.func.vjp(lambda a: (), x(t)),
    vjp_output_type_error=lambda t: t.func.vjp(lambda a: (a, 1), x(t)),
    vjp_aux_error=lambda t: t.func.vjp(lambda a: a, x(t), has_aux=True),
    # --- jvp ---
    jvp_plain=lambda t: t.func.jvp(t.sin, (x(t),), (t.ones(3),)),
    jvp_two=lambda t: t.func.jvp(lambda a, b: a * b, (x(t), x(t) + 1), (t.ones(3), x(t))),
    jvp_tree=lambda t: t.func.jvp(lambda d: {"s": d["a"].sin()}, ({"a": x(t)},), ({"a": x(t)},)),
    jvp_aux=lambda t: t.func.jvp(lambda a: (a * 2, a.cos()), (x(t),), (x(t),), has_aux=True),
    jvp_independent=lambda t: t.func.jvp(lambda a: t.ones(2), (x(t),), (x(t),)),
    jvp_of_jvp=lambda t: t.func.jvp(
        lambda a: t.func.jvp(lambda b: b**3, (a,), (t.ones(3),))[1], (x(t),), (x(t),)
    ),
    jvp_thrice=lambda t: t.func.jvp(
        lambda a: t.func.jvp(lambda b: t.func.jvp(lambda c: c**4, (b,), (t.ones(3),))[1], (a,), (t.ones(3),))[
            1
        ],
        (x(t),),
        (t.ones(3),),
    ),
    jvp_perturbation=lambda t: t.func.jvp(
        lambda a: a * t.func.jvp(lambda b: a + b, (t.tensor(1.0),), (t.tensor(1.0),))[1],
        (t.tensor(1.0),),
        (t.tensor(1.0),),
    ),
    jvp_of_grad=lambda t: t.func.jvp(t.func.grad(f3), (x(t),), (x(t),)),
    grad_of_jvp=lambda t: t.func.grad(lambda a: t.func.jvp(t.sin, (a,), (x(t),))[1].sum())(x(t)),
    jvp_strict_error=lambda t: t.func.jvp(lambda a: t.ones(2), (x(t),), (x(t),), strict=True),
    jvp_primals_error=lambda t: t.func.jvp(t.sin, x(t), (x(t),)),
    jvp_structure_error=lambda t: t.func.jvp(t.sin, (x(t),), (x(t), x(t))),
    jvp_empty_error=lambda t: t.func.jvp(t.sin, (), ()),
    jvp_type_error=lambda t: t.func.jvp(t.sin, (1.0,), (1.0,)),
    jvp_output_error=lambda t: t.func.jvp(lambda a: 3, (x(t),), (x(t),)),
    jvp_aux_error=lambda t: t.func.jvp(lambda a: a, (x(t),), (x(t),), has_aux=True),
)


@case
def linearize_plain(t):
    y, push = t.func.linearize(lambda a: a.sin() * a, x(t))
    return y, push(t.ones(3)), push(x(t))


# --- jacobians and hessians ---

each(
    jacrev_plain=lambda t: t.func.jacrev(lambda a: (a**2) @ m(t))(x(t)),
    jacfwd_plain=lambda t: t.func.jacfwd(lambda a: (a**2) @ m(t))(x(t)),
    jacrev_argnums=lambda t: t.func.jacrev(lambda a, b: a * b, argnums=(0, 1))(x(t), x(t) * 2),
    jacfwd_argnums=lambda t: t.func.jacfwd(lambda a, b: a * b, argnums=(0, 1))(x(t), x(t) * 2),
    jacrev_argnums_1=lambda t: t.func.jacrev(lambda a, b: a * b.sin(), argnums=1)(x(t), x(t) * 2),
    jacrev_tree=lambda t: t.func.jacrev(lambda d: {"p": d["a"] * 2, "q": (d["b"].sum(), d["a"] ** 2)})(
        {"a": x(t), "b": m(t)}
    ),
    jacfwd_tree=lambda t: t.func.jacfwd(lambda d: {"p": d["a"] * 2, "q": (d["b"].sum(), d["a"] ** 2)})(
        {"a": x(t), "b": m(t)}
    ),
    jacrev_aux=lambda t: t.func.jacrev(lambda a: (a**2, a.cos()), has_aux=True)(x(t)),
    jacfwd_aux=lambda t: t.func.jacfwd(lambda a: (a**2, a.cos()), has_aux=True)(x(t)),
    jacrev_chunk_1=lambda t: t.func.jacrev(lambda a: a.sin(), chunk_size=1)(x(t)),
    jacrev_chunk_2=lambda t: t.func.jacrev(lambda a: a.sin(), chunk_size=2)(x(t)),
    jacfwd_matrix=lambda t: t.func.jacfwd(lambda a: a.T @ a)(m(t)),
    jacrev_matrix=lambda t: t.func.jacrev(lambda a: a.T @ a)(m(t)),
    jacrev_jacrev_layer=lambda t: t.func.jacrev(t.func.jacrev(lambda a: (m(t).T @ a).tanh()))(x(t)),
    jacrev_thrice_layer=lambda t: t.func.jacrev(t.func.jacrev(t.func.jacrev(lambda a: (a @ m(t)).tanh())))(
        x(t)
    ),
    jacrev_jacrev=lambda t: t.func.jacrev(t.func.jacrev(lambda a: a**3))(x(t)),
    jacrev_jacfwd=lambda t: t.func.jacrev(t.func.jacfwd(lambda a: a**3))(x(t)),
    jacfwd_jacrev=lambda t: t.func.jacfwd(t.func.jacrev(lambda a: a**3))(x(t)),
    jacfwd_jacfwd=lambda t: t.func.jacfwd(t.func.jacfwd(lambda a: a**3))(x(t)),
    jacfwd_thrice=lambda t: t.func.jacfwd(t.func.jacfwd(t.func.jacfwd(f3)))(x(t)),
    hessian_plain=lambda t: t.func.hessian(lambda a: (a.sin() * a.prod()).sum())(x(t)),
    hessian_argnums=lambda t: t.func.hessian(lambda a, b: (a * b * b).sum(), argnums=(0, 1))(x(t), x(t)),
    hessian_softmax=lambda t: t.func.hessian(lambda a: t.softmax(a, 0)[0])(x(t)),
    hessian_vector=lambda t: t.func.hessian(lambda a: a**3)(x(t)),
    jacrev_scalar_input=lambda t: t.func.jacrev(t.sin)(t.tensor(0.3)),
    jacrev_independent=lambda t: t.func.jacrev(lambda a: t.ones(2))(x(t)),
    jacrev_control_flow=lambda t: t.func.jacrev(lambda a: a * 2 if a.sum() > 0 else a * 3)(x(t)),
    jacrev_item=lambda t: t.func.jacrev(lambda a: a * a.detach()[0].item())(x(t)),
    jacrev_in_place=lambda t: t.func.jacrev(lambda a: a.clone().add_(a[0]).mul_(a))(x(t)),
    jacrev_write=lambda t: t.func.jacrev(lambda a: _written(t, a))(x(t)),
    jacfwd_write=lambda t: t.func.jacfwd(lambda a: _written(t, a))(x(t)),
    jacrev_chunk_error=lambda t: t.func.jacrev(t.sin, chunk_size=0),
    jacrev_complex_error=lambda t: t.func.jacrev(lambda a: a * 2)(t.ones(2, dtype=t.complex64)),
    jacfwd_complex_error=lambda t: t.func.jacfwd(lambda a: a * 2)(t.ones(2, dtype=t.complex64)),
    jacrev_complex_output_error=lambda t: t.func.jacrev(lambda a: a * 1j)(x(t)),
    jacfwd_random_error=lambda t: t.func.jacfwd(lambda a: a * t.rand(3))(x(t)),
)


def _written(t, a):
    out = t.zeros_like(a)
    out[0] = a[1] * a[2]
    out[1:] += a[1:] ** 2
    return out


# --- vmap: dimensions and structures ---

each(
    vmap_plain=lambda t: t.vmap(t.sin)(m(t)),
    vmap_dot=lambda t: t.vmap(t.dot)(m(t), m(t) + 1),
    vmap_in_dims_1=lambda t: t.vmap(lambda a: a.cumsum(0), in_dims=1)(m(t)),
    vmap_in_dims_negative=lambda t: t.vmap(lambda a: a.cumsum(0), in_dims=-1)(m(t)),
    vmap_in_dims_none=lambda t: t.vmap(lambda a, b: a * b, in_dims=(0, None))(m(t), t.arange(4.0)),
    vmap_out_dims_1=lambda t: t.vmap(lambda a: a * 2, out_dims=1)(m(t)),
    vmap_out_dims_negative=lambda t: t.vmap(lambda a: t.stack([a, a]), out_dims=-1)(m(t)),
    vmap_out_dims_tuple=lambda t: t.vmap(lambda a: (a, a * 2), out_dims=(0, 1))(m(t)),
    vmap_out_dims_dict=lambda t: t.vmap(lambda a: {"p": a, "q": a * 2}, out_dims={"p": 0, "q": 1})(m(t)),
    vmap_out_dims_none=lambda t: t.vmap(lambda a: (a, t.ones(2)), out_dims=(0, None))(m(t)),
    vmap_in_dims_dict=lambda t: t.vmap(lambda d: d["a"] * d["b"], in_dims=({"a": 0, "b": None},))(
        {"a": m(t), "b": t.arange(4.0)}
    ),
    vmap_in_dims_prefix=lambda t: t.vmap(lambda d, c: d["a"] + d["b"] + c, in_dims=(1, None))(
        {"a": m(t), "b": m(t) * 2}, t.tensor(1.0)
    ),
    vmap_namedtuple=lambda t: t.vmap(lambda p: Pair(p.b, p.a.sum()))(Pair(m(t), m(t) * 3)),
    vmap_list=lambda t: t.vmap(lambda p: [p[0], p[1].sum()])([m(t), m(t) * 3]),
    vmap_kwargs=lambda t: t.vmap(lambda a, *, k: a * k)(m(t), k=m(t)),
    vmap_unbatched_output=lambda t: t.vmap(lambda a: t.ones(2))(m(t)),
    vmap_empty_output=lambda t: t.vmap(lambda a: ())(m(t)),
    vmap_nested=lambda t: t.vmap(t.vmap(lambda a, b: a * b, (0, None)), (None, 0))(
        t.arange(3.0), t.arange(2.0)
    ),
    vmap_nested_thrice=lambda t: t.vmap(t.vmap(t.vmap(lambda a: a * 2 + 1)))(m(t).reshape(3, 2, 2)),
    vmap_pairs=lambda t: t.vmap(t.vmap(t.dot, (None, 0)), (0, None))(m(t), m(t) * 2),
    vmap_closure_outer=lambda t: t.vmap(lambda a: t.vmap(lambda b: a.sum() * b)(t.arange(2.0)))(m(t)),
    vmap_chunks=lambda t: t.vmap(lambda a: a.softmax(0), chunk_size=2)(m(t)),
    vmap_chunks_1=lambda t: t.vmap(lambda a: (a.sum(), a), out_dims=(0, 1), chunk_size=1)(m(t)),
    vmap_partial=lambda t: t.vmap(partial(t.mul, t.tensor(2.0)))(m(t)),
    vmap_promotion=lambda t: t.vmap(lambda a, b: a * b)(t.arange(3), t.ones(3, 2, dtype=t.float16)),
    vmap_promotion_0d=lambda t: t.vmap(lambda a, b: a + b)(t.ones(3, dtype=t.float64), t.ones(3, 2)),
    vmap_where=lambda t: t.vmap(lambda a: t.where(a > 0, a, -a * 0.1))(m(t)),
    vmap_index=lambda t: t.vmap(lambda a, i: a[i])(m(t), t.tensor([0, 3, 1])),
    vmap_index_tensor=lambda t: t.vmap(lambda i: m(t)[:, i])(t.tensor([[0, 3], [1, 1]])),
    vmap_index_both=lambda t: t.vmap(lambda a, i: a[i], in_dims=(1, 0))(m(t), t.tensor([[0, 2]] * 4)),
    vmap_gather=lambda t: t.vmap(lambda a, i: a.gather(0, i))(m(t), t.tensor([[0], [3], [1]])),
    vmap_write=lambda t: t.vmap(lambda a, v: _set(a.clone(), 1, v))(m(t), t.arange(3.0)),
    vmap_write_index=lambda t: t.vmap(lambda a, i: _set(a.clone(), i, 9.0))(m(t), t.tensor([0, 1, 2])),
    vmap_matmul=lambda t: t.vmap(lambda a, b: a @ b)(m(t), t.arange(24.0).reshape(3, 4, 2)),
    vmap_norm=lambda t: t.vmap(t.linalg.norm)(m(t)),
    vmap_einsum=lambda t: t.vmap(lambda a, b: t.einsum("i,j->ij", a, b))(m(t), m(t)),
    vmap_sort=lambda t: t.vmap(lambda a: t.sort(a, descending=True))(m(t)),
    vmap_max=lambda t: t.vmap(lambda a: a.max())(m(t)),
    vmap_argmax=lambda t: t.vmap(lambda a: a.argmax())(m(t)),
    vmap_shape_inside=lambda t: t.vmap(lambda a: a * a.shape[0] + a.dim())(m(t)),
    vmap_iterate=lambda t: t.vmap(lambda a: sum(v * i for i, v in enumerate(a)))(m(t)),
    vmap_unpack=lambda t: t.vmap(lambda a: _unpacked(t, *a))(m(t)),
    vmap_in_place=lambda t: t.vmap(lambda a: a.clone().add_(1).mul_(2))(m(t)),
    vmap_in_place_view=lambda t: t.vmap(lambda a: _view_write(a.clone()))(m(t)),
    vmap_in_place_input=lambda t: (lambda a: (t.vmap(lambda b: b.mul_(2))(a), a))(m(t)),
    vmap_new_zeros=lambda t: t.vmap(lambda a: a.new_zeros(2).add_(a.sum()))(m(t)),
    vmap_linear=lambda t: t.vmap(t.nn.functional.linear, in_dims=(0, None, 0))(
        m(t), t.arange(8.0).reshape(2, 4), t.arange(6.0).reshape(3, 2)
    ),
    vmap_cross_entropy=lambda t: t.vmap(t.nn.functional.cross_entropy)(m(t), t.tensor([0, 1, 3])),
    vmap_conv=lambda t: t.vmap(t.nn.functional.conv1d)(
        t.arange(24.0).reshape(2, 1, 2, 6), t.arange(24.0).reshape(2, 2, 2, 3)
    ),
    vmap_of_grad=lambda t: t.vmap(t.func.grad(f3))(m(t)),
    vmap_of_grad_shared=lambda t: t.vmap(
        t.func.grad(lambda w, a: ((w * a).sum() - 1) ** 2), in_dims=(None, 0)
    )(t.arange(4.0), m(t)),
    vmap_of_hessian=lambda t: t.vmap(t.func.hessian(lambda a: (a**3).prod()))(m(t)),
    vmap_of_jacrev=lambda t: t.vmap(t.func.jacrev(lambda a: a.outer(a)))(m(t)),
    vmap_of_jvp=lambda t: t.vmap(lambda a, b: t.func.jvp(t.sin, (a,), (b,)))(m(t), m(t)),
    vmap_of_jvp_shared=lambda t: t.vmap(lambda b: t.func.jvp(lambda a: a**2, (x(t),), (b,)))(t.eye(3)),
    grad_of_vmap=lambda t: t.func.grad(lambda a: t.vmap(lambda r: r.prod() ** 2)(a).sum())(m(t)),
    jacrev_of_vmap=lambda t: t.func.jacrev(lambda a: t.vmap(lambda r: r.prod())(a))(m(t)),
    jvp_of_vmap=lambda t: t.func.jvp(lambda a: t.vmap(lambda r: r.prod())(a), (m(t),), (m(t),)),
    vmap_grad_vmap=lambda t: t.vmap(
        t.func.grad(lambda a: t.vmap(lambda s: (s * a).sum() ** 2)(t.arange(3.0)).sum())
    )(m(t)),
    vmap_grad_grad=lambda t: t.vmap(t.func.grad(t.func.grad(lambda s: s.sin() * s)))(x(t)),
    vmap_to=lambda t: t.vmap(lambda a: a.to(t.float64).double().float())(m(t)),
    vmap_requires_grad=lambda t: t.vmap(lambda a: (a * 2).detach())(m(t).requires_grad_()),
    vmap_repr_level=lambda t: t.vmap(lambda a: t.tensor(float("BatchedTensor(lvl=1" in repr(a))))(m(t)),
)


@case
def vmap_recorded_outside(t):
    a = m(t).requires_grad_()
    t.vmap(lambda r: r.prod() ** 2)(a).sum().backward()
    return a.grad


def _set(a, i, v):
    a[i] = v
    return a


def _unpacked(t, a, b, c, d):
    return t.stack([a * b, c + d])


def _view_write(a):
    a[1:3] += 10
    a.view(2, 2).t()[0].mul_(0)
    return a


# --- vmap: errors ---

each(
    vmap_item_error=lambda t: t.vmap(lambda a: a.sum().item())(m(t)),
    vmap_bool_error=lambda t: t.vmap(lambda a: a if a.sum() > 0 else -a)(m(t)),
    vmap_float_error=lambda t: t.vmap(lambda a: float(a.sum()))(m(t)),
    vmap_int_error=lambda t: t.vmap(lambda a: int(a.sum()))(m(t)),
    vmap_numpy_error=lambda t: t.vmap(lambda a: a.numpy())(m(t)),
    vmap_tolist_error=lambda t: t.vmap(lambda a: a.tolist())(m(t)),
    vmap_nonzero_error=lambda t: t.vmap(lambda a: a.nonzero())(m(t)),
    vmap_mask_error=lambda t: t.vmap(lambda a: a[a > 0])(m(t)),
    vmap_unique_error=lambda t: t.vmap(lambda a: a.unique())(m(t)),
    vmap_allclose_error=lambda t: t.vmap(lambda a: t.allclose(a, a))(m(t)),
    vmap_random_error=lambda t: t.vmap(lambda a: a + t.rand(4))(m(t)),
    vmap_dropout_error=lambda t: t.vmap(lambda a: t.nn.functional.dropout(a))(m(t)),
    vmap_in_place_error=lambda t: t.vmap(lambda a: t.zeros(4).copy_(a))(m(t)),
    vmap_write_error=lambda t: t.vmap(lambda a: _set(t.zeros(4), 0, a[0]))(m(t)),
    vmap_in_place_random_error=lambda t: t.vmap(lambda a: t.zeros(3).bernoulli_(), randomness="different")(
        m(t)
    ),
    vmap_randomness_error=lambda t: t.vmap(t.sin, randomness="other")(m(t)),
    vmap_chunk_error=lambda t: t.vmap(t.sin, chunk_size=0)(m(t)),
    vmap_no_inputs_error=lambda t: t.vmap(lambda: 1)(),
    vmap_in_dims_type_error=lambda t: t.vmap(lambda a: a, in_dims=[0])(m(t)),
    vmap_in_dims_structure_error=lambda t: t.vmap(lambda a, b: a, in_dims=(0, [0]))(m(t), m(t)),
    vmap_in_dims_value_error=lambda t: t.vmap(lambda a: a, in_dims=("x",))(m(t)),
    vmap_in_dims_range_error=lambda t: t.vmap(lambda a: a, in_dims=2)(m(t)),
    vmap_in_dims_number_error=lambda t: t.vmap(lambda a, b: a)(m(t), 3),
    vmap_nothing_mapped_error=lambda t: t.vmap(lambda a: a, in_dims=None)(m(t)),
    vmap_nothing_mapped_tuple_error=lambda t: t.vmap(lambda a: a, in_dims=(None,))(m(t)),
    vmap_sizes_error=lambda t: t.vmap(lambda a, b: a)(m(t), t.ones(5)),
    vmap_returns_number_error=lambda t: t.vmap(lambda a: 3)(m(t)),
    vmap_returns_none_error=lambda t: t.vmap(lambda a: None)(m(t)),
    vmap_out_dims_range_error=lambda t: t.vmap(lambda a: a, out_dims=3)(m(t)),
    vmap_out_dims_structure_error=lambda t: t.vmap(lambda a: a, out_dims=(0, 0))(m(t)),
    vmap_out_dims_none_error=lambda t: t.vmap(lambda a: a, out_dims=None)(m(t)),
    vmap_out_dims_type_error=lambda t: t.vmap(lambda a: a, out_dims="x")(m(t)),
    vmap_requires_grad_error=lambda t: t.vmap(lambda a: a.requires_grad_())(m(t)),
    vmap_backward_error=lambda t: t.vmap(lambda a: a.sum().backward())(m(t)),
    vmap_one_hot_error=lambda t: t.vmap(t.nn.functional.one_hot)(t.arange(3)),
    vmap_data_error=lambda t: t.vmap(lambda a: a.data)(m(t)),
    functionalize_error=lambda t: t.func.functionalize(t.sin, remove="all"),
    functionalize_plain=lambda t: t.func.functionalize(lambda a: a.clone().add_(1))(x(t)),
)
