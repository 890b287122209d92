"""Autocast and GradScaler against real PyTorch on the CPU."""

from __future__ import annotations

import warnings

import pytest

torch = pytest.importorskip("torch")

import facula  # noqa: E402

CALLS = {
    "linear": lambda t, x: t.nn.functional.linear(x, t.ones(2, 4)),
    "matmul": lambda t, x: x @ x.mT,
    "reflected": lambda t, x: t.Tensor.__rmatmul__(x, x.mT),
    "mm": lambda t, x: t.mm(x[0], x[0].T),
    "bmm": lambda t, x: t.bmm(x, x.mT),
    "addmm": lambda t, x: t.addmm(t.ones(3, 3), x[0], x[0].T),
    "baddbmm": lambda t, x: t.baddbmm(t.ones(2, 3, 3), x, x.mT),
    "method": lambda t, x: x.bmm(x.mT),
    "conv": lambda t, x: t.nn.functional.conv1d(x, t.ones(1, 3, 2)),
    "einsum": lambda t, x: t.einsum("bij,bkj->bik", x, x),
    "tensordot": lambda t, x: t.tensordot(x, x, dims=([2], [2])),
    "mv": lambda t, x: t.mv(x[0], x[0, 0]),
    "dot": lambda t, x: t.dot(x[0, 0], x[0, 0]),
    "attention": lambda t, x: t.nn.functional.scaled_dot_product_attention(x, x, x),
    "double": lambda t, x: t.ones(2, 2, dtype=t.float64) @ t.ones(2, 2, dtype=t.float64),
    "whole": lambda t, x: t.ones(2, 2, dtype=t.int64) @ t.ones(2, 2, dtype=t.int64),
    "add": lambda t, x: x + x.bfloat16(),
    "relu": lambda t, x: x.bfloat16().relu(),
    "softmax": lambda t, x: x.bfloat16().softmax(-1),
    "layer norm": lambda t, x: t.nn.functional.layer_norm(x.bfloat16(), (4,)),
    "mse": lambda t, x: t.nn.functional.mse_loss(x.bfloat16(), x.bfloat16()),
    "cross entropy": lambda t, x: t.nn.functional.cross_entropy(x[0].bfloat16(), t.tensor([1, 0, 2])),
    "nll": lambda t, x: t.nn.functional.nll_loss(x[0].bfloat16(), t.tensor([1, 0, 2])),
    "bce": lambda t, x: t.nn.functional.binary_cross_entropy_with_logits(x.bfloat16(), x),
    "prod": lambda t, x: x.bfloat16().prod(-1),
    "trace": lambda t, x: t.trace(x[0].bfloat16()),
    "inverse": lambda t, x: t.linalg.inv(t.eye(2).bfloat16()),
    "cat": lambda t, x: t.cat([x, x.bfloat16()]),
    "cat halves": lambda t, x: t.cat([x.bfloat16(), x.bfloat16()]),
    "stack": lambda t, x: t.stack([x.bfloat16(), x]),
    "disabled inside": lambda t, x: _disabled(t, x),
    "float16": lambda t, x: _other(t, x),
    "lstm": lambda t, x: t.nn.LSTM(4, 2)(x)[0],
    "gru": lambda t, x: t.nn.GRU(4, 2)(x)[0],
    "attention layer": lambda t, x: t.nn.MultiheadAttention(4, 2)(x, x, x)[0],
    "encoder": lambda t, x: t.nn.TransformerEncoderLayer(4, 2, 8)(x),
}


def _disabled(t, x):
    with t.autocast("cpu", enabled=False):
        return x @ x.mT


def _other(t, x):
    with t.autocast("cpu", dtype=t.float16):
        return x @ x.mT


def described(tensor):
    return str(tensor.dtype), tuple(tensor.shape)


@pytest.mark.parametrize("name", CALLS)
def test_types_and_values(name):
    results = []
    for t in (torch, facula):
        t.manual_seed(0)
        x = t.randn(2, 3, 4)
        with t.autocast("cpu"):
            results.append(CALLS[name](t, x))
        assert not t.is_autocast_enabled("cpu")
    theirs, ours = results
    assert described(ours) == described(theirs)
    a, b = (torch.tensor(r.detach().double().tolist()) for r in (ours, theirs))
    torch.testing.assert_close(a, b, rtol=2e-2, atol=2e-2)


