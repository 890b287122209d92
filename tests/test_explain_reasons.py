"""facula.explain: why a gradient is missing, and what an error is about, in the cases that students meet."""

from __future__ import annotations

import pytest

import facula as torch
from facula import nn

F = nn.functional
A, B = torch.randn(2, 3), torch.randn(4, 5)
LOGITS = torch.randn(4, 3)
LABELS = torch.tensor([0, 1, 2])
IMAGES = torch.randn(8, 3, 10, 10)
MANY, WIDE, ONE, PAIR = torch.randn(2, 2, 3), torch.randn(3, 2), torch.randn(1, 3, 2), torch.randn(2)
WORDS = torch.randn(5)


def test_a_cleared_gradient():
    w, u = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    other = (u * u).sum()
    loss = (w * w).sum()
    loss.backward()
    w.grad = None
    text = str(torch.explain(w))
    assert "loss depends on w and its graph was used" in text and "zero_grad()" in text
    assert other.requires_grad


def test_backward_was_not_called_although_another_result_ignores_it():
    w, u = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    h = w * 3
    loss = (u * u).sum()
    text = str(torch.explain(w))
    assert "loss does not depend on w." in text and "h depends on w" in text and "call h.backward()" in text
    assert "it has 2 elements: reduce it first" in text
    assert h.requires_grad and loss.requires_grad


def test_an_overwritten_parameter():
    w = torch.ones(2, requires_grad=True)
    loss = (w * w).sum()
    loss.backward()
    w = w - 0.1 * w.grad
    loss = (w * w).sum()
    loss.backward()
    text = str(torch.explain(w, loss))
    assert "w is no leaf" in text and "was w overwritten, as by w = w - lr * w.grad" in text
    assert "w = w.detach().requires_grad_()" in text
    scaled = torch.randn(2, requires_grad=True) * 0.1
    assert "no variable holds any more" in str(torch.explain(scaled, scaled.sum()))


def test_no_edit_where_none_is_known_to_work():
    for failing in (
        lambda: torch.cat([A, WORDS]),
        lambda: torch.stack([A, WORDS]),
        lambda: IMAGES.view(IMAGES.size(0), 7),
        lambda: torch.mm(A, A.t().double()),
    ):
        try:
            failing()
        except RuntimeError:
            text = str(torch.explain())
        assert "unsqueeze" not in text and "reshape(7)" not in text and "leading dimensions" not in text


@pytest.mark.parametrize(
    ("failing", "mismatch", "suggestion"),
    [
        (lambda: A @ torch.ones(3, 2, dtype=torch.int64), "other has shape [3, 2], torch.int64", "convert"),
        (lambda: F.linear(A, B), "weight has shape [4, 5]", "Linear(3, 4)"),
        (
            lambda: F.conv2d(IMAGES, torch.randn(4, 1, 3, 3)),
            "weight has shape [4, 1, 3, 3]",
            "Conv2d(3, ...)",
        ),
        (lambda: nn.Linear(300, 2)(IMAGES), "takes 300 features", "flatten(1) is [8, 300]"),
        (lambda: A.t().view(6), "input has shape [3, 2]", "reshape"),
        (
            lambda: F.cross_entropy(LOGITS, LABELS),
            "target has shape [3], torch.int64",
            "(batch, classes, ...)",
        ),
        (
            lambda: F.cross_entropy(LOGITS, torch.tensor([0, 1, 2, 3])),
            "target has shape [4]",
            "there are 3 classes",
        ),
        (
            lambda: F.cross_entropy(LOGITS, torch.ones(4)),
            "target has shape [4], torch.float32",
            "target.long()",
        ),
        (lambda: A[0, 0, 0], "the tensor has shape [2, 3]", "at most one index"),
        (lambda: A[5], "A is [2, 3]: the index does not lie in its dimension of size 2", ""),
        (lambda: nn.Embedding(3, 2)(torch.tensor([5])), "In module Embedding(3, 2)", "3 rows, 0 to 2"),
        (lambda: A.sum(dim=3), "input has shape [2, 3]", "dim goes from -2 to 1"),
        (lambda: nn.LayerNorm(4)(A), "In module LayerNorm", "LayerNorm(3)"),
        (lambda: nn.BatchNorm1d(4)(A), "In module BatchNorm1d", "num_features=3"),
        (lambda: torch.tensor([1, 2]).mean(), "torch.int64", "float()"),
        (lambda: torch.einsum("ij,jk->ik", A, B), "operands[1] has shape [4, 5]", ""),
        (lambda: torch.mm(MANY, WIDE), "mm takes tensors of 2 and 2 dimensions", "MANY @ WIDE"),
        (lambda: torch.bmm(MANY, ONE), "bmm broadcasts nothing", "MANY @ ONE"),
        (lambda: torch.cat([MANY, A]), "not the same number of dimensions", "A.unsqueeze(0)"),
        (
            lambda: torch.cat([A, PAIR]),
            "not the same number",
            "unsqueeze(1) has as many as A; join along dim=1",
        ),
    ],
)
def test_errors(failing, mismatch, suggestion):
    try:
        failing()
    except (RuntimeError, ValueError, IndexError):
        report = torch.explain()
    assert mismatch in report.mismatch and suggestion in report.suggestion
    assert "NoneType" not in str(report) and "aligned from the right" not in str(report)


