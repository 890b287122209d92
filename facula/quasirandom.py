"""torch.quasirandom: Sobol sequences, whose points fill a cube evenly.

The direction numbers are those of Joe and Kuo (2008), which SciPy brings along: the engine needs it. Points
and scrambling (Owen, 1998) are PyTorch's.
"""

from __future__ import annotations

import facula as torch

__all__ = ["SobolEngine"]


def _directions(dimension: int, bits: int):
    try:
        from scipy.stats import qmc
    except ImportError as error:
        raise RuntimeError(
            "torch.quasirandom.SobolEngine takes its direction numbers from SciPy: install it with "
            "`pip install scipy`"
        ) from error
    return torch.as_tensor(qmc.Sobol(dimension, scramble=False, bits=bits)._sv.astype("int64"))


class SobolEngine:
    """Draws points of a Sobol sequence.

    Args:
        dimension: of the cube, up to 21201.
        scramble: permute digits at random.
        seed: of the scrambling; torch's generator is used otherwise.

    Raises:
        ValueError: dimensions out of range.
        RuntimeError: SciPy is not installed.
    """

    MAXBIT = 30
    MAXDIM = 21201

    def __init__(self, dimension, scramble=False, seed=None) -> None:
        if dimension > self.MAXDIM or dimension < 1:
            raise ValueError(f"Supported range of dimensionality for SobolEngine is [1, {self.MAXDIM}]")
        self.seed, self.scramble, self.dimension = seed, scramble, dimension
        self.sobolstate = _directions(dimension, self.MAXBIT)
        if scramble:
            self._scramble()
        else:
            self.shift = torch.zeros(dimension, dtype=torch.long)
        self.quasi = self.shift.clone()
        self._first_point = (self.quasi / 2**self.MAXBIT).reshape(1, -1)
        self.num_generated = 0

    def _scramble(self) -> None:
        generator = None
        if self.seed is not None:
            generator = torch.Generator()
            generator.manual_seed(self.seed)
        bits = self.MAXBIT
        digits = torch.randint(2, (self.dimension, bits), generator=generator)
        self.shift = torch.mv(digits, torch.pow(2, torch.arange(0, bits)))
        mix = torch.randint(2, (self.dimension, bits, bits), generator=generator).tril()
        mix.diagonal(0, -2, -1).fill_(1)
        # Digits from the highest down; each becomes a sum, modulo two, of itself and higher ones.
        places = torch.arange(bits - 1, -1, -1)
        state = (self.sobolstate[..., None] >> places) & 1
        mixed = (state @ mix.mT) % 2
        self.sobolstate = (mixed << places).sum(-1)

    def _points(self, first: int, n: int):
        """The points of indices first to first + n, as whole numbers: sums of directions by the Gray code."""
        index = torch.arange(first, first + n)
        gray = index ^ (index >> 1)
        points = self.shift.expand(n, -1).clone()
        for bit in range(int(first + n).bit_length()):
            points ^= ((gray >> bit) & 1)[:, None] * self.sobolstate[:, bit]
        return points

    def draw(self, n: int = 1, out=None, dtype=None):
        """The next `n` points, [n, dimension]."""
        dtype = torch.get_default_dtype() if dtype is None else dtype
        points = self._points(self.num_generated, n)
        if n:
            self.quasi = points[-1].clone()
        self.num_generated += n
        result = points.to(dtype) * 2.0**-self.MAXBIT
        return result if out is None else out.resize_as_(result).copy_(result)

    def draw_base2(self, m: int, out=None, dtype=None):
        """The next 2**m points; all drawn so far must be a power of two.

        Raises:
            ValueError: they are not.
        """
        n = 2**m
        total = self.num_generated + n
        if total & (total - 1):
            raise ValueError(
                "The balance properties of Sobol' points require n to be a power of 2. "
                f"{self.num_generated} points have been previously generated, then: "
                f"n={self.num_generated}+2**{m}={total}. If you still want to do this, please use "
                "'SobolEngine.draw()' instead."
            )
        return self.draw(n=n, out=out, dtype=dtype)

    def reset(self):
        """Begins anew."""
        self.quasi.copy_(self.shift)
        self.num_generated = 0
        return self

    def fast_forward(self, n: int):
        """Passes over `n` points."""
        self.num_generated += n
        if self.num_generated:
            self.quasi = self._points(self.num_generated - 1, 1)[0]
        return self

    def __repr__(self) -> str:
        parts = [f"dimension={self.dimension}"]
        parts += ["scramble=True"] if self.scramble else []
        parts += [f"seed={self.seed}"] if self.seed is not None else []
        return f"{type(self).__name__}({', '.join(parts)})"
