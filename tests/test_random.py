"""The random generator: its streams against numbers stored from PyTorch, its state, its seeds, its errors."""

from __future__ import annotations

import copy
import json
import zlib
from pathlib import Path

import pytest
import random_streams

import facula as t

GOLDEN = json.loads((Path(__file__).parent / "golden" / "random.json").read_text())


@pytest.mark.parametrize("name", list(random_streams.PROGRAMS))
def test_stream_is_the_stored_one(name):
    results = random_streams.run(t, name, GOLDEN["seed"])
    for result, stored in zip(results, GOLDEN["streams"][name], strict=True):
        assert not random_streams.difference(random_streams.plain(result), stored), stored["call"]


def test_state_of_pytorch_continues():
    saved = GOLDEN["saved"]
    t.set_rng_state(t.tensor(list(bytes.fromhex(saved["state"])), dtype=t.uint8))
    assert t.randn(3).tolist() == pytest.approx(saved["normal"], rel=1e-6)
    assert t.rand(700)[::50].tolist() == saved["uniform"]


def test_state_has_the_bytes_of_pytorch():
    t.manual_seed(-7)
    t.rand(1000)
    t.randn(3)
    assert bytes(t.get_rng_state().tolist()).hex() == GOLDEN["saved"]["state"]


def test_state_round_trip():
    t.manual_seed(3)
    t.randn(5)
    state = t.get_rng_state()
    assert (state.dtype, tuple(state.shape)) == (t.uint8, (5056,))
    first = [t.randn(3).tolist(), t.rand(9).tolist(), t.randperm(9).tolist()]
    t.set_rng_state(state)
    assert first == [t.randn(3).tolist(), t.rand(9).tolist(), t.randperm(9).tolist()]


@pytest.mark.parametrize(
    "change, error, text",
    [
        (lambda s: s[:-1], RuntimeError, "Expected a CPUGeneratorImplState of size 5056 but found .* 5055"),
        (lambda s: s.to(t.int32), TypeError, "RNG state must be a torch.ByteTensor"),
        (lambda s: t.zeros(2 * 5056, dtype=t.uint8)[::2], RuntimeError, "RNG state must be contiguous"),
        (lambda s: t.zeros(5056, dtype=t.uint8), RuntimeError, "Invalid mt19937 state"),
        (lambda s: t.full((5056,), 255, dtype=t.uint8), RuntimeError, "Invalid mt19937 state"),
        (lambda s: 5, TypeError, "expected a torch.ByteTensor, but got int"),
    ],
)
def test_bad_state_changes_nothing(change, error, text):
    t.manual_seed(1)
    state = t.get_rng_state()
    with pytest.raises(error, match=text):
        t.set_rng_state(change(state))
    assert t.get_rng_state().tolist() == state.tolist()


@pytest.mark.parametrize("read_past_the_end", [(2, 624), (624, 2), (100, 600)])
def test_state_that_would_read_past_its_end(read_past_the_end):
    left, following = read_past_the_end
    state = t.Generator().get_state()
    for at, value in ((8, left), (16, following)):
        for i in range(4):
            state[at + i] = value >> 8 * i & 255
    with pytest.raises(RuntimeError, match="Invalid mt19937 state"):
        t.Generator().set_state(state)


@pytest.mark.parametrize("seed, same_as", [(-1, 2**64 - 1), (-(2**63), 2**63), (1.5, 1), ("7", 7), (True, 1)])
def test_seeds(seed, same_as):
    assert t.manual_seed(seed) is t.default_generator
    first = t.rand(2).tolist()
    assert t.initial_seed() == same_as
    t.manual_seed(same_as)
    assert t.rand(2).tolist() == first


@pytest.mark.parametrize("seed", [2**64, -(2**63) - 1, 10**30])
def test_seed_out_of_range(seed):
    with pytest.raises(ValueError, match="Overflow when unpacking long long"):
        t.manual_seed(seed)
    with pytest.raises(ValueError, match="Overflow when unpacking long long"):
        t.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", [True, 1.0, "1", None])
def test_seed_of_a_generator_is_an_int(seed):
    name = type(seed).__name__
    with pytest.raises(RuntimeError, match=f"manual_seed expected a long, but got {name}"):
        t.Generator().manual_seed(seed)


def test_seed_from_the_system():
    assert t.seed() != t.seed()
    assert t.initial_seed() == t.default_generator.initial_seed()


def test_generators_are_independent():
    t.manual_seed(5)
    expected = t.rand(4).tolist()
    t.manual_seed(5)
    g = t.Generator().manual_seed(9)
    t.rand(100, generator=g)
    t.randperm(100, generator=g)
    t.zeros(7).normal_(generator=g)
    assert t.rand(4).tolist() == expected
    assert t.Generator().initial_seed() == 67280421310721
    assert str(t.Generator().device) == "cpu"


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, t.Generator.clone_state])
def test_copies_continue_alone(copied):
    g = t.Generator().manual_seed(4)
    t.randn(3, generator=g)
    h = copied(g)
    a = t.randn(5, generator=g).tolist()
    t.rand(9, generator=g)
    assert t.randn(5, generator=h).tolist() == a
    assert h.initial_seed() == 4


