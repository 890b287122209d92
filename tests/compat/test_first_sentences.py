# ruff: noqa: E501  one case, one line
"""Errors of everyday mistakes begin with PyTorch's first line and have its type."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from tests.compat import statements  # noqa: E402

CASES = """
# shapes
torch.ones(3) + torch.ones(4)
torch.ones(2, 3) * torch.ones(3, 2)
torch.ones(2, 3) - torch.ones(2)
torch.where(torch.ones(3) > 0, torch.ones(4), torch.ones(3))
torch.ones(2, 3) == torch.ones(4)
torch.ones(2).add_(torch.ones(3, 2))
torch.ones(2, 3).masked_fill(torch.ones(2, 4, dtype=torch.bool), 0)
torch.ones(2, 3) @ torch.ones(4, 5)
torch.ones(3) @ torch.ones(4)
torch.ones(2, 3) @ torch.ones(4)
torch.ones(2, 2).mm(torch.ones(3))
torch.ones(2, 3).mm(torch.ones(2, 3))
torch.bmm(torch.ones(2, 3, 4), torch.ones(2, 3, 4))
torch.addmm(torch.ones(2), torch.ones(2, 3), torch.ones(4, 2))
torch.mv(torch.ones(2, 3), torch.ones(2))
torch.dot(torch.ones(2), torch.ones(3))
nn.Linear(3, 4)(torch.ones(2, 5))
F.linear(torch.ones(2, 5), torch.ones(4, 3))
nn.Bilinear(2, 3, 4)(torch.ones(1, 2), torch.ones(1, 4))
torch.cat([torch.ones(2, 3), torch.ones(2, 4)])
torch.cat([torch.ones(2, 3), torch.ones(3)])
torch.cat([])
torch.stack([torch.ones(2, 3), torch.ones(2, 4)])
torch.stack([])
torch.ones(6).view(4, 2)
torch.ones(6).view(-1, -1)
torch.ones(6).reshape(4, -1)
torch.ones(2, 3).t().view(6)
torch.ones(2, 3).expand(4, 4)
torch.ones(2, 3).repeat(2)
torch.ones(2, 3).squeeze(4)
torch.ones(2, 3).transpose(0, 2)
torch.ones(2, 3).t().t().view(5)
torch.ones(2, 2, 2).t()
torch.ones(2, 3).unflatten(1, (2, 2))
torch.chunk(torch.ones(3), 0)
torch.split(torch.ones(3), [1, 1])
nn.Conv2d(3, 4, 3)(torch.ones(1, 5, 8, 8))
nn.Conv2d(3, 4, 3)(torch.ones(8, 8))
nn.Conv1d(3, 4, 3)(torch.ones(1, 3, 2))
nn.BatchNorm1d(3)(torch.ones(2, 4))
nn.BatchNorm2d(3)(torch.ones(2, 3))
nn.LayerNorm(3)(torch.ones(2, 4))
nn.LSTM(3, 4)(torch.ones(5, 2, 4))
nn.MultiheadAttention(4, 3)
nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1))(torch.ones(1, 2))
# losses
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 3]))
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, -3]))
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1, 2]))
F.cross_entropy(torch.ones(2, 3), torch.tensor([0.0, 1.0]))
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1], dtype=torch.int32))
F.nll_loss(torch.ones(2, 3), torch.tensor([0, 3]))
nn.NLLLoss()(torch.ones(2, 3), torch.tensor([0, 7]))
F.mse_loss(torch.rand(3), torch.rand(4))
F.binary_cross_entropy(torch.tensor([2.0]), torch.tensor([1.0]))
F.binary_cross_entropy(torch.rand(3), torch.rand(4))
F.one_hot(torch.tensor([3]), 2)
# types
torch.ones(2, 2) @ torch.ones(2, 2, dtype=torch.float64)
nn.Linear(2, 2)(torch.ones(2, 2, dtype=torch.float64))
nn.Linear(2, 2)(torch.ones(2, 2, dtype=torch.int64))
torch.ones(2, dtype=torch.int64).mean()
torch.ones(2, dtype=torch.int64).add_(1.5)
torch.tensor([1, 2], requires_grad=True)
torch.ones(2, dtype=torch.int64).requires_grad_()
torch.where(torch.ones(2), torch.ones(2), torch.ones(2))
torch.ones(3).gather(0, torch.tensor([1.0]))
torch.ones(2, 3).masked_select(torch.ones(3))
F.embedding(torch.tensor([1.0]), torch.ones(3, 2))
torch.arange(3).softmax(0)
torch.ones(2, dtype=torch.int64).exp_()
torch.ones(3, dtype=torch.complex64) > 1
torch.ones(3).to(torch.int64).normal_()
torch.ones(2, device='meta').tolist()
# indices
torch.ones(3)[5]
torch.ones(3)[-4]
torch.ones(3)[0, 0]
torch.ones(3)[torch.tensor([5])]
torch.ones(3)[torch.tensor([1.0])]
torch.ones(3)[torch.tensor([True, False])]
torch.ones(3)[::-1]
torch.ones(())[0]
torch.ones(2, 3).sum(5)
torch.ones(2, 3).sum((0, 0))
torch.ones(3).index_select(0, torch.tensor([7]))
torch.ones(3).gather(0, torch.tensor([7]))
torch.ones(3).softmax(2)
torch.ones(3).max(1)
torch.ones(3).argmax(3)
nn.Embedding(3, 2)(torch.tensor([3]))
F.embedding(torch.tensor([5]), torch.ones(3, 2))
# numbers out of tensors
torch.ones(3).item()
torch.ones(0).item()
bool(torch.ones(3))
bool(torch.ones(0))
float(torch.ones(3))
int(torch.ones(3))
[1, 2][torch.ones(1)]
len(torch.ones(()))
w.numpy()
w.tolist().foo
# arguments
torch.zeros(3, dtyp=torch.float32)
F.relu(torch.ones(3), inplac=True)
nn.Linear(3, 4, bais=False)
torch.eye(-1)
torch.linspace(0, 1, -1)
torch.arange(3, 0)
torch.randint(3, 3, (2,))
torch.zeros(-1)
F.dropout(torch.rand(3), p=2)
nn.Dropout(2)
# backward
m.backward()
c.sum().backward()
w.backward(torch.ones(3))
y = (w * w).sum(); y.backward(); y.backward()
y = (w * w).sum(); grad(y, w); grad(y, w)
grad(w.sum(), [w, m])
grad(w.sum(), [c])
grad(c.sum(), [w])
grad(w, [w])
torch.tensor(3).backward()
no_grad: y = w.sum(); y.backward()
(w * 1j).sum().backward()
grad(w.sum(), [])
# optimizers and modules
torch.optim.SGD([], lr=1)
torch.optim.SGD([w * 2], lr=1)
torch.optim.SGD([1], lr=1)
torch.optim.SGD(w, lr=1)
torch.optim.SGD([w], lr=-1)
torch.optim.Adam([w], betas=(1.5, 0.9))
nn.Linear(3, 4).load_state_dict({'weight': torch.ones(4, 2)})
nn.Linear(3, 4).load_state_dict({'weight': torch.ones(4, 3), 'bias': torch.ones(4), 'more': torch.ones(1)})
nn.Linear(3, 4).foo
nn.Module()(1)
"""


@pytest.mark.parametrize("line", statements.lines(CASES))
def test_first_sentence(line):
    statements.check(line)
