"""Attention with functions of scores and masks by blocks, against what they mean written out."""

from __future__ import annotations

import math

import pytest

import facula as torch
from facula.nn.attention.flex_attention import (
    AuxRequest,
    and_masks,
    create_block_mask,
    create_mask,
    flex_attention,
    noop_mask,
    or_masks,
)


def causal(b, h, q, kv):
    return q >= kv


def near(b, h, q, kv):
    return q - kv <= 5


@pytest.fixture
def qkv():
    torch.manual_seed(0)
    return [torch.randn(2, 4, 40, 8, dtype=torch.float64, requires_grad=True) for _ in range(3)]


def plain(q, k, v, mask=None, bias=0.0):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1)) + bias
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(-1) @ v


def test_the_mask_and_its_blocks(qkv):
    mask = create_block_mask(and_masks(causal, near), None, None, 40, 40, BLOCK_SIZE=8)
    i, j = torch.arange(40)[:, None], torch.arange(40)
    allowed = (i >= j) & (i - j <= 5)
    assert torch.equal(create_mask(and_masks(causal, near), 1, 1, 40, 40)[0, 0], allowed)
    blocks = allowed.view(5, 8, 5, 8).sum(dim=(1, 3))
    assert torch.equal(mask.to_dense()[0, 0], (blocks > 0).int())
    out = flex_attention(*qkv, block_mask=mask)
    torch.testing.assert_close(out, plain(*qkv, mask=allowed))
    whole = create_block_mask(or_masks(causal, noop_mask), 1, 1, 40, 40, BLOCK_SIZE=8)
    assert whole.sparsity() == 0 and whole.full_kv_num_blocks.sum() == 25


def test_scores_read_tensors_by_position_and_gradients_reach_them(qkv):
    bias = torch.randn(4, 40, 40, dtype=torch.float64, requires_grad=True)
    out, aux = flex_attention(
        *qkv, score_mod=lambda s, b, h, q, kv: s + bias[h, q, kv], return_aux=AuxRequest(lse=True)
    )
    expected = plain(*qkv, bias=bias)
    torch.testing.assert_close(out, expected)
    given = torch.autograd.grad(out.sin().sum(), [*qkv, bias])
    wanted = torch.autograd.grad(expected.sin().sum(), [*qkv, bias])
    for a, b in zip(given, wanted):
        torch.testing.assert_close(a, b)
    assert aux.lse.shape == (2, 4, 40) and aux.max_scores is None


def test_rows_in_which_nothing_counts_are_zero(qkv):
    mask = create_block_mask(lambda b, h, q, kv: q > kv, 1, 1, 40, 40, BLOCK_SIZE=8)
    out = flex_attention(*qkv, block_mask=mask)
    assert torch.equal(out[:, :, 0], torch.zeros(2, 4, 8, dtype=torch.float64))
    out.sum().backward()
    assert all(x.grad.isfinite().all() for x in qkv)


def test_heads_share_keys(qkv):
    q, k, v = qkv
    out = flex_attention(q, k[:, :2], v[:, :2], enable_gqa=True, scale=1 / math.sqrt(8))
    shared = [x[:, :2].repeat_interleave(2, 1) for x in (k, v)]
    torch.testing.assert_close(out, plain(q, *shared))


def test_what_does_not_fit(qkv):
    q, k, v = qkv
    mask = create_block_mask(causal, 1, 1, 40, 40, BLOCK_SIZE=8)
    with pytest.raises(ValueError, match="same number of heads"):
        flex_attention(q, k[:, :2], v[:, :2])
    with pytest.raises(ValueError, match="for a larger length"):
        flex_attention(q[:, :, :9], k, v, block_mask=mask)
    with pytest.raises(RuntimeError, match="sliced BlockMask"):
        flex_attention(q, k, v, block_mask=mask[0])
    with pytest.raises(AssertionError, match="requires a mask_mod"):
        create_block_mask(lambda s, b, h, q, kv: s, 1, 1, 4, 4)
