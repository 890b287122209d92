# ruff: noqa: E501  the programs keep their lines
"""Corners of autograd: what users of the rarer parts meet."""

from programs import divided

SETUP = """
autograd = torch.autograd; grad = autograd.grad; graph = torch.autograd.graph; Function = autograd.Function
x = torch.tensor([1., 2.], requires_grad=True); z = torch.tensor([3., 4.], requires_grad=True)
c = torch.tensor([5., 6.])
class Mul(Function):
    @staticmethod
    def forward(ctx, a, b): ctx.save_for_backward(a, b); return a * b
    @staticmethod
    def backward(ctx, g): a, b = ctx.saved_tensors; return g * b, g * a
"""

PROGRAMS = divided("""
# dirty without gradient counts a write
class D(Function):
    @staticmethod
    def forward(ctx, a): a.add_(1); ctx.mark_dirty(a); return a
w = torch.ones(2); v = w._version; D.apply(w); log(w._version - v)
with torch.no_grad(): v = x._version; D.apply(x); log(x._version - v, x)
# the same result twice
class T(Function):
    @staticmethod
    def forward(ctx, a): r = a * 2; return r, r
    @staticmethod
    def backward(ctx, g, h): log(g, h); return 2 * (g + h)
p, q = T.apply(x); log(p is q); (p + q).sum().backward(); log(x.grad)
# an input twice among the results
class T(Function):
    @staticmethod
    def forward(ctx, a): return a, a
    @staticmethod
    def backward(ctx, g, h): return g + h
p, q = T.apply(x); (p * 2 + q).sum().backward(); log(x.grad)
# a result that is neither new nor an input
k = torch.ones(2)
class G(Function):
    @staticmethod
    def forward(ctx, a): return k
    @staticmethod
    def backward(ctx, g): return g * 9
r = G.apply(x); log(r is k, r.requires_grad, k.requires_grad); r.sum().backward(); log(x.grad)
# a detached input returned
class D(Function):
    @staticmethod
    def forward(ctx, a): return a.detach()
    @staticmethod
    def backward(ctx, g): return g * 2
r = D.apply(x); log(r.requires_grad, r.grad_fn.name()); r.sum().backward(); log(x.grad)
# an input that is returned and not differentiable
class N(Function):
    @staticmethod
    def forward(ctx, a): ctx.mark_non_differentiable(a); return a
    @staticmethod
    def backward(ctx, g): return g
r = N.apply(x * 1); log(r.requires_grad, r.grad_fn)
# nothing returned
class N(Function):
    @staticmethod
    def forward(ctx, a): return None
    @staticmethod
    def backward(ctx, g): return None
log(N.apply(x))
# an empty tuple returned
class N(Function):
    @staticmethod
    def forward(ctx, a): return ()
    @staticmethod
    def backward(ctx): return None
log(N.apply(x))
# lists and dictionaries as arguments are passed on
class N(Function):
    @staticmethod
    def forward(ctx, a, l, d): log(l, sorted(d)); return a * l[0]
    @staticmethod
    def backward(ctx, g): return g, None, None
N.apply(x, [2], {"k": 1}).sum().backward(); log(x.grad)
# tensors inside lists are not seen
class N(Function):
    @staticmethod
    def forward(ctx, l): log(ctx.needs_input_grad); return l[0] * 2
    @staticmethod
    def backward(ctx, g): return None
log(N.apply([x]).requires_grad)
# Functions of Functions
class Outer(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return Mul.apply(a, a)
    @staticmethod
    def backward(ctx, g): a, = ctx.saved_tensors; return Mul.apply(g, 2 * a)
y = Outer.apply(x); log(y.grad_fn.name()); g, = grad(y.sum(), x, create_graph=True); log(grad(g.sum(), x))
# grad enabled inside forward
class E(Function):
    @staticmethod
    def forward(ctx, a):
        with torch.enable_grad(): ctx.a = a.detach().requires_grad_(); ctx.r = ctx.a.sin().sum()
        return ctx.r.detach()
    @staticmethod
    def backward(ctx, g): ctx.r.backward(); return ctx.a.grad * g
y = E.apply(x); y.backward(); log(x.grad)
# a Function with a parameterised closure
def make(k):
    class S(Function):
        @staticmethod
        def forward(ctx, a): return a * k
        @staticmethod
        def backward(ctx, g): return g * k
    return S.apply
log(make(3)(x).grad_fn.name()); make(4)(x).sum().backward(); log(x.grad)
# inherited Functions
class Base(Function):
    @staticmethod
    def forward(ctx, a): return a * 2
class Derived(Base):
    @staticmethod
    def backward(ctx, g): return g * 2
y = Derived.apply(x); log(y.grad_fn.name()); y.sum().backward(); log(x.grad)
# classmethods instead of static ones
class C(Function):
    @classmethod
    def forward(cls, ctx, a): log(cls.__name__); return a * 2
    @classmethod
    def backward(cls, ctx, g): return g * 2
C.apply(x).sum().backward(); log(x.grad)
# straight-through estimator
class Round(Function):
    @staticmethod
    def forward(ctx, a): return a.round()
    @staticmethod
    def backward(ctx, g): return g
(Round.apply(x * 1.3) ** 2).sum().backward(); log(x.grad)
# gradient reversal
class Rev(Function):
    @staticmethod
    def forward(ctx, a, l): ctx.l = l; return a.view_as(a)
    @staticmethod
    def backward(ctx, g): return g.neg() * ctx.l, None
Rev.apply(x, .5).sum().backward(); log(x.grad)
# clipping
class Clip(Function):
    @staticmethod
    def forward(ctx, a, lo, hi): ctx.save_for_backward(a); ctx.b = lo, hi; return a.clamp(lo, hi)
    @staticmethod
    def backward(ctx, g): a, = ctx.saved_tensors; lo, hi = ctx.b; return g * ((a >= lo) & (a <= hi)), None, None
Clip.apply(x, 0., 1.5).sum().backward(); log(x.grad)
# integers with gradients of None
class Emb(Function):
    @staticmethod
    def forward(ctx, w, i): ctx.save_for_backward(i); ctx.n = w.shape; return w[i]
    @staticmethod
    def backward(ctx, g): i, = ctx.saved_tensors; r = torch.zeros(ctx.n); r.index_add_(0, i, g); return r, None
w = torch.eye(3, requires_grad=True); Emb.apply(w, torch.tensor([0, 2, 2])).sum().backward(); log(w.grad)
# metadata of a node that nobody holds
y = x * 2; y.grad_fn.metadata["k"] = 1; log(y.grad_fn.metadata)
# hooks on a node of a view, of a Function, of an in-place write
v = (x * 1)[0:1]; v.grad_fn.register_hook(lambda i, o: log("view", len(i))); v.sum().backward()
w = x * 1; w.mul_(2); w.grad_fn.register_hook(lambda i, o: log("write", len(i))); w.sum().backward(); log(x.grad)
# a removed node hook and one more
y = x * 2; a = y.grad_fn.register_hook(lambda i, o: log("a")); y.grad_fn.register_hook(lambda i, o: log("b")); a.remove(); y.sum().backward()
# a tensor hook on a result of several
a, b = (x * 1).unbind(); b.register_hook(lambda g: g * 10); (a + b).backward(); log(x.grad)
# retain_grad of a result of several
a, b = (x * 1).unbind(); b.retain_grad(); (a * 2 + b * 3).backward(); log(b.grad, a.requires_grad)
# retain_grad twice, on a leaf, on a constant
m = x * 2; m.retain_grad(); m.retain_grad(); m.sum().backward(); log(m.grad, m.retains_grad); x.retain_grad(); log(x.retains_grad); show(lambda: c.retain_grad())
# retain_grad and in-place writes
m = x * 2; m.retain_grad(); m.mul_(3); m.sum().backward(); log(m.grad)
# grad of what is no leaf warns
m = x * 2; m.sum().backward(); log(m.grad)
# hooks on views of leaves
v = x[0:1]; v.register_hook(lambda g: log("v", g)); (v * 2).sum().backward(); log(x.grad)
# post-accumulate hook that steps
def step(p):
    with torch.no_grad(): p -= .1 * p.grad
    p.grad = None
x.register_post_accumulate_grad_hook(step); (x * 2).sum().backward(); log(x.detach(), x.grad)
# a hook that raises leaves the graph usable
def bad(g): raise RuntimeError("no")
m = x * 2; h = m.register_hook(bad); s = m.sum(); show(lambda: s.backward()); h.remove(); s.backward(); log(x.grad)
# zero elements
e = torch.empty(0, requires_grad=True); e.sum().backward(); log(e.grad); log(grad((e * 2).sum(), e))
# 0-dim gradients
s = torch.tensor(2., requires_grad=True); (s * torch.ones(3)).sum().backward(); log(s.grad, s.grad.shape)
# gradients of other dtypes
h = torch.ones(2, dtype=torch.float64, requires_grad=True); (h.float() * 2).sum().backward(); log(h.grad.dtype); b = torch.ones(2, dtype=torch.bfloat16, requires_grad=True); (b * 2).sum().backward(); log(b.grad.dtype)
# backward with a gradient for a scalar
s = (x * 2).sum(); s.backward(torch.tensor(3.)); log(x.grad)
# backward through detach, data, item
y = (x * x.detach()).sum() + x.data.sum(); y.backward(); log(x.grad)
# two losses, one graph
m = x * 2; a = (m ** 2).sum(); b = m.sum(); a.backward(retain_graph=True); b.backward(); log(x.grad)
# grads that share
y = x + x; y.sum().backward(); log(x.grad); g = x.grad; x.grad = None; (x * 1).sum().backward(); log(g is x.grad, g)
# grad is set, deleted, wrong
x.grad = torch.ones(2); log(x.grad); del x.grad; log(x.grad); show(lambda: setattr(x, "grad", torch.ones(3)), lambda: setattr(x, "grad", 3), lambda: setattr(x, "grad", torch.ones(2, dtype=torch.float64)))
# requires_grad
show(lambda: setattr(x * 2, "requires_grad", False), lambda: torch.ones(2, dtype=torch.int64).requires_grad_(), lambda: (x * 2).requires_grad_(False), lambda: (x * 2).requires_grad_().is_leaf)
# is_leaf and detach_
m = x * 2; log(m.is_leaf); m.detach_(); log(m.is_leaf, m.requires_grad, m.grad_fn); show(lambda: x[0:1].detach_())
# a leaf changed under no_grad keeps its hooks
x.register_hook(lambda g: log("hook"));
with torch.no_grad(): x.mul_(2)
(x * 1).sum().backward(); log(x.grad)
# names of nodes along a graph
y = ((x * 2).exp().sum() + z.mean()).relu()
def walk(n, d=0):
    if n is None: return
    log("  " * d + n.name())
    for m, _ in n.next_functions: walk(m, d + 1)
walk(y.grad_fn)
# all parameters of a graph
y = (x * z).sum(); seen = set(); stack = [y.grad_fn]; found = []
while stack:
    n = stack.pop()
    if n is None or n in seen: continue
    seen.add(n); stack.extend(m for m, _ in n.next_functions)
    if hasattr(n, "variable"): found.append(n.variable.tolist())
log(sorted(found), len(seen))
# nodes are hashable and comparable
y = x * 2; n = y.grad_fn; log(n == y.grad_fn, n != (x * 2).grad_fn, hash(n) == hash(y.grad_fn))
# edges compare
m = x * 2; log(graph.get_gradient_edge(m).node is graph.get_gradient_edge(m).node, graph.get_gradient_edge(x).node is graph.get_gradient_edge(x).node, graph.get_gradient_edge(m)[:2] == graph.get_gradient_edge(m)[:2])
# anomaly: second derivatives
import warnings
w = torch.tensor(0., requires_grad=True)
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    with autograd.set_detect_anomaly(True):
        g, = grad(w.sqrt() * 0 + w ** 2, w, create_graph=True) if False else grad((w + 1).sqrt(), w, create_graph=True)
        show(lambda: grad((g * float("nan")).sum(), w))
log(len(seen) >= 1)
# anomaly: fine programs are fine
import warnings
warnings.simplefilter("ignore")
with autograd.detect_anomaly(): (x * z).sum().backward(); log(x.grad)
# anomaly: NaN in the second result
import warnings
warnings.simplefilter("ignore")
a = torch.tensor([0.], requires_grad=True); b = torch.tensor([0.], requires_grad=True)
def f():
    with autograd.detect_anomaly(): (a / b).sum().backward()
show(f)
# saved hooks and in-place, views, several results
with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
    m = x * 1; m[0] = 5.; p, q = m.exp().unbind(); y = p * q
y.backward(); log(x.grad)
# saved hooks: convolution, norm, attention
torch.manual_seed(0); l = torch.nn.Sequential(torch.nn.Conv1d(1, 2, 2), torch.nn.BatchNorm1d(2), torch.nn.ReLU()); i = torch.randn(3, 1, 5, requires_grad=True)
l(i).pow(2).sum().backward(); g = i.grad.clone(); i.grad = None
with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t): y = l(i)
y.pow(2).sum().backward(); log(torch.allclose(g, i.grad, atol=1e-5))
# saved hooks: to a file and back
import os, tempfile
d = tempfile.mkdtemp()
def pack(t): p = os.path.join(d, str(len(os.listdir(d)))); torch.save(t.detach(), p); return p
with graph.saved_tensors_hooks(pack, lambda p: torch.load(p)): y = (x.exp() * z).sum()
y.backward(); log(x.grad, len(os.listdir(d)))
# saved hooks are a thread's own
import threading
n = []
with graph.saved_tensors_hooks(lambda t: (n.append(1), t)[1], lambda t: t):
    t = threading.Thread(target=lambda: x ** 2); t.start(); t.join()
log(len(n))
# no gradients in inference mode
with torch.inference_mode(): y = x * 2; show(lambda: y.sum().backward()); log(y.grad_fn)
# inference tensors outside
with torch.inference_mode(): t = torch.ones(2)
log((t * 2).requires_grad, t.view(2).is_inference(), (t * c).is_inference()); show(lambda: t.view(2).add_(1) if False else 1, lambda: (t.clone() * x).requires_grad, lambda: torch.add(x, t).requires_grad, lambda: (x * t).requires_grad)
# normal tensors written to in inference mode
with torch.inference_mode(): c.add_(1); v = c[0:1]; v.mul_(2)
log(c, c.is_inference()); (x * c).sum().backward(); log(x.grad)
# copies of inference tensors
import copy
with torch.inference_mode(): t = torch.ones(2)
log(copy.deepcopy(t).is_inference(), torch.nn.Parameter(t.clone()).is_inference())
# checkpoint inside a Function's graph
import importlib
cp = importlib.import_module(torch.__name__ + ".utils.checkpoint")
y = cp.checkpoint(lambda a: Mul.apply(a, a).exp(), x, use_reentrant=False); y.sum().backward(); log(x.grad)
# checkpoint with hooks inside
y = importlib.import_module(torch.__name__ + ".utils.checkpoint").checkpoint(lambda a: a.sin(), x, use_reentrant=False) if "importlib" in globals() else x.sin(); y.register_hook(lambda g: g * 2); y.sum().backward(); log(x.grad)
# functional on modules
torch.manual_seed(0); m = torch.nn.Linear(2, 1); j = autograd.functional.jacobian(m, c); log(torch.allclose(j, m.weight.detach()))
# Variable of old programs
V = autograd.Variable; v = V(torch.ones(2), requires_grad=True); (v * 2).sum().backward(); log(v.grad, v.data, isinstance(v, V)); show(lambda: V(3))
# grad of a tensor given twice
log(grad((x * 2).sum(), [x, x]))
# grad with respect to a view of a leaf
v = x[0:1]; log(grad((v * 2).sum(), v))
# grad with respect to what was written to
m = x * 2; m.mul_(3); log(grad(m.sum(), m), grad((x * 2).sum(), x))
# graphs that meet
a = x * 2; b = a * 3; d = a * 4; (b * d).sum().backward(); log(x.grad)
# unused branches
a, b = (x * 2).unbind(); a.backward(); log(x.grad)
# a graph freed in part
m = x.exp(); a = (m * 2).sum(); b = (m * 3).sum(); a.backward(); show(lambda: b.backward())
# multi-hook handles as contexts
with graph.register_multi_grad_hook((x, z), lambda g: log("in")): (x * z).sum().backward()
(x * z).sum().backward(); log("out")
# sequence numbers grow
a = x * 2; b = a * 2; log(a.grad_fn._sequence_nr() < b.grad_fn._sequence_nr())
# retain_graph=None and create_graph
import warnings; warnings.simplefilter("ignore")
y = (x ** 2).sum(); y.backward(create_graph=True); y.backward(); log(x.grad.detach())
# torch.enable_grad inside backward of create_graph False
class E(Function):
    @staticmethod
    def forward(ctx, a): return a * 2
    @staticmethod
    def backward(ctx, g):
        with torch.enable_grad(): r = g * 2
        log(r.requires_grad); return r
E.apply(x).sum().backward()
# views that Functions return may not be written to
class V(Function):
    @staticmethod
    def forward(ctx, a): return a
    @staticmethod
    def backward(ctx, g): return g * 3
class W(Function):
    @staticmethod
    def forward(ctx, a): return a[0:1], a[1:2]
    @staticmethod
    def backward(ctx, g, h): return torch.cat([g, h])
def text(f):
    try: log(f())
    except Exception as e: log(str(e)[:200])
text(lambda: V.apply(x * 1).add_(1)); text(lambda: W.apply(x * 1)[1].add_(1)); text(lambda: V.apply(x * 1)[0:1].add_(1) is not None)
# hooks on one saved tensor
y = x ** 2; s = y.grad_fn._raw_saved_self; s.register_hooks(lambda t: (log("pack", t), t * 2)[1], lambda t: (log("unpack"), t)[1])
show(lambda: s.register_hooks(lambda t: t, lambda t: t)); log(y.grad_fn._saved_self.detach()); y.sum().backward(); log(x.grad); show(lambda: s.register_hooks(lambda t: t, lambda t: t))
# hooks on one saved tensor: a pack hook that writes, hooks that are there already, no constructor
m = x * 1; y = m ** 2; show(lambda: y.grad_fn._raw_saved_self.register_hooks(lambda t: t.mul_(2), lambda t: t))
with graph.saved_tensors_hooks(lambda t: t, lambda t: t): y = x ** 2
show(lambda: y.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t), lambda: autograd.SavedTensor())
# hooks on what a Function saved
y = Mul.apply(x, z); log(len(y.grad_fn._raw_saved_tensors)); y.grad_fn._raw_saved_tensors[0].register_hooks(lambda t: t * 3, lambda t: t); y.sum().backward(); log(x.grad, z.grad)
# handles
import importlib
H = importlib.import_module(torch.__name__ + ".utils.hooks").RemovableHandle; log(isinstance(x.register_hook(lambda g: g), H), isinstance((x * 2).grad_fn.register_hook(lambda i, o: None), H), isinstance(3, H))
# default nowrap functions
o = torch.overrides; log(sorted(o.resolve_name(f) for f in o.get_default_nowrap_functions()))
""")
