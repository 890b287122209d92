# ruff: noqa: E501  the programs keep their lines
"""vmap, grad, jvp and vjp of each other, with nestings of arguments, randomness and errors."""

from programs import AUTOGRAD as SETUP
from programs import divided

__all__ = ["PROGRAMS", "SETUP"]

PROGRAMS = divided("""
# pytrees of in_dims
f = lambda d, k: d["a"] * d["b"][0] + k
log(vmap(f, ({"a": 0, "b": [None]}, None))({"a": M, "b": [torch.ones(3)]}, 2.))
log(vmap(f, in_dims=({"a": 1, "b": (0,)}, 0))({"a": M, "b": (torch.ones(3, 2),)}, torch.ones(3)))
log(err(lambda: vmap(f, in_dims=({"a": 0}, None))({"a": M, "b": [M]}, 2)))
log(err(lambda: vmap(f, in_dims=(0,))({"a": M, "b": [M]}, 2)))
log(err(lambda: vmap(f, in_dims=0)({"a": M, "b": [M]}, 2)))
log(err(lambda: vmap(lambda a: a, in_dims=None)(M))); log(err(lambda: vmap(lambda a: a, in_dims=5)(M))); log(err(lambda: vmap(lambda a: a, in_dims="a")(M)))
log(err(lambda: vmap(lambda a, b: a)(M, torch.ones(3)))); log(err(lambda: vmap(lambda: 1)())); log(err(lambda: vmap(lambda a: a)(3))); log(err(lambda: vmap(lambda a: a)(torch.tensor(1.))))
log(err(lambda: vmap(lambda a: a, in_dims=-1)(M)), err(lambda: vmap(lambda a: a, in_dims=-3)(M)), err(lambda: vmap(3)(M)))
# out_dims
g = lambda a: (a, {"k": a * 2, "l": [a.sum()]})
log(vmap(g, out_dims=(0, {"k": 1, "l": [0]}))(M)); log(vmap(g, out_dims=0)(M)); log(err(lambda: vmap(g, out_dims=1)(M))); log(err(lambda: vmap(g, out_dims=(0,))(M)))
log(err(lambda: vmap(lambda a: a, out_dims=None)(M))); log(err(lambda: vmap(lambda a: torch.ones(3), out_dims=None)(M))); log(err(lambda: vmap(lambda a: a, out_dims=5)(M))); log(err(lambda: vmap(lambda a: 3)(M))); log(err(lambda: vmap(lambda a: "x")(M))); log(err(lambda: vmap(lambda a: None)(M))); log(vmap(lambda a: a.sum(), out_dims=-1)(M)); log(vmap(lambda a: a, out_dims=-1)(M)); log(vmap(lambda a: [a, a])(M)); log(vmap(lambda a: ())(M))
# chunk_size
log(vmap(lambda a: a * 2, chunk_size=1)(M)); log(vmap(lambda a, b: (a, b), (1, None), chunk_size=2)(M, c)); log(err(lambda: vmap(lambda a: a, chunk_size=0)(M))); log(vmap(lambda a: {"a": a}, out_dims=1, chunk_size=2)(torch.eye(3)))
log(func.jacrev(lambda a: a ** 2, chunk_size=1)(c), err(lambda: func.jacrev(lambda a: a, chunk_size=0)(c)))
# randomness
log(err(lambda: vmap(lambda a: torch.rand(2))(M))); log(err(lambda: vmap(lambda a: torch.rand(2), randomness="x")(M)))
r = vmap(lambda a: a * 0 + torch.rand(3), randomness="same")(M); log(torch.equal(r[0], r[1])); r = vmap(lambda a: a * 0 + torch.rand(3), randomness="different")(M); log(torch.equal(r[0], r[1]))
log(err(lambda: vmap(F.dropout)(M))); r = vmap(lambda a: F.dropout(a * 0 + 1), randomness="same")(torch.ones(2, 100)); log(torch.equal(r[0], r[1])); r = vmap(lambda a: F.dropout(a * 0 + 1), randomness="different")(torch.ones(2, 100)); log(torch.equal(r[0], r[1]))
torch.manual_seed(1); log(vmap(lambda a: torch.randn(2), randomness="different")(M)); torch.manual_seed(1); log(vmap(lambda a: torch.randn(2), randomness="same")(M))
torch.manual_seed(1); log(vmap(lambda a: torch.randn_like(a), randomness="different")(M)); log(vmap(lambda a: torch.bernoulli(torch.full_like(a, 0.5)), randomness="different")(M)); log(err(lambda: vmap(lambda a: a.clone().uniform_(), randomness="same")(M))); log(vmap(lambda a: a.clone().normal_(), randomness="different")(M))
torch.manual_seed(1); log(vmap(lambda a: torch.randint(0, 9, (2,)), randomness="different")(M), vmap(lambda a: torch.randperm(4), randomness="same")(M)); log(vmap(lambda a: torch.randperm(4), randomness="different")(M).shape); log(vmap(lambda a: torch.multinomial(torch.ones(4), 2), randomness="different")(M).shape)
log(vmap(vmap(lambda a: torch.rand(()) + a * 0, randomness="same"), randomness="same")(M).unique().numel()); log(vmap(vmap(lambda a: torch.rand(()) + a * 0, randomness="different"), randomness="different")(M).unique().numel()); log(err(lambda: vmap(vmap(lambda a: torch.rand(()) + a * 0, randomness="same"), randomness="different")(M).unique().numel())); log(err(lambda: vmap(vmap(lambda a: torch.rand(()) + a * 0, randomness="different"), randomness="same")(M).unique().numel())); log(err(lambda: vmap(vmap(lambda a: torch.rand(()) + a * 0, randomness="same"))(M)))
# nested vmaps
log(vmap(vmap(lambda a, b: a * b, (0, None)), (None, 0))(c, torch.ones(3))); log(vmap(vmap(torch.dot, (None, 0)), (0, None))(M, M)); log(vmap(vmap(vmap(lambda a: a.sin())))(torch.ones(1, 2, 3)))
log(vmap(lambda a: vmap(lambda b: a @ b)(M))(M)); log(vmap(lambda a: vmap(lambda b: (a, b))(M))(M)[0].shape)
# grad inside vmap inside grad
f = lambda w: vmap(lambda a: func.grad(lambda b: (b * w).sin().sum())(a))(M).sum()
log(func.grad(f)(torch.ones(3))); log(func.jacrev(f)(torch.ones(3))); log(func.hessian(f)(torch.ones(3)))
log(vmap(func.grad(func.grad(lambda a: a ** 3)))(torch.arange(3.))); log(func.grad(lambda a: vmap(func.grad(lambda b: b * a))(torch.ones(3)).sum())(torch.tensor(2.)))
# jvp vjp of each other
f = lambda a: (a ** 3).sum()
log(func.jvp(func.grad(f), (c,), (torch.ones(2),))); log(func.vjp(func.grad(f), c)[1](torch.ones(2))); log(func.jvp(lambda a: func.jvp(f, (a,), (torch.ones(2),))[1], (c,), (c,))); log(func.grad(lambda a: func.jvp(f, (a,), (torch.ones(2),))[1])(c)); log(func.vjp(lambda a: func.jvp(torch.sin, (a,), (a,))[1], c)[1](c))
# vjp outlives
def f():
    _, pull = func.vjp(torch.sin, c); return pull
p = f(); log(p(torch.ones(2)), p(torch.ones(2)))
# jacobians of pytrees
f = lambda d: {"o": d["a"] * d["b"], "p": d["a"].sum()}
log(func.jacrev(f)({"a": c, "b": c})); log(func.jacfwd(f)({"a": c, "b": c})); log(func.jacrev(lambda a, b: (a * b, a), argnums=(0, 1))(c, c)); log(func.jacfwd(lambda a, b: (a * b, a), argnums=(0, 1))(c, c)); log(func.jacrev(lambda a: (a * 2, a), has_aux=True)(c)); log(func.jacfwd(lambda a: (a * 2, a), has_aux=True)(c)); log(func.jacfwd(torch.sin, randomness="same")(c))
log(err(lambda: func.jacrev(lambda a: 3)(c))); log(err(lambda: func.jacfwd(lambda a: 3)(c))); log(err(lambda: func.jacrev(torch.sin, argnums=3)(c))); log(err(lambda: func.jacrev(torch.sin, argnums="a")(c))); log(err(lambda: func.jacfwd(torch.sin)(torch.arange(2)))); log(func.jacrev(lambda a: torch.view_as_complex(a))(c)); log(func.jacrev(lambda a: a.long())(c) if False else "")
log(func.jacrev(lambda a: torch.ones(3))(c), func.jacfwd(lambda a: torch.ones(3))(c)); log(func.jacrev(lambda a: a[0])(c), func.jacrev(lambda a: a)(torch.tensor(1.)), func.jacrev(lambda a: a[:0])(c).shape)
# hessian
log(func.hessian(lambda a, b: (a * b).sum(), argnums=(0, 1))(c, c)); log(func.hessian(lambda d: (d["a"] ** 2 * d["b"]).sum())({"a": c, "b": c})); log(func.hessian(lambda a: a ** 3)(c)); log(func.hessian(lambda a: a.prod())(torch.zeros(3))); log(func.hessian(lambda a: a.norm())(c))
# linearize
o, j = func.linearize(lambda a: a.sin(), c); log(o, j(c), j(torch.ones(2))); log(err(lambda: j(torch.ones(3)))); o, j = func.linearize(lambda a, b: {"k": a * b}, c, c); log(o, j(c, c)); log(err(lambda: j(c)))
# tied weights
class T(nn.Module):
    def __init__(self): super().__init__(); self.a = nn.Linear(2, 2, bias=False); self.b = self.a; self.register_buffer("k", torch.ones(2))
    def forward(self, v): return self.a(v) + self.b(v) * self.k
t = T(); log(func.functional_call(t, {"a.weight": torch.eye(2)}, c)); log(func.functional_call(t, {"a.weight": torch.eye(2)}, c, tie_weights=False).shape); log(err(lambda: func.functional_call(t, {"a.weight": torch.eye(2), "b.weight": torch.ones(2, 2)}, c))); log(func.functional_call(t, {"a.weight": torch.eye(2), "k": torch.zeros(2)}, c))
# vmap of linear algebra, convolution, norm, attention
torch.manual_seed(0); A = torch.randn(3, 4, 4); A = A @ A.mT + torch.eye(4); B = torch.randn(3, 4, 2)
close = lambda f, *a: all(torch.allclose(u, v, atol=1e-4) for u, v in zip(torch.utils._pytree.tree_leaves(vmap(f)(*a)), torch.utils._pytree.tree_leaves(tuple(torch.stack(k) for k in zip(*[tuple(torch.utils._pytree.tree_leaves(f(*(b[i] for b in a)))) for i in range(3)])))))
log(close(torch.linalg.inv, A), close(torch.linalg.solve, A, B), close(torch.linalg.cholesky, A), close(torch.linalg.eigvalsh, A), close(torch.linalg.det, A), close(torch.linalg.slogdet, A), close(torch.linalg.qr, A), close(torch.linalg.svdvals, A), close(torch.linalg.norm, A), close(torch.linalg.matrix_exp, A), close(torch.linalg.pinv, A), close(torch.trace, A), close(torch.diag, A), close(torch.tril, A), close(lambda a: a.cumsum(0), A), close(lambda a: a.sort(0), A), close(lambda a: F.layer_norm(a, (4,)), A), close(lambda a: F.softmax(a, 0), A), close(lambda a: F.conv1d(a[None], torch.ones(2, 4, 2)), A), close(lambda a, b: F.conv1d(a[None], b.T[None] if False else b.t()[:, :, None]), A, B), close(lambda a: F.max_pool1d(a[None], 2), A), close(lambda a: F.avg_pool2d(a[None], 2), A), close(lambda a: F.interpolate(a[None], scale_factor=2), A), close(lambda a: F.scaled_dot_product_attention(a[None], a[None], a[None]), A), close(lambda a: F.group_norm(a, 2), A), close(lambda a: F.instance_norm(a[None]), A), close(lambda a: F.batch_norm(a, None, None, training=True), A), close(lambda a: torch.einsum("ij,jk->ik", a, a), A), close(lambda a: F.pad(a, (1, 1)), A), close(lambda a: a.index_select(0, torch.tensor([0, 1])), A), close(lambda a: a.gather(0, torch.zeros(1, 4, dtype=torch.long)), A), close(lambda a: a.scatter_add(0, torch.zeros(1, 4, dtype=torch.long), a), A), close(lambda a: a[torch.tensor([0, 2]), 1:], A), close(lambda a: torch.fft.fft(a).abs(), A), close(lambda a: a.unfold(0, 2, 1), A), close(lambda a: torch.cdist(a, a), A), close(lambda a: a.roll(1, 0), A), close(lambda a: a.flip(0), A), close(lambda a: a.var(0), A), close(lambda a: a.kthvalue(2), A), close(lambda a: a.topk(2), A), close(lambda a: a.median(0), A), close(lambda a: a.logsumexp(0), A), close(lambda a: a.cumprod(0), A), close(lambda a: torch.cross(a[:, :3], a[:, :3], dim=1), A), close(lambda a: F.cross_entropy(a, torch.tensor([0, 1, 2, 3])), A), close(lambda a: F.embedding(torch.tensor([0, 1]), a), A), close(lambda a: torch.kron(a, a), A), close(lambda a: a.repeat(2, 1), A), close(lambda a: torch.cat([a, a]), A), close(lambda a: torch.stack([a, a]), A), close(lambda a: a.expand(2, 4, 4), A), close(lambda a: a.split(2), A), close(lambda a: a.unbind(), A))
# func.debug_unwrap, functionalize and other names
log([k for k in dir(func) if not k.startswith("_") and callable(getattr(func, k))] if torch.__name__ == "torch" and False else ""); log(sorted(func.__all__))
# old functorch names and torch.vmap
log(torch.vmap is func.vmap, err(lambda: torch.func.functionalize(lambda a: a.add_(1))(c.clone())), err(lambda: func.replace_all_batch_norm_modules_(nn.Sequential(nn.BatchNorm1d(2)))), err(lambda: func.debug_unwrap(c)))
# custom pytree nodes, dataclasses are leaves
from collections import OrderedDict, namedtuple, defaultdict
P = namedtuple("P", "a b"); log(vmap(lambda p: P(p.b, p.a))(P(M, M * 2))); log(vmap(lambda d: d, ({"a": 0, "b": 1},))(OrderedDict(a=M, b=M)) if False else ""); log(vmap(lambda d: OrderedDict(k=d["a"]))(OrderedDict(a=M))); log(err(lambda: vmap(lambda d: d)([M, None]))); log(err(lambda: vmap(lambda a, b: a, (0, 0))(M, None)))
# grad: errors
log(err(lambda: func.grad(lambda a: a)(c))); log(err(lambda: func.grad(lambda a: (a.sum(), 1))(c))); log(err(lambda: func.grad(lambda a: a.sum(), argnums=1)(c))); log(err(lambda: func.grad(lambda a: a.sum(), argnums=(0, 5))(c))); log(err(lambda: func.grad(lambda a: a.sum(), argnums=())(c))); log(err(lambda: func.grad(lambda a: a.sum(), argnums="x")(c))); log(err(lambda: func.grad(lambda a: 1.)(c))); log(err(lambda: func.grad(lambda a: a.sum())(3.))); log(err(lambda: func.grad(lambda a: a.sum())(torch.tensor([1])))); log(err(lambda: func.grad(lambda a: a.sum().long())(c))); log(err(lambda: func.grad(lambda a: (a * 1j).sum())(c))); log(err(lambda: func.grad(lambda a: a.sum(), has_aux=True)(c))); log(err(lambda: func.grad_and_value(lambda a: (a.sum(), 1, 2), has_aux=True)(c))); log(func.grad(lambda a: (a.abs() ** 2).sum())(torch.tensor([1 + 2j])))
# wraps
def named(a): "doc"; return a.sum()
log(func.grad(named).__name__, func.vmap(named).__name__, func.jacrev(named).__name__, func.grad(named).__doc__, func.hessian(named).__name__)
""")
