"""Every property on every operation of the sample table (op_samples.py), without PyTorch."""

from __future__ import annotations

import gc
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from op_outcomes import GOLDEN_DTYPES, difference, outcome, variants
from op_samples import NO_SAMPLES
from op_table import TABLE, unsampled
from op_tools import (
    IN_PLACE,
    IN_PLACE_NN,
    OUT,
    PLACES,
    TOLERANCE,
    Op,
    Sample,
    Spec,
    call,
    callables,
    close,
    dtype_name,
    flat,
    is_tensor,
    leaves,
    place,
)

import facula as t
import facula.autograd.forward_ad as fwAD

# What is not right yet: (property, operation) -> what happens.
KNOWN = {
    ("test_meta", "masked_scatter"): "goes through nonzero, which meta tensors lack",
}


@pytest.fixture(autouse=True)
def known(request: pytest.FixtureRequest) -> None:
    """Marks what KNOWN lists as failing; a case that passes meanwhile fails, so that the list shrinks."""
    params = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    name = getattr(params.get("op"), "name", "")
    prefix = "complex " if params.get("dtype") == "complex128" else ""
    reason = KNOWN.get((request.node.originalname, prefix + name))
    if reason:
        request.node.add_marker(pytest.mark.xfail(strict=True, reason=reason))


MAIN = ("float32", "float64", "int64", "bool", "complex64")
every = pytest.mark.parametrize("op", TABLE.values(), ids=lambda op: op.name)


def some(test: Any) -> Any:
    """The rows that a property speaks about, chosen by the function in the parametrization's place."""
    return lambda choose: pytest.mark.parametrize(
        "op", [op for op in TABLE.values() if choose(op)], ids=lambda op: op.name
    )(test)


def cases(op: Op, dtypes: tuple[str, ...] = MAIN) -> list[tuple[Sample, str, Any]]:
    """The samples that facula computes, each with its dtype and result."""
    found = []
    for sample in op.samples:
        for dtype in dtypes if any(d in op.dtypes for d in dtypes) else op.dtypes:
            if dtype not in op.dtypes:
                continue
            try:
                found.append((sample, dtype, call(t, op, sample, dtype)))
            except (RuntimeError, NotImplementedError, TypeError, IndexError, ValueError):
                continue  # test_outcome says whether an error is right
    return found


def agree(got: Any, want: Any, what: str, tolerance: bool = False) -> None:
    got, want = leaves(got), leaves(want)
    assert len(got) == len(want), what
    for a, b in zip(got, want):
        if is_tensor(b):
            assert (a.dtype, a.shape) == (b.dtype, b.shape), (
                f"{what}: {a.dtype} {a.shape}, not {b.dtype} {b.shape}"
            )
            allowed = TOLERANCE.get(dtype_name(b), 0.0) if tolerance else 0.0
            assert close(a, b, allowed), f"{what}: {flat(a)} instead of {flat(b)}"
        else:
            assert a == b or a != a, what


def test_census() -> None:
    assert unsampled() == [], "a sample in op_samples.py, or a reason in NO_SAMPLES"
    assert not set(NO_SAMPLES) & set(TABLE)


@every
def test_some_sample_works(op: Op) -> None:
    working = {id(sample) for sample, _, _ in cases(op, op.dtypes)}
    broken = [repr(s) for s in op.samples if id(s) not in working]
    # A default row tries numbers too, which operations on integers may refuse.
    assert working and (op.default or not broken), f"no dtype computes {broken}"


def decoded(x: Any) -> Any:
    """What JSON has no words for: complex numbers are pairs, inf and nan strings."""
    if isinstance(x, str):
        return float(x)
    return complex(decoded(x[0]), decoded(x[1])) if isinstance(x, list) else x


