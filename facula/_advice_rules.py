"""Suggestions for errors of operations: a pattern of the first sentence, and what to change."""

from __future__ import annotations

import re
from math import prod

from . import _C
from ._advice import Unrecorded, all_parameters, rule


def broadcasts(a: list[int], b: list[int]) -> bool:
    return all(x == y or x == 1 or y == 1 for x, y in zip(reversed(a), reversed(b)))


def edits(label: str, shape: list[int]):
    """Small changes of one operand, the likeliest first: (text, new shape)."""
    if len(shape) >= 1:
        yield f"{label}.unsqueeze(-1)", [*shape, 1]
    if len(shape) == 2:
        yield f"{label}.T", shape[::-1]
    for d in range(1, len(shape)):
        yield f"{label}.unsqueeze({d})", [*shape[:d], 1, *shape[d:]]
    if 1 in shape:
        yield f"{label}.squeeze()", [n for n in shape if n != 1]


@rule(r"The size of tensor a \(\d+\) must match the size of tensor b \(\d+\)")
def _broadcast(found, given):
    written = re.search(r"shapes \[([\d, ]*)\] and \[([\d, ]*)\]", found.string)
    if given.tensors[0][0] == "the tensor" and written:  # x[index] = value
        place, value = written.groups()
        return (
            f"the value, [{value}], must fit the place, [{place}]: sizes equal or 1, counted from the right"
        )
    (first, a), (second, b) = given.tensors[:2]
    a, b = list(a.shape), list(b.shape)
    tries = [(text, new, a) for text, new in edits(second, b)] + [
        (text, b, new) for text, new in edits(first, a)
    ]
    if len(a) == 2 and a == b[::-1]:
        tries.insert(0, (f"{second}.T", a, a))
    for text, x, y in tries:
        if broadcasts(x, y):
            return f"{text} would fit, if that is meant: sizes must be equal or 1, counted from the right"
    if prod(a) == prod(b):
        return f"{second}.reshape({first}.shape) has as many elements, if they are in that order"
    return "sizes must be equal or 1, counted from the right: slice, expand or index one of the two to fit"


@rule(r"output with shape \[.*\] doesn't match the broadcast shape")
def _inplace_broadcast(found, given):
    plain = given.operation.rstrip("_")
    return f"write out of place, x = torch.{plain}(x, ...): the result is larger than the tensor written to"


@rule(r"result type (\w+) can't be cast to the desired output type (\w+)")
def _inplace_cast(found, given):
    return (
        f"write out of place (x = x + y for x += y), or convert the tensor first: its type, {found[2]}, "
        f"cannot hold a result of type {found[1]}"
    )


@rule(r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)")
def _matmul(found, given):
    n, k, rows, m = (int(each) for each in found.groups())
    tensors = given.tensors[-2:] if given.operation == "addmm" else given.tensors[:2]
    (first, _), (second, _) = tensors
    if given.operation == "linear":
        text = f"the last size of {first} must be in_features = {rows}: make the layer Linear({k}, {m})"
        return text + (f", or pass {first}.T" if n == rows else ", or reshape the input")
    if k == m and n != rows:
        return f"transpose the second: {second}.T"
    if n == rows:
        return f"transpose the first: {first}.T"
    if k == m:
        return f"transpose the second: {second}.T"
    return f"the last size of {first} ({k}) must equal the first size of {second} ({rows})"


@rule(r"Sizes of tensors must match except in dimension (\d+)|Tensors must have same number of dimensions")
def _cat(found, given):
    shapes = [list(t.shape) for _, t in given.tensors]
    if len({len(s) for s in shapes}) > 1:
        return "give all the same number of dimensions: x.unsqueeze(0) adds one"
    for d in range(len(shapes[0])):
        if len({tuple(s[:d] + s[d + 1 :]) for s in shapes}) == 1:
            return f"join along dim={d}, where alone they differ"
    return "make them equal in all dimensions but one, by slicing or padding (nn.functional.pad)"


