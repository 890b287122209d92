"""Whole random streams against PyTorch: every program, long mixed programs, and the state after each call."""

from __future__ import annotations

import random
import warnings

import pytest

torch = pytest.importorskip("torch")

import random_streams  # noqa: E402
from random_streams import COMPLEX, FLOATS, INTEGERS, difference, plain  # noqa: E402

import facula  # noqa: E402


def assert_same(expression: str) -> None:
    """Run one expression in both libraries, whose generators agree; compare result and state, or error."""
    outcomes = []
    for library in (torch, facula):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                outcomes.append(plain(eval(expression, {"t": library})))
        except Exception as error:
            outcomes.append(f"{type(error).__name__}: {error}".split("\n")[0][:120])
    expected, got = outcomes
    if isinstance(expected, str) or isinstance(got, str):
        assert got == expected, expression
    else:
        assert not difference(got, expected), expression
    assert facula.get_rng_state().tolist() == torch.get_rng_state().tolist(), f"state after {expression}"


def seed(value: int) -> None:
    torch.manual_seed(value)
    facula.manual_seed(value)


@pytest.mark.parametrize("name", list(random_streams.PROGRAMS))
def test_programs(name):
    for start in (0, -1, 2**40 + 5):
        seed(start)
        for expression in random_streams.PROGRAMS[name]:
            assert_same(expression)


def tensor_expression(choose: random.Random, dtype: str) -> str:
    """A tensor to be filled: dense, or one of many kinds of view."""
    a, b, c = (choose.choice([1, 2, 3, 4, 5, 8, 17]) for _ in range(3))
    return choose.choice(
        [
            f"t.zeros({a * b * c}, dtype=t.{dtype})",
            f"t.zeros({a}, {b}, {c}, dtype=t.{dtype})",
            f"t.zeros({a}, {b}, dtype=t.{dtype}).t()",
            f"t.zeros({a}, {b}, {c}, dtype=t.{dtype}).permute(2, 0, 1)",
            f"t.zeros({a}, {b}, {c}, dtype=t.{dtype}).permute(1, 2, 0)[:, ::2]",
            f"t.zeros({2 * a}, {3 * b}, dtype=t.{dtype})[::2, ::3]",
            f"t.zeros({a}, 1, {b}, dtype=t.{dtype}).transpose(0, 2)",
            f"t.zeros({a * b + 3}, dtype=t.{dtype})[3:]",
            f"t.zeros((), dtype=t.{dtype})",
            f"t.zeros({a}, 0, dtype=t.{dtype})",
        ]
    )


