# ruff: noqa: E501  the programs keep their lines
"""Programs after the torch.func tutorials: models of physics and statistics, ensembles, curvature, mapped randomness."""

from programs import divided

SETUP = """
import math
from functools import partial
func, nn = torch.func, torch.nn
vmap, vjp, jvp, jacrev, jacfwd, hessian = torch.vmap, func.vjp, func.jvp, func.jacrev, func.jacfwd, func.hessian
grad, grad_and_value, functional_call, stack_module_state, linearize = func.grad, func.grad_and_value, func.functional_call, func.stack_module_state, func.linearize
def fill(m, seed=0):
    with torch.no_grad():
        for i, p in enumerate(m.parameters()): p.copy_((torch.arange(float(p.numel())) * (7 + seed + i) % 13 / 13 - 0.45).reshape(p.shape))
    return m
def state(m): return {k: v.detach() for k, v in m.named_parameters()}, {k: v.detach() for k, v in m.named_buffers()}
_log = log
def rounded(v):
    if isinstance(v, torch.Tensor): return f"{str(v.dtype)[6:]}{list(v.shape)} " + " ".join(f"{e:.3g}" for e in v.detach().flatten().tolist())
    if isinstance(v, dict): return {k: rounded(e) for k, e in v.items()}
    return type(v).__name__ + str([rounded(e) for e in v]) if isinstance(v, (tuple, list)) and not isinstance(v, torch.Size) else v
def log(*values): _log(*map(rounded, values))
def tab(*shape, s=1.0): n = math.prod(shape); return (torch.arange(float(n)) * s).sin().reshape(shape)
"""

