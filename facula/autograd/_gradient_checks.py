"""What gradcheck asks besides the numbers: inputs, missing gradients and tangents, batches."""

from __future__ import annotations

import warnings

import facula as torch

from .. import _C
from . import forward_ad
from ._jacobians import GradcheckError, _is_inexact, _recorded, _tuple, _wants_gradient, is_sparse


class _Undefined(torch.autograd.Function):
    """The identity, whose derivative gives no gradient."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return None


def _check_absent_entries(outputs, inputs) -> None:
    """Entries that a sparse input does not have are not moved, so no gradient may stand there."""
    sparse = [(i, t) for i, t in enumerate(inputs) if _wants_gradient(t) and is_sparse(t)]
    for k, o in enumerate(outputs if sparse else ()):
        vector = torch.rand(o.shape, dtype=o.dtype) + 0.1
        wanted = [t for _, t in sparse]
        found = torch.autograd.grad(o, wanted, vector, retain_graph=True, allow_unused=True)
        for (i, t), g in zip(sparse, found):
            if g is None:
                continue
            there = t._like(torch.ones_like(t._held.detach())).to_dense() != 0
            elsewhere = (g.to_dense() if is_sparse(g) else g).masked_fill(there, 0)
            if (elsewhere != 0).any():
                raise GradcheckError(
                    f"Jacobian mismatch for output {k} with respect to input {i},\nnumerical: 0 at entries "
                    f"that the sparse input does not have\nanalytical:{elsewhere}\n"
                )


def _check_inputs(inputs) -> None:
    any_wanted = False
    for i, t in enumerate(inputs):
        if not _wants_gradient(t):
            continue
        any_wanted = True
        if t.dtype not in (torch.float64, torch.complex128):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex. This "
                "check will likely fail if all the inputs are not of double precision floating point or "
                "complex. ",
                stacklevel=4,
            )
        content = t._held if is_sparse(t) else t
        if not all(stride > 0 or size <= 1 for stride, size in zip(content.stride(), content.size())):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs that are "
                "non-overlapping to be able to compute the numerical gradients correctly. You should call "
                ".contiguous on the input before passing it to gradcheck."
            )
    if not any_wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have "
            "requires_grad=True."
        )


def _check_zero_in_zero_out(outputs, inputs, masked: bool) -> None:
    zeros = [torch.zeros_like(o) for o in outputs]
    wanted = [t for t in inputs if _wants_gradient(t)]
    found = torch.autograd.grad(outputs, wanted, zeros, allow_unused=True, retain_graph=True)
    for g, t in zip(found, wanted):
        if g is None:
            continue
        if is_sparse(g):
            if g.layout != t.layout:
                raise GradcheckError(f"grad is incorrect layout ({g.layout} is not {t.layout})")
            for what in ("sparse_dim", "dense_dim"):
                has, expected = getattr(g, what)(), getattr(t, what)()
                if has != expected:
                    raise GradcheckError(
                        f"grad is sparse tensor, but has incorrect {what} {has}, expected {expected}"
                    )
            g = g.to_dense()
        if not (torch.allclose(g, torch.zeros_like(g)) if masked else bool((g == 0).all())):
            raise GradcheckError("backward not multiplied by grad_output")
        if g.dtype != t.dtype:
            raise GradcheckError("grad is incorrect type")
        if g.size() != t.size():
            raise GradcheckError("grad is incorrect size")


def _check_undefined(function, outputs, inputs) -> None:
    wanted = [t for t in inputs if _wants_gradient(t)]
    attempts = [range(len(outputs))]
    if len(outputs) > 1:
        attempts += [[k] for k in range(len(outputs))]
    for undefined in attempts:
        fresh = _recorded(function(*inputs))
        checked = [_Undefined.apply(o) if k in undefined else o for k, o in enumerate(fresh)]
        try:
            found = torch.autograd.grad(
                checked, wanted, [torch.zeros_like(o) for o in checked], allow_unused=True
            )
        except RuntimeError as error:
            _warn_of_undefined()
            raise GradcheckError(
                "Expected backward function to handle undefined output grads. A gradient may be None where "
                "set_materialize_grads(False) was called."
            ) from error
        for g in found:
            if g is not None and not ((g.to_dense() if is_sparse(g) else g) == 0).all():
                _warn_of_undefined()
                raise GradcheckError(
                    "Expected all input grads to be undefined or zero when all output grads are undefined "
                    "or zero."
                )


def _warn_of_undefined() -> None:
    warnings.warn(
        "Backwards compatibility: New undefined gradient support checking feature is enabled by default, but "
        'it may break existing callers of this function. "check_undefined_grad=False" disables it.',
        stacklevel=4,
    )


def _check_undefined_tangents(function, inputs) -> None:
    """A tangent that is missing counts as one of zeros, whatever the others are."""
    wanted = [i for i, t in enumerate(inputs) if _wants_gradient(t)]
    with forward_ad.dual_level():
        duals = list(inputs)
        for i in wanted:
            duals[i] = forward_ad.make_dual(inputs[i].detach(), torch.rand_like(inputs[i]))
        for i in wanted:
            plain = inputs[i].detach()
            zero = forward_ad.make_dual(plain, torch.zeros_like(plain))
            found = []
            for given in (zero, plain):
                outputs = _tuple(function(*duals[:i], given, *duals[i + 1 :]))
                found.append([forward_ad.unpack_dual(o).tangent for o in outputs if _is_inexact(o)])
            for k, (with_zero, with_none) in enumerate(zip(*found)):
                if with_zero is None or with_none is None or torch.allclose(with_zero, with_none):
                    continue
                raise GradcheckError(
                    f"Mismatch in tangent values for output with index: {k} when input: {i} has an undefined "
                    f"tangent value.\nGot: {with_none}\nbut expected: {with_zero}"
                )


def _check_batched_tangents(function, inputs) -> None:
    for i, t in enumerate(inputs):
        if not (_wants_gradient(t) and _is_inexact(t)):
            continue

        def tangents_of(direction, at=i):
            def of_one(x):
                given = [o.detach() if isinstance(o, _C.Tensor) else o for o in inputs]
                given[at] = x
                return tuple(o for o in _tuple(function(*given)) if _is_inexact(o))

            return torch.func.jvp(of_one, (inputs[at].detach(),), (direction,))[1]

        directions = [torch.randn_like(t) for _ in range(2)]
        try:
            expected = [torch.stack(rows) for rows in zip(*map(tangents_of, directions))]
            found = torch.vmap(tangents_of)(torch.stack(directions))
        except RuntimeError as error:
            if "setup_context" in str(error):  # a Function of the older form, which has no batched one here
                return
            raise GradcheckError(f"While computing batched gradients, got: {error}") from error
        for k, (a, b) in enumerate(zip(found, expected)):
            if not torch.allclose(a, b):
                raise GradcheckError(
                    f"For output {k} and input {i}:\n\ngradcheck failed while testing batched gradient "
                    f"computation with forward-mode AD.\n\nGot:\n{a}\n\nExpected:\n{b}"
                )


def _check_batched(output, inputs, number: int) -> None:
    vectors = torch.randn(2, *output.shape, dtype=output.dtype)
    wanted = [t for t in inputs if _wants_gradient(t)]
    if any(is_sparse(t) for t in wanted):
        raise GradcheckError(
            f"For output {number}:\n\ngradcheck or gradgradcheck failed while testing batched gradient "
            "computation: gradients of sparse tensors cannot be batched."
        )
    expected = [torch.autograd.grad(output, wanted, v, retain_graph=True, allow_unused=True) for v in vectors]
    try:
        found = torch.autograd.grad(
            output, wanted, vectors, retain_graph=True, allow_unused=True, is_grads_batched=True
        )
    except RuntimeError as error:
        raise GradcheckError(f"While computing batched gradients, got: {error}") from error
    for at, (t, g) in enumerate(zip(wanted, found)):
        rows = [torch.zeros_like(t) if e[at] is None else e[at] for e in expected]
        g = torch.zeros(2, *t.shape, dtype=t.dtype) if g is None else g
        if not torch.allclose(g, torch.stack(rows)):
            raise GradcheckError(
                f"For output {number} and input {at}:\n\ngradcheck or gradgradcheck failed while testing "
                "batched "
                f"gradient computation.\n\nGot:\n{g}\n\nExpected:\n{torch.stack(rows)}"
            )
