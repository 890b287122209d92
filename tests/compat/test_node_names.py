"""The name of the recorded operation, which every printed result shows, against real PyTorch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import facula  # noqa: E402

# a: [2, 3], b: [3], q: [3, 3] and complex c are recorded; m is a mask, i and j are indices
EXPRESSIONS = """
a + b | a + 1 | 1 + a | a - b | a - 1 | 1 - a | a * b | a * 2 | 2 * a | a / b | a / 2 | 2 / a | a ** 2
a ** b | 2 ** a | a // b | a % b | a % 2 | -a | +a | abs(a) | a @ q | b @ b | q @ b | b @ q
torch.add(a, b, alpha=2) | torch.sub(a, b, alpha=2) | torch.rsub(a, 2)
torch.div(a, b, rounding_mode="floor") | torch.true_divide(a, b) | torch.fmod(a, 2)
torch.remainder(a, b) | a.pow(0.5) | a.square() | a.sqrt() | a.rsqrt() | a.reciprocal() | a.exp()
a.exp2() | a.expm1() | a.log() | a.log2() | a.log10() | a.log1p() | a.sin() | a.cos() | a.tan()
a.asin() | a.acos() | a.atan() | a.sinh() | a.cosh() | a.tanh() | a.asinh() | (a + 2).acosh() | a.atanh()
torch.atan2(a, a) | torch.hypot(a, a) | a.sigmoid() | a.logit() | a.erf() | a.erfc() | a.erfinv()
a.lgamma() | a.digamma() | a.sign() | a.floor() | a.ceil() | a.round() | a.trunc() | a.frac() | a.abs()
a.neg() | a.clamp(0, 1) | a.clamp(min=0) | a.clamp_min(0.1) | a.clamp_max(0.1) | torch.maximum(a, a)
torch.minimum(a, a) | torch.fmax(a, a) | torch.lerp(a, a, 0.5) | torch.addcmul(a, a, a)
torch.addcdiv(a, a, a) | torch.where(m, a, a) | a.relu() | F.relu(a) | F.relu6(a) | F.elu(a) | F.selu(a)
F.celu(a) | F.gelu(a) | F.silu(a) | F.mish(a) | F.softplus(a) | F.softsign(a) | F.leaky_relu(a)
F.hardtanh(a) | F.hardswish(a) | F.hardsigmoid(a) | F.logsigmoid(a) | F.tanhshrink(a) | F.softshrink(a)
F.hardshrink(a) | F.threshold(a, 0, 1) | torch.tanh(a) | a.softmax(0) | a.log_softmax(1)
F.softmax(a, 1) | a.sum() | a.sum(0) | a.sum((0, 1)) | a.mean() | a.mean(0) | a.prod() | a.prod(0)
a.var() | a.var(0) | a.std() | a.std(0) | a.norm() | a.norm(1) | a.norm(dim=0) | a.max() | a.min()
a.max(0).values | a.min(1).values | a.amax(0) | a.amin(1) | a.logsumexp(0) | a.cumsum(0) | a.cumprod(0)
a.median() | a.sort().values | a.topk(1).values | a.view(3, 2) | a.reshape(3, 2) | a.reshape(2, 3)
a.t() | a.T | a.mT | a.transpose(0, 1) | a.permute(1, 0) | a.unsqueeze(0) | a.unsqueeze(0).squeeze()
a.unsqueeze(0).squeeze(0) | b.expand(2, 3) | b.expand_as(a) | a.flatten() | a.unflatten(1, (3, 1)) | a[0]
a[:, 1] | a[:1] | a[...] | a[None] | a[i] | a[m] | a[0, 1] | a[::2, 1:] | a.select(0, 1)
a.narrow(1, 0, 2) | a.split(1)[0] | a.split([1, 2], 1)[1] | a.chunk(2)[1] | a.unbind()[0] | a.diagonal()
a.diag() | a.tril() | a.triu() | a.flip(0) | a.roll(1) | a.repeat(2, 1) | a.tile(2) | a.movedim(0, 1)
a.as_strided((2,), (1,)) | torch.cat([a, a]) | torch.stack([a, a]) | torch.hstack([a, a]) | a.clone()
a.contiguous() | a.t().contiguous() | a.double() | a.to(torch.float16) | a.type(torch.float64)
a.index_select(0, i) | a.gather(1, j) | a.scatter(1, j, 0.0) | a.scatter_add(1, j, a)
a.index_add(0, i, a[i]) | a.masked_fill(m, 0.0) | a.masked_select(m) | a.take(i)
a.put(i, a[0, :2]) | a.masked_scatter(m, a) | a.dist(a) | torch.std_mean(a)[0] | torch.var_mean(a)[1]
torch.cdist(a, a) | torch.cdist(a[None], a[None]) | a.sort(stable=True).values | torch.mm(q, q)
torch.mv(q, b) | torch.dot(b, b) | torch.outer(b, b) | torch.matmul(a, b) | torch.addmm(q, q, q)
torch.bmm(q[None], q[None]) | torch.baddbmm(q[None], q[None], q[None]) | torch.einsum("ij,jk->ik", q, q)
F.linear(a, q) | F.linear(a, q, b) | F.mse_loss(a, a * 2) | F.l1_loss(a, a * 2)
F.smooth_l1_loss(a, a * 2) | F.binary_cross_entropy(a, a.detach())
F.binary_cross_entropy_with_logits(a, a.detach()) | F.cross_entropy(a, i) | F.nll_loss(a, i)
F.dropout(a) | F.kl_div(a, a.detach()) | F.huber_loss(a, a * 2) | F.embedding(i, a) | c * 2 | c.abs()
c.real | c.imag | c.conj() * 1 | c.angle() | torch.view_as_real(c) | torch.complex(a, a)
a.clone().add_(1) | a.clone().mul_(b) | a.clone().zero_() | a.clone().fill_(2.0) | a.clone().copy_(a)
a.clone().exp_() | a.clone().relu_() | a.clone().clamp_(0, 1) | a.clone().masked_fill_(m, 0)
a.clone().t_() | a.clone().detach() | +a.clone()
""".replace("\n", " | ").split(" | ")[1:-1]


def names(library):
    def recorded(*shape, dtype=None):
        return (library.ones(*shape, dtype=dtype) * 0.5).requires_grad_()

    return {
        "torch": library,
        "F": library.nn.functional,
        "a": recorded(2, 3),
        "b": recorded(3),
        "q": recorded(3, 3),
        "c": recorded(2, dtype=library.complex64),
        "m": library.tensor([[True, False, True], [False, True, True]]),
        "i": library.tensor([0, 1]),
        "j": library.tensor([[0, 1, 2], [2, 1, 0]]),
    }


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_name(expression):
    mine, theirs = (eval(expression, names(library)) for library in (facula, torch))
    assert type(mine.grad_fn).__name__ == type(theirs.grad_fn).__name__
    if theirs.grad_fn is not None:
        assert mine.grad_fn.name() == theirs.grad_fn.name()


# A gradient that is recorded itself shows what PyTorch computes it with.
GRADIENTS = """
a.relu() | F.relu6(a) | F.gelu(a) | F.elu(a) | F.selu(a) | F.celu(a) | F.leaky_relu(a) | F.hardtanh(a)
F.hardswish(a) | F.softplus(a) | F.softshrink(a) | F.hardshrink(a) | F.logsigmoid(a) | a.sigmoid()
a.tanh() | F.threshold(a, 0.1, 5) | F.silu(a) | F.mish(a) | F.softmax(a, 1) | F.log_softmax(a, 1)
F.prelu(a, torch.tensor([0.2])) | F.layer_norm(a, (3,)) | F.batch_norm(a, None, None, training=True)
F.mse_loss(a, a.detach() * 2) | F.smooth_l1_loss(a, a.detach() * 2) | F.huber_loss(a, a.detach() * 2)
F.binary_cross_entropy(a, a.detach()) | F.cross_entropy(a, i) | F.nll_loss(a, i)
F.soft_margin_loss(a, a.detach()) | F.embedding(i, a) | F.embedding_bag(i[None], a)
torch.cdist(a, a.detach() + 1) | torch.pdist(a * j) | a.max() | a.max(1)[0] | a.sort()[0] | a.topk(2)[0]
a.kthvalue(1)[0] | a.median() | a.mean() | a.mean(0) | a.t() | a[0] | a[:, 1:] | a.narrow(1, 0, 2)
a.diagonal() | a.diag() | a.unfold(1, 2, 1) | a.expand(2, 2, 3) | b + a.detach() | a.repeat(2, 1) | a.trace()
F.linear(a.detach(), a) | F.linear(a, a.detach()) | F.linear(a.detach(), a, i * 1.0) | a @ a.detach().T
F.conv1d(a, q.detach()[:2, :2, None]) | F.pad(a, (1, 1), mode="reflect") | F.pad(a, (1, 1), mode="replicate")
F.max_pool2d(a[None], 2) | F.adaptive_max_pool2d(a[None], 1) | F.interpolate(a[None], scale_factor=2)
F.interpolate(a[None, None], scale_factor=2, mode="bilinear") | a.exp2() | a.asinh() | a.deg2rad()
a.nan_to_num() | 2 ** a | torch.maximum(a, a.detach()) | a.nansum() | a.mode(1)[0] | a.masked_select(m)
a[m] | a[i] | a.take(i) | a.lerp(a.detach(), 0.5) | torch.hypot(a, a.detach()) | a ** 3 | a.sin() | a.exp()
a * a | a.sqrt() | a.norm() | a.prod() | a.cumsum(0) | a.std() | torch.where(m, a, a * 2) | a.logsumexp(0)
""".replace("\n", " | ").split(" | ")[1:-1]


@pytest.mark.parametrize("expression", GRADIENTS)
def test_name_of_gradient(expression):
    found = []
    for library in (facula, torch):
        space = names(library)
        wanted = space["b"] if expression.startswith("b") else space["a"]
        (gradient,) = library.autograd.grad(eval(expression, space).pow(2).sum(), wanted, create_graph=True)
        found.append(gradient.grad_fn.name())
    assert found[0] == found[1]


def test_name_of_grad_that_was_accumulated():
    for library in (facula, torch):
        x = library.ones(2).requires_grad_()
        (x * x).sum().backward(create_graph=True)
        assert x.grad.grad_fn.name() == "torch::autograd::CopyBackwards"
        (x**3).sum().backward(create_graph=True)
        assert x.grad.grad_fn.name() == "AddBackward0"


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize(
    "options", [{}, {"batch_first": True}, {"bidirectional": True}, {"dtype": "float64"}]
)
def test_name_of_recurrent_outputs(kind, options):
    found = []
    for library in (facula, torch):
        given = {k: getattr(library, v) if k == "dtype" else v for k, v in options.items()}
        layer = getattr(library.nn, kind)(3, 4, **given)
        out, state = layer(library.ones(2, 2, 3, dtype=layer.weight_ih_l0.dtype))
        found.append([t.grad_fn.name() for t in (out, *(state if kind == "LSTM" else [state]))])
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["elu", "selu", "celu"])
def test_second_derivatives_of_large_numbers(name):
    for library in (facula, torch):
        x = library.tensor([1000.0, 3.0]).requires_grad_()
        y = getattr(library.nn.functional, name)(x)
        (g,) = library.autograd.grad(y.sum(), x, create_graph=True)
        assert library.autograd.grad(g.sum(), x)[0].tolist() == [0, 0]
