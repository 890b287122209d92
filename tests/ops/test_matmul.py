"""The matmul family against plain sums in Python, without PyTorch: values, layouts, gradients, errors."""

from __future__ import annotations

import itertools
import math

import pytest

import facula as t
from facula.nn import functional as F


def grid(shape, offset=0.0, dtype=None):
    n = math.prod(shape)
    values = [math.sin(1.7 * i + offset) for i in range(n)]
    return t.tensor(values, dtype=dtype or t.float64).reshape(shape)


def product(a, b):
    """Nested lists, multiplied as matrices."""
    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]


def close(got, expected, tolerance=1e-12):
    if isinstance(expected, list):
        return len(got) == len(expected) and all(close(g, e, tolerance) for g, e in zip(got, expected))
    return got == pytest.approx(expected, rel=tolerance, abs=tolerance)


def layouts(rows, columns, offset):
    """The same matrix, lying in memory in every way that a kernel reads differently."""
    whole = grid((rows, columns), offset)
    yield whole
    yield whole.t().contiguous().t()
    padded = t.zeros(rows, columns + 3, dtype=t.float64)
    padded[:, :columns].copy_(whole)
    yield padded[:, :columns]
    spread = t.zeros(rows, 2 * columns, dtype=t.float64)
    spread[:, ::2].copy_(whole)
    yield spread[:, ::2]


@pytest.mark.parametrize(
    "m, k, n", [(1, 1, 1), (1, 8, 8), (3, 5, 2), (16, 16, 16), (17, 33, 9), (40, 3, 70), (2, 90, 1)]
)
def test_every_layout(m, k, n):
    expected = product(grid((m, k)).tolist(), grid((k, n), 1.0).tolist())
    for a, b in itertools.product(layouts(m, k, 0.0), layouts(k, n, 1.0)):
        assert close((a @ b).tolist(), expected)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64"])
def test_integers_wrap_around(dtype):
    span = 2 ** int(dtype.lstrip("uint"))
    low = 0 if dtype == "uint8" else -span // 2
    high = low + span - 1
    dtype = getattr(t, dtype)
    a = [[high, 3, 7], [5, high - 1, 2]]
    b = [[3, high], [2, 9], [high, 1]]
    expected = [[(x - low) % span + low for x in row] for row in product(a, b)]
    got = t.tensor(a, dtype=dtype) @ t.tensor(b, dtype=dtype)
    assert got.dtype == dtype and got.tolist() == expected


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_sums_in_float_and_rounds_once(dtype):
    dtype = getattr(t, dtype)
    a = t.ones(1, 5000, dtype=dtype)
    assert (a @ a.t()).item() == t.tensor(5000.0, dtype=dtype).item()
    assert t.addmm(t.ones(1, 1, dtype=dtype), a, a.t(), beta=3).item() == t.tensor(5003.0, dtype=dtype).item()


def test_results_do_not_depend_on_threads():
    a, b = grid((300, 700), dtype=t.float32), grid((700, 260), 2.0, dtype=t.float32)
    v = grid((400_000,), dtype=t.float32)
    before = t.get_num_threads()
    try:
        results = []
        for threads in (1, 2):
            t.set_num_threads(threads)
            tall = v.reshape(100_000, 4)
            results.append(
                [a @ b, a.t().contiguous().t() @ b, v.dot(v), tall.t() @ tall, a @ b[:, 0], b.t()[0] @ a.t()]
            )
    finally:
        t.set_num_threads(before)
    for x, y in zip(*results):
        assert x.tolist() == y.tolist()


BATCHES = [
    ((2, 3, 4), (4, 5)),
    ((3, 4), (2, 4, 5)),
    ((2, 3, 4), (2, 4, 5)),
    ((1, 3, 4), (6, 4, 5)),
    ((2, 1, 3, 4), (3, 4, 5)),
]


@pytest.mark.parametrize("shape_a, shape_b", BATCHES)
def test_batches_broadcast(shape_a, shape_b):
    a, b = grid(shape_a), grid(shape_b, 1.0)
    result = a @ b
    batch = tuple(result.shape[:-2])
    wide_a, wide_b = a.expand(batch + a.shape[-2:]), b.expand(batch + b.shape[-2:])
    for at in itertools.product(*map(range, batch)):
        assert close(result[at].tolist(), product(wide_a[at].tolist(), wide_b[at].tolist()))


