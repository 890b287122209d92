"""Details of views, versions, modes, gradcheck and forward mode, asked of both libraries alike."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import io
import warnings

import pytest

torch = pytest.importorskip("torch")


def outcome(call):
    """What a call gives, or the type and the first sentence of its error."""
    try:
        return call()
    except Exception as error:
        bases = [each.__name__ for each in type(error).__mro__]
        return next(name for name in bases if hasattr(builtins, name)), str(error).split(".")[0][:70]


def values(t):
    return None if t is None else t.tolist()


def deleted_attributes(lib, fw):
    found = []
    for name in ("_grad_fn", "_backward_hooks", "data"):
        x = lib.ones(3, requires_grad=True)
        found.append(outcome(lambda x=x, name=name: delattr(x, name)))
    y = lib.ones(3, requires_grad=True) * 2
    y._grad_fn = None
    return found, y.requires_grad, y.is_leaf


def counted_writes(lib, fw):
    with lib.inference_mode():
        plain, recorded = lib.ones(2), lib.ones(2, requires_grad=True)
    x = lib.ones(2)
    for t in (plain, recorded, x):
        lib.autograd.graph.increment_version(t)
    return x._version


def unsafe_pieces(lib, fw):
    found = []
    for cut in (
        lambda t: t.unsafe_split(1),
        lambda t: t.unsafe_split_with_sizes((1, 1, 1)),
        lambda t: t.unsafe_chunk(3),
    ):
        x = lib.arange(9.0).reshape(3, 3).requires_grad_()
        whole = x * 1
        first, second, third = cut(whole)
        first.mul_(second)
        (first.sum() + third.sum()).backward()
        found.append((values(x.grad), first._version, second._version, whole._version, values(whole)))
    return found


def warnings_made_errors(lib, fw):
    written = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stderr(written):
        warnings.simplefilter("ignore")
        with lib.autograd.detect_anomaly():
            warnings.simplefilter("error")
            x = lib.ones(2, requires_grad=True)
            y = x * 1
            z = y**2
            y += 1
            error = outcome(lambda: z.sum().backward())
    return error, "Error detected in PowBackward0" in written.getvalue()


def warned_each_time(lib, fw):
    lib.set_warn_always(True)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(2):
                x = lib.ones(2, requires_grad=True)
                (x * x).sum().backward(create_graph=True)
                x.grad = None
    finally:
        lib.set_warn_always(False)
    return sum("create_graph=True" in str(w.message) for w in caught)


def real_copied_to_complex(lib, fw):
    x = lib.arange(3.0, requires_grad=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        z = lib.zeros(3, dtype=lib.complex64).copy_(x)
        (z * z).sum().abs().backward()
    return values(x.grad), x.grad.dtype.is_complex, len(caught)


def mutation_allowed(lib, fw):
    x = lib.arange(3.0, requires_grad=True)
    with lib.autograd.graph.allow_mutation_on_saved_tensors() as context:
        y = x * 1
        z = (y**2).sum()
        y.mul_(10)
        z.backward()
        w = (x * x).sum()
    context.clear()
    with lib.autograd.graph.allow_mutation_on_saved_tensors():
        nested = outcome(lambda: lib.autograd.graph.allow_mutation_on_saved_tensors().__enter__())
    return values(x.grad), nested, outcome(w.backward)


def detached_duals(lib, fw):
    with fw.dual_level():
        dual = fw.make_dual(lib.ones(2), lib.full((2,), 3.0)).clone()
        before = values(fw.unpack_dual(dual * 2).tangent)
        dual.detach_()
        return before, values(fw.unpack_dual(dual * 2).tangent)


def comparisons_of_duals(lib, fw):
    found = []
    for compare in ("eq_", "ge_", "ne_"):
        with fw.dual_level():
            dual = fw.make_dual(lib.tensor([1.0, 2.0]), lib.ones(2))
            getattr(dual, compare)(1)
            found.append((values(dual), values(fw.unpack_dual(dual * 5).tangent)))
    return found


def no_forward_rule(lib, fw):
    with fw.dual_level():
        x = fw.make_dual(lib.ones(2), lib.ones(2))
        return outcome(lambda: lib.igamma(x, x)), outcome(lambda: lib.igammac(lib.ones(2), x))


def tangents_beside(lib, fw):
    found = []
    room = lib.arange(6.0)
    with fw.dual_level():
        for primal, tangent in (
            (lib.ones(4), room[:4]),
            (lib.ones(6)[:4], lib.ones(4)),
            (lib.ones(6)[1:5], room[:4]),
            (lib.ones(6)[:4], room[:4]),
            (lib.ones(2, 2).t(), lib.arange(4.0).view(2, 2)),
            (lib.ones(0), lib.ones(0)),
        ):
            kept = fw.unpack_dual(fw.make_dual(primal, tangent)).tangent
            found.append((kept is tangent, values(kept), kept.stride(), kept.storage_offset()))
        dual = fw.make_dual(lib.ones(6)[:4], lib.ones(4))
        wide = dual.as_strided((6,), (1,), 0)
        found.append(values(fw.unpack_dual(wide).tangent))
        leaf = lib.ones(4, requires_grad=True)
        t = fw.unpack_dual(fw.make_dual(lib.ones(6)[:4], leaf * 2)).tangent
        t.sum().backward()
        found.append(values(leaf.grad))
    return found


def jacobians(lib, fw):
    module = importlib.import_module(lib.__name__ + ".autograd.gradcheck")
    x = lib.arange(3.0, dtype=lib.float64).requires_grad_()
    y = lib.ones(3, dtype=lib.float64, requires_grad=True)

    def function(inputs):
        return inputs[0] * 2 + inputs[1], inputs[0] * 3

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        all_of = module.get_numerical_jacobian(function, (x, y), eps=1e-6)
        of_y = module.get_numerical_jacobian(function, (x, y), target=y, eps=1e-6)
        analytic, *agree = module.get_analytical_jacobian((x, y), function((x, y))[0])
    refused = outcome(lambda: module.get_numerical_jacobian(function, (x, y), grad_out=2.0))
    rounded = [[values(m.round(decimals=4)) for m in each] for each in (all_of, of_y, analytic)]
    return rounded, agree, refused, [w.category.__name__ for w in caught]


def sparse_checked(lib, fw):
    dense = lib.tensor([[0.5, 0.0], [1.5, 2.5]], dtype=lib.float64)
    other = lib.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=lib.float64, requires_grad=True)
    found = []
    for fast in (True, False):
        x = dense.to_sparse().requires_grad_()
        check = {"masked": True, "fast_mode": fast}
        found.append(lib.autograd.gradcheck(lambda t: t.to_dense(masked_grad=True), (x,), **check))
        found.append(lib.autograd.gradcheck(lambda t, u: lib.sparse.mm(t, u), (x, other), **check))
        more = {**check, "check_batched_grad": True, "raise_exception": False}
        found.append(lib.autograd.gradcheck(lambda t: t.to_dense(masked_grad=True), (x,), **more))

    # An entry that is not there is not moved: a gradient at its place is wrong, which slow mode finds.
    for fast in (True, False):
        x = dense.to_sparse().requires_grad_()
        wrong = {"masked": False, "fast_mode": fast, "raise_exception": False}
        found.append(lib.autograd.gradcheck(lambda t: t.to_dense(masked_grad=False), (x,), **wrong))
    return found


def forward_checked(lib, fw):
    calls = []

    class Pair(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x.clone(), y.clone()

        @staticmethod
        def jvp(ctx, x, y):
            calls.append(1)
            return x, y

    class WrongWithZero(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.set_materialize_grads(False)
            return x + y

        @staticmethod
        def jvp(ctx, x, y):
            if x is None:
                return y * 7
            return x if y is None else x + y

    one = [lib.rand(1, dtype=lib.float64, requires_grad=True) for _ in range(2)]
    options = {"check_forward_ad": True, "check_backward_ad": False}
    found = []
    for undefined in (False, True):
        calls.clear()
        lib.autograd.gradcheck(Pair.apply, one, check_undefined_grad=undefined, fast_mode=True, **options)
        found.append(len(calls))
    for undefined in (False, True):
        more = {"check_undefined_grad": undefined, "raise_exception": False, **options}
        found.append(lib.autograd.gradcheck(WrongWithZero.apply, one, **more))
    mixed = lib.ones(2, dtype=lib.complex128, requires_grad=True)
    found.append(lib.autograd.gradcheck(lambda z, x: (z * x, x.sin()), (mixed, one[0]), **options))
    found.append(
        lib.autograd.gradcheck(lambda x, y: (x * y, y.exp()), one, check_batched_forward_grad=True, **options)
    )
    return found


def undefined_warned(lib, fw):
    def function(x):
        def refuse(gradient):
            if gradient is None:
                raise RuntimeError("there is none")

        y = x.clone()
        y.register_hook(refuse)
        return y

    x = lib.ones(1, dtype=lib.float64, requires_grad=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        held = lib.autograd.gradcheck(function, (x,), raise_exception=False)
    return held, ["undefined gradient support" in str(w.message) for w in caught]


def overridden_indices(lib, fw):
    asked = []

    class Index:
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            asked.append((function.__name__, types == (cls,), len(args)))
            return -1

    class Sub(lib.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            asked.append((function.__name__, cls in types, len(args)))
            return -1

    x = lib.tensor([5])
    x[Index()] = 1
    x[5, Index()] = 1
    x[Sub()] = 1
    x[0] = Index()
    return asked, values(x), x[Index()]


def class_method_modes(lib, fw):
    overrides = importlib.import_module(lib.__name__ + ".overrides")

    class Mode(overrides.TorchFunctionMode):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            return function(*args)

    def within():
        with Mode():
            return lib.ones(1) + lib.ones(1)

    return outcome(within), values(lib.ones(1) + 1)


CASES = [
    overridden_indices,
    class_method_modes,
    deleted_attributes,
    counted_writes,
    unsafe_pieces,
    warnings_made_errors,
    warned_each_time,
    real_copied_to_complex,
    mutation_allowed,
    detached_duals,
    comparisons_of_duals,
    no_forward_rule,
    tangents_beside,
    jacobians,
    sparse_checked,
    forward_checked,
    undefined_warned,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@pytest.mark.filterwarnings("ignore")
def test_as_in_pytorch(case):
    found = []
    for name in ("torch", "facula"):
        lib = importlib.import_module(name)
        lib.manual_seed(0)
        found.append(case(lib, importlib.import_module(name + ".autograd.forward_ad")))
    assert found[1] == found[0]
