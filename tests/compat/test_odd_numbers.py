# ruff: noqa: E501  one case, one line
"""Numbers that a type does not hold or rounds, losses of several types, elements that share memory: as PyTorch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import facula  # noqa: E402
from tests.compat import statements  # noqa: E402

CASES = """
# numbers beyond 64 bits, or beyond the type
torch.arange(0, 2**64, 2**63)
torch.arange(2**63)
torch.arange(2**63, 2**63 + 3)
torch.full((2,), 2**63)
torch.full((2,), 2**63, dtype=torch.float32)
torch.full((2,), 2**64)
torch.linspace(0, 2**64, 3)
torch.tensor([1, -1]).to(torch.uint64) * 2**63
torch.where(torch.tensor([True, False]), 2**64, 1)
torch.where(torch.tensor([True, False]), torch.ones(2), 2**63)
x = torch.tensor([1, 2, 3, -4]).byte(); x ** 256
x = torch.tensor([1, 2, 3, -4]).byte(); x ** 300
x = torch.tensor([1, 2, 3, -4]).char(); x ** 128
x = torch.tensor([1, 2, 3, -4]).char(); x ** 300
x = torch.tensor([1, 2, 3, -4]).char(); x.clone().pow_(300)
x = torch.tensor([1, 2, 3, -4]).int(); x ** (2**40)
x = torch.tensor([1, 2, 3, -4]).int(); x ** 2**31
x = torch.tensor([1, 2, 3, -4]).short(); x ** 40000
x = torch.tensor([1, 2, 3, -4]); x ** 2**63
x = torch.tensor([1, 2]); 2**63 * x
x = torch.tensor([1, 2]); 2**64 - x
x = torch.tensor([1, 2]); x % 2**63
x = torch.tensor([1, 2]); x % 2**64
x = torch.tensor([1, 2]); x & 2**63
x = torch.tensor([1, 2]); x * 2**63
x = torch.tensor([1, 2]); x * 2**64
x = torch.tensor([1, 2]); x + 2**63
x = torch.tensor([1, 2]); x - 2**63
x = torch.tensor([1, 2]); x / 2**63
x = torch.tensor([1, 2]); x // 2**63
x = torch.tensor([1, 2]); x // 2**64
x = torch.tensor([1, 2]); x < 2**64
x = torch.tensor([1, 2]); x << 2**63
x = torch.tensor([1, 2]); x == 2**63
x = torch.tensor([1, 2]); x == 2**64
x = torch.tensor([1, 2]); x.fill_(2**63)
x = torch.tensor([1, 2], dtype=torch.int8); x & 2**63
x = torch.tensor([1.0, 0.1, 3.3, 2.7]).half(); x ** 100000.0
x = torch.tensor([1.0, 0.1, 3.3, 2.7]).half(); x ** 1e39
x = torch.tensor([1.0, 2]).bfloat16(); x ** 1e39
x = torch.tensor([1.0, 2]).half(); x ** -70000
x = torch.tensor([1.0, 2]).half(); x ** 100000
x = torch.tensor([1.0, 2]).half(); x ** 70000
x = torch.tensor([1.0, 2]); torch.add(x, x, alpha=2**63)
x = torch.tensor([1.0, 2]); torch.add(x, x, alpha=2**64)
x = torch.tensor([1.0, 2]); torch.clamp(x, 0, 2**63)
x = torch.tensor([1.0, 2]); torch.clamp(x, 0, 2**64)
x = torch.tensor([1.0, 2]); torch.clamp(x, 2**64)
x = torch.tensor([1.0, 2]); torch.mul(x, 2**64)
x = torch.tensor([1.0, 2]); x * 2**63
x = torch.tensor([1.0, 2]); x * 2**64
x = torch.tensor([1.0, 2]); x ** 10**20
x = torch.tensor([1.0, 2]); x ** 10**400
x = torch.tensor([1.0, 2]); x + 2**100
x = torch.tensor([1.0, 2]); x / 2**64
x = torch.tensor([1.0, 2]); x < 2**64
x = torch.tensor([1.0, 2]); x == 2**63
x = torch.tensor([1.0, 2]); x.fill_(2**63)
x = torch.tensor([1.0, 2]); x.fill_(2**64)
x = torch.tensor([1.0, 2]); x.masked_fill_(x > 1, 2**64)
x = torch.tensor([1.0, 2]); x.mul(2**64)
x = torch.tensor([1, 2]); x ^ 0x9E3779B97F4A7C15
x = torch.tensor([1, 2]); (x * 0x9E3779B97F4A7C15) >> 32
x = torch.tensor([1, 2]); x.mul_(0x9E3779B97F4A7C15); x
x = torch.tensor([1.0, 2]); x.pow(2**63)
torch.full((2,), 2**63, dtype=torch.uint64)
x = torch.zeros(2, dtype=torch.uint64); x.fill_(2**63 + 1)
x = torch.zeros(2, dtype=torch.uint64); x[0] = 2**63 + 1; x
torch.tensor(2**64)
torch.tensor([2**64])
# numbers rounded to 16 bits
x = torch.tensor([1.0, 0.1, 0.5, -0.3]).bfloat16(); F.hardshrink(x, 0.1)
x = torch.tensor([1.0, 0.1, 3.3, -2.7]).half(); x ** 2.3
x = torch.tensor([1.0, 0.1, 3.3, 2.7]).bfloat16(); x ** 2.3
x = torch.tensor([1.0, 0.1, 3.3, 2.7]).half(); x ** 2.3
x = torch.tensor([1.0, 0.1, 3.3, 2.7]).half(); x.clone().pow_(2.3)
x = torch.tensor([1.0, 0.3, 0.5, -0.3]).bfloat16(); F.hardshrink(x, 0.3)
x = torch.tensor([1.0, 0.3, 0.5, 0.7]).half().requires_grad_(); F.hardshrink(x, 0.3).sum().backward(); x.grad
x = torch.tensor([1.0, 0.3, 0.5, 0.7]).half().requires_grad_(); F.softshrink(x, 0.3).sum().backward(); x.grad
x = torch.tensor([1.0, 0.3, 0.5, 0.7]).half().requires_grad_(); torch.clamp(x, 0.3, 0.7).sum().backward(); x.grad
# losses of several types, and their old arguments
F.binary_cross_entropy(torch.ones(2), torch.ones(2), weight=torch.ones(2).double())
F.binary_cross_entropy(torch.ones(2), torch.zeros(2), size_average=0)
F.binary_cross_entropy_with_logits(torch.ones(2), torch.ones(2), weight=torch.ones(3, 2))
F.binary_cross_entropy_with_logits(torch.ones(2), torch.ones(2).half())
F.binary_cross_entropy_with_logits(torch.ones(2), torch.ones(2).long())
F.binary_cross_entropy_with_logits(torch.ones(2), torch.zeros(2), size_average=0)
F.binary_cross_entropy_with_logits(torch.ones(2).double(), torch.ones(2), reduction="none")
F.binary_cross_entropy_with_logits(torch.ones(2).half(), torch.ones(2))
F.binary_cross_entropy_with_logits(torch.ones(2).half(), torch.ones(2).half(), pos_weight=torch.ones(2))
F.binary_cross_entropy_with_logits(torch.ones(2).half(), torch.ones(2).half(), pos_weight=torch.ones(2).double(), reduction="none")
F.binary_cross_entropy_with_logits(torch.ones(2).half(), torch.ones(2).half(), weight=torch.ones(2))
F.binary_cross_entropy_with_logits(torch.ones(2, dtype=torch.complex64), torch.ones(2))
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), None, 1)
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), reduce=0)
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), size_average=0)
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), size_average=1)
F.ctc_loss(torch.full((4, 1, 3), -1.0), torch.tensor([[1, 2]]).double(), (4,), (2,))
F.ctc_loss(torch.full((4, 1, 3), -1.0), torch.tensor([[1, 2]]).short(), torch.tensor([4]), torch.tensor([2]))
F.ctc_loss(torch.full((4, 1, 3), -1.0), torch.tensor([[1., 2.]]), torch.tensor([4]), torch.tensor([2]))
F.ctc_loss(torch.full((4, 1, 3), -1.0), torch.tensor([[True, True]]), (4,), (2,))
F.hinge_embedding_loss(torch.ones(2).long(), torch.ones(2).long())
F.huber_loss(torch.ones(2), torch.ones(2).double())
F.huber_loss(torch.ones(2).half(), torch.zeros(2))
F.huber_loss(torch.ones(2).long(), torch.zeros(2))
F.l1_loss(1.5, torch.ones(2))
F.mse_loss(torch.ones(2), torch.zeros(2), "a")
F.mse_loss(torch.ones(2), torch.zeros(2), 1)
F.mse_loss(torch.ones(2), torch.zeros(2), reduce=0)
F.mse_loss(torch.ones(2), torch.zeros(2), size_average=0)
F.mse_loss(torch.ones(2), torch.zeros(2), size_average=1)
F.nll_loss(torch.ones(2, 3), torch.tensor([0, 1]), size_average=0)
F.smooth_l1_loss(torch.ones(2), torch.zeros(2), size_average=0)
F.smooth_l1_loss(torch.ones(2).long(), torch.zeros(2).long(), beta=0.0)
F.soft_margin_loss(torch.ones(2), torch.zeros(2), size_average=0)
x = torch.ones(2, requires_grad=True); F.smooth_l1_loss(x, torch.zeros(2), beta=0.0)
F.multi_margin_loss("abc", torch.tensor([0, 2]))
F.multi_margin_loss(1.5, torch.tensor([0, 2]))
F.multi_margin_loss(torch.ones(2, 3), torch.tensor([0, -1]))
F.multi_margin_loss(torch.ones(2, 3), torch.tensor([0, 3]))
F.multi_margin_loss(torch.ones(2, 3), torch.tensor([0., 1]))
F.multilabel_margin_loss("abc", torch.tensor([0, 2]))
F.multilabel_margin_loss(torch.ones(2, 3), torch.tensor([[0, -2, -1], [1, -1, -1]]))
F.multilabel_margin_loss(torch.ones(2, 3), torch.tensor([[0, 3, -1], [1, -1, -1]]))
F.multilabel_margin_loss(torch.ones(2, 3), torch.tensor([[0., 1, -1], [1, -1, -1]]))
# shared memory and out=
torch.frexp(torch.tensor([1.5, 3.0]), out=(torch.zeros(2), torch.zeros(2, dtype=torch.int64)))
torch.frexp(torch.tensor([1.5, 3.0]), out=(torch.zeros(2).double(), torch.zeros(2, dtype=torch.int32)))
torch.frexp(torch.tensor([1.5, 3.0]).half(), out=(torch.zeros(2), torch.zeros(2, dtype=torch.int32)))
x = torch.arange(24.0).view(2, 3, 4); torch.fft.ifft(x, dim=1, out=torch.empty(0, dtype=torch.complex64)).stride()
x = torch.arange(24.0).view(2, 3, 4); torch.fft.ihfft(x, dim=1, out=torch.empty(0, dtype=torch.complex64)).stride()
x = torch.arange(6.0).view(2, 3).t(); torch.fft.ihfft(x, dim=0, out=torch.empty(0, dtype=torch.complex64)).stride()
x = torch.arange(6.0).view(2, 3); torch.fft.ifft(x, dim=0, out=torch.empty(0, dtype=torch.complex64)).stride()
x = torch.arange(6.0).view(2, 3); torch.fft.ihfft(x, dim=0, out=torch.empty(0, dtype=torch.complex64)).stride()
x = torch.zeros(1).expand(3); x.index_fill_(0, torch.tensor([0]), 1.0)
x = torch.zeros(1).expand(3); x.index_fill_(0, torch.tensor([1]), 1.0); x
x = torch.zeros(1).expand(3); x.masked_fill_(torch.tensor([True, False, False]), 1.0); x
x = torch.zeros(1, 3).expand(3, 3); x.index_fill_(0, torch.tensor([1]), 1.0); x
x = torch.zeros(1, 3).expand(3, 3); x.masked_fill_(torch.eye(3).bool(), 1.0); x
# the rest
torch.sum(torch.ones(2).requires_grad_(), dtype=torch.int32)
torch.sum(torch.ones(2).requires_grad_(), 0, dtype=torch.bool)
torch.prod(torch.ones(2).requires_grad_(), dtype=torch.int32)
torch.prod(torch.ones(2).requires_grad_(), 0, dtype=torch.int32)
torch.cumsum(torch.ones(2).requires_grad_(), 0, dtype=torch.int32)
torch.cumprod(torch.ones(2).requires_grad_(), 0, dtype=torch.int32)
torch.nansum(torch.ones(2).requires_grad_(), dtype=torch.int32)
no_grad: y = torch.sum(torch.ones(2).requires_grad_(), dtype=torch.int32); y
torch.ones(2, 2).half().norm("nuc")
torch.norm(torch.ones(2, 2).half(), "nuc")
F.instance_norm(torch.arange(12.).view(2, 3, 2).double(), torch.zeros(3), torch.ones(3), torch.ones(3).double())
F.instance_norm(torch.arange(12.).view(2, 3, 2).double(), torch.zeros(3), torch.ones(3), torch.ones(3))
m = nn.InstanceNorm1d(3, track_running_stats=True); y = m(torch.arange(12.).view(2, 3, 2).double()); m.running_var
x = torch.arange(24.0).view(1, 2, 3, 4).requires_grad_(); y, i = F.max_pool2d_with_indices(x, 2, 1); torch.ops.aten.max_pool2d_with_indices_backward(y, x, [2, 2], [1, 1], [0, 0], [1, 1], False, i).detach()
x = torch.arange(24.0).view(1, 2, 3, 4); y, i = F.max_pool2d_with_indices(x, 2, 1); torch.ops.aten.max_pool2d_with_indices_backward.default(y, x, [2, 2], [1, 1], [0, 0], [1, 1], False, i)
F.instance_norm(torch.arange(12.).view(2, 3, 2).double(), torch.zeros(3), torch.ones(3))
F.instance_norm(torch.arange(12.).view(2, 3, 2).double(), torch.zeros(3), torch.ones(3), use_input_stats=False)
nn.InstanceNorm1d(3, track_running_stats=True)(torch.arange(12.).view(2, 3, 2).double())
nn.InstanceNorm1d(3, track_running_stats=True).eval()(torch.arange(12.).view(2, 3, 2).double())
torch.lerp(torch.arange(2), torch.arange(2), torch.tensor(0.3))
torch.lerp(torch.ones(2).requires_grad_(), torch.ones(2), torch.tensor(0.3))
x = torch.zeros(3, 2); x[0] = (1, 2); x
x = torch.zeros(3, 2); x[0] = [1, 2]; x
F.cosine_similarity("abc", torch.ones(2))
F.cosine_similarity(1.5, torch.ones(2))
F.cosine_similarity(torch.ones(2), 1.5)
F.pairwise_distance("abc", torch.ones(2))
F.pairwise_distance(1.5, torch.ones(2))
x = torch.arange(6.0).view(2, 3).requires_grad_(); F.pairwise_distance(x, x + 1)
x = torch.arange(6.0).view(2, 3).requires_grad_(); F.pairwise_distance(x, x + 1, keepdim=True)
x = torch.tensor([1.0, -2.0], requires_grad=True); g, = grad(F.prelu(x, torch.tensor([0.3])).sum(), x, create_graph=True); g.requires_grad
x = torch.tensor([1.0, -2.0], requires_grad=True); g, = grad(F.prelu(x, torch.tensor([0.3])).sum(), x, create_graph=True); g.sum().backward(); x.grad
x = torch.tensor([1.0, -2.0], requires_grad=True); g, = grad(F.prelu(x, torch.tensor([0.3])).sum(), x, create_graph=True); grad(g.sum(), x)
"""

# The number is rounded to 16 bits, in the value, the gradient or both. As many elements as fill PyTorch's vectors:
# it rounds the rest more often.
ROUNDED = {
    "add": lambda t, x, y: t.add(x, y, alpha=2.3),
    "sub": lambda t, x, y: t.sub(x, y, alpha=2.3),
    "rsub": lambda t, x, y: t.rsub(x, y, alpha=2.3),
    "add in place": lambda t, x, y: (x * 1).add_(y, alpha=-0.001),
    "pow": lambda t, x, y: (x.abs() + 0.1).detach() ** 2.3,
    "addcdiv": lambda t, x, y: t.addcdiv(x, x, y, value=0.33),
    "clamp": lambda t, x, y: t.clamp(x, -0.33, 0.7),
    "hardshrink": lambda t, x, y: t.nn.functional.hardshrink(x, 0.3),
    "softshrink": lambda t, x, y: t.nn.functional.softshrink(x, 0.3),
}


@pytest.mark.parametrize("line", statements.lines(CASES))
def test_odd_numbers(line):
    statements.check(line)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ROUNDED)
def test_sixteen_bit_numbers(name, dtype):
    generator = torch.Generator().manual_seed(0)
    given = torch.randn(2, 384, generator=generator)
    given[0, :4] = torch.tensor([0.3, -0.3, 0.7, -0.33])
    seen = []
    for library in (torch, facula):
        x, y = library.tensor(given.tolist()).to(getattr(library, dtype))
        x.requires_grad_()
        result = ROUNDED[name](library, x, y)
        if result.requires_grad:
            result.sum().backward()
        seen.append((result.tolist(), x.grad if x.grad is None else x.grad.tolist()))
    assert seen[0] == seen[1]
