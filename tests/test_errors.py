"""What facula's errors say after PyTorch's sentence: the operands, the line, and one change to make."""

from __future__ import annotations

import inspect
import re
from functools import partial

import pytest

import facula as torch
from facula import nn
from facula.nn import functional as F


def text_of(function) -> str:
    with pytest.raises(Exception) as caught:
        function()
    return str(caught.value)


def suggestion(function) -> str:
    text = text_of(function)
    found = re.findall(r"^Suggestion: (.*)\.$", text, re.MULTILINE)
    assert len(found) == 1, text
    return found[0]


def above() -> str:
    """The line before the calling one, as errors name it."""
    frame = inspect.currentframe()
    assert frame and frame.f_back
    return f"{__file__}:{frame.f_back.f_lineno - 1}"


def parameter(*shape):
    return torch.ones(*shape, requires_grad=True)


class TestWritesInPlace:
    def test_names_the_line_of_the_write(self):
        w = parameter(3)
        x = w.exp()
        y = x.sin()
        x += 1
        line = above()
        text = text_of(y.sum().backward)
        assert text.startswith(
            "one of the variables needed for gradient computation has been modified by an inplace"
        )
        assert line in text and "`x += 1`" in text
        assert "shape [3], dtype torch.float32, kept by SinBackward0" in text
        assert "Suggestion: " in text and "clone()" in text

    def test_names_the_first_of_several_writes(self):
        x = parameter(3).exp()
        y = x.sin()
        x[0] = 1.0
        line = above()
        x.mul_(2)
        x.zero_()
        text = text_of(y.sum().backward)
        assert line in text and "the first of 3 writes" in text

    @pytest.mark.parametrize(
        "write",
        [
            lambda x: x.add_(1),
            lambda x: x.view(3, 1).mul_(2),
            lambda x: x[1:].zero_(),
            lambda x: x.detach().fill_(1),
            lambda x: x.__setitem__(0, 2.0),
            lambda x: x.copy_(torch.zeros(3)),
            lambda x: torch.add(torch.ones(3), 1, out=x.detach()),
            lambda x: x.normal_(),
            lambda x: x.index_fill_(0, torch.tensor([0]), 1.0),
            lambda x: x.clamp_(0, 1),
            lambda x: F.relu(x, inplace=True),
            lambda x: x.unsqueeze_(0),
            lambda x: torch.sort(torch.ones(3), out=(x.detach(), torch.empty(3, dtype=torch.int64))),
            lambda x: nn.init.ones_(x.detach()),
        ],
    )
    def test_every_kind_of_write_is_noted(self, write):
        x = parameter(3).exp()
        y = x.sin()
        write(x)
        text = text_of(y.sum().backward)
        line = inspect.getsourcelines(write)[1]
        assert f"{__file__}:{line} (in <lambda>" in text

    def test_names_the_function(self):
        x = parameter(3).exp()
        y = x.sin()

        def update(t):
            t.add_(1)

        update(x)
        assert "(in update: `t.add_(1)`)" in text_of(y.sum().backward)

    def test_saved_output(self):
        y = parameter(3).exp()
        y.mul_(2)
        text = text_of(y.sum().backward)
        assert "is output 0 of Exp, is at version 1; expected version 0" in text
        assert "`y.mul_(2)`" in text

    def test_optimizer_step(self):
        layer = nn.Linear(2, 2)
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        out = layer(layer(torch.ones(1, 2, requires_grad=True))).sum()
        out.backward(retain_graph=True)
        optimizer.step()
        text = text_of(out.backward)
        assert "step() of an optimizer" in text and "call backward() before that write" in text

    def test_a_write_under_no_grad(self):
        w = parameter(3)
        loss = (w * w).sum()
        with torch.no_grad():
            w -= 0.1
            line = above()
        text = text_of(loss.backward)
        assert line in text and "call backward() before that write" in text

    def test_many_writes_since(self):
        x = parameter(3).exp()
        y = x.sin()
        x.add_(1)
        line = above()
        for _ in range(1000):
            x.add_(1)
        text = text_of(y.sum().backward)
        assert line in text and "the first of 1001 writes" in text

    def test_memory_that_had_another_owner(self):
        for _ in range(5):  # the same block of memory again and again
            x = parameter(3).exp()
            y = x.sin()
            x.add_(1)
        x = parameter(3).exp()
        y = x.sin()
        x.mul_(2)
        line = above()
        assert line in text_of(y.sum().backward)

    @pytest.mark.parametrize(
        "write", [lambda w: w.add_(1), lambda w: w.view(-1).add_(1), lambda w: w.__setitem__(0, 1)]
    )
    def test_leaf(self, write):
        w = parameter(2, 3)
        assert "torch.no_grad()" in suggestion(lambda: write(w))
        assert "shape [2, 3], dtype torch.float32" in text_of(lambda: write(w))

    def test_views(self):
        x = parameter(4) * 1
        assert "index the base" in suggestion(lambda: x.split(2)[0].add_(1))
        with torch.no_grad():
            v = x.view(2, 2)
        assert "outside the block" in suggestion(lambda: v.add_(1))
        with torch.inference_mode():
            t = torch.ones(2)
        assert "x = x.clone()" in suggestion(lambda: t.add_(1))
        assert "clone()" in suggestion(lambda: parameter(2) * t)

    def test_overlap(self):
        assert "x.clone()" in suggestion(lambda: torch.ones(1, 2).expand(2, 2).add_(1))
        x = torch.ones(4)
        assert "y.clone()" in suggestion(lambda: x[1:].add_(x[:-1]))