PROGRAMS = divided("""
# double pendulum from its Lagrangian
def energy(q, v):
    c = torch.cos(q[0] - q[1]); o = torch.ones(()); M = torch.stack([torch.stack([o * 3, c]), torch.stack([c, o])]) * torch.tensor([[0.32, 0.32], [0.32, 0.32]])
    return v @ (M @ v) / 2 + torch.tensor([11.8, 3.9]) @ torch.cos(q)
def acceleration(q, v):
    H = hessian(energy, 1)(q, v); mixed = jacfwd(grad(energy, 1), 0)(q, v)
    return torch.linalg.solve(H, grad(energy, 0)(q, v) - mixed @ v)
q = torch.tensor([[0.3, -0.2], [1.2, 0.4], [-2.0, 1.0]]); v = torch.tensor([[0.1, 0.5], [0.0, 0.0], [1.0, -1.0]])
log(vmap(acceleration)(q, v))
# Hamiltonian flow, symplectic steps
def H(z): q, p = z.chunk(2); return (p ** 2).sum() / 2 + (1 - q.cos()).sum() + 0.1 * (q[0] * q[1]) ** 2
J = torch.tensor([[0., 0, 1, 0], [0, 0, 0, 1], [-1, 0, 0, 0], [0, -1, 0, 0]])
def step(z): return z + 0.05 * J @ grad(H)(z)
z = tab(4, s=0.7)
for _ in range(5): z = step(z)
log(z, H(z)); D = jacrev(step)(z); log(D, torch.linalg.det(D)); log(jacfwd(lambda a: step(step(a)))(z))
# Lorenz: linearised flow
def f(s, sigma=10., rho=28., beta=8 / 3): x, y, z = s; return torch.stack([sigma * (y - x), x * (rho - z) - y, x * y - beta * z])
def rk4(s, h=0.01): a = f(s); b = f(s + h / 2 * a); c = f(s + h / 2 * b); d = f(s + h * c); return s + h / 6 * (a + 2 * b + 2 * c + d)
s = torch.tensor([1.0, 1.0, 20.0]); M = torch.eye(3)
for _ in range(4): s, push = linearize(rk4, s); M = vmap(push, in_dims=1, out_dims=1)(M)
log(s, M)
# heat equation residual of a network
net = fill(nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 1))); p, _ = state(net)
def u(p, t, x): return functional_call(net, p, (torch.stack([t, x]),)).squeeze(0)
def residual(p, t, x): return grad(u, 1)(p, t, x) - 0.3 * grad(grad(u, 2), 2)(p, t, x)
t, x = tab(5), tab(5, s=2.0); log(vmap(residual, (None, 0, 0))(p, t, x))
loss = lambda p: (vmap(residual, (None, 0, 0))(p, t, x) ** 2).mean()
g, l = grad_and_value(loss)(p); log(l); [log(k, g[k]) for k in g]
# Navier-Stokes terms: divergence, vorticity, laplacian
def velocity(x): return torch.stack([x[0].sin() * x[1].cos(), -x[0].cos() * x[1].sin()])
def div(x): return torch.trace(jacfwd(velocity)(x))
def vort(x): j = jacrev(velocity)(x); return j[1, 0] - j[0, 1]
def lap(x): return torch.einsum('ijj->i', jacfwd(jacrev(velocity))(x))
pts = tab(6, 2, s=1.3); log(vmap(div)(pts), vmap(vort)(pts)); log(vmap(lap)(pts)); log(vmap(lambda x: jacfwd(velocity)(x) @ velocity(x))(pts))
# forward Laplacian by nested jvp
def wave(r): return torch.exp(-r.norm()) * (torch.ones(()) + torch.tensor(0.2) * r[0])
def laplacian(f, x): return sum(jvp(lambda y: jvp(f, (y,), (e,))[1], (x,), (e,))[1] for e in torch.eye(3))
r = tab(4, 3) + 1.5; log(vmap(partial(laplacian, wave))(r)); log(vmap(lambda x: hessian(wave)(x).trace())(r))
# geodesics: Christoffel symbols of a sphere
def metric(x): return torch.diag(torch.stack([torch.ones_like(x[0]), x[0].sin() ** 2]))
def christoffel(x):
    d = jacfwd(metric)(x); inv = torch.linalg.inv(metric(x))
    return 0.5 * torch.einsum('im,mkl->ikl', inv, d.permute(0, 2, 1) + d - d.permute(2, 0, 1).permute(0, 1, 2))
log(vmap(christoffel)(torch.tensor([[0.5, 0.1], [1.0, 2.0]])))
# inverse kinematics by Gauss-Newton
lengths = torch.tensor([1.0, 0.7, 0.4])
def arm(a): c = a.cumsum(0); return torch.stack([(lengths * c.cos()).sum(), (lengths * c.sin()).sum()])
def solve(target, a=torch.tensor([0.3, 0.2, 0.1])):
    for _ in range(4): J = jacrev(arm)(a); a = a + J.T @ torch.linalg.solve(J @ J.T + 0.3 * torch.eye(2), target - arm(a))
    return a
log(vmap(solve)(torch.tensor([[1.2, 0.9], [0.5, -1.0], [-1.0, 1.0]])))
# Kepler orbits: derivative of an implicit solution
def kepler(M, e):
    E = M
    for _ in range(8): E = E - (E - e * torch.sin(E) - M) / (1 - e * torch.cos(E))
    return E
M = torch.linspace(0.1, 3, 5); e = torch.tensor(0.3)
log(vmap(grad(kepler, (0, 1)), (0, None))(M, e)); log(jacfwd(lambda e: vmap(kepler, (0, None))(M, e))(e)); log(vmap(vmap(kepler, (None, 0)), (0, None))(M, torch.tensor([0.1, 0.5])))
# lattice forces and Hessian of pairwise energy
def lj(x): d = (x[:, None] - x[None]).pow(2).sum(-1) + torch.eye(4); r6 = d ** -3; return 0.5 * ((r6 ** 2 - r6) * (1 - torch.eye(4))).sum()
x = torch.tensor([[0., 0, 0], [1.1, 0, 0], [0, 1.2, 0], [0.1, 0, 1.15]]); log(-grad(lj)(x)); Hm = hessian(lj)(x); log(Hm.shape, Hm.reshape(12, 12).diagonal()); log(vmap(grad(lj))(torch.stack([x, x * 1.05])))
# per-sample gradients with embedding and layer norm
m = fill(nn.Sequential(nn.Embedding(7, 4), nn.LayerNorm(4), nn.Flatten(0), nn.Linear(12, 3))); p, b = state(m)
def loss(p, b, ids, y): return F.cross_entropy(functional_call(m, (p, b), (ids,))[None], y[None])
ids = torch.tensor([[0, 1, 2], [3, 3, 6], [5, 0, 0], [1, 1, 1]]); y = torch.tensor([0, 2, 1, 1])
g = vmap(grad(loss), (None, None, 0, 0))(p, b, ids, y); [log(k, v.shape, v.flatten(1).norm(dim=1)) for k, v in g.items()]
# per-sample gradients with attention and chunks
att = fill(nn.MultiheadAttention(4, 2, batch_first=True)); p, b = state(att); s = tab(6, 5, 4, s=0.37)
def loss(p, x): o, w = functional_call(att, p, (x[None],) * 3); return o.pow(2).mean() + w[..., 0].sum()
whole = vmap(grad(loss), (None, 0))(p, s); parts = vmap(grad(loss), (None, 0), chunk_size=4)(p, s)
[log(k, v.flatten(1).norm(dim=1), torch.allclose(v, parts[k], atol=1e-6)) for k, v in whole.items()]
# per-sample gradients clipped and summed, DP-SGD
m = fill(nn.Sequential(nn.Conv1d(2, 3, 3, padding=1), nn.ReLU(), nn.Flatten(0), nn.Linear(15, 2))); p, _ = state(m)
def loss(p, x, y): return F.mse_loss(functional_call(m, p, (x,)) * F.group_norm(x[None], 2).exp().mean(), y)
X, Y = tab(5, 2, 5), tab(5, 2, s=3.0); g = vmap(grad(loss), (None, 0, 0))(p, X, Y)
norms = torch.stack([v.flatten(1).norm(dim=1) for v in g.values()], 1).norm(dim=1); scale = (0.5 / norms).clamp(max=1.0)
log(norms); [log(k, torch.einsum('b,b...->...', scale, v)) for k, v in g.items()]
# gradient noise scale from per-sample gradients
w = tab(3); X, y = tab(8, 3, s=1.7), tab(8, s=0.9)
def l(w, x, y): return (torch.dot(w, x) - y) ** 2
G = vmap(grad(l), (None, 0, 0))(w, X, y); mean, cov = G.mean(0), torch.cov(G.T); log(G.mean(0), cov, cov.trace() / mean.dot(mean)); log(vmap(lambda v: jvp(lambda w: vmap(l, (None, 0, 0))(w, X, y), (w,), (v,))[1])(torch.eye(3)))
# influence functions
X, y = tab(6, 2, s=1.1), tab(6, s=2.3); w = torch.tensor([0.2, -0.1])
def risk(w): return F.softplus(-(X @ w) * y).mean() + 0.05 * w.dot(w)
def point(w, x, t): return F.softplus(-(x @ w) * t)
Hw = hessian(risk)(w); gs = vmap(grad(point), (None, 0, 0))(w, X, y); log(-gs @ torch.linalg.solve(Hw, gs.T))
# ensemble of networks trained by vmap
models = [fill(nn.Sequential(nn.Linear(2, 4), nn.SiLU(), nn.Linear(4, 1)), s) for s in range(3)]; params, buffers = stack_module_state(models)
base = nn.Sequential(nn.Linear(2, 4), nn.SiLU(), nn.Linear(4, 1)).to('meta')
def loss(p, b, x, y): return F.mse_loss(functional_call(base, (p, b), (x,)), y)
X, Y = tab(7, 2), tab(7, 1, s=2.0); params = {k: v.detach() for k, v in params.items()}
for _ in range(3):
    g, l = vmap(grad_and_value(loss), (0, 0, None, None))(params, buffers, X, Y); params = {k: params[k] - 0.2 * g[k] for k in g}; log(l)
[log(k, v) for k, v in params.items()]
# ensemble with a batch of its own for each model
models = [fill(nn.Linear(3, 2), s) for s in range(4)]; p, b = stack_module_state(models); base = models[0]
def call(p, b, x): return functional_call(base, (p, b), (x,))
x = tab(4, 5, 3); log(vmap(call)(p, b, x).shape, vmap(call)(p, b, x).sum((1, 2))); log(vmap(call, (0, 0, None))(p, b, x[0]).mean(1)); log(p['weight'].requires_grad, p['weight'].is_leaf, len(b))
vmap(call)(p, b, x).sum().backward(); log(p['bias'].grad, models[0].bias.grad)
# ensemble uncertainty: variance of input gradients
models = [fill(nn.Sequential(nn.Linear(3, 5), nn.GELU(), nn.Linear(5, 1)), s) for s in range(4)]; p, b = stack_module_state(models)
def single(p, b, x): return functional_call(models[0], (p, b), (x,)).squeeze()
s = vmap(vmap(grad(single, 2), (None, None, 0)), (0, 0, None))(p, b, tab(6, 3)); log(s.shape, s.detach().var(0)); log(vmap(vmap(grad(single, 2), (0, 0, None)), (None, None, 0))(p, b, tab(6, 3)).detach().mean(1))
# batch norm in eval mode in an ensemble
models = [fill(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU()), s).eval() for s in range(2)]; p, b = stack_module_state(models)
log(sorted(b)); log(vmap(lambda p, b, x: functional_call(models[0], (p, b), (x,)), (0, 0, None))(p, b, tab(5, 3)).detach().sum(1))
# NTK of a convolutional network, traced over outputs
m = fill(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8, 2))); p, _ = state(m)
def f(p, x): return functional_call(m, p, (x[None],))[0]
a, c = tab(3, 1, 4, 4), tab(2, 1, 4, 4, s=0.3); ja, jc = (vmap(jacrev(f), (None, 0))(p, v) for v in (a, c))
log(sum(torch.einsum('Naf,Mbf->NMab', ja[k].flatten(2), jc[k].flatten(2)) for k in p)); log(sum(torch.einsum('Naf,Maf->NM', ja[k].flatten(2), jc[k].flatten(2)) for k in p))
# NTK by vjp and jvp products
m = fill(nn.Sequential(nn.Linear(2, 5), nn.Sigmoid(), nn.Linear(5, 3))); p, _ = state(m)
def f(p, x): return functional_call(m, p, (x,))
def ntk(x1, x2):
    out, pull = vjp(lambda p: f(p, x1), p)
    return vmap(lambda v: jvp(lambda p: f(p, x2), (p,), pull(v))[1])(torch.eye(3))
x = tab(3, 2); log(vmap(vmap(ntk, (None, 0)), (0, None))(x, x))
# Hessian-vector products five ways
def f(x): return (x.sin() * x.roll(1).exp()).sum() / 3
x, v = tab(5, s=0.6), tab(5, s=1.9)
log(jvp(grad(f), (x,), (v,))[1]); log(vjp(grad(f), x)[1](v)[0]); log(grad(lambda x: grad(f)(x) @ v)(x)); log(grad(lambda x: jvp(f, (x,), (v,))[1])(x)); log(hessian(f)(x) @ v); log(linearize(grad(f), x)[1](v))
# Gauss-Newton products and Fisher
m = fill(nn.Linear(3, 4)); p, _ = state(m); X = tab(5, 3)
def logits(p): return functional_call(m, p, (X,))
v = {k: tab(*t.shape, s=1.3) for k, t in p.items()}; z, jv = jvp(logits, (p,), (v,)); q = z.softmax(-1); hjv = q * jv - q * (q * jv).sum(-1, keepdim=True)
gn = vjp(logits, p)[1](hjv)[0]; [log(k, t) for k, t in gn.items()]
def lp(p, x, y): return F.log_softmax(functional_call(m, p, (x,)), -1) @ y
s = vmap(vmap(grad(lp), (None, None, 0)), (None, 0, None))(p, X, torch.eye(4)); log(torch.einsum('ny,nyi,nyj->ij', q, s['bias'], s['bias']))
# hessian of parameters as nested dictionaries
p = {'w': torch.tensor([0.4, -0.3]), 'b': torch.tensor(0.1)}; X, y = tab(4, 2), tab(4, s=2.)
def loss(p): return ((X @ p['w'] + p['b'] ** 3 - y) ** 2).mean()
h = hessian(loss)(p); [log(a, b, h[a][b]) for a in h for b in h[a]]; j = jacfwd(jacfwd(loss))(p); log(all(torch.allclose(h[a][b], j[a][b], atol=1e-6) for a in h for b in h[a]))
# Lanczos on a Hessian that is never formed
def f(x): return (x ** 4).sum() / 12 + (x[:-1] * x[1:]).sum()
x = torch.linspace(-1, 1, 6); hvp = lambda v: jvp(grad(f), (x,), (v,))[1]
q = torch.ones(6) / 6 ** 0.5; prev, beta, al, be = torch.zeros(6), 0.0, [], []
for _ in range(2): w = hvp(q) - beta * prev; a = w @ q; w = w - a * q; beta = w.norm(); prev, q = q, w / beta; al.append(a); be.append(beta)
T = torch.diag(torch.stack(al)) + torch.diag(torch.stack(be[:-1]), 1) + torch.diag(torch.stack(be[:-1]), -1); log(torch.linalg.eigvalsh(T))
# Hutchinson traces, mapped over probes
def f(x): return (x.cos() * x.flip(0)).sum()
x = tab(5); probes = torch.tensor([[1., -1, 1, 1, -1], [-1, -1, 1, -1, 1], [1, 1, 1, 1, 1]])
log(vmap(lambda v: v @ jvp(grad(f), (x,), (v,))[1])(probes).mean(), hessian(f)(x).trace())
# MAML: several inner steps, several tasks, second order
net = fill(nn.Sequential(nn.Linear(1, 6), nn.Tanh(), nn.Linear(6, 1))); p, _ = state(net)
def mse(p, x, y): return F.mse_loss(functional_call(net, p, (x,)), y)
def task(p, amp, phase):
    xs, xq = torch.linspace(-2, 2, 5)[:, None], torch.linspace(-1.5, 2.5, 4)[:, None]; target = lambda x: amp * torch.sin(x + phase); q = p
    for _ in range(2): g = grad(mse)(q, xs, target(xs)); q = {k: q[k] - 0.1 * g[k] for k in q}
    return mse(q, xq, target(xq))
amps, phases = torch.tensor([0.5, 1.0, 2.0]), torch.tensor([0.0, 1.0, 2.0])
meta = lambda p: vmap(task, (None, 0, 0))(p, amps, phases).mean(); g, l = grad_and_value(meta)(p); log(l); [log(k, v) for k, v in g.items()]
# Reptile and first-order MAML
def mse(w, x, y): return ((x @ w - y) ** 2).mean()
w0 = torch.tensor([0.1, -0.2]); X, Y = tab(3, 4, 2), tab(3, 4, s=1.3)
def adapt(x, y, w=w0):
    for _ in range(3): w = w - 0.3 * grad(mse)(w, x, y)
    return w
ws = vmap(adapt)(X, Y); log(ws, w0 + 0.5 * (ws.mean(0) - w0)); log(vmap(lambda x, y: grad(mse)(adapt(x, y).detach(), x, y))(X, Y).mean(0))
# learned learning rates: gradient through an unrolled optimiser
def loss(w): return (w - torch.tensor([1.0, -2.0])).pow(2) @ torch.tensor([1.0, 0.2])
def unrolled(lr, beta):
    w, m = torch.zeros(2), torch.zeros(2)
    for _ in range(4): g = grad(loss)(w); m = beta * m + g; w = w - lr * m
    return loss(w)
log(grad(unrolled, (0, 1))(torch.tensor(0.1), torch.tensor(0.5))); log(vmap(vmap(unrolled, (None, 0)), (0, None))(torch.tensor([0.05, 0.1]), torch.tensor([0.0, 0.5, 0.9]))); log(hessian(unrolled, (0, 1))(torch.tensor(0.1), torch.tensor(0.5)))
# bilevel optimisation with an implicit gradient
X, y, Xv, yv = tab(6, 3), tab(6, s=2.1), tab(4, 3, s=0.4), tab(4, s=0.8)
def ridge(lam): return torch.linalg.solve(X.T @ X + lam.exp() * torch.eye(3), X.T @ y)
def val(lam): return ((Xv @ ridge(lam) - yv) ** 2).mean()
log(vmap(grad_and_value(val))(torch.linspace(-2, 1, 4))); log(vmap(jacrev(ridge))(torch.linspace(-2, 1, 3)))
# mapping over random initialisation
def init(seedless): w = torch.randn(3, 2) / 3 ** 0.5; return w
a = vmap(init, randomness='different')(torch.zeros(4)); b = vmap(init, randomness='same')(torch.zeros(4)); log(a.shape, bool((a[0] != a[1]).all()), b.shape, bool((b[0] == b[3]).all())); log(b[0])
try: vmap(init)(torch.zeros(4))
except RuntimeError as e: log(str(e).split('.')[0])
# random initialisation of modules under vmap
def build(x): l = nn.Linear(3, 2); return l.weight + 0 * x
try: w = vmap(build, randomness='different')(torch.zeros(3)); log(w.shape, len(set(w[:, 0, 0].tolist())))
except RuntimeError as e: log(type(e).__name__, str(e)[:60])
try: w = vmap(build, randomness='same')(torch.zeros(3)); log(w.shape, bool((w[0] == w[2]).all()))
except RuntimeError as e: log(type(e).__name__, str(e)[:60])
# dropout masks by randomness mode
x = torch.ones(3, 8); log(vmap(lambda r: F.dropout(r, 0.5), randomness='same')(x)); d = vmap(lambda r: F.dropout(r, 0.5), randomness='different')(x); log(sorted(set(d.flatten().tolist())))
log(vmap(lambda r: F.dropout(torch.ones(8), 0.5), randomness='same')(x)); log(vmap(lambda r: F.dropout(r, 0.5, training=False))(x).sum())
n = nn.Dropout(0.25); log(vmap(grad(lambda r: n(r).sum()), randomness='same')(x))
# Monte Carlo dropout and reparameterised samples
mu, rho = torch.tensor([0.1, -0.4]), torch.tensor([-1.0, 0.3])
def elbo(mu, rho, eps): z = mu + F.softplus(rho) * eps; return -(z ** 2).sum() / 2 + torch.log(F.softplus(rho)).sum() + (z * torch.tensor([1.0, 2.0])).sum()
eps = tab(6, 2, s=2.7); log(vmap(grad(elbo, (0, 1)), (None, None, 0))(mu, rho, eps)); log(grad(lambda m, r: vmap(elbo, (None, None, 0))(m, r, eps).mean(), (0, 1))(mu, rho))
# score functions of distributions
def logp(x, loc, scale): return torch.distributions.Normal(loc, scale, validate_args=False).log_prob(x)
x = torch.linspace(-1, 1, 4); log(vmap(grad(logp), (0, None, None))(x, torch.tensor(0.2), torch.tensor(0.5))); log(vmap(grad(logp, (1, 2)), (0, None, None))(x, torch.tensor(0.2), torch.tensor(0.5)))
I = hessian(lambda th: logp(torch.tensor(0.7), th[0], th[1].exp()))(torch.tensor([0.2, -0.3])); log(I)
# normalising flow: log determinant by jacrev and by slogdet under vmap
W = tab(3, 3, s=0.8); b = tab(3)
def flow(x): return x + 0.5 * torch.tanh(W @ x + b)
X = tab(5, 3, s=1.4); J = vmap(jacrev(flow))(X); log(J.shape, torch.linalg.slogdet(J)); log(vmap(lambda x: torch.linalg.slogdet(jacfwd(flow)(x))[1])(X)); log(grad(lambda X: vmap(lambda x: torch.logdet(jacrev(flow)(x)))(X).sum())(X))
# Langevin dynamics with a shared noise
def U(x): return (x ** 4 / 4 - x ** 2 / 2).sum()
def chain(x, noise):
    for e in noise.unbind(): x = x - 0.05 * grad(U)(x) + 0.1 * e
    return x
log(vmap(chain)(tab(4, 2), tab(4, 3, 2, s=0.9))); log(vmap(chain, (0, None))(tab(4, 2), tab(3, 2, s=0.9))); log(vmap(jacrev(chain))(tab(2, 2), tab(2, 3, 2)))
# Kalman filter likelihood
A, C, Q, R = torch.tensor([[1.0, 0.1], [0.0, 0.9]]), torch.tensor([[1.0, 0.0]]), 0.01 * torch.eye(2), torch.tensor([[0.1]])
def nll(logq, ys):
    m, P, out = torch.zeros(2), torch.eye(2), 0.0
    for y in ys.unbind():
        m, P = A @ m, A @ P @ A.T + logq.exp() * Q; S = C @ P @ C.T + R; r = y[None] - C @ m; K = torch.linalg.solve(S, C @ P).T
        out = out + 0.5 * (torch.logdet(S) + (r @ torch.linalg.solve(S, r))); m, P = m + K @ r, P - K @ C @ P
    return out
ys = tab(3, 5, s=0.6); log(vmap(grad_and_value(nll), (None, 0))(torch.tensor(0.3), ys)); log(vmap(vmap(hessian(nll), (None, 0)), (0, None))(torch.tensor([0.0, 0.5]), ys))
# Gaussian process: gradients of the marginal likelihood
x, y = torch.linspace(0, 1, 5), torch.tensor([0.0, 0.5, 0.8, 0.4, -0.2])
def k(a, b, l): return torch.exp(-0.5 * ((a - b) / l) ** 2)
def K(l): return vmap(vmap(k, (None, 0, None)), (0, None, None))(x, x, l)
def mll(l, s): L = torch.linalg.cholesky(K(l) + s * torch.eye(5)); a = torch.cholesky_solve(y[:, None], L)[:, 0]; return -0.5 * y @ a - L.diagonal().log().sum()
log(K(torch.tensor(0.4))); log(grad(mll, (0, 1))(torch.tensor(0.4), torch.tensor(0.1))); log(hessian(mll)(torch.tensor(0.4), torch.tensor(0.1))); log(vmap(mll, (0, None))(torch.tensor([0.2, 0.4]), torch.tensor(0.1)))
# derivative observations of a kernel
def k(a, b): return torch.exp(-0.5 * ((a - b) ** 2).sum())
kk = jacfwd(jacrev(k, 0), 1); a, b = tab(3, 2), tab(2, 2, s=0.5); log(vmap(vmap(kk, (None, 0)), (0, None))(a, b)); log(vmap(vmap(jacrev(k, (0, 1)), (None, 0)), (0, None))(a, b))
# equilibrium model with a custom Function under transforms
class Sqrt(torch.autograd.Function):
    generate_vmap_rule = True
    @staticmethod
    def forward(a):
        x = torch.ones_like(a)
        for _ in range(12): x = 0.5 * (x + a / x)
        return x
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.save_for_backward(output); ctx.save_for_forward(output)
    @staticmethod
    def backward(ctx, g): x, = ctx.saved_tensors; return g / (2 * x)
    @staticmethod
    def jvp(ctx, t): x, = ctx.saved_tensors; return t / (2 * x)
a = torch.tensor([0.5, 2.0, 9.0]); log(vmap(Sqrt.apply)(a), vmap(grad(Sqrt.apply))(a), vmap(grad(grad(Sqrt.apply)))(a), jacrev(Sqrt.apply)(a), jacfwd(Sqrt.apply)(a), jvp(Sqrt.apply, (a,), (a,)), vmap(vmap(Sqrt.apply))(a.reshape(3, 1)))
# a Function with its own vmap over any dimension
seen = []
class Outer(torch.autograd.Function):
    @staticmethod
    def forward(a, b): return a[:, None] * b[None]
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.save_for_backward(*inputs)
    @staticmethod
    def backward(ctx, g): a, b = ctx.saved_tensors; return g @ b, g.T @ a
    @staticmethod
    def vmap(info, in_dims, a, b):
        seen.append((info.batch_size, info.randomness, in_dims))
        a = a.movedim(in_dims[0], 0) if in_dims[0] is not None else a.expand(info.batch_size, *a.shape); b = b.movedim(in_dims[1], 0) if in_dims[1] is not None else b.expand(info.batch_size, *b.shape)
        return a[:, :, None] * b[:, None], 0
a, b = tab(3, 4), tab(2, 4, s=0.5); log(vmap(Outer.apply, (1, 1))(a, b)); log(vmap(Outer.apply, (1, None))(a, b[:, 0])); log(vmap(Outer.apply, (None, -1), out_dims=2)(a[:, 0], b)); log(vmap(Outer.apply, (0, None), randomness='same')(a, b[0])); log(seen)
# trees in and out, any dimension
def f(s, k): return {'mean': s['a'].mean() + k, 'both': (s['a'] * s['b'][0], s['b'][1])}
s = {'a': tab(3, 4), 'b': [tab(4, 3).T, tab(2, 3)]}
r = vmap(f, in_dims=({'a': 0, 'b': [0, 1]}, None), out_dims={'mean': 0, 'both': (1, -1)})(s, torch.tensor(2.0)); log(r['mean'], r['both'][0].shape, r['both'][1].shape); log(r)
log(vmap(lambda s: s['a'].sum() * s['b'], in_dims=({'a': 0, 'b': None},), out_dims=0)({'a': tab(3, 2), 'b': torch.tensor([1.0, 2.0])}))
# in-place updates inside of mapped functions
def scan(x):
    out = torch.zeros_like(x); h = x.new_zeros(())
    for i in range(x.shape[0]): h = 0.5 * h + x[i]; out[i] = h
    return out
x = tab(3, 5); log(vmap(scan)(x)); log(vmap(jacrev(scan))(x)[0]); log(grad(lambda x: vmap(scan)(x).pow(2).sum())(x)); log(vmap(scan, in_dims=1, out_dims=1)(x.T))
# dynamic programming: soft alignment and its expected path
def soft_dtw(D):
    n, m = D.shape; inf = D.new_full((), 1e4); R = [[inf] * (m + 1) for _ in range(n + 1)]; R[0][0] = D.new_zeros(())
    for i in range(n):
        for j in range(m): R[i + 1][j + 1] = D[i, j] - torch.logsumexp(torch.stack([-R[i][j], -R[i][j + 1], -R[i + 1][j]]), 0)
    return R[n][m]
D = (tab(2, 4, 1) - tab(2, 1, 3, s=1.6)) ** 2; log(vmap(soft_dtw)(D)); log(vmap(grad(soft_dtw))(D))
# vmap over an optimiser's hyper-parameters
def train(lr, wd):
    w = torch.zeros(3); X, y = tab(6, 3), tab(6, s=0.7)
    for _ in range(5): w = w - lr * (grad(lambda w: ((X @ w - y) ** 2).mean())(w) + wd * w)
    return w, ((X @ w - y) ** 2).mean()
w, l = vmap(train)(torch.tensor([0.1, 0.3, 0.5]), torch.tensor([0.0, 0.1, 0.0])); log(w, l); log(vmap(jacfwd(lambda lr, wd: train(lr, wd)[1], (0, 1)))(torch.tensor([0.1, 0.3]), torch.tensor([0.0, 0.1])))
# spectral methods: derivative through FFT and of complex functions
k = torch.fft.fftfreq(8, 1 / 8)
def rhs(u): return torch.fft.ifft(1j * k * torch.fft.fft(u)).real * u
u = tab(8, s=0.785); log(jacrev(rhs)(u)); log(vmap(rhs)(tab(2, 8))); log(jvp(rhs, (u,), (torch.ones(8),))[1]); log(grad(lambda z: (z * z.conj()).real.sum())(torch.tensor([1 + 2j, -1j])))
# where the batch lies that a Function's vmap is told
seen = []
class Exp(torch.autograd.Function):
    @staticmethod
    def forward(x): return x.exp()
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.save_for_backward(output)
    @staticmethod
    def backward(ctx, g): return g * ctx.saved_tensors[0]
    @staticmethod
    def vmap(info, in_dims, x): seen.append((in_dims, list(x.shape), x.stride())); return x.exp(), in_dims[0]
x = torch.arange(24.).reshape(2, 3, 4) / 10; E = Exp.apply
for f, d in ((E, 2), (E, -1), (lambda x: E(x.sin()), 1), (lambda x: E(E(x)), 1), (lambda x: E(x * 2), 1), (lambda x: E(x.T), 1), (vmap(E, 1), 1), (vmap(E), 2), (vmap(E, -1), 0)): log(vmap(f, d)(x).sum())
log(vmap(grad(lambda x: E(x).sum()), 1)(x).sum(), vmap(vmap(grad(lambda x: E(x).sum()), 1), 1)(x).sum(), vmap(jacrev(E), 2)(x).sum()); [log(s) for s in seen]
S = tab(3, 2, 3) + torch.eye(3)[:, None]; log(vmap(torch.slogdet, 1)(S), vmap(torch.linalg.inv, 1)(S).shape, vmap(torch.linalg.eigvals, 1)(S).abs(), vmap(torch.frexp, 1)(S)[1].sum())
# functional_call: names beside parameters and buffers
class Net(nn.Module):
    def __init__(self): super().__init__(); self.l = nn.Linear(1, 1); self.register_buffer('b', torch.ones(1)); self.plain = torch.ones(2); self.text = 'a'; self.none = None
    def forward(self, x, *, y=0): return self.l(x) + self.b + self.plain + y + (0 if self.none is None else self.none), len(tuple(self.parameters()))
m = fill(Net()); x = torch.ones(1, 1); f = lambda d, **k: func.functional_call(m, d, x, **k)
t, p = torch.tensor([3.0]), nn.Parameter(torch.tensor([4.0]))
show(lambda: f({'plain': t}), lambda: f({'l.extra': t}), lambda: f({'l.extra': p}), lambda: f({'none': t}), lambda: f({'extra': None}), lambda: f({'l.bias': None}), lambda: f({'b': t}, kwargs={'y': 2}))
show(lambda: f({'text': t}), lambda: f({'q.weight': t}), lambda: f({'text.weight': t}), lambda: f({'plain.weight': t}), lambda: f({'': t}), lambda: f({'l.': t}), lambda: f({'b': 3}), lambda: f({'l.weight.x': t}), lambda: f({'plain': t, 'q': 3}))
log(m.plain, hasattr(m.l, 'extra'), hasattr(m, 'extra'), m.none, len(list(m.parameters())), m.l.bias.shape)
show(lambda: f({'plain': t}, strict=True), lambda: f({'l.weight': t[None], 'l.bias': t, 'b': t}, strict=True)); m.l.m = m
show(lambda: f({'l.m.l.weight': t[None], 'l.bias': t, 'l.m.b': t}, tie_weights=False)); log(m.l.weight, m.b); show(lambda: func.functional_call(nn.DataParallel(nn.Linear(1, 1)), {}, x))
# functional_call: what the module assigns is in the dictionary
class Count(nn.Module):
    def __init__(self): super().__init__(); self.register_buffer('n', torch.zeros(())); self.seen = torch.zeros(())
    def forward(self, x): self.n = self.n + 1; self.seen = self.seen + x.sum(); return x * self.n
m = Count(); d = {'n': torch.tensor(5.0), 'seen': torch.tensor(2.0)}; log(func.functional_call(m, d, torch.ones(2))); log(d['n'], d['seen'], m.n, m.seen); log(func.functional_call(m, {}, torch.ones(2)), m.n)
""")