@rule(r"stack expects each tensor to be equal size")
def _stack(found, given):
    shapes = [list(t.shape) for _, t in given.tensors]
    if len({len(s) for s in shapes}) == 1:
        for d in range(len(shapes[0])):
            if len({tuple(s[:d] + s[d + 1 :]) for s in shapes}) == 1:
                return f"torch.cat(tensors, dim={d}) joins them; nn.utils.rnn.pad_sequence makes them equal"
    return "stack adds a dimension and wants equal shapes: slice or pad them first"


@rule(r"shape '\[(.*)\]' is invalid for input of size (\d+)")
def _view(found, given):
    sizes, n = [int(each) for each in found[1].split(",") if each.strip()], int(found[2])
    known = [each for each in sizes if each != -1]
    if -1 in sizes:
        return f"the sizes beside -1 multiply to {prod(known)}, which must divide {n}"
    for i in range(len(sizes)):
        rest = prod(sizes[:i] + sizes[i + 1 :])
        if rest and n % rest == 0:
            fitting = [*sizes[:i], n // rest, *sizes[i + 1 :]]
            return f"the sizes must multiply to {n}: {given.operation}({', '.join(map(str, fitting))}) would"
    return f"the sizes must multiply to {n}: {given.operation}(-1) makes one dimension of all"


@rule(r"view size is not compatible with input tensor's size and stride")
def _view_strides(found, given):
    return "x.reshape(...) copies where it must; or x.contiguous().view(...)"


@rule(r"Target (-?\d+) is out of bounds")
def _target(found, given):
    scores, target = given.tensor(0), given.tensor(1)
    classes = scores.shape[1] if scores.dim() > 1 else scores.shape[0]
    with Unrecorded():
        low, high = int(target.min()), int(target.max())
    text = (
        f"there are {classes} classes (the size of dimension {min(scores.dim() - 1, 1)}), so targets are "
        f"0 to {classes - 1}; these go from {low} to {high}"
    )
    if low >= 1 and high - 1 < classes:
        return text + ": subtract one from the targets"
    if high >= classes:
        return text + f": give the last layer {high + 1} outputs"
    return text + ": mark what is to be left out by ignore_index"


@rule(r"Using a target size .* that is different to the input size")
def _target_size(found, given):
    (first, a), (second, b) = given.tensors[:2]
    if a.numel() == b.numel():
        return (
            f"{second}.reshape({first}.shape), or {second}.view_as({first}): both have {a.numel()} elements"
        )
    return "compute one prediction for each target: select, reduce or repeat one of the two"


@rule(
    r"The shape of the mask \[(.*)\] at index (\d+) does not match the shape of the indexed tensor \[(.*)\]"
)
def _mask(found, given):
    at = int(found[2])
    n, m = found[3].split(", ")[at], found[1].split(", ")[at]
    return f"a mask has the sizes of the dimensions that it selects from: {n}, not {m}, in dimension {at}"


@rule(
    r"Size does not match at dimension (\d+) expected index \[.*\] to be (?:smaller|no larger) than self "
    r"\[(.*)\]"
)
def _gather(found, given):
    return f"the index may be larger than the input, [{found[2]}], only in the dimension gathered along"


@rule(
    r"einsum\(\): subscript (\w) has size (\d+) for operand (\d+) which does not broadcast with .* size (\d+)"
)
def _einsum(found, given):
    name, size, operand, before = found.groups()
    return f"{name} is {size} in operand {operand} and {before} before it: transpose that, or rename it"


@rule(r"Expected input batch_size \((\d+)\) to match target batch_size \((\d+)\)")
def _batch(found, given):
    return "input is (batch, classes, ...), target (batch, ...): as in input.reshape(-1, classes)"


@rule(
    r"expected target dtype to be Long|"
    r"expected scalar type Long|"
    r"must have one of the following scalar types: Long|"
    r"to have one of the following scalar types: Long|"
    r"Expected dtype int32/int64 for index|"
    r"[Ii]ndex.*must be.*(?:long|Long|int64)|"
    r"tensors used as indices must be long"
)
def _long(found, given):
    if given.operation == "embedding":
        return f"convert: {given.tensors[0][0]}.long()"
    for label, tensor in reversed(given.tensors):
        if tensor.dtype.is_floating_point or tensor.dtype in (_C.int32, _C.int16, _C.uint8, _C.int8):
            return f"convert: {label}.long()"
    return "convert the indices: x.long()"


@rule(
    r"expected m1 and m2 to have the same dtype|"
    r"mat1 and mat2 must have the same dtype|"
    r"expected scalar type (\w+) but found|"
    r"Index put requires the source and destination dtypes match|"
    r"Input type \(.*\) and (?:weight|bias) type"
)
def _dtype(found, given):
    kinds = [(label, t) for label, t in given.tensors]
    (first, a), (second, b) = next(
        (x, y) for i, x in enumerate(kinds) for y in kinds[i + 1 :] if x[1].dtype != y[1].dtype
    )
    if given.operation in ("linear", "conv1d", "conv2d", "conv3d"):
        return f"convert the input, {first}.to({second}.dtype), or the layer, layer.to({a.dtype})"
    if not b.dtype.is_floating_point or (a.dtype == _C.float64 and b.dtype != _C.float64):
        return f"convert one of the two: {second}.to({a.dtype})"
    return f"convert one of the two: {first}.to({b.dtype})"


@rule(r"Dimension out of range \(expected to be in range of \[(-?\d+), (-?\d+)\], but got (-?\d+)\)")
def _dim(found, given):
    label, tensor = given.tensors[0]
    return (
        f"{label} has {tensor.dim()} dimension{'s' if tensor.dim() != 1 else ''}: dim goes from "
        f"{found[1]} to {found[2]}; -1 is the last"
    )


@rule(r"index (-?\d+) is out of bounds for dimension (\d+) with size (\d+)")
def _index(found, given):
    size = int(found[3])
    if not size:
        return "that dimension is empty: nothing can be taken from it"
    return f"indices there go from 0 to {size - 1}, or from -{size} to -1 counted from the end"


@rule(r"index out of range in self")
def _rows(found, given):
    floating = [(label, t) for label, t in given.tensors if t.dtype.is_floating_point or t.dim() > 1]
    whole = [(label, t) for label, t in given.tensors if not t.dtype.is_floating_point]
    (label, index), (_, table) = whole[0], floating[0]
    dim = given.argument("dim", 1, 0) if given.operation.startswith("index_") else 0
    with Unrecorded():
        low, high = int(index.min()), int(index.max())
    size = table.shape[dim]
    text = f"{label} goes from {low} to {high}, and there are {size} rows, 0 to {size - 1}"
    if given.operation == "embedding":
        return text + f": make it Embedding({high + 1}, ...), or clamp the indices"
    return text


@rule(r"too many indices for tensor of dimension (\d+)")
def _indices(found, given):
    label, tensor = given.tensors[0]
    return f"give at most one index for each of its dimensions ({tensor.dim()}); unsqueeze() adds a dimension"


@rule(r"unexpected keyword argument '(\w+)'|received an invalid combination of arguments")
def _keyword(found, given):
    from ._names import nearest

    known = all_parameters(given.operation) | {"out"}
    unknown = [found[1]] if found[1] else [name for name in given.named if name not in known]
    for name in unknown:
        close = nearest(name, known)
        if close:
            return f"did you mean {close}=...?"[:-1]
    return None


@rule(r"missing (?:\d+ )?required .*argument")
def _missing(found, given):
    return None


@rule(r"more than one element of the written-to tensor refers to a single memory")
def _expanded(found, given):
    return "several elements share memory after expand(): write to x.clone()"


@rule(r"some elements of the input tensor and the written-to tensor refer to a single memory")
def _overlap(found, given):
    return "what is read and what is written overlap: read a copy, y.clone()"


@rule(
    r"a Tensor with (\d+) elements cannot be converted to Scalar|"
    r"only one element tensors can be converted to Python scalars"
)
def _scalar(found, given):
    return "pick one element (x[0]), reduce (x.sum()), or take x.tolist()"


@rule(r"Boolean value of Tensor with (?:more than one|no) value")
def _truth(found, given):
    return "say which is meant: x.any(), x.all(), or x.numel() > 0"


@rule(r"could not infer output dtype. Input dtype must be either")
def _mean(found, given):
    return f"convert first: x.float().{given.operation}()"


@rule(r"[Oo]nly Tensors of floating point")
def _floating(found, given):
    return "whole numbers have no gradient: convert first, x.float().requires_grad_()"


@rule(r"Inference tensors cannot be saved for backward")
def _inference(found, given):
    for label, tensor in given.tensors:
        if tensor.is_inference():
            return f"take a copy, {label}.clone(), or make it under no_grad() instead of inference_mode()"
    return None


@rule(r"same device, but found at least two devices")
def _device(found, given):
    (_, a), (second, b) = next(
        (x, y) for x in given.tensors for y in given.tensors if x[1].device != y[1].device
    )
    return f"move one of the two: {second}.to({str(a.device)!r})"


@rule(r"to have (\d+) channels, but got (\d+) channels instead")
def _channels(found, given):
    wanted, got = int(found[1]), int(found[2])
    x = given.tensor(0)
    name = given.operation.capitalize()
    if x.dim() > 2 and x.shape[-1] == wanted:
        order = [0, x.dim() - 1, *range(1, x.dim() - 1)]
        return f"the channels stand last: input.permute{tuple(order)}"
    return f"make the layer {name}({got}, ...): of a batch, the second size counts the channels"


@rule(r"Expected (\d)D \(unbatched\) or (\d)D \(batched\) input to (\w+)")
def _batched(found, given):
    have, wanted = given.tensor(0).dim(), int(found[1])
    if have < wanted:
        return "add a dimension: input" + ".unsqueeze(0)" * (wanted - have)
    return "merge dimensions: input.flatten(0, 1)"


@rule(r"expected (\d)D(?: or (\d)D)? input \(got (\d)D input\)")
def _rank(found, given):
    return "bring the input to that number of dimensions: unsqueeze() adds one, flatten() merges some"


@rule(r"Given normalized_shape=\[(.*)\], expected input with shape")
def _normalized(found, given):
    last = list(given.tensor(0).shape)[-len(found[1].split(",")) :]
    return f"the layer normalises the last sizes: make it LayerNorm({last if len(last) > 1 else last[0]})"


@rule(r"running_mean should contain (\d+) elements not (\d+)")
def _running(found, given):
    return f"make the layer with num_features={found[1]}: it counts the second size of the input"


@rule(r"The expanded size of the tensor \((\d+)\) must match the existing size \((\d+)\)")
def _expand(found, given):
    return "only sizes of 1 can be expanded: unsqueeze() where the new dimension belongs, or use repeat()"


@rule(r"a view of a leaf Variable|a leaf Variable that requires grad")
def _leaf(found, given):
    return "write inside `with torch.no_grad():`, or compute a new tensor"


@rule(r"expected condition to be a boolean tensor")
def _condition(found, given):
    return "compare to get one: condition > 0, or condition.bool()"


@rule(r"expected BoolTensor for mask")
def _mask(found, given):
    return "compare to get one: x > 0, or mask.bool()"


@rule(r"inconsistent tensor size, expected tensor \[(\d+)\]|size mismatch, got input \((\d+)\)")
def _vectors(found, given):
    return "the two must have as many elements: slice the longer, or check which sizes the layers before give"


@rule(r"Expected size for first two dimensions of batch2 tensor")
def _batches(found, given):
    (_, a), (second, b) = given.tensors[-2:]
    if b.shape[0] == a.shape[0] and b.shape[2] == a.shape[2]:
        return f"transpose the second: {second}.mT"
    return "batches must be equal, and the last size of the first the middle size of the second"


@rule(r"Class values must be smaller than num_classes")
def _one_hot(found, given):
    with Unrecorded():
        return (
            f"num_classes must be at least {int(given.tensor(0).max()) + 1}; leave it out to have it counted"
        )


@rule(r"element 0 of tensors does not require grad")
def _constant(found, given):
    return None
