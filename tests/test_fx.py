"""torch.fx: programs traced, changed, run, copied and stored."""

from __future__ import annotations

import copy
import operator
import pickle

import pytest

import facula as torch
from facula import fx, nn
from facula.fx.passes.shape_prop import ShapeProp


class Block(nn.Module):
    """Layers, functions, operators, a parameter, a buffer and a tensor that is neither."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
        self.scale = nn.Parameter(torch.ones(4))
        self.register_buffer("shift", torch.zeros(4))
        self.offset = torch.full((4,), 2.0)

    def forward(self, x, twice=False):
        y = torch.tanh(self.layers(x)) * self.scale + self.shift
        first, second = y.chunk(2, dim=1)
        return {"out": torch.cat([first, -second], 1).flatten(1), "rest": [y + self.offset, y.shape[0]]}


@pytest.fixture
def block():
    torch.manual_seed(0)
    return Block()


def test_the_traced_module_computes_the_same(block):
    traced = fx.symbolic_trace(block)
    x = torch.randn(2, 3)
    ours, theirs = traced(x), block(x)
    assert torch.equal(ours["out"], theirs["out"]) and torch.equal(ours["rest"][0], theirs["rest"][0])
    assert ours["rest"][1] == 2
    assert set(traced.state_dict()) >= set(block.state_dict())
    ours["out"].sum().backward()
    assert block.scale.grad is not None, "parameters are shared"
    assert [n.target for n in traced.graph.find_nodes(op="call_module")] == ["layers.0", "layers.1"]
    traced.graph.lint()


def test_tracing_leaves_modules_as_they_were(block):
    before = vars(nn.Module).get("__call__"), vars(nn.Module).get("__getattr__")
    with pytest.raises(fx.proxy.TraceError, match="control flow"):
        fx.symbolic_trace(lambda x: x if x.sum() > 0 else -x)
    fx.symbolic_trace(block)
    assert before == (vars(nn.Module).get("__call__"), vars(nn.Module).get("__getattr__"))
    assert isinstance(block.scale, nn.Parameter)


def test_a_pass_that_changes_the_graph(block):
    traced = fx.symbolic_trace(block)
    for node in traced.graph.find_nodes(op="call_function", target=torch.tanh):
        with traced.graph.inserting_after(node):
            new = traced.graph.call_function(torch.sigmoid, node.args)
        node.replace_all_uses_with(new)
        traced.graph.erase_node(node)
    traced.recompile()
    assert "torch.sigmoid(" in traced.code and "tanh" not in traced.code
    x = torch.randn(2, 3)
    expected = torch.sigmoid(block.layers(x))
    torch.testing.assert_close(traced(x)["out"], torch.cat([expected[:, :2], -expected[:, 2:]], 1))


def test_what_nobody_reads_goes():
    traced = fx.symbolic_trace(lambda x: (torch.exp(x), x + 1)[1])
    assert traced.graph.eliminate_dead_code()
    traced.recompile()
    assert "exp" not in traced.code
    with pytest.raises(RuntimeError, match="still had 1 users"):
        traced.graph.erase_node(next(iter(traced.graph.nodes)))


def test_patterns_are_replaced():
    traced = fx.symbolic_trace(lambda x, y: torch.relu(x + y) * torch.relu(y + x))
    found = fx.replace_pattern(traced, lambda a, b: torch.relu(a + b), lambda a, b: torch.tanh(a - b))
    assert len(found) == 2
    x, y = torch.randn(2, 3)
    assert torch.equal(traced(x, y), torch.tanh(x - y) * torch.tanh(y - x))


def test_interpreter_and_transformer(block):
    class Doubled(fx.Interpreter):
        def call_function(self, target, args, kwargs):
            result = super().call_function(target, args, kwargs)
            return result * 2 if target is torch.tanh else result

    class Swapped(fx.Transformer):
        def call_function(self, target, args, kwargs):
            return super().call_function(torch.sin if target is torch.tanh else target, args, kwargs)

    traced = fx.symbolic_trace(block)
    x = torch.randn(2, 3)
    torch.testing.assert_close(Doubled(traced).run(x)["out"], block(x)["out"] * 2)
    assert "torch.sin(" in Swapped(traced).transform().code
    with pytest.raises(RuntimeError, match="While executing"):
        fx.Interpreter(traced).run(torch.randn(2, 5))


def test_copies_and_files(block):
    traced = fx.symbolic_trace(block)
    x = torch.randn(2, 3)
    for other in (copy.deepcopy(traced), pickle.loads(pickle.dumps(traced))):
        assert other.code == traced.code
        assert torch.equal(other(x)["out"], traced(x)["out"])
        other.scale.data.zero_()
        assert traced.scale.sum() == 4


def test_arguments_known_in_advance():
    traced = fx.symbolic_trace(lambda x, d: x * d["a"] + d["b"], {"d": {"a": fx.PH, "b": 3}})
    given = {"a": torch.full((2,), 2.0), "b": 3}
    assert torch.equal(traced(torch.ones(2), given), torch.full((2,), 5.0))
    with pytest.raises(AssertionError, match="specialized"):
        traced(torch.ones(2), {**given, "b": 4})


@fx.wrap
def clipped(x, low=0):
    return x if isinstance(x, int) else x.clamp(low)


def test_wrapped_functions_stay_whole():
    traced = fx.symbolic_trace(lambda x: clipped(x) + 1)
    (node,) = traced.graph.find_nodes(op="call_function", target=clipped)
    assert [user.target for user in node.users] == [operator.add]
    assert torch.equal(traced(-torch.ones(2)), torch.ones(2))
    with pytest.raises(NotImplementedError, match="top level"):
        fx.wrap("clipped")


def test_shapes_are_written_down(block):
    traced = fx.symbolic_trace(block)
    ShapeProp(traced).propagate(torch.randn(5, 3))
    shapes = {n.name: tuple(n.meta["tensor_meta"].shape) for n in traced.graph.nodes if n.name == "layers_0"}
    assert shapes == {"layers_0": (5, 4)}
