"""histogram and histogramdd: bins are counts or edges, over one dimension or several."""

from __future__ import annotations

from .. import _C
from . import as_int, composite

_Histogram = _C._return_type("histogram", "hist, bin_edges")
_HistogramDD = _C._return_type("histogramdd", "hist, bin_edges")


def _even_edges(x, bins, range):
    low_high = _C._histogramdd_ranges(x, [] if range is None else [float(r) for r in range]).tolist()
    options = {"dtype": x.dtype, "device": x.device}
    for k, count in enumerate(bins):
        if count <= 0:
            raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {count} for dimension {k}")
    return [_C._functions.linspace(*ends, n + 1, **options) for ends, n in zip(low_high, bins)]


def _check_edges(x, edges):
    for k, edge in enumerate(edges):
        if edge.dtype != x.dtype:
            raise RuntimeError(
                "torch.histogramdd: input tensor and bins tensors should have the same dtype, but got input "
                f"with dtype {x.dtype} and bins for dimension {k} with dtype {edge.dtype}"
            )
        if edge.dim() != 1:
            raise RuntimeError(
                f"torch.histogramdd: bins tensor should have one dimension, but got {edge.dim()} "
                "dimensions in "
                f"the bins tensor for dimension {k}"
            )
        if edge.numel() == 0:
            raise RuntimeError(
                "torch.histogramdd: bins tensor should have at least 1 element, but got 0 elements in "
                "the bins "
                f"tensor for dimension {k}"
            )
        if edge.numel() == 1:
            raise RuntimeError(f"torch.histogram(): bins must be > 0, but got 0 for dimension {k}")


def _counted(input, bins, range, weight, density):
    """(counts, edges) of points in the last dimension of `input`."""
    if input.dim() < 2:
        raise RuntimeError(
            f"torch.histogramdd: input tensor should have at least 2 dimensions, but got {input.dim()}"
        )
    if weight is not None:
        if input.shape[:-1] != weight.shape:
            raise RuntimeError(
                "torch.histogramdd: if weight tensor is provided it should have the same shape as the input "
                f"tensor excluding its innermost dimension, but got input with shape {list(input.shape)} and "
                f"weight with shape {list(weight.shape)}"
            )
        if weight.dtype != input.dtype:
            raise RuntimeError(
                "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor should "
                "have the "
                f"same dtype, but got input(dtype: {input.dtype}), and weight(dtype: {weight.dtype})"
            )
    x = input.detach().reshape(-1, input.shape[-1])
    even = not isinstance(bins[0], _C.Tensor)
    if even:
        edges = _even_edges(x, bins, range)
    else:
        _check_edges(x, bins)
        edges = list(bins)
    counts = _C._histogramdd_counts(x, edges, None if weight is None else weight.detach().reshape(-1), even)
    if density:
        counts = counts / counts.sum()
        for k, edge in enumerate(edges):
            shape = [1] * len(edges)
            shape[k] = -1
            counts = counts / edge.diff().reshape(shape)
    return counts, edges


@composite(
    "torch",
    "Tensor",
    out="torch.histogram: input tensor and {field} tensor should have the same dtype, "
    "but got input {0} and {field} {1}",
)
def histogram(input, bins, *, range=None, weight=None, density=False):
    """How many elements fall in each bin: (counts, edges), of the dtype of `input` (float32 or float64).

    Args:
        input: any shape.
        bins: how many of equal width, or their increasing edges as a 1-d tensor. All but the last are
            half-open.
        range: (low, high) of bins of equal width; by default those of the elements.
        weight: of each element; of the shape and dtype of `input`.
        density: divide so that the integral over the bins is 1.
    """
    if any(_C._is_batched(t) for t in (input, bins, weight)):
        from ..func._derived import one_by_one

        return one_by_one(histogram, (input, bins), {"range": range, "weight": weight, "density": density})
    flat = input.reshape(-1, 1)
    if weight is not None:
        if weight.shape != input.shape:
            raise RuntimeError(
                "torch.histogramdd: if weight tensor is provided it should have the same shape as the input "
                f"tensor excluding its innermost dimension, but got input with shape {list(flat.shape)} and "
                f"weight with shape {list(weight.shape)}"
            )
        weight = weight.reshape(-1)
    bins = bins if isinstance(bins, _C.Tensor) else as_int(bins)
    if not isinstance(bins, (int, _C.Tensor)):
        raise TypeError(
            f"histogram(): argument 'bins' (position 2) must be int or Tensor, not {type(bins).__name__}"
        )
    counts, edges = _counted(flat, [bins], range, weight, density)
    return _Histogram((counts, edges[0].clone() if edges[0] is bins else edges[0]))


@composite("torch", "Tensor")
def histogramdd(input, bins, range=None, weight=None, density=False):
    """How many points fall in each cell of a grid: (counts, list of edges).

    Args:
        input: (..., n), points in n dimensions.
        bins: one number of bins for all dimensions, one for each, or a list of n tensors of edges.
        range: low and high end of each dimension in turn.
        weight: of each point; of the shape of `input` without its last dimension.
        density: divide so that the integral over the grid is 1.
    """
    if isinstance(bins, int):
        bins = [bins] * (input.shape[-1] if input.dim() else 0)
    bins = list(bins)
    if input.dim() >= 2 and len(bins) != input.shape[-1]:
        raise RuntimeError(
            "histogramdd: The size of bins must be equal to the innermost dimension of the input."
        )
    counts, edges = _counted(input, bins or [1], range, weight, density)
    return _HistogramDD((counts, tuple(edges)))
