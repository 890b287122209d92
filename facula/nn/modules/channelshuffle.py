"""ChannelShuffle."""

from __future__ import annotations

import facula as torch

from .. import functional as F
from .module import Module

__all__ = ["ChannelShuffle"]

Tensor = torch.Tensor


class ChannelShuffle(Module):
    """Takes the channels of (N, C, ...) in turn from each of `groups` groups (Zhang et al., 2018)."""

    __constants__ = ["groups"]

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
