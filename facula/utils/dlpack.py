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


# Types that NumPy does not have travel as integers of their size: their code is put into the capsule, or
# taken out of it. dtype -> (DLPack's code, the integers).
_CODES = {
    "bfloat16": (4, "uint16"),
    "complex32": (5, "uint32"),
    "float8_e4m3fn": (10, "uint8"),
    "float8_e4m3fnuz": (11, "uint8"),
    "float8_e5m2": (12, "uint8"),
    "float8_e5m2fnuz": (13, "uint8"),
    "float8_e8m0fnu": (14, "uint8"),
}
_UNSIGNED = 1
_AT_TYPE = 20  # of a DLTensor: behind the address, the device and the number of dimensions
_AT_TENSOR = {b"dltensor": 0, b"dltensor_versioned": 32}


def _type_in(capsule):
    """Code and bits of the elements in a capsule, to read and to write."""
    import ctypes

    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    kind = name(capsule) if type(capsule).__name__ == "PyCapsule" else None
    if kind not in _AT_TENSOR:
        raise RuntimeError(
            "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only once, "
            "so you might have already constructed a tensor from it once."
        )
    at = pointer(capsule, kind) + _AT_TENSOR[kind] + _AT_TYPE
    return (ctypes.c_uint8 * 2).from_address(at)


def export(tensor, stream=None, max_version=None, dl_device=None, copy=None):
    """What `Tensor.__dlpack__` does."""
    if tensor.is_sparse:
        raise BufferError("Can't export tensors with layout other than torch.strided")
    if tensor.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if stream is not None and not isinstance(stream, int):
        raise TypeError("stream must be ``int`` or ``none``")
    if not tensor.is_cpu:
        raise BufferError(f"Cannot pack tensors on {tensor.device}")
    if stream is not None and stream != -1:
        raise AssertionError("stream should be None on cpu.")
    options = {"max_version": max_version, "dl_device": dl_device}
    if copy:
        tensor = tensor.clone()
    code, plain = _CODES.get(str(tensor.dtype)[6:], (None, ""))
    array = (tensor if code is None else tensor.view(getattr(torch, plain))).numpy()
    options = {key: value for key, value in options.items() if value is not None}
    capsule = array.__dlpack__(**options)
    if code is not None:
        _type_in(capsule)[0] = code
    return capsule


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
    capsule = ext_tensor
    if hasattr(ext_tensor, "__dlpack__"):
        if ext_tensor.__dlpack_device__()[0] != DLDeviceType.kDLCPU:
            raise BufferError("torch.from_dlpack: facula reads memory of the CPU only")
        try:
            capsule = ext_tensor.__dlpack__(max_version=(1, 0))
        except TypeError:  # it knows only the protocol before versions
            capsule = ext_tensor.__dlpack__()
    held = _type_in(capsule)
    names = {(code, int(plain[4:])): name for name, (code, plain) in _CODES.items()}
    name = names.get((held[0], held[1]))
    if name is not None:
        held[0] = _UNSIGNED
    array = numpy.from_dlpack(_Capsule(capsule))
    if not array.flags.writeable:
        # NumPy cannot know whether it may be written to; tensors, like PyTorch's, may.
        interface = dict(array.__array_interface__, data=(array.__array_interface__["data"][0], False))
        owner = type("Owner", (), {"__array_interface__": interface, "array": array})()
        array = numpy.asarray(owner)
    tensor = torch.from_numpy(array)
    if name is not None:
        tensor = tensor.view(getattr(torch, name))
    return tensor.clone() if copy else tensor


def to_dlpack(tensor) -> object:
    """A capsule with a tensor's memory, to be read once."""
    return tensor.__dlpack__()
