"""Batch rules of products: examples of vectors and matrices are matrices and stacks of them."""

from __future__ import annotations

from math import prod

from ... import _C
from .._batch import batch_rule, decompose, full_rule

_f = _C._functions
_nn = _C._nn


@batch_rule("matmul")
def matmul(call, a, b):
    va, vb = call.peel(a), call.peel(b)
    da, db = a.dim(), b.dim()
    if da == 0 or db == 0:
        call.entry.run_meta((a, b))
    if da == 1:
        va = va.unsqueeze(-2)
    if db == 1:
        vb = vb.unsqueeze(-1)
    rank = max(da, db, 2)
    va, vb = _in_front(call, a, va, rank), _in_front(call, b, vb, rank)
    out = _f.matmul(va, vb)
    if da == 1 and db == 1:
        return out.squeeze(-1).squeeze(-1)
    return out.squeeze(-2) if da == 1 else out.squeeze(-1) if db == 1 else out


def _in_front(call, x, v, rank):
    """The value of a matrix with room for the batch dimensions of the other."""
    missing = rank - max(x.dim(), 2)
    if not call.batched(x) or missing == 0:
        return v
    return v.reshape((v.size(0), *(1,) * missing, *v.shape[1:]))


def _need(x, rank, name, what):
    if x.dim() != rank:
        raise RuntimeError(f"{name}: Expected {rank}-D argument {what}, but got {x.dim()}-D")


def _need_dims(name, a, dim_a, b, dim_b):
    if a.dim() != dim_a or b.dim() != dim_b:
        raise RuntimeError(
            f"Shape mismatch: Got incorrect dims for {name}(a, b). a has dim {a.dim()}and b has dim {b.dim()}"
            f"but expected them to have dim {dim_a} and dim {dim_b}"
        )


@decompose("mm")
def mm(a, b):
    _need_dims("mm", a, 2, b, 2)
    return a @ b


@decompose("mv")
def mv(a, b):
    _need_dims("mv", a, 2, b, 1)
    return a @ b


@decompose("dot")
def dot(a, b):
    if a.dim() != 1 or b.dim() != 1:
        raise RuntimeError("Got wrong shapes for dot")
    return a @ b


@decompose("vdot")
def vdot(a, b):
    return dot(a.conj(), b)


@decompose("inner")
def inner(a, b):
    if a.dim() == 0 or b.dim() == 0:
        return a * b
    if a.shape[-1] != b.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(a.shape)} and {list(b.shape)}"
        )
    out = a.reshape((-1, a.shape[-1])) @ b.reshape((-1, b.shape[-1])).mT
    return out.reshape((*a.shape[:-1], *b.shape[:-1]))


@decompose("outer")
def outer(a, b):
    _need(a, 1, "outer", "self")
    return a.unsqueeze(-1) * b.unsqueeze(0)


def _sum(x, product, beta, alpha):
    """beta * x + alpha * product"""
    if alpha != 1:
        product = product * alpha
    if beta == 0:
        return product
    return product + (x * beta if beta != 1 else x)


@decompose("addmm")
def addmm(x, a, b, beta=1, alpha=1):
    return _sum(x, mm(a, b), beta, alpha)


@decompose("addmv")
def addmv(x, a, b, beta=1, alpha=1):
    return _sum(x, a @ b, beta, alpha)


@decompose("addr")
def addr(x, a, b, beta=1, alpha=1):
    return _sum(x, outer(a, b), beta, alpha)


@decompose("bmm")
def bmm(a, b):
    _need_dims("bmm", a, 3, b, 3)
    return a @ b


@decompose("baddbmm")
def baddbmm(x, a, b, beta=1, alpha=1):
    return _sum(x, bmm(a, b), beta, alpha)


@decompose("addbmm")
def addbmm(x, a, b, beta=1, alpha=1):
    return _sum(x, bmm(a, b).sum(0), beta, alpha)


