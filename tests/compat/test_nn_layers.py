"""Layers, parameters and nn.utils against real PyTorch: values, random draws, texts, errors."""

from __future__ import annotations

import copy
import pickle
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from nn_tools import EPS, mlp, try_  # noqa: E402
from side_by_side import check  # noqa: E402


@pytest.mark.parametrize(
    "make",
    [
        lambda nn: nn.Linear(3, 2),
        lambda nn: nn.Linear(3, 2, bias=False),
        lambda nn: nn.Linear(3, 0),
        lambda nn: nn.Linear(0, 2),
        lambda nn: nn.Bilinear(2, 3, 4),
        lambda nn: nn.Bilinear(0, 3, 4),
        lambda nn: nn.PReLU(3),
        lambda nn: nn.Linear(-1, 2),
        lambda nn: nn.Linear("a", 2),
    ],
)
def test_first_values(make):
    def run(t):
        m = make(t.nn)
        return repr(m), list(m.state_dict().items()), t.rand(3)

    def shown(t):
        result = try_(lambda: run(t))
        # the text of a bad size belongs to `empty`
        return (
            result[0] if isinstance(result, tuple) and result[0] in ("TypeError", "RuntimeError") else result
        )

    check(shown)


def test_linear_and_friends():
    check(lambda t: t.nn.Linear(3, 2)(t.ones(5, 3)), EPS)
    check(lambda t: t.nn.Linear(3, 2)(t.ones(3)), EPS)
    check(lambda t: t.nn.Linear(3, 2, dtype=t.float64)(t.ones(2, 2, 3, dtype=t.float64)), 1e-15)
    check(lambda t: t.nn.Bilinear(2, 3, 4)(t.ones(5, 2), t.ones(5, 3)), EPS)
    check(lambda t: t.nn.Identity(1, 2, a=3)(t.ones(2)))
    check(lambda t: t.nn.Flatten()(t.zeros(2, 3, 4)).shape)
    check(lambda t: t.nn.Flatten(0, 1)(t.zeros(2, 3, 4)).shape)
    check(lambda t: t.nn.Unflatten(1, (2, 2))(t.zeros(3, 4)).shape)
    check(lambda t: t.nn.Unflatten(1, [2, "a"]))
    check(lambda t: t.nn.Unflatten(1, 3))
    check(lambda t: repr([t.nn.Flatten(), t.nn.Unflatten(1, (2, 2)), t.nn.Identity()]))


ACTIVATIONS = [
    ("ReLU", ()), ("ReLU", (True,)), ("RReLU", ()), ("Hardtanh", (-2.0, 0.5)), ("ReLU6", ()), ("Sigmoid", ()),
    ("Hardsigmoid", ()), ("Tanh", ()), ("SiLU", ()), ("Mish", ()), ("Hardswish", ()), ("ELU", (0.7,)),
    ("CELU", (0.7,)),
    ("SELU", ()), ("GLU", ()), ("GELU", ()), ("GELU", ("tanh",)), ("Hardshrink", (0.3,)),
    ("LeakyReLU", (0.2,)),
    ("LogSigmoid", ()), ("Softplus", (2.0, 3.0)), ("Softshrink", (0.3,)), ("PReLU", ()), ("Softsign", ()),
    ("Tanhshrink", ()), ("Softmin", (1,)), ("Softmax", (1,)), ("LogSoftmax", (0,)), ("Threshold", (0.1, 7.0)),
]  # fmt: skip


@pytest.mark.parametrize("name, args", ACTIVATIONS, ids=[f"{n}{a}" for n, a in ACTIVATIONS])
def test_activations(name, args):
    def run(t):
        m = getattr(t.nn, name)(*args)
        x = t.tensor([[-3.0, -0.4, 0.0, 0.2], [0.5, 1.0, 4.0, 30.0]], requires_grad=not (args == (True,)))
        y = m.eval()(x)
        if x.requires_grad:
            y.sum().backward()
        return repr(m), y, x.grad

    check(run, 2e-6)


def test_activation_texts():
    def run(t):
        nn = t.nn
        ms = [nn.ReLU6(True), nn.Hardtanh(inplace=True), nn.ELU(inplace=True), nn.Threshold(1, 2, True)]
        ms += [
            nn.Softmax(),
            nn.Softmax2d(),
            nn.SiLU(True),
            nn.LeakyReLU(inplace=True),
            nn.RReLU(inplace=True),
        ]
        ms += [nn.Dropout(), nn.Dropout2d(0.1, True), nn.AlphaDropout(), nn.MSELoss(), nn.CrossEntropyLoss()]
        return [repr(m) for m in ms]

    check(run)
    check(lambda t: t.nn.Hardtanh(2, 1))
    check(lambda t: t.nn.Dropout(2))
    check(lambda t: t.nn.Softmax2d()(t.zeros(2)))


@pytest.mark.parametrize(
    "name", ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]
)
def test_dropout_draws_the_same(name):
    shape = {"Dropout1d": (3, 4, 5), "Dropout3d": (2, 3, 2, 2, 2)}.get(name, (3, 4, 2, 2))

    def run(t):
        m = getattr(t.nn, name)(0.4)
        x = t.ones(shape)
        return m(x), m.eval()(x), t.rand(2)

    check(run, EPS)


def test_softmax_without_dim():
    check(lambda t: t.nn.functional.softmax(t.zeros(2, 3)))
    check(lambda t: t.nn.functional.log_softmax(t.zeros(3)))
    check(lambda t: t.nn.functional.softmin(t.zeros(2, 3, 4)))


def test_parameter():
    def run(t):
        p = t.nn.Parameter(t.ones(2))
        q = copy.deepcopy(p)
        return (
            [
                repr(p),
                repr(type(p)),
                isinstance(p, t.Tensor),
                isinstance(q, t.nn.Parameter),
                p.is_leaf,
                repr(q),
            ],
            [
                repr(pickle.loads(pickle.dumps(p))),
                repr(p + 1),
                repr(p.data),
                repr(t.nn.Parameter(t.ones(1), False)),
            ],
            [isinstance(t.ones(1), t.nn.Parameter), isinstance(t.nn.Buffer(t.ones(1)), t.nn.Buffer)],
        )

    check(run)
    check(lambda t: t.nn.Parameter(3))
    check(lambda t: t.nn.Parameter(t.tensor([1, 2])))
    check(lambda t: t.nn.Parameter())


def test_utils():
    def run(t):
        m = mlp(t)
        m(t.ones(2, 3)).pow(2).sum().backward()
        u = t.nn.utils
        out = [u.clip_grad_norm_(m.parameters(), 0.1), m[0].weight.grad]
        u.clip_grad_value_(m.parameters(), 0.01)
        out += [m[2].weight.grad, u.clip_grad_norm_(m.parameters(), 1.0, norm_type=float("inf"))]
        v = u.parameters_to_vector(m.parameters())
        u.vector_to_parameters(v.detach() * 0 + 1, m.parameters())
        return [*out, v.shape, m[0].weight]

    check(run, EPS)