@every
def test_golden(op: Op, golden: dict[str, Any]) -> None:
    """What PyTorch answers, for those who do not have it (golden/make_ops.py)."""
    wrong = {}
    for name, sample in variants(op):
        for dtype in GOLDEN_DTYPES:
            want = golden.get(f"{op.name}/{name}/{dtype}")
            if want is None:
                continue
            got = outcome(t, op, sample, dtype)
            if want[:1] != ["error"]:
                want = [
                    p if p[0] == "value" else [p[0], p[1], None, [decoded(v) for v in p[2]]] for p in want
                ]
            if said := difference(got, want, least=6e-8):  # eight digits are written
                wrong[f"{name}/{dtype}"] = said
    assert wrong == {}


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "golden" / "ops.json").read_text())


@every
def test_forms(op: Op) -> None:
    """Function, method, nn.functional ... and the other names are one operation."""
    for sample, dtype, want in cases(op):
        for written, function in callables(t, op, sample)[1:]:
            args, kwargs = sample.build(t, dtype, op.domain)
            agree(function(*args, **kwargs), want, f"{written}{sample!r} {dtype}")
    sample, dtype, want = cases(op, op.dtypes)[0]
    for alias in op.aliases:
        for bit, path in PLACES:
            if op.forms & bit and not alias.startswith("__"):
                args, kwargs = sample.build(t, dtype, op.domain)
                agree(getattr(place(t, path), alias)(*args, **kwargs), want, alias)


def transposed(x: Any) -> Any:
    return x.transpose(0, -1).contiguous().transpose(0, -1) if x.dim() > 1 else x


def sliced(x: Any) -> Any:
    if x.dim() == 0:
        return t.stack([x, x])[1]
    whole = t.zeros(*x.shape[:-1], 2 * x.shape[-1] + 3, dtype=x.dtype)
    part = whole[..., 2 : 2 * x.shape[-1] + 1 : 2] if x.shape[-1] else whole[..., :0]
    part.copy_(x)
    return part


def laid_out(args: Any, change: Any) -> Any:
    if isinstance(args, (list, tuple)):
        return type(args)(laid_out(a, change) for a in args)
    return change(args) if is_tensor(args) else args


# Operations whose meaning is the memory layout itself.
LAYOUT = {
    "as_strided_",
    "fill_diagonal_",
    "detach_",
    "as_strided",
    "as_strided_scatter",
    "is_contiguous",
    "resize_",
    "resize_as_",
    "view",
    "view_as",
}


@every
@pytest.mark.parametrize("change", [transposed, sliced], ids=["transposed", "sliced"])
def test_strided(op: Op, change: Any) -> None:
    if op.name in LAYOUT:
        pytest.skip("about the layout itself")
    for sample, dtype, want in cases(op):
        if op.name == "view_as_complex":
            continue
        args, kwargs = sample.build(t, dtype, op.domain)
        got = callables(t, op, sample)[0][1](*laid_out(args, change), **kwargs)
        agree(got, want, f"{op.name}{sample!r} {dtype}", tolerance=True)


def in_place(op: Op) -> Any:
    name = op.name + "_"
    if op.forms & IN_PLACE and not hasattr(t.Tensor, name):
        return getattr(t, name)
    if op.forms & IN_PLACE:
        return lambda x, *a, **k: getattr(x, name)(*a, **k)
    return getattr(t.nn.functional, name)


def fits(result: Any, x: Any) -> bool:
    """Whether an operation's result may be written into its first operand."""
    return (
        is_tensor(result) and is_tensor(x) and result.shape == x.shape and t.can_cast(result.dtype, x.dtype)
    )


@lambda test: some(test)(lambda op: op.forms & (IN_PLACE | IN_PLACE_NN) and not op.name.endswith("_"))
def test_in_place(op: Op) -> None:
    done = 0
    for sample, dtype, want in cases(op):
        args, kwargs = sample.build(t, dtype, op.domain)
        what = f"{op.name}_{sample!r} {dtype}"
        if not args or not is_tensor(args[0]) or op.name == "where":
            continue
        if op.name == "abs" and args[0].is_complex():  # refused in place, as in PyTorch
            continue
        x = args[0]
        before = flat(x)
        if not fits(want, x):
            with pytest.raises(RuntimeError):
                in_place(op)(*args, **kwargs)
            assert close(x, before), f"{what}: failed and wrote"
            continue
        version, address = x._version, x.data_ptr()
        got = in_place(op)(*args, **kwargs)
        # conj_physical_ leaves a real tensor as it is.
        written = x._version > version or (op.name == "conj_physical" and not x.is_complex())
        assert got is x and x.data_ptr() == address and written, what
        agree(got, want.to(x.dtype), what)
        done += 1
        for change in (transposed, sliced):
            args, kwargs = sample.build(t, dtype, op.domain)
            args[0] = change(args[0])
            agree(in_place(op)(*args, **kwargs), want.to(x.dtype), what, tolerance=True)
    assert done or op.name in ("nan_to_num",)


