"""Operations of torch.nn.functional and their namesakes in torch that are compositions of others."""

from __future__ import annotations

from .. import _C
from . import composite


@composite("nn.functional")
def ctc_loss(
    log_probs,
    targets,
    input_lengths,
    target_lengths,
    blank=0,
    reduction="mean",
    zero_infinity=False,
):
    """The negative log likelihood of label sequences under all alignments (Graves et al. 2006).

    log_probs: (time, batch, classes) or (time, classes), logarithms of probabilities. targets: (batch,
    longest) or all labels one after the other. Lengths: a tensor or a tuple with a number for each sample.
    `mean` divides each loss by its number of labels first; zero_infinity takes impossible alignments as 0.
    """
    import facula as torch

    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    each = _C._functions.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, 0, zero_infinity)
    if reduction == "none":
        return each
    if reduction == "sum":
        return each.sum()
    lengths = torch.as_tensor(target_lengths).to(each.dtype).clamp_min(1)
    return (each / lengths.reshape(each.shape)).mean()


@composite("nn.functional")
def embedding_bag(
    input,
    weight,
    offsets=None,
    max_norm=None,
    norm_type=2,
    scale_grad_by_freq=False,
    mode="mean",
    sparse=False,
    per_sample_weights=None,
    include_last_offset=False,
    padding_idx=None,
):
    """Sums, means or maxima of bags of rows of `weight`.

    input: (batch, n), a bag a row, or (n,) with `offsets`, where each bag starts. per_sample_weights: a
    factor for each row, with mode "sum". Rows at padding_idx do not count.
    """
    import facula as torch

    if weight.dtype == torch.int64 and input.is_floating_point():
        import warnings

        warnings.warn(
            "Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, input, "
            "...)` is deprecated, and should now be `embedding_bag(input, weight, ...)`.",
            stacklevel=2,
        )
        weight, input = input, weight
    if per_sample_weights is not None and input.size() != per_sample_weights.size():
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it must "
            f"have the same shape as the input ({input.shape})"
        )
    if weight.dim() != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.dim()}")
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed "
                f"length sequences. However, found offsets of type {_type_name(offsets)}"
            )
        offsets = torch.arange(0, input.numel(), input.size(1), dtype=input.dtype, device=input.device)
        include_last_offset = False
        input = input.reshape(-1)
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights.reshape(-1)
    elif input.dim() == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        if offsets.dim() != 1:
            raise ValueError("offsets has to be a 1D Tensor")
    else:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max":
        if scale_grad_by_freq:
            raise ValueError("max mode does not support scaling the gradient by the frequency")
        if sparse:
            raise ValueError("max mode does not support sparse weights")
    if max_norm is not None:
        with torch.no_grad():
            torch.embedding_renorm_(weight.detach(), input, max_norm, norm_type)
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for "
            f"mode='sum' (got mode='{mode}'). Please open a feature request on GitHub."
        )
    return _C._functions.embedding_bag(
        weight,
        input,
        offsets,
        scale_grad_by_freq,
        ("sum", "mean", "max").index(mode),
        sparse,
        per_sample_weights,
        include_last_offset,
        padding_idx,
    )[0]


def _type_name(value) -> str:
    return "<class 'torch.Tensor'>" if isinstance(value, _C.Tensor) else str(type(value))


@composite("torch", "nn.functional")
def bilinear(input1, input2, weight, bias=None):
    """y_k = input1^T weight_k input2 + bias_k for (..., m), (..., n) and a weight (out, m, n)."""
    if input1.dim() != input2.dim():
        raise RuntimeError(
            f"bilinear(): input dimensions do not match: got {input1.dim()} and {input2.dim()}"
        )
    for i in range(input1.dim() - 1):
        if input1.size(i) != input2.size(i):
            raise RuntimeError(
                f"bilinear(): input batch dimensions do not match at dim {i}: got {input1.size(i)} and "
                f"{input2.size(i)}"
            )
    for name, x, at in (("input1", input1, 1), ("input2", input2, 2)):
        if x.size(-1) != weight.size(at):
            raise RuntimeError(
                f"bilinear(): {name} size does not match weight size: got {x.size(-1)} but expected "
                f"{weight.size(at)}"
            )
    if bias is not None and bias.size(0) != weight.size(0):
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {bias.size(0)} but expected "
            f"{weight.size(0)}"
        )
    import facula as torch

    out, m, n = weight.shape
    left = input1.reshape(-1, m)
    right = input2.reshape(-1, n)
    # (N, m) (m, out * n), then the sum over n with the second input.
    inner = torch.mm(left, weight.permute(1, 0, 2).reshape(m, out * n)).view(-1, out, n)
    y = torch.bmm(inner, right.unsqueeze(2)).squeeze(2).reshape(*input1.shape[:-1], out)
    return y if bias is None else y + bias


@composite("nn.functional")
def linear_cross_entropy(
    input,
    linear_weight,
    target,
    *,
    linear_bias=None,
    weight=None,
    reduction="mean",
    ignore_index=None,
    label_smoothing=0.0,
    options=None,
):
    """cross_entropy(linear(input, linear_weight, linear_bias), target, ...).

    input: (in_features) or (N, in_features); linear_weight: (C, in_features) or (C, d1, ..., in_features).
    `options` ask PyTorch to work in chunks; the result is the same.
    """
    if not 1 <= input.dim() <= 2:
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.dim()}")
    if linear_weight.dim() < 2:
        raise RuntimeError(
            f"expected linear_weight with dimensionality at least 2, got {linear_weight.dim()}"
        )
    features = input.shape[-1]
    if features != linear_weight.shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), "
            f"got {features} and {linear_weight.shape[-1]}, respectively"
        )
    shape = tuple(linear_weight.shape[:-1])
    if linear_bias is not None and tuple(linear_bias.shape) != shape:
        raise RuntimeError(f"expected linear_bias shape {shape}, got {tuple(linear_bias.shape)}")
    if len(shape) > 1 and input.dim() == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} requires "
            f"batched input, (N, {features}), got unbatched input with shape {tuple(input.shape)}"
        )
    whole = (*input.shape[:-1], *shape)
    if tuple(target.shape) == whole and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    bias = None if linear_bias is None else linear_bias.reshape(-1)
    logits = _C._nn.linear(input, linear_weight.reshape(-1, features), bias).reshape(whole)
    return _C._nn.cross_entropy(
        logits,
        target,
        weight=weight,
        reduction=reduction,
        ignore_index=-100 if ignore_index is None else ignore_index,
        label_smoothing=label_smoothing,
    )
