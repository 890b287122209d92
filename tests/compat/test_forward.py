"""Forward mode beside PyTorch: values, what has a tangent, and errors."""

from __future__ import annotations

import importlib

import pytest

torch = pytest.importorskip("torch")

PROGRAMS = """
y = d * 2
y = d.sign()
y = d > 1
y = d.detach()
y = d.data
y = torch.zeros_like(d)
y = d.view(2, 1).expand(2, 3)
y = d.reshape(2, 1).sum(1)
y = x.clone(); y.mul_(d)
y = torch.zeros(2, 2); v = y[0]; v.copy_(d)
y = torch.zeros(2, 2); v = y[0]; y.add_(d); y = v
y = torch.zeros(2, 2); y[1] = d
y = torch.zeros(2, 2); y.t()[0].add_(d)
y = d.clone(); y.zero_()
y = d.clone(); y.fill_(3.0)
y = d.clone(); y.t_()
y = d.clone(); y.copy_(x)
y = d.clone(); y.clamp_(min=1.5)
y = d.clone(); y.cumsum_(0)
y = d.double()
y = torch.cat([d, x, d])
y = torch.stack([x, d]).unbind()[1]
y = torch.max(d, 0).values
y = d.sort(descending=True).values
y = torch.linalg.vector_norm(d)
y = torch.outer(d, d) @ d
y = torch.nn.functional.cross_entropy(d, torch.tensor(1))
y = torch.nn.functional.softmax(d, 0)
y = torch.nn.Linear(2, 1, bias=False)(d) * 0
y = torch.where(x > 1, d, x)
y = d[torch.tensor([1, 1, 0])]
y = torch.complex(d, x).abs()
y = torch.view_as_real(torch.complex(d, d) ** 2)
y = (d * torch.complex(x, x)).conj().real
y = d.bernoulli(0.5) * 0
y = d.prod()
y = d ** d
y = torch.autograd.grad((d * r * r).sum(), r)[0]
y = torch.autograd.grad((r.exp() * d).sum(), r)[0]
torch.add(d, x, out=torch.empty(2))
torch.heaviside(d, x)
d // 2
fw.make_dual(d, x)
fw.make_dual(x, torch.ones(3))
fw.make_dual(torch.tensor([1]), x)
fw.make_dual(x, torch.tensor([1, 2]))
fw.enter_dual_level()
fw.exit_dual_level(level=3)
"""


def outcome(library, program):
    lib = importlib.import_module(library)
    fw = importlib.import_module(library + ".autograd.forward_ad")
    lib.manual_seed(0)
    x, r = lib.tensor([1.0, 2.0]), lib.tensor([0.5, 3.0], requires_grad=True)
    names = {"torch": lib, "fw": fw, "x": x, "r": r}
    with fw.dual_level():
        names["d"] = fw.make_dual(names["x"], lib.tensor([0.5, -2.0]))
        try:
            exec("\n".join(s.strip() for s in program.split(";")), names)
        except Exception as e:  # its class is what is compared
            return type(e).__name__, str(e)[:60]
        primal, tangent = fw.unpack_dual(names["y"])
        if tangent is None:
            return primal.tolist(), None
        return primal.tolist(), str(tangent.dtype), tuple(tangent.shape), tangent.stride(), values(tangent)


def values(tangent):
    return tangent.resolve_conj().tolist() if hasattr(tangent, "resolve_conj") else tangent.tolist()


@pytest.mark.parametrize("program", PROGRAMS.strip().splitlines())
def test_program(program):
    want, got = outcome("torch", program), outcome("facula", program)
    assert got[:-1] == want[:-1]
    if isinstance(want[-1], str) or want[-1] is None:
        assert got[-1] == want[-1]
    else:
        a, b = torch.tensor(got[-1]), torch.tensor(want[-1])
        assert torch.allclose(a, b, rtol=1e-5), (got, want)