@lambda test: some(test)(lambda op: op.forms & OUT and not op.name.endswith("_"))
def test_out(op: Op) -> None:
    for sample, dtype, want in cases(op):
        function = callables(t, op, sample)[0][1]
        what = f"{op.name}{sample!r} {dtype}"
        if "Tensor." in callables(t, op, sample)[0][0] or isinstance(want, list) or sample.data:
            continue
        many = isinstance(want, tuple)
        parts = leaves(want)
        places = [t.empty(0, dtype=p.dtype) for p in parts]
        args, kwargs = sample.build(t, dtype, op.domain)
        if "as_tuple" in kwargs:
            continue
        got = function(*args, **kwargs, out=tuple(places) if many else places[0])
        agree(got, want, what)
        assert all(a is b for a, b in zip(leaves(got), places)), f"{what}: another tensor than out="
        # Into a view with gaps: the neighbours stay.
        for p in parts:
            if p.numel() == 0 or many or p.dim() == 0:
                continue
            whole = t.zeros(*p.shape[:-1], 2 * p.shape[-1], dtype=p.dtype)
            args, kwargs = sample.build(t, dtype, op.domain)
            function(*args, **kwargs, out=whole[..., ::2])
            agree(whole[..., ::2], p, what, tolerance=True)
            assert not any(flat(whole[..., 1::2])), f"{what}: wrote beside out="


def on_meta(args: Any) -> Any:
    if isinstance(args, (list, tuple)):
        return type(args)(on_meta(a) for a in args)
    return args.to("meta") if is_tensor(args) else args


@lambda test: some(test)(lambda op: not op.data)
def test_meta(op: Op) -> None:
    for sample, dtype, want in cases(op):
        args, kwargs = sample.build(t, dtype, op.domain)
        if not any(is_tensor(a) for a in leaves(args)):
            kwargs["device"] = "meta"
            if op.name in ("result_type", "can_cast", "promote_types"):
                return
        if "cpu" in args or op.name == "cpu" or sample.data:
            continue
        what = f"{op.name}{sample!r} {dtype} on meta"
        kwargs = {k: on_meta(a) for k, a in kwargs.items()}
        got = leaves(callables(t, op, sample)[0][1](*on_meta(args), **kwargs))
        assert len(got) == len(leaves(want)), what
        for a, b in zip(got, leaves(want)):
            if not is_tensor(b):
                assert a == b, what
                continue
            assert str(a.device) == "meta", what
            assert (a.dtype, a.shape, a.stride()) == (b.dtype, b.shape, b.stride()), (
                f"{what}: {a.dtype} {a.shape} {a.stride()}, not {b.dtype} {b.shape} {b.stride()}"
            )


# Derivatives --------------------------------------------------------------------------------------------

DOMAINS = ((-1.9, 1.9), (0.15, 0.85), (1.1, 2.9))


def wave(like: Any, phase: float) -> Any:
    values = [math.cos(phase + 1.7 * k) + 0.1 for k in range(like.numel())]
    if like.dtype.is_complex:
        values = [complex(v, math.sin(0.3 + phase + k)) for k, v in enumerate(values)]
    return t.tensor(values, dtype=like.dtype).reshape(like.shape)


def inner(a: Any, b: Any) -> float:
    """Re <a, b>: the pairing in which a gradient is the derivative."""
    if a.dtype.is_complex:
        return float(sum((p * q.conjugate()).real for p, q in zip(flat(a), flat(b))))
    return float(sum(p * q for p, q in zip(flat(a), flat(b))))


