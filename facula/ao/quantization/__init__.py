"""torch.ao.quantization: the marks that models carry; what would quantize raises NotImplementedError."""

from __future__ import annotations

from facula import nn

__all__ = ["DeQuantStub", "FakeQuantizeBase", "ObserverBase", "QuantStub"]


class QuantStub(nn.Module):
    """Where a quantized model would begin: the identity.

    Args:
        qconfig: kept.
    """

    def __init__(self, qconfig=None) -> None:
        super().__init__()
        if qconfig:
            self.qconfig = qconfig

    def forward(self, x):
        return x


class DeQuantStub(QuantStub):
    """Where a quantized model would end: the identity."""


class ObserverBase(nn.Module):
    """What would watch the range of a tensor: for isinstance, which no module here fulfils."""


class FakeQuantizeBase(nn.Module):
    """What would round as a quantized model does: for isinstance, which no module here fulfils."""


_MISSING = frozenset(
    "QConfig convert default_observer default_per_channel_weight_observer default_weight_observer "
    "fuse_modules fuse_modules_qat get_default_qat_qconfig get_default_qconfig prepare prepare_qat quantize "
    "quantize_dynamic".split()
)


def __getattr__(name: str):
    if name in _MISSING:

        def refuse(*args, **kwargs):
            raise NotImplementedError(f"torch.ao.quantization.{name}: facula does not quantize")

        return refuse
    from ..._names import missing

    raise missing("torch.ao.quantization", name, list(globals()))
