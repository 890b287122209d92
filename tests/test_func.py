"""torch.func by what it promises: derivatives against differences and closed forms, vmap against loops."""

from __future__ import annotations

import warnings
from collections import namedtuple
from pathlib import Path

import pytest

import facula as torch
from facula.func import (
    functional_call,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    stack_module_state,
    vjp,
    vmap,
)

X = torch.tensor([0.5, -1.5, 2.0], dtype=torch.float64)


def f(x):
    return (x.sin() * x.prod() + (x @ x).exp() / 50).sum()


def differences(function, x, step=1e-6):
    """The derivative by central differences, a row for each element of x."""
    rows = []
    for i in range(x.numel()):
        e = torch.zeros_like(x)
        e[i] = step
        rows.append((function(x + e) - function(x - e)) / (2 * step))
    return torch.stack(rows)


def near(a, b, tolerance=1e-5):
    assert a.shape == b.shape
    assert bool(((a - b).abs() <= tolerance * (1 + b.abs())).all()), (a, b)


def test_grad_is_the_derivative():
    near(grad(f)(X), differences(f, X))


@pytest.mark.parametrize("outer", [jacfwd, jacrev])
@pytest.mark.parametrize("inner", [jacfwd, jacrev, grad])
def test_second_derivatives_however_they_are_nested(outer, inner):
    near(outer(inner(f))(X), differences(grad(f), X).T, 1e-4)


def test_hessian_is_symmetric_and_right():
    h = hessian(f)(X)
    near(h, h.T)
    near(h, differences(grad(f), X), 1e-4)


@pytest.mark.parametrize("depth", range(1, 5))
def test_nesting_to_any_depth(depth):
    expected = [4.0 * 1.5**3, 12 * 1.5**2, 24 * 1.5, 24.0][depth - 1]
    for transform in (grad, lambda g: lambda x: jvp(g, (x,), (torch.ones_like(x),))[1], jacfwd, jacrev):
        g = lambda x: x**4  # noqa: E731
        for _ in range(depth):
            g = transform(g)
        near(g(torch.tensor(1.5, dtype=torch.float64)), torch.tensor(expected, dtype=torch.float64))


def test_levels_do_not_take_each_others_variables():
    one = torch.tensor(1.0)
    assert grad(lambda x: x * grad(lambda y: x + y)(one))(one).item() == 1
    assert jvp(lambda x: x * jvp(lambda y: x + y, (one,), (one,))[1], (one,), (one,))[1].item() == 1
    assert grad(lambda x: jvp(lambda y: x * y, (one,), (one,))[1] ** 2)(one * 3).item() == 6


def test_outer_variables_are_recorded():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    g = grad(lambda x: (x * x * w).sum())(torch.tensor([3.0, 4.0]))
    g.sum().backward()
    assert w.grad.tolist() == [6.0, 8.0]


def test_no_grad_outside_is_not_seen_inside():
    with torch.no_grad():
        g = grad(lambda x: (x**2).sum())(X)
    near(g, 2 * X)
    assert not g.requires_grad


