"""torch.version: the PyTorch version that facula answers for. facula's own is in its package metadata."""

__all__ = ["__version__", "cuda", "debug", "git_version", "hip", "rocm", "xpu"]

__version__ = "2.13.0"
debug = False
git_version = "unknown"
cuda = None
hip = None
rocm = None
xpu = None
