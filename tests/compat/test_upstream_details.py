"""Details that PyTorch's own test files ask about linear algebra, pooling, embeddings and hooks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

import side_by_side  # noqa: E402
import statements  # noqa: E402

BEFORE = """
A = torch.tensor([[2., 1.], [1., 3.]]); B = torch.ones(2, 2); L = torch.linalg; E = torch.empty
inf, nan = float("inf"), float("nan")
P = torch.nn.functional; W = torch.arange(12.).view(4, 3)
def bag(offsets, mode, double=False, padding=None, last=True):
    weight = W.double() if double else W
    rows = torch.tensor([0, 1, 2, 3])
    options = {"mode": mode, "include_last_offset": last, "padding_idx": padding}
    return P.embedding_bag(rows, weight, torch.tensor(offsets), **options)
Q = torch.arange(64.).view(1, 2, 4, 8) / 64
sdpa = P.scaled_dot_product_attention
last = torch.channels_last_3d
V = torch.arange(480.).view(1, 2, 4, 6, 10).contiguous(memory_format=last)
I = torch.arange(384.).view(2, 4, 6, 8).contiguous(memory_format=torch.channels_last)
"""

LINES = """
torch._int_mm(A.to(torch.int8), B.to(torch.int8))
torch._int_mm(A.to(torch.uint8), B.to(torch.int8), out=torch.empty(2, 2, dtype=torch.int32))
torch._int_mm(A, B)
torch._int_mm(A.to(torch.int8), B.long())
torch._int_mm(A.to(torch.int8), B[:1].to(torch.int8))
torch._int_mm(A.to(torch.int8), B.to(torch.int8), out=torch.empty(2, 2))
torch._int_mm(A.to(torch.int8), B.to(torch.int8), out=torch.empty(3, 2, dtype=torch.int32))
torch._addmm_activation(A, -A, B, beta=0.5)
torch._addmm_activation(A[0], -A, B, alpha=0.1, use_gelu=True)
L.norm(A, 1, axis=(-2, -1), keepdims=True)
L.matrix_norm(A, axis=(0, 1))
torch.quantile(A, .5, axis=0, keepdims=True)
torch.trapezoid(A, axis=0)
torch.fft.fftshift(A, axis=0)
torch.gradient(A, axis=0)
torch.cov(x=A)
L.pinv(x=A).shape
A.quantile(.5, axis=1)
L.cond(A, out=E(0, dtype=torch.int))
L.matrix_rank(A, out=E(0, dtype=torch.bool))
L.pinv(A, out=E(0, dtype=torch.int))
L.tensorinv(A, ind=1, out=E(0, dtype=torch.int))
L.tensorsolve(A, torch.ones(2), out=E(0, dtype=torch.int))
L.matrix_norm(A, out=E(0, dtype=torch.double))
L.norm(A, 1, out=E(0, dtype=torch.int))
L.vecdot(A, A, out=E(0, dtype=torch.double))
L.cond(torch.zeros(2, 2), 1)
L.cond(torch.zeros(2, 2), "fro")
L.cond(torch.zeros(3, 2, 2), -inf)
L.cond(torch.tensor([[1., nan], [0, 1]]), inf)
L.cond(A, 1)
L.matrix_norm(A, 1 + 2j)
L.vector_norm(A, 1 + 2j)
L.vector_norm(torch.ones(0), inf)
L.vector_norm(torch.ones(0, 3), -1, dim=0)
L.vector_norm(torch.ones(0, 3), inf, dim=1)
L.vector_norm(torch.ones(0, 3), 2)
L.vector_norm(A, 2, dtype=torch.int)
L.vector_norm(A, 2, dtype=torch.cfloat)
L.vector_norm(A.cfloat(), 2, dtype=torch.float)
L.vector_norm(A.double(), 2, dtype=torch.float)
L.vector_norm(A, 2, dtype=torch.double)
torch.einsum("", [])
torch.einsum("ij,jk", [A, B])
torch.addr(A, A[0], A[0], beta=True)
torch.addr(A.bool(), A[0].bool(), A[0].bool(), beta=True)
L.tensorsolve(torch.ones(2, 3, 6), torch.ones(3, 3))
L.slogdet(A.half())
torch.logdet(A.bfloat16())
L.pinv(A.half())
L.matrix_rank(A.half())
L.lu_solve(A, torch.tensor([0, 1], dtype=torch.int), B)
bag([0, 3, 3], "mean")
bag([0, 2, 3], "mean")
bag([0, 2, 3], "sum")
bag([0, 2, 3], "sum", double=True)
bag([0, 3, 3], "max")
bag([0, 2, 3], "mean", padding=2)
bag([0, 2, 4], "mean", padding=2)
P.embedding_bag(torch.tensor([0, 7]), W, torch.tensor([0]), mode="sum")
P.embedding_bag(torch.tensor([0, 7]), W.double(), torch.tensor([0]), mode="sum")
P.embedding_bag(torch.tensor([0, 7]), W, torch.tensor([0]), mode="max")
P.embedding_bag(torch.tensor([0, 1]), W, torch.zeros(1).long(), mode="sum", per_sample_weights=B[0].double())
torch.nn.EmbeddingBag(4, 3, padding_idx=9)
torch.nn.Embedding(4, 3, padding_idx=-9)
torch.nn.utils.rnn.pack_padded_sequence(torch.ones(2, 0, 1), torch.ones(0, dtype=torch.long))
P.adaptive_avg_pool2d(torch.ones(0, 4, 4), 2).shape
P.adaptive_avg_pool1d(torch.ones(0, 4), 2).shape
P.adaptive_max_pool2d(torch.ones(0, 4, 4), 2)
x = torch.ones(1, 4, 4, requires_grad=True); P.adaptive_avg_pool2d(x, 0).sum().backward()
x = torch.ones(2, 1, 4, 4, requires_grad=True); P.adaptive_max_pool2d(x, 0).sum().backward()
P.fractional_max_pool2d(torch.ones(2, 7, 7), (1,), output_size=(3, 3))
P.fractional_max_pool2d(torch.ones(2, 7, 7), 2, output_size=0).shape
sdpa(Q, Q, Q, torch.zeros(4, 4), 0.0, True)
sdpa(Q[0], Q[0], Q[0], torch.zeros(4, 4), 0.0, True)
sdpa(Q, Q, Q, torch.zeros(4, 4), 0.5, True)
sdpa(Q, Q, Q[..., :4], torch.zeros(4, 4), 0.0, True)
sdpa(Q, Q, Q, torch.zeros(4, 4, requires_grad=True), 0.0, True)
sdpa(Q, Q[:, :, :3], Q[:, :, :3], torch.zeros(4, 3), 0.0, True).shape
sdpa(Q, Q, Q, None, 0.0, True)
P.conv2d(I, torch.ones(2, 4, 1, 1).contiguous(memory_format=torch.channels_last)).stride()
P.conv2d(I.contiguous(), torch.ones(2, 4, 1, 1).contiguous(memory_format=torch.channels_last)).stride()
P.conv2d(I[:, :1], torch.ones(2, 1, 3, 3)).stride()
P.conv2d(I.contiguous()[:, :1], torch.ones(2, 1, 3, 3)).stride()
P.conv2d(I[:0], torch.ones(2, 4, 3, 3)).stride()
P.interpolate(I, scale_factor=2, mode="bilinear").stride()
P.interpolate(I[:, ::2], scale_factor=2, mode="bilinear").stride()
P.interpolate(I[:, :, ::2], scale_factor=2, mode="bicubic").stride()
P.interpolate(I[:, :1], size=(3, 3)).stride()
P.interpolate(I, size=[4, "a"])
P.interpolate(I, size=[4.5, 3])
P.pad(I[:, ::2], (1, 1), mode="reflect").stride()
P.pad(I[:, ::2], (1, 1)).stride()
P.pad(I, (1, 1, 1, 1), mode="replicate").stride()
P.pad(I, (1, 1), mode="circular").stride()
P.max_unpool2d(*P.max_pool2d(I, 2, return_indices=True), 2).stride()
P.fractional_max_pool2d(I, 2, output_ratio=(0.5, 0.5, 0.5))
P.fractional_max_pool2d(I, 2, output_ratio=(0.5,))
P.fractional_max_pool2d(I, 2, output_ratio=(0.5, 0.5)).shape
torch.nn.Linear(2, 3).to("cpu", 2)
torch.nn.Linear(2, 3).to(torch.device("cpu"), True)
torch.nn.Linear(2, 3).to(torch.device("cpu"), torch.float64, True).weight.dtype
torch.nn.Linear(2, 3).to(torch.ones(1).double(), True).weight.dtype
torch.nn.Linear(2, 3).to(torch.half, copy=True)
torch.nn.Linear(2, 3).to(other=torch.ones(1))
torch.nn.Linear(2, 3).to(None, torch.double).weight.dtype
torch.nn.ParameterList([torch.nn.Parameter(torch.empty(1, device="meta"))])
P.max_pool3d(V, 2).stride()
P.max_pool3d(V[0], 2).stride()
P.max_pool3d(V[0], 2, return_indices=True)[1].stride()
P.max_pool3d(V, 2)
P.avg_pool3d(V, 2).stride()
P.adaptive_avg_pool3d(V, 2).stride()
P.adaptive_max_pool3d(V, 2).stride()
P.max_pool2d(I[:, ::2], 2).stride()
P.avg_pool2d(I[:, :, ::2, ::2], 2).stride()
P.adaptive_avg_pool2d(I[:, ::2], 2).stride()
P.adaptive_max_pool2d(I[:, ::2], 2)
"""


@pytest.fixture(autouse=True)
def _names(monkeypatch):
    monkeypatch.setattr(statements, "BEFORE", BEFORE)
    monkeypatch.setattr(statements, "close", lambda a, b: side_by_side.close(_plain(a), _plain(b), 1e-5))


def _plain(value):
    return list(map(_plain, value)) if isinstance(value, (list, tuple)) else value


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("line", statements.lines(LINES))
def test_line(line):
    statements.check(line)


def test_inputs_without_gradient_stay_so_behind_hooks():
    def run(t):
        seen = []

        class Module(t.nn.Module):
            def forward(self, a, b):
                seen.append((a.requires_grad, b.requires_grad))
                return a * b

        module = Module()
        module.register_full_backward_hook(lambda m, gi, go: seen.append([g is None for g in gi]))
        x = t.ones(2, requires_grad=True)
        y = t.ones(2, requires_grad=True)
        module(x, x.detach()).sum().backward()
        module(x, y).sum().backward()
        return seen, y.grad

    side_by_side.check(run)


def test_named_tuples_stay_so_behind_hooks():
    from collections import namedtuple

    pair = namedtuple("pair", "first second")

    def run(t):
        class Module(t.nn.Module):
            def forward(self, a):
                return pair(a * 2, a + 1)

        module = Module()
        module.register_full_backward_hook(lambda m, gi, go: None)
        out = module(t.ones(2, requires_grad=True))
        return type(out).__name__, out.first

    side_by_side.check(run)


@pytest.mark.parametrize("milestones", [[3], [0], [1]])
def test_sequence_of_chained_schedules(milestones):
    def run(t):
        optimizer = t.optim.SGD([t.nn.Parameter(t.zeros(1))], lr=0.5)
        s = t.optim.lr_scheduler
        chained = s.ChainedScheduler([s.ConstantLR(optimizer, 0.1, 2), s.ExponentialLR(optimizer, 0.9)])
        schedules = (
            [s.StepLR(optimizer, 1, 0.5), chained]
            if milestones == [0]
            else [chained, s.StepLR(optimizer, 1, 0.5)]
        )
        whole = s.SequentialLR(optimizer, schedules, milestones)
        seen = []
        for _ in range(5):
            seen.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if milestones != [0]:
                whole.step()
        return seen

    side_by_side.check(run, 1e-12)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RAdam", "NAdam"])
def test_differentiable_steps(name):
    def run(t):
        start = t.tensor([0.3, -0.7], dtype=t.float64, requires_grad=True)
        lr = t.tensor(0.1, dtype=t.float64, requires_grad=True)
        p = start.clone()
        optimizer = getattr(t.optim, name)([p], lr=0.1 if name == "NAdam" else lr, differentiable=True)
        for _ in range(3):
            at = p.clone()
            (p.grad,) = t.autograd.grad(at.sin().sum(), at, create_graph=True)
            optimizer.step()
        wanted = [start] if name == "NAdam" else [start, lr]
        return p, t.autograd.grad((p**2).sum(), wanted)

    side_by_side.check(run, 1e-9)


def test_buffers_of_modules_that_register_them_otherwise():
    def run(t):
        class Module(t.nn.Module):
            def __init__(self, persistent):
                super().__init__()
                self.bar = t.nn.Buffer(t.ones(2), persistent=persistent)

            def register_buffer(self, name, value):
                super().register_buffer(name, value, True)

        try:
            Module(False)
        except RuntimeError as error:
            return list(Module(True).state_dict()), str(error)

    side_by_side.check(run)