class TestBackward:
    def test_twice(self):
        w = parameter(3)
        loss = (w * w).sum()
        loss.backward()
        line = above()
        text = text_of(loss.backward)
        assert text.startswith("Trying to backward through the graph a second time")
        assert line in text and "retain_graph=True" in text.split("Suggestion")[1]
        assert "MulBackward0" in text

    def test_twice_by_grad(self):
        w = parameter(3)
        loss = (w * w).sum()
        torch.autograd.grad(loss, w)
        line = above()
        assert line in text_of(lambda: torch.autograd.grad(loss, w))

    def test_the_first_of_many(self):
        w = parameter(3)
        loss = (w * w).sum()
        loss.backward()
        line = above()
        for _ in range(10):
            (w * 2).sum().backward()
        assert line in text_of(loss.backward)

    def test_long_ago(self):
        w = parameter(3)
        loss = (w * w).sum()
        loss.backward()
        for _ in range(1000):
            (w * 2).sum().backward()
        text = text_of(loss.backward)
        assert "freed by the first backward.\n" in text

    def test_no_scalar(self):
        text = text_of((parameter(2, 3) * 2).backward)
        assert "shape [2, 3] and was made by MulBackward0" in text and "sum().backward()" in text

    def test_no_gradient(self):
        assert "requires_grad_()" in suggestion(torch.ones(2).sum().backward)
        with torch.inference_mode():
            x = torch.ones(())
        assert "inference_mode" in suggestion(x.backward)
        assert ".float()" in suggestion(torch.tensor(3).backward)

    def test_unused(self):
        w, v = parameter(2), parameter(3)
        text = text_of(lambda: torch.autograd.grad(w.sum(), [w, v]))
        assert "at index 1" in text and "shape [3]" in text and "Suggestion" in text

    def test_gradient_assigned(self):
        w = parameter(2)
        assert "to(x.dtype)" in suggestion(lambda: setattr(w, "grad", torch.ones(2, dtype=torch.float64)))


