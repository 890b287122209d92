"""The matmul family against PyTorch: result, dtype, shape, strides, node, error; gradients of two orders."""

from __future__ import annotations

import math
import warnings

import pytest

torch = pytest.importorskip("torch")

import facula  # noqa: E402
import facula.nn.functional  # noqa: E402


class Side:
    """Tensors of one library, the same numbers in both."""

    def __init__(self, library):
        self.t = library
        self.F = library.nn.functional

    def make(self, shape, dtype="float32"):
        values = [math.sin(2.3 * i + len(shape)) * 3 for i in range(math.prod(shape))]
        return self.t.tensor(values).reshape(shape).to(getattr(self.t, dtype))

    def names(self):
        def maker(dtype):
            return lambda *shape: self.make(shape, dtype)

        return {
            "torch": self.t,
            "F": self.F,
            "T": maker("float32"),
            "D": maker("float64"),
            "I": maker("int64"),
            "H": maker("float16"),
            "B": maker("bool"),
            "C": maker("complex64"),
            "R": lambda *shape: self.make(shape).requires_grad_(),
            "M": lambda *shape: self.t.empty(*shape, device="meta"),
        }


SIDES = Side(torch), Side(facula)


def seen(text, side):
    """What a program sees of an expression."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            r = eval(text, side.names())
    except Exception as error:
        return type(error).__name__, str(error).split("\n")[0]
    node = r.grad_fn.name() if r.grad_fn is not None else None
    return str(r.dtype), tuple(r.shape), tuple(r.stride()), str(r.device), node, r


def flat(x):
    x = x.detach().reshape(-1).tolist()
    return [part for v in x for part in (v.real, v.imag)] if x and isinstance(x[0], complex) else x


CASES = """
T(2,3) @ T(4,5)
T(2,3) @ D(3,5)
T(2,3) @ I(3,5)
T(3) @ T(4)
T(3) @ D(3)
T(2,3) @ T(4)
T(2,3) @ D(3)
T(3) @ T(4,5)
T(3) @ D(3,5)
T(2,2,3) @ T(2,4,5)
T(2,2,3) @ T(3,3,5)
T(2,2,3) @ D(2,3,5)
T(2,2,3) @ T(4,5)
T(2,2,3) @ D(3,5)
T(2,2,3) @ T(4)
T(3) @ T(2,4,5)
B(2,3) @ B(3,4)
B(2,2,3) @ B(2,3,4)
B(3) @ B(3)
B(3,3) @ B(3)
H(2,3) @ H(3,4)
H(9) @ H(9)
I(3,3) @ I(3)
C(2,3) @ C(3,2)
C(2,3) @ T(3,2)
M(2,3) @ M(3,4)
M(2,2,3) @ M(2,3,4)
torch.addmm(M(4), T(2,3), T(3,4))
torch.einsum('a...,a...', T(2,3), T(2,5))
torch.dot(T(3), M(3))
torch.mm(T(2,3), T(3))
torch.bmm(T(2,3), T(2,3,4))
torch.bmm(T(2,2,3), D(2,3,4))
torch.mv(T(2,3), T(3,1))
torch.mv(T(2,3), I(3))
torch.vdot(C(3), C(3))
torch.vdot(T(2), C(2))
torch.inner(T(2,3), T(4,4))
torch.inner(T(2,3), torch.tensor(2.))
torch.inner(T(3), T(2,5,3))
torch.outer(T(2,3), T(3))
torch.outer(I(3), T(2))
torch.addmm(T(3), T(2,3), T(3,2))
torch.addmm(T(2,2,2), T(2,3), T(3,2))
torch.addmm(T(2), T(2,3), T(3))
torch.addmm(D(2), T(2,3), T(3,2))
torch.addmm(I(2), I(2,3), I(3,2), alpha=1.5)
torch.addmm(C(2), C(2,3), C(3,2), alpha=2j)
torch.addmm(T(2), T(2,3), T(3,2), beta=2j)
torch.addmv(T(3), T(2,3), T(3))
torch.addmv(torch.tensor(1.), T(2,3), T(3))
torch.addbmm(T(2,2), T(5,2,3), T(5,4,2))
torch.addbmm(T(2), T(5,2,3), T(5,3,2))
torch.baddbmm(T(3), T(5,2,3), T(5,3,2))
torch.baddbmm(T(2), T(5,2,3), T(3,2))
torch.baddbmm(D(2), T(5,2,3), T(5,3,2))
torch.baddbmm(T(2), T(5,2,3), T(5,3,2), beta=2, alpha=3)
torch.addr(T(3), T(3), T(2))
torch.addr(D(2), T(3), T(2))
torch.addr(B(2), B(3), B(2))
F.linear(T(2,3), T(3,4), T(4))
F.linear(T(2,3), T(4,3), T(5))
F.linear(T(2,3), D(4,3), D(4))
F.linear(T(2,5,2), T(4,3))
F.linear(T(2,3), T(3))
F.linear(T(2,3), T(3), T(1))
F.linear(H(2,3), H(4,3), H(4))
F.bilinear(T(2,3), T(2,4), T(5,3,4), T(5))
F.bilinear(T(2,3), T(3,4), T(5,3,4))
R(2,3) @ R(3,2)
R(3) @ R(3)
R(2,3) @ R(3)
R(3) @ R(3,2)
R(2,2,3) @ R(3,2)
R(2,2,3) @ R(3)
R(3) @ R(2,3,2)
R(2,3) @ R(2,3,2)
T(2,3) @ R(2,3,2)
R(1,2,3) @ R(2,3,2)
R(2,2,3) @ R(1,3,2)
R(4,1,2,3) @ R(2,3,2)
torch.inner(R(2,3), R(4,3))
torch.outer(R(3), R(3))
torch.addmm(R(2), R(2,3), R(3,2))
torch.addmv(R(2), R(2,3), R(3))
torch.addbmm(R(2), R(5,2,3), R(5,3,2))
torch.baddbmm(R(2), R(5,2,3), R(5,3,2))
torch.addr(R(2), R(3), R(2))
F.linear(R(2,3), R(4,3), R(4))
F.linear(R(2,3), R(4,3))
F.linear(R(5,2,3), R(4,3), R(4))
F.linear(R(5,2,3), R(4,3))
F.linear(R(3), R(4,3), R(4))
F.linear(R(3), R(4,3))
F.linear(R(5,2,3).transpose(0,1), R(4,3), R(4))
torch.chain_matmul(R(2,3), R(3,4), R(4,2))
torch.kron(R(2,2), R(2,3))
torch.einsum('ij,jk->ik', R(2,3), R(3,2))
torch.einsum('bij,bjk->bik', R(2,3,4), R(2,4,2))
torch.einsum('ij->ji', R(2,3))
torch.einsum('ii->i', R(3,3))
torch.einsum('ii', R(3,3))
torch.einsum('ij->j', R(2,3))
torch.einsum('i,j->ij', R(2), R(3))
torch.einsum('i,i->', R(2), R(2))
torch.einsum('ij,jk->il', T(2,3), T(3,5))
torch.einsum('ij,jk->ii', T(2,3), T(3,5))
torch.einsum('ij,jk', T(2,3))
torch.einsum('ij', T(2,3), T(2,3))
torch.einsum('ijk', T(2,3))
torch.einsum('...i...', T(2,3))
torch.einsum('i..j', T(2,3))
torch.einsum('ii', T(2,3))
torch.einsum('ij->...', T(2,3))
torch.einsum('...ij->ji...', T(2,2,3))
torch.einsum('i...,j...->ij...', T(2,4), T(3,5,4))
torch.einsum('bA,aB', T(2,3), T(4,5))
torch.einsum('ij,jk->ik', T(2,1), T(3,5))
torch.einsum('bij,bjk,bkl->bil', T(2,3,4), T(2,4,5), T(2,5,6))
torch.einsum(T(2,3), [0,...], T(3,5), [0,...])
torch.einsum(T(2,3), [0,52], T(3,5), [1,2])
torch.tensordot(T(2,3), T(4,5))
torch.tensordot(R(2,3,4), R(4,3,5), dims=([1,2],[1,0]))
torch.tensordot(T(2,3), T(1,5), dims=1)
torch.tensordot(T(2,3), T(3,5), dims=torch.tensor([[1],[0]]))
torch.tensordot(T(2,3), T(3,5), dims='a')
T(0,3) @ T(3,2)
T(2,0) @ T(0,3)
T(2,0,3) @ T(2,3,4)
torch.mm(T(2,3), T(3,2), out=torch.empty(3))
torch.mm(R(2,3), T(3,2), out=torch.empty(2,2))
T(2,2).addmm_(T(2,3), T(3,2))
T(2,2,2).baddbmm_(T(2,2,2), T(2,2,2))
T(200,300) @ T(300,257)
T(300,200).t() @ T(257,300).t()
D(130,500) @ D(500,140)
T(1,2000) @ T(2000,700)
T(700,2000) @ T(2000,1)
(D(40000,3).t() @ D(40000,5)).float()
T(50,30)[::2, ::3] @ T(10,60)[:, 1::2]
T(40,4,4) @ T(40,4,4).transpose(1,2)
"""


@pytest.mark.parametrize("text", CASES.strip().split("\n"))
def test_same_as_pytorch(text):
    expected, got = (seen(text, side) for side in SIDES)
    if len(expected) == 2:  # an error: ours may go on where PyTorch's ends
        assert got[0] == expected[0] and got[1].startswith(expected[1].split(" - got")[0])
        return
    assert got[:-1] == expected[:-1]
    if expected[3] != "meta":
        size = max(map(abs, flat(expected[-1])), default=1.0)
        tolerance = {"torch.float16": 2e-3, "torch.float64": 1e-12}.get(expected[0], 2e-5)
        assert flat(got[-1]) == pytest.approx(flat(expected[-1]), rel=tolerance, abs=tolerance * size)


GRADIENTS = [
    ("a @ b", (3, 4), (4, 5)),
    ("a.t() @ b.t()", (4, 3), (5, 4)),
    ("a @ b", (3, 4), (4,)),
    ("a @ b", (4,), (4, 3)),
    ("a @ b", (4,), (4,)),
    ("a @ b", (2, 3, 4), (4, 5)),
    ("a @ b", (2, 3, 4), (4,)),
    ("a @ b", (4,), (2, 4, 5)),
    ("a @ b", (3, 4), (2, 4, 5)),
    ("a @ b", (2, 1, 3, 4), (3, 4, 5)),
    ("a.transpose(1, 2) @ b.transpose(0, 1)", (2, 4, 3), (4, 2, 5)),
    ("torch.bmm(a, b)", (2, 3, 4), (2, 4, 5)),
    ("torch.vdot(a, b)", (4,), (4,)),
    ("torch.inner(a, b)", (2, 4), (3, 4)),
    ("torch.addmm(c, a, b.t(), beta=2, alpha=3)", (3, 4), (5, 4), (3, 1)),
    ("torch.addmv(c, a, b, beta=2, alpha=3)", (3, 4), (4,), (3,)),
    ("torch.addr(c, a, b, beta=2, alpha=3)", (3,), (4,), (4,)),
    ("torch.baddbmm(c, a, b, beta=2, alpha=3)", (2, 3, 4), (2, 4, 5), (3, 1)),
    ("torch.addbmm(c, a, b, beta=2, alpha=3)", (2, 3, 4), (2, 4, 5), (3, 1)),
    ("F.linear(a, b, c)", (3, 4), (5, 4), (5,)),
    ("F.linear(a.transpose(0, 1), b, c)", (2, 3, 4), (5, 4), (5,)),
    ("F.linear(a, b, c)", (4,), (5, 4), (5,)),
    ("torch.einsum('iij,jk->ik', a, b)", (3, 3, 4), (4, 5)),
    ("torch.einsum('bn,anm,bm->ba', b, a, b)", (2, 3, 3), (5, 3)),
    ("torch.tensordot(a, b, dims=([1, 0], [0, 1]))", (2, 3, 4), (3, 2, 5)),
]


def gradients(text, shapes, dtype, side):
    values = dict(zip("abc", (side.make(s, "float64").to(getattr(side.t, dtype)) for s in shapes)))
    inputs = [v.requires_grad_() for v in values.values()]
    y = eval(text, side.names() | values)
    weights = side.make(tuple(y.shape), "float64").to(y.dtype).requires_grad_()
    first = side.t.autograd.grad(y, inputs, weights, create_graph=True)
    results = [y, *first]
    recorded = [g for g in first if g.requires_grad]
    if recorded:
        flattened = [g.reshape(-1) for g in recorded]
        total = sum(side.t.dot(g, g.detach().cos()) for g in flattened)
        total = total.abs() if dtype == "complex128" else total
        second = side.t.autograd.grad(total, [*inputs, weights], allow_unused=True)
        results += [g for g in second if g is not None]
    return [(tuple(r.shape), flat(r)) for r in results]


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("text, shapes", [(text, shapes) for text, *shapes in GRADIENTS])
def test_gradients(text, shapes, dtype):
    expected = gradients(text, shapes, dtype, SIDES[0])
    try:
        got = gradients(text, shapes, dtype, SIDES[1])
    except NotImplementedError as missing:  # sums of complex numbers
        pytest.skip(str(missing))
    assert [shape for shape, _ in got] == [shape for shape, _ in expected]
    for (_, g), (_, e) in zip(got, expected):
        assert g == pytest.approx(e, rel=1e-9, abs=1e-9)
