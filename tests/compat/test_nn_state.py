"""state_dict, load_state_dict, copies of modules against real PyTorch."""

from __future__ import annotations

import copy
import pickle
import sys
from collections import OrderedDict
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from nn_tools import mlp, try_  # noqa: E402
from side_by_side import check  # noqa: E402


def test_state_dict_round_trip():
    def run(t):
        a, b = mlp(t), mlp(t)
        a.register_buffer("keep", t.ones(1))
        a.register_buffer("drop", t.ones(1), persistent=False)
        b.register_buffer("keep", t.zeros(1))
        state = a.state_dict()
        result = b.load_state_dict(state)
        vars_kept = a.state_dict(keep_vars=True)["0.weight"].requires_grad
        return repr(result), dict(state), dict(state._metadata), vars_kept, list(b.state_dict().items())

    check(run)


STATES = {
    "empty": lambda t: {},
    "no dict": lambda t: 3,
    "shapes": lambda t: {"0.weight": t.zeros(1), "zz": 3, "2.x": 3, "2.weight.q": 3},
    "not tensors": lambda t: {"0.weight": 3, "0.bias": [1]},
    "nested": lambda t: {
        "0.weight": t.zeros(4, 3),
        "0.bias": t.zeros(4),
        "2.weight": t.zeros(2, 4),
        "2.bias": t.zeros(2),
        "2": 1,
        "a.b.c": 2,
    },
}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("case", STATES)
def test_load_errors(case, strict):
    check(lambda t: repr(mlp(t).load_state_dict(STATES[case](t), strict=strict)))


def test_load_assign_and_scalars():
    def run(t):
        m = t.nn.Linear(2, 1)
        state = {"weight": t.ones(1, 2, dtype=t.float64), "bias": t.ones(1)}
        m.load_state_dict(state, assign=True)
        n = t.nn.Module()
        n.register_buffer("s", t.tensor(1.0))
        n.load_state_dict({"s": t.tensor([3.0])})
        return m.weight, m.weight.requires_grad, m.weight.data_ptr() == state["weight"].data_ptr(), n.s

    check(run)


def test_extra_state():
    def run(t):
        class M(t.nn.Module):
            def __init__(self):
                super().__init__()
                self.x = 1

            def get_extra_state(self):
                return {"x": self.x}

            def set_extra_state(self, state):
                self.x = state["x"]

        a, b = t.nn.Sequential(M()), t.nn.Sequential(M())
        a[0].x = 7
        b.load_state_dict(a.state_dict())
        return (
            list(a.state_dict()),
            b[0].x,
            try_(lambda: b.load_state_dict({})),
            try_(lambda: t.nn.Sequential(t.nn.Tanh()).load_state_dict(a.state_dict())),
        )

    check(run)


def test_state_dict_hooks():
    def run(t):
        m = mlp(t)
        seen = []
        m[0].register_state_dict_pre_hook(lambda mod, prefix, keep: seen.append((prefix, keep)))
        m[0].register_state_dict_post_hook(lambda mod, sd, prefix, meta: sd.pop(prefix + "bias") and None)
        m[2]._register_state_dict_hook(lambda mod, sd, prefix, meta: OrderedDict(list(sd.items())[:1]))
        m[0].register_load_state_dict_pre_hook(lambda mod, sd, prefix, *rest: seen.append(("load", prefix)))
        m.register_load_state_dict_post_hook(lambda mod, keys: keys.missing_keys.clear())
        state = m.state_dict()
        return list(state), repr(m.load_state_dict(state, strict=True)), seen

    check(run)


def test_copies():
    def run(t):
        m = mlp(t)
        m.n = 3
        m.register_buffer("b", t.ones(2))
        twin = copy.deepcopy(m)
        shallow = copy.copy(m)
        with t.no_grad():
            twin[0].weight.zero_()
        return (
            twin.n,
            m[0].weight,
            twin[0].weight,
            type(twin[0].weight).__name__,
            shallow[0] is m[0],
            list(pickle.loads(pickle.dumps(m)).state_dict().items()),
        )

    check(run)
