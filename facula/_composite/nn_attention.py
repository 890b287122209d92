"""multi_head_attention_forward: projections, heads, masks and the output projection around attention."""

from __future__ import annotations

import math

from .. import _C
from . import composite

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from facula import Tensor


def _is_batched(
    query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, mask: Tensor | None, heads
):
    if query.dim() not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.dim()}-D query tensor"
        )
    batched = query.dim() == 3
    dims = 3 if batched else 2
    kind = "batched (3-D)" if batched else "unbatched (2-D)"
    if key.dim() != dims or value.dim() != dims:
        raise AssertionError(
            f"For {kind} `query`, expected `key` and `value` to be {dims}-D but found {key.dim()}-D and "
            f"{value.dim()}-D tensors respectively"
        )
    if padding is not None and padding.dim() != dims - 1:
        raise AssertionError(
            f"For {kind} `query`, expected `key_padding_mask` to be `None` or {dims - 1}-D but found "
            f"{padding.dim()}-D tensor instead"
        )
    if mask is not None:
        if mask.dim() not in (2, 3):
            raise AssertionError(
                f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found "
                f"{mask.dim()}-D tensor instead"
            )
        wanted = (heads, query.shape[0], key.shape[0])
        if not batched and mask.dim() == 3 and tuple(mask.shape) != wanted:
            raise AssertionError(f"Expected `attn_mask` shape to be {wanted} but got {mask.shape}")
    return batched


def _as_numbers(mask: Tensor | None, name: str, dtype) -> Tensor | None:
    """A mask as what is added to scores: -inf where a bool mask is True."""
    import facula as torch

    if mask is None:
        return None
    if mask.dtype != torch.bool and not mask.dtype.is_floating_point:
        raise AssertionError(f"only bool and floating types of {name} are supported")
    if mask.dtype == torch.bool:
        return torch.zeros_like(mask, dtype=dtype).masked_fill_(mask, float("-inf"))
    return mask


def _project(query, key, value, weight, bias):
    """The three projections by one weight, in as few products as the inputs allow."""
    linear = _C._nn.linear
    size = query.size(-1)
    if key is value and query is key:
        both = linear(query, weight, bias).unflatten(-1, (3, size))
        both = both.unsqueeze(0).transpose(0, -2).squeeze(-2).contiguous()
        return both[0], both[1], both[2]
    if key is value:
        w_q, w_kv = weight.split([size, size * 2])
        b_q, b_kv = (None, None) if bias is None else bias.split([size, size * 2])
        both = linear(key, w_kv, b_kv).unflatten(-1, (2, size))
        both = both.unsqueeze(0).transpose(0, -2).squeeze(-2).contiguous()
        return linear(query, w_q, b_q), both[0], both[1]
    weights = weight.chunk(3)
    biases = (None, None, None) if bias is None else bias.chunk(3)
    return tuple(linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases))


def _wider(mask: Tensor | None, by: int = 1) -> Tensor | None:
    """One more key that nothing masks."""
    import facula as torch

    return None if mask is None else torch.cat([mask, mask.new_zeros((*mask.shape[:-1], by))], -1)