def reasons_of(make):
    return str(make())


def test_where_a_value_left_the_graph():
    def number():
        w, b = torch.tensor(2.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
        loss = w.item() * b
        loss.backward()
        return torch.explain(w)

    assert "w.item(), float(w)" in reasons_of(number)

    def data():
        w, b = torch.ones(2, requires_grad=True), torch.tensor(1.0, requires_grad=True)
        loss = (w.data * b).sum()
        return torch.explain(w, loss)

    assert "shares w's memory" in reasons_of(data)

    def copy():
        w = torch.tensor([1.2, 2.0], requires_grad=True)
        h = torch.tensor(w.tolist(), requires_grad=True)
        loss = h.sum()
        loss.backward()
        return torch.explain(w)

    assert "h has the values of w and is a leaf of its own" in reasons_of(copy)

    def index():
        w, b = torch.ones(2, requires_grad=True), torch.tensor(1.0, requires_grad=True)
        loss = torch.argmax(w).float() + b
        loss.backward()
        return torch.explain(w)

    assert "An operand of add is a constant that no variable holds" in reasons_of(index)

    def switched_off():
        w = torch.tensor(2.0, requires_grad=True)
        with torch.no_grad():
            loss = w * 3
        return torch.explain(w), loss

    assert "loss has no graph" in str(switched_off()[0])


def test_layers_and_optimizers_that_take_no_part():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.a(x)

    net = Net()
    loss = net(torch.ones(1, 2)).sum()
    text = str(torch.explain(net.b.weight))
    assert "-> call b in forward() and use what it returns" in text
    assert (
        "in place" not in text and "another tensor" not in text
    )  # initialisation writes; a.weight is its sibling
    del net, loss
    model, other = nn.Linear(2, 1), nn.Linear(2, 1)
    opt = torch.optim.SGD(other.parameters(), lr=0.1)
    loss = model(torch.ones(1, 2)).sum()
    loss.backward()
    opt.step()
    text = str(torch.explain(other.weight))
    assert "opt updates other.weight" in text and "model.weight is another tensor of the same shape" in text


def test_results_on_the_way_say_that_they_keep_no_gradient():
    w = torch.tensor(2.0, requires_grad=True)
    h = w * 3
    assert "stays None" not in str(torch.explain(h))
    loss = h**2
    assert "h.grad stays None" in str(torch.explain(h)) and "h.retain_grad()" in str(torch.explain(h))
    assert "stays None" not in str(torch.explain(loss))
    with pytest.raises(TypeError, match=r"explain\(\) got None. Was it a .grad\?"):
        torch.explain(h.grad if h.retains_grad else None)


def test_gradients_of_two_losses_add_up():
    w = torch.tensor(2.0, requires_grad=True)
    first, second = w * 3, w**2
    first.backward()
    second.backward()
    assert "second, first depend on it" in str(torch.explain(w))


def report_of(failing):
    try:
        failing()
    except Exception as e:
        return str(torch.explain(e))
    raise AssertionError("no error")


def test_assignments_show_both_sides():
    def assign():
        a = torch.zeros(3, 3)
        value = torch.ones(2)
        a[0] = value

    text = report_of(assign)
    assert "    a[0] = value" in text and "value  [2] float32" in text
    assert "-> the value, [2], must fit the place, [3]" in text


def test_layers_are_shown_once():
    conv, x = nn.Conv2d(3, 8, 3), torch.ones(1, 1, 8, 8)
    text = report_of(lambda: conv(x))
    assert text.count("kernel_size") == 1 and "Conv2d takes 3 channels in dimension 1" in text
    rnn, y = nn.LSTM(10, 20), torch.ones(5, 2, 8)
    text = report_of(lambda: rnn(y))
    assert "LSTM takes 10 features in the last dimension" in text and "-> make it LSTM(8, ...)" in text


@pytest.mark.parametrize(
    "failing, advice",
    [
        (lambda: nn.Embedding(10, 3)(torch.ones(2)), "convert: input.long()"),
        (lambda: F.binary_cross_entropy(torch.rand(4, 1), torch.ones(4)), "target.reshape(input.shape)"),
        (lambda: A[torch.tensor([True, False, True])], "2, not 3, in dimension 0"),
        (lambda: A.gather(1, torch.zeros(5, 5, dtype=torch.long)), "only in the dimension gathered along"),
        (lambda: torch.einsum("ij,jk->ik", A, B), "j is 4 in operand 1 and 3 before it"),
    ],
)
def test_one_change_is_suggested(failing, advice):
    assert advice in report_of(failing)


def test_a_state_that_goes_from_turn_to_turn():
    def train():
        w, h = torch.ones(2, requires_grad=True), torch.zeros(2)
        for _ in range(2):
            h = torch.tanh(w * h + 1)
            loss = h.sum()
            loss.backward()

    text = report_of(train)
    assert (
        "h goes from one turn of the loop to the next" in text
        and "-> at the end of a turn: h = h.detach()" in text
    )

    def twice():
        w = torch.ones(2, requires_grad=True)
        loss = (w * w).sum()
        for _ in range(2):
            loss.backward()

    assert "retain_graph=True" in report_of(twice).split("-> ")[1]
