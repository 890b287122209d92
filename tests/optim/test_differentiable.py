"""Steps that are differentiated: by the start, by states and by options, against differences."""

from __future__ import annotations

import pytest

import facula as torch

CASES = {
    "SGD": {"weight_decay": 0.1},
    "Adam": {},
    "AdamW": {"weight_decay": 0.1},
    "NAdam": {},
    "RAdam": {},
    "RMSprop": {},
    "Adagrad": {},
}


def double(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def after_steps(name, start, steps=3, **options):
    p = start.clone()
    optimizer = getattr(torch.optim, name)([p], differentiable=True, **options)
    for k in range(steps):
        at = p.clone()  # the step writes to p
        (p.grad,) = torch.autograd.grad((at.sin() * (k + 1)).sum(), at, create_graph=True)
        optimizer.step()
    return p


@pytest.mark.parametrize("name", CASES)
def test_by_the_start(name):
    start = double(0.3, -0.7, 1.2)
    assert torch.autograd.gradcheck(lambda w: after_steps(name, w, lr=0.1, **CASES[name]), (start,))


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RAdam"])
def test_by_options(name):
    start, lr, decay = double(0.3, -0.7), double(0.1).squeeze(), double(0.05).squeeze()

    def run(lr, decay):
        more = {} if name == "RAdam" else {"weight_decay": decay}
        return after_steps(name, start, lr=lr, **more)

    assert torch.autograd.gradcheck(run, (lr, decay))


def test_by_betas():
    start, betas = double(0.3, -0.7), (double(0.9).squeeze(), double(0.95).squeeze())

    def run(*betas):
        return after_steps("Adam", start, lr=torch.tensor(0.1, dtype=torch.float64), betas=betas)

    assert torch.autograd.gradcheck(run, betas)


def test_inputs_that_are_held_elsewhere():
    w, held = double(1.0, 2.0), double(3.0, 4.0)
    kept = {"state": held}
    assert torch.autograd.gradcheck(lambda w, h: w * kept["state"] ** 2, (w, held))
    assert held.tolist() == [3, 4]


def test_schedules_copy_tensors():
    p = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([p], lr=torch.tensor(0.1), momentum=0.5)
    top = torch.tensor(0.9)
    torch.optim.lr_scheduler.CyclicLR(optimizer, 0.1, 1.0, max_momentum=top, base_momentum=0.5)
    top.mul_(0.5)
    assert float(optimizer.param_groups[0]["max_momentum"]) == pytest.approx(0.9)