def test_empty_sums_are_zero_and_empty_results_have_shape():
    assert (t.ones(2, 0) @ t.ones(0, 3)).tolist() == [[0.0] * 3] * 2
    assert (t.ones(0, 2) @ t.ones(2, 3)).shape == (0, 3)
    assert (t.ones(4, 0, 2) @ t.ones(2, 3)).shape == (4, 0, 3)
    assert t.dot(t.ones(0), t.ones(0)).item() == 0
    assert t.addmm(t.ones(3), t.ones(2, 0), t.ones(0, 3), beta=2).tolist() == [[2.0] * 3] * 2
    assert t.addbmm(t.ones(3), t.ones(0, 2, 4), t.ones(0, 4, 3), beta=2).tolist() == [[2.0] * 3] * 2


def test_nan_and_inf():
    nan, inf = math.nan, math.inf
    assert t.addmm(t.full((2, 2), nan), t.ones(2, 2), t.ones(2, 2), beta=0).tolist() == [[2.0, 2.0]] * 2
    mixed = t.tensor([[0.0, 1.0]]) @ t.tensor([[inf, nan, 1.0], [1.0, 1.0, inf]])
    assert [str(v) for v in mixed.tolist()[0]] == ["nan", "nan", "inf"]


def test_a_transposed_weight_is_not_copied_and_its_gradient_has_its_layout():
    w = grid((5, 4)).requires_grad_()
    x = grid((3, 4), 1.0)
    F.linear(x, w).sum().backward()
    direct = w.grad
    assert direct.stride() == w.stride()
    w.grad = None
    (x @ w.t()).sum().backward()
    assert w.grad.stride() == w.stride() and close(w.grad.tolist(), direct.tolist())


def test_only_what_a_gradient_reads_is_guarded():
    w, x = grid((4, 4)).requires_grad_(), grid((2, 4), 1.0)
    y = F.linear(x, w)
    with t.no_grad():
        w.add_(1)  # x needs no gradient: w's old value is not read
    y.sum().backward()
    y = F.linear(x.clone().requires_grad_(), w)
    with t.no_grad():
        w.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


