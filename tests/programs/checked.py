# ruff: noqa: E501  the programs keep their lines
"""gradcheck, autograd.functional, dual numbers and checkpoints, option by option."""

from programs import AUTOGRAD, divided

SETUP = (
    AUTOGRAD
    + """
import importlib
cp = importlib.import_module(torch.__name__ + ".utils.checkpoint"); checkpoint = cp.checkpoint
AF = importlib.import_module(torch.__name__ + ".autograd.functional")
gradcheck, gradgradcheck = autograd.gradcheck, autograd.gradgradcheck
D = torch.float64
xd = torch.tensor([1., 2.], dtype=D, requires_grad=True); zd = torch.tensor([3., 4.], dtype=D, requires_grad=True)
def text(f):
    try: return f()
    except Exception as e: return type(e).__name__ + ": " + str(e)
def fn(fwd, bwd, **kw):
    d = dict(forward=staticmethod(fwd), backward=staticmethod(bwd)); d.update(kw)
    return type("Fn", (Function,), d)
"""
)

PROGRAMS = divided("""
# gradcheck passes and options
log(gradcheck(lambda a: a ** 2, (xd,)), gradcheck(lambda a: a ** 2, xd), gradcheck(lambda a, b: (a * b, a + b), (xd, zd)), gradgradcheck(lambda a: a ** 3, (xd,)), gradcheck(torch.sin, (xd,), fast_mode=True), gradcheck(torch.sin, (xd,), check_forward_ad=True), gradcheck(torch.sin, (xd,), check_batched_grad=True), gradcheck(torch.sin, (xd,), check_batched_forward_grad=True, check_forward_ad=True), gradcheck(torch.sin, (xd,), check_undefined_grad=False), gradcheck(torch.sin, (xd,), check_grad_dtypes=True), gradcheck(torch.sin, (xd,), check_backward_ad=True, masked=False))
show(lambda: gradcheck(torch.sin, (xd,), check_batched_forward_grad=True))
show(lambda: gradcheck(torch.sin, (xd,), check_backward_ad=False))
show(lambda: gradcheck(torch.sin, (c,)))
show(lambda: gradcheck(torch.sin, (xd.detach(),)))
show(lambda: gradcheck(lambda a: a.detach(), (xd,)))
show(lambda: gradcheck(torch.sin, 3))
show(lambda: gradcheck(torch.sin, (xd, 3)))
show(lambda: gradcheck(torch.sin, ()))
show(lambda: gradcheck(lambda a: a.long(), (xd,)))
show(lambda: gradcheck(lambda a: (a, a.long()), (xd,)))
# gradcheck float32 warns
show(lambda: gradcheck(torch.sin, (x,), raise_exception=False)); show(lambda: gradcheck(torch.sin, (x,), eps=1e-3, atol=1e-2))
# gradcheck failing texts
bad = fn(lambda ctx, a: a * 2, lambda ctx, g: g * 3)
log(gradcheck(bad.apply, (xd,), raise_exception=False))
# gradcheck non deterministic
n = [0]
def r(ctx, g): n[0] += 1; return g * 2 + n[0] * 1e-3
nd = fn(lambda ctx, a: a * 2, r)
n[0] = 0
log(text(lambda: gradcheck(nd.apply, (xd,), atol=1e-1, nondet_tol=1.)))
# gradcheck undefined grads
ud = fn(lambda ctx, a: (ctx.set_materialize_grads(False), a * 2)[1], lambda ctx, g: g * 2)
log(text(lambda: gradcheck(ud.apply, (xd,))))
ud2 = fn(lambda ctx, a, b: (ctx.set_materialize_grads(False), a * 2, b * 3)[1:], lambda ctx, g, h: (torch.ones(2, dtype=D) if g is None else g * 2, torch.ones(2, dtype=D) if h is None else h * 3))
# gradcheck dtypes and complex
cx = torch.tensor([1 + 2j, 3 - 1j], dtype=torch.complex128, requires_grad=True)
log(gradcheck(lambda a: a * a, (cx,)), gradcheck(lambda a: a.abs(), (cx,)), gradcheck(lambda a: a.conj(), (cx,)), gradcheck(lambda a: a.real, (cx,)), gradcheck(lambda a: torch.complex(a, a), (xd,)), gradgradcheck(lambda a: a * a.conj(), (cx,)), gradcheck(lambda a: a * a, (cx,), fast_mode=True))
bc = fn(lambda ctx, a: a * (1 + 1j), lambda ctx, g: g * (1 + 1j))
# gradcheck overlap and sparse and expanded
e = torch.tensor([1.], dtype=D, requires_grad=True).expand(3)
log(text(lambda: gradcheck(torch.sin, (e.detach().requires_grad_(),))).split(chr(10))[0])
# gradcheck forward mode failing
fj = fn(lambda ctx, a: a * 2, lambda ctx, g: g * 2, jvp=staticmethod(lambda ctx, t: t * 5))
fj = fn(lambda ctx, a: a * 2, lambda ctx, g: g * 2)
log(text(lambda: gradcheck(fj.apply, (xd,), check_forward_ad=True)).split(chr(10))[0])
# gradgradcheck texts
b2 = fn(lambda ctx, a: (ctx.save_for_backward(a), a ** 2)[1], lambda ctx, g: g * 2 * ctx.saved_tensors[0].detach())
show(lambda: gradgradcheck(torch.sin, (xd,), grad_outputs=torch.ones(2, dtype=D, requires_grad=True)))
show(lambda: gradgradcheck(torch.sin, (xd,), gen_non_contig_grad_outputs=True))
show(lambda: gradgradcheck(torch.sin, (xd,), raise_exception=False))
show(lambda: gradgradcheck(lambda a: a.detach(), (xd,)))
# functional api values
f = lambda a: (a ** 2).sum()
g2 = lambda a, b: (a * b).sum()
log(AF.vjp(f, c), AF.vjp(lambda a: a * 2, c, torch.ones(2)), AF.jvp(f, c, torch.ones(2)), AF.jvp(g2, (c, c), (torch.ones(2), torch.ones(2))), AF.jacobian(lambda a: a ** 2, c), AF.hessian(f, c), AF.vhp(f, c, torch.ones(2)), AF.hvp(f, c, torch.ones(2)))
log(AF.jacobian(lambda a, b: (a * b, a.sum()), (c, c)), AF.hessian(g2, (c, c)), AF.vhp(g2, (c, c), (torch.ones(2), torch.ones(2))), AF.hvp(g2, (c, c), (torch.ones(2), torch.ones(2))))
# functional api create_graph
f = lambda a: (a ** 3).sum()
for k in (AF.vjp, AF.jvp, AF.hvp, AF.vhp):
    o, r = k(f, x, torch.ones(2), create_graph=True) if k is not AF.vjp else k(f, x, create_graph=True); log(o.requires_grad, r.requires_grad); log(grad(r.sum(), x)[0])
j = AF.jacobian(lambda a: a ** 3, x, create_graph=True); log(j.requires_grad, grad(j.sum(), x)); h = AF.hessian(f, x, create_graph=True); log(h.requires_grad, grad(h.sum(), x)); j = AF.jacobian(lambda a: a ** 3, x); log(j.requires_grad)
# functional api strict
ind = lambda a: torch.ones(2); lin = lambda a: a * 2; linsum = lambda a: (a * 2).sum()
show(lambda: AF.vjp(ind, c, torch.ones(2), strict=True), lambda: AF.vjp(ind, c, torch.ones(2)), lambda: AF.jvp(ind, c, torch.ones(2), strict=True), lambda: AF.jvp(ind, c, torch.ones(2)), lambda: AF.jacobian(ind, c, strict=True), lambda: AF.jacobian(ind, c), lambda: AF.hessian(linsum, c, strict=True), lambda: AF.hessian(linsum, c), lambda: AF.vhp(linsum, c, torch.ones(2), strict=True), lambda: AF.vhp(linsum, c, torch.ones(2)), lambda: AF.hvp(linsum, c, torch.ones(2), strict=True), lambda: AF.hvp(linsum, c, torch.ones(2)), lambda: AF.jacobian(lin, x, create_graph=True, strict=True), lambda: AF.vjp(lin, x, torch.ones(2), create_graph=True, strict=True), lambda: AF.jvp(lin, x, torch.ones(2), create_graph=True, strict=True), lambda: AF.jacobian(lambda a: a.detach() * 2, c, strict=True), lambda: AF.jvp(lambda a: a.detach(), c, torch.ones(2), strict=True))
show(lambda: AF.jacobian(lambda a, b: a * 2, (c, c), strict=True), lambda: AF.jacobian(lambda a, b: a * 2, (c, c)), lambda: AF.hessian(lambda a, b: (a ** 2).sum(), (c, c), strict=True), lambda: AF.vjp(lambda a, b: a * 2, (c, c), torch.ones(2), strict=True))
# functional api vectorize
show(lambda: AF.jacobian(lambda a: a ** 2, c, strategy="forward-mode"))
show(lambda: AF.jacobian(lambda a: a ** 2, c, strategy="x"))
show(lambda: AF.jacobian(lambda a: a ** 2, c, vectorize=True, strict=True))
show(lambda: AF.jacobian(lambda a: a ** 2, c, vectorize=True, strategy="forward-mode", create_graph=True))
show(lambda: AF.jacobian(lambda a: a ** 2, c, vectorize=True, strategy="forward-mode", strict=True))
show(lambda: AF.hessian(lambda a: (a ** 3).sum(), c, outer_jacobian_strategy="x"))
show(lambda: AF.hessian(lambda a: (a ** 3).sum(), c, outer_jacobian_strategy="forward-mode"))
show(lambda: AF.hessian(lambda a: (a ** 3).sum(), c, vectorize=True, strict=True))
# functional api errors
f = lambda a: (a ** 2).sum()
show(lambda: AF.vjp(lambda a: a, c), lambda: AF.vjp(f, c, torch.ones(2)), lambda: AF.vjp(lambda a: a, c, torch.ones(3)), lambda: AF.jvp(f, c), lambda: AF.jvp(f, c, torch.ones(3)), lambda: AF.jvp(f, (c, c), torch.ones(2)), lambda: AF.hessian(lambda a: a, c), lambda: AF.hessian(lambda a: (f(a), f(a)), c), lambda: AF.vhp(f, c), lambda: AF.vhp(lambda a: a, c, torch.ones(2)), lambda: AF.hvp(lambda a: a, c, torch.ones(2)), lambda: AF.jacobian(lambda a: "s", c), lambda: AF.jacobian(f, "s"), lambda: AF.jacobian(f, 3), lambda: AF.jacobian(lambda a: (a, 3), c), lambda: AF.vjp(f, [c]), lambda: AF.jvp(lambda a: a, c, "s"), lambda: AF.vjp(lambda a: (a, a), c, torch.ones(2)), lambda: AF.hvp(f, torch.tensor(1.)), lambda: AF.vhp(f, torch.tensor(1.)), lambda: AF.jvp(lambda a: a * 2, torch.tensor(1.)), lambda: AF.hvp(f, c, (torch.ones(2), torch.ones(2))), lambda: AF.jacobian(lambda a: a, (c, "s")), lambda: AF.vjp(lambda a: None, c))
# forward ad basics
with fwAD.dual_level():
    d = fwAD.make_dual(c, torch.ones(2)); u = fwAD.unpack_dual(d); log(type(u).__name__, u._fields, u.primal, u.tangent, d)
    y = d * d + d.sin(); log(fwAD.unpack_dual(y).tangent); log(fwAD.unpack_dual(c).tangent, fwAD.unpack_dual(c * 2).tangent)
    log(d.is_leaf, d.requires_grad, d._is_view(), y.detach()); log(fwAD.unpack_dual(d.detach()).tangent, fwAD.unpack_dual(d.clone()).tangent, fwAD.unpack_dual(d[0]).tangent, fwAD.unpack_dual(d.view(2, 1)).tangent)
    with torch.no_grad(): log(fwAD.unpack_dual(d * 2).tangent)
    with torch.inference_mode(): show(lambda: fwAD.unpack_dual(d * 2).tangent)
log(fwAD.unpack_dual(y));
# forward ad errors
show(lambda: fwAD.make_dual(c, torch.ones(2)))
show(lambda: fwAD.unpack_dual(c))
show(lambda: fwAD.exit_dual_level())
def f():
    with fwAD.dual_level():
        with fwAD.dual_level(): pass
show(f)
def f():
    with fwAD.dual_level(): d = fwAD.make_dual(c, torch.ones(2)); return func.jvp(lambda a: a * d, (c,), (c,))
show(f)
# forward ad in place and views
with fwAD.dual_level():
    d = fwAD.make_dual(c.clone(), torch.ones(2)); d.mul_(3); log(fwAD.unpack_dual(d).tangent); b = torch.zeros(2); b.copy_(d); log(fwAD.unpack_dual(b).tangent); b = torch.zeros(2, 2); b[0] = d; log(fwAD.unpack_dual(b).tangent); v = b[0]; log(fwAD.unpack_dual(v).tangent); v.mul_(2); log(fwAD.unpack_dual(b).tangent)
    d.zero_(); log(fwAD.unpack_dual(d).tangent); d = fwAD.make_dual(c.clone(), torch.ones(2)); d[0] = 7.; log(fwAD.unpack_dual(d).tangent); d.detach_(); log(fwAD.unpack_dual(d).tangent)
    d = fwAD.make_dual(x, z); y = (d * d).sum(); y.backward(); log(x.grad, z.grad); t = fwAD.unpack_dual((d * d).sum()).tangent; log(t.requires_grad); t.backward(); log(z.grad)
# forward ad not implemented
with fwAD.dual_level():
    d = fwAD.make_dual(torch.rand(2, 2), torch.ones(2, 2)); show(lambda: fwAD.unpack_dual(d > 0.5).tangent, lambda: fwAD.unpack_dual(d.argmax()).tangent, lambda: fwAD.unpack_dual(d.round()).tangent, lambda: fwAD.unpack_dual(torch.add(d, 1, out=torch.empty(2, 2))), lambda: fwAD.unpack_dual(torch.bernoulli(d)).tangent, lambda: fwAD.unpack_dual(torch.zeros_like(d)).tangent, lambda: fwAD.unpack_dual(d.to(D)).tangent.dtype, lambda: fwAD.unpack_dual(d.t()).tangent.shape, lambda: d.numpy(), lambda: d.item(), lambda: torch.tensor(d).shape, lambda: d.tolist() is not None)
with fwAD._set_fwd_grad_enabled(False):
    with fwAD.dual_level(): log(fwAD.unpack_dual(fwAD.make_dual(c, c) * 2).tangent)
# checkpoint options
f = lambda a: (a.sin() * a).exp()
for r in (False, True): checkpoint(f, x, use_reentrant=r, preserve_rng_state=False).sum().backward(); log(x.grad)
show(lambda: checkpoint(f, x, use_reentrant=True, determinism_check="none"), lambda: checkpoint(f, x, use_reentrant=True, debug=True), lambda: checkpoint(f, x, use_reentrant=True, context_fn=lambda: (1, 2)), lambda: checkpoint(f, x, use_reentrant=False, bad=1), lambda: checkpoint(f, x, use_reentrant=True, bad=1), lambda: checkpoint(f, x, use_reentrant=False, determinism_check="x").sum().backward(), lambda: checkpoint(f, x, use_reentrant=True, early_stop=False), lambda: checkpoint(f, x, use_reentrant=False, early_stop=False).shape, lambda: checkpoint(f, use_reentrant=False), lambda: checkpoint(3, x, use_reentrant=False), lambda: checkpoint(f, x, use_reentrant=3).shape)
# checkpoint determinism check errors
n = [0]
def f(a):
    n[0] += 1
    return a.sin() if n[0] == 1 else a.sin().sin()
log(text(lambda: checkpoint(f, x, use_reentrant=False).sum().backward()).split(chr(10))[0])
n[0] = 0
def f(a):
    n[0] += 1
    return a.sin().exp() if n[0] == 1 else a * 1
log(text(lambda: checkpoint(f, x, use_reentrant=False).sum().backward()).split(chr(10))[0])
n[0] = 0
def f(a):
    n[0] += 1
    return (a if n[0] == 1 else torch.cat([a, a])).sin()
log(text(lambda: checkpoint(f, x, use_reentrant=False).sum().backward())); n[0] = 0; show(lambda: checkpoint(f, x, use_reentrant=False, determinism_check="none").sum().backward())
n[0] = 0
log(text(lambda: checkpoint(f, x, use_reentrant=False, debug=True).sum().backward()).split(chr(10))[0])
# checkpoint early stop counts
def f(a): log("a"); b = a.sin(); log("b"); d = b.exp(); log("c"); e = d * 2; log("d"); return e
checkpoint(f, x, use_reentrant=False).sum().backward()
with cp.set_checkpoint_early_stop(False): y = checkpoint(f, x, use_reentrant=False)
y.sum().backward()
# checkpoint nested early stop
def inner(a): log("inner"); return a.sin().exp()
def outer(a): log("outer"); return checkpoint(inner, a.cos(), use_reentrant=False) * 2
log(x.grad)
def outer(a): log("outer"); return checkpoint(inner, a.cos(), use_reentrant=True) * 2
checkpoint(outer, x, use_reentrant=True).sum().backward()
log(x.grad)
# checkpoint rng and dropout
torch.manual_seed(0)
for r in (False, True):
    seen = []
    def f(a): m = torch.rand(2); seen.append(m.tolist()); return a * m
    checkpoint(f, x, use_reentrant=r).sum().backward(); log(len(seen), seen[0] == seen[-1])
    seen.clear(); checkpoint(f, x, use_reentrant=r, preserve_rng_state=False).sum().backward(); log(len(seen), seen[0] == seen[-1])
# checkpoint context_fn
import contextlib
@contextlib.contextmanager
def ctx(name): log("enter", name); yield; log("exit", name)
checkpoint(lambda a: a.sin().exp(), x, use_reentrant=False, context_fn=lambda: (ctx("fwd"), ctx("re"))).sum().backward(); log(x.grad)
show(lambda: checkpoint(lambda a: a.sin(), x, use_reentrant=False, context_fn=lambda: 3), lambda: checkpoint(lambda a: a.sin(), x, use_reentrant=False, context_fn=lambda: (1, 2)))
# checkpoint results
for r in (False, True):
    show(lambda: checkpoint(lambda a: (a, None, 3), x, use_reentrant=r)[1:], lambda: checkpoint(lambda a: {"k": a * 2}, x, use_reentrant=r), lambda: checkpoint(lambda a: [a * 2], x, use_reentrant=r), lambda: checkpoint(lambda a: None, x, use_reentrant=r), lambda: checkpoint(lambda a: 3, x, use_reentrant=r), lambda: checkpoint(lambda d: d["k"] * 2, {"k": x}, use_reentrant=r).requires_grad, lambda: checkpoint(lambda a: a.detach(), x, use_reentrant=r).requires_grad, lambda: checkpoint(lambda a: a, x, use_reentrant=r) is x)
# checkpoint with retain and double
y = checkpoint(lambda a: a.sin() * a, x, use_reentrant=True).sum(); show(lambda: grad(y, x), lambda: y.backward(retain_graph=True), lambda: y.backward(), lambda: x.grad)
with torch.no_grad(): log(checkpoint(lambda a: a.sin(), x, use_reentrant=False).requires_grad, checkpoint(lambda a: a.sin(), x, use_reentrant=True).requires_grad)
# checkpoint_sequential
m = [nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2)]; [p.data.fill_(.1) for l in m for p in l.parameters()]
for r in (False, True): cp.checkpoint_sequential(m, 2, x, use_reentrant=r).sum().backward(); log(x.grad, m[0].weight.grad)
show(lambda: cp.checkpoint_sequential(m, 5, x, use_reentrant=False), lambda: cp.checkpoint_sequential(m, 2, x, use_reentrant=False, bad=1), lambda: cp.checkpoint_sequential(nn.Sequential(*m), 3, x, use_reentrant=False).shape)
# checkpoint detach_variable and get_device_states
show(lambda: cp.detach_variable((x, c)), lambda: cp.detach_variable(x), lambda: cp.detach_variable((x, 3)), lambda: cp.check_backward_validity((c,)), lambda: cp.check_backward_validity((x,)), lambda: cp.CheckpointFunction.__name__, lambda: cp.noop_context_fn())
# selective checkpoint
log([p.name for p in cp.CheckpointPolicy])
seen = []
def pol(ctx, op, *a, **k): seen.append((str(op), ctx.is_recompute)); return cp.CheckpointPolicy.PREFER_RECOMPUTE
import functools
W = torch.ones(2, 2, requires_grad=True)
checkpoint(lambda a: torch.mm(a, W).sin().exp(), x.reshape(1, 2), use_reentrant=False, context_fn=functools.partial(cp.create_selective_checkpoint_contexts, pol)).sum().backward(); log(seen); seen.clear()
checkpoint(lambda a: F.linear(a, W, c).relu(), x.reshape(1, 2), use_reentrant=False, context_fn=functools.partial(cp.create_selective_checkpoint_contexts, pol)).sum().backward(); log(seen); seen.clear()
checkpoint(lambda a: F.linear(a, W), x.reshape(1, 2), use_reentrant=False, context_fn=functools.partial(cp.create_selective_checkpoint_contexts, pol)).sum().backward(); log(seen); seen.clear()
checkpoint(lambda a: a @ W.t() + c, x.reshape(1, 2), use_reentrant=False, context_fn=functools.partial(cp.create_selective_checkpoint_contexts, pol)).sum().backward(); log(seen); seen.clear()
show(lambda: cp.create_selective_checkpoint_contexts([torch.ops.aten.mm.default]) is not None, lambda: cp.create_selective_checkpoint_contexts(["mm"]), lambda: cp.create_selective_checkpoint_contexts(3))
""")