def rebuilt(args: Any, values: list[Any]) -> Any:
    """The arguments with their floating tensors replaced, in order."""
    if isinstance(args, (list, tuple)):
        return type(args)(rebuilt(a, values) for a in args)
    if is_tensor(args) and (args.dtype.is_floating_point or args.dtype.is_complex):
        return values.pop(0)
    return args


class Function:
    """A sample as a function from its floating tensors to the floating ones of the result."""

    def __init__(self, op: Op, sample: Sample, dtype: str, domain: Any) -> None:
        self.call = callables(t, op, sample)[0][1]
        self.args, self.kwargs = sample.build(t, dtype, domain)
        self.inputs = [
            x for x in leaves(self.args) if is_tensor(x) and (x.dtype.is_floating_point or x.dtype.is_complex)
        ]

    def __call__(self, *inputs: Any) -> list[Any]:
        args = rebuilt(self.args, [x.clone() for x in inputs])
        return [y for y in leaves(self.call(*args, **self.kwargs)) if is_tensor(y) and differentiable_type(y)]


def differentiable_type(y: Any) -> bool:
    return bool(y.dtype.is_floating_point or y.dtype.is_complex)


def finite(tensors: list[Any]) -> bool:
    return all(math.isfinite(abs(v)) for x in tensors if x is not None for v in flat(x))


def suitable(op: Op, sample: Sample, dtype: str) -> Function | None:
    """The sample on an interval where the operation is defined."""
    for domain in (op.domain,) if op.domain else DOMAINS:
        f = Function(op, sample, dtype, domain)
        if str(f.kwargs.get("dtype")).startswith("torch.int"):
            return None  # dtype= asks for a result without history
        try:
            if finite(f(*f.inputs)):
                return f
        except (RuntimeError, NotImplementedError, TypeError, IndexError):
            return None
    return None


def check_derivative(f: Any, inputs: list[Any], what: str, step: float = 1e-5) -> bool:
    """grad of <w, f> along a direction against the central difference; whether there was any."""
    leaf = [x.detach().clone().requires_grad_() for x in inputs]
    outputs = [y for y in f(*leaf) if y.requires_grad]
    if not outputs:
        return False
    weights = [wave(y, 0.4 + k) for k, y in enumerate(outputs)]
    grads = t.autograd.grad(outputs, leaf, weights, allow_unused=True)
    directions = [wave(x, 2.1 + k) for k, x in enumerate(inputs)]
    for g, x in zip(grads, inputs):
        assert g is None or (g.shape, g.dtype) == (x.shape, x.dtype), (
            f"{what}: gradient is {g.dtype} {g.shape}"
        )
    got = sum(inner(g, d) for g, d in zip(grads, directions) if g is not None)

    def at(h: float) -> float:
        moved = [(x + h * d).requires_grad_() for x, d in zip(inputs, directions)]
        ys = [y for y in f(*moved) if y.requires_grad]
        return sum(inner(y, w) for y, w in zip(ys, weights))

    want = (at(step) - at(-step)) / (2 * step)
    assert math.isclose(got, want, rel_tol=2e-6, abs_tol=2e-6), f"{what}: {got} instead of {want}"
    return True


def first_derivative(f: Function) -> Any:
    """(inputs, cotangents) -> gradients: the function that second derivatives are of."""
    outputs = [y for y in f(*[x.detach().clone().requires_grad_() for x in f.inputs]) if y.requires_grad]
    cotangents = [wave(y, 0.9 + k) for k, y in enumerate(outputs)]
    n = len(f.inputs)

    def g(*values: Any) -> list[Any]:
        leaf = [x if x.requires_grad else x.requires_grad_() for x in values]
        ys = [y for y in f(*leaf[:n]) if y.requires_grad]
        grads = t.autograd.grad(ys, leaf[:n], leaf[n:], create_graph=True, allow_unused=True)
        return [x for x in grads if x is not None]

    return g, list(f.inputs) + cotangents


