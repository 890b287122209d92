"""How close floating numbers must be where nothing else is said: as torch.testing.assert_close has it."""

from __future__ import annotations

import torch

TOLERANCE = {  # relative, absolute
    torch.float16: (1e-3, 1e-5),
    torch.bfloat16: (1.6e-2, 1e-5),
    torch.float32: (1.3e-6, 1e-5),
    torch.float64: (1e-7, 1e-7),
    torch.complex32: (1e-3, 1e-5),
    torch.complex64: (1.3e-6, 1e-5),
    torch.complex128: (1e-7, 1e-7),
}
