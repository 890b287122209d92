"""What the fused steps promise, without PyTorch."""

from __future__ import annotations

import pytest

import facula as torch
from facula import _C


def descend(optimizer, p, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_finds_the_minimum(name):
    p = torch.nn.Parameter(torch.tensor([3.0, -2.0]))
    descend(getattr(torch.optim, name)([p], lr=0.1), p, 300)
    assert max(abs(v) for v in p.tolist()) < 1e-2


@pytest.mark.parametrize(
    "name, options",
    [("SGD", {"momentum": 0.9, "weight_decay": 0.1}), ("Adam", {"amsgrad": True, "weight_decay": 0.1})],
)
def test_fused_and_plain_agree(name, options):
    results = []
    for plain in (False, True):
        p = torch.nn.Parameter(torch.arange(40.0, dtype=torch.float64) / 7)
        optimizer = getattr(torch.optim, name)([p], lr=0.1, **options)
        for step in range(4):
            p.grad = torch.arange(40.0, dtype=torch.float64).sub(20).div(step + 3.0)
            if not plain:
                optimizer.step()
                continue
            group = optimizer.param_groups[0]
            if name == "Adam" and not optimizer.state:
                zeros = {k: torch.zeros_like(p) for k in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")}
                optimizer.state[p] = {"step": torch.tensor(0.0), **{k: v.detach() for k, v in zeros.items()}}
            optimizer._plain_step(group)
        results.append(p.tolist())
    assert results[0] == pytest.approx(results[1], rel=1e-14)


def test_many_elements_give_the_same_with_any_number_of_threads():
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            p = torch.nn.Parameter(torch.arange(200_003, dtype=torch.float32) / 1000)
            optimizer = torch.optim.Adam([p], lr=0.1)
            for _ in range(2):
                p.grad = p.detach().sin()
                optimizer.step()
            results.append(p.tolist())
    finally:
        torch.set_num_threads(before)
    assert results[0] == results[1]


def test_a_step_is_seen_by_saved_tensors():
    p = torch.nn.Parameter(torch.ones(3))
    loss = (p * p).sum()
    p.grad = torch.ones(3)
    torch.optim.SGD([p], lr=0.1).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("arguments", [(), (1,) * 9, ([], {}), ([3], {}, 1, 1, 1, 1, 1, 1)])
def test_wrong_arguments_are_errors(arguments):
    with pytest.raises(TypeError):
        _C._sgd_step(*arguments)
    with pytest.raises(TypeError):
        _C._adam_step(*arguments)


def test_what_is_not_for_the_fused_step_is_untouched():
    p = torch.nn.Parameter(torch.ones(3))
    p.grad = torch.ones(3)
    assert (
        _C._adam_step([p], {p: {"step": 1}}, 0.1, 0.9, 0.99, 1e-8, 0.0, False, False, False, False) is False
    )
    assert _C._sgd_step([p, 3], {}, 0.1, 0.0, 0.0, 0.0, False, False, False) is False
    assert p.tolist() == [1, 1, 1]
