"""torch._subclasses: tensors without memory, by which a compiler learns shapes; there is no compiler."""

from .fake_tensor import FakeTensor, FakeTensorMode

__all__ = ["FakeTensor", "FakeTensorMode"]