def test_generator_pickles_as_seed_and_state():
    g = t.Generator().manual_seed(4)
    kind, arguments, state = g.__reduce__()
    assert kind is t.Generator and str(arguments[0]) == "cpu"
    h = kind(*arguments)
    h.__setstate__(state)
    assert t.rand(3, generator=h).tolist() == t.rand(3, generator=g).tolist()


def test_fork_rng():
    t.manual_seed(2)
    with t.random.fork_rng():
        inside = t.rand(3).tolist()
        with t.random.fork_rng():
            t.manual_seed(99)
    assert t.rand(3).tolist() == inside
    t.manual_seed(2)
    with t.random.fork_rng(enabled=False):
        t.rand(3)
    assert t.rand(3).tolist() != inside

    @t.random.fork_rng()
    def draw():
        return t.rand(3).tolist()

    assert draw() == draw()
    with pytest.raises(AssertionError, match="CUDA"), t.random.fork_rng(devices=[0]):
        pass


def test_fork_rng_restores_after_an_exception():
    t.manual_seed(2)
    with pytest.raises(KeyError), t.random.fork_rng():
        t.rand(3)
        raise KeyError
    after = t.rand(3).tolist()
    t.manual_seed(2)
    assert t.rand(3).tolist() == after


ERRORS = [
    ("t.ones(3).normal_(0, -1)", RuntimeError, "normal expects std >= 0.0, but found std -1"),
    ("t.ones(3).normal_(0, float('nan'))", RuntimeError, "normal expects std >= 0.0, but found std nan"),
    ("t.ones(3).int().normal_()", NotImplementedError, "\"normal_kernel_cpu\" not implemented for 'Int'"),
    ("t.normal(t.zeros(2), t.tensor([1.0, -1]))", RuntimeError, "normal expects all elements of std >= 0.0"),
    ("t.normal(t.zeros(2), -1.0)", RuntimeError, "normal expects std >= 0.0, but found std -1"),
    ("t.normal(0.0, -1.0, (2,))", RuntimeError, "normal expects std >= 0.0, but found std -1"),
    ("t.normal(t.zeros(2), t.ones(3))", RuntimeError, "The size of tensor a .2. must match"),
    (
        "t.ones(3).uniform_(2, 1)",
        RuntimeError,
        "uniform_ expects to return a .from, to. range, but found from=2 > to=1",
    ),
    ("t.ones(3).uniform_(0, 1e39)", RuntimeError, "to is out of bounds for float"),
    (
        "t.ones(3).uniform_(-3e38, 3e38)",
        RuntimeError,
        "uniform_ expects to-from <= std::numeric_limits<Float>",
    ),
    ("t.ones(3).half().uniform_(0, 70000)", RuntimeError, "to is out of bounds for c10::Half"),
    (
        "t.ones(3).long().uniform_()",
        NotImplementedError,
        "\"check_uniform_bounds\" not implemented for 'Long'",
    ),
    ("t.rand(3, dtype=t.int64)", NotImplementedError, "\"check_uniform_bounds\" not implemented for 'Long'"),
    ("t.ones(3).exponential_(0)", RuntimeError, "exponential_ expects lambda > 0.0, but found lambda=0"),
    ("t.ones(3).int().exponential_()", RuntimeError, "dtype must be a floating point but you specified Int"),
    ("t.ones(3).geometric_(1)", RuntimeError, r"geometric_ expects p to be in \(0, 1\), but got p=1"),
    ("t.ones(3).cauchy_(0, 0)", RuntimeError, "cauchy_ expects sigma > 0.0, but found sigma=0"),
    ("t.ones(3).log_normal_(0, 0)", RuntimeError, "log_normal_ expects std > 0.0, but found std=0"),
    ("t.ones(3).bernoulli_(1.5)", RuntimeError, "bernoulli_ expects p to be in .0, 1., but got p=1.5"),
    ("t.bernoulli(t.tensor([2.0]))", RuntimeError, "Expected p_in >= 0 && p_in <= 1 to be true"),
    ("t.bernoulli(t.ones(3).long())", NotImplementedError, '"bernoulli_tensor_cpu_p_" not implemented'),
    (
        "t.ones(3).random_(5, 5)",
        RuntimeError,
        "random_ expects 'from' to be less than 'to', but got from=5 >= to=5",
    ),
    ("t.ones(3).byte().random_(257)", RuntimeError, "to - 1 is out of bounds for unsigned char"),
    ("t.ones(3).byte().random_(-1, 5)", RuntimeError, "from is out of bounds for unsigned char"),
    (
        "t.randint(0, (2,))",
        RuntimeError,
        "random_ expects 'from' to be less than 'to', but got from=0 >= to=0",
    ),
    ("t.randint(3, (2,), dtype=t.bool)", RuntimeError, "to - 1 is out of bounds for bool"),
    ("t.rand(2, -1)", RuntimeError, "Trying to create tensor with negative dimension -1"),
    ("t.randn(2, out=t.empty(2), dtype=t.float64)", RuntimeError, "dtype Double does not match dtype of out"),
    ("t.randperm(-1)", RuntimeError, "Trying to create tensor with negative dimension -1"),
    (
        "t.randperm(257, dtype=t.uint8)",
        RuntimeError,
        "value cannot be converted to type uint8_t without overflow",
    ),
    ("t.randperm(2050, dtype=t.float16)", RuntimeError, "n cannot be greater than 2049 for Half type."),
    ("t.multinomial(t.ones(3), 4)", RuntimeError, "cannot sample n_sample > prob_dist.size"),
    ("t.multinomial(t.ones(3), 0)", RuntimeError, "cannot sample n_sample <= 0 samples"),
    ("t.multinomial(t.zeros(3), 1)", RuntimeError, "sum of probabilities <= 0"),
    (
        "t.multinomial(-t.ones(3), 1)",
        RuntimeError,
        "probability tensor contains either `inf`, `nan` or element < 0",
    ),
    (
        "t.multinomial(t.ones(3), 2, out=t.empty(2))",
        RuntimeError,
        "multinomial expects Long tensor out, got: Float",
    ),
    ("t.multinomial(t.ones(2, 3, 4), 1)", RuntimeError, "prob_dist must be 1 or 2 dim"),
    ("t.poisson(-t.ones(3))", RuntimeError, "invalid Poisson rate, expected rate to be non-negative"),
    (
        "t.dropout(t.ones(3), 1.5, True)",
        RuntimeError,
        "dropout probability has to be between 0 and 1, but got 1.5",
    ),
    (
        "t.feature_dropout(t.ones(3), 0.5, True)",
        RuntimeError,
        "Feature dropout requires at least 2 dimensions",
    ),
    ("t.ones(2, 1).expand(2, 3).normal_()", RuntimeError, "more than one element of the written-to tensor"),
    ("t.rand(2, generator=5)", TypeError, "rand"),
    ("t.rand(2.5)", TypeError, "rand"),
]


