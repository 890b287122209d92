"""vmap of every entry against a loop over the examples, both facula's own."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import torch

import facula
from facula.func import vmap
from facula.utils._pytree import tree_flatten, tree_unflatten

from . import samples as taking
from .compare import TOLERANCE, overrides
from .entries import UNDEFINED_VALUES
from .mirror import Call, Mirror, Missing

EXAMPLES = 2
SAMPLES = 4


def example(x: Any, i: int) -> Any:
    """The i-th of some tensors like x: its values in another order, smaller where they are numbers."""
    if i == 0 or x.numel() == 0:
        return x.clone()
    other = x.flip(tuple(range(x.dim()))) if x.dim() else x.clone()
    return other * 0.75 if x.dtype.is_floating_point or x.dtype.is_complex else other


def batch(x: Any, dim: int) -> Any:
    return facula.stack([example(x, i) for i in range(EXAMPLES)], dim)


def choices(count: int) -> list[tuple[int | None, ...]]:
    """Which inputs are batched, and where: all at 0, all at the end, and each alone and left out."""
    found = [(0,) * count, (-1,) * count]
    if count > 1:
        for i in itertools.islice(range(count), 4):
            found.append(tuple(0 if k == i else None for k in range(count)))
            if count > 2:
                found.append(tuple(None if k == i else 0 for k in range(count)))
        found.append(tuple(-1 if k % 2 else 0 for k in range(count)))
    return list(dict.fromkeys(found))


def attempt(f: Any) -> tuple[Any, BaseException | None]:
    torch.manual_seed(7)
    facula.manual_seed(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return f(), None
        except Exception as error:
            return None, error


def tensors_only(result: Any) -> list:
    return [x for x in tree_flatten(result)[0] if isinstance(x, facula.Tensor)]


def differ(got: Any, want: Any, extra: tuple[float, float]) -> str | None:
    if got.shape != want.shape:
        return f"shape {list(got.shape)} instead of {list(want.shape)}"
    if got.dtype != want.dtype:
        return f"{got.dtype} instead of {want.dtype}"
    if got.dtype == facula.uint64:  # compared by their bits
        got, want = got.view(facula.int64), want.view(facula.int64)
    if want.dtype == facula.bool or not (want.dtype.is_floating_point or want.dtype.is_complex):
        return None if facula.equal(got, want) else "values"
    if want.dtype.itemsize == 1:  # 8-bit floats: stored, not computed with
        got, want = got.float(), want.float()
    relative, absolute = TOLERANCE.get(getattr(torch, str(want.dtype)[6:]), (0, 0))
    relative, absolute = max(10 * relative, extra[0]), max(10 * absolute, extra[1])
    near = facula.isclose(got, want, relative, absolute, equal_nan=True)
    return None if bool(near.all()) else f"values: {int((~near).sum())} of {near.numel()} differ"


class Inputs:
    """The tensors among a sample's arguments, and a function of them."""

    def __init__(self, args: Any, kwargs: Any) -> None:
        self.leaves, self.spec = tree_flatten((args, kwargs))
        self.at = [i for i, x in enumerate(self.leaves) if isinstance(x, facula.Tensor)]
        self.tensors = [self.leaves[i].detach() for i in self.at]

    def run(self, function: Any, in_place: bool, given: Any) -> list:
        every = list(self.leaves)
        for i, x in zip(self.at, given):
            every[i] = x.clone() if in_place and i == self.at[0] else x
        args, kwargs = tree_unflatten(every, self.spec)
        return tensors_only(function(*args, **kwargs))

    def loop(self, function: Any, in_place: bool, dims: Any) -> list:
        each = [
            self.run(
                function, in_place, [x if d is None else example(x, i) for x, d in zip(self.tensors, dims)]
            )
            for i in range(EXAMPLES)
        ]
        return [facula.stack(column) for column in zip(*each)]

    def mapped(self, function: Any, in_place: bool, dims: Any) -> list:
        batched = [x if d is None else batch(x, d) for x, d in zip(self.tensors, dims)]
        return vmap(lambda *given: self.run(function, in_place, given), dims)(*batched)


def judge(op: Any) -> list[str]:
    """What differs, a line each."""
    dtypes = sorted(op.supported_dtypes("cpu"), key=str)
    if not dtypes:
        return []
    dtype = torch.float32 if torch.float32 in dtypes else dtypes[0]
    mirror = Mirror()
    forms: list[tuple[str, Any]] = []
    for text, function in (("", None), ("in place ", op.get_inplace())):
        try:
            if text and function is not None:
                forms.append((text, mirror(function)))
            elif not text:
                forms.append((text, mirror.entry(op)))
        except Missing:
            continue
    found: list[str] = []
    torch.manual_seed(0)
    for sample in taking.take(op.sample_inputs("cpu", dtype), SAMPLES):
        made, error = attempt(Call(sample, mirror).facula)
        if error is not None:
            continue
        inputs = Inputs(*made)
        if inputs.at:
            for (form, function), dims in itertools.product(forms, choices(len(inputs.at))):
                text = one(op, inputs, form, function, dims, sample)
                if text:
                    found.append(f"{form}{taking.call_text(sample, dtype)} in_dims={dims}: {text}")
    return found


def one(op: Any, inputs: Inputs, form: str, function: Any, dims: Any, sample: Any) -> str | None:
    """None, or how vmap differs from the loop for one choice of dimensions."""
    if form and dims[0] is None:
        return None
    if op.name.startswith("as_strided") and -1 in dims:  # sees the memory, which is another
        return None
    want, error = attempt(lambda: inputs.loop(function, bool(form), dims))
    if error is not None or not want:
        return None
    got, error = attempt(lambda: inputs.mapped(function, bool(form), dims))
    if error is not None:
        if "randomness" in str(error) or theirs_fails(op, form, sample, dims):
            return None
        return f"{type(error).__name__}: {str(error)[:150]}"
    if op.has_nondeterministic_output or op.name in UNDEFINED_VALUES:
        return None
    if len(got) != len(want):
        return f"{len(got)} results instead of {len(want)}"
    extra = overrides(op, getattr(torch, str(inputs.tensors[0].dtype)[6:]))
    return next((t for t in (differ(g, w, extra) for g, w in zip(got, want)) if t), None)


def theirs_fails(op: Any, form: str, sample: Any, dims: Any) -> bool:
    """Whether PyTorch's vmap refuses the same call."""
    leaves, spec = torch.utils._pytree.tree_flatten(((sample.input, *sample.args), sample.kwargs))
    at = [i for i, x in enumerate(leaves) if isinstance(x, torch.Tensor)]

    def run(*given: Any) -> Any:
        every = list(leaves)
        for i, x in zip(at, given):
            every[i] = x.clone() if form and i == at[0] else x
        args, kwargs = torch.utils._pytree.tree_unflatten(every, spec)
        result = (op.get_inplace() if form else op.op)(*args, **kwargs)
        return [x for x in torch.utils._pytree.tree_flatten(result)[0] if isinstance(x, torch.Tensor)]

    given = [
        leaves[i].detach()
        if d is None
        else torch.stack([example(leaves[i].detach(), k) for k in range(EXAMPLES)], d)
        for i, d in zip(at, dims)
    ]
    return attempt(lambda: torch.vmap(run, tuple(dims))(*given))[1] is not None