def test_training():
    losses = []
    for t in (torch, facula):
        t.manual_seed(1)
        model = t.nn.Sequential(t.nn.Linear(8, 16), t.nn.ReLU(), t.nn.Linear(16, 3))
        optimizer = t.optim.SGD(model.parameters(), lr=0.1)
        scaler = t.amp.GradScaler("cpu", init_scale=64.0, growth_interval=3)
        x, y = t.randn(12, 8), t.randint(0, 3, (12,))
        seen = []
        for step in range(12):
            optimizer.zero_grad()
            with t.autocast("cpu", dtype=t.bfloat16):
                loss = t.nn.functional.cross_entropy(model(x), y)
            scaler.scale(loss).backward()
            if step == 5:
                model[0].weight.grad[0, 0] = float("inf")
            if step % 2:
                scaler.unscale_(optimizer)
            scaler.step(optimizer)
            scaler.update()
            assert str(model[0].weight.grad.dtype) == "torch.float32"
            seen.append((loss.item(), scaler.get_scale()))
        losses.append((seen, scaler.state_dict()))
    (theirs, their_state), (ours, our_state) = losses
    assert our_state == their_state
    for (a, scale_a), (b, scale_b) in zip(ours, theirs):
        assert a == pytest.approx(b, abs=5e-3) and scale_a == scale_b


def test_weights_are_cast_once():
    counts = []
    for t in (torch, facula):
        w = t.ones(2, 2, requires_grad=True)
        x = t.full((1, 2), 1 + 2**-9)
        with t.autocast("cpu"):
            total = sum((x @ w).sum() for _ in range(300))
        total.backward()
        counts.append(w.grad.tolist())
    assert counts[0] == counts[1]


def test_functions_of_ones_own():
    seen = []
    for t in (torch, facula):

        class Own(t.autograd.Function):
            @staticmethod
            @t.amp.custom_fwd(device_type="cpu", cast_inputs=t.float32)
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x @ x.mT

            @staticmethod
            @t.amp.custom_bwd(device_type="cpu")
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return g @ x

        x = t.ones(2, 2, requires_grad=True)
        with t.autocast("cpu"):
            y = Own.apply(x.bfloat16())
        y.sum().backward()
        seen.append((str(y.dtype), x.grad.tolist()))
    assert seen[0] == seen[1]


STATE = {
    "cuda": lambda t: (
        t.autocast("cuda")._enabled,
        t.is_autocast_enabled(),
        str(t.get_autocast_dtype("cuda")),
    ),
    "cpu dtype": lambda t: (str(t.get_autocast_dtype("cpu")), t.is_autocast_cache_enabled()),
    "unsupported": lambda t: t.autocast("cpu", dtype=t.float32)._enabled,
    "no device": lambda t: t.autocast("foo"),
    "no string": lambda t: t.autocast(3),
    "no autocast": lambda t: t.autocast("meta"),
    "no function": lambda t: t.autocast("cpu")(3),
    "decorator": lambda t: str(t.autocast("cpu")(lambda: t.ones(2, 2) @ t.ones(2, 2))().dtype),
    "old": lambda t: t.cpu.amp.autocast()._enabled,
    "old cuda": lambda t: t.cuda.amp.autocast()._enabled,
    "scaler": lambda t: t.amp.GradScaler().is_enabled(),
    "old scaler": lambda t: t.cpu.amp.GradScaler().is_enabled(),
    "growth": lambda t: t.amp.GradScaler("cpu", growth_factor=1.0),
    "backoff": lambda t: t.amp.GradScaler("cpu", backoff_factor=1.0),
    "step first": lambda t: t.amp.GradScaler("cpu").step(t.optim.SGD([t.ones(1, requires_grad=True)], 0.1)),
    "update first": lambda t: t.amp.GradScaler("cpu").update(),
    "empty state": lambda t: t.amp.GradScaler("cpu").load_state_dict({}),
    "not a tensor": lambda t: t.amp.GradScaler("cpu").scale(3),
    "fwd": lambda t: t.amp.custom_fwd(device_type=3),
    "available": lambda t: (t.amp.is_autocast_available("cpu"), t.amp.is_autocast_available("meta")),
}


@pytest.mark.parametrize("name", STATE)
def test_states_and_errors(name):
    seen = []
    for t in (torch, facula):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                value = STATE[name](t)
            except Exception as error:
                value = (type(error).__name__, str(error)[:150])
        seen.append((value, [(w.category, str(w.message)) for w in warned]))
    assert seen[1] == seen[0]