def test_vjp_and_jvp_are_transposed():
    a = torch.arange(12.0, dtype=torch.float64).reshape(4, 3) / 10
    g = lambda x: (a @ x).tanh()  # noqa: E731
    u, v = torch.arange(4.0, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    _, pull = vjp(g, X)
    _, tangent = jvp(g, (X,), (v,))
    near((u @ tangent).reshape(1), (pull(u)[0] @ v).reshape(1))
    rows = vmap(lambda e: pull(e)[0])(torch.eye(4, dtype=torch.float64))
    near(rows, jacfwd(g)(X))


def test_linearize_is_the_derivative_at_a_place():
    y, derivative = linearize(torch.sin, X)
    near(y, X.sin())
    near(derivative(X), X * X.cos())
    with pytest.raises(RuntimeError, match="same argspec"):
        derivative(X, X)


def test_jacobian_of_nestings():
    j = jacrev(lambda d: (d["a"] * 2, {"s": d["b"].sum() * d["a"]}))({"a": X, "b": X})
    near(j[0]["a"], 2 * torch.eye(3, dtype=torch.float64))
    near(j[1]["s"]["a"], X.sum() * torch.eye(3, dtype=torch.float64))
    near(j[1]["s"]["b"], X.reshape(3, 1).expand(3, 3))


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_chunks_change_nothing(chunk):
    near(jacrev(torch.sin, chunk_size=chunk)(X), jacrev(torch.sin)(X))
    near(jacfwd(torch.sin, chunk_size=chunk)(X), jacfwd(torch.sin)(X))
    m = torch.arange(12.0).reshape(4, 3)
    near(vmap(lambda r: r.softmax(0), chunk_size=chunk)(m), m.softmax(1))


def test_writes_inside_of_jacobians():
    def g(x):
        out = torch.zeros_like(x)
        out[0] = x[1] * x[2]
        out[1:] += x[1:] ** 2
        view = out[:2]
        view.mul_(x[0])
        return out

    for j in (jacrev, jacfwd):
        near(j(g)(X), differences(g, X).T)


def test_the_users_own_tensors_are_not_touched_by_jacobians():
    def g(x):
        own = torch.ones(1, 3, dtype=torch.float64).expand(3, 3) * 2
        own[0, 0] = 5
        return own @ x

    want = torch.full((3, 3), 2.0, dtype=torch.float64)
    want[0, 0] = 5
    near(jacfwd(g)(X), want)
    near(jacrev(g)(X), want)


def test_questions_inside_of_jacobians():
    def g(x):
        return x * 2 if x.sum().item() > 0 else x**2

    near(jacrev(g)(X), 2 * torch.eye(3, dtype=torch.float64))
    near(jacfwd(g)(X), 2 * torch.eye(3, dtype=torch.float64))


# --- vmap ---


def test_vmap_of_vmap_is_the_outer_product():
    a, b = torch.arange(3.0), torch.arange(4.0)
    found = vmap(vmap(lambda p, q: p * q + 1, (None, 0)), (0, None))(a, b)
    near(found, a.reshape(3, 1) * b + 1)


def test_vmap_of_structures():
    pair = namedtuple("Pair", "a b")
    m = torch.arange(6.0).reshape(2, 3)
    got = vmap(lambda p, d: pair(p.b.sum(), d["k"] * p.a[0]), in_dims=(0, {"k": None}))(
        pair(m, m + 1), {"k": torch.tensor(2.0)}
    )
    assert isinstance(got, pair)
    assert got.a.tolist() == [6.0, 15.0]
    assert got.b.tolist() == [0.0, 6.0]


def test_vmap_writes_through_to_its_input():
    m = torch.zeros(2, 3)
    vmap(lambda r, v: r.add_(v))(m, torch.tensor([1.0, 2.0]))
    assert m.tolist() == [[1.0] * 3, [2.0] * 3]


def test_per_sample_gradients_are_those_of_each_sample():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
    params = {k: v.detach() for k, v in net.named_parameters()}
    x, y = torch.randn(6, 4), torch.arange(6) % 3

    def loss(p, a, b):
        return torch.nn.functional.cross_entropy(functional_call(net, p, (a,)), b)

    all_at_once = vmap(grad(loss), in_dims=(None, 0, 0))(params, x, y)
    for i in range(6):
        one = grad(loss)(params, x[i], y[i])
        for k in params:
            near(all_at_once[k][i], one[k])


def test_ensembles_are_their_members():
    torch.manual_seed(0)
    nets = [
        torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3)) for _ in range(3)
    ]
    params, buffers = stack_module_state(nets)
    x = torch.randn(6, 4)
    together = vmap(lambda p, b: functional_call(nets[0], (p, b), (x,)))(params, buffers)
    near(together, torch.stack([n(x) for n in nets]))


def test_randomness():
    ones = torch.ones(3, 50)
    with pytest.raises(RuntimeError, match="randomness error mode"):
        vmap(lambda r: r * torch.rand(50))(ones)
    same = vmap(lambda r: r * torch.rand(50), randomness="same")(ones)
    different = vmap(lambda r: r * torch.rand(50), randomness="different")(ones)
    assert torch.equal(same[0], same[1])
    assert not torch.equal(different[0], different[1])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda m: vmap(lambda r: r.sum().item())(m), "calling .item"),
        (lambda m: vmap(lambda r: r if r.sum() > 0 else -r)(m), "data-dependent control flow"),
        (lambda m: vmap(lambda r: r[r > 0])(m), "dynamic shape"),
        (
            lambda m: vmap(lambda r: torch.zeros(3).add_(r) * 1 + torch.zeros(3).copy_(r))(m),
            "is not possible",
        ),
        (lambda m: vmap(lambda r: 3)(m), "must only return Tensors"),
        (lambda m: vmap(torch.mul)(m, torch.ones(5)), "same size in the mapped dimension"),
        (lambda m: grad(lambda r: r)(m), "scalar Tensor"),
        (lambda m: grad(lambda r: r.sum())(torch.arange(3)), "floating point dtype"),
    ],
)
def test_errors(call, text):
    with pytest.raises((RuntimeError, ValueError), match=text):
        call(torch.arange(6.0).reshape(2, 3))


def test_an_error_leaves_no_level_behind():
    from facula.func._batch import live

    with pytest.raises(RuntimeError):
        vmap(grad(lambda r: r.sum().item()))(torch.ones(2, 3))
    assert live() == []
    near(vmap(torch.sin)(X), X.sin())
    assert not jvp(torch.sin, (X,), (X,))[0].requires_grad


