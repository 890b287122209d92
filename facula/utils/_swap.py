"""torch.utils.swap_tensors."""

from __future__ import annotations

import copyreg
import weakref

__all__ = ["swap_tensors"]


def swap_tensors(t1, t2) -> None:
    """Exchanges what two Tensor objects are: elements, class, gradient and attributes.

    Whoever holds the object `t1` then has what `t2` was, and the other way round.

    Raises:
        RuntimeError: one of them has weak references, or something else than its object holds it (a recorded
            graph, a view, `.grad` of another tensor), or their classes have different `__slots__`.
    """
    for name, tensor in (("t1", t1), ("t2", t2)):
        if weakref.getweakrefs(tensor):
            raise RuntimeError(f"Cannot swap {name} because it has weakref associated with it")
    slots = set(copyreg._slotnames(type(t1)))  # pyright: ignore[reportAttributeAccessIssue]
    if slots != set(copyreg._slotnames(type(t2))):  # pyright: ignore[reportAttributeAccessIssue]
        raise RuntimeError("Cannot swap t1 and t2 if they have different slots")
    for name, tensor in (("t1", t1), ("t2", t2)):
        count = tensor._use_count()
        if count > 1:
            raise RuntimeError(
                f"Expected use_count of {name} to be 1 or 2 with an AccumulateGrad node but got {count} "
                "make sure you are not holding references to the tensor in other places."
            )
    for name in slots:
        one, other = getattr(t1, name, None), getattr(t2, name, None)
        for tensor, value in ((t1, other), (t2, one)):
            if value is not None:
                setattr(tensor, name, value)
            elif hasattr(tensor, name):
                delattr(tensor, name)
    t1._swap_contents(t2)
