"""flex_attention and block masks against PyTorch's, which is told not to compile."""

from __future__ import annotations

from importlib import import_module

import pytest

pytest.importorskip("torch")

from tests.compat.side_by_side import check  # noqa: E402


def flex(t):
    module = import_module(f"{t.__name__}.nn.attention.flex_attention")
    module._FLEX_ATTENTION_DISABLE_COMPILE_DEBUG = True  # what it otherwise does needs a compiler
    return module


def causal(b, h, q, kv):
    return q >= kv


def window(b, h, q, kv):
    return q - kv <= 20


@pytest.mark.parametrize("separate", [True, False])
@pytest.mark.parametrize("size", [32, (16, 64)])
def test_block_masks(size, separate):
    def program(t):
        f = flex(t)
        m = f.create_block_mask(
            f.and_masks(causal, window),
            2,
            None,
            160,
            128,
            device="cpu",
            BLOCK_SIZE=size,
            separate_full_blocks=separate,
        )
        parts = [x.as_tuple()[2:10] for x in (m, m[0], m[:, :, 1:3], m._adjust(64, 64))]
        return parts, str(m), repr(m), m.shape, m.sparsity(), m.numel(), m.to_dense()

    check(program)


def test_attention():
    def program(t):
        f = flex(t)
        q, k, v = (t.randn(2, 4, 48, 16) for _ in range(3))
        bias = t.randn(4, 48, 48)
        slopes = t.exp2(-(t.arange(4) + 1.0))
        mods = (
            lambda s, b, h, i, j: s + (j - i) * slopes[h],
            lambda s, b, h, i, j: 20 * t.tanh(s / 20),
            lambda s, b, h, i, j: s + bias[h, i, j],
            lambda s, b, h, i, j: t.where(i >= j, s, -float("inf")),
        )
        mask = f.create_block_mask(causal, None, None, 48, 48, device="cpu", BLOCK_SIZE=16)
        results = [f.flex_attention(q, k, v, score_mod=m, block_mask=mask) for m in mods]
        out, aux = f.flex_attention(q, k, v, return_aux=f.AuxRequest(lse=True))
        return results, out, aux.lse, f.flex_attention(q, k[:, :2], v[:, :2], enable_gqa=True, scale=0.1)

    check(program, 1e-5)


def test_errors():
    def wrong(t, call):
        f = flex(t)
        q, k, v = (t.zeros(2, 4, 48, 16) for _ in range(3))
        return call(f, q, k, v, f.create_block_mask(causal, 1, 1, 48, 48, device="cpu"))

    for call in (
        lambda f, q, k, v, m: f.flex_attention(q, k[:, :2], v[:, :2]),
        lambda f, q, k, v, m: f.flex_attention(q[:, :3], k[:, :2], v[:, :2], enable_gqa=True),
        lambda f, q, k, v, m: f.flex_attention(q, k[..., :3], v),
        lambda f, q, k, v, m: f.flex_attention(q[0], k[0], v[0]),
        lambda f, q, k, v, m: f.flex_attention(q, k, v, block_mask=m[0]),
        lambda f, q, k, v, m: f.or_masks(causal, 1),
        lambda f, q, k, v, m: f.create_mask(lambda b: b, 1, 1, 2, 2, device="cpu"),
    ):
        check(lambda t, call=call: wrong(t, call))
