"""Softmax over many classes of unequal frequency."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence

import facula as torch
from facula import Tensor

from .. import functional as F
from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])  # noqa: PYI024


class AdaptiveLogSoftmaxWithLoss(Module):
    """Frequent classes in a head, the others in clusters of falling width (Grave et al. 2017).

    Args:
        in_features: features of a sample.
        n_classes: classes, sorted by falling frequency.
        cutoffs: where the clusters begin.
        div_value: each cluster has so many times fewer features than the one before.
        head_bias: whether the head has a bias.
    """

    in_features: int
    n_classes: int
    cutoffs: list[int]
    div_value: float
    head_bias: bool
    head: Linear
    tail: ModuleList

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device=None,
        dtype=None,
    ) -> None:
        where = {"device": device, "dtype": dtype}
        super().__init__()
        cutoffs = list(cutoffs)
        if len(cutoffs) == 0:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (
            cutoffs != sorted(cutoffs)
            or min(cutoffs) <= 0
            or max(cutoffs) > n_classes - 1
            or len(set(cutoffs)) != len(cutoffs)
            or any(int(c) != c for c in cutoffs)
        ):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, "
                "where each value is between 1 and n_classes-1"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, **where)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            width = int(in_features // div_value ** (i + 1))
            classes = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(
                Sequential(
                    Linear(in_features, width, bias=False, **where),
                    Linear(width, classes, bias=False, **where),
                )
            )

    def reset_parameters(self) -> None:
        """Draws the start values anew."""
        self.head.reset_parameters()
        for down, up in self.tail:
            down.reset_parameters()
            up.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        """(output, loss): the log probability of each target and minus their mean."""
        dims = target_.dim()
        if dims == 1:
            if input_.size(0) != target_.size(0):
                raise RuntimeError("Input and target should have the same size in the batch dimension.")
            if input_.dim() != 2:
                raise RuntimeError(
                    f"1D target tensor expects 2D input tensors, but found inputs with size {input_.size()}"
                )
        elif dims == 0:
            if input_.dim() != 1:
                raise RuntimeError(
                    f"0D target tensor expects 1D input tensors, but found inputs with size {input_.size()}"
                )
        else:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        x = input_ if dims > 0 else input_.unsqueeze(0)
        target = target_ if dims > 0 else target_.unsqueeze(0)
        used = 0
        output = x.new_zeros(target.size(0))
        in_head = torch.empty_like(target)  # each target's place in the head
        bounds = [0, *self.cutoffs]
        for i in range(len(bounds) - 1):
            rows = ((target >= bounds[i]) & (target < bounds[i + 1])).nonzero().squeeze()
            if rows.numel() == 0:
                continue
            if i == 0:
                in_head.index_copy_(0, rows, target.index_select(0, rows))
            else:
                logs = F.log_softmax(self.tail[i - 1](x.index_select(0, rows)), dim=1)
                local = (target.index_select(0, rows) - bounds[i]).reshape(-1, 1)
                in_head.index_fill_(0, rows, self.cutoffs[0] + i - 1)
                output = output.index_copy(0, rows.reshape(-1), logs.gather(1, local).squeeze(1))
            used += rows.numel()
        if used != target.size(0):
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{target.min().item()}, {target.max().item()}] were found. "
            )
        head = F.log_softmax(self.head(x), dim=1)
        output = output + head.gather(1, in_head.unsqueeze(1)).squeeze()
        loss = (-output).mean()
        return _ASMoutput(output if dims > 0 else output.squeeze(0), loss)

    def _get_full_log_prob(self, input: Tensor, head_output: Tensor) -> Tensor:
        head = F.log_softmax(head_output, dim=1)
        parts = [head[:, : self.shortlist_size]]
        for i in range(self.n_clusters):
            logs = F.log_softmax(self.tail[i](input), dim=1)
            parts.append(logs + head[:, self.shortlist_size + i].unsqueeze(1))
        return torch.cat(parts, 1)

    def log_prob(self, input: Tensor) -> Tensor:
        """Log probabilities of all classes: (N, n_classes) for (N, in_features)."""
        return self._get_full_log_prob(input, self.head(input))

    def predict(self, input: Tensor) -> Tensor:
        """The likeliest class of each sample."""
        head = self.head(input)
        output = torch.argmax(head, dim=1)
        further = output >= self.shortlist_size
        if not bool(further.any()):
            return output
        if bool(further.all()):
            return torch.argmax(self._get_full_log_prob(input, head), dim=1)
        output[further] = torch.argmax(self._get_full_log_prob(input[further], head[further]), dim=1)
        return output
