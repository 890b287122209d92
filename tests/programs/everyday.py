# ruff: noqa: E501  the programs keep their lines
"""What a researcher writes: Functions of their own, hooks for logging and clipping, checkpoints, modes and subclasses."""

from programs import divided, interplay

SETUP = interplay.SETUP

PROGRAMS = divided("""
# straight-through rounding
class Round(Function):
    @staticmethod
    def forward(ctx, a): return a.round()
    @staticmethod
    def backward(ctx, g): return g
w = torch.tensor([.2, .7], requires_grad=True); y = Round.apply(w); (y * torch.tensor([2., 3.])).sum().backward(); log(y, w.grad, y.grad_fn.name())
w2 = torch.tensor([.2, .7], requires_grad=True); q = w2 + (w2.round() - w2).detach(); q.pow(2).sum().backward(); log(w2.grad, q)
# gradient reversal with a factor
class Rev(Function):
    @staticmethod
    def forward(ctx, a, lam): ctx.lam = lam; return a.view_as(a)
    @staticmethod
    def backward(ctx, g): return g.neg() * ctx.lam, None
lin = nn.Linear(2, 1, bias=False); nn.init.ones_(lin.weight); Rev.apply(lin(x), .5).sum().backward(); log(lin.weight.grad, x.grad)
# a Function that saves nothing but works on ctx
class Clip(Function):
    @staticmethod
    def forward(ctx, a, lo, hi): ctx.mask = (a >= lo) & (a <= hi); return a.clamp(lo, hi)
    @staticmethod
    def backward(ctx, g): return g * ctx.mask, None, None
log(grad(Clip.apply(x, 0., 1.5).sum(), x)); log(autograd.gradcheck(lambda a: Clip.apply(a, 0., 1.5), (x.detach().double().requires_grad_(),)))
# a wrong Function under gradcheck
class Wrong(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a ** 2
    @staticmethod
    def backward(ctx, g): return g * ctx.saved_tensors[0]
show(lambda: autograd.gradcheck(Wrong.apply, (x.detach().double().requires_grad_(),)), lambda: autograd.gradcheck(Wrong.apply, (x.detach().double().requires_grad_(),), raise_exception=False))
# a Function of lists and other things
class Many(Function):
    @staticmethod
    def forward(ctx, n, *ts): ctx.n = n; ctx.count = len(ts); return sum(ts) * n, torch.stack(ts)
    @staticmethod
    def backward(ctx, g, s): return (None, *[g * ctx.n + r for r in s])
a, b = Many.apply(2, x, z, c); log(a, b.requires_grad, a.grad_fn.next_functions[0][0].name(), len(a.grad_fn.next_functions), a.grad_fn is b.grad_fn, b.output_nr); (a.sum() + b.prod()).backward(); log(x.grad, z.grad, c.grad)
show(lambda: Many.apply(2, [x, z]))
# outputs in a list or a dictionary
class Out(Function):
    @staticmethod
    def forward(ctx, a, kind): r = a * 2; return [r, r + 1] if kind == "list" else {"r": r} if kind == "dict" else (r, "text", None)
    @staticmethod
    def backward(ctx, *g): log(len(g), g); return g[0], None
for kind in ("list", "dict", "tuple"):
    show(lambda: Out.apply(x, kind))
r = Out.apply(x, "tuple"); r[0].sum().backward(); log(x.grad)
# forward returns an input twice, or nothing
class Twice(Function):
    @staticmethod
    def forward(ctx, a): return a, a
    @staticmethod
    def backward(ctx, g, h): log(g, h); return g + h
p, q = Twice.apply(x); log(p is q, p.grad_fn is q.grad_fn, p.output_nr, q.output_nr); (p * 2 + q * 3).sum().backward(); log(x.grad)
class Same2(Function):
    @staticmethod
    def forward(ctx, a): r = a * 1; return r, r
    @staticmethod
    def backward(ctx, g, h): log(g, h); return g + h
p, q = Same2.apply(x); log(p is q, p.output_nr, q.output_nr); (p * 2 + q * 3).sum().backward()
class Nothing(Function):
    @staticmethod
    def forward(ctx, a): return None
    @staticmethod
    def backward(ctx, g): return g
show(lambda: Nothing.apply(x))
# backward runs under no_grad unless a graph is made
class G(Function):
    @staticmethod
    def forward(ctx, a): log("f", torch.is_grad_enabled()); ctx.save_for_backward(a); return a.exp()
    @staticmethod
    def backward(ctx, g): log("b", torch.is_grad_enabled(), g.requires_grad); return g * ctx.saved_tensors[0].exp()
G.apply(x).sum().backward(); v = torch.ones(2, requires_grad=True); grad(G.apply(x), x, v, create_graph=True)
with torch.no_grad(): y = G.apply(x); log(y.requires_grad)
with torch.inference_mode(): y = G.apply(x); log(y.requires_grad, y.is_inference())
# a Function inside of a Function
class Outer(Function):
    @staticmethod
    def forward(ctx, a):
        with torch.enable_grad():
            ctx.a = a.detach().requires_grad_(); ctx.y = Square.apply(ctx.a) * 3
        return ctx.y.detach()
    @staticmethod
    def backward(ctx, g): return grad(ctx.y, ctx.a, g)[0]
log(grad(Outer.apply(x).sum(), x))
# raising in forward and in backward
class Boom(Function):
    @staticmethod
    def forward(ctx, a, where):
        if where == "f": raise ZeroDivisionError("forward")
        return a * 1
    @staticmethod
    def backward(ctx, g): raise ZeroDivisionError("backward")
show(lambda: Boom.apply(x, "f")); y = Boom.apply(x, "b"); show(lambda: y.sum().backward(), lambda: y.sum().backward()); log(torch.is_grad_enabled()); (x * 2).sum().backward(); log(x.grad)
# the order of nodes and hooks in a diamond
seen = []
a = x * 2; b = a.sin(); d = a.cos(); e = b * d
for n, t in (("a", a), ("b", b), ("d", d), ("e", e)): t.register_hook(lambda g, n=n: seen.append(n)); t.grad_fn.register_hook(lambda i, o, n=n: seen.append(n + "!"))
x.register_hook(lambda g: seen.append("x")); x.register_post_accumulate_grad_hook(lambda p: seen.append("x+")); e.sum().backward(); log(seen)
# optimizers in hooks
p1 = nn.Parameter(torch.ones(2)); opt = torch.optim.SGD([p1], lr=.1)
p1.register_post_accumulate_grad_hook(lambda p: (opt.step(), opt.zero_grad())); (p1 * c).sum().backward(); log(p1, p1.grad); (p1 * c).sum().backward(); log(p1)
# clipping in a hook
net = nn.Linear(2, 1); [p.register_hook(lambda g: g.clamp(-.1, .1)) for p in net.parameters()]; net(c).backward(); log(net.weight.grad, net.bias.grad)
# norms per layer by full backward hooks
net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False)); [nn.init.ones_(p) for p in net.parameters()]; log_of = []
for n, m in net.named_children(): m.register_full_backward_hook(lambda m, gi, go, n=n: log_of.append((n, [None if g is None else g.tolist() for g in gi], [g.tolist() for g in go])))
net(c).backward(); log(log_of); log_of.clear(); net(x).backward(); log(log_of)
net[0].register_full_backward_pre_hook(lambda m, go: (go[0] * 10,)); x.grad = None; net(x).backward(); log(x.grad, net[0].weight.grad)
# forward hooks that change
lin = nn.Linear(2, 2, bias=False); nn.init.ones_(lin.weight); h = lin.register_forward_hook(lambda m, i, o: o * 2); hp = lin.register_forward_pre_hook(lambda m, i: (i[0] + 1,)); log(lin(c)); h.remove(); hp.remove(); log(lin(c))
# checkpoints of a sequence
seq = nn.Sequential(*[nn.Sequential(nn.Linear(2, 2), nn.Tanh()) for _ in range(4)]); [nn.init.constant_(p, .3) for p in seq.parameters()]
seq(x).sum().backward(); a = [p.grad.clone() for p in seq.parameters()]; seq.zero_grad()
for re in (True, False):
    torch.utils.checkpoint.checkpoint_sequential(seq, 2, x, use_reentrant=re).sum().backward(); log([torch.equal(p.grad, g) for p, g in zip(seq.parameters(), a)]); seq.zero_grad()
# a checkpoint without inputs that require grad
lin = nn.Linear(2, 1); checkpoint(lin, c, use_reentrant=False).backward(); log(lin.weight.grad)
with warnings.catch_warnings(record=True) as w:
    warnings.simplefilter("always"); y = checkpoint(lin, c, use_reentrant=True); log(y.requires_grad, [str(i.message)[:50] for i in w])
with warnings.catch_warnings(record=True) as w:
    warnings.simplefilter("always"); y = err(lambda: checkpoint(lambda v: v * 2, x)); log(len(w), [str(i.message)[:60] for i in w])
# dropout in a checkpoint
torch.manual_seed(3); v = torch.ones(8, requires_grad=True); y = checkpoint(lambda t: F.dropout(t, .5), v, use_reentrant=False); y.sum().backward(); log(torch.equal(v.grad, y.detach()))
v.grad = None; y = checkpoint(lambda t: F.dropout(t, .5), v, use_reentrant=True); y.sum().backward(); log(torch.equal(v.grad, y.detach()))
# a checkpoint that changes its mind
state = {"n": 0}
def f(v): state["n"] += 1; return v.sin() if state["n"] == 1 else v.sin().exp()
def g(v): state["n"] += 1; return (v * v).sin().cos() if state["n"] == 1 else v.sin()
show(lambda: checkpoint(f, x, use_reentrant=False).sum().backward()); state["n"] = 0; show(lambda: checkpoint(g, x, use_reentrant=False).sum().backward())
# checkpoints in checkpoints and second derivatives
f = lambda v: v.sin() * v; h = lambda v: checkpoint(f, v, use_reentrant=False).exp()
g, = grad(checkpoint(h, x, use_reentrant=False).sum(), x, create_graph=True); log(g); log(grad(g.sum(), x))
# keyword arguments of a checkpoint
log(checkpoint(lambda v, k=1: v * k, x, k=3, use_reentrant=False)); show(lambda: checkpoint(lambda v, k=1: v * k, x, k=3, use_reentrant=True), lambda: checkpoint(lambda v: v, x, use_reentrant=False, determinism_check="what"), lambda: checkpoint(lambda v: v, x, use_reentrant=True, debug=True))
# a mode that counts operations
class Count(Mode):
    def __init__(self): super().__init__(); self.counts = {}
    def __torch_function__(self, func, types, args=(), kwargs=None):
        n = func.__name__; self.counts[n] = self.counts.get(n, 0) + 1; return func(*args, **(kwargs or {}))
with Count() as m: y = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))(c); F.mse_loss(y, torch.zeros(1)); torch.stack([c, c]).mean(0).softmax(0)
log(sorted((k, v) for k, v in m.counts.items() if k not in ("__get__", "uniform_", "numel", "dim", "size", "_has_torch_function")))
# a mode that sees factories
with Names(): torch.zeros(2); torch.tensor([1.]); torch.arange(3); torch.empty(2).fill_(1); torch.randn(1); torch.ones_like(c); c.new_ones(1); torch.eye(2); torch.linspace(0, 1, 2); torch.as_tensor([1]); torch.from_numpy(__import__("numpy").ones(1))
# a mode sees attributes and indexing
with Names(): c.shape; c.T; c.grad; c.requires_grad; c[0]; c[0:1]; d = c.clone(); d[0] = 3; len(c); c.dtype; c.device; c.is_leaf; c.data; float(c[0]); c.tolist(); bool(c[0] > 1); c == c; -c; abs(c); c @ c; 2 ** c; c // 2; c % 2; c & (c > 0) if False else None
# a subclass sees attributes and operators
s = torch.tensor([5., 6.]).as_subclass(Logged); s.shape; s.T; s.requires_grad; s[0]; len(s); s.dtype; s == s; -s; abs(s); s @ s; 2 ** s; s // 2; s += 1; s.numel(); s.size(0); s.dim()
# a subclass and functions of it
s = torch.tensor([5., 6.]).as_subclass(Logged); F.relu(s); F.softmax(s, 0); torch.sum(s); torch.cat([s, c]); F.mse_loss(s, c); F.dropout(s, .0); torch.where(s > 5, s, c); torch.max(s); F.linear(s[None], torch.ones(1, 2)); F.cross_entropy(s[None], torch.tensor([1])); torch.allclose(s, c); s.tolist(); s.item() if False else None; str(s)
# a subclass that wraps and counts
class Wrap(torch.Tensor):
    handled = []
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.handled.append(func.__name__); r = super().__torch_function__(func, types, args, kwargs or {}); return r.as_subclass(torch.Tensor) if isinstance(r, torch.Tensor) and func is torch.Tensor.sum else r
t = torch.ones(2).as_subclass(Wrap); log(type(t * 2).__name__, type(t.sum()).__name__, Wrap.handled)
# parameters of a subclass
class P(nn.Parameter): pass
p = P(torch.ones(2)); log(type(p).__name__, isinstance(p, nn.Parameter), p.requires_grad, type(p * 2).__name__, type(p.data).__name__, type(p.detach()).__name__); m = nn.Module(); m.p = p; log(list(m._parameters), type(m.p).__name__, type(copy.deepcopy(m).p).__name__)
# register_hook on what needs none
show(lambda: c.register_hook(print), lambda: (x * 2).register_post_accumulate_grad_hook(print), lambda: c.register_post_accumulate_grad_hook(print), lambda: c.retain_grad(), lambda: x.retain_grad(), lambda: graph.get_gradient_edge(c), lambda: graph.register_multi_grad_hook([x], print, mode="some"), lambda: graph.register_multi_grad_hook([c], print))
# names and reprs of nodes
y = x * 2; log(y.grad_fn, repr(y.grad_fn), y.grad_fn.name(), type(y.grad_fn), type(y.grad_fn).__module__, isinstance(y.grad_fn, graph.Node)); a = y.grad_fn.next_functions[0][0]; log(a, a.name(), a.variable is x, a is x.view_as(x).grad_fn.next_functions[0][0], hash(a) == hash(a), a == a, y.grad_fn == y.grad_fn)
show(lambda: y.grad_fn.foo, lambda: setattr(y.grad_fn, "foo", 1), lambda: type(y.grad_fn)(), lambda: y.grad_fn.next_functions[5], lambda: setattr(y, "grad_fn", None), lambda: copy.copy(y.grad_fn))
# the graph walked by hand
def walk(fn, seen):
    if fn is None or fn in seen: return seen
    seen[fn] = len(seen); [walk(f, seen) for f, _ in fn.next_functions]; return seen
a = x * z; b = a + x; s = walk((a * b).sum().grad_fn, {}); log([f.name() for f in s], [[(s.get(f), k) for f, k in n.next_functions] for n in s])
# nodes of linear layers
def both(f): log(names(f().grad_fn, 9))
torch.manual_seed(0); net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1, bias=False))
both(lambda: F.mse_loss(net(c[None]), torch.zeros(1, 1))); both(lambda: F.linear(x[None], torch.ones(2, 2, requires_grad=True), z)); both(lambda: F.linear(x[None], torch.ones(2, 2))); both(lambda: torch.addmm(z, x[None], torch.ones(2, 2, requires_grad=True))); both(lambda: x[None] @ torch.ones(2, 2, requires_grad=True).t())
y = net(x[None]).sum(); first = names(y.grad_fn); log(first == names(y.grad_fn)); y.backward(retain_graph=True); a = [p.grad.clone() for p in net.parameters()]; net.zero_grad(); y.backward(); log([torch.equal(p.grad, g) for p, g in zip(net.parameters(), a)])
y = net(x[None]).sum(); names(y.grad_fn); g = grad(y, list(net.parameters()), create_graph=True); log([v.shape for v in g]); sum(v.pow(2).sum() for v in g).backward(); log([p.grad is not None for p in net.parameters()])
y = net(x[None]).sum(); names(y.grad_fn); w = net[0].weight; log(grad(y, w)[0].shape, w.grad.shape)
y = net(c[None]); t = y.grad_fn.next_functions[1][0]; t2 = y.grad_fn.next_functions[1][0]; log(t is t2, t.name(), t.next_functions[0][0].variable is net[2].weight)
seen = []; t.register_hook(lambda gi, go: seen.append((len(gi), len(go)))); y.sum().backward(); log(seen)
# hooks on every node of a linear layer
order = []
class Mod(nn.Module):
    def __init__(self): super().__init__(); self.linear = nn.Linear(2, 2)
    def forward(self, v): return self.linear(v)
mod = Mod(); v = torch.randn(2, 2, requires_grad=True); mod.register_full_backward_hook(lambda *a: order.append("module")); n = 0
def all_nodes(nodes):
    global n
    for node, _ in nodes:
        n += 1; name = f"{node.name()} {n}"; node.register_prehook(lambda _, name=name: order.append("pre " + name)); node.register_hook(lambda a, b, name=name: order.append("post " + name)); all_nodes(node.next_functions)
loss = mod(v).sum(); all_nodes(((loss.grad_fn, None),))
for name, t in (("x", v), ("weight", mod.linear.weight), ("bias", mod.linear.bias)):
    t.register_hook(lambda g, name=name: order.append("tensor " + name)); t.register_post_accumulate_grad_hook(lambda p, name=name: order.append("after " + name))
loss.backward(); [log(o) for o in order]
# saved tensors taken once
class C(Function):
    clear_saved_tensors_on_access = True
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a, a * 2); return a * 2
    @staticmethod
    def backward(ctx, g): log(len(ctx.saved_tensors)); show(lambda: ctx.saved_tensors); return g * 2
y = C.apply(x); y.sum().backward(); log(x.grad); y = C.apply(x); log(len(y.grad_fn.saved_tensors)); show(lambda: y.grad_fn.saved_tensors); y = C.apply(x); y.sum().backward(retain_graph=True); show(lambda: y.sum().backward())
# gradients in a list
class B(Function):
    boxed_grads_call = True
    @staticmethod
    def forward(ctx, a, b): return a * 2, b * 3
    @staticmethod
    def backward(ctx, grads): log(type(grads).__name__, grads); g = grads.pop(0); return g * 2, grads[0] * 3
p, q = B.apply(x, z); (p.sum() + q.sum()).backward(); log(x.grad, z.grad, p.grad_fn.requires_grad, (x * 1).grad_fn.requires_grad, Function.boxed_grads_call)
# settings of graphs
show(lambda: graph.region_activation_memory_budget(.5).__enter__(), lambda: graph.region_activation_memory_budget(2.).__enter__(), lambda: graph.set_warn_on_accumulate_grad_stream_mismatch(False), lambda: graph.set_override_stale_capture_stream(True), lambda: autograd.NestedIOFunction.__name__)
""")
