"""torch.utils.dlpack: tensors shared with other libraries, through NumPy's reading of the protocol."""

from __future__ import annotations

import enum

import facula as torch

__all__ = ["DLDeviceType", "from_dlpack", "to_dlpack"]


class DLDeviceType(enum.IntEnum):
    """DLPack's numbers for devices."""

    kDLCPU = 1
    kDLCUDA = 2
    kDLCUDAHost = 3
    kDLOpenCL = 4
    kDLVulkan = 7
    kDLMetal = 8
    kDLVPI = 9
    kDLROCM = 10
    kDLExtDev = 12


class _Capsule:
    """A bare capsule, as an object of the protocol."""

    def __init__(self, capsule) -> None:
        self._capsule = capsule

    def __dlpack__(self, **options):
        return self._capsule

    def __dlpack_device__(self):
        return int(DLDeviceType.kDLCPU), 0


def from_dlpack(ext_tensor, *, device=None, copy: bool | None = None) -> torch.Tensor:
    """A tensor on the memory of an object with `__dlpack__`, or of a capsule from `to_dlpack`.

    Args:
        ext_tensor: an array of another library, on the CPU, of a dtype that NumPy has.
        device: None or the CPU.
        copy: True copies, False refuses to.

    Raises:
        BufferError, RuntimeError: the memory is elsewhere, or of another dtype.
        ImportError: NumPy is not installed.
    """
    try:
        import numpy
    except ImportError:
        raise ImportError(
            "torch.from_dlpack reads through NumPy, which is not installed: pip install numpy"
        ) from None
    if device is not None:
        torch.empty(0, device=device)  # raises for what is not there
    if isinstance(ext_tensor, torch.Tensor):  # of any dtype, and without a copy
        if ext_tensor.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return ext_tensor.clone() if copy else ext_tensor.view_as(ext_tensor)
    if not hasattr(ext_tensor, "__dlpack__"):
        ext_tensor = _Capsule(ext_tensor)
    elif ext_tensor.__dlpack_device__()[0] != DLDeviceType.kDLCPU:
        raise BufferError("torch.from_dlpack: facula reads memory of the CPU only")
    array = numpy.from_dlpack(ext_tensor)
    if not array.flags.writeable:
        # NumPy cannot know whether it may be written to; tensors, like PyTorch's, may.
        interface = dict(array.__array_interface__, data=(array.__array_interface__["data"][0], False))
        owner = type("Owner", (), {"__array_interface__": interface, "array": array})()
        array = numpy.asarray(owner)
    tensor = torch.from_numpy(array)
    return tensor.clone() if copy else tensor


def to_dlpack(tensor) -> object:
    """A capsule with a tensor's memory, to be read once."""
    return tensor.__dlpack__()
