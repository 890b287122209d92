"""DistributedDataParallel of one process: the module itself under another name."""

from __future__ import annotations

from contextlib import contextmanager

from ..modules.module import Module

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Module):
    """Calls `module` (its parameters are found under "module."); one process has nothing to exchange.

    Args:
        module: the module; it must have a parameter that is trained.
        **options: PyTorch's, accepted without meaning here.

    Raises:
        RuntimeError: where no parameter requires a gradient.
    """

    def __init__(self, module: Module, device_ids=None, output_device=None, dim: int = 0, **options) -> None:
        super().__init__()
        if not any(p.requires_grad for p in module.parameters()):
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameters that "
                "require a "
                "gradient."
            )
        self.module = module
        self.dim = dim
        self.device_ids = device_ids
        self.output_device = output_device
        self.require_backward_grad_sync = True

    def forward(self, *inputs, **kwargs):
        return self.module(*inputs, **kwargs)

    @contextmanager
    def no_sync(self):
        """Within, gradients are not exchanged: they never are."""
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    def join(self, *args, **kwargs):
        """A context in which uneven inputs are no problem: with one process they are none."""
        from contextlib import nullcontext

        return nullcontext()