def with_gradients(op: Op, dtype: str) -> Any:
    """(sample, function) for each sample of this type that has gradients."""
    if dtype not in op.dtypes:
        pytest.skip("another type")
    for sample in op.samples:
        f = suitable(op, sample, dtype) if sample.grad else None
        if f is not None and any(x.numel() for x in f.inputs):
            yield sample, f


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@lambda test: some(test)(lambda op: op.grad)
def test_derivatives(op: Op, dtype: str) -> None:
    for sample, f in with_gradients(op, dtype):
        what = f"{op.name}{sample!r} {dtype}"
        if check_derivative(f, f.inputs, what) and op.second:
            g, inputs = first_derivative(f)
            check_derivative(g, inputs, f"second derivative of {what}")


def rows_agree(f: Any, inputs: list[Any], what: str) -> None:
    leaf = [x.detach().clone().requires_grad_() for x in inputs]
    outputs = [y for y in f(*leaf) if y.requires_grad]
    if not outputs:
        return
    each = [[wave(y, 0.4 + k + row) for k, y in enumerate(outputs)] for row in range(3)]
    kept: Any = {"allow_unused": True, "retain_graph": True}
    want = [t.autograd.grad(outputs, leaf, vectors, **kept) for vectors in each]
    stacked = [t.stack(column) for column in zip(*each)]
    for create in (False, True):
        got = t.autograd.grad(outputs, leaf, stacked, is_grads_batched=True, create_graph=create, **kept)
        for g, *rows in zip(got, *want):
            assert (g is None) == (rows[0] is None), what
            assert g is None or close(g, t.stack(rows), 1e-9), f"{what}: {flat(g)}, not {rows}"


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@lambda test: some(test)(lambda op: op.grad)
def test_batched_gradients(op: Op, dtype: str) -> None:
    """Many vectors in one backward give what they give one by one; so do those of the gradient."""
    for sample, f in with_gradients(op, dtype):
        rows_agree(f, f.inputs, f"{op.name}{sample!r} {dtype}")
        if op.second:
            g, inputs = first_derivative(f)
            rows_agree(g, inputs, f"gradient of {op.name}{sample!r} {dtype}")


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@lambda test: some(test)(lambda op: op.grad)
def test_forward_mode(op: Op, dtype: str) -> None:
    """<w, J d> from forward mode is <J' w, d> from backward, and both have one gradient."""
    for sample, f in with_gradients(op, dtype):
        what = f"{op.name}{sample!r} {dtype}"
        leaf = [x.detach().clone().requires_grad_() for x in f.inputs]
        outputs = [y for y in f(*leaf) if y.requires_grad]
        if not outputs:
            continue
        weights = [wave(y, 0.4 + k) for k, y in enumerate(outputs)]
        directions = [wave(x, 2.1 + k) for k, x in enumerate(leaf)]
        grads = t.autograd.grad(outputs, leaf, weights, allow_unused=True, create_graph=op.second)
        want = pairing(grads, directions)
        with fwAD.dual_level():
            duals = [fwAD.make_dual(x, d) for x, d in zip(leaf, directions)]
            tangents = [fwAD.unpack_dual(y).tangent for y in f(*duals) if y.requires_grad]
            assert all(x is not None for x in tangents) and len(tangents) == len(outputs), what
            for x, y in zip(tangents, outputs):
                assert (x.dtype, x.shape) == (y.dtype, y.shape), f"{what}: tangent is {x.dtype} {x.shape}"
            got = pairing(tangents, weights)
            assert math.isclose(float(got), float(want), rel_tol=1e-9, abs_tol=1e-9), f"{what}: {got} {want}"
            if op.second and want.requires_grad:
                wants = t.autograd.grad(want, leaf, allow_unused=True, materialize_grads=True)
                gots = (
                    t.autograd.grad(got, leaf, allow_unused=True, materialize_grads=True)
                    if got.requires_grad
                    else [t.zeros_like(x) for x in leaf]
                )
                for a, b in zip(gots, wants):
                    assert close(a, b, 1e-9), f"{what}: gradient of the tangent {flat(a)}, not {flat(b)}"
        with t.no_grad(), fwAD.dual_level():
            duals = [fwAD.make_dual(x.detach(), d) for x, d in zip(leaf, directions)]
            again = [fwAD.unpack_dual(y).tangent for y in f(*duals)]
            again = [x for x in again if x is not None]
            agree(again, [x.detach() for x in tangents], what, tolerance=True)


