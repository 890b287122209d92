# ruff: noqa: E501  the programs keep their lines
"""Functions, hooks, the graph, anomaly mode, checkpoints, subclasses and function modes, with each other."""

from programs import AUTOGRAD, divided

SETUP = (
    AUTOGRAD
    + """
import contextlib, copy, warnings
checkpoint = torch.utils.checkpoint.checkpoint
class Square(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a * a
    @staticmethod
    def backward(ctx, g): a, = ctx.saved_tensors; return 2 * a * g
class Logged(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        log("call", getattr(func, "__name__", func)); return super().__torch_function__(func, types, args, kwargs or {})
class Plain(torch.Tensor): pass
Mode = torch.overrides.TorchFunctionMode
class Names(Mode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        log("mode", getattr(func, "__name__", func)); return func(*args, **(kwargs or {}))
def names(fn, depth=6):
    if fn is None: return "None"
    if not depth: return "..."
    inner = ", ".join(names(f, depth - 1) for f, _ in fn.next_functions)
    return f"{fn.name()}({inner})"
"""
)

PROGRAMS = divided("""
# hooks on what grad is asked for
y = x * 2; y.register_hook(lambda g: g * 10); log(grad(y.sum(), y))
y = x * 2; y.register_hook(lambda g: g * 10); log(grad(y.sum(), (x, y)))
y = x * 2; y.grad_fn.register_prehook(lambda gs: (gs[0] * 10,)); log(grad(y.sum(), y))
y = x * 2; y.grad_fn.register_prehook(lambda gs: (gs[0] * 10,)); log(grad(y.sum(), (x, y)))
x.register_hook(lambda g: g + 1); log(grad((x * 2).sum(), x))
# hooks and backward for some tensors
y = x * 2; y.grad_fn.register_hook(lambda gi, go: log("post", gi, go)); y.grad_fn.register_prehook(lambda gs: (gs[0] * 10,))
y.sum().backward(inputs=(y,)); log(y.grad, x.grad)
y = x * 2; y.register_hook(lambda g: g * 10); y.sum().backward(inputs=(y, x)); log(y.grad, x.grad)
y = x * 2; w = y * z; w.grad_fn.register_hook(lambda gi, go: log("w", gi)); w.sum().backward(inputs=[y]); log(y.grad, z.grad)
# a hook that cannot be called
y = x * 2; h = y.register_hook(3); show(lambda: y.sum().backward())
y = x * 2; h = y.grad_fn.register_hook("a"); show(lambda: y.sum().backward())
y = x * 2; h = y.grad_fn.register_prehook(None); show(lambda: y.sum().backward())
# a node called by hand
y = x ** 2; fn = y.grad_fn; log(fn(torch.ones(2)), fn(None)); show(lambda: fn(), lambda: fn(c, c), lambda: fn(3), lambda: fn(c, a=c))
with torch.no_grad(): log(fn(torch.ones(2)))
m = x.max(0); log(m.values.grad_fn(torch.tensor(5.)))
p = (x * z).grad_fn(torch.ones(2)); log([t.detach() for t in p], p[0].requires_grad)
acc = y.grad_fn.next_functions[0][0]; log(acc(torch.ones(2)), x.grad); show(lambda: acc(), lambda: acc(torch.ones(2), 3))
u = x.unbind(); fns = [t.grad_fn for t in u]; log(fns[0] is fns[1], fns[0](torch.tensor(1.), torch.tensor(2.))); show(lambda: Square.apply(x).grad_fn(c))
# edges made by hand know what arrives there
y = x.sin(); e = graph.GradientEdge(y.grad_fn, 0); log(type(e).__name__, type(graph.get_gradient_edge(y)).__name__)
show(lambda: grad(e, x), lambda: grad(e, x, torch.ones(3)), lambda: grad(e, x, torch.ones(2, dtype=torch.complex64)), lambda: grad(e, x, torch.ones(2, dtype=torch.float64), retain_graph=True))
e = graph.get_gradient_edge(Square.apply(x)); show(lambda: grad(e, x), lambda: grad(e, x, torch.ones(2)))
a, b = x.unbind(); e = graph.get_gradient_edge(b); log(e.output_nr, grad(e, x))
# missing gradients as zeros
q = z.cos(); y = x.sin()
show(lambda: grad(y.sum(), (y, graph.GradientEdge(q.grad_fn, 0)), materialize_grads=True, retain_graph=True))
log(grad(y.sum(), q, materialize_grads=True, retain_graph=True)[0].requires_grad, grad(y.sum(), q, materialize_grads=True, create_graph=True)[0].requires_grad)
w = torch.tensor(.5, requires_grad=True); a = torch.tensor(1., requires_grad=True); d = grad(w * a, w, create_graph=True)
d2 = grad(d, w, create_graph=True, materialize_grads=True); log(d2, grad(d2, w, materialize_grads=True))
# gradients by name
y = (x * z).sum(); log(grad(y, {"a": x, "b": z}, retain_graph=True)); log(grad(y, {"a": x, "u": c.clone().requires_grad_()}, materialize_grads=True, retain_graph=True))
import collections
show(lambda: grad(y, collections.OrderedDict(a=x)), lambda: grad(y, {}), lambda: y.backward(inputs={}), lambda: y.backward(inputs=collections.OrderedDict(a=x)))
y.backward(inputs={"any": x}); log(x.grad, z.grad)
log(grad(x * z, {"a": x}, torch.eye(2), is_grads_batched=True))
# only_inputs warns
log(grad((x * z).sum(), x, only_inputs=False)); log(grad((x * z).sum(), x, only_inputs=True))
# a cycle through hook and node is collected
class Obj: pass
def scope(tensor_hook, function):
    b = Square.apply(x) if function else x.clone()
    fn, obj = b.grad_fn, Obj()
    def hook(*a): fn, obj; log("hook")
    b.register_hook(hook) if tensor_hook else fn.register_hook(hook)
    return b.clone(), weakref.ref(obj)
for th in (True, False):
    for fun in (True, False):
        out, ref = scope(th, fun); out.sum().backward(retain_graph=True); gc.collect(); out.sum().backward(); log(ref() is not None); del out; gc.collect(); log(ref())
# a handle does not keep its hook
class H:
    def __call__(self, g): return None
h = H(); r = weakref.ref(h); y = x * 2; handle = y.register_hook(h); del h; log(r() is not None); del y; gc.collect(); log(r()); handle.remove()
h = H(); r = weakref.ref(h); y = x * 2; handle = y.grad_fn.register_prehook(h); del h, y; gc.collect(); log(r()); handle.remove(); handle.remove()
# hooks on saved tensors put on in the backward
hooks = torch.autograd.graph.saved_tensors_hooks
def unpack(t): other.__enter__(); return t
other = hooks(lambda t: (log("pack"), t)[1], lambda t: t)
with hooks(lambda t: t, unpack): y = x.sin()
y.sum().backward(); log(x.grad); w = x.exp(); log("none")
# hooks on saved tensors taken off in the backward
hooks = torch.autograd.graph.saved_tensors_hooks
def unpack(t): first.__exit__(); return t
first = hooks(lambda t: t, unpack); second = hooks(lambda t: (log("second"), t)[1], lambda t: t)
with second:
    first.__enter__(); y = x.sin(); y.sum().backward(); first.__exit__(); w = x.exp()
w = x.exp(); log(x.grad)
# the gradient is taken over
ptr = []
class Two(Function):
    @staticmethod
    def forward(ctx, a, b): return a + b
    @staticmethod
    def backward(ctx, g): ptr.append(g.data_ptr()); return g, g
a = torch.randn(5, 6, requires_grad=True); b = torch.randn(5, 6, requires_grad=True)
Two.apply(a, b)[1][0].backward(); log(a.grad.data_ptr() == b.grad.data_ptr(), ptr[0] in (a.grad.data_ptr(), b.grad.data_ptr()))
# hooks around the accumulation
t = torch.ones(3, requires_grad=True); acc = t.view_as(t).grad_fn.next_functions[0][0]
def after(p): p.grad.add_(.5)
def post(gi, go): t.grad = go[0].mul(10)
t.register_hook(lambda g: g.sub(2.)); acc.register_prehook(lambda gs: (gs[0].div(5.),)); t.register_post_accumulate_grad_hook(after); acc.register_hook(post)
t.sum().backward(); log(t.grad)
# a node of once_differentiable
class O(Function):
    @staticmethod
    def forward(ctx, a, k, b): ctx.save_for_backward(a, b); ctx.k = k; return a + k * b + a * b
    @staticmethod
    @autograd.function.once_differentiable
    def backward(ctx, g): a, b = ctx.saved_tensors; return g + g * b, None, g * ctx.k + g * a
v = torch.ones(2, requires_grad=True)
O.apply(x, 3, z).sum().backward(create_graph=True); log(names(x.grad.grad_fn)); show(lambda: x.grad.sum().backward())
# a view changed inside of forward
class L(Function):
    @staticmethod
    def forward(ctx, a, inplace):
        v = a.clone()[:1]
        if inplace: v += 2
        return v
    @staticmethod
    def backward(ctx, g): return torch.cat([g, g]), None
for inplace in (False, True):
    y = L.apply(x, inplace); log(y, type(y.grad_fn).__name__, y._is_view()); log(grad(y.sum(), x))
# views that a Function returns
class Id(Function):
    @staticmethod
    def forward(ctx, a): return a
    @staticmethod
    def backward(ctx, g): return g
class V(Function):
    @staticmethod
    def forward(ctx, a): return a.view_as(a)
    @staticmethod
    def backward(ctx, g): return g
class V2(Function):
    @staticmethod
    def forward(ctx, a): return a[:1], a[1:]
    @staticmethod
    def backward(ctx, g, h): return torch.cat([g, h])
for Fn in (Id, V, V2):
    for make in (lambda: c.clone(), lambda: x * 1):
        o = Fn.apply(make()); o = o[0] if isinstance(o, tuple) else o
        show(lambda: o.add_(x[:1] * 2), lambda: o.copy_(x[:1]), lambda: o.add_(1)); log(o.output_nr)
# an input returned as it is keeps its class
class Id(Function):
    @staticmethod
    def forward(ctx, a): return a
    @staticmethod
    def backward(ctx, g): return g
for t in (torch.ones(2).as_subclass(Plain), torch.ones(2).as_subclass(Logged), torch.ones(2, requires_grad=True).as_subclass(Logged), nn.Parameter(torch.ones(2))):
    y = Id.apply(t); log(type(y).__name__, y is t, y._is_view())
# mark_dirty of what is no input
class Bad(Function):
    @staticmethod
    def forward(ctx, a): r = a * 3; ctx.mark_dirty(r); return r
    @staticmethod
    def backward(ctx, g): return g * 3
y = Bad.apply(x); log(y, y.grad_fn.name()); y = Bad.apply(c)
# saved_variables warns
class S(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a * 1
    @staticmethod
    def backward(ctx, g): log(ctx.saved_variables[0]); return g
S.apply(x).sum().backward()
# gradients of constants are not made
class N(Function):
    @staticmethod
    def forward(ctx, a, flag):
        r = a.clone(); ctx.mark_non_differentiable(r); ctx._materialize_non_diff_grads = flag; return a.clone(), r
    @staticmethod
    def backward(ctx, g, h): log(ctx._materialize_non_diff_grads, h); return g, None
for flag in (True, False): N.apply(x, flag)[0].sum().backward()
# backwards two thousand deep
class Deep(Function):
    @staticmethod
    def forward(ctx, a):
        with torch.enable_grad(): ctx.a = a.detach().requires_grad_() - 1
        return ctx.a.detach()
    @staticmethod
    def backward(ctx, g):
        if ctx.a < 0: return g
        with torch.enable_grad(): Deep.apply(ctx.a).sum().backward()
        return g
v = torch.tensor(2000., requires_grad=True); Deep.apply(v).sum().backward(); log(v.grad)
v = torch.tensor(200., requires_grad=True); log(grad(Deep.apply(v), v))
# an error from two hundred backwards deep
class Deep(Function):
    @staticmethod
    def forward(ctx, a): ctx.n = a.item(); return a * 1
    @staticmethod
    def backward(ctx, g):
        if ctx.n < 0: raise KeyError("deep")
        log(torch.is_grad_enabled()) if ctx.n == 1 else None
        with torch.enable_grad(): Deep.apply(torch.tensor(ctx.n - 1, requires_grad=True)).backward()
        return g
show(lambda: Deep.apply(torch.tensor(200., requires_grad=True)).backward()); (x * 2).sum().backward(); log(x.grad)
# a function mode sees deep backwards
class Count(Mode):
    n = 0
    def __torch_function__(self, func, types, args=(), kwargs=None):
        Count.n += getattr(func, "__name__", "") == "cos"; return func(*args, **(kwargs or {}))
class Deep(Function):
    @staticmethod
    def forward(ctx, a): ctx.n = a.item(); return a * 1
    @staticmethod
    def backward(ctx, g):
        torch.cos(g)
        if ctx.n > 0:
            with torch.enable_grad(): Deep.apply(torch.tensor(ctx.n - 1, requires_grad=True)).backward()
        return g
with Count(): Deep.apply(torch.tensor(150., requires_grad=True)).backward()
log(Count.n)
# tangents of views
def J(fwd, jvp_):
    class Fn(Function):
        @staticmethod
        def forward(ctx, *a): return fwd(ctx, *a)
        @staticmethod
        def jvp(ctx, *t): return jvp_(ctx, *t)
    return Fn.apply
a = torch.tensor([1., 2.]); t = torch.tensor([3., 4.]); ud = fwAD.unpack_dual
with fwAD.dual_level():
    d = fwAD.make_dual(a, t)
    log(ud(J(lambda c, v: v, lambda c, t: t.view_as(t))(d)).tangent._base is t)
    show(lambda: J(lambda c, v: v, lambda c, t: t)(d), lambda: J(lambda c, v: v, lambda c, t: t * 2)(d))
    nar = lambda c, v: v.narrow(0, 0, 1)
    show(lambda: J(nar, lambda c, t: t[:1].clone())(d), lambda: J(nar, lambda c, t: t.clone()[:1])(d), lambda: J(nar, lambda c, t: t[:1].clone().view(1))(d.view_as(d)))
    log(ud(J(nar, lambda c, t: t[:1])(d)).tangent._base is t)
    log(ud(J(lambda c, v: v * 2, lambda c, t: t)(d)).tangent is t)
# tangents of what has none
def J(fwd, jvp_):
    class Fn(Function):
        @staticmethod
        def forward(ctx, *a): return fwd(ctx, *a)
        @staticmethod
        def jvp(ctx, *t): return jvp_(ctx, *t)
    return Fn.apply
a = torch.tensor([1., 2.]); t = torch.tensor([3., 4.]); ud = fwAD.unpack_dual
def marked(c, v, w): o = w.clone(); c.mark_non_differentiable(o); return v.clone(), o
def both(c, v, w): return v.clone(), w.clone()
def saved(c, v): c.save_for_backward(v); return v * 2
def printed(c, *ts): log(ts); return ts[1]
with fwAD.dual_level():
    d = fwAD.make_dual(a, t); s = torch.tensor(3.); i = torch.tensor(3)
    show(lambda: [ud(k).tangent for k in J(marked, lambda c, t, u: (t, None))(d, s)], lambda: J(marked, lambda c, t, u: (t, t.clone()))(d, s))
    show(lambda: [ud(k).tangent for k in J(both, lambda c, t, u: (log(u), t, None)[1:])(d, i)])
    show(lambda: [ud(k).tangent for k in J(lambda c, v: (v.clone(), object(), v.clone()), lambda c, t: (t, None, t))(d)[::2]], lambda: J(lambda c, v: (v.clone(), 5), lambda c, t: (t, t))(d))
    J(saved, lambda c, t: (log(len(c.saved_tensors)), t)[1])(d); J(lambda c, n, v, m, w: v * 2 + w, printed)(1, d, None, torch.ones(2))
    show(lambda: J(lambda c, v: v * 2, lambda c, t: 3)(d), lambda: J(lambda c, v: v * 2, lambda c, t: (t, t))(d))
# a checkpoint gives back the tensor itself
class K(Function):
    @staticmethod
    def forward(ctx, a, b): ctx.save_for_backward(a, b); return a * 1
    @staticmethod
    def backward(ctx, g): log([t is o for t, o in zip(ctx.saved_tensors, (x, c))]) ; return g, None
K.apply(x, c).sum().backward(); checkpoint(K.apply, x, c, use_reentrant=False).sum().backward()
# hooks inside of a checkpoint
def f(v): w = v.sin(); w.register_hook(lambda g: log("hook", g)) ; return w * w
checkpoint(f, x, use_reentrant=False).sum().backward(); log(x.grad)
def f(v): w = v.sin(); w.register_hook(lambda g: g * 2) if w.requires_grad else log("none"); return w * w
x.grad = None; checkpoint(f, x, use_reentrant=True).sum().backward(); log(x.grad)
# a mode around a checkpoint
class Ops(Mode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func.__name__ != "__get__": log("mode", func.__name__)
        return func(*args, **(kwargs or {}))
with Ops(): y = checkpoint(lambda v: v.sin().exp(), x, use_reentrant=False)
y.sum().backward(); log(x.grad)
# a subclass through a checkpoint
s = torch.ones(2, requires_grad=True); y = checkpoint(lambda v: v * 2, s.as_subclass(Plain), use_reentrant=False); log(type(y).__name__); y.sum().backward(); log(s.grad, type(s.grad).__name__)
# a subclass and its gradient
s = torch.ones(2).as_subclass(Plain).requires_grad_(); (s * 2).sum().backward(); log(type(s.grad).__name__, s.grad)
s.register_hook(lambda g: log(type(g).__name__)); (s * 2).sum().backward(); log(type(grad((s * s).sum(), s)[0]).__name__)
# calls that backward makes on a subclass
s = torch.ones(2, requires_grad=True).as_subclass(Logged); y = s * 2; y.sum().backward(); log(type(y).__name__)
# a mode and a Function
with Names(): y = Square.apply(x); y.sum().backward()
log(x.grad)
# a mode and hooks
y = x * 2; y.register_hook(lambda g: g.neg())
with Names(): y.sum().backward(); grad((x * 3).sum(), x)
log(x.grad)
# a Function of a subclass
s = torch.ones(2, requires_grad=True).as_subclass(Plain); y = Square.apply(s); log(type(y).__name__, y.grad_fn.name()); log(type(grad(y.sum(), s)[0]).__name__)
s = torch.ones(2, requires_grad=True).as_subclass(Logged); y = Square.apply(s); log(type(y).__name__)
# anomaly mode names the line of a Function
class Nan(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): return g * float("nan")
with warnings.catch_warnings(record=True) as w:
    warnings.simplefilter("always")
    with autograd.detect_anomaly(): show(lambda: Nan.apply(x).sum().backward())
log(len(w), ["NanBackward" in str(i.message) for i in w])
with autograd.detect_anomaly(check_nan=False): Nan.apply(x).sum().backward(); log(x.grad)
# anomaly mode and a second derivative
with warnings.catch_warnings(record=True) as w:
    warnings.simplefilter("always")
    with autograd.detect_anomaly():
        y = x.clone(); r = (y - 1).sqrt(); g, = grad(r.sum(), y, create_graph=True); show(lambda: grad(g.sum(), y))
log(len(w), [s in str(w[-1].message) for s in ("SqrtBackward0", "DivBackward0", "Previous calculation was induced by")])
# anomaly mode and a hook that raises
y = x * 2; y.register_hook(lambda g: 1 / 0)
with autograd.detect_anomaly(): show(lambda: y.sum().backward())
log(torch.is_anomaly_enabled())
# the traceback of a node in anomaly mode
with autograd.detect_anomaly(): y = x.exp()
log(list(y.grad_fn.metadata), "y = x.exp()" in "".join(y.grad_fn.metadata["traceback_"]) or len(y.grad_fn.metadata["traceback_"]) > 0, list((x * 2).grad_fn.metadata))
# next_functions of many kinds
for f in (lambda: x + c, lambda: c + x, lambda: x * 2, lambda: 2 - x, lambda: x @ z, lambda: torch.stack([x, c, z]), lambda: torch.where(x > 1, x, c), lambda: torch.addmm(z, x[None], M[:, :2].clone().requires_grad_()), lambda: x[[0, 1]], lambda: torch.lerp(x, z, 0.5), lambda: torch.addcmul(x, z, c), lambda: torch.einsum("i,j->ij", x, z)):
    log(names(f().grad_fn))
# nodes of modules and losses
log(names(F.mse_loss(torch.tanh(x), torch.zeros(2)).grad_fn, 8))
log(names(F.cross_entropy((x * 2)[None], torch.tensor([1])).grad_fn)); log(names(nn.LayerNorm(2)(x).grad_fn)); log(names(F.softplus(x).prod().grad_fn))
# hooks on every node of a layer
order = []
class Mod(nn.Module):
    def __init__(self): super().__init__(); self.weight = nn.Parameter(torch.ones(2, 2)); self.bias = nn.Parameter(torch.ones(2))
    def forward(self, v): return torch.addmm(self.bias, v, self.weight.t())
mod = Mod(); v = torch.randn(2, 2, requires_grad=True); mod.register_full_backward_hook(lambda *a: order.append("module")); n = 0
def all_nodes(nodes):
    global n
    for node, _ in nodes:
        n += 1; name = f"{node.name()} {n}"; node.register_prehook(lambda _, name=name: order.append("pre " + name)); node.register_hook(lambda a, b, name=name: order.append("post " + name)); all_nodes(node.next_functions)
loss = mod(v).sum(); all_nodes(((loss.grad_fn, None),))
for name, t in (("x", v), ("weight", mod.weight), ("bias", mod.bias)):
    t.register_hook(lambda g, name=name: order.append("tensor " + name)); t.register_post_accumulate_grad_hook(lambda p, name=name: order.append("after " + name))
loss.backward(); [log(o) for o in order]
# several hooks on one tensor, removed while they run
h = []
def first(g): log("first"); h[1].remove(); return g * 2
def second(g): log("second", g); return g * 3
y = x * 1; h += [y.register_hook(first), y.register_hook(second)]; y.sum().backward(retain_graph=True); log(x.grad); y.sum().backward(); log(x.grad)
# a hook that adds a hook
def add(g): log("add"); y.register_hook(lambda g: log("added"))
y = x * 1; y.register_hook(add); y.sum().backward(retain_graph=True); y.sum().backward()
# a hook on a tensor that is then written to
y = x * 1; y.register_hook(lambda g: log("before", g)); y.mul_(3); y.register_hook(lambda g: log("after", g)); y.sum().backward()
y = x * 1; y.retain_grad(); y.register_hook(lambda g: g * 5); y.mul_(3); y.sum().backward(); log(y.grad)
# a hook that runs a backward
y = x * 1; y.register_hook(lambda g: (z * 2).sum().backward()); y.sum().backward(); log(x.grad, z.grad)
# hooks that return what does not fit
y = x * 1; y.register_hook(lambda g: g.double()); show(lambda: y.sum().backward())
y = x * 1; y.register_hook(lambda g: g[:1]); show(lambda: y.sum().backward())
y = x * 1; y.register_hook(lambda g: [g]); show(lambda: y.sum().backward())
y = x * 1; y.grad_fn.register_hook(lambda gi, go: gi[0]); show(lambda: y.sum().backward())
y = x * 1; y.grad_fn.register_hook(lambda gi, go: (gi[0], gi[0])); show(lambda: y.sum().backward())
y = x * 1; y.grad_fn.register_prehook(lambda go: (None,)); y.sum().backward(); log(x.grad)
# multi-grad hooks in nested backwards
a = x * 2; b = z * 3; seen = []
h = graph.register_multi_grad_hook((a, b, x), lambda gs: seen.append([g is not None for g in gs])); (a * b).sum().backward(retain_graph=True); a.sum().backward(); log(seen); h.remove()
h = graph.register_multi_grad_hook((x, z), lambda g: log("any", g), mode="any"); (x * z).sum().backward()
# a saved tensor through two hooks
hooks = graph.saved_tensors_hooks
with hooks(lambda t: (log("outer"), t)[1], lambda t: t):
    with hooks(lambda t: (log("inner"), t)[1], lambda t: t): y = x.exp()
    w = y.sin()
with graph.disable_saved_tensors_hooks("not here"): show(lambda: hooks(lambda t: t, lambda t: t).__enter__())
w.sum().backward(); log(x.grad)
# an unpack hook that gives something else
hooks = graph.saved_tensors_hooks
for give in (lambda t: t[:1], lambda t: t.double(), lambda t: 3, lambda t: None):
    with hooks(lambda t: t, give): y = x.sin()
    show(lambda: y.sum().backward())
# double backward through hooks
y = x ** 3; y.register_hook(lambda g: g * x); g, = grad(y.sum(), x, create_graph=True); log(g); log(grad(g.sum(), x)[0])
# a Function that returns no gradient, and one that returns too many
class R(Function):
    @staticmethod
    def forward(ctx, a, b): return a * b
    @staticmethod
    def backward(ctx, g): return R.out(g)
for out in (lambda g: (None, None), lambda g: (g,), lambda g: (g, g, None), lambda g: (g, g, g), lambda g: g, lambda g: (g[:1], g), lambda g: (g.expand(3, 2), g), lambda g: (g.sum(), g), lambda g: (g.double(), g.long()), lambda g: (1, g), lambda g: [g, g]):
    R.out = staticmethod(out); x.grad = z.grad = None; show(lambda: R.apply(x, z).sum().backward()); log(x.grad, z.grad)
# a Function with keyword arguments and defaults
class D(Function):
    @staticmethod
    def forward(ctx, a, scale=2., *, more=1): ctx.scale = scale; return a * scale * more
    @staticmethod
    def backward(ctx, g): return g * ctx.scale, None
show(lambda: D.apply(x), lambda: D.apply(x, 3.), lambda: D.apply(x, scale=3.), lambda: D.apply(a=x), lambda: D.apply(x, more=2), lambda: D.apply())
# setup_context
class P(Function):
    @staticmethod
    def forward(a, k): return a * k, a + k
    @staticmethod
    def setup_context(ctx, inputs, output): a, ctx.k = inputs; p, s = output; ctx.save_for_backward(a, p); ctx.mark_non_differentiable(s); log(len(inputs), type(output).__name__)
    @staticmethod
    def backward(ctx, g, h): log(h, [t.grad_fn is not None for t in ctx.saved_tensors]); return g * ctx.k, None
p, s = P.apply(x, 3); log(p.requires_grad, s.requires_grad, p.grad_fn.name()); p.sum().backward(); log(x.grad)
# saved tensors asked for after the forward alone
y = Square.apply(x); fn = y.grad_fn; log(fn.saved_tensors, fn._raw_saved_tensors[0].__class__.__name__, fn.needs_input_grad, fn.dirty_tensors)
y.sum().backward(); show(lambda: fn.saved_tensors, lambda: fn._raw_saved_tensors)
# attributes of the class of a node
log(Square._backward_cls.__name__, Square.apply(x).grad_fn.__class__.__mro__[1].__name__, isinstance(Square.apply(x).grad_fn, autograd.function.BackwardCFunction), Square.apply(x).grad_fn.__class__.__module__)
show(lambda: Square(), lambda: Square()(x), lambda: Square.forward(None, x), lambda: Function.apply(x))
# copies of tensors with a history
y = x * 2; show(lambda: copy.deepcopy(y), lambda: copy.deepcopy(x).requires_grad, lambda: copy.copy(x).requires_grad, lambda: copy.copy(y).grad_fn is y.grad_fn)
x.register_hook(lambda g: log("hook")); d = copy.deepcopy(x); d.sum().backward(); log(d.grad, d._backward_hooks is None)
# backward of what has no history
show(lambda: c.sum().backward(), lambda: torch.tensor(1).backward(), lambda: (x * 2).backward(), lambda: (x * 2).sum().backward(torch.ones(2)), lambda: x.detach().sum().backward())
show(lambda: grad(c.sum(), c), lambda: grad((x * 2).sum(), c), lambda: grad((x * 2).sum(), z), lambda: grad((x * 2).sum(), [x, z]), lambda: (x * 2).sum().backward(inputs=[c]))
# gradients of another dtype
h = torch.ones(2, dtype=torch.float16, requires_grad=True); (h.float() * 2).sum().backward(); log(h.grad)
show(lambda: (x * 2).backward(torch.ones(2, dtype=torch.float64)), lambda: setattr(x, "grad", torch.ones(2).double()), lambda: setattr(x, "grad", torch.ones(3)), lambda: setattr(x, "grad", 3), lambda: setattr(x, "grad", x))
# retain_grad and what overwrites it
y = x * 2; y.retain_grad(); (y * z).sum().backward(retain_graph=True); (y * z).sum().backward(); log(y.grad, y.retains_grad, x.retains_grad); y.grad = None; log(y.grad)
# a function mode that replaces
class Swap(Mode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.add or func is torch.Tensor.add: return torch.sub(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))
with Swap(): log(torch.add(x, z), x.add(z), x + z)
# modes in modes
class Tag(Mode):
    def __init__(self, tag): super().__init__(); self.tag = tag
    def __torch_function__(self, func, types, args=(), kwargs=None): log(self.tag, func.__name__); return func(*args, **(kwargs or {}))
with Tag("a"):
    with Tag("b"): y = torch.sin(x)
    z.exp()
m = Tag("m")
with m:
    with m: torch.cos(x)
# a mode that answers NotImplemented
class No(Mode):
    def __torch_function__(self, func, types, args=(), kwargs=None): return NotImplemented
with No(): show(lambda: torch.sin(x), lambda: x + 1)
# a mode that raises leaves no trace
class Raises(Mode):
    def __torch_function__(self, func, types, args=(), kwargs=None): raise KeyError("mode")
with contextlib.suppress(KeyError):
    with Raises(): torch.sin(x)
log(torch.sin(c * 0)); m = Raises(); show(lambda: m.__exit__(None, None, None))
# classes that answer for others
class Quantity:
    def __init__(self, v): self.v = v
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        log(func.__name__, [t.__name__ for t in types]); return Quantity(func(*[a.v if isinstance(a, Quantity) else a for a in args], **(kwargs or {})))
q = Quantity(x); log(torch.add(q, z).v, torch.stack([q.v, z]).shape, torch.mul(z, q).v, (torch.cat([z, z]).shape)); show(lambda: q + z, lambda: F.relu(q).v, lambda: torch.where(z > 3, q, z).v)
# two subclasses in one call
class A(torch.Tensor): pass
class B(A): pass
class C(torch.Tensor): pass
a, b, d = (torch.ones(2).as_subclass(t) for t in (A, B, C)); log(type(a + b).__name__, type(b + a).__name__); show(lambda: type(a + d).__name__, lambda: type(torch.stack([a, b])).__name__, lambda: type(a[0]).__name__, lambda: type(a.sum()).__name__, lambda: [type(t).__name__ for t in a.split(1)], lambda: type(a.max(0)).__name__, lambda: type(a.max(0).values).__name__, lambda: type(a.data).__name__, lambda: type(a.detach()).__name__, lambda: type(a.numpy()).__name__, lambda: type(a.new_zeros(2)).__name__, lambda: type(torch.zeros_like(a)).__name__, lambda: type(a.clone().add_(1)).__name__)
# a subclass with attributes
class T(torch.Tensor):
    def __new__(cls, data, unit): t = torch.as_tensor(data).as_subclass(cls); t.unit = unit; return t
    def __repr__(self): return f"T({self.tolist()}, {self.unit})"
t = T([1., 2.], "m"); log(t, t.unit, hasattr(t * 2, "unit")); show(lambda: t * 2, lambda: T([1.], "s").requires_grad_().unit)
# make_subclass
s = torch.Tensor._make_subclass(Plain, torch.ones(2), True); log(type(s).__name__, s.requires_grad, s.is_leaf); show(lambda: torch.Tensor._make_subclass(int, torch.ones(2)), lambda: torch.ones(2).as_subclass(int))
# DisableTorchFunctionSubclass
s = torch.ones(2).as_subclass(Logged)
with torch._C.DisableTorchFunctionSubclass(): log(type(s * 2).__name__)
log(type(s * 2).__name__)
# a Function that gives sparse gradients
i1 = torch.tensor([[0, 3, 4], [0, 2, 2]]); v1 = torch.arange(1., 7.).reshape(3, 2); i2 = torch.tensor([[0, 1, 3, 4], [0, 1, 2, 2]]); v2 = torch.arange(8.).reshape(4, 2)
size = (6, 3, 2); s1 = torch.sparse_coo_tensor(i1, v1, size); s2 = torch.sparse_coo_tensor(i2, v2, size); d = torch.ones(size)
class Fixed(Function):
    @staticmethod
    def forward(ctx, a, g): ctx.save_for_backward(g); return a
    @staticmethod
    def backward(ctx, g): return ctx.saved_tensors[0], None
f = Fixed.apply
for gs in ((s1, d, s2), (d, s1, s2), (s1, s2), (s1,)):
    w = torch.zeros(size, requires_grad=True); sum(f(w, g) for g in gs).sum().abs().backward()
    log(w.grad.is_sparse, torch.equal((w.grad.to_dense() if w.grad.is_sparse else w.grad), sum(g.to_dense() for g in gs)), w.grad is s1)
w = torch.zeros(size, requires_grad=True); (f(w, s1) + f(w * 2, s2)).sum().backward(); log((w.grad.to_dense() if w.grad.is_sparse else w.grad).sum())
w = torch.zeros(size, requires_grad=True); w.register_hook(lambda g: log("hook", g.is_sparse)); f(w, s1).sum().backward(); log(grad(f(w, s1).sum(), w)[0].is_sparse)
y = f(f(w, s1), s2); log(grad(y.sum(), w)[0].is_sparse); w.grad = None; y = f(w, s1); y.sum().backward(retain_graph=True); kept = w.grad; y.sum().backward(); log(w.grad is kept, w.grad.to_dense().sum())
# sparse gradients given to backward
for create in (False, True):
    for a, b in ((s, t) for s in (True, False) for t in (True, False)):
        p = torch.tensor([1.5, 1.5], requires_grad=True)
        made = [torch.sparse_coo_tensor(torch.tensor([[1, 1]]), torch.tensor([1., 1.])) if k else torch.tensor([1.5, 1.5]) for k in (a, b)]
        p.grad = made[0]; kept = p.grad; p.backward(made[1], create_graph=create); log(a, b, kept is p.grad, p.grad.is_sparse, p.grad.to_dense() if p.grad.is_sparse else p.grad)
# through sparse tensors and back
i = torch.tensor([[0, 1, 1], [2, 0, 2]]); v = torch.tensor([3., 4., 5.], requires_grad=True)
s = torch.sparse_coo_tensor(i, v, (2, 3)); y = (s + torch.sparse_coo_tensor([[0], [2]], [1.], (2, 3))).coalesce(); t = y.values().tanh(); q = torch.sparse_coo_tensor(y.indices(), t, y.size()).coalesce().values(); log(grad(q.sum(), v)[0])
g = torch.arange(6.).reshape(2, 3); w = torch.tensor([[7., 1., 2.], [3., 8., 9.]], requires_grad=True); sp = w.to_sparse(); log(grad(sp, w, g.to_sparse())[0]);
l = torch.sparse_coo_tensor(i, torch.ones(3), (2, 3)).requires_grad_(); r, = grad(l.to_dense(), l, g); log(r.is_sparse, r.to_dense())
for sd, ds, nnz in (((2, 1), (1, 2), 5), ((), (1, 2), 5), ((), (1, 2), 0), ((2, 1), (1, 0, 2), 5), ((), (1, 0, 2), 0), ((2, 1), (1, 2), 0)):
    at = torch.zeros(len(sd), nnz, dtype=torch.int64); h = torch.randn((nnz, *ds), requires_grad=True); k = torch.sparse_coo_tensor(at, h, (*sd, *ds)); c2 = (k + torch.sparse_coo_tensor(at, h.detach(), (*sd, *ds))).coalesce(); log(c2.values().shape, c2.indices().shape); o = torch.sparse_coo_tensor(c2.indices(), c2.values() * 2, c2.size()).coalesce().values(); log(grad(o.sum(), h)[0])
""")