# What is called, and what the suggestion must contain.
CALLS = [
    (lambda: torch.ones(3, 4) + torch.ones(3), "other.unsqueeze(-1)"),
    (lambda: torch.ones(3, 4) * torch.ones(4, 3), "other.T"),
    (lambda: torch.ones(3, 4).add(torch.ones(5, 7)), "equal or 1"),
    (lambda: torch.ones(2, 3) @ torch.ones(2, 3), ".T"),
    (lambda: torch.ones(2, 3) @ torch.ones(4, 5), "(3) must equal"),
    (lambda: torch.ones(2, 3).mm(torch.ones(4, 3)), ".T"),
    (lambda: nn.Linear(3, 4)(torch.ones(2, 5)), "Linear(5, 4)"),
    (lambda: F.linear(torch.ones(2, 5), torch.ones(4, 3)), "Linear(5, 4)"),
    (lambda: torch.cat([torch.ones(2, 3), torch.ones(2, 4)]), "dim=1"),
    (lambda: torch.cat([torch.ones(2, 3), torch.ones(3)]), "unsqueeze(0)"),
    (lambda: torch.stack([torch.ones(2, 3), torch.ones(2, 4)]), "torch.cat(tensors, dim=1)"),
    (lambda: torch.ones(6).view(4, 2), "view(3, 2)"),
    (lambda: torch.ones(6).reshape(4, -1), "must divide 6"),
    (lambda: torch.ones(2, 3).t().view(6), "reshape"),
    (lambda: F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 3])), "0 to 2; these go from 0 to 3"),
    (lambda: F.cross_entropy(torch.ones(2, 3), torch.tensor([1, 3])), "subtract one"),
    (lambda: F.cross_entropy(torch.ones(2, 3), torch.tensor([0, -3])), "ignore_index"),
    (lambda: F.cross_entropy(torch.ones(2, 3), torch.tensor([0.0, 1.0])), "target.long()"),
    (
        lambda: nn.CrossEntropyLoss()(torch.ones(2, 3), torch.tensor([0, 1], dtype=torch.int32)),
        "target.long()",
    ),
    (lambda: torch.ones(2, 2) @ torch.ones(2, 2, dtype=torch.float64), "torch.float64"),
    (lambda: nn.Linear(2, 2)(torch.ones(2, 2, dtype=torch.float64)), "layer.to(torch.float64)"),
    (lambda: torch.ones(3)[5], "0 to 2"),
    (lambda: torch.ones(3)[torch.tensor([5])], "0 to 2"),
    (lambda: torch.ones(3)[0, 0], "at most one index"),
    (lambda: torch.ones(2, 3).sum(5), "-2 to 1"),
    (lambda: torch.ones(3).index_select(0, torch.tensor([7])), "3 rows, 0 to 2"),
    (lambda: torch.ones(3).gather(0, torch.tensor([1.0])), "index.long()"),
    (lambda: torch.ones(3).sum(dimm=0), "dim="),
    (lambda: torch.zeros(3, dtyp=torch.float32), "dtype="),
    (lambda: torch.cat([torch.ones(2)], dmi=0), "dim="),
    (lambda: F.embedding(torch.tensor([5]), torch.ones(3, 2)), "Embedding(6, ...)"),
    (lambda: nn.Conv2d(3, 4, 3)(torch.ones(1, 5, 8, 8)), "Conv2d(5, ...)"),
    (lambda: nn.Conv2d(3, 4, 3)(torch.ones(1, 8, 8, 3)), "permute(0, 3, 1, 2)"),
    (lambda: nn.Conv2d(3, 4, 3)(torch.ones(8, 8)), "unsqueeze(0)"),
    (lambda: nn.LayerNorm(3)(torch.ones(2, 4)), "LayerNorm(4)"),
    (lambda: nn.BatchNorm1d(3)(torch.ones(2, 4)), "num_features=4"),
    (lambda: torch.ones(2, 3).expand(4, 4), "repeat"),
    (lambda: torch.ones(2, 3).mean(dtype=torch.int64), ""),
    (lambda: torch.ones(2, dtype=torch.int64).mean(), "float()"),
    (lambda: torch.ones(2, dtype=torch.int64).add_(1.5), "out of place"),
    (lambda: torch.ones(2).add_(torch.ones(3, 2)), "out of place"),
    (lambda: torch.where(torch.ones(2), 1.0, 2.0), "bool()"),
    (lambda: torch.ones(3).item(), "tolist()"),
    (lambda: bool(torch.ones(3)), "any()"),
    (lambda: torch.ones(2, 3, 4).bmm(torch.ones(2, 3, 4)), "mat2.mT"),
    (lambda: parameter(3).numpy(), "detach()"),
    (lambda: torch.optim.SGD([], lr=0.1), "parameters()"),
    (lambda: torch.optim.SGD([parameter(2) * 2], lr=0.1), "leaf"),
    (lambda: torch.ones(2, dtype=torch.int64).requires_grad_(), "float()"),
]


@pytest.mark.parametrize(("call", "wanted"), CALLS, ids=lambda x: x if isinstance(x, str) else "")
def test_suggestions(call, wanted):
    if wanted:
        assert wanted in suggestion(call)


def test_operands_are_described():
    w = parameter(2, 3)
    text = text_of(lambda: (w * 2) + torch.ones(4, dtype=torch.float64))
    assert "In add(input, other): " in text
    assert "input has shape [2, 3], torch.float32, made by MulBackward0" in text
    assert "other has shape [4], torch.float64" in text


def test_the_module_is_named_with_its_path():
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU(), nn.Linear(5, 2)))
    text = text_of(lambda: model(torch.ones(1, 3)))
    assert "In module 1.1: Linear(in_features=5, out_features=2, bias=True)." in text


def test_load_state_dict_keeps_its_text():
    text = text_of(lambda: nn.Linear(3, 4).load_state_dict({"weight": torch.ones(4, 2)}))
    assert text.startswith(
        'Error(s) in loading state_dict for Linear:\n\tMissing key(s) in state_dict: "bias".'
    )


def test_errors_of_hooks_and_subclasses_are_left_alone():
    w = parameter(2)
    y = w * 2

    def hook(g):
        raise RuntimeError("mine")

    y.register_hook(hook)
    assert text_of(y.sum().backward) == "mine"


def test_an_error_keeps_no_tensor_alive():
    import gc
    import weakref

    x = torch.ones(3)
    x.mark = weakref.ref(x)  # a __dict__, so that a reference can be weak
    seen = weakref.ref(x)
    text_of(partial(torch.add, x, torch.ones(4)))
    del x
    gc.collect()
    assert seen() is None


def test_advice_is_not_loaded_without_an_error():
    import subprocess
    import sys

    code = "import sys, facula; facula.ones(2) + 1; print([m for m in sys.modules if 'advice' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("options", [{}, {"scale_grad_by_freq": True}])
def test_changed_indices_of_bags(options):
    """The gradient writes only where the forward pass looked."""
    weight = torch.ones(5, 3, requires_grad=True)
    index = torch.tensor([0, 1, 1, 4])
    bags = F.embedding_bag(index, weight, torch.tensor([0, 2]), mode="sum", **options)
    index.fill_(10**8)
    bags.sum().backward()
    assert weight.grad.any(1).tolist() == [True, True, False, False, True]
