"""Graphs, their text and what passes see in them, against PyTorch's torch.fx."""

from __future__ import annotations

from importlib import import_module

import pytest

pytest.importorskip("torch")

from tests.compat.side_by_side import check  # noqa: E402


def make(t):
    nn = t.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.bn = nn.BatchNorm2d(4)
            self.layers = nn.Sequential(nn.ReLU(), nn.Linear(4, 6))
            self.w = nn.Parameter(t.randn(6))
            self.register_buffer("buf", t.ones(6))
            self.t = t.ones(6) * 2

        def forward(self, x, flag: bool = False):
            x = t.relu(self.bn(self.conv(x)))
            x = t.flatten(x.mean((2, 3)), 1)
            y = self.layers(x) + self.w * self.buf
            y = t.cat([y, -y], dim=1)[:, 1:3].view(y.size(0), -1)
            u, v = y.chunk(2, dim=1)
            b, _ = y.shape
            return {"a": u @ v.T + 1 - 2 / (v.sum() + 1), "b": [t.sigmoid(y), y.mean(), b], "c": self.t + 1}

    return Net().eval()


def test_text_graph_and_results():
    def program(t):
        fx = import_module(f"{t.__name__}.fx")
        traced = fx.symbolic_trace(make(t))
        seen = [
            (n.op, n.name, str(n.args), str(n.kwargs), [u.name for u in n.users], n.format_node())
            for n in traced.graph.nodes
        ]
        return traced.code, str(traced.graph), str(traced), seen, traced(t.randn(2, 3, 5, 5))

    check(program, 1e-5)


def test_passes():
    def program(t):
        fx = import_module(f"{t.__name__}.fx")
        traced = fx.symbolic_trace(lambda x, y: t.relu(x + y) * x - t.neg(t.relu(y + x)))
        found = fx.replace_pattern(traced, lambda a, b: t.relu(a + b), lambda a, b: t.tanh(a - b) ** 2)
        texts = [traced.code, [(m.anchor.name, sorted(map(str, m.nodes_map))) for m in found]]
        graph = fx.Graph()
        a = graph.placeholder("a")
        b = graph.call_function(t.add, (a, 1), {"alpha": 2})
        with graph.inserting_before(b):
            c = graph.call_method("neg", (a,))
        graph.output((b, [c, {"k": slice(None, 1)}]))
        graph.lint()
        module = fx.GraphModule(t.nn.Module(), graph)
        proxy = fx.Proxy(a)
        with graph.inserting_before(b):
            new = (proxy * 2 + 1).relu().node
        b.update_arg(0, new)
        module.recompile()
        return texts, str(graph), module.code, module(t.ones(2)), [n.name for n in reversed(graph.nodes)]

    check(program, 1e-6)


def test_errors():
    def traced(t, function, **kwargs):
        return import_module(f"{t.__name__}.fx").symbolic_trace(function, **kwargs).code

    def in_a_function(t):
        import_module(f"{t.__name__}.fx").wrap("len")

    check(lambda t: traced(t, lambda x: x if x else -x))
    check(lambda t: traced(t, lambda x: list(x)))
    check(lambda t: traced(t, lambda x: len(x)))
    check(lambda t: traced(t, lambda x: t.nn.Linear(2, 2)(x)))
    check(lambda t: traced(t, lambda x, *rest, k=1, **named: x + rest[0] * k + named["z"]))
    check(in_a_function)
    check(lambda t: import_module(f"{t.__name__}.fx").Graph().create_node("call_function", "no function"))
