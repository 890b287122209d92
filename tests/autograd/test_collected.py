"""What a node keeps alive is collected with it."""

from __future__ import annotations

import gc
import weakref

import facula as torch


class Kept:
    pass


def test_metadata_that_leads_back_to_its_node():
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    kept = Kept()
    y.grad_fn.metadata["kept"] = (kept, y.grad_fn)
    seen = weakref.ref(kept)
    del kept
    gc.collect()
    assert seen() is not None
    del y
    gc.collect()
    assert seen() is None


def test_hooks_with_handles_in_their_closures():
    x = torch.ones(2, requires_grad=True)
    for register in ("register_hook", "register_prehook"):
        y = x * 2
        kept, handles, node = Kept(), [], y.grad_fn

        def hook(*gradients, kept=kept, handles=handles, node=node):
            handles[0].remove()

        handles.append(getattr(node, register)(hook))
        y.sum().backward()
        seen = weakref.ref(kept)
        handles.append(getattr(node, register)(hook))
        del kept, handles, node, hook, y
        gc.collect()
        assert seen() is None


def test_the_collector_may_run_in_a_backward():
    x = torch.ones(2, requires_grad=True)

    def sweep(gradient):
        gc.collect()

    y = x
    for _ in range(20):
        y = y * 1
        y.register_hook(sweep)
        y.grad_fn.register_prehook(sweep)
    y.sum().backward()
    assert x.grad.tolist() == [1, 1]
