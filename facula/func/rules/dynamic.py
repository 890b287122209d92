"""Operations whose result's shape, or whose answer, depends on values: not for a batch."""

from __future__ import annotations

from ... import _C
from .._batch import NotBatchable, Tensor, fail_dynamic, full_rule, is_batched

_f = _C._functions
__all__ = ["fail_dynamic"]

_NAMES = {"unique": "_unique2", "argwhere": "nonzero"}


@full_rule("nonzero", "unique", "unique_consecutive")
def dynamic(e, args, inplace, level):
    if e.name == "nonzero" and args[1:] == (True,) and not level.alike:
        raise NotBatchable(
            "Batching rule not implemented for aten::nonzero_numpy. We could not generate a fallback."
        )
    return _of_any(e, args, level, lambda: fail_dynamic(_NAMES.get(e.name, e.name)))


@full_rule("masked_select")
def masked_select(e, args, inplace, level):
    x, mask = args
    if is_batched(mask, level):
        if not level.alike:
            _fail_masked()
        mask = mask._value.select(0, 0)
    shape = _f.broadcast_tensors(_f.empty(x.shape, device="meta"), mask.to("meta"))[0].shape
    return x.expand(shape)[mask.expand(shape)]


def _fail_masked():
    raise NotBatchable(
        "vmap: Attempted to vmap over `mask` in torch.masked_select(self, mask) We cannot support this "
        "because for each batch this would return a differently shaped Tensor. Please voice your support in "
        "https://github.com/pytorch/functorch/issues/256"
    )


@full_rule("equal", "allclose")
def answers(e, args, inplace, level):
    def fail():
        if e.name == "allclose":
            raise NotBatchable(
                "vmap over torch.allclose isn't supported yet. Please file an issue at "
                "https://github.com/pytorch/pytorch/issues if you need this feature."
            )
        raise NotBatchable(
            f"Batching rule not implemented for aten::{e.name}. We could not generate a fallback."
        )

    return _of_any(e, args, level, fail)


def _of_any(e, args, level, fail):
    """For examples that are all alike, of one of them."""
    if not level.alike:
        fail()
    return e.run(
        [a._value.select(0, 0) if isinstance(a, Tensor) and is_batched(a, level) else a for a in args]
    )


@full_rule("where")
def where(e, args, inplace, level):
    from .._derived import leading

    return dynamic(e, args, inplace, level) if len(e.names) == 1 else leading(e, args, inplace, level)