@pytest.mark.parametrize("expression, error, text", ERRORS, ids=[e[0] for e in ERRORS])
def test_errors_draw_nothing(expression, error, text):
    t.manual_seed(0)
    with pytest.raises(error, match=text):
        eval(expression)
    after = t.rand(1).item()
    t.manual_seed(0)
    assert t.rand(1).item() == after


@pytest.mark.parametrize("dtype", random_streams.FLOATS)
@pytest.mark.parametrize("low, high", [(0.0, 1.0), (10.0, 10.5), (-5.0, -3.0), (-1.0, 0.0)])
def test_uniform_excludes_its_end(dtype, low, high):
    values = t.empty(20000, dtype=getattr(t, dtype)).uniform_(low, high).tolist()
    assert low <= min(values) and max(values) < high


def test_fill_in_place_writes_the_memory_of_views():
    base = t.zeros(6, 8)
    base[1:3, ::2].uniform_(1, 2)
    for i, row in enumerate(base.tolist()):
        for j, value in enumerate(row):
            assert (1 <= value < 2) if i in (1, 2) and j % 2 == 0 else value == 0


def test_in_place_fill_and_autograd():
    x = t.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.uniform_()
    with t.no_grad():
        x.uniform_()
    y = x * 2
    y.normal_()
    assert type(y.grad_fn).__name__ == "NormalBackward0"
    y.sum().backward()
    assert x.grad.tolist() == [0, 0, 0]


def test_dropout_gradient_is_its_noise():
    t.manual_seed(0)
    x = t.ones(50, requires_grad=True)
    y = t.dropout(x, 0.4, True)
    y.sum().backward()
    assert x.grad.tolist() == y.detach().tolist()
    assert sorted(set(x.grad.tolist())) == pytest.approx([0, 1 / 0.6])


def test_dropout_without_noise_is_the_input_itself():
    x = t.ones(3, requires_grad=True)
    assert t.dropout(x, 0.5, False) is x
    assert t.dropout(x, 0.0, True) is x


def test_factories_take_the_usual_arguments():
    assert t.rand(2, 3, dtype=t.float64, requires_grad=True).requires_grad
    out = t.empty(4)
    assert t.randn(4, out=out) is out
    assert t.randint(5, (3,)).dtype == t.int64
    with pytest.raises(RuntimeError, match="Only Tensors of floating point and complex dtype can require"):
        t.randint(5, (2,), requires_grad=True)
    assert tuple(t.rand(2, 3, device="meta").shape) == (2, 3)
    assert t.rand_like(t.zeros(2, 3).t()).stride() == (1, 3)


def test_large_streams_have_not_changed():
    t.manual_seed(11)
    words = t.empty(10**5, dtype=t.int32).random_()
    assert zlib.crc32(bytes(w & 255 for w in words.tolist())) == GOLDEN["checksum"]