FUNCTIONS = {
    "mm": (lambda a, b: a @ b, [(3, 4), (4, 2)]),
    "mm of transposes": (lambda a, b: a.t() @ b.t(), [(4, 3), (2, 4)]),
    "mv": (t.mv, [(3, 4), (4,)]),
    "vector matrix": (t.matmul, [(3,), (3, 4)]),
    "dot": (t.dot, [(5,), (5,)]),
    "outer": (t.outer, [(3,), (4,)]),
    "folded": (t.matmul, [(2, 3, 4), (4, 2)]),
    "batched": (t.matmul, [(2, 1, 3, 4), (3, 4, 2)]),
    "batched vector": (t.matmul, [(4,), (2, 4, 3)]),
    "addmm": (lambda c, a, b: t.addmm(c, a, b, beta=0.5, alpha=2), [(2,), (3, 4), (4, 2)]),
    "addmv": (lambda c, a, b: t.addmv(c, a, b, beta=0.5, alpha=2), [(1,), (3, 4), (4,)]),
    "addr": (lambda c, a, b: t.addr(c, a, b, beta=0.5, alpha=2), [(3, 1), (3,), (4,)]),
    "baddbmm": (lambda c, a, b: t.baddbmm(c, a, b, beta=0.5, alpha=2), [(3, 1), (2, 3, 4), (2, 4, 2)]),
    "addbmm": (lambda c, a, b: t.addbmm(c, a, b, beta=0.5, alpha=2), [(3, 1), (2, 3, 4), (2, 4, 2)]),
    "linear": (F.linear, [(3, 4), (2, 4), (2,)]),
    "linear 3d": (F.linear, [(2, 3, 4), (2, 4), (2,)]),
    "linear 1d": (F.linear, [(4,), (2, 4), (2,)]),
    "bilinear": (F.bilinear, [(3, 4), (3, 2), (5, 4, 2), (5,)]),
    "einsum": (lambda a, b, c: t.einsum("iij,jk,k->ik", a, b, c), [(3, 3, 4), (4, 2), (2,)]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_to_second_order(name):
    """Numeric derivatives along one direction: of the result, then of the gradient."""
    f, shapes = FUNCTIONS[name]
    inputs = [grid(s, float(i)).requires_grad_() for i, s in enumerate(shapes)]
    along = [grid(s, 10.0 + i) for i, s in enumerate(shapes)]

    def first(points, graph=False):
        y = f(*points)
        return t.autograd.grad(y, points, grid(tuple(y.shape), 5.0), create_graph=graph)

    def moved(step):
        return [(x + step * d).detach().requires_grad_() for x, d in zip(inputs, along)]

    def inner(xs, ys):
        return sum((x * y).sum() for x, y in zip(xs, ys))

    h = 1e-5
    weights = grid(tuple(f(*inputs).shape), 5.0)
    numeric = ((f(*moved(h)) - f(*moved(-h))) * weights).sum() / (2 * h)
    gradients = first(inputs, graph=True)
    assert inner(gradients, along).item() == pytest.approx(numeric.item(), rel=1e-7, abs=1e-7)
    others = [grid(s, 20.0 + i) for i, s in enumerate(shapes)]
    second = t.autograd.grad(inner(gradients, others), inputs, allow_unused=True)
    change = inner([a - b for a, b in zip(first(moved(h)), first(moved(-h)))], others) / (2 * h)
    got = sum((s * d).sum().item() for s, d in zip(second, along) if s is not None)
    assert got == pytest.approx(change.item(), rel=1e-6, abs=1e-6)


def test_einsum_grammar():
    a, b = grid((2, 3)), grid((3, 4), 1.0)
    whole = product(a.tolist(), b.tolist())
    for result in (t.einsum("ij,jk", a, b), t.einsum(" i j , j k -> i k ", [a, b]),
                   t.einsum(a, [0, 1], b, [1, 2]), t.einsum(a, [0, 1], b, [1, 2], [0, 2])):  # fmt: skip
        assert close(result.tolist(), whole)
    assert t.einsum("ij->ji", a).stride() == (1, 3)
    assert t.einsum("...j->j...", a).shape == (3, 2)
    square = grid((3, 3))
    assert t.einsum("ii", square).item() == pytest.approx(sum(square.tolist()[i][i] for i in range(3)))
    assert t.einsum("ii->i", square).tolist() == [square.tolist()[i][i] for i in range(3)]
    assert t.einsum("i...,j...->ij...", grid((2, 4)), grid((3, 5, 4))).shape == (2, 3, 5, 4)


ERRORS = [
    ("t.ones(2, 3) @ t.ones(4, 5)", RuntimeError, "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
    ("t.ones(2, 3) @ t.ones(3, 5).double()", RuntimeError,
     "expected m1 and m2 to have the same dtype, but got: float != double"),
    ("t.ones(2, 3) @ t.ones(4)", RuntimeError, "size mismatch, got input (2), mat (2x3), vec (4)"),
    ("t.ones(3) @ t.tensor(1.0)", RuntimeError,
     "both arguments to matmul need to be at least 1D, but they are 1D and 0D"),
    ("t.ones(2, 2).bool() @ t.ones(2, 2).bool()", NotImplementedError,
     "\"addmm_impl_cpu_\" not implemented for 'Bool'"),
    ("t.bmm(t.ones(2, 2, 3), t.ones(3, 3, 4))", RuntimeError,
     "Expected size for first two dimensions of batch2 tensor to be: [2, 3] but got: [3, 3]."),
    ("t.mm(t.ones(2), t.ones(2, 2))", RuntimeError, "self must be a matrix"),
    ("t.dot(t.ones(2), t.ones(3))", RuntimeError, "inconsistent tensor size, expected tensor [2]"),
    ("t.addmm(t.ones(3), t.ones(2, 3), t.ones(3, 2))", RuntimeError,
     "The expanded size of the tensor (2) must match the existing size (3) at non-singleton dimension 1."),
    ("t.ones(2, 3) @ 3", TypeError, ""),
    ("t.einsum('ij,jk', t.ones(2, 3), t.ones(4, 5))", RuntimeError,
     "einsum(): subscript j has size 4 for operand 1 which does not broadcast with previously seen size 3"),
    ("t.einsum('i1', t.ones(2, 3))", RuntimeError, "einsum(): invalid subscript given at index 1"),
    ("t.einsum('ij')", ValueError, "einsum(): must specify the equation string and at least one operand"),
    ("t.tensordot(t.ones(2, 3), t.ones(3, 5), dims=-1)", RuntimeError, "tensordot expects dims >= 0"),
    ("t.chain_matmul()", RuntimeError, "chain_matmul(): Expected one or more matrices"),
    ("F.linear(t.ones(2, 3), t.ones(2, 4, 3))", RuntimeError, "t() expects a tensor with <= 2 dimensions"),
]  # fmt: skip


@pytest.mark.parametrize("text, kind, message", ERRORS)
def test_errors(text, kind, message):
    with pytest.raises(kind) as info:
        eval(text)
    assert str(info.value).startswith(message)


def test_sizes_that_overflow_are_refused():
    tall = t.ones(1, 1).expand(2**40, 1)
    with pytest.raises(RuntimeError):
        tall @ tall.t()
