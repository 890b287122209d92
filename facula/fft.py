"""torch.fft: discrete Fourier transforms of one and more dimensions, and what goes with them."""

from types import SimpleNamespace as _Namespace

from ._composite import space

__getattr__, __dir__ = space(__name__, _Namespace(), globals())
