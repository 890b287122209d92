# ruff: noqa: E501  the programs keep their lines
"""Programs as researchers write them: gradients of gradients, Functions, hooks, dual numbers, batches of models."""

from programs import divided

SETUP = """
func, fwd, graph = torch.func, torch.autograd.forward_ad, torch.autograd.graph
grad = torch.autograd.grad
x = torch.linspace(-1, 1, 6).reshape(3, 2); y = torch.tensor([[0.5], [-0.25], [1.0]])
def net(seed=0):
    m = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    with torch.no_grad():
        for i, p in enumerate(m.parameters()): p.copy_(torch.linspace(-0.5, 0.5 + 0.1 * i + 0.05 * seed, p.numel()).reshape(p.shape))
    return m
def mse(a, b): return ((a - b) ** 2).mean()
"""

PROGRAMS = divided("""
# MAML with grad
m = net(); params = list(m.parameters()); names = [n for n, _ in m.named_parameters()]
inner = mse(func.functional_call(m, dict(zip(names, params)), (x,)), y); fast = [p - 0.1 * g for p, g in zip(params, grad(inner, params, create_graph=True))]
outer = mse(func.functional_call(m, dict(zip(names, fast)), (x + 0.5,)), y); outer.backward(); log(outer.detach()); [log(p.grad) for p in params]
# MAML with func
m = net(); p = {k: v.detach() for k, v in m.named_parameters()}
def inner(p): return mse(func.functional_call(m, p, (x,)), y)
def outer(p): g = func.grad(inner)(p); return mse(func.functional_call(m, {k: p[k] - 0.1 * g[k] for k in p}, (x + 0.5,)), y)
for k, v in func.grad(outer)(p).items(): log(k, v)
# implicit differentiation of a fixed point
class Fixed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        z = torch.zeros_like(a)
        for _ in range(60): z = torch.tanh(0.5 * z + a)
        ctx.save_for_backward(z, a); return z
    @staticmethod
    def backward(ctx, g):
        z, a = ctx.saved_tensors; s = 1 - torch.tanh(0.5 * z + a) ** 2
        return g * s / (1 - 0.5 * s)
a = torch.tensor([0.1, 0.7], requires_grad=True); Fixed.apply(a).sum().backward(); log(a.grad); log(torch.autograd.gradcheck(Fixed.apply, torch.tensor([0.1, 0.7], dtype=torch.float64, requires_grad=True)))
# gradient penalty
m = net(); e = torch.tensor([[0.2], [0.5], [0.9]]); mixed = (e * x + (1 - e) * x.flip(0)).requires_grad_()
g, = grad(m(mixed), mixed, torch.ones(3, 1), create_graph=True, retain_graph=True); penalty = ((g.norm(2, dim=1) - 1) ** 2).mean(); penalty.backward(); log(penalty.detach()); [log(p.grad) for p in m.parameters()]
# neural ODE by the adjoint method
class Ode(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y0, w):
        ys = [y0]
        for _ in range(8): ys.append(ys[-1] + 0.125 * torch.tanh(ys[-1] @ w))
        ctx.save_for_backward(w, *ys); return ys[-1]
    @staticmethod
    def backward(ctx, g):
        w, *ys = ctx.saved_tensors; gw = torch.zeros_like(w)
        for y in reversed(ys[:-1]):
            with torch.enable_grad():
                y, v = y.detach().requires_grad_(), w.detach().requires_grad_(); out = y + 0.125 * torch.tanh(y @ v)
            g, d = grad(out, (y, v), g); gw = gw + d
        return g, gw
w = torch.tensor([[0.1, -0.4], [0.3, 0.2]], requires_grad=True); y0 = torch.tensor([[1.0, 0.5]], requires_grad=True); Ode.apply(y0, w).sum().backward(); log(w.grad, y0.grad)
# straight-through estimators
class Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a): return a.round()
    @staticmethod
    def backward(ctx, g): return g
a = torch.tensor([0.4, 1.6], requires_grad=True); (Round.apply(a) ** 2).sum().backward(); log(a.grad); b = a.detach().requires_grad_(); ((b + (b.round() - b).detach()) ** 2).sum().backward(); log(b.grad)
# gradient reversal, and a factor that is no tensor
class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, k): ctx.k = k; return a.view_as(a)
    @staticmethod
    def backward(ctx, g): return -ctx.k * g, None
a = torch.tensor([1.0, 2.0], requires_grad=True); Reverse.apply(a * 3, 0.5).sum().backward(); log(a.grad)
# a Function with several outputs, some of them not differentiable
class Sorted(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a): v, i = a.sort(); ctx.mark_non_differentiable(i); ctx.save_for_backward(i); return v, i
    @staticmethod
    def backward(ctx, g, _): i, = ctx.saved_tensors; return torch.zeros_like(g).scatter(0, i, g)
a = torch.tensor([3.0, 1.0, 2.0], requires_grad=True); v, i = Sorted.apply(a); log(v.requires_grad, i.requires_grad, i); (v * torch.tensor([1.0, 10.0, 100.0])).sum().backward(); log(a.grad)
# a Function that writes in place
class Relu_(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a): a.clamp_(min=0); ctx.mark_dirty(a); ctx.save_for_backward(a); return a
    @staticmethod
    def backward(ctx, g): a, = ctx.saved_tensors; return g * (a > 0)
a = torch.tensor([-1.0, 2.0], requires_grad=True); b = a * 2; c = Relu_.apply(b); log(b is c, b.grad_fn.name()); c.sum().backward(); log(a.grad); show(lambda: Relu_.apply(a))
# double backward through a Function
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a ** 3
    @staticmethod
    def backward(ctx, g): a, = ctx.saved_tensors; return g * Square.apply(a) * 3
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a ** 2
    @staticmethod
    def backward(ctx, g): a, = ctx.saved_tensors; return g * 2 * a
a = torch.tensor(2.0, requires_grad=True); g, = grad(Cube.apply(a), a, create_graph=True); h, = grad(g, a, create_graph=True); log(g.detach(), h.detach(), grad(h, a)[0])
# hooks of every kind, in order
seen = []; a = torch.tensor([1.0, 2.0], requires_grad=True); b = a * 2; c = b.exp(); c.retain_grad()
a.register_hook(lambda g: seen.append("leaf")); b.register_hook(lambda g: seen.append("b1")); b.register_hook(lambda g: seen.append("b2")); b.grad_fn.register_prehook(lambda g: seen.append("pre")); b.grad_fn.register_hook(lambda i, o: seen.append("post")); c.register_hook(lambda g: g * 2); a.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad is not None))
c.sum().backward(); log(seen, a.grad, c.grad)
# hooks that remove themselves
a = torch.tensor(1.0, requires_grad=True); n = []
def once(g): n.append(1); handle.remove()
handle = a.register_hook(once)
for _ in range(3): (a * 2).backward()
log(len(n), a.grad)
# multi-grad hooks
a, b = (torch.ones(2, requires_grad=True) for _ in range(2)); got = []
with graph.register_multi_grad_hook((a, b), lambda gs: got.append([g is not None for g in gs])): (a * 2).sum().backward(); (a * b).sum().backward()
log(got)
# saved tensors on disk
import os, tempfile, uuid
folder = tempfile.mkdtemp(); count = []
def pack(t): path = os.path.join(folder, str(uuid.uuid4())); torch.save(t, path); count.append(1); return path
def unpack(path): return torch.load(path)
a = torch.linspace(0, 1, 5, requires_grad=True)
with graph.saved_tensors_hooks(pack, unpack): b = (a.exp() * a.sin()).sum()
b.backward(); log(a.grad, len(count) > 0, len(os.listdir(folder)) == len(count))
# saved tensors on the CPU
a = torch.linspace(0, 1, 5, requires_grad=True)
with graph.save_on_cpu(): b = (a.exp() * a.sin()).sum()
b.backward(); log(a.grad)
# dual numbers
a, t = torch.tensor([0.5, 1.5]), torch.tensor([1.0, -1.0])
with fwd.dual_level():
    d = fwd.make_dual(a, t); out = (d.sin() * d).sum(); log(*fwd.unpack_dual(out)); log(fwd.unpack_dual(a).tangent); m = torch.nn.Linear(2, 1, bias=False); m.weight.requires_grad_(False).fill_(0.5); log(fwd.unpack_dual(m(d)).tangent)
log(fwd.unpack_dual(a).tangent); show(lambda: fwd.make_dual(a, t), lambda: fwd.unpack_dual(3))
# dual numbers: errors
with fwd.dual_level(): show(lambda: fwd.make_dual(torch.ones(2), torch.ones(3)), lambda: fwd.make_dual(torch.ones(2), torch.ones(2).double()), lambda: fwd.make_dual(torch.arange(2), torch.arange(2)), lambda: fwd.make_dual(fwd.make_dual(torch.ones(2), torch.ones(2)), torch.ones(2)))
# forward over reverse, with dual numbers
a = torch.tensor([0.5, 1.5], requires_grad=True)
with fwd.dual_level(): d = fwd.make_dual(a, torch.tensor([1.0, 0.0])); g, = grad((d ** 3).sum(), d, create_graph=True); p, t = fwd.unpack_dual(g); log(p.detach(), t.detach())
# parameters as dual numbers
m = net(); p = {k: v.detach() for k, v in m.named_parameters()}
with fwd.dual_level(): q = {k: fwd.make_dual(v, torch.ones_like(v)) for k, v in p.items()}; log(fwd.unpack_dual(func.functional_call(m, q, (x,))).tangent)
# a Function with jvp
class Sine(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_forward(a); ctx.save_for_backward(a); return a.sin()
    @staticmethod
    def backward(ctx, g): a, = ctx.saved_tensors; return g * a.cos()
    @staticmethod
    def jvp(ctx, t): a, = ctx.saved_tensors; return t * a.cos()
with fwd.dual_level(): log(fwd.unpack_dual(Sine.apply(fwd.make_dual(torch.tensor([0.0, 1.0]), torch.ones(2)))))
# ensembles
models = [net(i) for i in range(3)]; params, buffers = func.stack_module_state(models); base = net()
def call(p, b, v): return func.functional_call(base, (p, b), (v,))
log(func.vmap(call, (0, 0, None))(params, buffers, x)); log(func.vmap(call)(params, buffers, torch.stack([x, x * 2, x * 3]))); log(torch.stack([m(x) for m in models]))
# per-sample gradients
m = net(); p = {k: v.detach() for k, v in m.named_parameters()}
def loss(p, a, b): return mse(func.functional_call(m, p, (a[None],)), b[None])
each = func.vmap(func.grad(loss), in_dims=(None, 0, 0))(p, x, y); log({k: tuple(v.shape) for k, v in each.items()}); log(each["0.weight"])
# neural tangent kernels
m = net(); p = {k: v.detach() for k, v in m.named_parameters()}
def single(p, a): return func.functional_call(m, p, (a[None],))[0]
j = func.vmap(func.jacrev(single), (None, 0))(p, x); log(sum(torch.einsum("naf,mbf->nmab", v.flatten(2), v.flatten(2)) for v in j.values()))
def product(a, b):
    _, pull = func.vjp(lambda p: single(p, a), p); return func.vmap(lambda v: func.jvp(lambda p: single(p, b), (p,), pull(v))[1])(torch.eye(1))
log(func.vmap(func.vmap(product, (None, 0)), (0, None))(x, x))
# Hessian-vector products three ways
def f(a): return (a ** 3).sum() * a.prod()
a, v = torch.tensor([0.5, 1.5, -1.0]), torch.tensor([1.0, 0.0, 2.0]); log(func.jvp(func.grad(f), (a,), (v,))[1]); log(func.vjp(func.grad(f), a)[1](v)[0]); log(torch.autograd.functional.hvp(f, a, v)[1])
# batched Jacobians of a network
m = net(); p = {k: v.detach() for k, v in m.named_parameters()}; log(func.vmap(func.jacrev(lambda a: func.functional_call(m, p, (a,))))(x)); log(func.vmap(func.jacfwd(lambda a: func.functional_call(m, p, (a,))))(x))
# Laplacians
def u(a): return (a[0] ** 2 * a[1]).sin()
log(func.vmap(lambda a: func.hessian(u)(a).trace())(x))
# a physics-informed loss
t = torch.linspace(0, 1, 4)[:, None].requires_grad_(); m = torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1))
with torch.no_grad(): [q.copy_(torch.linspace(-0.3, 0.6, q.numel()).reshape(q.shape)) for q in m.parameters()]
s = m(t); d, = grad(s, t, torch.ones_like(s), create_graph=True); dd, = grad(d, t, torch.ones_like(d), create_graph=True); (dd + s).pow(2).mean().backward(); [log(q.grad) for q in m.parameters()]
# influence of one example: a solve with the Hessian
w = torch.tensor([0.3, -0.2]); H = func.hessian(lambda w: mse(x @ w[:, None], y) + 0.1 * w @ w)(w); g = func.grad(lambda w: mse(x[:1] @ w[:, None], y[:1]))(w); log(torch.linalg.solve(H, g))
# unrolled optimisation
lr = torch.tensor(0.1, requires_grad=True); w = torch.tensor([1.0, -1.0])
for _ in range(5): w = w - lr * func.grad(lambda v: ((v - 3) ** 2).sum())(w)
((w - 3) ** 2).sum().backward(); log(lr.grad)
# detect_anomaly
class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a): return a.clone()
    @staticmethod
    def backward(ctx, g): return g * float("nan")
a = torch.ones(2, requires_grad=True)
with torch.autograd.detect_anomaly(): show(lambda: Wrong.apply(a).sum().backward())
# edges and nodes
a = torch.ones(2, requires_grad=True); b = a * 2; c = b.sum(); log(c.grad_fn.name(), [n.name() for n, _ in c.grad_fn.next_functions], c.grad_fn.next_functions[0][0].next_functions[0][0].variable is a); e = graph.get_gradient_edge(b); log(grad(c, e)[0])
# what nodes keep of matrices, reductions and choices
a, b = torch.ones(2, 3, requires_grad=True), torch.ones(3, 2, requires_grad=True); n = (a @ b).grad_fn; log(n._saved_self is a, n._saved_mat2 is b, torch.softmax(a, 1).grad_fn._saved_result.shape, a.max(1)[0].grad_fn._saved_indices, a[torch.tensor([0])].grad_fn._saved_indices, torch.nn.functional.mse_loss(a, b.T).grad_fn._saved_target.shape)
n = torch.addmm(torch.ones(2), a, b).grad_fn; log(n._saved_mat1.shape, n._saved_mat2.shape); y = a.prod(1).sum(); n = y.grad_fn.next_functions[0][0]; log(n._saved_self is a); y.backward(); show(lambda: n._saved_self)
# gradients of what a transform pulled back have no history
log(func.grad(lambda z: func.vmap(func.vjp(lambda a: a ** 3 * z, torch.arange(3.0))[1])(torch.eye(3))[0].sum())(torch.tensor(2.0))); log(func.grad(lambda z: func.grad(lambda a: (a ** 3 * z).sum())(torch.arange(3.0)).sum())(torch.tensor(2.0)))
""")
