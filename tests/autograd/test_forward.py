"""Forward mode: levels, duals, in-place writes and views, what is recorded meanwhile."""

from __future__ import annotations

import gc

import pytest

import facula as t
import facula.autograd.forward_ad as fw


def tangent(x):
    found = fw.unpack_dual(x).tangent
    return None if found is None else found.tolist()


def dual(values, direction, **kwargs):
    return fw.make_dual(t.tensor(values, **kwargs), t.tensor(direction))


def test_levels():
    with pytest.raises(RuntimeError, match="no level exists"):
        dual([1.0], [1.0])
    with fw.dual_level():
        x = dual([1.0, 2.0], [1.0, 3.0])
        with pytest.raises(RuntimeError, match="Nested forward mode"):
            fw.enter_dual_level()
        assert tangent(x * x) == [2.0, 12.0]
        assert tangent(t.tensor(1.0)) is None
    assert tangent(x) is None and tangent(x * x) is None
    with pytest.raises(RuntimeError, match="positive number"):
        fw.exit_dual_level()


def test_arguments():
    with fw.dual_level():
        for bad in (lambda: dual([1], [1.0]), lambda: dual([1.0], [1])):
            with pytest.raises(ValueError, match="floating point or complex"):
                bad()
        with pytest.raises(RuntimeError, match="different size"):
            dual([1.0], [1.0, 2.0])
        with pytest.raises(RuntimeError, match="already has a forward gradient"):
            fw.make_dual(dual([1.0], [1.0]), t.tensor([1.0]))
        with pytest.raises(NotImplementedError, match="out= function"):
            t.add(dual([1.0], [1.0]), 1, out=t.empty(1))
        with pytest.raises(NotImplementedError, match="forward AD with aten::heaviside"):
            t.heaviside(dual([1.0], [1.0]), t.tensor([0.0]))


def test_constants():
    with fw.dual_level():
        x = dual([1.0, 2.0], [1.0, 3.0])
        assert tangent(x > 1) is None and tangent(x.detach()) is None and tangent(t.zeros_like(x)) is None
        assert tangent(x.sign()) == [0.0, 0.0]
        with t.no_grad():
            assert tangent(x * 2) == [2.0, 6.0]
        with fw._set_fwd_grad_enabled(False):
            assert tangent(x * 2) is None


def test_in_place():
    with fw.dual_level():
        x, direction = t.tensor([1.0, 2.0]), t.tensor([1.0, 3.0])
        d = fw.make_dual(x, direction)
        y = t.tensor([5.0, 6.0])
        y.mul_(d)
        assert tangent(y) == [5.0, 18.0]
        y.mul_(y)
        assert tangent(y) == [50.0, 432.0]
        same = d + 0
        same.mul_(2)
        assert tangent(d) == [1.0, 3.0] and direction.tolist() == [1.0, 3.0]
        d.copy_(y.detach())
        assert tangent(d) == [0.0, 0.0] and tangent(x) is None


def test_views():
    with fw.dual_level():
        base = t.zeros(2, 2)
        early = base[0]
        row = base[1]
        row.copy_(dual([1.0, 2.0], [3.0, 4.0]))
        assert tangent(base) == [[0.0, 0.0], [3.0, 4.0]] and tangent(early) == [0.0, 0.0]
        base.mul_(2)
        assert tangent(row) == [6.0, 8.0]
        base.t()[0].add_(dual([1.0, 1.0], [1.0, 1.0]))
        assert tangent(base) == [[1.0, 0.0], [7.0, 8.0]]
        base.t_()
        assert tangent(base) == [[1.0, 7.0], [0.0, 8.0]]
        base[0, 1] = 5.0
        assert tangent(base) == [[1.0, 0.0], [0.0, 8.0]]
        turned = fw.make_dual(t.ones(2, 3).t(), t.ones(3, 2))
        assert fw.unpack_dual(turned).tangent.stride() == (1, 3)


def test_reverse_over_forward_and_back():
    x = t.tensor([1.0, 2.0], requires_grad=True)
    with fw.dual_level():
        d = fw.make_dual(x, t.tensor([1.0, 3.0]))
        y = (d**3).exp().sum()
        reverse = t.autograd.grad(fw.unpack_dual(y).tangent, x)[0]
        g = t.autograd.grad((d**3).exp().sum(), x)[0]  # not recorded, and yet a dual
        assert t.allclose(reverse, fw.unpack_dual(g).tangent)
    with fw.dual_level():
        weights = t.tensor([2.0, 1.0], requires_grad=True)
        out = fw.make_dual(weights, t.tensor([1.0, 0.0])).softmax(0).log().sum()
        fw.unpack_dual(out).tangent.backward()
        assert weights.grad is not None


def test_long_chain_is_linear():
    x = t.ones(2, requires_grad=True)
    with fw.dual_level():
        y = fw.make_dual(x, t.ones(2))
        for _ in range(3000):
            y = t.cumsum(y, 0).sin()
        assert fw.unpack_dual(y).tangent.requires_grad


def test_function():
    class Double(t.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.factor = factor
            return x * factor

        @staticmethod
        def backward(ctx, g):
            return g * ctx.factor, None

    class WithJvp(Double):
        @staticmethod
        def jvp(ctx, direction, nothing):
            assert nothing is None
            return direction * ctx.factor

    with fw.dual_level():
        x = dual([1.0], [4.0])
        with pytest.raises(NotImplementedError, match="must implement the jvp function"):
            Double.apply(x, 2)
        assert tangent(WithJvp.apply(x, 2)) == [8.0]
        assert tangent(WithJvp.apply(t.ones(1), 2)) is None


def test_nothing_stays():
    before = t._C._memory_stats()["system_bytes"]
    for _ in range(20):
        x = t.ones(100_000, requires_grad=True)
        with fw.dual_level():
            y = fw.make_dual(x, t.ones(100_000)).exp().softmax(0)
            fw.unpack_dual(y.sum())
        del x, y
    gc.collect()
    assert t._C._memory_stats()["system_bytes"] - before < 40_000_000


def test_jvp():
    x, v = t.tensor([1.0, 2.0]), t.tensor([1.0, 0.5])
    assert [p.tolist() for p in t.func.jvp(lambda a: a * a, (x,), (v,))] == [[1.0, 4.0], [2.0, 2.0]]
    (one, two), (first, second) = t.func.jvp(lambda a, b: (a + b, a * 2), (x, x), (v, v))
    assert first.tolist() == [2.0, 1.0] and second.tolist() == [2.0, 1.0] and one.tolist() == two.tolist()
    assert t.func.jvp(lambda a: (a * 2, [a]), (x,), (v,), has_aux=True)[2][0].equal(x)
    with pytest.raises(RuntimeError, match="Expected primals to be a tuple"):
        t.func.jvp(t.sin, x, (v,))
    out, derivative = t.autograd.functional.jvp(lambda a: a**3, x, v)
    assert derivative.tolist() == [3.0, 6.0] and not derivative.requires_grad
