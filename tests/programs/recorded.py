# ruff: noqa: E501  the programs keep their lines
"""Graphs as they are recorded: Functions in place, of many types, in threads; modes of recording; functional gradients."""

from programs import divided, interplay

SETUP = interplay.SETUP

PROGRAMS = divided("""
# higher derivatives of a network by Functions
class Sin(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a.sin()
    @staticmethod
    def backward(ctx, g): return g * Cos.apply(ctx.saved_tensors[0])
class Cos(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a.cos()
    @staticmethod
    def backward(ctx, g): return -g * Sin.apply(ctx.saved_tensors[0])
g = Sin.apply(x).sum()
for _ in range(4): g, = grad(g.sum(), x, create_graph=True); log(g)
log(names(g.grad_fn, 4))
# a Function written in place on a view
class Scale(Function):
    @staticmethod
    def forward(ctx, a, k): ctx.k = k; ctx.mark_dirty(a); return a.mul_(k)
    @staticmethod
    def backward(ctx, g): return g * ctx.k, None
b = x * 1; v = b[:1]; w = Scale.apply(v, 3); log(w is v, b, b.grad_fn.name(), v.grad_fn.name(), b._version); b.sum().backward(); log(x.grad)
show(lambda: Scale.apply(x, 2)); b = x * 1; y = b.exp(); Scale.apply(b, 2); show(lambda: y.sum().backward())
b = x * 1; y = b * b; Scale.apply(b, 2); show(lambda: y.sum().backward())
# marking what was not returned, or is no tensor
class M1(Function):
    @staticmethod
    def forward(ctx, a): ctx.mark_dirty(a); a.add_(1); return a * 2
    @staticmethod
    def backward(ctx, g): return g
class M2(Function):
    @staticmethod
    def forward(ctx, a): ctx.mark_dirty(3); return a * 2
    @staticmethod
    def backward(ctx, g): return g
class M3(Function):
    @staticmethod
    def forward(ctx, a): ctx.mark_non_differentiable("a"); return a * 2
    @staticmethod
    def backward(ctx, g): return g
class M4(Function):
    @staticmethod
    def forward(ctx, a): ctx.set_materialize_grads(1); return a * 2
    @staticmethod
    def backward(ctx, g): return g
show(lambda: M1.apply(x * 1))
for f in (M2, M3, M4): log(err(lambda: f.apply(x * 1))[:40])
# whole numbers in and out
class I(Function):
    @staticmethod
    def forward(ctx, a, i): return a.index_select(0, i), i + 1, a > 1
    @staticmethod
    def backward(ctx, g, h, k): log(g, h, k); return torch.cat([g, g])[:2], None
a, b, d = I.apply(x, torch.tensor([1])); log(a.requires_grad, b.requires_grad, d.requires_grad, b.grad_fn, a.grad_fn.needs_input_grad); a.sum().backward(); log(x.grad)
# complex Functions
class Conj(Function):
    @staticmethod
    def forward(ctx, a): return a.conj() * 2
    @staticmethod
    def backward(ctx, g): return g.conj() * 2
q = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True); y = Conj.apply(q); y.abs().pow(2).sum().backward(); log(q.grad)
class Abs(Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a); return a.abs()
    @staticmethod
    def backward(ctx, g): a, = ctx.saved_tensors; return g * a / a.abs()
q.grad = None; Abs.apply(q).sum().backward(); log(q.grad); show(lambda: Abs.apply(x).sum().backward())
class ToReal(Function):
    @staticmethod
    def forward(ctx, a): return a * 2
    @staticmethod
    def backward(ctx, g): return g * 2j
show(lambda: ToReal.apply(x).sum().backward())
# other dtypes and shapes of gradients
class Sh(Function):
    @staticmethod
    def forward(ctx, a, f): ctx.f = f; return a.sum()
    @staticmethod
    def backward(ctx, g): return ctx.f(g), None
for f in (lambda g: g.expand(2), lambda g: g, lambda g: g.expand(3, 2), lambda g: torch.ones(1, 2), lambda g: torch.ones(3), lambda g: torch.ones(2, dtype=torch.float64), lambda g: torch.ones(2, dtype=torch.int64), lambda g: torch.ones(2, 1), lambda g: torch.ones(2, device="meta")):
    x.grad = None; show(lambda: (Sh.apply(x, f).backward(), x.grad)[1])
# threads and a Function
import threading
out = []
def work(k):
    w = torch.full((2,), float(k), requires_grad=True); Square.apply(w).sum().backward(); out.append(w.grad.tolist())
ts = [threading.Thread(target=work, args=(k,)) for k in range(4)]; [t.start() for t in ts]; [t.join() for t in ts]; log(sorted(out))
# grad modes in hooks and Functions
y = x * 2; y.register_hook(lambda g: log(torch.is_grad_enabled(), g.requires_grad)); y.sum().backward(retain_graph=True); y.sum().backward(create_graph=True)
with torch.no_grad(): y2 = x * 2; log(y2.requires_grad); show(lambda: y.sum().backward())
x.grad = None; (x * 2).sum().backward(create_graph=True); log(x.grad.requires_grad, x.grad.grad_fn is None)
# accumulation with and without a graph
x.grad = None; (x * x).sum().backward(create_graph=True); a = x.grad; log(a.requires_grad); (x * 3).sum().backward(); log(x.grad is a, x.grad.detach(), x.grad.requires_grad)
x.grad = None; (x * 2).sum().backward(); a = x.grad; (x * 3).sum().backward(); log(x.grad is a); x.grad = x.grad.detach(); (x * x).sum().backward(create_graph=True); log(x.grad is a, x.grad.requires_grad)
# set_ and data of a leaf in the graph
w = torch.ones(2, requires_grad=True); y = w * w; w.data = torch.full((2,), 5.); y.sum().backward(); log(w.grad)
w = torch.ones(2, requires_grad=True); y = (w * w).sum(); w.data.mul_(5); y.backward(); log(w.grad)
w = torch.ones(2, requires_grad=True); y = (w * w).sum()
with torch.no_grad(): w.mul_(5)
show(lambda: y.backward())
# deleting what a graph needs
w = torch.ones(2, requires_grad=True); y = w.exp(); z2 = y * 2; del y, w; z2.sum().backward(); log(z2.grad_fn.next_functions[0][0].name())
# detach, requires_grad_ and leaves
d = (x * 2).detach(); log(d.requires_grad, d.is_leaf, d._base is None); d.requires_grad_(); (d * x).sum().backward(); log(d.grad, x.grad); show(lambda: (x * 2).requires_grad_(False), lambda: torch.ones(2, dtype=torch.int64).requires_grad_(), lambda: setattr(x * 2, "requires_grad", False))
y = x * 2; y.detach_(); log(y.requires_grad, y.grad_fn); show(lambda: x.detach_(), lambda: (x * 1)[0].detach_())
# autograd.backward of several roots
a, b = x * 2, z * 3; autograd.backward([a.sum(), b.sum()]); log(x.grad, z.grad); show(lambda: autograd.backward([a, b]), lambda: autograd.backward((x * 2, z * 2), (c, None)), lambda: autograd.backward([], []), lambda: autograd.backward(x * 2, c, grad_variables=c))
# functional gradients
J = autograd.functional; f = lambda a, b: (a * b).sum() + a.pow(3).sum()
log(J.jacobian(lambda a: a ** 2, x), J.hessian(lambda a: f(a, z), x), J.vjp(lambda a: a ** 2, x, c), J.jvp(lambda a: a ** 2, x, c), J.hvp(lambda a: f(a, z), x, c)[1], J.vhp(lambda a: f(a, z), x, c)[1])
show(lambda: J.jacobian(lambda a: 3, x), lambda: J.hessian(lambda a: a, x), lambda: J.jacobian(lambda a: c, x, strict=True), lambda: J.vjp(lambda a: a, x), lambda: J.jacobian(lambda a: a, 3))
# anomaly mode in threads and nested
with autograd.set_detect_anomaly(True):
    with autograd.set_detect_anomaly(False): log(torch.is_anomaly_enabled())
    log(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())
autograd.set_detect_anomaly(True, check_nan=False); log(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()); autograd.set_detect_anomaly(False)
# anomaly mode with infinities and checks of the forward alone
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    with autograd.detect_anomaly():
        v = torch.tensor([0., 1.], requires_grad=True); show(lambda: v.log().sum().backward(), lambda: (v / v).sum().backward(), lambda: v.sqrt().mul(0).sum().backward(), lambda: torch.where(v > 0, v.sqrt(), v * 0).sum().backward()); log(v.grad)
# graph of a loop with a condition
def f(a, n):
    for i in range(n): a = a * 2 if i % 2 else a + 1
    return a
y = f(x, 4); log(names(y.grad_fn, 9)); y.sum().backward(); log(x.grad)
# a mode pushed in a hook, and a hook in a mode
y = x * 2
def hook(g):
    with Names(): return g * 2
y.register_hook(hook); y.sum().backward(); log(x.grad)
# __torch_function__ on module functions and keyword arguments
class K(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        log(func.__name__, len(args), sorted(kwargs or {}), [t.__name__ for t in types]); return super().__torch_function__(func, types, args, kwargs or {})
k = torch.ones(2, 2).as_subclass(K); torch.sum(k, dim=0, keepdim=True); torch.add(c, other=k, alpha=2); torch.cat(tensors=[k, k], dim=1); k.view(4); k.reshape(-1); k.to(torch.float64); k.float(); k.cpu(); k.clone(); k.contiguous(); k.permute(1, 0); k.expand(2, 2); k[0, 1]; k[k > 0]; k.unbind(); k.chunk(2); k.topk(1); k.sort(); k.T @ k; k.add_(1); k.masked_fill(k > 1, 0.); k.new_tensor([1.]); k.type(); k.is_floating_point(); k.numpy() is None; k.storage_offset(); k.data_ptr() is None
# a subclass that refuses, and one that answers for all
class No(torch.Tensor):
    __torch_function__ = torch._C._disabled_torch_function_impl
n = torch.ones(2).as_subclass(No); log(type(n + 1).__name__, type(n).__name__, type(n[0]).__name__, type(torch.stack([n, n])).__name__)
class Five:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None): return 5
log(torch.add(Five(), 1), torch.sum(Five()), F.relu(Five()), torch.stack([Five()]), torch.nn.functional.linear(c[None], Five())); show(lambda: torch.tensor(Five()), lambda: torch.as_tensor(Five()), lambda: c + Five(), lambda: Five() + c)
# set_default_device and modes
with torch.device("cpu"): log(torch.ones(1).device)
with torch.device("meta"): log(torch.ones(1).device, nn.Linear(1, 1).weight.device, torch.tensor([1.]).device, (c * 2).device)
# what can be run twice
for f in (lambda: x * 2, lambda: 2 * x, lambda: x / 2, lambda: 2 / x, lambda: x + 2, lambda: 2 - x, lambda: x ** 2, lambda: x * c, lambda: x.exp(), lambda: x.sum(), lambda: x.view(1, 2), lambda: x.true_divide(3), lambda: x.mul(torch.tensor(2.)), lambda: x.neg(), lambda: x.clone(), lambda: x.clamp(0, 1), lambda: x.fmod(2), lambda: torch.lerp(x, z, .5), lambda: (x * 2).detach().requires_grad_() + x):
    y = f().sum(); y.backward(); show(lambda: y.backward())
y = (x * 2).sum(); y.backward(retain_graph=True); y.backward(); show(lambda: y.backward(), lambda: grad(y, x)); y = x * 2; show(lambda: grad(y.sum(), x), lambda: grad(y.sum(), x))
# gradient penalty
torch.manual_seed(0); D = nn.Sequential(nn.Linear(2, 4), nn.LeakyReLU(.2), nn.Linear(4, 1)); [nn.init.constant_(p, .1 * (i + 1)) for i, p in enumerate(D.parameters())]
real, fake = M[:, :2].clone(), torch.ones(2, 2); eps = torch.tensor([[.3], [.6]]); xi = (eps * real + (1 - eps) * fake).requires_grad_()
g, = grad(D(xi), xi, grad_outputs=torch.ones(2, 1), create_graph=True, retain_graph=True, only_inputs=True); gp = ((g.norm(2, dim=1) - 1) ** 2).mean(); gp.backward(); log(gp, [p.grad for p in D.parameters()])
# maml
w = torch.tensor([.5, -.3], requires_grad=True); outer = 0
for task in (x.detach(), z.detach()):
    fast = w
    for _ in range(3):
        l = ((fast * task).sum() - 1) ** 2; g, = grad(l, fast, create_graph=True); fast = fast - .01 * g
    outer = outer + ((fast * task).sum() - 2) ** 2
outer.backward(); log(w.grad)
# grad-cam
conv = nn.Conv2d(1, 2, 3, padding=1); [nn.init.constant_(p, .1) for p in conv.parameters()]; fc = nn.Linear(2, 3); [nn.init.constant_(p, .2) for p in fc.parameters()]; acts, grads = {}, {}
conv.register_forward_hook(lambda m, i, o: acts.update(a=o)); conv.register_full_backward_hook(lambda m, gi, go: grads.update(g=go[0]))
im = torch.arange(16.).reshape(1, 1, 4, 4); out = fc(conv(im).relu().mean((2, 3))); out[0, 1].backward(); cam = (grads["g"].mean((2, 3), keepdim=True) * acts["a"]).sum(1).relu(); log(cam, cam.grad_fn is not None)
# hessian-vector products and influence
w = torch.tensor([1., 2.], requires_grad=True); l = (w ** 3).sum() + (w[0] * w[1]) ** 2; g, = grad(l, w, create_graph=True); log(grad(g @ c, w, retain_graph=True)[0], grad((g * c).sum(), w)[0])
# weights shared and accumulated
lin = nn.Linear(2, 2, bias=False); nn.init.constant_(lin.weight, .5); [lin(lin(v)).sum().backward() for v in (c, x.detach(), z.detach())]; log(lin.weight.grad)
# frozen layers and detached parts
net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)); [nn.init.constant_(p, .5) for p in net.parameters()]; net[0].requires_grad_(False); net(c).backward(); log([p.grad for p in net.parameters()], net(c).requires_grad)
# mixed precision by hand
w16 = torch.ones(2, dtype=torch.bfloat16, requires_grad=True); l = (w16.float() * x).sum(); l.backward(); log(w16.grad, x.grad.dtype); h = torch.ones(2, 2, dtype=torch.float16, requires_grad=True); (h @ h).sum().backward(); log(h.grad)
with torch.autocast("cpu", dtype=torch.bfloat16): y = F.linear(c[None], torch.ones(2, 2, requires_grad=True)); log(y.dtype); y.sum().backward()
# a recurrent net through time, cut
rnn = nn.RNNCell(2, 2); [nn.init.constant_(p, .1) for p in rnn.parameters()]; hid = torch.zeros(1, 2);
for t in range(4):
    hid = rnn(c[None] * t, hid if t % 2 else hid.detach())
hid.sum().backward(); log([p.grad for p in rnn.parameters()])
# an energy model with gradients of inputs
e = lambda v: (v ** 4).sum(); v = torch.tensor([1., -1.], requires_grad=True)
for _ in range(3):
    g, = grad(e(v), v); v = (v - .1 * g).detach().requires_grad_()
log(v)
# neural ode adjoint by a Function
class Ode(Function):
    @staticmethod
    def forward(ctx, y, k, n): ctx.n = n; ys = [y]; [ys.append(ys[-1] + k * ys[-1].sin() / n) for _ in range(n)]; ctx.save_for_backward(k, *ys); return ys[-1]
    @staticmethod
    def backward(ctx, g):
        k, *ys = ctx.saved_tensors; gk = torch.zeros_like(k)
        for y in reversed(ys[:-1]):
            with torch.enable_grad():
                y, kk = y.detach().requires_grad_(), k.detach().requires_grad_(); s = y + kk * y.sin() / ctx.n
            g, d = grad(s, (y, kk), g); gk = gk + d
        return g, gk, None
k = torch.tensor(.7, requires_grad=True); Ode.apply(x, k, 5).sum().backward(); log(x.grad, k.grad)
# gumbel and straight-through
torch.manual_seed(0); l = torch.tensor([[1., 2., 3.]], requires_grad=True); y = F.gumbel_softmax(l, tau=.5, hard=True); log(y); (y * torch.tensor([1., 2., 3.])).sum().backward(); log(l.grad)
# vector quantisation
book = torch.tensor([[0., 0.], [2., 2.]], requires_grad=True); v = torch.tensor([[.2, .1], [1.7, 2.2]], requires_grad=True); i = torch.cdist(v, book).argmin(1); q = book[i]; st = v + (q - v).detach(); loss = st.pow(2).sum() + F.mse_loss(q, v.detach()) + .25 * F.mse_loss(v, q.detach()); loss.backward(); log(v.grad, book.grad, i)
# spectral and weight norm
sn = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2, bias=False)); [nn.init.constant_(p, .5) for p in sn.parameters()]; sn(x).sum().backward(); log([(n, p.grad) for n, p in sn.named_parameters()], x.grad)
""")
