"""Points of Sobol sequences, scrambled or not, against PyTorch's."""

from __future__ import annotations

from importlib import import_module

import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from tests.compat.side_by_side import check  # noqa: E402


@pytest.mark.parametrize("options", [{}, {"scramble": True, "seed": 3}, {"scramble": True}])
@pytest.mark.parametrize("dimension", [1, 5, 40])
def test_points(dimension, options):
    def program(t):
        engine = import_module(f"{t.__name__}.quasirandom").SobolEngine(dimension, **options)
        parts = [repr(engine), engine.draw(3), engine.draw(), engine.fast_forward(5).draw(2, dtype=t.float64)]
        parts += [engine.num_generated, engine.quasi, engine.reset().draw_base2(3), engine.draw_base2(3)]
        return parts

    check(program)


def test_errors():
    def engine(t, n):
        return import_module(f"{t.__name__}.quasirandom").SobolEngine(n)

    check(lambda t: engine(t, 0))
    check(lambda t: engine(t, 30000))
    check(lambda t: (lambda e: (e.draw(3), e.draw_base2(2)))(engine(t, 2)))
