"""Containers of modules and parameters against real PyTorch."""

from __future__ import annotations

import sys
from collections import OrderedDict
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from nn_tools import mlp, try_  # noqa: E402
from side_by_side import check  # noqa: E402

CONTAINERS = {
    "lists": lambda t: t.nn.ModuleList([*(t.nn.Linear(1, 1) for _ in range(3)), t.nn.ReLU()]),
    "nested": lambda t: t.nn.ModuleList([mlp(t), mlp(t), t.nn.ModuleList()]),
    "dict": lambda t: t.nn.ModuleDict({"a": t.nn.Linear(1, 1), "b": mlp(t)}),
    "dict of pairs": lambda t: t.nn.ModuleDict([["x", t.nn.Tanh()], ("y", t.nn.ReLU())]),
    "parameters": lambda t: t.nn.ParameterList([t.zeros(2, 3), t.nn.Parameter(t.zeros(1)), 3, "a"]),
    "parameter dict": lambda t: t.nn.ParameterDict(
        {"b": t.zeros(2, 3), "a": t.nn.Parameter(t.zeros(1)), "q": 3}
    ),
    "named": lambda t: t.nn.Sequential(OrderedDict([("one", t.nn.Tanh()), ("two", t.nn.ReLU())])),
    "empty": lambda t: [
        repr(c()) for c in (t.nn.Sequential, t.nn.ModuleList, t.nn.ModuleDict, t.nn.ParameterList)
    ],
    "bad list": lambda t: t.nn.ModuleList(3),
    "bad element": lambda t: t.nn.ModuleList([3]),
    "bad dict": lambda t: t.nn.ModuleDict(3),
    "bad pairs": lambda t: t.nn.ModuleDict([3]),
    "long pairs": lambda t: t.nn.ModuleDict(["abc"]),
    "bad parameters": lambda t: t.nn.ParameterList(3),
    "tensor": lambda t: t.nn.ParameterList(t.zeros(2)),
    "bad parameter dict": lambda t: t.nn.ParameterDict(3),
    "called": lambda t: t.nn.ModuleList()(1),
    "called dict": lambda t: t.nn.ParameterDict()(1),
    "called list": lambda t: t.nn.ParameterList()(1),
}


@pytest.mark.parametrize("case", CONTAINERS)
def test_containers(case):
    check(lambda t: repr(CONTAINERS[case](t)))


def test_list_methods():
    def run(t):
        nn = t.nn
        out = []
        for kind in (lambda *m: nn.Sequential(*m), lambda *m: nn.ModuleList(m)):
            m = kind(nn.Tanh(), nn.ReLU(), nn.Sigmoid(), nn.SiLU())
            out += [
                m[-1],
                m[1:3],
                len(m),
                try_(lambda: m[9]),  # noqa: B023
                try_(lambda: m["a"]),  # noqa: B023
                [type(x).__name__ for x in m],
            ]  # noqa: B023
            m[0] = nn.Linear(1, 1)
            del m[1]
            m.append(nn.Identity())
            m.insert(1, nn.GELU())
            m.extend([nn.ELU()])
            out += [repr(m), m.pop(0), repr(m), list(m._modules)]
            del m[1:3]
            out += [repr(m), list(m._modules), repr(m + kind(nn.Tanh()))]
            m += kind(nn.Tanh())
            out += [repr(m), try_(lambda: m.insert(50, nn.Tanh()))]  # noqa: B023
        s = nn.Sequential(nn.Tanh())
        out += [try_(lambda: s + 3), try_(lambda: s * 0), try_(lambda: s * "a"), repr(s * 2), repr(3 * s)]
        out += [
            try_(lambda: s.insert(0, 3)),
            try_(lambda: s.insert(9, nn.Tanh())),
            try_(lambda: nn.Sequential(3)),
        ]
        return out

    check(run)


def test_dict_methods():
    def run(t):
        d = t.nn.ModuleDict({"a": t.nn.Tanh()})
        d["b"] = t.nn.ReLU()
        out = [
            "b" in d,
            len(d),
            list(d),
            list(d.keys()),
            [repr(v) for v in d.values()],
            repr(d.pop("a")),
            repr(d),
        ]
        d.clear()
        p = t.nn.ParameterDict({"x": t.zeros(1)})
        p["n"] = 3
        p.setdefault("y", t.ones(1))
        out += [len(d), repr(p), p.get("zz", 5), p.pop("n"), list(reversed(p)), list(p.copy())]
        out += [list(p | t.nn.ParameterDict({"k": t.ones(2)})), try_(lambda: p[3]), try_(lambda: p["zz"])]
        out += [list(p.fromkeys(["u", "v"], 1).items()), p.popitem()[0], list(p.state_dict())]
        return out

    check(run)
