# ruff: noqa: E501  the programs keep their lines
"""Functions, hooks and the arguments of torch.autograd, one thing after another."""

from programs import AUTOGRAD, divided

SETUP = (
    AUTOGRAD
    + """
once_differentiable = torch.autograd.function.once_differentiable
def short(t): return None if t is None else (t.tolist() if isinstance(t, torch.Tensor) else t)
gradcheck, gradgradcheck = autograd.gradcheck, autograd.gradgradcheck
D = torch.float64
xd = torch.tensor([1., 2.], dtype=D, requires_grad=True); zd = torch.tensor([3., 4.], dtype=D, requires_grad=True)
def text(f):
    try: return f()
    except Exception as e: return type(e).__name__ + ": " + str(e)
"""
)

PROGRAMS = divided("""
# hook on multi output with undefined
v, m = torch.std_mean(x); v.register_hook(lambda g: log("v", g)); v.retain_grad(); m.backward(); log(v.grad, x.grad)
# hook replaces None
class N(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): return None
y = x * 2; y.register_hook(lambda g: torch.ones(2)); show(lambda: N.apply(y).sum().backward())
y = x * 2; y.grad_fn.register_prehook(lambda g: (torch.ones(2),)); show(lambda: N.apply(y).sum().backward())
y = x * 2; y.grad_fn.register_hook(lambda i, o: (torch.ones(2), None)); show(lambda: N.apply(y).sum().backward())
a = torch.ones(2, requires_grad=True); b = torch.ones(2, requires_grad=True)
a.register_hook(lambda g: log("a", g)); b.register_hook(lambda g: log("b", g)); N.apply(torch.cat([a, b])).sum().backward()
base = torch.zeros(4).clone(); base[:2] = a; base.register_hook(lambda g: log("base", g)); N.apply(base).sum().backward()
graph.register_multi_grad_hook((a, b), lambda gs: log("multi", gs)); N.apply(torch.cat([a, b])).sum().backward()
# Function with setup_context and every mark
class A(Function):
    @staticmethod
    def forward(a, b, k=2, *, m=3): return a * k + m, b.clone(), torch.arange(2), "text", None
    @staticmethod
    def setup_context(ctx, inputs, output): log(len(inputs), len(output), ctx.needs_input_grad); ctx.mark_non_differentiable(output[2]); ctx.k = inputs[2]
    @staticmethod
    def backward(ctx, g, h, i, t, n): log(short(g), short(h), short(i), t, n); return g * ctx.k, h, None
show(lambda: A.apply(x, z)); show(lambda: A.apply(x, z, 5)); show(lambda: A.apply(x, z, k=7)); show(lambda: A.apply(x, z, 5, m=3)); show(lambda: A.apply(x)); show(lambda: A.apply())
o = A.apply(x, z, 4); log([type(t).__name__ for t in o], o[0].requires_grad, o[2].requires_grad); (o[0].sum() + o[1].sum()).backward(); log(x.grad, z.grad)
# Function returning list, dict, str, nested
def out(r):
    class A(Function):
        @staticmethod
        def forward(ctx, a): return r(a)
        @staticmethod
        def backward(ctx, *g): log(len(g), [short(t) for t in g]); return g[0]
    return A
for r in (lambda a: [a * 1, a * 2], lambda a: {"k": a * 1}, lambda a: "s", lambda a: (a * 1, [a * 2]), lambda a: (a * 1, 3), lambda a: None, lambda a: (), lambda a: (None, a * 1), lambda a: 3.5):
    show(lambda: out(r).apply(x))
show(lambda: out(lambda a: (a * 1, [a * 2])).apply(x)[0].sum().backward())
# backward returns wrong things
def ret(r, n=1):
    class A(Function):
        @staticmethod
        def forward(ctx, *a): return a[0] * 1
        @staticmethod
        def backward(ctx, g): return r(g)
    return A
show(lambda: ret(lambda g: (g, g)).apply(x, 1).sum().backward())
show(lambda: ret(lambda g: g).apply(x, z).sum().backward())
show(lambda: ret(lambda g: (g, g)).apply(x, c).sum().backward())
# errors inside forward and backward
class A(Function):
    @staticmethod
    def forward(ctx, a): raise ValueError("fwd")
show(lambda: A.apply(x))
class A(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): raise KeyError("bwd")
show(lambda: A.apply(x).sum().backward())
class A(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
show(lambda: A.apply(x).sum().backward(), lambda: A.apply(c), lambda: A(), lambda: A()(x), lambda: A.apply)
class A(Function): pass
show(lambda: A.apply(x))
class A(Function):
    @staticmethod
    def forward(a): return a * 1
    @staticmethod
    def backward(ctx, g): return g
show(lambda: A.apply(x))
class A(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): return g
    @staticmethod
    def vjp(ctx, g): return g
show(lambda: A.apply(x).sum().backward())
# vjp in place of backward
class A(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def vjp(ctx, g): return g * 7
A.apply(x).sum().backward(); log(x.grad)
# mark_dirty combos
class A(Function):
    @staticmethod
    def forward(ctx, a): a.add_(1); ctx.mark_dirty(a); return a
    @staticmethod
    def backward(ctx, g): return g * 5
y = x.clone()
w = A.apply(y)
log(w is y, w.grad_fn.name(), y.grad_fn.name(), y._version)
w.sum().backward()
log(x.grad)
show(lambda: A.apply(x))
y = x * 1
v = y[:1]
w = A.apply(v)
log(w.grad_fn.name(), v.grad_fn.name(), y.grad_fn.name())
y.sum().backward()
log(x.grad)
y = (x * 1)
q = y.view(1, 2)
A.apply(y)
log(q.grad_fn.name(), q)
v = x.view(2)
show(lambda: A.apply(v))
with torch.no_grad(): show(lambda: A.apply(x.detach().clone())); v = (x * 1)[:1]; show(lambda: A.apply(v).grad_fn)
y = c.clone()
w = A.apply(y)
log(w is y, w.requires_grad, y._version)
s = (x * 1).split(1)
# mark_dirty without return
class A(Function):
    @staticmethod
    def forward(ctx, a): a.add_(1); ctx.mark_dirty(a); return a * 2
    @staticmethod
    def backward(ctx, g): return g
show(lambda: A.apply(x * 1), lambda: A.apply(c.clone()))
# mark_dirty of several
class A(Function):
    @staticmethod
    def forward(ctx, a, b): a.add_(1); b.mul_(2); ctx.mark_dirty(a, b); return a, b
    @staticmethod
    def backward(ctx, g, h): return g * 2, h * 3
p, q = x * 1, z * 1; r, s = A.apply(p, q); log(r is p, s is q, p.grad_fn is q.grad_fn, p.output_nr, q.output_nr); (p * q).sum().backward(); log(x.grad, z.grad)
show(lambda: A.apply((x * 1)[:1], z * 1))
# mark_non_differentiable of inputs, floats
class A(Function):
    @staticmethod
    def forward(ctx, a): s, i = a.sort(); ctx.mark_non_differentiable(i); r = s * 2; ctx.mark_non_differentiable(r); return s, i, r
    @staticmethod
    def backward(ctx, g, h, k): log(short(g), short(h), short(k)); return g
s, i, r = A.apply(x); log(s.requires_grad, i.requires_grad, r.requires_grad, r.grad_fn); s.sum().backward()
class A(Function):
    @staticmethod
    def forward(ctx, a): ctx.mark_non_differentiable(a); return a
    @staticmethod
    def backward(ctx, g): return g
y = A.apply(x); log(y.requires_grad, y is x); show(lambda: A.apply(x * 1).requires_grad)
# returning input as is
class A(Function):
    @staticmethod
    def forward(ctx, a, b): return a, b, a
    @staticmethod
    def backward(ctx, g, h, k): log(short(g), short(h), short(k)); return g, h
p, q, r = A.apply(x, c); log(p is x, q is c, r is p, q.requires_grad, p._is_view(), q._is_view()); p.sum().backward(); log(x.grad)
# returning a view of input
class A(Function):
    @staticmethod
    def forward(ctx, a): return a.view(2, 1)
    @staticmethod
    def backward(ctx, g): return g.view(2)
y = A.apply(x); log(y._is_view(), y.grad_fn.name()); show(lambda: y.add_(1)); y = A.apply(x * 1); show(lambda: y.add_(1).sum().backward()); log(x.grad)
y = A.apply(c); log(y._is_view(), y._base is c)
# needs_input_grad and partial
class A(Function):
    @staticmethod
    def forward(ctx, a, b, k): return a * b * k
    @staticmethod
    def backward(ctx, g): log(ctx.needs_input_grad); return tuple(g if n else None for n in ctx.needs_input_grad)
A.apply(x, c, 2).sum().backward(); A.apply(c, x, 2).sum().backward(); grad(A.apply(x, z, 2).sum(), z); log(A.apply(c, c, 2).requires_grad)
with torch.no_grad(): log(A.apply(x, z, 2).requires_grad)
# double backward through function
class Sq(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a ** 2
    @staticmethod
    def backward(ctx, g): a, = ctx.saved_tensors; return 2 * a * g
g, = grad(Sq.apply(x).sum(), x, create_graph=True); log(g, g.grad_fn.name()); h, = grad(g.sum(), x, create_graph=True); log(h, h.requires_grad); show(lambda: gradcheck(Sq.apply, (xd,)), lambda: gradgradcheck(Sq.apply, (xd,)))
# double backward with saved non input
class Sq(Function):
    @staticmethod
    def forward(ctx, a): e = a.exp(); ctx.save_for_backward(e); return e * 2
    @staticmethod
    def backward(ctx, g): e, = ctx.saved_tensors; return 2 * e * g
g, = grad(Sq.apply(x).sum(), x, create_graph=True); log(g.requires_grad); show(lambda: grad(g.sum(), x), lambda: gradgradcheck(Sq.apply, (xd,)))
# once_differentiable
class O(Function):
    @staticmethod
    def forward(ctx, a): return a * 2, a * 3
    @staticmethod
    @once_differentiable
    def backward(ctx, g, h): log(torch.is_grad_enabled(), g.requires_grad); return g * 2 + h * 3
y, w = O.apply(x); g, = grad(y.sum(), x, create_graph=True); log(g.requires_grad, g.grad_fn)
y, w = O.apply(x); g, = grad((y * x).sum(), x, create_graph=True); log(g.requires_grad); show(lambda: g.sum().backward(), lambda: grad(g.sum(), x))
# jvp of a function
class J(Function):
    @staticmethod
    def forward(ctx, a, k, b): ctx.save_for_forward(a, b); ctx.save_for_backward(a, b); ctx.k = k; return a * k * b, a + b
    @staticmethod
    def jvp(ctx, ta, tk, tb): log(short(ta), tk, short(tb)); a, b = ctx.saved_tensors; return ta * ctx.k * b + a * ctx.k * tb, ta + tb
    @staticmethod
    def backward(ctx, g, h): a, b = ctx.saved_tensors; return g * ctx.k * b + h, None, g * ctx.k * a + h
show(lambda: func.jvp(lambda a: J.apply(a, 3, z), (x.detach(),), (torch.ones(2),)))
# saved_tensors_hooks nested
S = graph.saved_tensors_hooks
with S(lambda t: (log("pack1"), t)[1], lambda t: (log("unpack1"), t)[1]):
    y = x * x
    with S(lambda t: (log("pack2"), t)[1], lambda t: (log("unpack2"), t)[1]): y = y * y
    y = y.exp()
y.sum().backward(); log(x.grad)
# saved_tensors_hooks errors
S = graph.saved_tensors_hooks
with S(lambda t: t, lambda t: 3): y = x * x
show(lambda: y.sum().backward())
with S(lambda t: t, lambda t: None): y = x * x
show(lambda: y.sum().backward())
def bad(t): t.add_(1); return t
with S(bad, lambda t: t): show(lambda: (x * 1).exp())
def boom(t): raise ValueError("pack")
with S(boom, lambda t: t): show(lambda: x * x)
def boom(t): raise ValueError("unpack")
with S(lambda t: t, boom): y = x * x
show(lambda: y.sum().backward(), lambda: y.grad_fn._saved_self)
show(lambda: S(1, 2).__enter__()); show(lambda: S())
# disable_saved_tensors_hooks
with graph.disable_saved_tensors_hooks("no hooks here"):
    def f():
        with graph.saved_tensors_hooks(lambda t: t, lambda t: t): return x * x
    show(f)
    def f():
        with graph.save_on_cpu(): return x * x
    show(f)
    with graph.disable_saved_tensors_hooks("inner"): show(f)
    show(f)
show(lambda: f().grad_fn.name())
def f():
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        with graph.disable_saved_tensors_hooks("late"): return x * x
show(f)
# save_on_cpu
with graph.save_on_cpu(pin_memory=False): y = (x * x).sum()
y.backward(); log(x.grad)
with graph.save_on_cpu(): y = x.exp(); y.add_(1)
show(lambda: y.sum().backward())
show(lambda: vmap(func.grad(lambda a: (a ** 2).sum()))(M))
def f(a):
    with graph.save_on_cpu(): return (a * a).sum()
show(lambda: func.grad(f)(c), lambda: vmap(f)(M), lambda: vmap(func.grad(f))(M), lambda: func.vjp(f, c)[0], lambda: func.jacrev(f)(c), lambda: func.hessian(f)(c))
def f(a):
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t): return (a * a).sum()
show(lambda: func.grad(f)(c), lambda: vmap(f)(M), lambda: vmap(func.grad(f))(M))
with graph.saved_tensors_hooks(lambda t: t, lambda t: t): show(lambda: func.grad(lambda a: (a ** 2).sum())(c))
# allow_mutation_on_saved_tensors
with graph.allow_mutation_on_saved_tensors() as ctx:
    a = x * 1; b = a * a; a.add_(1); b.sum().backward(); log(x.grad)
def f():
    with graph.allow_mutation_on_saved_tensors():
        with graph.allow_mutation_on_saved_tensors(): pass
show(f)
with graph.allow_mutation_on_saved_tensors(): a = x * 1; b = a * a; a.add_(1)
show(lambda: b.sum().backward())
with graph.allow_mutation_on_saved_tensors():
    a = x * 1; v = a[:1]; b = (a * a); v.mul_(3); b.sum().backward(); log(x.grad); a = x.clone(); a.sin_(); a.sum().backward(); log(x.grad)
# get_gradient_edge
e = graph.get_gradient_edge(x)
log(type(e).__name__, e.node.name(), e.output_nr, e._fields)
y = x * 2
e = graph.get_gradient_edge(y)
log(e.node is y.grad_fn, e.output_nr)
show(lambda: graph.get_gradient_edge(c))
show(lambda: graph.get_gradient_edge(3))
show(lambda: graph.get_gradient_edge(torch.max(M.clone().requires_grad_(), 0)[0]).output_nr)
w = (y * y).sum()
log(grad(w, e, retain_graph=True), grad(w, (e, x), retain_graph=True))
show(lambda: autograd.backward(w, inputs=e))
show(lambda: x.grad)
y = x * 2
e = graph.get_gradient_edge(y)
show(lambda: autograd.backward(e, torch.ones(2)))
show(lambda: x.grad)
show(lambda: autograd.backward(e))
show(lambda: grad(e, x))
y = x * 2
e = graph.get_gradient_edge(y)
show(lambda: grad(e, x, torch.ones(3)))
show(lambda: grad(e, x, (None,)))
log(isinstance(e.node, graph.Node), e == graph.get_gradient_edge(y), graph.GradientEdge(y.grad_fn, 0).node is y.grad_fn)
# multi grad hook modes
h = graph.register_multi_grad_hook((x, z), lambda gs: log("all", [short(g) for g in gs]))
(x * z).sum().backward()
(x * 2).sum().backward()
h.remove()
(x * z).sum().backward()
h = graph.register_multi_grad_hook((x, z), lambda g: log("any", short(g)), mode="any")
(x * z).sum().backward()
(x * 2).sum().backward()
h.remove()
show(lambda: graph.register_multi_grad_hook((x,), print, mode="none"))
show(lambda: graph.register_multi_grad_hook((), print))
show(lambda: graph.register_multi_grad_hook((c,), print))
show(lambda: graph.register_multi_grad_hook((c, x), print, mode="any"))
y = x * 2
w = z * 3
graph.register_multi_grad_hook((y, w, x), lambda gs: log("int", [short(g) for g in gs]))
(y * w).sum().backward()
y = x * 2
w = z * 3
# detect_anomaly
def f():
    with autograd.detect_anomaly(): a = (x - 1).sqrt() * 0; (a / 0).sum().backward()
show(f)
with warnings.catch_warnings(record=True) as w:
    warnings.simplefilter("always")
    def f():
        with autograd.detect_anomaly(): y = torch.sqrt(-x * 1); y.sum().backward()
    show(f); log(len(w), str(w[0].message)[:90], w[1:] and str(w[1].message)[:90].split(chr(10))[0])
with autograd.detect_anomaly(check_nan=False): torch.sqrt(-x).sum().backward()
log(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())
with autograd.set_detect_anomaly(True, False): log(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())
log(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())
# multithreading
log(torch.autograd.is_multithreading_enabled() if hasattr(torch.autograd, "is_multithreading_enabled") else torch._C._is_multithreading_enabled())
with autograd.set_multithreading_enabled(False): log(torch._C._is_multithreading_enabled())
log(torch._C._is_multithreading_enabled())
autograd.set_multithreading_enabled(False); log(torch._C._is_multithreading_enabled()); autograd.set_multithreading_enabled(True)
# autograd grad arguments
y = (x * z).sum()
show(lambda: grad(y, [x, z], retain_graph=True))
show(lambda: grad([y, y * 2], [x], retain_graph=True))
show(lambda: grad(y, c, retain_graph=True))
show(lambda: grad(y, x, torch.ones(2), retain_graph=True))
show(lambda: grad(y, x, [None], retain_graph=True))
show(lambda: grad(y, torch.ones(2, requires_grad=True), retain_graph=True))
show(lambda: grad(y, [x, torch.ones(2, requires_grad=True)], allow_unused=True, retain_graph=True))
show(lambda: grad(x * z, x))
show(lambda: grad(y, x, only_inputs=False))
show(lambda: grad(y, (), retain_graph=True))
show(lambda: grad((), x))
show(lambda: grad(y, "s"))
show(lambda: grad("s", x))
show(lambda: grad(y, x, 3))
show(lambda: grad(c.sum(), x))
show(lambda: grad(y, x, materialize_grads=True, allow_unused=False))
show(lambda: grad(y, None))
show(lambda: grad(None, x))
show(lambda: grad(x * z, x, torch.eye(2), is_grads_batched=True))
show(lambda: grad(x * z, [x, z], torch.eye(2), is_grads_batched=True))
show(lambda: grad(x * z, x, torch.ones(2, 3), is_grads_batched=True))
show(lambda: grad(x * z, x, is_grads_batched=True))
show(lambda: grad(x * z, x, (None,), is_grads_batched=True))
# backward arguments
show(lambda: (x * z).backward(), lambda: (x * z).backward(torch.ones(3)), lambda: (x * z).backward(gradient=torch.ones(2)), lambda: x.grad, lambda: (x * z).sum().backward(inputs=[]), lambda: (x * z).sum().backward(inputs=[c]), lambda: (x * z).sum().backward(inputs=x), lambda: c.sum().backward(), lambda: (x * z).backward(3), lambda: (x * z).backward("s"), lambda: (x * z).backward([torch.ones(2)]), lambda: autograd.backward([x.sum(), z.sum()]), lambda: autograd.backward([x.sum(), z.sum()], [torch.tensor(1.)]), lambda: autograd.backward(x.sum(), grad_tensors=torch.tensor(2.), grad_variables=torch.tensor(2.)), lambda: autograd.backward(x.sum(), grad_variables=torch.tensor(2.)), lambda: autograd.backward([]), lambda: autograd.backward("s"), lambda: (x * z).backward(torch.ones(2, dtype=torch.int64)), lambda: (x * z).backward(torch.ones(2, dtype=torch.complex64)), lambda: (x * (1 + 1j)).sum().backward())
y = (x * z).sum(); y.backward(); show(lambda: y.backward()); y = (x + z).sum(); y.backward(); show(lambda: y.backward())
y = x.exp().sum(); y.backward(retain_graph=True); y.backward(); show(lambda: y.backward())
# Variable and others
V = autograd.Variable; v = V(torch.ones(2), requires_grad=True); log(type(v).__name__, v.requires_grad, isinstance(x, V), V(c).requires_grad); show(lambda: V(torch.ones(2), volatile=True), lambda: V("s"), lambda: V())
log(issubclass(V, torch.Tensor), V.__name__)
""")
