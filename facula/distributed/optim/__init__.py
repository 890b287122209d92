"""torch.distributed.optim: optimizers whose state is cut among processes, of which there is one."""

from __future__ import annotations

from facula.optim import Optimizer

__all__ = ["PostLocalSGDOptimizer", "ZeroRedundancyOptimizer"]


class ZeroRedundancyOptimizer(Optimizer):
    """An optimizer, whose state all lies in this process.

    Args:
        params: parameters or groups.
        optimizer_class: of the optimizer that is used.
        defaults: for it.
    """

    def __init__(
        self, params, optimizer_class, process_group=None, parameters_as_bucket_view=False,
        overlap_with_ddp=False, **defaults,
    ) -> None:  # fmt: skip
        self.optim = optimizer_class(params, **defaults)
        super().__init__(self.optim.param_groups, self.optim.defaults)
        self.param_groups, self.state = self.optim.param_groups, self.optim.state

    def step(self, closure=None, **kwargs):
        """One step of the optimizer."""
        return self.optim.step(closure, **kwargs)

    def add_param_group(self, param_group) -> None:
        """Adds parameters."""
        if hasattr(self, "state") and self.param_groups is self.optim.param_groups:
            self.optim.add_param_group(param_group)
        else:
            super().add_param_group(param_group)

    def consolidate_state_dict(self, to: int = 0) -> None:
        """Does nothing: the state is all here."""

    def state_dict(self):
        """The optimizer's."""
        return self.optim.state_dict()

    def load_state_dict(self, state_dict) -> None:
        """Loads the optimizer's state."""
        self.optim.load_state_dict(state_dict)
        self.param_groups, self.state = self.optim.param_groups, self.optim.state


class PostLocalSGDOptimizer(Optimizer):
    """Raises NotImplementedError: it averages over processes."""

    def __init__(self, *args, **kwargs) -> None:
        raise NotImplementedError("torch.distributed.optim.PostLocalSGDOptimizer: facula has one process")