def call(choose: random.Random) -> str:
    """One expression that draws."""
    x, y = round(choose.uniform(0.05, 3), choose.choice([1, 3])), round(choose.uniform(-2, 2), 2)
    low, high = sorted(
        [choose.choice([0, 1, -3, 7, 100, 2**20]), choose.choice([2**28 - 1, 2**28, 2**40, 50, 9])]
    )
    p = round(choose.random(), 2)
    kind = choose.randrange(12)
    if kind < 5:
        fill = choose.choice(
            [
                "uniform_()",
                f"uniform_({y}, {y + x})",
                "normal_()",
                f"normal_({y}, {x})",
                f"exponential_({x})",
                f"cauchy_({y}, {x})",
                f"log_normal_({y}, {x})",
                f"bernoulli_({p})",
                "random_()",
            ]
        )
        return f"{tensor_expression(choose, choose.choice(FLOATS))}.{fill}"
    if kind == 5:
        fill = choose.choice(["uniform_()", f"normal_({y}, {x})"])
        return f"{tensor_expression(choose, choose.choice(COMPLEX))}.{fill}"
    if kind < 8:
        fill = choose.choice(
            [
                "random_()",
                f"random_({high})",
                f"random_({low}, {high})",
                f"random_({low}, None)",
                f"bernoulli_({p})",
            ]
        )
        return f"{tensor_expression(choose, choose.choice([*INTEGERS, 'float32', 'bool']))}.{fill}"
    n = choose.choice([1, 3, 15, 16, 17, 40, 700])
    dtype = choose.choice(FLOATS)
    return choose.choice(
        [
            f"t.rand({n}, dtype=t.{dtype})",
            f"t.randn({n}, dtype=t.{dtype})",
            f"t.randn({n}, 3, dtype=t.{dtype})",
            f"t.randint({low}, {high}, ({n},))",
            f"t.randperm({n})",
            f"t.multinomial(t.rand({n}, dtype=t.{dtype}) + 0.1, 1)",
            f"t.multinomial(t.rand(3, {n}, dtype=t.float32) + 0.1, {n // 2 + 1}, {choose.random() < 0.5})",
            f"t.poisson(t.rand({n}, dtype=t.{dtype}) * {choose.choice([1, 9, 40])})",
            f"t.bernoulli(t.rand({n}, dtype=t.{dtype}))",
            f"t.zeros({n}).bernoulli_(t.rand({n}, dtype=t.{dtype}))",
            f"t.zeros(5, {n}).t().bernoulli_(t.rand(5, {n}).t())",
            f"t.normal(t.rand({n}, dtype=t.{dtype}), {x})",
            f"t.normal(t.rand({n}, 1), t.rand(4))",
            f"t.normal({y}, t.rand(3, {n}).t())",
            f"t.dropout(t.ones({n}, dtype=t.{dtype}), {p}, True)",
            f"t.alpha_dropout(t.ones({n}), {p}, True)",
            f"t.feature_dropout(t.ones(3, {n}, 2), {p}, True)",
            f"t.rrelu(t.randn({n}, dtype=t.{choose.choice(['float32', 'float64'])}), 0.1, 0.4, True)",
            f"t.rand_like(t.zeros({n}, 3, dtype=t.{dtype}).t())",
            f"t.randn_like({tensor_expression(choose, dtype)})",
        ]
    )


@pytest.mark.parametrize("start", range(12))
def test_mixed_programs(start):
    choose = random.Random(start)
    seed(start)
    for _ in range(150):
        assert_same(call(choose))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_large(dtype):
    seed(7)
    for n in (10**5, 10**5 + 7):
        for name in ("rand", "randn"):
            ours = getattr(facula, name)(n, dtype=getattr(facula, dtype))
            theirs = getattr(torch, name)(n, dtype=getattr(torch, dtype))
            assert not difference(plain(ours), plain(theirs))


