# ruff: noqa: E501  the programs keep their lines
"""backward, grad, hooks, edges, anomaly mode and saved tensors."""

from programs import divided

SETUP = """
autograd = torch.autograd; grad = autograd.grad; graph = torch.autograd.graph
x = torch.tensor([1., 2.], requires_grad=True); z = torch.tensor([3., 4.], requires_grad=True)
c = torch.tensor([5., 6.])
def kind(f):  # the texts of these are compared elsewhere
    try: log(f())
    except Exception as e: log(type(e).__name__)
"""

PROGRAMS = divided("""
# grad of several inputs
log(grad((x * z).sum(), (x, z))); log(grad((x * z).sum(), [x])); log(grad([x.sum(), z.sum()], [x, z]))
# grad of nothing, or of no tensor
show(lambda: grad(x.sum(), []), lambda: grad(x.sum(), 3), lambda: grad(3, x)); kind(lambda: grad([], x))
# unused inputs
show(lambda: grad(x.sum(), (x, z)), lambda: grad(x.sum(), (x, z), allow_unused=True), lambda: grad(x.sum(), (x, z), materialize_grads=True))
# materialize_grads and allow_unused
show(lambda: grad(x.sum(), (x, z), materialize_grads=True, allow_unused=False), lambda: grad(x.sum(), (x, z), materialize_grads=True, allow_unused=True))
# inputs that need no gradient
show(lambda: grad(x.sum(), c), lambda: grad(c.sum(), x))
# grad_outputs
log(grad(x * 2, x, torch.tensor([1., 10.]))); show(lambda: grad(x * 2, x), lambda: grad(x * 2, x, torch.ones(3)), lambda: grad([x * 2, x * 3], x, [torch.ones(2)]), lambda: grad([x * 2, x * 3], x, [torch.ones(2), None]))
# grad_outputs of other dtypes
log(grad(x * 2, x, torch.ones(2, dtype=torch.float64))[0].dtype); show(lambda: grad(x * 2, x, torch.ones(2, dtype=torch.complex64)))
# scalars
log(grad(x[0] * 3, x)); show(lambda: grad(torch.view_as_complex(torch.stack([x, x], -1)).sum(), x))
# create_graph
g, = grad((x ** 3).sum(), x, create_graph=True); log(g.requires_grad); log(grad(g.sum(), x))
# retain_graph
y = (x * x).sum(); grad(y, x, retain_graph=True); grad(y, x); show(lambda: grad(y, x))
# the gradient of an intermediate tensor
m = x * 2; log(grad((m * m).sum(), m)); log(grad((m * m).sum(), [m, x]))
m = x * 2; log(grad(m.sum(), m)); log(grad((m * m).sum(), x))
# grad does not touch .grad
grad((x * z).sum(), x); log(x.grad, z.grad)
# the gradients of the other inputs are not computed
class Seen(autograd.Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): log("computed"); return g
y = (Seen.apply(x) * z).sum(); grad(y, z, retain_graph=True); log("then"); grad(y, x)
# backward with inputs
y = (x * z).sum(); y.backward(inputs=[x]); log(x.grad, z.grad)
m = x * 2; (m * z).sum().backward(inputs=[z]); log(x.grad, z.grad)
# backward with inputs: a tensor, none, an intermediate one
(x * z).sum().backward(inputs=x); log(x.grad); show(lambda: (x * z).sum().backward(inputs=[]))
m = x * 2; m.retain_grad(); (m * z).sum().backward(inputs=[m]); log(m.grad, x.grad)
# backward of several tensors
autograd.backward([x.sum(), (x * z).sum()]); log(x.grad, z.grad)
autograd.backward([x * 2], [torch.tensor([1., 10.])]); log(x.grad)
# backward: errors
show(lambda: (x * 2).backward(), lambda: c.sum().backward(), lambda: (x * 2).backward(torch.ones(3)), lambda: autograd.backward([x.sum()], [None, None]), lambda: x.sum().backward(3))
# backward accumulates
x.sum().backward(); g = x.grad; (x * 2).sum().backward(); log(x.grad, g is x.grad)
# create_graph accumulates out of place
import warnings
with warnings.catch_warnings(): warnings.simplefilter("ignore"); (x ** 2).sum().backward(create_graph=True)
log(x.grad.requires_grad)
# the gradient of a leaf root
x.backward(torch.ones(2)); log(x.grad); log(grad(x, x, torch.ones(2)))
# batched
e = torch.eye(2); log(grad(x ** 2, x, e, is_grads_batched=True)); log(grad(x ** 2, [x], (e,), is_grads_batched=True)[0].shape)
# batched with several outputs and inputs
log(grad((x * z, x), (x, z), (torch.eye(2), torch.ones(2, 2)), is_grads_batched=True))
# batched: wrong sizes
show(lambda: grad(x ** 2, x, torch.ones(2, 3), is_grads_batched=True), lambda: grad((x * z, x), x, (torch.ones(3, 2), torch.ones(2, 2)), is_grads_batched=True))
# batched: unused and create_graph
log(grad(x ** 2, (x, z), torch.eye(2), is_grads_batched=True, allow_unused=True)); kind(lambda: grad(x ** 2, (x, z), torch.eye(2), is_grads_batched=True))
g, = grad(x ** 3, x, torch.eye(2), is_grads_batched=True, create_graph=True); log(g.requires_grad, grad(g.sum(), x))
# hooks in order
x.register_hook(lambda g: log("a", g)); x.register_hook(lambda g: g * 2); x.register_hook(lambda g: log("b", g)); x.sum().backward(); log(x.grad)
# a hook taken away
h = x.register_hook(lambda g: g * 2); x.sum().backward(); h.remove(); x.sum().backward(); log(x.grad); h.remove()
# a hook as a context
with x.register_hook(lambda g: g * 2): x.sum().backward()
x.sum().backward(); log(x.grad)
# a hook that takes itself away
h = x.register_hook(lambda g: (h.remove(), g * 3)[1]); x.sum().backward(); x.sum().backward(); log(x.grad)
# hooks on an intermediate tensor, with retain_grad
m = x * 2; m.retain_grad(); m.register_hook(lambda g: g * 10); m.register_hook(lambda g: log("seen", g)); m.sum().backward(); log(m.grad, x.grad)
m = x * 2; m.register_hook(lambda g: g * 10); m.retain_grad(); m.sum().backward(); log(m.grad)
# hooks and grad
m = x * 2; m.register_hook(lambda g: g * 10); log(grad(m.sum(), [m, x])); x.register_hook(lambda g: g + 1); log(grad(x.sum(), x))
# hooks before an in-place write see the old tensor's gradient
m = x * 2; m.register_hook(lambda g: log("before", g)); m.mul_(3); m.register_hook(lambda g: log("after", g)); m.sum().backward()
# wrong hooks
show(lambda: c.register_hook(lambda g: g), lambda: 0)
x.register_hook(lambda g: 3); show(lambda: x.sum().backward())
# a hook that changes the shape, or the type
h = x.register_hook(lambda g: g.sum()); show(lambda: x.sum().backward()); h.remove()
h = x.register_hook(lambda g: g.double()); show(lambda: x.sum().backward() if False else 1); h.remove()
# an error in a hook
def bad(g): raise ValueError("in the hook")
x.register_hook(bad); show(lambda: x.sum().backward()); log(torch.is_grad_enabled(), x.grad)
# a hook that writes to the gradient
x.register_hook(lambda g: g.zero_() if False else None); x.sum().backward(); log(x.grad)
# _backward_hooks
log(x._backward_hooks); h = x.register_hook(print); log(type(x._backward_hooks).__name__, len(x._backward_hooks)); h.remove(); log(bool(x._backward_hooks))
# post-accumulate hooks
x.register_post_accumulate_grad_hook(lambda p: (log(p is x, p.grad), setattr(p, "grad", None))[1]); x.sum().backward(); log(x.grad)
# post-accumulate hooks: in order, taken away, not on what is no leaf
h = x.register_post_accumulate_grad_hook(lambda p: log("a")); x.register_post_accumulate_grad_hook(lambda p: log("b")); x.sum().backward(); h.remove(); x.sum().backward()
show(lambda: (x * 2).register_post_accumulate_grad_hook(print), lambda: c.register_post_accumulate_grad_hook(print))
# post-accumulate hooks are not run by grad
x.register_post_accumulate_grad_hook(lambda p: log("ran")); grad(x.sum(), x); log("done")
# node hooks
y = (x * z).sum(); n = y.grad_fn.next_functions[0][0]; n.register_hook(lambda i, o: log("post", i, o)); n.register_prehook(lambda o: log("pre", o)); y.backward()
# node hooks that replace
y = (x * z).sum(); y.grad_fn.next_functions[0][0].register_hook(lambda i, o: (i[0] * 10, i[1])); y.backward(); log(x.grad, z.grad)
y = (x * z).sum(); y.grad_fn.next_functions[0][0].register_prehook(lambda o: (o[0] * 2,)); y.backward(); log(x.grad)
# node hooks taken away
y = (x * z).sum(); h = y.grad_fn.register_hook(lambda i, o: log("ran")); h.remove(); y.backward(); log(x.grad)
# node hooks with wrong results
y = (x * z).sum(); y.grad_fn.next_functions[0][0].register_hook(lambda i, o: (i[0],)); show(lambda: y.backward())
y = (x * z).sum(); y.grad_fn.register_prehook(lambda o: (3,)); show(lambda: y.backward())
# hooks on AccumulateGrad
a = (x * 1).grad_fn.next_functions[0][0]; log(a.name(), a.variable is x, a.next_functions)
a.register_hook(lambda i, o: log("post", i, o)); a.register_prehook(lambda o: (o[0] * 2,)); x.sum().backward(); log(x.grad)
# AccumulateGrad is one object
a = (x * 1).grad_fn.next_functions[0][0]; b = (x * 2).grad_fn.next_functions[0][0]; log(a is b)
# prehooks, tensor hooks and retained gradients in order
m = x * 2; m.grad_fn.register_prehook(lambda o: (log("pre", o), (o[0] * 2,))[1]); m.register_hook(lambda g: (log("hook", g), g * 3)[1]); m.retain_grad(); m.sum().backward(); log(m.grad, x.grad)
# nodes
y = (x * z).sum(); n = y.grad_fn; log(n.name(), type(n).__name__, isinstance(n, graph.Node), n.next_functions[0][0].name(), n.next_functions[0][1], n.metadata)
log([e[0].name() for e in n.next_functions[0][0].next_functions], (x * c).grad_fn.next_functions[1])
log(n is y.grad_fn, isinstance(3, graph.Node), issubclass(type(n), graph.Node))
show(lambda: n.variable, lambda: n.nothing)
# metadata
y = x * 2; y.grad_fn.metadata["note"] = [1]; f = y.grad_fn; log(f.metadata)
# saved attributes
y = x * z; log(y.grad_fn._saved_self, y.grad_fn._saved_other); e = x.exp(); log(e.grad_fn._saved_result)
f = y.grad_fn; y.sum().backward(); show(lambda: f._saved_self)
# gradient edges
m = x * 2; e = graph.get_gradient_edge(m); log(e.node is m.grad_fn, e.output_nr, type(e).__name__); l = graph.get_gradient_edge(x); log(l.node.name(), l.output_nr, l.node.variable is x)
show(lambda: graph.get_gradient_edge(c))
# gradient edges as inputs
m = x * 2; y = (m * m).sum(); log(grad(y, graph.get_gradient_edge(m), retain_graph=True)); log(grad(y, [graph.get_gradient_edge(x), m]))
# gradient edges as outputs
m = x * 2; log(grad(graph.get_gradient_edge(m), x, torch.ones(2))); autograd.backward(graph.get_gradient_edge(x * 3), torch.ones(2)); log(x.grad)
a, b = torch.stack([x, x * 2]).unbind(); log(grad(graph.get_gradient_edge(b), x, torch.ones(2)))
# backward with an edge among inputs
(x * z).sum().backward(inputs=[graph.get_gradient_edge(x)]); log(x.grad, z.grad)
# hooks on several tensors
graph.register_multi_grad_hook((x, z), lambda gs: log("all", gs)); (x * z).sum().backward()
h = graph.register_multi_grad_hook((x, z), lambda gs: log("again", gs)); x.sum().backward(); h.remove(); x.sum().backward()
# hooks on several tensors: any
graph.register_multi_grad_hook((x, z), lambda g: log("first"), mode="any"); (x * z).sum().backward(); (x * z).sum().backward()
show(lambda: graph.register_multi_grad_hook((x,), print, mode="some"))
# hooks on several intermediate tensors
a, b = x * 2, x * 3; graph.register_multi_grad_hook([a, b], lambda gs: log(gs)); (a * b).sum().backward(); log(x.grad)
# increment_version
v = c._version; graph.increment_version(c); log(c._version - v); graph.increment_version([c, x]); log(c._version - v)
y = x * z; graph.increment_version(z); kind(lambda: y.sum().backward())
# saved tensor hooks
seen = []
def pack(t): seen.append((t.tolist(), t.requires_grad, t.is_leaf)); return t.detach() * 2
def unpack(t): log("unpack"); return t
with graph.saved_tensors_hooks(pack, unpack): y = x * z
log(sorted(seen)); y.sum().backward(); log(x.grad, z.grad)
# saved tensor hooks: any object
kept = {}
def pack(t): kept[len(kept)] = t.detach().clone(); return len(kept) - 1
with graph.saved_tensors_hooks(pack, lambda i: kept[i]): y = (x.exp() * x.sin()).sum()
y.backward(); log(x.grad, len(kept))
# saved tensor hooks: the innermost counts
with graph.saved_tensors_hooks(lambda t: (log("outer"), t)[1], lambda t: t):
    with graph.saved_tensors_hooks(lambda t: (log("inner"), t)[1], lambda t: t): x ** 2
    x ** 2
# saved tensor hooks: double backward
with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t): y = (x ** 3).sum()
g, = grad(y, x, create_graph=True); log(g, grad(g.sum(), x))
# saved tensor hooks: saved results
with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t): y = x.exp()
g, = grad(y.sum(), x, create_graph=True); log(grad(g.sum(), x))
# saved tensor hooks: intermediate inputs
with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t): m = x * 2; y = (m ** 3).sum()
g, = grad(y, x, create_graph=True); log(g, grad(g.sum(), x))
# saved tensor hooks: writes are not noticed
with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t): m = x * 2; y = m ** 2
m.zero_() if False else None
with torch.no_grad(): m.mul_(0)
y.sum().backward(); log(x.grad)
# saved tensor hooks: the wrong thing comes back
with graph.saved_tensors_hooks(lambda t: 3, lambda t: t): y = x ** 2
show(lambda: y.sum().backward())
# saved tensor hooks: a pack hook that writes
def f():
    with graph.saved_tensors_hooks(lambda t: t.add_(1), lambda t: t): return (x * 1) ** 2
show(f)
# saved tensor hooks: an error in pack, in unpack
def bad(t): raise ValueError("no")
def f():
    with graph.saved_tensors_hooks(bad, bad): return x ** 2
show(f); log((x ** 2).requires_grad)
with graph.saved_tensors_hooks(lambda t: t, bad): y = x ** 2
show(lambda: y.sum().backward())
# saved tensor hooks: a Function's
class F2(autograd.Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a * a
    @staticmethod
    def backward(ctx, g): return 2 * g * ctx.saved_tensors[0]
with graph.saved_tensors_hooks(lambda t: (log("pack"), t * 1)[1], lambda t: (log("unpack"), t)[1]): y = F2.apply(x)
y.sum().backward(); log(x.grad)
# saved tensor hooks: a layer
torch.manual_seed(0); m = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh()); n = []
with graph.saved_tensors_hooks(lambda t: (n.append(t.shape), t)[1], lambda t: t): y = m(x[None])
y.sum().backward(); log(sorted(map(tuple, n)), m[0].weight.grad is not None)
# saved tensors after backward
with graph.saved_tensors_hooks(lambda t: t, lambda t: t): y = x ** 2
y.sum().backward(); show(lambda: y.sum().backward())
# save_on_cpu
with graph.save_on_cpu(): y = (x * z).sum()
y.backward(); log(x.grad, z.grad)
with graph.save_on_cpu(pin_memory=False): y = (x.exp() * z).sum()
y.backward(); log(z.grad)
# disable_saved_tensors_hooks
def f():
    with graph.disable_saved_tensors_hooks("not here"):
        with graph.saved_tensors_hooks(lambda t: t, lambda t: t): pass
show(f)
def f():
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        with graph.disable_saved_tensors_hooks("not now"): pass
show(f)
with graph.saved_tensors_hooks(lambda t: t, lambda t: t): log((x ** 2).requires_grad)
# allow_mutation_on_saved_tensors
with graph.allow_mutation_on_saved_tensors():
    m = x * 1; y = (m ** 2).sum(); m.mul_(100); y.backward()
log(x.grad)
def f():
    with graph.allow_mutation_on_saved_tensors():
        with graph.allow_mutation_on_saved_tensors(): pass
show(f)
# allow_mutation_on_saved_tensors: backward outside
with graph.allow_mutation_on_saved_tensors(): y = (x ** 2).sum()
show(lambda: y.backward())
# anomaly mode: NaN
w = torch.tensor(-1., requires_grad=True); import warnings
warnings.simplefilter("ignore")
def f():
    with autograd.detect_anomaly(): w.sqrt().backward()
show(f); log(torch.is_anomaly_enabled())
# anomaly mode: NaN not looked for
w = torch.tensor(-1., requires_grad=True); import warnings
warnings.simplefilter("ignore")
with autograd.detect_anomaly(check_nan=False): w.sqrt().backward()
log(w.grad)
# anomaly mode: which operation, which line
import warnings
w = torch.tensor(-1., requires_grad=True)
def forward(): return w.log() * 0 + w.sqrt()
def f():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with autograd.detect_anomaly():
            try: forward().backward()
            except RuntimeError as e: log(e)
    for s in seen: log(s.category.__name__, str(s.message).split(chr(10))[0][:60], "in forward" in str(s.message))
f()
# anomaly mode: no forward information
import warnings
w = torch.tensor(-1., requires_grad=True); y = w.sqrt()
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    with autograd.set_detect_anomaly(True): show(lambda: y.backward())
log([str(s.message)[:90] for s in seen])
# anomaly mode: an error of the user's own
import warnings
class B(autograd.Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): raise ValueError("mine")
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    with autograd.set_detect_anomaly(True): show(lambda: B.apply(x).sum().backward())
log([str(s.message).split(chr(10))[0] for s in seen])
# anomaly mode: switches
autograd.set_detect_anomaly(True, check_nan=False); log(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()); autograd.set_detect_anomaly(False); log(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())
# Variable
V = autograd.Variable; log(isinstance(x, V), type(V(c)).__name__, V(c).requires_grad, V(c, requires_grad=True).requires_grad, V(c).data_ptr() == c.data_ptr())
# callbacks at the end
def hook(g): autograd.Variable._execution_engine.queue_callback(lambda: log("end")); log("hook")
x.register_hook(hook); (x * z).sum().backward(); log("after")
show(lambda: autograd.Variable._execution_engine.queue_callback(lambda: 0))
# inference mode
with torch.inference_mode(): t = torch.ones(2); u = x * 2; log(t.is_inference(), u.requires_grad, torch.is_inference_mode_enabled(), torch.is_grad_enabled())
show(lambda: t.add_(1), lambda: t._version, lambda: t.requires_grad_(), lambda: (t * x).sum().backward(), lambda: (t + x).requires_grad)
log((t + 1).is_inference(), t.clone().is_inference(), torch.is_inference(t) if hasattr(torch, "is_inference") else t.is_inference())
# inference mode as a decorator, switched off inside
@torch.inference_mode()
def f(v):
    with torch.inference_mode(False): log((v * 2).requires_grad, torch.is_inference_mode_enabled())
    return v * 2
log(f(x).is_inference(), f(x).requires_grad)
@torch.inference_mode
def g(v): return v * 3
log(g(x).is_inference())
# inference mode: views, writes inside
t = torch.ones(2)
with torch.inference_mode(): v = t[0:1]; t.add_(1); log(v.is_inference(), t.is_inference(), t)
with torch.inference_mode(): w = torch.ones(2); w.add_(1); log(w)
# modes
with torch.no_grad(): log((x * 2).requires_grad); y = torch.ones(2, requires_grad=True); log(y.requires_grad)
with torch.no_grad():
    with torch.enable_grad(): log((x * 2).requires_grad)
with torch.set_grad_enabled(False): log((x * 2).requires_grad)
torch.set_grad_enabled(False); log((x * 2).requires_grad); torch.set_grad_enabled(True)
# modes as decorators
@torch.no_grad()
def f(): return (x * 2).requires_grad
@torch.no_grad
def g(): return (x * 2).requires_grad
@torch.set_grad_enabled(False)
def h(): return (x * 2).requires_grad
log(f(), g(), h(), torch.is_grad_enabled())
# set_multithreading_enabled
with autograd.set_multithreading_enabled(False): x.sum().backward()
log(x.grad)
# backward from a hook
def hook(g):
    with torch.enable_grad(): v = torch.ones(2, requires_grad=True); (v * 3).sum().backward()
    log(v.grad)
x.register_hook(hook); x.sum().backward(); log(x.grad)
# leaves that need no gradient any more
y = (x * z).sum(); x.requires_grad_(False); y.backward(); log(x.grad, z.grad)
# a long chain
y = x
for _ in range(50000): y = y + 1
y.sum().backward(); log(x.grad); del y
# threads that add to one leaf
import threading
w = torch.zeros(4, requires_grad=True)
def work():
    for _ in range(50): (w * torch.ones(4)).sum().backward()
ts = [threading.Thread(target=work) for _ in range(4)]
for t in ts: t.start()
for t in ts: t.join()
log(w.grad)
# threads with hooks and Functions
import threading
class F3(autograd.Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a * 2
    @staticmethod
    def backward(ctx, g): ctx.saved_tensors; return g * 2
w = torch.zeros(4, requires_grad=True); w.register_hook(lambda g: g * 1)
def work():
    for _ in range(30): y = F3.apply(w * 1); y.register_hook(lambda g: g); y.sum().backward()
ts = [threading.Thread(target=work) for _ in range(4)]
for t in ts: t.start()
for t in ts: t.join()
log(w.grad)
# modes are a thread's own
import threading
seen = []
with torch.no_grad():
    t = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled())); t.start(); t.join()
log(seen)
# names of the module
log([n for n in ("Function", "Variable", "backward", "detect_anomaly", "enable_grad", "grad", "gradcheck", "gradgradcheck", "inference_mode", "no_grad", "set_detect_anomaly", "set_grad_enabled", "set_multithreading_enabled", "variable", "graph", "functional", "forward_ad", "function") if not hasattr(autograd, n)])
""")