def test_threads_have_levels_of_their_own():
    from concurrent.futures import ThreadPoolExecutor

    m = torch.arange(12.0, dtype=torch.float64).reshape(4, 3) / 10

    def work(i):
        return vmap(grad(lambda r: (r.sin() * r.sum() * i).sum()))(m)

    want = [work(i) for i in range(8)]
    with ThreadPoolExecutor(4) as pool:
        for got, w in zip(pool.map(work, range(8)), want):
            near(got, w)


class Cube(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x**3

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x * x * g

    @staticmethod
    def jvp(ctx, t):
        (x,) = ctx.saved_tensors
        return 3 * x * x * t


@pytest.mark.parametrize(
    "transform",
    [
        lambda g: vmap(grad(g)),
        lambda g: grad(lambda x: vmap(g)(x).sum()),
        lambda g: vmap(jacrev(jacrev(g))),
        lambda g: vmap(hessian(g)),
        lambda g: jacrev(vmap(grad(g))),
        lambda g: jacfwd(vmap(g)),
        lambda g: vmap(lambda x: jvp(grad(g), (x,), (x,))[1]),
    ],
)
def test_functions_of_the_user_under_transforms(transform):
    near(transform(Cube.apply)(X), transform(lambda x: x**3)(X))


# --- how operations are mapped ---


def test_few_operations_run_examples_one_by_one_and_are_listed():
    from facula.func import _derived

    looped = _derived.looped()
    assert len(looped) <= 0.1 * len(_derived.operations())
    text = (Path(__file__).resolve().parents[1] / "docs" / "func.md").read_text()
    listed = text.split("<!-- loops -->")[1]
    assert sorted(listed.replace("`", "").replace(",", " ").split()) == looped


def test_a_loop_says_so():
    from facula.func import _derived

    _derived._warned.discard("bincount")
    with pytest.warns(UserWarning, match="performance drop"):
        got = vmap(lambda r: torch.bincount(r, minlength=4))(torch.tensor([[0, 1, 1], [3, 3, 2]]))
    assert got.tolist() == [[1, 2, 0, 0], [0, 0, 1, 2]]


def test_no_warning_from_rules():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vmap(lambda r: torch.nn.functional.layer_norm(r, (3,)) @ r)(torch.ones(2, 3))


def test_gradients_of_many_vectors_are_one_backward():
    calls = []

    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            calls.append(tuple(g.shape))
            return g * ctx.saved_tensors[0]

    x = torch.tensor([0.1, 0.2, 0.3], requires_grad=True)
    y = Exp.apply(x) * x.sum()
    y.register_hook(lambda g: calls.append(tuple(g.shape)))
    rows = [torch.autograd.grad(y, x, v, retain_graph=True)[0] for v in torch.eye(3)]
    calls.clear()
    (found,) = torch.autograd.grad(y, x, torch.eye(3), is_grads_batched=True, retain_graph=True)
    assert calls == [(3,), (3,)]
    torch.testing.assert_close(found, torch.stack(rows))
    by_vmap = torch.vmap(lambda v: torch.autograd.grad(y, x, v, retain_graph=True)[0])(torch.eye(3))
    torch.testing.assert_close(by_vmap, found)


def test_linearize_evaluates_once():
    calls = []

    def f(x):
        calls.append(1)
        return x.sin() * x.sum()

    x = torch.tensor([0.1, 0.2])
    _, derivative = torch.func.linearize(f, x)
    columns = torch.vmap(derivative)(torch.eye(2))
    torch.testing.assert_close(columns.T, torch.func.jacfwd(lambda x: x.sin() * x.sum())(x))
    torch.testing.assert_close(derivative(x), columns.T @ x)
    assert len(calls) == 1


def test_dual_numbers_within_vmap_are_those_of_each_example():
    from facula.autograd import forward_ad

    def along(x, t):
        with forward_ad.dual_level():
            primal, tangent = forward_ad.unpack_dual(forward_ad.make_dual(x, t).sin() * 2)
            assert forward_ad.unpack_dual(x).tangent is None
            return primal, tangent

    x = torch.arange(6.0).reshape(2, 3)
    for dims, given in (((0, 0), (x, x)), ((0, None), (x, x[0])), ((None, 0), (x[0], x)), ((1, 1), (x, x))):
        found = torch.vmap(along, dims)(*given)
        at = next(d for d in dims if d is not None)
        rows = [
            along(*(g if d is None else g.select(d, i) for g, d in zip(given, dims)))
            for i in range(x.shape[at])
        ]
        for k in range(2):
            assert torch.allclose(found[k], torch.stack([r[k] for r in rows]))
