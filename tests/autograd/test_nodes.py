"""What nodes show and keep, the type of `.grad`, and where factories make tensors."""

from __future__ import annotations

import pytest

import facula as torch


def test_parameters_of_nodes():
    w = torch.rand(2, 3, requires_grad=True)
    node = w.sum(1, keepdim=True).grad_fn
    assert (node._saved_dim, node._saved_keepdim, node._saved_self_sym_sizes) == ((1,), True, (2, 3))
    assert w.softmax(1).grad_fn._saved_dim == 1
    assert w.add(w, alpha=2).grad_fn._saved_alpha == 2
    assert w.clamp(0, 1).grad_fn._saved_max == 1
    assert {"_saved_exponent", "_saved_self", "_raw_saved_self"} <= set(dir((w**3).grad_fn))
    with pytest.raises(AttributeError):
        _ = node._saved_other


def test_indices_and_masks_are_no_edges():
    x = torch.ones(3, requires_grad=True)
    at = torch.tensor([0, 2])
    for y in (x[at], x.gather(0, at), x.index_select(0, at), torch.where(x > 0, x, x * 1)):
        assert all(node is not None for node, _ in y.grad_fn.next_functions)
    seen = []
    y = x.gather(0, at)
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append(len(inputs)) or (inputs[0] * 2,))
    y.sum().backward()
    assert seen == [1] and x.grad.tolist() == [2, 0, 2]


def test_a_target_written_to_is_noticed():
    x = torch.rand(2, 4, requires_grad=True)
    target = torch.tensor([0, 1])
    loss = torch.nn.functional.cross_entropy(x, target)
    target.fill_(3)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_grad_dtype():
    w = torch.ones(2, requires_grad=True)
    assert w.grad_dtype == torch.float32
    w.grad_dtype = torch.float64
    for _ in range(2):
        (w * 2).sum().backward()
    assert w.grad.dtype == torch.float64 and w.grad.tolist() == [4, 4]
    with pytest.raises(RuntimeError, match="already a gradient"):
        w.grad_dtype = torch.float16
    w.grad, w.grad_dtype = None, None
    w.grad = torch.ones(2, dtype=torch.float16)
    with pytest.raises(RuntimeError, match="leaf"):
        _ = (w * 2).grad_dtype


def test_dense_gradient_meets_a_sparse_one():
    w = torch.ones(3, requires_grad=True)
    w.grad = torch.sparse_coo_tensor([[0, 2]], [1.0, 5.0], (3,))
    (w * 2).sum().backward()
    assert w.grad.tolist() == [3, 2, 7]


def test_device_contexts():
    with torch.device("meta"):
        assert torch.ones(2).is_meta and torch.nn.Linear(2, 2).weight.is_meta
        with torch.device("cpu"):
            assert not torch.zeros(1).is_meta
        assert torch.get_default_device().type == "meta" and not torch.ones(1, device="cpu").is_meta
    torch.set_default_device("meta")
    try:
        assert torch.arange(3).is_meta
    finally:
        torch.set_default_device(None)
    assert not torch.ones(2).is_meta


def test_enable_grad_in_inference_mode_records_nothing():
    x = torch.ones(2, requires_grad=True)
    with torch.inference_mode(), torch.enable_grad():
        assert torch.is_grad_enabled() and not (x * 2).requires_grad
    assert torch.is_grad_enabled() and (x * 2).requires_grad
