"""cdist, whose mode is a text."""

from __future__ import annotations

from .. import _C
from . import composite

_MODES = {
    "use_mm_for_euclid_dist_if_necessary": None,
    "use_mm_for_euclid_dist": 1,
    "donot_use_mm_for_euclid_dist": 2,
}


@composite("torch")
def cdist(x1, x2, p=2.0, compute_mode="use_mm_for_euclid_dist_if_necessary"):
    """The p-norm distances between all rows of x1 ``[..., P, M]`` and of x2 ``[..., R, M]``: ``[..., P, R]``.

    ``compute_mode`` says whether Euclidean distances are computed by a matrix product, which is faster and
    loses digits where points are near each other: always, never, or (the default) with more than 25 rows.
    """
    if compute_mode not in _MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    return _C._cdist(x1, x2, p, _MODES[compute_mode])
