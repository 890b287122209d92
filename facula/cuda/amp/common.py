"""Whether there is a device for torch.cuda.amp."""

__all__ = ["amp_definitely_not_available"]


def amp_definitely_not_available() -> bool:
    """True: there is no CUDA."""
    return True
