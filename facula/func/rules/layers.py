"""Batch rules of the layers of networks: convolutions, embeddings, normalisations, padding.

An operation with a batch of its own takes the examples' batches as one. Where its weights differ between
examples too, the examples become groups of channels.
"""

from __future__ import annotations

from math import prod

from ... import _C
from .._batch import Call, NotBatchable, as_rows, batch_rule, decompose, full_rule, is_batched, value_of, wrap
from .._derived import fold, leading, loop

_f = _C._functions
_nn = _C._nn


def merged(v):
    """The two first dimensions as one."""
    return v.reshape((v.size(0) * v.size(1), *v.shape[2:]))


def _into_channels(v):
    """(examples, N, C, ...) as (N, examples * C, ...)."""
    v = v.transpose(0, 1)
    return v.reshape((v.size(0), v.size(1) * v.size(2), *v.shape[3:]))


def _out_of_channels(v, size):
    return v.reshape((v.size(0), size, v.size(1) // size, *v.shape[2:])).transpose(0, 1)


# --- convolutions ---


@full_rule(
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "convolution"
)
def conv(e, args, inplace, level):
    x, weight, bias = args[:3]
    groups_at = e.position("groups")
    groups = args[groups_at]
    space = weight.dim() - 2
    if x.dim() not in (space + 1, space + 2):
        e.run_meta(args)
    own = x.dim() == space + 2

    def run(v, w, b, g):
        values = list(args)
        values[:3], values[groups_at] = [v, w, b], g
        return e.run(values)

    shared = None if is_batched(bias, level) else bias
    vx = x._value if is_batched(x, level) else None
    if not is_batched(weight, level):
        if vx is None:
            out = run(x, weight, None, groups).unsqueeze(0)
        elif own:
            out = run(merged(vx), weight, shared, groups)
            out = out.view((level.size, out.shape[0] // max(level.size, 1), *out.shape[1:]))
        else:
            out = run(vx, weight, shared, groups)
    else:
        transposed = "transpose" in e.name or (e.name == "convolution" and args[e.position("transposed")])
        if vx is None and groups == 1 and not transposed:
            v = x if own else x.unsqueeze(0)
            out = run(v, merged(weight._value), None, 1)
        else:
            v = vx if vx is not None else x.unsqueeze(0).expand((level.size, *x.shape))
            v = _into_channels(v if own else v.unsqueeze(1))
            out = run(v, merged(weight._value), None, groups * level.size)
        out = _out_of_channels(out, level.size)
        out = out if own else out.squeeze(1)
        if shared is not None:
            out = out + shared.reshape((-1, *(1,) * space))
    if is_batched(bias, level):
        out = out + bias._value.reshape((level.size, *(1,) * own, -1, *(1,) * space))
    return wrap(out, level.number)


@full_rule("_unfold", "fold")
def windows(e, args, inplace, level):
    rank = 4 if e.name == "_unfold" else 3
    return fold(e, args, inplace, level) if args[0].dim() == rank else leading(e, args, inplace, level)


@full_rule("pad")
def pad(e, args, inplace, level):
    x, widths, mode = args[:3]
    space = len(widths) // 2
    if mode == "constant":
        return leading(e, args, inplace, level)
    if x.dim() == space + 2:
        return fold(e, args, inplace, level)
    if x.dim() != space + 1:
        e.run_meta(args)
    return leading(e, args, inplace, level)


# --- embeddings ---


def embedding(call, x, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False,
              sparse=False):  # fmt: skip
    if not call.batched(weight):
        return call.run(x._value, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
    rows = weight.shape[0]
    first = _f.arange(call.size).reshape((call.size, *(1,) * x.dim())) * rows
    at = call.peel(x) + first
    out = call.run(at, merged(weight._value), None, None, norm_type, False, False)
    if padding_idx is not None:  # its row gets no gradient
        padding = (call.value(x) == padding_idx % rows).unsqueeze(-1)
        out = _f.where(padding, out.detach(), out)
    return out


# --- normalisations ---


def _affine(out, weight, bias):
    if weight is not None:
        out = out * weight
    return out if bias is None else out + bias


@decompose("layer_norm")
def layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-05, cudnn_enable=True):
    return _affine(plain_layer_norm(x, normalized_shape, eps), weight, bias)


def plain_layer_norm(x, shape, eps):
    dims = tuple(range(-len(shape), 0))
    if tuple(x.shape[x.dim() - len(shape) :]) != tuple(shape):
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [*, "
            f"{', '.join(map(str, shape))}], but got input of size{list(x.shape)}"
        )
    wide = x.to(_C.float32) if x.dtype in (_C.float16, _C.bfloat16) else x
    centred = wide - wide.mean(dims, keepdim=True)
    return (centred * ((centred * centred).mean(dims, keepdim=True) + eps).rsqrt()).to(x.dtype)


@full_rule("layer_norm", "rms_norm")
def row_norm(e, args, inplace, level):
    """Weights of one for all go with the operation; others come after it."""
    x, shape, weight = args[:3]
    rest = args[3:]
    bias = rest[0] if e.name == "layer_norm" else None
    if is_batched(weight, level) or is_batched(bias, level):
        plain = [x, shape, None, None, *rest[1:]] if e.name == "layer_norm" else [x, shape, None, *rest]
        return _affine(
            row_norm(e, plain, False, level) if is_batched(x, level) else e.run(plain), weight, bias
        )
    return wrap(e.run([value_of(x, level), *args[1:]]), level.number)


@decompose("native_layer_norm")
def native_layer_norm(x, normalized_shape, weight, bias, eps):
    dims = tuple(range(-len(normalized_shape), 0))
    mean = x.mean(dims, keepdim=True)
    rstd = (((x - mean) ** 2).mean(dims, keepdim=True) + eps).rsqrt()
    out = _affine(_nn.layer_norm(x, normalized_shape, None, None, eps), weight, bias)
    return out, mean.detach(), rstd.detach()


@decompose("group_norm")
def group_norm(x, num_groups, weight=None, bias=None, eps=1e-05, cudnn_enabled=True):
    if x.dim() < 2 or x.shape[1] % num_groups:
        from .joining import example

        return example(_nn.group_norm, x, num_groups, None, None, eps)
    n, c = x.shape[:2]
    rows = x.reshape((n, num_groups, prod(x.shape[1:]) // num_groups))
    out = _nn.layer_norm(rows, rows.shape[-1:], None, None, eps).reshape(x.shape)
    wide = (c, *(1,) * (x.dim() - 2))
    return _affine(out, _shaped(weight, wide), _shaped(bias, wide))


def _shaped(x, shape):
    return None if x is None else x.reshape(shape)


@decompose("native_group_norm")
def native_group_norm(x, weight, bias, N, C, HxW, group, eps):  # noqa: N803  their public names
    rows = x.reshape((N, group, C * HxW // group))
    mean = rows.mean(-1)
    rstd = (((rows - mean.unsqueeze(-1)) ** 2).mean(-1) + eps).rsqrt()
    return group_norm(x, group, weight, bias, eps), mean.detach(), rstd.detach()


def _running(call, x, t, updated):
    """(statistics by channel, what brings their update back)"""
    if t is None:
        return None, None
    if updated and call.batched(x) and not call.batched(t):
        raise NotBatchable(
            "Batch norm got a batched tensor as input while the running_mean or running_var, which will be "
            "updated in place, were not batched.\nIf you are using a module and do not need eval mode, "
            "please set `track_running_stats` to be False.If you are using a prebuilt module and do not "
            "need eval mode, please see the functorch website for resources on how to patch your module to "
            "work with vmap"
        )
    if not call.batched(t):
        flat = t.repeat(call.size)
        return flat, (lambda: t.copy_(flat[: t.numel()])) if updated else None
    v = call.peel(t)
    flat = v.reshape(-1)
    return flat, (lambda: v.copy_(flat.view(v.shape))) if updated else None


def _by_channels(call, x, weight, bias, running_mean, running_var, updated, run):
    """Examples as groups of channels: each has statistics of its own."""
    v = _into_channels(call.value(x))
    mean, bring_mean = _running(call, x, running_mean, updated)
    var, bring_var = _running(call, x, running_var, updated)
    out = _out_of_channels(run(v, mean, var), call.size)
    recorded = _C._set_grad_enabled(False)
    for bring in (bring_mean, bring_var):
        if bring is not None:
            bring()
    _C._set_grad_enabled(recorded)
    wide = (x.shape[1], *(1,) * (x.dim() - 2))
    for t, times in ((weight, True), (bias, False)):
        if t is None:
            continue
        shape = (call.size, 1, *wide) if call.batched(t) else wide
        t = call.peel(t).reshape(shape)
        out = out * t if times else out + t
    return out


def batch_norm(call, x, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled):
    def run(v, mean, var):
        return _f.batch_norm(v, None, None, mean, var, training, momentum, eps, cudnn_enabled)

    updated = training and (running_mean is not None or running_var is not None)
    return _by_channels(call, x, weight, bias, running_mean, running_var, updated, run)


@full_rule("batch_norm")
def batch_norm_rule(e, args, inplace, level):
    if args[0].dim() < 2:
        return loop(e, args, inplace, level)
    return wrap(batch_norm(Call(e, args, level), *args), level.number)


@batch_rule("instance_norm")
def instance_norm(
    call, x, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, cudnn_enabled
):
    def run(v, mean, var):
        return _f.instance_norm(v, None, None, mean, var, use_input_stats, momentum, eps, cudnn_enabled)

    updated = use_input_stats and (running_mean is not None or running_var is not None)
    return _by_channels(call, x, weight, bias, running_mean, running_var, updated, run)


@decompose("prelu")
def prelu(x, weight):
    if weight.numel() == 1:
        w = weight.reshape(())
    else:
        if x.dim() < 2 and weight.numel() != x.numel():
            raise RuntimeError("Not allow zero-dim input tensor.")
        w = weight.reshape((-1, *(1,) * (x.dim() - 2))) if x.dim() > 1 else weight
    return _f.where(x >= 0, x, w * x)


# --- losses of classes ---


def _target_counts(target, weight, ignore_index):
    """What each target counts for in a mean."""
    kept = target != ignore_index
    if weight is None:
        return kept.to(_C.get_default_dtype())
    picked = weight[_f.where(kept, target, 0)]
    return _f.where(kept, picked, 0)


def _class_loss(call, x, target, weight, ignore_index, none, probabilities=False):
    from .._derived import _reduction

    reduction = _reduction(call.entry, call.args)
    vx, vt = call.value(x), call.value(target)
    single = x.dim() == 1
    if single:  # (examples, classes): as they are
        each = none(vx, vt)
    else:
        each = none(merged(vx), merged(vt))
        each = each.reshape((call.size, each.shape[0] // max(call.size, 1), *each.shape[1:]))
    if reduction == "none":
        return each
    total = as_rows(each).sum(1)
    if reduction == "sum":
        return total
    if probabilities:
        return total / max(each.numel() // max(call.size, 1), 1)
    counts = _target_counts(vt, weight, ignore_index).to(total.dtype)
    return total / as_rows(counts).sum(1)


def nll_loss(
    call, x, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"
):
    def none(v, t):
        return _nn.nll_loss(v, t, weight, None, ignore_index, None, "none")

    return _class_loss(call, x, target, weight, ignore_index, none)


def cross_entropy(call, x, target, weight=None, size_average=None, ignore_index=-100, reduce=None,
                  reduction="mean", label_smoothing=0.0):  # fmt: skip
    def none(v, t):
        return _nn.cross_entropy(v, t, weight, None, ignore_index, None, "none", label_smoothing)

    same = target.dim() == x.dim() and target.dtype.is_floating_point
    return _class_loss(call, x, target, weight, ignore_index, none, same)


@full_rule("nll_loss", "cross_entropy", "embedding")
def by_class(e, args, inplace, level):
    """With weights of the classes that differ between examples, or rows that are renormalised: one by one."""
    if e.name == "embedding":
        one_by_one = is_batched(args[1], level) and (args[3] is not None or args[5])
    else:
        one_by_one = is_batched(args[2], level)
    if one_by_one:
        return loop(e, args, inplace, level)
    rule = {"nll_loss": nll_loss, "cross_entropy": cross_entropy, "embedding": embedding}[e.name]
    return wrap(rule(Call(e, args, level), *args), level.number)
