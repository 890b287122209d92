"""Modes of recording around generators and saved tensors."""

from __future__ import annotations

from collections.abc import Generator

import pytest

import facula as torch


def test_a_generator_is_left_and_thrown_into_under_its_mode() -> None:
    seen: list[tuple[str, bool]] = []

    @torch.no_grad()
    def numbers() -> Generator[bool, None, str]:
        try:
            while True:
                try:
                    yield torch.is_grad_enabled()
                except ValueError:
                    seen.append(("caught", torch.is_grad_enabled()))
                except KeyError:
                    return "done"
        finally:
            seen.append(("left", torch.is_grad_enabled()))

    first = numbers()
    assert [next(first), first.throw(ValueError()), first.throw(ValueError()), next(first)] == [False] * 4
    first.close()
    second = numbers()
    next(second)
    with pytest.raises(StopIteration, match="done"):
        second.throw(KeyError())
    assert seen == [("caught", False), ("caught", False), ("left", False), ("left", False)]
    assert torch.is_grad_enabled()


def test_a_graph_belongs_to_the_context_that_allowed_mutation() -> None:
    x = torch.ones(2, requires_grad=True)
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        y = x.clone()
        loss = (y**2).sum()
        y.mul_(3)
    with torch.autograd.graph.allow_mutation_on_saved_tensors(), pytest.raises(AssertionError):
        loss.backward()


def test_products_are_recorded_back_to_their_vector() -> None:
    x, v = torch.ones(2, requires_grad=True), torch.tensor([2.0, 3.0], requires_grad=True)
    for product in (torch.autograd.functional.vjp, torch.autograd.functional.jvp):
        _, g = product(lambda x: x**3, x, v, create_graph=True)
        gx, gv = torch.autograd.grad(g.sum(), (x, v))
        assert gx.tolist() == [12, 18] and gv.tolist() == [3, 3]


def test_gradcheck_runs_functions_with_hooks() -> None:
    def doubled(x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        y.register_hook(lambda g: None if g is None else g * 1)
        return y

    assert torch.autograd.gradcheck(doubled, torch.ones(2, dtype=torch.float64, requires_grad=True))


def test_multithreading_is_what_was_asked_for() -> None:
    with torch.autograd.set_multithreading_enabled(False):
        assert not torch.autograd.is_multithreading_enabled()
    assert torch.autograd.is_multithreading_enabled()
