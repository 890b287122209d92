"""torch.onnx: exporting is not here; packages that would export can be imported, and ask whether they do."""

from __future__ import annotations

from enum import Enum, IntEnum

__all__ = [
    "ONNXProgram",
    "OperatorExportTypes",
    "TensorProtoDataType",
    "TrainingMode",
    "export",
    "is_in_onnx_export",
    "register_custom_op_symbolic",
    "unregister_custom_op_symbolic",
]


class TrainingMode(Enum):
    """Whether an exported model would train."""

    EVAL = 0
    PRESERVE = 1
    TRAINING = 2


class OperatorExportTypes(Enum):
    """How operators would be exported."""

    ONNX = 0
    ONNX_ATEN = 1
    ONNX_ATEN_FALLBACK = 2
    ONNX_FALLTHROUGH = 3


class TensorProtoDataType(IntEnum):
    """The numbers that ONNX has for dtypes."""

    UNDEFINED, FLOAT, UINT8, INT8, UINT16, INT16, INT32, INT64, STRING, BOOL, FLOAT16, DOUBLE = range(12)
    UINT32, UINT64, COMPLEX64, COMPLEX128, BFLOAT16 = range(12, 17)


class ONNXProgram:
    """What an export would give."""


def is_in_onnx_export() -> bool:
    """False."""
    return False


def register_custom_op_symbolic(symbolic_name: str, symbolic_fn, opset_version: int) -> None:
    """Accepted: nothing is exported that would use it."""


def unregister_custom_op_symbolic(symbolic_name: str, opset_version: int) -> None:
    """Accepted."""


def export(*args, **kwargs):
    """Raises NotImplementedError."""
    raise NotImplementedError(
        "torch.onnx.export: facula does not export; save the state_dict and export it with PyTorch"
    )


def __getattr__(name: str):
    from importlib import import_module

    if name in ("symbolic_helper", "symbolic_opset9", "symbolic_opset11", "symbolic_opset12", "operators"):
        return import_module(f"{__name__}.{name}")
    from .._names import missing

    raise missing("torch.onnx", name, list(globals()))
