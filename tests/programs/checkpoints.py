# ruff: noqa: E501  the programs keep their lines
"""torch.utils.checkpoint."""

from programs import divided

SETUP = """
import importlib, warnings
cp = importlib.import_module(torch.__name__ + ".utils.checkpoint"); checkpoint = cp.checkpoint
x = torch.tensor([1., 2.], requires_grad=True); z = torch.tensor([3., 4.], requires_grad=True)
def f(a): log("run", torch.is_grad_enabled()); return a.sin().exp() * a
"""

PROGRAMS = divided("""
# without reentrance
checkpoint(f, x, use_reentrant=False).sum().backward(); log(x.grad)
# reentrant
checkpoint(f, x, use_reentrant=True).sum().backward(); log(x.grad)
# several arguments, some no tensors
g = lambda a, k, b: a * k * b
for r in (False, True): y = checkpoint(g, x, 3, z, use_reentrant=r); log(y.detach()); y.sum().backward(); log(x.grad, z.grad)
# keywords
log(checkpoint(lambda a, k=1: a * k, x, k=4, use_reentrant=False).detach()); show(lambda: checkpoint(lambda a, k=1: a * k, x, k=4, use_reentrant=True))
# several results
for r in (False, True):
    p, q = checkpoint(lambda a: (a.sin(), a.cos()), x, use_reentrant=r); (p * q).sum().backward(); log(x.grad)
# use_reentrant left out: warns
checkpoint(lambda a: a * 2, x); log("done")
# no input needs a gradient: warns
checkpoint(lambda a: a * z, x.detach(), use_reentrant=True); log("done")
y = checkpoint(lambda a: a * z, x.detach(), use_reentrant=False); y.sum().backward(); log(z.grad)
# with autograd.grad
log(torch.autograd.grad(checkpoint(f, x, use_reentrant=False).sum(), x)); show(lambda: torch.autograd.grad(checkpoint(lambda a: a.sin(), x, use_reentrant=True).sum(), x), lambda: checkpoint(lambda a: a.sin(), x, use_reentrant=True).sum().backward(inputs=[x]))
# double backward
y = checkpoint(lambda a: a.sin() * a, x, use_reentrant=False).sum(); g, = torch.autograd.grad(y, x, create_graph=True); log(g.detach(), torch.autograd.grad(g.sum(), x))
# backward twice
y = checkpoint(f, x, use_reentrant=False).sum(); y.backward(retain_graph=True); y.backward(); log(x.grad)
# backward twice without keeping the graph
y = checkpoint(lambda a: a.sin().exp(), x, use_reentrant=False).sum(); y.backward(); show(lambda: y.backward())
# random numbers are the same in both runs
seen = []
def d(a): m = torch.rand(2); seen.append(m.tolist()); return a * m
for r in (False, True): checkpoint(d, x, use_reentrant=r).sum().backward(); log(seen[0] == seen[1]); seen.clear()
# random numbers differ where they may
seen = []
def d(a): m = torch.rand(2); seen.append(m.tolist()); return (a * m).sin()
for r in (False, True): checkpoint(d, x, use_reentrant=r, preserve_rng_state=False).sum().backward(); log(seen[0] == seen[1]); seen.clear()
# the generator afterwards
torch.manual_seed(1); y = checkpoint(lambda a: a * torch.rand(2), x, use_reentrant=False); s = torch.rand(1); y.sum().backward(); t = torch.rand(1)
torch.manual_seed(1); torch.rand(2); log(torch.equal(s, torch.rand(1)), torch.equal(t, torch.rand(1)))
# early stop
def e(a): b = a.sin(); log("one"); c = b.exp(); log("two"); return c.detach() + b
for stop in (True, False): checkpoint(e, x, use_reentrant=False, early_stop=stop).sum().backward()
# early stop, set for all
def e(a): b = a.sin(); log("one"); c = b * 1; log("two"); return c
with cp.set_checkpoint_early_stop(False): y = checkpoint(e, x, use_reentrant=False)
y.sum().backward()
with cp.set_checkpoint_early_stop(True): y = checkpoint(e, x, use_reentrant=False, early_stop=False)
y.sum().backward()
# the second run keeps fewer, more, other tensors
n = [0]
def fewer(a):
    n[0] += 1; b = a.sin(); return b.exp() * a if n[0] == 1 else b
show(lambda: checkpoint(fewer, x, use_reentrant=False).sum().backward())
n = [0]
def more(a):
    n[0] += 1; b = a.sin(); return b if n[0] == 1 else b.exp().sin().cos()
show(lambda: checkpoint(more, x, use_reentrant=False, early_stop=False).sum().backward())
n = [0]
def other(a):
    n[0] += 1; return (a if n[0] == 1 else a.repeat(2)).sin().sum()
show(lambda: checkpoint(other, x * 1, use_reentrant=False).backward())
# other tensors, not looked at
n = [0]
def other(a):
    n[0] += 1; return (a * 1 if n[0] == 1 else (a * 1).double()).sin().sum()
show(lambda: checkpoint(other, x, use_reentrant=False).backward()); n = [0]; checkpoint(other, x, use_reentrant=False, determinism_check="none").backward(); log(x.grad)
# wrong options
show(lambda: checkpoint(f, x, use_reentrant=False, determinism_check="some"), lambda: checkpoint(f, x, use_reentrant=True, debug=True), lambda: checkpoint(f, x, use_reentrant=True, context_fn=lambda: (1, 2)), lambda: checkpoint(f, x, use_reentrant=False, debug=True, context_fn=lambda: (1, 2)))
# contexts
import contextlib
@contextlib.contextmanager
def note(t): log("in", t); yield; log("out", t)
checkpoint(lambda a: a.sin().exp(), x, use_reentrant=False, context_fn=lambda: (note("first"), note("second"))).sum().backward()
# nested
h = lambda a: checkpoint(lambda b: b.sin().exp(), a, use_reentrant=False) * a
checkpoint(h, x, use_reentrant=False).sum().backward(); log(x.grad)
h = lambda a: checkpoint(lambda b: b.sin().exp(), a, use_reentrant=True) * a
checkpoint(h, x, use_reentrant=True).sum().backward(); log(x.grad)
# a chain of checkpoints
y = x
for _ in range(5): y = checkpoint(lambda a: a.sin() + a, y, use_reentrant=False)
y.sum().backward(); log(x.grad)
# under no_grad
with torch.no_grad(): log(checkpoint(f, x, use_reentrant=False).requires_grad, checkpoint(f, x, use_reentrant=True).requires_grad)
# an error in the function
def b(a): raise ValueError("mine")
show(lambda: checkpoint(b, x, use_reentrant=False), lambda: checkpoint(b, x, use_reentrant=True)); log((x ** 2).requires_grad)
# backward of a part
p, q = checkpoint(lambda a: (a.sin(), a.exp() * 2), x, use_reentrant=False); p.sum().backward(); q.sum().backward(); log(x.grad)
# modules
torch.manual_seed(0); m = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2)); m(x).sum().backward(); g = [p.grad.clone() for p in m.parameters()]; m.zero_grad()
for r in (False, True):
    checkpoint(m, x, use_reentrant=r).sum().backward(); log(all(torch.allclose(a, p.grad) for a, p in zip(g, m.parameters()))); m.zero_grad()
# dropout
torch.manual_seed(0); d = torch.nn.Dropout(.5); v = torch.ones(20, requires_grad=True); y = checkpoint(lambda a: d(a) * 1, v, use_reentrant=False); y.sum().backward(); log(torch.equal(y.detach(), v.grad))
# sequential
torch.manual_seed(0); m = torch.nn.Sequential(*[torch.nn.Linear(2, 2) for _ in range(5)]); m(x).sum().backward(); g = m[0].weight.grad.clone(); m.zero_grad()
for r in (False, True):
    for k in (1, 2, 3): cp.checkpoint_sequential(m, k, x, use_reentrant=r).sum().backward(); log(torch.allclose(m[0].weight.grad, g)); m.zero_grad()
# sequential: functions, warnings, errors
log(cp.checkpoint_sequential([torch.sin, torch.cos, torch.exp], 2, x, use_reentrant=False).detach()); show(lambda: cp.checkpoint_sequential([torch.sin], 1, x, use_reentrant=False, other=1))
# helpers
log([t.requires_grad for t in cp.detach_variable((x, x.detach()))], cp.detach_variable((x, 3))[1]); show(lambda: cp.detach_variable([x]))
log(cp.DefaultDeviceType.get_device_type(), issubclass(cp.CheckpointError, RuntimeError), len(cp.noop_context_fn()))
# no gradient at all in the second run
show(lambda: checkpoint(lambda a: a.detach(), x, use_reentrant=True).sum().backward(), lambda: checkpoint(lambda a: a.detach(), x, use_reentrant=False).sum().backward())
# saved tensors asked for twice
y = checkpoint(lambda a: a.sin().exp(), x, use_reentrant=False); n = y.grad_fn; log(n._saved_result.detach()); log(n._saved_result.detach())
# selective: the results of some operations are kept
sel = lambda p, **k: __import__("functools").partial(cp.create_selective_checkpoint_contexts, p, **k); aten = torch.ops.aten
def two(a, b): return torch.sigmoid(torch.matmul(torch.matmul(a, b), b)) * b
p, q = torch.linspace(-1, 1, 9).reshape(3, 3).requires_grad_(), torch.linspace(0, 1, 9).reshape(3, 3).requires_grad_()
for ops in ([aten.mm.default], [aten.mm.default, aten.sigmoid.default], []): o = checkpoint(two, p, q, use_reentrant=False, context_fn=sel(ops)); log(o.detach(), *torch.autograd.grad(o.sum(), (p, q)))
# selective: a policy sees every operation once
sel = lambda p, **k: __import__("functools").partial(cp.create_selective_checkpoint_contexts, p, **k); seen = []
def policy(c, op, *a, **k): seen.append((str(op), c.is_recompute, tuple(c.op_output.shape))); return cp.CheckpointPolicy.MUST_SAVE
o = checkpoint(lambda a, b: (a @ b[:, None]).exp() * 2, x.reshape(1, 2), z, use_reentrant=False, context_fn=sel(lambda *a, **k: True)); o.sum().backward(); log(o.detach(), x.grad, z.grad)
o = checkpoint(lambda a: (a.exp() + a).sin(), x, use_reentrant=False, context_fn=sel(policy)); o.sum().backward(); log(seen)
# selective: what is kept is given out once, and may not be written to
sel = lambda p, **k: __import__("functools").partial(cp.create_selective_checkpoint_contexts, p, **k); aten = torch.ops.aten
o = checkpoint(lambda a: (a.exp() + a).sin(), x, use_reentrant=False, context_fn=sel([aten.exp.default])).sum(); o.backward(retain_graph=True); show(lambda: o.backward())
o = checkpoint(lambda a: a.exp().add_(1).sin(), x, use_reentrant=False, context_fn=sel([aten.exp.default])).sum(); show(lambda: o.backward())
# selective: errors
show(lambda: cp.create_selective_checkpoint_contexts(3), lambda: cp.create_selective_checkpoint_contexts([3])); log(sorted(cp.__all__)); log([p.name for p in cp.CheckpointPolicy])
# selective: random numbers
sel = lambda p, **k: __import__("functools").partial(cp.create_selective_checkpoint_contexts, p, **k); seen = []
def noisy(a): r = torch.rand(2); seen.append(r); return (a * r).exp()
o = checkpoint(noisy, x, use_reentrant=False, preserve_rng_state=False, context_fn=sel(lambda *a, **k: True)); o.sum().backward(); log(bool((x.grad - o.detach() * seen[0]).abs().max() < 1e-6))
# groups of backwards compute again once
n = []
with cp.GraphExecGroup(): o = checkpoint(lambda a, b: (n.append(1), a.sin().cos(), b.exp().cos())[1:], x, z, use_reentrant=False); o[0].sum().backward(retain_graph=True); o[1].sum().backward()
log(len(n), x.grad, (z.grad / 10).round()); show(lambda: cp.GraphExecGroup().__enter__().__enter__()); cp.GraphExecGroup().__exit__()
# autocast is that of the first run
for r in (False, True):
    with torch.autocast("cpu", dtype=torch.bfloat16): o = checkpoint(lambda a, b: (a[None] @ b[:, None]).exp(), x, z / 8, use_reentrant=r)
    log(o.dtype); o.float().sum().backward(); log(x.grad.dtype)
# the first context is not entered without recording
n = []
with torch.no_grad(): log(checkpoint(lambda a: a * 2, x, use_reentrant=False, context_fn=lambda: (n.append(1), cp.noop_context_fn())[1]), len(n))
""")