@composite("nn.functional")
def multi_head_attention_forward(
    query,
    key,
    value,
    embed_dim_to_check,
    num_heads,
    in_proj_weight,
    in_proj_bias,
    bias_k,
    bias_v,
    add_zero_attn,
    dropout_p,
    out_proj_weight,
    out_proj_bias,
    training=True,
    key_padding_mask=None,
    need_weights=True,
    attn_mask=None,
    use_separate_proj_weight=False,
    q_proj_weight=None,
    k_proj_weight=None,
    v_proj_weight=None,
    static_k=None,
    static_v=None,
    average_attn_weights=True,
    is_causal=False,
):
    """What nn.MultiheadAttention computes (Vaswani et al. 2017, Attention Is All You Need).

    query: (L, N, E) or (L, E); key, value: (S, N, E) or (S, E). Masks are bool (True masks) or are added to
    the scores: key_padding_mask (N, S), attn_mask (L, S) or (N * num_heads, L, S). Returns the output, shaped
    as query, and the weights (N, L, S), averaged over heads, or (N, num_heads, L, S), or None.
    """
    import facula as torch

    linear = _C._nn.linear
    batched = _is_batched(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        # Identity is kept: it decides how many products the projections take.
        seen = {id(t): t.unsqueeze(1) for t in (query, key, value)}
        query, key, value = (seen[id(t)] for t in (query, key, value))
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    target, batch, embed = query.shape
    source = key.shape[0]
    key_padding_mask = _as_numbers(key_padding_mask, "key_padding_mask", query.dtype)
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = None  # the hint says it all
    else:
        attn_mask = _as_numbers(attn_mask, "attn_mask", query.dtype)
        if key_padding_mask is not None:
            is_causal = False
    if embed != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {embed}")
    head = embed // num_heads
    if head * num_heads != embed:
        raise AssertionError(f"embed_dim {embed} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        if key.shape[:2] != value.shape[:2]:
            raise AssertionError(
                f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
            )
    elif key.shape != value.shape:
        raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
    if not use_separate_proj_weight:
        if in_proj_weight is None:
            raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
        q, k, v = _project(query, key, value, in_proj_weight, in_proj_bias)
    else:
        for name, w in (("q", q_proj_weight), ("k", k_proj_weight), ("v", v_proj_weight)):
            if w is None:
                raise AssertionError(f"use_separate_proj_weight is True but {name}_proj_weight is None")
        biases = (None, None, None) if in_proj_bias is None else in_proj_bias.chunk(3)
        q = linear(query, q_proj_weight, biases[0])
        k = linear(key, k_proj_weight, biases[1])
        v = linear(value, v_proj_weight, biases[2])
    if attn_mask is not None:
        if attn_mask.dim() == 2:
            wanted = (target, source)
            if tuple(attn_mask.shape) != wanted:
                raise RuntimeError(
                    f"The shape of the 2D attn_mask is {attn_mask.shape}, but should be {wanted}."
                )
            attn_mask = attn_mask.unsqueeze(0)
        else:
            wanted = (batch * num_heads, target, source)
            if tuple(attn_mask.shape) != wanted:
                raise RuntimeError(
                    f"The shape of the 3D attn_mask is {attn_mask.shape}, but should be {wanted}."
                )
    if bias_k is not None and bias_v is not None:
        if static_k is not None or static_v is not None:
            raise AssertionError("bias cannot be added to static key or value.")
        k = torch.cat([k, bias_k.repeat(1, batch, 1)])
        v = torch.cat([v, bias_v.repeat(1, batch, 1)])
        attn_mask, key_padding_mask = _wider(attn_mask), _wider(key_padding_mask)
    q = q.view(target, batch * num_heads, head).transpose(0, 1)
    k = static_k if static_k is not None else k.view(k.shape[0], batch * num_heads, head).transpose(0, 1)
    v = static_v if static_v is not None else v.view(v.shape[0], batch * num_heads, head).transpose(0, 1)
    if add_zero_attn:
        k = torch.cat([k, k.new_zeros((batch * num_heads, 1, head))], 1)
        v = torch.cat([v, v.new_zeros((batch * num_heads, 1, head))], 1)
        attn_mask, key_padding_mask = _wider(attn_mask), _wider(key_padding_mask)
    source = k.size(1)
    if key_padding_mask is not None:
        for i, wanted in enumerate((batch, source)):
            if key_padding_mask.shape[i] != wanted:
                raise AssertionError(
                    f"Expected key_padded_mask.shape[{i}] to be {wanted}, but got {key_padding_mask.shape[i]}"
                )
        padding = key_padding_mask.view(batch, 1, 1, source).expand(-1, num_heads, -1, -1)
        padding = padding.reshape(batch * num_heads, 1, source)
        attn_mask = padding if attn_mask is None else attn_mask + padding
    if not training:
        dropout_p = 0.0
    if need_weights:
        if is_causal and attn_mask is None:
            raise AssertionError("FIXME: is_causal not implemented for need_weights")
        q = q * math.sqrt(1.0 / float(head))
        k = k.transpose(-2, -1)
        scores = torch.bmm(q, k) if attn_mask is None else torch.baddbmm(attn_mask, q, k)
        weights = scores.softmax(-1)
        if dropout_p > 0.0:
            weights = torch.dropout(weights, dropout_p, True)
        out = torch.bmm(weights, v).transpose(0, 1).contiguous().view(target * batch, embed)
        out = linear(out, out_proj_weight, out_proj_bias)
        out = out.view(target, batch, out.size(1))
        weights = weights.view(batch, num_heads, target, source)
        if average_attn_weights:
            weights = weights.mean(1)
        return (out, weights) if batched else (out.squeeze(1), weights.squeeze(0))
    if attn_mask is not None:
        if attn_mask.size(0) == 1 and attn_mask.dim() == 3:
            attn_mask = attn_mask.unsqueeze(0)
        else:
            attn_mask = attn_mask.view(batch, num_heads, -1, source)
    q = q.view(batch, num_heads, target, head)
    k = k.view(batch, num_heads, source, head)
    v = v.view(batch, num_heads, source, head)
    out = _C._nn.scaled_dot_product_attention(q, k, v, attn_mask, dropout_p, is_causal)
    out = out.permute(2, 0, 1, 3).contiguous().view(batch * target, embed)
    out = linear(out, out_proj_weight, out_proj_bias)
    out = out.view(target, batch, out.size(1))
    return (out if batched else out.squeeze(1)), None
