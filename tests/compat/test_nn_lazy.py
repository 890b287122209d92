"""Lazy modules against real PyTorch."""

from __future__ import annotations

import copy
import pickle
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from side_by_side import Error, check  # noqa: E402

EPS = 2e-6

LAYERS = {
    "LazyLinear": ((2,), (3, 5)),
    "LazyConv1d": ((2, 2), (3, 4, 5)),
    "LazyConv2d": ((2, 2), (3, 4, 5, 5)),
    "LazyConv3d": ((2, 2), (3, 4, 5, 5, 5)),
    "LazyConvTranspose1d": ((2, 2), (3, 4, 5)),
    "LazyConvTranspose2d": ((2, 2), (4, 5, 5)),
    "LazyConvTranspose3d": ((2, 2), (3, 4, 2, 2, 2)),
    "LazyBatchNorm1d": ((), (3, 4, 5)),
    "LazyBatchNorm2d": ((), (3, 4, 5, 5)),
    "LazyBatchNorm3d": ((), (3, 4, 2, 2, 2)),
    "LazyInstanceNorm1d": ((), (3, 4, 5)),
    "LazyInstanceNorm2d": ((), (3, 4, 5, 5)),
    "LazyInstanceNorm3d": ((), (3, 4, 2, 2, 2)),
}
OPTIONS = {
    "LazyInstanceNorm2d": {"affine": True, "track_running_stats": True},
    "LazyConv2d": {"groups": 2, "bias": False},
    "LazyBatchNorm2d": {"bias": False},
}


def try_(action):
    """The value or the error of an action; functions that texts name are named differently here."""
    try:
        return action()
    except Exception as error:
        return Error((type(error).__name__, str(error).split(" in <")[0]))


def make(t, name):
    return getattr(t.nn, name)(*LAYERS[name][0], **OPTIONS.get(name, {}))


def look(m):
    """Text, kinds and values of what a module holds."""
    values = []
    for name, value in m.state_dict(keep_vars=True).items():
        kind = type(value).__name__
        values.append((name, kind, None if kind.startswith("Uninitialized") else value))
    return repr(m), type(m).__name__, values, len(m._forward_pre_hooks), len(m._load_state_dict_pre_hooks)


@pytest.mark.parametrize("name", LAYERS)
def test_life(name):
    def run(t):
        m = make(t, name)
        before = look(m), m.has_uninitialized_params()
        y = m(t.randn(LAYERS[name][1]))
        y.sum().backward()
        return before, y, look(m), [p.grad for p in m.parameters()]

    check(run, 1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_states(name):
    def run(t):
        full, lazy, fresh = make(t, name), make(t, name), make(t, name)
        x = t.randn(LAYERS[name][1])
        full(x)
        into_full = try_(lambda: repr(full.load_state_dict(fresh.state_dict())))
        into_lazy = try_(lambda: repr(lazy.load_state_dict(full.state_dict())))
        between = try_(lambda: repr(make(t, name).load_state_dict(fresh.state_dict())))
        return into_full, into_lazy, between, look(lazy), try_(lambda: lazy(x)), look(lazy)

    check(run, 1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_conversion_and_copies(name):
    def run(t):
        m = make(t, name)
        twins = []
        # Pickles do not know the dtype.
        for dtype, copied in (
            (t.float32, lambda: pickle.loads(pickle.dumps(m))),
            (t.float64, lambda: copy.deepcopy(m)),
        ):
            m.to(dtype)
            twin = try_(copied)
            x = t.randn(LAYERS[name][1], dtype=dtype)
            twins.append(twin if isinstance(twin, Error) else (look(twin), twin(x), look(twin)))
        return twins, look(m)[:2], m.to("cpu") is m

    check(run, 1e-5)


ACTIONS = {
    "shape": lambda t, p: p.shape,
    "size": lambda t, p: p.size(),
    "add": lambda t, p: t.add(p, 1),
    "text": lambda t, p: repr(p),
    "share": lambda t, p: p.share_memory_(),
    "materialize": lambda t, p: (p.materialize((2, 3)), type(p).__name__, p.shape, p.requires_grad)[1:],
    "dtype": lambda t, p: (p.materialize((2,), dtype=t.float64), p.dtype)[1],
    "double": lambda t, p: type(p.double()).__name__,
    "is_lazy": lambda t, p: t.nn.parameter.is_lazy(p),
    "isinstance": lambda t, p: (isinstance(p, t.nn.Parameter), isinstance(p, t.nn.UninitializedParameter)),
    "pickle": lambda t, p: type(pickle.loads(pickle.dumps(p))).__name__,
    "deepcopy": lambda t, p: type(copy.deepcopy(p)).__name__,
    "device": lambda t, p: str(p.device),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_uninitialized(action):
    check(lambda t: try_(lambda: ACTIONS[action](t, t.nn.UninitializedParameter())))


def test_errors():
    def run(t):
        m = t.nn.LazyConv2d(4, 3, groups=4)
        return [
            try_(lambda: m(t.ones(1, 3, 5, 5))),
            try_(lambda: t.nn.LazyConv2d(4, 3)(t.ones(2, 2))),
            try_(lambda: t.nn.LazyBatchNorm2d()(t.ones(2, 2))),
            try_(lambda: t.nn.utils.spectral_norm(t.nn.LazyLinear(2))),
            try_(lambda: t.nn.LazyLinear(2)._replicate_for_data_parallel()),
        ]

    check(run)
