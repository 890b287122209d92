# ruff: noqa: E501  the programs keep their lines
"""Errors to the letter, what hooks may return, what leads where in a graph."""

from programs import AUTOGRAD as SETUP
from programs import divided

__all__ = ["PROGRAMS", "SETUP"]

PROGRAMS = divided("""
# errors of backward
log(err(lambda: (x * 2).backward())); log(err(lambda: c.backward())); log(err(lambda: c.sum().backward()))
y = (x * x).sum(); y.backward(); log(err(lambda: y.backward())); log(err(lambda: y.backward()))
y = (x * x).sum(); y.backward(); log(err(lambda: grad(y, x)))
log(err(lambda: grad(x.sum(), z))); log(err(lambda: grad(x.sum(), [x, c]))); log(err(lambda: grad([x.sum()], [x], grad_outputs=[torch.ones(3)])))
log(err(lambda: (x * 2).backward(torch.ones(2, 2)))); log(err(lambda: (x * 2).backward([1, 2]))); log(err(lambda: (x*2).backward(torch.ones(2, dtype=torch.cfloat))))
log(err(lambda: autograd.backward((x * 2,), (torch.ones(2), torch.ones(2))))); log(err(lambda: autograd.backward((x * 2,), inputs=()))); log(err(lambda: autograd.backward((x.sum(),), inputs=(c,))))
log(err(lambda: autograd.backward("a"))); log(err(lambda: grad("a", x))); log(err(lambda: grad(x.sum(), "a"))); log(err(lambda: autograd.backward(x.sum(), grad_tensors="a")))
log(err(lambda: torch.tensor([1, 2], requires_grad=True))); log(err(lambda: torch.tensor([1, 2]).requires_grad_())); log(err(lambda: setattr(torch.tensor([1]), "requires_grad", True)))
log(err(lambda: setattr(x * 2, "requires_grad", False))); log(err(lambda: (x * 2).requires_grad_(False)))
log(err(lambda: x.numpy())); log(err(lambda: (x * 2).numpy())); log(err(lambda: float(x))); log(err(lambda: x.item()))
log(err(lambda: setattr(x, "grad", torch.ones(3)))); log(err(lambda: setattr(x, "grad", 3))); log(err(lambda: setattr(x, "grad", torch.ones(2, dtype=torch.float64)))); log(err(lambda: setattr(x, "grad", x)))
log(err(lambda: setattr(x, "grad", torch.ones(2, device="meta"))))
log(err(lambda: x.add_(1))); log(err(lambda: x[0].add_(1))); log(err(lambda: x.view(2).add_(1))); log(err(lambda: x.detach_() is x)); log(err(lambda: x[:1].detach_()))
y = x * 1; log(err(lambda: y[:1].detach_())); log(err(lambda: setattr(x, "data", 3))); log(err(lambda: setattr(x, "data", torch.ones(2, dtype=torch.int32))))
log(err(lambda: setattr(x, "grad_fn", None))); log(err(lambda: setattr(x, "is_leaf", True))); log(err(lambda: delattr(x, "grad"))); log(x.grad)
log(err(lambda: x.retain_grad())); log(err(lambda: c.retain_grad())); log(err(lambda: c.register_hook(print))); log(err(lambda: x.register_hook(3)))
log(err(lambda: x.requires_grad_(3))); log(err(lambda: torch.set_grad_enabled("a"))); log(err(lambda: torch.ones(2, requires_grad="a")))
# hooks on a leaf modified by no_grad writes stay
h = []
x.register_hook(lambda g: h.append(g.clone()))
with torch.no_grad(): x.add_(1)
(x * 2).sum().backward(); log(h, x.grad)
# hook return values of every kind
for r in (None, torch.ones(2), torch.ones(2, dtype=torch.float64), torch.ones(1, 2), torch.ones(3), 1, "a", (torch.ones(2),)):
    w = torch.ones(2, requires_grad=True); w.register_hook(lambda g: r); log(err(lambda: (w * 2).sum().backward())); log(w.grad)
# prehook return values
for r in (None, (torch.ones(2) * 5,), torch.ones(2) * 6, (torch.ones(2), torch.ones(2)), 3, (torch.ones(3),)):
    w = torch.ones(2, requires_grad=True); y = w * 2; y.grad_fn.register_prehook(lambda o: r); log(err(lambda: y.sum().backward())); log(w.grad)
# posthook return values
for r in (None, (torch.ones(2) * 5, None), torch.ones(2) * 6, (None, None), (torch.ones(2),), 3, (torch.ones(3), None)):
    w = torch.ones(2, requires_grad=True); y = w * c; y.grad_fn.register_hook(lambda i, o: r); log(err(lambda: y.sum().backward())); log(w.grad)
# post accumulate return
x.register_post_accumulate_grad_hook(lambda p: torch.ones(2)); log(err(lambda: x.sum().backward()))
# hook on a leaf, in a graph of two uses
x.register_hook(lambda g: log("once", g)); y = x * 2 + x * 3; y.sum().backward()
# hooks added inside a hook
def f(g): x.register_hook(lambda g: log("late")); log("f")
h = x.register_hook(f); x.sum().backward(); h.remove(); log("--"); x.sum().backward()
# hook in create_graph
x.register_hook(lambda g: g * x); (x ** 2).sum().backward(create_graph=True); log(x.grad, x.grad.grad_fn.name()); log(grad(x.grad.sum(), x))
# register_hook on the grad itself
y = (x ** 3).sum(); g, = grad(y, x, create_graph=True); g.register_hook(lambda k: log("gg", k)); g.sum().backward(); log(x.grad)
# multi grad hook with edges and no gradients
w = x * 2; h = graph.register_multi_grad_hook((w, z), lambda g: log(g)); w.sum().backward(); log(bool(h))
# node ordering with sequence numbers
a = x * 2; b = a * 3; log(a.grad_fn._sequence_nr() < b.grad_fn._sequence_nr()); log(x.sum().grad_fn.next_functions[0][0]._sequence_nr() > 2 ** 62)
# gradient edges and nodes in hooks
y = x * 2; e = graph.get_gradient_edge(y); log(e, ) if False else log(tuple(type(k).__name__ for k in e)); e.node.register_hook(lambda i, o: log(i, o)); y.sum().backward()
# edge ownership
y = (x * 2).split(1)[1]; e = graph.get_gradient_edge(y); log(e.output_nr, e.node.name()); del y; log(grad(e, x, torch.ones(1)))
# saved tensors hooks order
log2 = []
def pack(t): log2.append(("p", tuple(t.shape))); return t
def unpack(t): log2.append(("u", tuple(t.shape))); return t
with graph.saved_tensors_hooks(pack, unpack): y = (x * z).exp().sum()
log(log2); y.backward(); log(log2)
# saved tensors hooks nested, and errors
p1 = lambda t: (log("p1"), t)[1]; p2 = lambda t: (log("p2"), t)[1]
with graph.saved_tensors_hooks(p1, lambda t: (log("u1"), t)[1]):
    with graph.saved_tensors_hooks(p2, lambda t: (log("u2"), t)[1]): y = x * z
    w = x.exp()
y.sum().backward(); w.sum().backward()
with graph.saved_tensors_hooks(lambda t: 3, lambda t: t): y = x.exp()
log(err(lambda: y.sum().backward()))
def bad(t): raise ValueError("pack")
with graph.saved_tensors_hooks(bad, lambda t: t): log(err(lambda: x.exp()))
with graph.saved_tensors_hooks(lambda t: t + 1, lambda t: t): y = x.exp()
y.sum().backward(); log(x.grad)
with graph.saved_tensors_hooks(lambda t: t.add_(1), lambda t: t): log(err(lambda: (x * 1).exp()))
# disable saved tensors hooks
with graph.disable_saved_tensors_hooks("not here"):
    def f():
        with graph.saved_tensors_hooks(lambda t: t, lambda t: t): x.exp()
    log(err(f))
def f():
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        with graph.disable_saved_tensors_hooks("not there"): pass
log(err(f))
# anomaly mode
with autograd.detect_anomaly(): log(err(lambda: (x * 0).sqrt().sum().backward() if False else torch.sqrt(x * 0 - 1).sum().backward()))
with autograd.detect_anomaly(check_nan=False): log(err(lambda: torch.sqrt(x * 0 - 1).sum().backward())); log(x.grad)
log(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()); autograd.set_detect_anomaly(True); log(torch.is_anomaly_enabled()); autograd.set_detect_anomaly(False)
with autograd.set_detect_anomaly(True, check_nan=False): log(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())
log(torch.is_anomaly_enabled())
# anomaly mode as decorator
@autograd.set_detect_anomaly(True) if False else (lambda f: f)
def f(): return 1
log(f())
with autograd.detect_anomaly():
    class L(Function):
        @staticmethod
        def forward(ctx, a): return a * 2
        @staticmethod
        def backward(ctx, g): return g * float("nan")
    log(err(lambda: L.apply(x).sum().backward()))
    class L(Function):
        @staticmethod
        def forward(ctx, a, b): return a * b
        @staticmethod
        def backward(ctx, g): return g, g / 0 * 0
    log(err(lambda: L.apply(x, z).sum().backward()))
# grad modes as decorators, generators, classes
@torch.no_grad()
def f(): return torch.is_grad_enabled()
@torch.no_grad
def g(): return torch.is_grad_enabled()
@torch.enable_grad()
def h(): return torch.is_grad_enabled()
@torch.inference_mode()
def i(): return torch.is_inference_mode_enabled(), torch.is_grad_enabled()
@torch.set_grad_enabled(False)
def j(): return torch.is_grad_enabled()
log(f(), g(), h(), i(), j(), torch.is_grad_enabled())
with torch.no_grad(): log(h(), torch.is_grad_enabled())
@torch.no_grad()
def gen():
    a = yield torch.is_grad_enabled(); log(a); b = yield torch.is_grad_enabled(); log(b); return 7
k = gen(); log(next(k), torch.is_grad_enabled(), k.send(5))
try: k.send(6)
except StopIteration as s: log(s.value)
import warnings as w_
def cls():
    with w_.catch_warnings(): w_.simplefilter("error"); return torch.no_grad()(type("K", (), {}))
log(err(cls))
# retain_grad details
y = x * 2; log(y.retains_grad); y.retain_grad(); log(y.retains_grad, y.grad); y.sum().backward(); log(y.grad, y.grad.grad_fn)
y = x * 2; y.retain_grad(); (y * y).sum().backward(create_graph=True); log(y.grad, y.grad.grad_fn is not None)
# .grad of non leaf warns
import warnings
y = x * 2
with warnings.catch_warnings(record=True) as w:
    warnings.simplefilter("always"); log(y.grad); log(len(w), str(w[0].message)[:60] if w else "")
# backward with create_graph warns
with warnings.catch_warnings(record=True) as w:
    warnings.simplefilter("always"); (x ** 2).sum().backward(create_graph=True); log([str(k.message)[:40] for k in w][:1] if False else "")
# accumulate into grad of other layout
x2 = torch.ones(2, 3, requires_grad=True); (x2 * M).sum().backward(); log(x2.grad.stride()); x2.grad = None; (x2.t() * M.t()).sum().backward(); log(x2.grad.stride())
x3 = torch.ones(3, 2).t().requires_grad_(); (x3 * M).sum().backward(); log(x3.grad.stride()); x3.grad = None; x3.sum().backward(); log(x3.grad.stride())
# grad stealing
g = torch.ones(2); x.backward(g); log(x.grad is g, x.grad.data_ptr() == g.data_ptr()); x.grad.add_(1); log(g)
# requires_grad through ops
log((x > 1).requires_grad, x.argmax().requires_grad, x.long().requires_grad, x.round().requires_grad, x.sign().requires_grad, torch.zeros_like(x).requires_grad, torch.empty_like(x).requires_grad, torch.randn_like(x).requires_grad, x.new_zeros(2).requires_grad, torch.tensor(1.).requires_grad)
log(torch.zeros_like(x, requires_grad=True).requires_grad, torch.nn.Parameter(c).requires_grad, torch.nn.Parameter(c, requires_grad=False).requires_grad, err(lambda: torch.nn.Parameter(torch.tensor([1]))))
""")
