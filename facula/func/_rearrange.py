"""torch.func.rearrange: dimensions split, joined and moved, as einops writes it (Rogozhnikov, 2022)."""

from __future__ import annotations

import math

__all__ = ["rearrange"]


def _side(text: str) -> list[list[str]]:
    """Groups of names: "a (b c) 1 ..." gives [[a], [b, c], [], [...]]."""
    groups: list[list[str]] = []
    group = None
    for word in text.replace("(", " ( ").replace(")", " ) ").replace("...", " ... ").split():
        if word == "(":
            if group is not None:
                raise ValueError(f"parentheses inside parentheses in '{text.strip()}'")
            group = []
        elif word == ")":
            if group is None:
                raise ValueError(f"unbalanced parentheses in '{text.strip()}'")
            groups.append(group)
            group = None
        elif word != "..." and word != "1" and not (word.isidentifier() and not word.endswith("_")):
            raise ValueError(f"'{word}' names no dimension: identifiers, 1 and ... do")
        elif group is not None:
            group += [] if word == "1" else [word]
        else:
            groups.append([] if word == "1" else [word])
    if group is not None:
        raise ValueError(f"unbalanced parentheses in '{text.strip()}'")
    return groups


def rearrange(tensor, pattern: str, **axes_lengths: int):
    """A tensor (or a list of tensors, which are stacked first) with its dimensions as `pattern` says.

    Args:
        tensor: of as many dimensions as the left side of `pattern` has groups; "..." stands for any number.
        pattern: "b h w c -> b (h w) c". Both sides name the same dimensions.
        axes_lengths: sizes of names in parentheses on the left; one of each group may be left out.

    Returns: a view where that is possible.

    Raises ValueError where pattern and tensor do not fit.
    """
    import facula

    if not isinstance(tensor, facula.Tensor):
        tensor = facula.stack(list(tensor))
    left, arrow, right = pattern.partition("->")
    if not arrow:
        raise ValueError(f"'{pattern}' has no '->'")
    before, after = _side(left), _side(right)
    if ["..."] in before:
        at = before.index(["..."])
        inner = [f"...{k}" for k in range(tensor.dim() - len(before) + 1)]
        before[at : at + 1] = [[name] for name in inner]
        if ["..."] in after:
            at = after.index(["..."])
            after[at : at + 1] = [[name] for name in inner]
        else:  # inside parentheses
            after = [[n for name in group for n in (inner if name == "..." else [name])] for group in after]
    if len(before) != tensor.dim():
        raise ValueError(
            f"the pattern '{pattern}' has {len(before)} dimensions on its left, the tensor {tensor.dim()}"
        )
    names = [name for group in before for name in group]
    wanted = [name for group in after for name in group]
    if len({*names}) != len(names) or len({*wanted}) != len(wanted):
        raise ValueError(f"a name stands twice on one side of '{pattern}'")
    if {*names} != {*wanted}:
        raise ValueError(
            f"the sides of '{pattern}' name different dimensions: {sorted({*names} ^ {*wanted})}"
        )
    if unknown := {*axes_lengths} - {*names}:
        raise ValueError(f"sizes are given of {sorted(unknown)}, which '{pattern}' does not name")
    sizes: dict[str, int] = dict(axes_lengths)
    for group, size in zip(before, tensor.shape):
        free = [name for name in group if name not in sizes]
        known = math.prod(sizes[name] for name in group if name in sizes)
        if len(free) > 1:
            raise ValueError(f"of {free} in '{pattern}' all but one need a size")
        if free:
            if not known or size % known:
                raise ValueError(f"a dimension of size {size} does not split into {group} with {known}")
            sizes[free[0]] = size // known
        elif known != size:
            raise ValueError(f"a dimension has size {size}, {group} in '{pattern}' make {known}")
    split = tensor.reshape([sizes[name] for name in names])
    moved = split.permute([names.index(name) for name in wanted])
    return moved.reshape([math.prod(sizes[name] for name in group) for group in after])
