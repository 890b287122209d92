# ruff: noqa: E501  the programs keep their lines
"""Functions under transforms, and the rarer parts of their contexts."""

from programs import AUTOGRAD as SETUP
from programs import divided

__all__ = ["PROGRAMS", "SETUP"]

PROGRAMS = divided("""
# generate_vmap_rule
class Sin(Function):
    generate_vmap_rule = True
    @staticmethod
    def forward(a): return a.sin()
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.save_for_backward(inputs[0])
    @staticmethod
    def backward(ctx, g): a, = ctx.saved_tensors; return g * a.cos()
log(vmap(Sin.apply)(M)); log(vmap(func.grad(lambda a: Sin.apply(a).sum()))(M)); log(func.grad(func.grad(lambda a: Sin.apply(a)))(torch.tensor(0.3)))
log(func.jacrev(Sin.apply)(c)); log(err(lambda: func.jacfwd(Sin.apply)(c)))
# generate_vmap_rule with jvp
class Sin(Function):
    generate_vmap_rule = True
    @staticmethod
    def forward(a): return a.sin()
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.save_for_backward(inputs[0]); ctx.save_for_forward(inputs[0])
    @staticmethod
    def backward(ctx, g): a, = ctx.saved_tensors; return g * a.cos()
    @staticmethod
    def jvp(ctx, t): a, = ctx.saved_tensors; return t * a.cos()
log(func.jacfwd(Sin.apply)(c)); log(func.jvp(Sin.apply, (c,), (c,))); log(vmap(lambda a, t: func.jvp(Sin.apply, (a,), (t,)))(M, M)); log(func.hessian(lambda a: Sin.apply(a).sum())(c))
# generate_vmap_rule and vmap both
class Bad(Function):
    generate_vmap_rule = True
    @staticmethod
    def forward(a): return a
    @staticmethod
    def setup_context(ctx, inputs, output): pass
    @staticmethod
    def vmap(info, in_dims, a): return a, 0
log(err(lambda: vmap(Bad.apply)(M)))
# no vmap rule
class Bad(Function):
    @staticmethod
    def forward(a): return a * 1
    @staticmethod
    def setup_context(ctx, inputs, output): pass
    @staticmethod
    def backward(ctx, g): return g
log(err(lambda: vmap(Bad.apply)(M)))
# old style under transforms
class Old(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): return g
log(err(lambda: func.grad(lambda a: Old.apply(a).sum())(c))); log(err(lambda: vmap(Old.apply)(M)))
# vmap rule with wrong results
class Bad(Function):
    @staticmethod
    def forward(a): return a * 1
    @staticmethod
    def setup_context(ctx, inputs, output): pass
    @staticmethod
    def vmap(info, in_dims, a): return a
log(err(lambda: vmap(Bad.apply)(M)))
# several outputs under vmap
class Two(Function):
    generate_vmap_rule = True
    @staticmethod
    def forward(a): return a * 2, a * 3
    @staticmethod
    def setup_context(ctx, inputs, output): pass
    @staticmethod
    def backward(ctx, g, h): return g * 2 + h * 3
log(vmap(Two.apply)(M)); log(vmap(func.grad(lambda a: sum(Two.apply(a)).sum()))(M))
# a Function in functional transforms with non-tensor arguments
class P(Function):
    generate_vmap_rule = True
    @staticmethod
    def forward(a, n): return a ** n
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.save_for_backward(inputs[0]); ctx.n = inputs[1]
    @staticmethod
    def backward(ctx, g): a, = ctx.saved_tensors; return g * ctx.n * a ** (ctx.n - 1), None
log(vmap(lambda a: P.apply(a, 3))(M)); log(func.grad(lambda a: P.apply(a, 3).sum())(c)); log(vmap(func.jacrev(lambda a: P.apply(a, 2)))(M))
# mark_dirty under transforms
class D(Function):
    @staticmethod
    def forward(a): return a.mul_(2)
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.mark_dirty(inputs[0])
    @staticmethod
    def backward(ctx, g): return g * 2
log(err(lambda: func.grad(lambda a: D.apply(a.clone()).sum())(c)))
# mark_dirty in setup_context
class D(Function):
    @staticmethod
    def forward(a): return a.mul_(2)
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.mark_dirty(inputs[0])
    @staticmethod
    def backward(ctx, g): return g * 2
y = x * 1; r = D.apply(y); log(r is y, r, r.grad_fn.name()); r.sum().backward(); log(x.grad)
# jvp of mark_dirty
class D(Function):
    @staticmethod
    def forward(ctx, a): ctx.mark_dirty(a); return a.mul_(2)
    @staticmethod
    def backward(ctx, g): return g * 2
    @staticmethod
    def jvp(ctx, t): return t.mul_(2)
with fwAD.dual_level():
    d = fwAD.make_dual(c.clone(), torch.ones(2)); e = d * 1; r = D.apply(e); log(r is e, fwAD.unpack_dual(r))
# jvp out of place for a dirty input
class D(Function):
    @staticmethod
    def forward(ctx, a): ctx.mark_dirty(a); return a.mul_(2)
    @staticmethod
    def jvp(ctx, t): return t * 2
with fwAD.dual_level():
    d = fwAD.make_dual(c.clone(), torch.ones(2)); e = d * 1; log(err(lambda: D.apply(e)))
# jvp of a view
class V(Function):
    @staticmethod
    def forward(ctx, a): return a.view(-1)
    @staticmethod
    def jvp(ctx, t): return t.view(-1)
with fwAD.dual_level():
    d = fwAD.make_dual(M.clone(), torch.ones(2, 3)); log(err(lambda: fwAD.unpack_dual(V.apply(d))))
class V(Function):
    @staticmethod
    def forward(ctx, a): return a.view(-1)
    @staticmethod
    def jvp(ctx, t): return t.reshape(-1) * 1
with fwAD.dual_level():
    d = fwAD.make_dual(M.clone(), torch.ones(2, 3)); log(err(lambda: fwAD.unpack_dual(V.apply(d))))
# jvp with a wrong number
class V(Function):
    @staticmethod
    def forward(ctx, a): return a * 2, a * 3
    @staticmethod
    def jvp(ctx, t): return t * 2
with fwAD.dual_level():
    d = fwAD.make_dual(M.clone(), torch.ones(2, 3)); log(err(lambda: V.apply(d)))
# jvp of wrong shape
class V(Function):
    @staticmethod
    def forward(ctx, a): return a * 2
    @staticmethod
    def jvp(ctx, t): return t.sum()
with fwAD.dual_level():
    d = fwAD.make_dual(M.clone(), torch.ones(2, 3)); log(err(lambda: V.apply(d)))
# jvp None
class V(Function):
    @staticmethod
    def forward(ctx, a, b): return a * b
    @staticmethod
    def jvp(ctx, t, u): log(t is None, u is None); return t
with fwAD.dual_level():
    d = fwAD.make_dual(c.clone(), torch.ones(2)); log(fwAD.unpack_dual(V.apply(d, c))); log(err(lambda: fwAD.unpack_dual(V.apply(c, d))))
# jvp with materialize_grads off
class V(Function):
    @staticmethod
    def forward(ctx, a, b): ctx.set_materialize_grads(False); return a * b
    @staticmethod
    def jvp(ctx, t, u): log(t is None, u is None); return t if t is not None else u
with fwAD.dual_level():
    d = fwAD.make_dual(c.clone(), torch.ones(2)); log(fwAD.unpack_dual(V.apply(d, c))); log(err(lambda: fwAD.unpack_dual(V.apply(c, d))))
# jvp non differentiable outputs
class V(Function):
    @staticmethod
    def forward(ctx, a): b = (a > 5).float(); ctx.mark_non_differentiable(b); return a * 2, b
    @staticmethod
    def jvp(ctx, t): return t * 2, None
with fwAD.dual_level():
    d = fwAD.make_dual(c.clone(), torch.ones(2)); log([fwAD.unpack_dual(r) for r in V.apply(d)])
# double backward with ctx attributes
class E(Function):
    @staticmethod
    def forward(ctx, a): r = a.exp(); ctx.save_for_backward(r); return r
    @staticmethod
    def backward(ctx, g): r, = ctx.saved_tensors; return g * r
g, = grad(E.apply(x).sum(), x, create_graph=True); h, = grad(g.sum(), x, create_graph=True); log(g, h, grad(h.sum(), x)[0])
# double backward with an intermediate saved
class E(Function):
    @staticmethod
    def forward(ctx, a):
        i = a * 2; ctx.save_for_backward(a, i); return i * a
    @staticmethod
    def backward(ctx, g): a, i = ctx.saved_tensors; return g * i + g * a * 2
g, = grad(E.apply(x).sum(), x, create_graph=True); log(g.grad_fn.name(), grad(g.sum(), x))
# double backward with intermediate returned
class E(Function):
    @staticmethod
    def forward(ctx, a):
        i = a * 2; ctx.save_for_backward(a, i); return i * a, i
    @staticmethod
    def backward(ctx, g, h): a, i = ctx.saved_tensors; return g * i + g * a * 2 + h * 2
g, = grad(E.apply(x)[0].sum(), x, create_graph=True); log(grad(g.sum(), x))
# backward returns a list
class L(Function):
    @staticmethod
    def forward(ctx, a, b): return a + b
    @staticmethod
    def backward(ctx, g): return [g, g]
log(err(lambda: L.apply(x, z).sum().backward())); log(x.grad)
# needs_input_grad changes with inputs=
class L(Function):
    @staticmethod
    def forward(ctx, a, b): return a + b
    @staticmethod
    def backward(ctx, g): log(ctx.needs_input_grad); return g, g
y = L.apply(x, z).sum(); grad(y, x, retain_graph=True); grad(y, z, retain_graph=True); y.backward()
# ctx as a weak reference
class L(Function):
    @staticmethod
    def forward(ctx, a): global ref; ref = weakref.ref(ctx); return a * 1
    @staticmethod
    def backward(ctx, g): return g
y = L.apply(x); log(ref() is not None); del y; gc.collect(); log(ref() is None)
# ctx.saved_variables and other old names
class L(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a * 1
    @staticmethod
    def backward(ctx, g): log(err(lambda: ctx.saved_variables)); return g
y = L.apply(x); y.sum().backward(); log(err(lambda: y.grad_fn.non_differentiable), err(lambda: y.grad_fn.to_save), err(lambda: y.grad_fn.dirty_tensors), err(lambda: y.grad_fn.materialize_grads))
# apply of a Function class without forward
class L(Function): pass
log(err(lambda: L.apply(x)))
class L(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
y = L.apply(x); log(err(lambda: y.sum().backward()))
# setup_context without forward's ctx
class L(Function):
    @staticmethod
    def forward(a): return a * 1
    @staticmethod
    def backward(ctx, g): return g
log(err(lambda: L.apply(x)))
# the ctx of setup_context has no outputs kept
class L(Function):
    @staticmethod
    def forward(a, k=2): return a * k, a.max(), 5
    @staticmethod
    def setup_context(ctx, inputs, output): log(len(inputs), output[2]); ctx.mark_non_differentiable(output[1])
    @staticmethod
    def backward(ctx, g, h, i): log(h, i); return g * 2
r = L.apply(x); log(r, r[1].requires_grad); r[0].sum().backward(); log(x.grad)
# save_for_backward called twice keeps the last
class L(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); ctx.save_for_backward(a * 2, a); return a * 1
    @staticmethod
    def backward(ctx, g): log(len(ctx.saved_tensors)); return g
L.apply(x).sum().backward()
# save_for_backward outside of forward
class L(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): log(err(lambda: ctx.save_for_backward(g))); return g
y = L.apply(x); y.grad_fn.save_for_backward(c); log(len(y.grad_fn.saved_tensors)); y.sum().backward()
# once_differentiable details
od = autograd.function.once_differentiable
class L(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a * a
    @staticmethod
    @od
    def backward(ctx, g): a, = ctx.saved_tensors; log(torch.is_grad_enabled()); return 2 * a * g
g, = grad(L.apply(x).sum(), x, create_graph=True); log(g.requires_grad, g.grad_fn.name() if g.grad_fn else None); log(err(lambda: grad(g.sum(), x)))
# InplaceFunction and NestedIOFunction
from_ = autograd.function
log([k for k in ("InplaceFunction", "NestedIOFunction", "BackwardCFunction", "FunctionCtx", "FunctionMeta", "once_differentiable", "traceable", "FunctionAsAutograd") if hasattr(from_, k)])
# nested tuples of tensors in saved
class L(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward((a, a)); return a * 1
    @staticmethod
    def backward(ctx, g): return g
log(err(lambda: L.apply(x)))
# gradient with an integer dtype
class L(Function):
    @staticmethod
    def forward(ctx, a): return a * 2
    @staticmethod
    def backward(ctx, g): return torch.tensor([1, 2])
log(err(lambda: L.apply(x).sum().backward())); log(x.grad)
# gradient of another device type
class L(Function):
    @staticmethod
    def forward(ctx, a): return a * 2
    @staticmethod
    def backward(ctx, g): return torch.ones(2, device="meta")
log(err(lambda: L.apply(x).sum().backward()))
# gradients larger than the input that broadcast
class L(Function):
    @staticmethod
    def forward(ctx, a): return a.expand(3, 2) * 1
    @staticmethod
    def backward(ctx, g): return g
L.apply(x).sum().backward(); log(x.grad)
# a Function on an Parameter in a Module with hooks
class L(Function):
    @staticmethod
    def forward(ctx, a, w): ctx.save_for_backward(a, w); return a @ w
    @staticmethod
    def backward(ctx, g): a, w = ctx.saved_tensors; return g @ w.T, a.T @ g
class Net(nn.Module):
    def __init__(self): super().__init__(); self.w = nn.Parameter(torch.ones(3, 2))
    def forward(self, a): return L.apply(a, self.w)
n = Net(); n.register_full_backward_hook(lambda m, i, o: log("hook", i, o)); n(M).sum().backward(); log(n.w.grad)
# exception in backward has the line of the program
class L(Function):
    @staticmethod
    def forward(ctx, a): return a * 2
    @staticmethod
    def backward(ctx, g): raise ValueError("mine")
log(err(lambda: L.apply(x).sum().backward()))
# keyboard interrupt and system exit pass
class L(Function):
    @staticmethod
    def forward(ctx, a): return a * 2
    @staticmethod
    def backward(ctx, g): raise KeyboardInterrupt
try: L.apply(x).sum().backward()
except BaseException as e: log(type(e).__name__)
# double backward without gradient into one
class L(Function):
    @staticmethod
    def forward(ctx, a, b): ctx.save_for_backward(a, b); return a * b, a + b
    @staticmethod
    def backward(ctx, g, h): log(g, h); a, b = ctx.saved_tensors; return g * b + h, g * a + h
p, q = L.apply(x, z); p.sum().backward(); log(x.grad, z.grad)
# inputs that are views of each other
class L(Function):
    @staticmethod
    def forward(ctx, a, b): return a + b
    @staticmethod
    def backward(ctx, g): return g, g * 10
L.apply(x, x.view(2)).sum().backward(); log(x.grad); L.apply(x, x).sum().backward(); log(x.grad)
# clone with preserved class in Function
class T(torch.Tensor): pass
class L(Function):
    @staticmethod
    def forward(ctx, a): log(type(a).__name__); return a * 2
    @staticmethod
    def backward(ctx, g): log(type(g).__name__); return g
t = torch.ones(2).as_subclass(T).requires_grad_(); r = L.apply(t); log(type(r).__name__); r.sum().backward(); log(type(t.grad).__name__)
# saved output modified
class L(Function):
    @staticmethod
    def forward(ctx, a): r = a * 2; ctx.save_for_backward(r); return r
    @staticmethod
    def backward(ctx, g): return g * ctx.saved_tensors[0]
r = L.apply(x); r.add_(1); log(err(lambda: r.sum().backward()))
# saved input modified before backward, named in the error
class L(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a * 2
    @staticmethod
    def backward(ctx, g): return g * ctx.saved_tensors[0]
y = x * 1; r = L.apply(y); y.add_(1); log(err(lambda: r.sum().backward()))
# pickling of a Function class and deepcopy of a result
import copy
class L(Function):
    @staticmethod
    def forward(ctx, a): return a * 2
    @staticmethod
    def backward(ctx, g): return g
log(err(lambda: copy.deepcopy(L.apply(x)))); log(err(lambda: copy.deepcopy(L.apply(c))))
# Function returning a subclass of tuple
from collections import namedtuple
R = namedtuple("R", "a b")
class L(Function):
    @staticmethod
    def forward(ctx, a): return R(a * 2, a * 3)
    @staticmethod
    def backward(ctx, g, h): return g * 2 + h * 3
r = L.apply(x); log(type(r).__name__, len(r)); (r[0] + r[1]).sum().backward(); log(x.grad)
# Function returning a dict
class L(Function):
    @staticmethod
    def forward(ctx, a): return {"a": a}
    @staticmethod
    def backward(ctx, g): return g
log(err(lambda: L.apply(x)))
# keyword arguments to apply
class L(Function):
    @staticmethod
    def forward(ctx, a, k=1): return a * k
    @staticmethod
    def backward(ctx, g): return g, None
log(err(lambda: L.apply(x, k=2))); log(err(lambda: L.apply(x, 2))); log(err(lambda: L.apply()))
""")