@batch_rule("linear")
def linear(call, x, weight, bias=None):
    vx, w, b = call.peel(x), call.peel(weight), call.peel(bias)
    if not call.batched(weight):
        if not call.batched(bias):
            return _nn.linear(vx, w, b)
        out = _nn.linear(vx, w)
        return out + _beside(b, out.dim() if call.batched(x) else out.dim() + 1)
    if weight.dim() == 1:
        out = matmul_value(call, x, weight)
        return out if bias is None else out + b
    rank = x.dim()
    if not call.batched(x):
        rows = vx.reshape((1, -1, vx.shape[-1])).expand((call.size, -1, -1)) if rank > 2 else vx
        rows = rows.unsqueeze(0) if rank == 1 else rows
    else:
        rows = (
            vx.unsqueeze(1)
            if rank == 1
            else vx
            if rank == 2
            else vx.reshape((call.size, prod(x.shape[:-1]), vx.shape[-1]))
        )
    out = _f.matmul(rows, w.mT)
    if bias is not None:
        out = out + (b.unsqueeze(1) if call.batched(bias) else b)
    return out if rank == 2 else out.squeeze(1) if rank == 1 else out.reshape((call.size, *x.shape[:-1], -1))


def _beside(v, rank):
    """A batch of vectors against the last dimension of a value."""
    return v.reshape((v.size(0), *(1,) * (rank - 2), v.size(1)))


def matmul_value(call, a, b):
    return matmul(call, a, b)


@decompose("bilinear")
def bilinear(x1, x2, weight, bias=None):
    n = prod(x1.shape[:-1])
    flat1, flat2 = x1.reshape((n, x1.shape[-1])), x2.reshape((n, x2.shape[-1]))
    out = ((flat1.unsqueeze(1).unsqueeze(1) @ weight).squeeze(2) * flat2.unsqueeze(1)).sum(-1)
    if bias is not None:
        out = out + bias
    return out.reshape((*x1.shape[:-1], weight.shape[0]))


@decompose("kron")
def kron(a, b):
    n = max(a.dim(), b.dim())
    sa, sb = (1,) * (n - a.dim()) + tuple(a.shape), (1,) * (n - b.dim()) + tuple(b.shape)
    wide = [s for x in sa for s in (x, 1)]
    other = [s for x in sb for s in (1, x)]
    return (a.reshape(wide) * b.reshape(other)).reshape([x * y for x, y in zip(sa, sb)])


@full_rule("_chain_matmul", "multi_dot")
def chain(e, args, inplace, level):
    e.run_meta(args)
    first, *rest = args[0]
    for m in rest:
        first = first @ m
    return first


@batch_rule("_tensordot")
def tensordot(call, a, b, dims_a, dims_b):
    va, vb = call.value(a), call.value(b)
    da, db = [d % a.dim() for d in dims_a], [d % b.dim() for d in dims_b]
    free_a = [d for d in range(a.dim()) if d not in da]
    free_b = [d for d in range(b.dim()) if d not in db]
    for i, j in zip(da, db):
        if a.shape[i] != b.shape[j] and 1 not in (a.shape[i], b.shape[j]):
            call.entry.run_meta((a, b, dims_a, dims_b))
    summed = 1
    for i, j in zip(da, db):
        summed *= max(a.shape[i], b.shape[j])
    if any(a.shape[i] != b.shape[j] for i, j in zip(da, db)):
        for i, j in zip(da, db):  # a dimension of one is summed alone
            if a.shape[i] == 1 and b.shape[j] != 1:
                va = va.expand([-1 if d != i + 1 else b.shape[j] for d in range(va.dim())])
            elif b.shape[j] == 1 and a.shape[i] != 1:
                vb = vb.expand([-1 if d != j + 1 else a.shape[i] for d in range(vb.dim())])
    rows, columns = [a.shape[d] for d in free_a], [b.shape[d] for d in free_b]
    left = va.permute([0, *(d + 1 for d in free_a), *(d + 1 for d in da)])
    left = left.reshape((call.size, prod(rows), summed))
    right = vb.permute([0, *(d + 1 for d in db), *(d + 1 for d in free_b)])
    right = right.reshape((call.size, summed, prod(columns)))
    return _f.bmm(left, right).reshape((call.size, *rows, *columns))


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@batch_rule("_einsum")
def einsum(call, equation, operands):
    text = equation.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    parts = inputs.split(",")
    batch = next(c for c in _LETTERS if c not in text)
    if not arrow:
        counted = [c for c in inputs.replace("...", "") if c.isalpha()]
        output = ("..." if "..." in inputs else "") + "".join(
            sorted(c for c in set(counted) if counted.count(c) == 1)
        )
    if len(parts) != len(operands):
        call.entry.run_meta((equation, tuple(operands)))
    parts = [batch + p if call.batched(x) else p for p, x in zip(parts, operands)]
    return call.run(f"{','.join(parts)}->{batch}{output}", tuple(call.peel(x) for x in operands))