def pairing(a: Any, b: Any) -> Any:
    """Re <a, b> as a tensor."""
    total = t.zeros((), dtype=t.float64)
    for x, y in zip(a, b):
        if x is not None:
            product = x * y.conj()
            total = total + (product.real if product.dtype.is_complex else product).sum()
    return total


@lambda test: some(test)(
    lambda op: op.forms & (IN_PLACE | IN_PLACE_NN) and op.grad and not op.name.endswith("_")
)
def test_in_place_gradient(op: Op) -> None:
    for sample in op.samples:
        if op.name == "where" or not (sample.args and isinstance(sample.args[0], Spec)) or not sample.grad:
            continue
        f = suitable(op, sample, "float64")
        if f is None or not f.inputs or not fits(leaves(f.call(*f.args, **f.kwargs))[0], f.args[0]):
            continue
        results = []
        for function in (f.call, in_place(op)):
            leaf = [x.detach().clone().requires_grad_() for x in f.inputs]
            y = function(*rebuilt(f.args, [x.clone() for x in leaf]), **f.kwargs)
            if not y.requires_grad:
                break
            grads = t.autograd.grad(y, leaf, wave(y, 0.2), allow_unused=True)
            results.append([g for g in grads if g is not None])
        if len(results) == 2:
            agree(results[1], results[0], f"gradient of {op.name}_{sample!r}", tolerance=True)


# Resources ----------------------------------------------------------------------------------------------


@every
def test_no_leak(op: Op) -> None:
    """Calling again and again, with gradients and with errors, leaves nothing behind."""
    sample, dtype, _ = next(iter(cases(op, ("float32",)) + cases(op, op.dtypes)))
    function = callables(t, op, sample)[0][1]
    args, kwargs = sample.build(t, dtype, op.domain)
    inputs = [x for x in leaves(args) if is_tensor(x)]
    differentiable = op.grad and sample.grad

    def once() -> None:
        fresh = rebuilt(
            args, [x.clone().requires_grad_(differentiable) * 1 for x in inputs if differentiable_type(x)]
        )
        outputs = [y for y in leaves(function(*fresh, **kwargs)) if is_tensor(y) and y.requires_grad]
        if outputs:
            t.autograd.backward(outputs, [t.ones_like(y) for y in outputs])
        try:
            function(*fresh, **kwargs, no_such_argument=1)
        except TypeError:
            pass
        else:
            raise AssertionError("an unknown keyword was accepted")

    for _ in range(3):
        once()
    gc.collect()
    counts, memory = [sys.getrefcount(x) for x in inputs], t._C._memory_stats()["system_bytes"]
    grown = []
    while (
        not grown or grown[-1] >= 25 and len(grown) < 4
    ):  # other threads allocate too; a leak is seen each time
        blocks = sys.getallocatedblocks()
        for _ in range(30):
            once()
        gc.collect()
        grown.append(sys.getallocatedblocks() - blocks)
    assert [sys.getrefcount(x) for x in inputs] == counts
    assert min(grown) < 25, f"Python objects stay alive: {grown}"
    assert t._C._memory_stats()["system_bytes"] == memory, "tensor memory stays in use"


@lambda test: some(test)(lambda op: op.big is not None)
def test_threads(op: Op) -> None:
    """The same bits from one thread and from two."""
    assert op.big is not None
    before = t.get_num_threads()
    try:
        for dtype in ("float32", "float64"):
            results = []
            for threads in (1, 2):
                t.set_num_threads(threads)
                try:
                    results.append(leaves(call(t, op, op.big, dtype)))
                except (RuntimeError, NotImplementedError):
                    results.append([])
            for a, b in zip(*results):
                same = (a == b) | ((a != a) & (b != b))
                assert bool(same.all()), f"{op.name} {dtype}"
    finally:
        t.set_num_threads(before)
