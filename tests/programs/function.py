# ruff: noqa: E501  the programs keep their lines
"""torch.autograd.Function."""

from programs import divided

SETUP = """
Function = torch.autograd.Function
once_differentiable = torch.autograd.function.once_differentiable
grad = torch.autograd.grad
x = torch.tensor([1., 2.], requires_grad=True); z = torch.tensor([3., 4.], requires_grad=True)
class Mul(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b
    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        return g * b, g * a
def returning(f):
    class Fn(Function):
        @staticmethod
        def forward(ctx, *a): return a[0] * 1
        @staticmethod
        def backward(ctx, g): return f(g)
    return Fn
def run(f, *a): f.apply(*(a or (x,))).sum().backward(); return x.grad
class Same(Function):
    @staticmethod
    def forward(ctx, a): return a
    @staticmethod
    def backward(ctx, g): return g * 3
class Dirty(Function):
    @staticmethod
    def forward(ctx, a): a.mul_(2); ctx.mark_dirty(a); return a
    @staticmethod
    def backward(ctx, g): return g * 2
"""

PROGRAMS = divided("""
# a function and its gradients
y = Mul.apply(x, z); log(y); y.sum().backward(); log(x.grad, z.grad)
# what the node is
y = Mul.apply(x, z); fn = y.grad_fn
log(fn.name(), type(fn).__name__, fn.next_functions[0][0].name(), fn.next_functions[1][1], len(fn.next_functions), fn.metadata)
log(fn is y.grad_fn, fn.needs_input_grad, [t.tolist() for t in fn.saved_tensors], fn.to_save, fn.dirty_tensors, fn.non_differentiable)
log(isinstance(fn, torch.autograd.graph.Node), isinstance(fn, torch.autograd.function.FunctionCtx), fn._forward_cls is Mul)
# attributes of ctx are those of grad_fn
class A(Function):
    @staticmethod
    def forward(ctx, a, k): ctx.k = k; ctx.shape = a.shape; return a * k
    @staticmethod
    def backward(ctx, g): log(ctx.k, ctx.shape); ctx.seen = True; return g * ctx.k, None
y = A.apply(x, 5); fn = y.grad_fn; log(fn.k); fn.k = 7; y.sum().backward(); log(x.grad, fn.seen)
# the ctx outlives the result, and the result the ctx
y = Mul.apply(x, z); fn = y.grad_fn; del y; log([t.tolist() for t in fn.saved_tensors], fn.next_functions[0][0].variable is x, fn.name())
y = Mul.apply(x, z); y.grad_fn.note = 3; w = y * 2; del y; log(w.grad_fn.next_functions[0][0].note); w.sum().backward(); log(x.grad)
# saved tensors after they are freed
y = Mul.apply(x, z); fn = y.grad_fn; y.sum().backward(); show(lambda: fn.saved_tensors, lambda: y.sum().backward())
# retain_graph
y = Mul.apply(x, z).sum(); y.backward(retain_graph=True); y.backward(); log(x.grad)
# nothing saved: backward twice works
class N(Function):
    @staticmethod
    def forward(ctx, a): return a * 2
    @staticmethod
    def backward(ctx, g): return g * 2
y = N.apply(x).sum(); y.backward(); y.backward(); log(x.grad)
# saved_tensors twice
class T(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a * a
    @staticmethod
    def backward(ctx, g): log(ctx.saved_tensors[0] is ctx.saved_tensors[0], ctx.saved_tensors[0] is x); return 2 * g * ctx.saved_tensors[0]
log(run(T))
# saved output
class E(Function):
    @staticmethod
    def forward(ctx, a): r = a.exp(); ctx.save_for_backward(r); return r
    @staticmethod
    def backward(ctx, g): r, = ctx.saved_tensors; log(r.grad_fn is not None); return g * r
y = E.apply(x); g, = grad(y.sum(), x, create_graph=True); log(g.requires_grad); log(grad(g.sum(), x)[0])
# saved None
class S(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(None, a); return a * 1
    @staticmethod
    def backward(ctx, g): log(ctx.saved_tensors[0]); return g
log(run(S))
# saved_tensors inside forward
class S(Function):
    @staticmethod
    def forward(ctx, a): log(len(ctx.saved_tensors)); ctx.save_for_backward(a); return a * 1
    @staticmethod
    def backward(ctx, g): return g
log(run(S))
# save_for_backward of other things
def f(what):
    class B(Function):
        @staticmethod
        def forward(ctx, a): ctx.save_for_backward(a, what); return a * 1
        @staticmethod
        def backward(ctx, g): return g
    return B.apply(x)
show(lambda: f(1), lambda: f("a"), lambda: f([x]))
# an input written to after it was saved
w = x * 1; y = Mul.apply(w, z); w.add_(1)
try: y.sum().backward()
except RuntimeError as e: log(str(e)[:90])
# an intermediate tensor saved
class I(Function):
    @staticmethod
    def forward(ctx, a): m = a + 1; ctx.save_for_backward(m); return m * m
    @staticmethod
    def backward(ctx, g): return 2 * g * ctx.saved_tensors[0]
log(run(I))
# double backward
y = Mul.apply(x, x); g, = grad(y.sum(), x, create_graph=True); log(g, g.requires_grad); log(grad(g.sum(), x)[0])
# third derivative
class Cube(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a ** 3
    @staticmethod
    def backward(ctx, g): a, = ctx.saved_tensors; return 3 * a * a * g
y = Cube.apply(x).sum(); g, = grad(y, x, create_graph=True); h, = grad(g.sum(), x, create_graph=True); log(h, grad(h.sum(), x)[0])
# double backward through another Function
class Inner(Function):
    @staticmethod
    def forward(ctx, g, a): ctx.save_for_backward(g, a); return g * a * 2
    @staticmethod
    def backward(ctx, gg): g, a = ctx.saved_tensors; log("inner"); return gg * a * 2, gg * g * 2
class Outer(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a * a
    @staticmethod
    def backward(ctx, g): return Inner.apply(g, ctx.saved_tensors[0])
y = Outer.apply(x).sum(); g, = grad(y, x, create_graph=True); log(grad(g.sum(), x)[0])
# once_differentiable
class O(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a * a
    @staticmethod
    @once_differentiable
    def backward(ctx, g): log(torch.is_grad_enabled()); return 2 * g * ctx.saved_tensors[0]
y = O.apply(x).sum(); g, = grad(y, x, retain_graph=True); log(g, g.requires_grad)
g2, = grad(y, x, torch.ones((), requires_grad=True), create_graph=True); log(g2, g2.requires_grad)
show(lambda: g2.sum().backward())
# once_differentiable, where the incoming gradient needs none
class O(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a * a
    @staticmethod
    @once_differentiable
    def backward(ctx, g): return 2 * g * ctx.saved_tensors[0]
g, = grad(O.apply(x).sum(), x, create_graph=True); log(g, g.requires_grad); show(lambda: g.sum().backward())
# grad mode in forward and backward
class M(Function):
    @staticmethod
    def forward(ctx, a): log(torch.is_grad_enabled(), a.requires_grad, a is x); return a * 1
    @staticmethod
    def backward(ctx, g): log(torch.is_grad_enabled(), g.requires_grad); return g
y = M.apply(x).sum(); grad(y, x, retain_graph=True); grad(y, x, create_graph=True)
# needs_input_grad
class W(Function):
    @staticmethod
    def forward(ctx, a, b, c): log(ctx.needs_input_grad); return a * b
    @staticmethod
    def backward(ctx, g): log(ctx.needs_input_grad); return g, None, None
W.apply(x, torch.ones(2), 3).sum().backward(); W.apply(x.detach(), torch.ones(2), "a")
# needs_input_grad under no_grad
class W(Function):
    @staticmethod
    def forward(ctx, a): log(ctx.needs_input_grad); return a * 2
    @staticmethod
    def backward(ctx, g): return g
with torch.no_grad(): y = W.apply(x); log(y.requires_grad, y.grad_fn)
# no gradient needed
y = Mul.apply(x.detach(), z.detach()); log(y.requires_grad, y.grad_fn, y.is_leaf)
# wrong number of gradients
show(lambda: run(returning(lambda g: (g, g))), lambda: run(returning(lambda g: ())), lambda: run(returning(lambda g: g), x, z))
# trailing Nones are allowed
log(run(returning(lambda g: (g, None, None))))
# gradients that are no tensors
show(lambda: run(returning(lambda g: 3)), lambda: run(returning(lambda g: "a")), lambda: run(returning(lambda g: [g])))
# None for a gradient
show(lambda: run(returning(lambda g: None)))
# a gradient for what is no tensor
show(lambda: run(returning(lambda g: (g, g)), x, 3))
# a gradient for a tensor that needs none
log(run(returning(lambda g: (g, g)), x, torch.ones(2)))
# gradients of wrong shapes
show(lambda: run(returning(lambda g: g.new_ones(3))), lambda: run(returning(lambda g: g.new_ones(2, 3))), lambda: run(returning(lambda g: g.sum())))
# gradients of expanded shapes are summed
log(run(returning(lambda g: g.expand(3, 2))))
y = torch.ones(1, 2, requires_grad=True); returning(lambda g: g.expand(4, 2)).apply(y).sum().backward(); log(y.grad)
# gradients of other dtypes
log(run(returning(lambda g: g.double()))); log(run(returning(lambda g: g.half())))
# a chain of functions
class Half(Function):
    @staticmethod
    def forward(ctx, a): return a / 2
    @staticmethod
    def backward(ctx, g): return g / 2
log(run(Half), Half.apply(Half.apply(x)).grad_fn.next_functions[0][0].name())
# several outputs
class Two(Function):
    @staticmethod
    def forward(ctx, a): return a * 2, a * 3
    @staticmethod
    def backward(ctx, g, h): log(g, h); return 2 * g + 3 * h
p, q = Two.apply(x); log(p.grad_fn is q.grad_fn, p.output_nr, q.output_nr); (p + q).sum().backward(); log(x.grad)
p, q = Two.apply(x); q.sum().backward(); log(x.grad)
# materialize_grads off
class U(Function):
    @staticmethod
    def forward(ctx, a): ctx.set_materialize_grads(False); return a * 2, a * 3
    @staticmethod
    def backward(ctx, g, h): log(g, h); return 2 * g
U.apply(x)[0].sum().backward()
# outputs that are no tensors
class O(Function):
    @staticmethod
    def forward(ctx, a): return a * 1, 3, None, "s", a > 1
    @staticmethod
    def backward(ctx, *g): log(len(g), [type(e).__name__ for e in g]); return g[0]
o = O.apply(x); log([type(e).__name__ for e in o], o[4].requires_grad); o[0].sum().backward()
# a list as output
class L(Function):
    @staticmethod
    def forward(ctx, a): return [a * 1, a * 2]
    @staticmethod
    def backward(ctx, *g): return g[0]
o = L.apply(x); log(type(o).__name__, o[0].requires_grad)
# an integer output
class J(Function):
    @staticmethod
    def forward(ctx, a): return a.long(), a * 2
    @staticmethod
    def backward(ctx, g, h): return h * 2
i, y = J.apply(x); log(i.requires_grad, y.requires_grad); y.sum().backward(); log(x.grad)
# mark_non_differentiable
class C(Function):
    @staticmethod
    def forward(ctx, a): r = a * 1; s = a * 2; ctx.mark_non_differentiable(s); return r, s
    @staticmethod
    def backward(ctx, g, h): log(g, h); return g
r, s = C.apply(x); log(r.requires_grad, s.requires_grad, s.grad_fn); r.sum().backward()
# mark_non_differentiable of the sorted indices
class Sort(Function):
    @staticmethod
    def forward(ctx, a): v, i = a.sort(descending=True); ctx.mark_non_differentiable(i); ctx.save_for_backward(a, i); return v, i
    @staticmethod
    def backward(ctx, g, _): a, i = ctx.saved_tensors; r = torch.zeros_like(a); r.index_add_(0, i, g); return r
v, i = Sort.apply(x); (v * torch.tensor([1., 5.])).sum().backward(); log(x.grad, i)
# mark_dirty
w = x * 1; v = w._version; r = Dirty.apply(w); log(r is w, w._version - v, w.grad_fn.name(), w); r.sum().backward(); log(x.grad)
# mark_dirty of a leaf
show(lambda: Dirty.apply(x))
# mark_dirty without returning it
class D(Function):
    @staticmethod
    def forward(ctx, a): a.add_(1); ctx.mark_dirty(a); return a * 1
    @staticmethod
    def backward(ctx, g): return g
show(lambda: D.apply(x * 1))
# mark_dirty of a view
base = x * 1; v = base[0:1]; r = Dirty.apply(v); log(base, base.grad_fn.name()); base.sum().backward(); log(x.grad)
# mark_dirty of a view with two outputs
class D(Function):
    @staticmethod
    def forward(ctx, a, b): a.add_(1); ctx.mark_dirty(a); return a, b * 1
    @staticmethod
    def backward(ctx, g, h): return g, h
base = x * 1; show(lambda: D.apply(base[0:1], z))
# mark_dirty that saves its output
class R(Function):
    @staticmethod
    def forward(ctx, a): a.clamp_(min=1.5); ctx.mark_dirty(a); ctx.save_for_backward(a); return a
    @staticmethod
    def backward(ctx, g): a, = ctx.saved_tensors; return g * (a > 1.5)
w = x * 1; R.apply(w).sum().backward(); log(x.grad)
# mark_dirty of a tensor that needs no gradient
w = torch.ones(2); r = Dirty.apply(w); log(r is w, r, r.requires_grad)
# an input returned as it is
w = x * 1; r = Same.apply(w); log(r is w, r._base is w, r.grad_fn.name(), r.data_ptr() == w.data_ptr()); r.sum().backward(); log(x.grad)
# an input returned as it is, written to
w = x * 1; r = Same.apply(w); show(lambda: r.add_(1))
# a leaf returned as it is
r = Same.apply(x); log(r is x, r.is_leaf, r.requires_grad); r.sum().backward(); log(x.grad)
# an input returned as it is, without gradient
w = torch.ones(2); r = Same.apply(w); log(r is w, r.requires_grad, r.data_ptr() == w.data_ptr())
with torch.no_grad(): r = Same.apply(x); log(r is x, r.requires_grad)
# a view returned
class V(Function):
    @staticmethod
    def forward(ctx, a): return a.view(2, 1)
    @staticmethod
    def backward(ctx, g): return g.view(2) * 5
w = x * 1; r = V.apply(w); log(r.shape, r.grad_fn.name()); r.sum().backward(); log(x.grad); show(lambda: r.add_(1))
# two views returned
class V(Function):
    @staticmethod
    def forward(ctx, a): return a[0:1], a[1:2]
    @staticmethod
    def backward(ctx, g, h): return torch.cat([g, h])
p, q = V.apply(x * 1); log(p, q); (p * 2 + q).sum().backward(); log(x.grad); show(lambda: p.add_(1))
# the same tensor returned twice
class TT(Function):
    @staticmethod
    def forward(ctx, a): r = a * 2; return r, r * 1
    @staticmethod
    def backward(ctx, g, h): return 2 * g + 2 * h
p, q = TT.apply(x); (p + q).sum().backward(); log(x.grad)
# setup_context
class P(Function):
    @staticmethod
    def forward(a, k=2): return a * k
    @staticmethod
    def setup_context(ctx, inputs, output): log(len(inputs), inputs[1], output.requires_grad); ctx.k = inputs[1]
    @staticmethod
    def backward(ctx, g): return g * ctx.k, None
P.apply(x).sum().backward(); log(x.grad); P.apply(x, k=5).sum().backward(); log(x.grad)
# setup_context with several outputs
class P(Function):
    @staticmethod
    def forward(a, b): return a * b, a + b
    @staticmethod
    def setup_context(ctx, inputs, output): log(type(output).__name__, len(output)); ctx.save_for_backward(*inputs)
    @staticmethod
    def backward(ctx, g, h): a, b = ctx.saved_tensors; return g * b + h, g * a + h
p, q = P.apply(x, z); (p + q).sum().backward(); log(x.grad, z.grad)
# keywords with a ctx in forward
class K(Function):
    @staticmethod
    def forward(ctx, a, k=2): return a * k
    @staticmethod
    def backward(ctx, g): return g, None
log(K.apply(x, k=3), K.apply(x)); show(lambda: K.apply(x, q=3))
# forward or backward missing
class M(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
show(lambda: M.apply(x).sum().backward(), lambda: Function.apply(x))
# vjp is another name for backward
class J(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def vjp(ctx, g): return g * 7
log(run(J))
# vjp and backward
class J(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): return g
    @staticmethod
    def vjp(ctx, g): return g
show(lambda: run(J))
# instances
import warnings
with warnings.catch_warnings(): warnings.simplefilter("ignore"); show(lambda: Mul()(x))
# instances: warns
Mul(); log("made")
# an error in forward leaves the modes alone
class B(Function):
    @staticmethod
    def forward(ctx, a): raise ValueError("no")
show(lambda: B.apply(x)); log(torch.is_grad_enabled())
# an error in backward
class B(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): raise KeyError("k")
show(lambda: B.apply(x).sum().backward()); log(torch.is_grad_enabled())
# backward inside backward
class B(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a * a
    @staticmethod
    def backward(ctx, g):
        with torch.enable_grad():
            a = ctx.saved_tensors[0].detach().requires_grad_(); (a * a).sum().backward()
        return g * a.grad
log(run(B))
# jvp
class J(Function):
    @staticmethod
    def forward(ctx, a, b): ctx.save_for_forward(a, b); ctx.save_for_backward(a, b); return a * b
    @staticmethod
    def backward(ctx, g): a, b = ctx.saved_tensors; return g * b, g * a
    @staticmethod
    def jvp(ctx, ta, tb): a, b = ctx.saved_tensors; log(ta is None, tb is None); return ta * b
fw = torch.autograd.forward_ad
with fw.dual_level():
    d = fw.make_dual(x, torch.ones(2)); y = J.apply(d, z); log(fw.unpack_dual(y).tangent.detach())
# jvp missing
with torch.autograd.forward_ad.dual_level(): show(lambda: Mul.apply(torch.autograd.forward_ad.make_dual(x, torch.ones(2)), z))
# save_for_forward of other things
class J(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_forward(3); return a * 1
show(lambda: J.apply(x))
# hooks on the node of a Function
y = Mul.apply(x, z); h = y.grad_fn.register_hook(lambda i, o: log("after", len(i), len(o))); y.grad_fn.register_prehook(lambda o: log("before", len(o)))
y.sum().backward(); h.remove()
y = Mul.apply(x, z); y.grad_fn.register_hook(lambda i, o: tuple(t * 10 for t in i)); y.sum().backward(); log(x.grad)
# metadata of a Function's node
y = Mul.apply(x, z); y.grad_fn.metadata["k"] = 1; log(y.grad_fn.metadata)
# functions of no tensor
class Z(Function):
    @staticmethod
    def forward(ctx, k): return torch.ones(2) * k
    @staticmethod
    def backward(ctx, g): return None
log(Z.apply(3), Z.apply(3).requires_grad)
# a parameter and a module
class Lin(torch.nn.Module):
    def __init__(self): super().__init__(); self.w = torch.nn.Parameter(torch.ones(2))
    def forward(self, v): return Mul.apply(v, self.w)
m = Lin(); m(x).sum().backward(); log(m.w.grad, x.grad)
# gradcheck of a Function
xd = torch.tensor([.5, .7], dtype=torch.float64, requires_grad=True)
log(torch.autograd.gradcheck(Mul.apply, (xd, xd.detach().clone().requires_grad_())), torch.autograd.gradgradcheck(Mul.apply, (xd, xd.detach().clone().requires_grad_())))
# generic alias names
log(torch.autograd.function.InplaceFunction.__mro__[1].__name__, hasattr(torch.autograd.function, "traceable"))
# is Function's class a type of its own
log(type(Mul).__name__, Mul._backward_cls.__name__, issubclass(Mul._backward_cls, torch.autograd.function.BackwardCFunction))
""")
