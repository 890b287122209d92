"""Hooks that give something else, and nodes called with it: no memory is read past its end."""

from __future__ import annotations

import contextlib

import pytest
from op_table import rows
from op_tools import is_tensor

import facula as torch

pytestmark = pytest.mark.filterwarnings("ignore")
hooks = torch.autograd.graph.saved_tensors_hooks


def whole(t):
    return not (t.dtype.is_floating_point or t.dtype.is_complex or t.dtype == torch.bool)


OTHERS = {
    "nothing": lambda t: t.reshape(-1)[:0],
    "one": lambda t: t.reshape(-1)[:1],
    "double": lambda t: t.double(),
    "transposed": lambda t: t.mT if t.dim() > 1 else t[None],
    "another place": lambda t: t * 0 + 10**6 if whole(t) else t,
    "before the first": lambda t: t * 0 - 10**6 if whole(t) else t,
}


def results():
    """What each operation of the table gives for its first sample, with a history; as functions."""
    for name, op in sorted(rows().items()):
        if not op.samples or not hasattr(torch, name):
            continue
        try:
            args, kwargs = op.samples[0].build(torch, "float32")
        except Exception:  # noqa: BLE001  samples of other types
            continue
        for t in args:
            if is_tensor(t) and t.dtype.is_floating_point and t.is_leaf:
                t.requires_grad_()

        def run(name=name, args=args, kwargs=kwargs):
            made = getattr(torch, name)(*args, **kwargs)
            made = made if isinstance(made, (tuple, list)) else [made]
            return [t for t in made if is_tensor(t) and t.grad_fn is not None]

        yield name, run


@pytest.mark.parametrize("kind", OTHERS)
def test_unpack_hooks(kind):
    count = 0
    for _, run in results():
        with contextlib.suppress(RuntimeError, TypeError, ValueError, IndexError, AttributeError):
            with hooks(lambda t: t, OTHERS[kind]):
                made = run()
            for t in made[:1]:
                count += 1
                t.backward(torch.ones_like(t))
    assert count > 200


def test_calls_of_nodes():
    count = 0
    for name, run in results():
        try:
            made = run()
        except (RuntimeError, TypeError, ValueError):
            continue
        for t in made[:1]:
            for shape in ((), (0,), (3,), (7, 5, 2), (*t.shape, 2)):
                if shape == t.shape:
                    continue
                count += 1
                with pytest.raises((RuntimeError, TypeError)):
                    t.grad_fn(torch.ones(shape))
                    pytest.fail(name)
    assert count > 1000


def test_nodes_that_are_not_known():
    x = torch.ones(2, 3, requires_grad=True)
    y = (x * 2).sin().sum()
    node = y.grad_fn.next_functions[0][0]
    with pytest.raises(NotImplementedError, match="cannot be called"):
        node(torch.ones(5))
    with pytest.raises(NotImplementedError, match="get_gradient_edge"):
        torch.autograd.grad(torch.autograd.graph.GradientEdge(node, 0), x, torch.ones(5))


def test_what_a_hook_makes_of_gradients():
    x = torch.ones(2, requires_grad=True)
    for register in ("register_hook", "register_prehook"):
        y = x.exp()
        getattr(y.grad_fn, register)(lambda *gradients: (gradients[0][0].double(),))
        with pytest.raises(RuntimeError, match="has changed the type of value"):
            y.sum().backward()
    with hooks(lambda t: t, lambda t: t.double()):
        y = x @ torch.ones(2, 2)
    with pytest.raises(RuntimeError, match="unpack hook gave"):
        y.sum().backward()
    with hooks(lambda t: t, lambda t: t[:1]):
        y = x.exp()
    y.sum().backward()
    assert torch.allclose(x.grad, torch.ones(2).exp())


def test_indices_changed_behind_the_graph():
    x = torch.randn(1, 1, 4, 4, requires_grad=True)
    y, at = torch.nn.functional.max_pool2d(x, 2, return_indices=True)
    at.data.fill_(10**6)
    with pytest.raises(RuntimeError, match="invalid max index"):
        y.sum().backward()
