"""torch.library: operators with derivatives and rules of their own, found in torch.ops."""

from __future__ import annotations

import pytest

import facula as torch
from facula import Tensor

np = pytest.importorskip("numpy")


@torch.library.custom_op("facula_tests::scaled_sin", mutates_args=())
def scaled_sin(x: Tensor, scale: float = 1.0) -> Tensor:
    return torch.from_numpy(np.sin(x.numpy()) * scale)


def keep(ctx, inputs, output):
    x, ctx.scale = inputs
    ctx.save_for_backward(x)


def backward(ctx, grad):
    (x,) = ctx.saved_tensors
    assert ctx.needs_input_grad == (True, False)
    return grad * x.cos() * ctx.scale, None


scaled_sin.register_autograd(backward, setup_context=keep)


def test_an_operator_and_its_derivative():
    x = torch.linspace(0, 1, 5, dtype=torch.float64, requires_grad=True)
    y = scaled_sin(x, scale=2.0)
    torch.testing.assert_close(y, 2 * x.sin())
    assert torch.autograd.gradcheck(lambda x: scaled_sin(x, 2.0), (x,))
    assert torch.equal(torch.ops.facula_tests.scaled_sin(x.detach()), torch.sin(x.detach()))
    assert str(torch.ops.facula_tests.scaled_sin.default) == "facula_tests.scaled_sin.default"
    with pytest.raises(RuntimeError, match="at most 2 argument"):
        torch.ops.facula_tests.scaled_sin(x, 1.0, 2)
    with pytest.raises(RuntimeError, match="missing value for argument 'x'"):
        torch.ops.facula_tests.scaled_sin()


def test_lists_of_tensors_have_gradients():
    @torch.library.custom_op("facula_tests::pair", mutates_args=())
    def pair(xs: list[Tensor], k: int) -> tuple[Tensor, Tensor]:
        return xs[0] * k, xs[1] + k

    def setup(ctx, inputs, output):
        ctx.k = inputs[1]

    pair.register_autograd(lambda ctx, a, b: ([a * ctx.k, b], None), setup_context=setup)
    a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    u, v = pair([a, b], 3)
    (u.sum() + 2 * v.sum()).backward()
    assert a.grad.tolist() == [3, 3] and b.grad.tolist() == [2, 2]


def test_without_a_derivative_backward_says_so():
    @torch.library.custom_op("facula_tests::copy", mutates_args=())
    def copy(x: Tensor) -> Tensor:
        return x.clone()

    @torch.library.custom_op("facula_tests::same", mutates_args=())
    def same(x: Tensor) -> Tensor:
        return x

    y = copy(torch.ones(2, requires_grad=True))
    with pytest.raises(RuntimeError, match="no autograd formula was registered"):
        y.sum().backward()
    with pytest.raises(RuntimeError, match="must not also be an input"):
        same(torch.ones(2))


def test_a_rule_for_vmap():
    @torch.library.custom_op("facula_tests::twice", mutates_args=())
    def twice(x: Tensor) -> Tensor:
        return torch.from_numpy(x.numpy() * 2)

    twice.register_vmap(lambda info, dims, x: (twice(x), dims[0]))
    assert torch.vmap(twice, in_dims=1)(torch.ones(2, 3)).shape == (3, 2)


def test_libraries_define_and_implement():
    library = torch.library.Library("facula_tests_b", "DEF")
    library.define("mulx(Tensor x, Tensor y, *, float a=2.0) -> Tensor")
    library.impl("mulx", lambda x, y, *, a=2.0: x * y * a, "CompositeImplicitAutograd")
    q = torch.ones(2, requires_grad=True)
    torch.ops.facula_tests_b.mulx(q, q, a=3.0).sum().backward()
    assert q.grad.tolist() == [6, 6]
    torch.library.define("facula_tests_b::plus", "(Tensor x, int[] k=[1, 2]) -> Tensor")
    torch.library.impl("facula_tests_b::plus", "cpu", lambda x, k: x + sum(k))
    assert torch.ops.facula_tests_b.plus(torch.zeros(1)).item() == 3
    with pytest.raises(RuntimeError, match="multiple times"):
        library.define("mulx(Tensor x) -> Tensor")
    with pytest.raises(RuntimeError, match="does not exist"):
        torch.library.register_vmap("facula_tests_b::nothing", lambda: None)


def test_schemas_from_type_hints():
    def f(x: Tensor, y: Tensor | None, z: list[int], *, w: bool = True) -> list[Tensor]: ...

    def untyped(x): ...

    infer = torch.library.infer_schema
    assert infer(f, mutates_args=()) == "(Tensor x, Tensor? y, SymInt[] z, *, bool w=True) -> Tensor[]"
    assert infer(f, mutates_args={"x"}, op_name="q").startswith("q(Tensor(a0!) x, ")
    with pytest.raises(ValueError, match="must have a type annotation"):
        infer(untyped, mutates_args=())


def test_selective_checkpoints_keep_results_of_operators():
    from functools import partial

    from facula.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

    runs = []

    @torch.library.custom_op("kept::sine", mutates_args=())
    def sine(x: torch.Tensor) -> tuple[torch.Tensor, int]:
        runs.append(1)
        return x.sin(), 2

    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    def backward(ctx, gradient, _):
        return gradient * ctx.saved_tensors[0].cos()

    torch.library.register_autograd("kept::sine", backward, setup_context=setup_context)

    def f(x):
        return (torch.ops.kept.sine(x)[0] * x.exp()).sin().sum()

    x = torch.tensor([0.5, 1.0], requires_grad=True)
    expected = torch.autograd.grad(f(x), x)[0]
    for kept, count in ((torch.ops.kept.sine.default, 1), (torch.ops.aten.exp.default, 2)):
        runs.clear()
        contexts = partial(create_selective_checkpoint_contexts, [kept])
        y = checkpoint(f, x, use_reentrant=False, context_fn=contexts)
        assert torch.allclose(torch.autograd.grad(y, x)[0], expected)
        assert len(runs) == count
