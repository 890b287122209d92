"""Tensors that have a shape and no memory: for isinstance, which nothing here fulfils."""

from __future__ import annotations

from facula import Tensor

__all__ = ["FakeTensor", "FakeTensorMode", "is_fake"]


class FakeTensor(Tensor):
    """A tensor without memory; none is ever made."""


class FakeTensorMode:
    """Raises NotImplementedError: use tensors of the device "meta"."""

    def __init__(self, *args, **kwargs) -> None:
        raise NotImplementedError(
            "torch._subclasses.FakeTensorMode: facula does not have it; torch.device('meta') gives tensors "
            "without memory"
        )


def is_fake(x) -> bool:
    """False."""
    return False