def test_multinomial_of_many_categories():
    seed(3)
    for n in (1000, 20000):
        for samples, again in ((1, False), (10, False), (n // 2, False), (500, True)):
            assert_same(f"t.multinomial(t.rand({n}), {samples}, {again})")
            assert_same(f"t.multinomial(t.rand({n}, dtype=t.float64), {samples}, {again})")


def test_states_are_exchangeable():
    torch.manual_seed(3)
    torch.rand(777)
    torch.randn(3)
    facula.set_rng_state(facula.tensor(torch.get_rng_state().tolist(), dtype=facula.uint8))
    assert facula.randn(3).tolist() == pytest.approx(torch.randn(3).tolist())
    assert facula.rand(700).tolist() == torch.rand(700).tolist()
    facula.rand(7)
    torch.set_rng_state(torch.tensor(facula.get_rng_state().tolist(), dtype=torch.uint8))
    assert facula.rand(700).tolist() == torch.rand(700).tolist()


ERRORS = [
    "t.binomial(t.tensor([5]), t.tensor([0.5]))",
    "t.binomial(t.tensor([5.0]), t.tensor([0.5], dtype=t.float64))",
    "t.binomial(t.ones(2), t.ones(2, dtype=t.float64))",
    "t.binomial(t.ones(2).half(), t.ones(2).half())",
    "t.binomial(t.tensor([-5.0, 5.5, 5.0]), t.tensor([0.5, 0.5, 1.5]))",
    "t._standard_gamma(t.ones(2).half())",
    "t._standard_gamma(t.ones(2).long())",
    "t._sample_dirichlet(t.ones(2).long())",
    "t.poisson(t.tensor([1e20, float('inf')]))",
    "t.ones(3).normal_(0, -1.5)",
    "t.normal(t.zeros(2), t.tensor([1.0, -1]))",
    "t.ones(3).uniform_(2, 1)",
    "t.ones(3).uniform_(float('nan'), 1)",
    "t.ones(3).uniform_(0, float('inf'))",
    "t.ones(3).uniform_(-3e38, 3e38)",
    "t.ones(3).half().uniform_(-60000, 60000)",
    "t.ones(3).int().uniform_()",
    "t.ones(3).exponential_(-1.23456789e-7)",
    "t.ones(3).long().exponential_()",
    "t.ones(3).geometric_(0)",
    "t.ones(3).bool().geometric_(0.5)",
    "t.ones(3).cauchy_(0, -1)",
    "t.ones(3).int().cauchy_()",
    "t.ones(3).log_normal_(0, 0)",
    "t.ones(3).int().log_normal_()",
    "t.ones(3).bernoulli_(1.5)",
    "t.ones(3).bernoulli_(t.ones(4))",
    "t.ones(3).bernoulli_(t.ones(2, 3))",
    "t.ones(3).bernoulli_(t.ones(3).long())",
    "t.ones(3, dtype=t.complex64).bernoulli_(0.5)",
    "t.ones(3).random_(5, 5)",
    "t.ones(3).random_(0)",
    "t.ones(3).random_(2**24, None)",
    "t.ones(3).random_(2**24 + 1, 2**24 + 2)",
    "t.ones(3).random_(-(2**63), None)",
    "t.ones(3).bfloat16().random_(-(2**63), 2**63 - 1)",
    "t.ones(3).long().random_(-(2**63), None)",
    "t.ones(3).int().random_(-(2**63), None)",
    "t.ones(3).int().random_(2**31, None)",
    "t.ones(3).byte().random_(300)",
    "t.ones(3).bool().random_(3)",
    "t.ones(3).half().random_(70000)",
    "t.ones(3).half().random_(-3000, 3000)",
    "t.ones(3, dtype=t.complex64).random_(5)",
    "t.ones(3, dtype=t.complex64).random_()",
    "t.empty(0).uniform_(2, 1)",
    "t.empty(0, dtype=t.int32).normal_()",
    "t.randint(5, 4, (2,))",
    "t.randint(2**63, (2,))",
    "t.randperm(129, dtype=t.int8)",
    "t.randperm(2050, dtype=t.float16)",
    "t.randperm(5, dtype=t.bool)",
    "t.rand(2, -1)",
    "t.rand(2, dtype=t.int64)",
    "t.rand(2, out=t.empty(3), dtype=t.float64)",
    "t.rand(3, out=t.empty(3, requires_grad=True))",
    "t.multinomial(t.ones(3), 4)",
    "t.multinomial(t.ones(3), 0)",
    "t.multinomial(t.zeros(3), 1)",
    "t.multinomial(t.zeros(3), 2, True)",
    "t.multinomial(-t.ones(3), 2, True)",
    "t.multinomial(t.tensor([1, float('inf')]), 2, True)",
    "t.multinomial(t.ones(3).long(), 2)",
    "t.multinomial(t.ones(2, 3, 4), 1)",
    "t.multinomial(t.ones(0, 3), 1)",
    "t.multinomial(t.tensor([1.0, 0, 0]), 3)",
    "t.poisson(-t.ones(3))",
    "t.poisson(t.ones(3).long())",
    "t.dropout(t.ones(3), 1.5, True)",
    "t.feature_dropout(t.ones(3), 0.5, True)",
    "t.dropout(t.ones(3).long(), 0.5, True)",
    "t.rrelu(t.ones(3), 0.5, 0.1, True)",
    "t.ones(2, 1).expand(2, 3).random_()",
]


@pytest.mark.parametrize("expression", ERRORS)
def test_errors(expression):
    seed(1)
    assert_same(expression)


FILLS = [
    "uniform_()", "normal_()", "exponential_()", "cauchy_()", "log_normal_()", "geometric_(0.5)",
    "bernoulli_()", "bernoulli_(t.full((3,), 0.5))", "random_()", "random_(5)", "random_(2, 5)",
]  # fmt: skip


@pytest.mark.parametrize("fill", FILLS)
def test_history_of_in_place_fills(fill):
    seen = []
    for library in (torch, facula):
        x = library.ones(3, requires_grad=True)
        y = x * 2
        z = eval(f"y.{fill}", {"t": library, "y": y})
        assert z is y
        name = y.grad_fn.name()
        y.sum().backward()
        errors = []
        for target in ("x", "x[1:]", "x.detach()", "(x * 2)[1:]"):
            try:
                # The probabilities fit the three elements of x alone.
                eval(f"{target}.{fill.replace('(3,)', '()')}", {"t": library, "x": x})
                errors.append("")
            except RuntimeError as error:
                errors.append(str(error).split("\n")[0][:80])
        seen.append((name, x.grad.tolist(), errors))
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "draw",
    [
        "t.bernoulli(x)",
        "t.poisson(x)",
        "t.normal(x, 1.0)",
        "t.normal(0.0, x)",
        "t.normal(x, x)",
        "t.dropout(x, 0.5, True)",
        "t.alpha_dropout(x, 0.5, True)",
        "t.rrelu(-x, 0.1, 0.3, True)",
    ],
)
def test_gradients_of_draws(draw):
    seen = []
    for library in (torch, facula):
        library.manual_seed(2)
        x = library.full((20,), 0.5, requires_grad=True)
        y = eval(draw, {"t": library, "x": x})
        (y * 3).sum().backward()
        seen.append((y.grad_fn.name(), y.tolist(), x.grad.tolist()))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("draw", ["t.bernoulli(x, 0.5)", "t.binomial(x, x)", "t._sample_dirichlet(x)"])
def test_derivatives_that_do_not_exist(draw):
    seen = []
    for library in (torch, facula):
        y = eval(draw, {"t": library, "x": library.full((3,), 0.5, requires_grad=True)})
        with pytest.raises(RuntimeError) as error:
            y.sum().backward()
        seen.append((type(y.grad_fn).__name__, str(error.value)))
    assert seen[0] == seen[1]


INITS = [
    "uniform_(w)",
    "normal_(w, 0.5, 0.2)",
    "trunc_normal_(w)",
    "trunc_normal_(w, 1.0, 2.0, -1.0, 3.0)",
    "xavier_uniform_(w)",
    "xavier_normal_(w, 2.0)",
    "kaiming_uniform_(w, a=5**0.5)",
    "kaiming_normal_(w, mode='fan_out', nonlinearity='relu')",
    "sparse_(w, 0.3)",
]


@pytest.mark.parametrize("init", INITS)
def test_start_values(init):
    seed(5)
    expected, got = (
        plain(eval(f"t.nn.init.{init}", {"t": library, "w": library.empty(7, 9)}))
        for library in (torch, facula)
    )
    assert not difference(got, expected)
    assert facula.get_rng_state().tolist() == torch.get_rng_state().tolist()


def test_orthogonal_start_values():
    """Two LAPACKs agree to their rounding only."""
    seed(5)
    expected, got = (library.nn.init.orthogonal_(library.empty(7, 9)) for library in (torch, facula))
    assert got.reshape(-1).tolist() == pytest.approx(expected.reshape(-1).tolist(), abs=1e-5)
