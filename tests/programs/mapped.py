# ruff: noqa: E501  the programs keep their lines
"""torch.func, option by option."""

from programs import AUTOGRAD, divided

SETUP = (
    AUTOGRAD
    + """
grad_, jvp, vjp, jacrev, jacfwd, hessian, gav, lin = func.grad, func.jvp, func.vjp, func.jacrev, func.jacfwd, func.hessian, func.grad_and_value, func.linearize
A = torch.arange(12.).reshape(3, 4); B = torch.arange(24.).reshape(2, 3, 4)
def nest(t): return t
"""
)

PROGRAMS = divided("""
# vmap in_dims and out_dims
show(lambda: vmap(torch.dot)(A, A), lambda: vmap(torch.dot, in_dims=1)(A, A), lambda: vmap(torch.mul, in_dims=(0, None))(A, A[0]), lambda: vmap(torch.mul, in_dims=(1, 0))(A, torch.arange(4.)).shape, lambda: vmap(lambda a: a, out_dims=1)(A).shape, lambda: vmap(lambda a: (a, a * 2), out_dims=(0, 1))(A)[1].shape, lambda: vmap(lambda a: (a, a), out_dims=-1)(A)[0].shape, lambda: vmap(lambda a: a, in_dims=-1)(A).shape, lambda: vmap(lambda d: d["a"] * d["b"], in_dims=({"a": 0, "b": None},))({"a": A, "b": A[0]}).shape, lambda: vmap(lambda a, b: a + b[0], in_dims=(0, [1]))(A, [A.t()]).shape)
show(lambda: vmap(lambda a: {"k": a, "l": (a, a)}, out_dims={"k": 0, "l": (0, 1)})(A)["l"][1].shape, lambda: vmap(lambda a: {"k": a, "l": (a, a)}, out_dims={"k": 0, "l": 1})(A)["l"][1].shape, lambda: vmap(lambda a: a, out_dims=None)(A), lambda: vmap(lambda a: torch.ones(2), out_dims=None)(A), lambda: vmap(lambda a: torch.ones(2))(A).shape, lambda: vmap(lambda a: 3, out_dims=None)(A))
# vmap errors
show(lambda: vmap(torch.dot)(A, A[:2]), lambda: vmap(torch.dot, in_dims=5)(A, A), lambda: vmap(torch.dot, in_dims=(0,))(A, A), lambda: vmap(torch.dot, in_dims=None)(A, A), lambda: vmap(torch.dot, in_dims=(None, None))(A, A), lambda: vmap(torch.dot, in_dims="s")(A, A), lambda: vmap(torch.dot, in_dims=[0, 0])(A, A), lambda: vmap(lambda: 1)(), lambda: vmap(lambda a: a)(3), lambda: vmap(lambda a: 3)(A), lambda: vmap(lambda a: (a, 3))(A), lambda: vmap(lambda a: None)(A), lambda: vmap(lambda a: a, out_dims=3)(A), lambda: vmap(lambda a: a, out_dims=(0, 0))(A), lambda: vmap(lambda a: (a, a), out_dims=(0,))(A), lambda: vmap(lambda a: a, out_dims="s")(A), lambda: vmap(lambda a: a)(torch.tensor(1.)), lambda: vmap(3)(A), lambda: vmap(lambda a: a, in_dims=0.5)(A), lambda: vmap(lambda a, b: a, in_dims=(0, 0))(A, 3), lambda: vmap(lambda a: a, randomness="x")(A), lambda: vmap(lambda a: a, chunk_size=0)(A), lambda: vmap(lambda a: a, chunk_size=-1)(A), lambda: vmap(lambda a: a)(torch.ones(0, 3)).shape)
# vmap data dependent
show(lambda: vmap(lambda a: a.item())(A[0]))
show(lambda: vmap(lambda a: a if a > 0 else -a)(A[0]))
show(lambda: vmap(lambda a: a if a.sum() > 0 else -a)(A))
show(lambda: vmap(lambda a: a[a > 0])(A))
show(lambda: vmap(lambda a: a.nonzero())(A))
show(lambda: vmap(lambda a: torch.unique(a))(A))
show(lambda: vmap(lambda a: float(a))(A[0]))
show(lambda: vmap(lambda a: int(a))(A[0]))
show(lambda: vmap(lambda a: a.tolist())(A))
show(lambda: vmap(lambda a: a.numpy())(A))
show(lambda: vmap(lambda a: bool(a))(A[0]))
show(lambda: vmap(lambda a: torch.equal(a, a))(A))
show(lambda: vmap(lambda a: torch.allclose(a, a))(A))
show(lambda: vmap(lambda a: a.is_nonzero())(A[0]))
show(lambda: vmap(lambda a: torch.ones(3)[a.long()])(torch.tensor([0, 2])))
show(lambda: vmap(lambda a: torch.ones(int(a)))(A[0]))
show(lambda: vmap(lambda a: str(a)[:12] and a)(A).shape)
show(lambda: vmap(lambda a: a.masked_select(a > 0))(A))
show(lambda: vmap(lambda a: a.data_ptr() * 0)(A))
show(lambda: vmap(lambda a: list(a)[0])(A))
show(lambda: vmap(lambda a: a[int(a[0])])(A))
show(lambda: vmap(lambda a: range(a))(A[0].long()))
show(lambda: vmap(lambda a: len(a) * a)(A)[1])
show(lambda: vmap(lambda a: torch.bincount(a.long()))(A))
show(lambda: vmap(lambda a: torch.histc(a))(A))
show(lambda: vmap(lambda a: a.repeat_interleave(torch.tensor([1, 2, 1, 1])))(A).shape)
# vmap printing
log(vmap(lambda a: (log(a), a)[1])(A[:2, :2]))
vmap(vmap(lambda a: (log(a), a)[1]))(A[:2, :2])
# vmap indexing
I = torch.tensor([0, 2, 1])
show(lambda: vmap(lambda a, i: a[i])(A, I))
show(lambda: vmap(lambda a, i: a[i], in_dims=(None, 0))(A, I).shape)
show(lambda: vmap(lambda a: a[I])(A).shape)
show(lambda: vmap(lambda a, i: a[..., i])(B, torch.tensor([1, 0])).shape)
show(lambda: vmap(lambda a, i: a[i, 0])(B, torch.tensor([1, 0])))
show(lambda: vmap(lambda a, i: a[0, i])(B, torch.tensor([1, 0])))
show(lambda: vmap(lambda a, i: a[i.unsqueeze(0), :2])(B, torch.tensor([1, 0])).shape)
show(lambda: vmap(lambda a: a[None, :, ::2])(A.reshape(3, 2, 2)).shape)
show(lambda: vmap(lambda a: a[-1])(A))
show(lambda: vmap(lambda a, m: torch.where(m, a, 0.))(A, A > 3)[1])
show(lambda: vmap(lambda a: a.gather(0, I))(A))
show(lambda: vmap(lambda a, i: a.index_select(0, i.reshape(1)))(A, I))
show(lambda: vmap(lambda a, i: a.take(i))(A, I))
show(lambda: vmap(lambda a, i: torch.take_along_dim(a, i.reshape(1), 0))(A, I))
def put(a, i): b = a.clone(); b[i] = 9.; return b
def put2(a): b = torch.zeros(4); b[0] = a[0]; return b
def put3(a): b = a.clone(); b[1:3] = torch.ones(2); return b
def put4(a, i): b = a.clone(); b[i] += 1; return b
def put5(a): b = a.clone(); b[a > 2] = 0.; return b
show(lambda: vmap(put)(A, I))
show(lambda: vmap(put2)(A))
show(lambda: vmap(put3)(A))
show(lambda: vmap(put4)(A, I))
show(lambda: vmap(put5)(A))
show(lambda: vmap(lambda a, i: a.clone().index_put_((i,), torch.tensor(5.)))(A, I))
show(lambda: vmap(lambda a, i: a.index_fill(0, i.reshape(1), 1.))(A, I))
show(lambda: vmap(lambda a, i: a.scatter(0, i.reshape(1), 7.))(A, I))
show(lambda: vmap(lambda a, i: a.index_add(0, i.reshape(1), torch.ones(1)))(A, I))
# vmap in place into unbatched
b = torch.zeros(4)
show(lambda: vmap(lambda a: b.copy_(a))(A))
show(lambda: vmap(lambda a: b.add_(1))(A).shape)
show(lambda: vmap(lambda a: b.mul_(a[0]))(A))
show(lambda: vmap(lambda a: torch.add(a, 1, out=b))(A))
show(lambda: vmap(lambda a: torch.add(a, 1, out=a.clone()))(A))
log(b)
def st(a): b = torch.zeros(2, 4); b[0] = a; return b
show(lambda: vmap(st)(A))
show(lambda: vmap(lambda a: torch.zeros_like(a).copy_(a))(A))
show(lambda: vmap(lambda a: a.new_zeros(4).copy_(a))(A))
show(lambda: vmap(lambda a: a.new_empty(4).fill_(1.))(A))
# vmap randomness
torch.manual_seed(0)
for r in ("error", "same", "different"):
    show(lambda: (lambda o: (o.shape, bool((o[0] == o[1]).all())))(vmap(lambda a: torch.rand(3), randomness=r)(A)), lambda: (lambda o: (o.shape, bool((o[0] == o[1]).all())))(vmap(lambda a: torch.rand_like(a), randomness=r)(A)), lambda: (lambda o: bool((o[0] == o[1]).all()))(vmap(lambda a: F.dropout(torch.ones(50), .5), randomness=r)(A)), lambda: (lambda o: bool((o[0] == o[1]).all()))(vmap(lambda a: F.dropout(a, .5), randomness=r)(torch.ones(2, 50))), lambda: vmap(lambda a: F.dropout(a, .5, training=False), randomness=r)(torch.ones(2, 2)), lambda: vmap(lambda a: torch.bernoulli(a), randomness=r)(torch.ones(2, 2)), lambda: (lambda o: bool((o[0] == o[1]).all()))(vmap(lambda a: torch.randperm(20), randomness=r)(A)), lambda: vmap(lambda a: torch.multinomial(a, 2), randomness=r)(torch.ones(2, 3)).shape, lambda: vmap(lambda a: a.clone().normal_(), randomness=r)(A).shape, lambda: vmap(lambda a: torch.zeros(3).normal_(), randomness=r)(A).shape, lambda: vmap(lambda a: torch.normal(a, 1.), randomness=r)(A).shape, lambda: vmap(lambda a: torch.randint(0, 5, (2,)), randomness=r)(A).shape, lambda: vmap(lambda a: F.alpha_dropout(a, .5), randomness=r)(A).shape, lambda: vmap(lambda a: F.feature_dropout(a, .5) if hasattr(F, "feature_dropout") else F.dropout1d(a, .5), randomness=r)(B).shape, lambda: vmap(lambda a: F.rrelu(a, training=True), randomness=r)(A).shape, lambda: vmap(lambda a: F.gumbel_softmax(a), randomness=r)(A).shape, lambda: vmap(lambda a: torch.randn(2, generator=torch.Generator()), randomness=r)(A).shape, lambda: vmap(lambda a: torch.poisson(a), randomness=r)(A).shape)
# vmap chunk_size
show(lambda: vmap(lambda a: a * 2, chunk_size=2)(A), lambda: vmap(lambda a: (a, a.sum()), chunk_size=1)(A)[1], lambda: vmap(lambda a: a, chunk_size=2, out_dims=1)(A).shape, lambda: vmap(torch.mul, in_dims=(1, None), chunk_size=3)(A, A[:, 0]).shape, lambda: vmap(lambda a: torch.rand(2), chunk_size=2, randomness="same")(A).shape, lambda: vmap(lambda a: a, chunk_size="s")(A), lambda: vmap(lambda a: a, chunk_size=100)(A).shape, lambda: jacrev(lambda a: a ** 2, chunk_size=1)(c), lambda: jacrev(lambda a: a ** 2, chunk_size=0)(c), lambda: func.vmap(lambda a: {"k": a}, chunk_size=2)(A)["k"].shape)
# vmap batchnorm
bn = nn.BatchNorm1d(4);
show(lambda: vmap(bn)(B).shape, lambda: vmap(bn.eval())(B).shape, lambda: vmap(nn.BatchNorm1d(4, track_running_stats=False))(B).shape, lambda: vmap(nn.LayerNorm(4))(B).shape, lambda: vmap(nn.GroupNorm(1, 3))(B[:, None]).shape, lambda: vmap(nn.InstanceNorm1d(3))(B[:, None]).shape, lambda: vmap(lambda a: F.batch_norm(a, torch.zeros(4), torch.ones(4), training=True))(B).shape, lambda: func.grad(lambda a: F.batch_norm(a, torch.zeros(4), torch.ones(4), training=True).sum())(A).shape)
rm, rv = torch.zeros(4), torch.ones(4); show(lambda: func.grad(lambda a: F.batch_norm(a, rm, rv, training=True).sum())(A).shape); log(rm.sum() != 0)
# nested depth three
f = lambda a: (a ** 4).sum()
show(lambda: grad_(lambda a: grad_(lambda b: grad_(f)(b).sum())(a).sum())(c))
show(lambda: vmap(grad_(lambda a: jvp(f, (a,), (torch.ones(2),))[1]))(M.t()))
show(lambda: jvp(lambda a: vmap(grad_(lambda b: b ** 3))(a), (c,), (torch.ones(2),)))
show(lambda: vmap(vmap(grad_(lambda b: b ** 3)))(M))
show(lambda: jacfwd(jacrev(jacfwd(lambda a: a ** 3)))(c).shape)
show(lambda: jacrev(jacrev(jacrev(lambda a: a ** 3)))(c).sum())
show(lambda: vmap(lambda a: vjp(lambda b: grad_(f)(b), a)[1](torch.ones(3))[0])(M))
show(lambda: grad_(lambda a: vmap(lambda b: jvp(lambda q: q ** 3, (b,), (b,))[1])(a).sum())(c))
show(lambda: jvp(lambda a: jvp(lambda b: b ** 3, (a,), (a,))[1], (c,), (c,)))
show(lambda: hessian(grad_(lambda a: (a ** 4).sum()))(c).shape)
show(lambda: lin(lambda a: grad_(f)(a), c)[1](c))
show(lambda: grad_(lambda a: hessian(f)(a).sum())(c))
show(lambda: vmap(hessian(f))(M).shape)
show(lambda: vmap(jacrev(jacfwd(f)))(M).shape)
# aux and has_aux
show(lambda: grad_(lambda a: (f2(a), {"k": a}), has_aux=True)(c) if False else None, lambda: gav(lambda a: ((a ** 2).sum(), {"k": a * 2}), has_aux=True)(c), lambda: vjp(lambda a: (a * 2, a * 3), c, has_aux=True)[2], lambda: jvp(lambda a: (a * 2, {"z": a * 3}), (c,), (c,), has_aux=True), lambda: jacrev(lambda a: (a * 2, [a]), has_aux=True)(c), lambda: jacfwd(lambda a: (a * 2, a * 4), has_aux=True)(c), lambda: jacrev(lambda a: a * 2, has_aux=True)(c), lambda: jacfwd(lambda a: (a, a, a), has_aux=True)(c), lambda: vjp(lambda a: a, c, has_aux=True), lambda: jvp(lambda a: [a, a], (c,), (c,), has_aux=True), lambda: grad_(lambda a: [a.sum(), a], has_aux=True)(c), lambda: grad_(lambda a: (a.sum(), 3), has_aux=True)(c), lambda: grad_(lambda a: (a.sum(), "s"), has_aux=True)(c), lambda: vjp(lambda a: (a, "s"), c, has_aux=True)[2], lambda: jvp(lambda a: (a, 3), (c,), (c,), has_aux=True))
# argnums
g3 = lambda a, b, k: (a * b * k).sum()
show(lambda: grad_(g3, argnums=(0, 2))(c, c, c), lambda: grad_(g3, argnums=(2,))(c, c, c), lambda: grad_(g3, argnums=-1)(c, c, c), lambda: jacrev(lambda a, b: a * b, argnums=(0, 1))(c, c), lambda: jacfwd(lambda a, b: a * b, argnums=(1,))(c, c), lambda: jacfwd(lambda a, b: a * b, argnums=1)(c, c), lambda: hessian(lambda a, b: (a * b * b).sum(), argnums=(0, 1))(c, c), lambda: jacrev(lambda a: a, argnums=2)(c), lambda: jacfwd(lambda a: a, argnums=2)(c), lambda: jacrev(lambda a: a, argnums="s")(c), lambda: jacfwd(lambda a: a, argnums=())(c), lambda: jacrev(lambda a: a, argnums=(0, 0))(c), lambda: grad_(g3, argnums=[0])(c, c, c), lambda: grad_(g3, argnums=True)(c, c, c), lambda: grad_(g3, argnums=(0, -3))(c, c, c), lambda: grad_(g3, argnums=None)(c, c, c))
# vjp errors and structure
o, p = vjp(lambda a, b: {"s": a * b, "t": (a + b,)}, c, c)
log(o)
log(p({"s": c, "t": (c,)}))
show(lambda: p(c))
show(lambda: p({"s": c, "t": (c, c)}))
show(lambda: p({"s": c}))
show(lambda: vjp(lambda a: 3, c))
show(lambda: vjp(lambda a: a.long(), c))
show(lambda: vjp(lambda a: (), c))
show(lambda: vjp(lambda a: a, 3))
show(lambda: vjp(lambda a: a))
show(lambda: vjp(3, c))
show(lambda: vjp(lambda a: a, torch.arange(2)))
show(lambda: vjp(lambda a: None, c))
show(lambda: p({"s": c, "t": (3,)}))
show(lambda: vjp(lambda a: (a, None), c))
# jvp errors
show(lambda: jvp(lambda a: a, c, c))
show(lambda: jvp(lambda a: a, (c,), c))
show(lambda: jvp(lambda a: a, (c,), (torch.ones(3),)))
show(lambda: jvp(lambda a: a, (c,), (c, c)))
show(lambda: jvp(lambda a: a, (), ()))
show(lambda: jvp(lambda a: 3, (c,), (c,)))
show(lambda: jvp(lambda a: a, (3,), (3,)))
show(lambda: jvp(lambda a: torch.ones(2), (c,), (c,)))
show(lambda: jvp(lambda a: torch.ones(2), (c,), (c,), strict=True))
show(lambda: jvp(lambda a: a > 0, (c,), (c,)))
show(lambda: jvp(lambda a: a, (torch.arange(2),), (torch.arange(2),)))
show(lambda: jvp(lambda a: (), (c,), (c,)))
show(lambda: jvp(lambda a, b: a * b, (c, c), (c, c)))
show(lambda: jvp(lambda d: d["a"] * 2, ({"a": c},), ({"a": c},)))
show(lambda: jvp(lambda a: a, (c,), (None,)))
show(lambda: jvp(lambda a: (a, None), (c,), (c,)))
# jacobians of pytrees
show(lambda: jacrev(lambda d: {"o": d["a"] * d["b"]})({"a": c, "b": c}))
show(lambda: jacfwd(lambda d: d["a"] * 2)({"a": c}))
show(lambda: jacrev(lambda a: (a, a.sum()))(c))
show(lambda: jacfwd(lambda a: (a, a.sum()))(c))
show(lambda: jacrev(lambda a: 3)(c))
show(lambda: jacfwd(lambda a: 3)(c))
show(lambda: jacrev(lambda a: a)(3))
show(lambda: jacfwd(lambda a: a)(3))
show(lambda: jacrev(lambda a: a.long())(c))
show(lambda: jacfwd(lambda a: a.long())(c))
show(lambda: jacrev(lambda a: ())(c))
show(lambda: jacfwd(lambda a: a * 2)(torch.tensor(1.)))
show(lambda: jacrev(lambda a: a * 2)(torch.tensor([[1., 2.]])).shape)
show(lambda: hessian(lambda a: a)(c).shape)
show(lambda: jacfwd(lambda a: a, randomness="x")(c))
show(lambda: jacfwd(lambda a: a * torch.rand(2), randomness="same")(c).shape)
show(lambda: jacfwd(lambda a: a * torch.rand(2))(c).shape)
show(lambda: jacrev(lambda a: a.view(1, 2))(c).shape)
# linearize
o, j = lin(lambda a, b: (a * b, a.sin()), c, c)
log(o, j(c, c))
show(lambda: j(c))
show(lambda: j(c, torch.ones(3)))
show(lambda: j(c, c.double()))
show(lambda: lin(lambda a: 3, c))
show(lambda: lin(lambda d: {"o": d["a"] ** 2}, {"a": c})[1]({"a": c}))
show(lambda: lin(lambda a: a, c)[1]("s"))
show(lambda: lin(lambda a: a, c)[1]())
# functionalize
def f(a): b = a.clone(); b.add_(1); v = b[0]; v.mul_(3); return b
show(lambda: func.functionalize(f)(c), lambda: func.functionalize(f, remove="mutations_and_views")(c), lambda: func.functionalize(f, remove="x")(c), lambda: func.functionalize(lambda a: a.add_(1))(c.clone()), lambda: vmap(func.functionalize(f))(M), lambda: grad_(lambda a: func.functionalize(f)(a).sum())(c), lambda: func.functionalize(vmap(f))(M))
# stack_module_state
ms = [nn.Linear(2, 2) for _ in range(3)]
for m in ms: m.weight.data.fill_(1.); m.bias.data.fill_(.5)
p, b = func.stack_module_state(ms)
log(list(p), list(b), p["weight"].shape, p["weight"].requires_grad, p["weight"].is_leaf)
def call(p, b, a): return func.functional_call(ms[0], (p, b), (a,))
show(lambda: func.stack_module_state([]))
show(lambda: func.stack_module_state([nn.Linear(2, 2), nn.Linear(2, 3)]))
show(lambda: func.stack_module_state([nn.Linear(2, 2), nn.ReLU()]))
show(lambda: func.stack_module_state([nn.Linear(2, 2).train(), nn.Linear(2, 2).eval()]))
show(lambda: func.stack_module_state(nn.Linear(2, 2)))
show(lambda: func.stack_module_state([nn.BatchNorm1d(2), nn.BatchNorm1d(2)])[1]["num_batches_tracked"])
show(lambda: func.stack_module_state([nn.Linear(2, 2), nn.Linear(2, 2).requires_grad_(False)]))
# functional_call
class T(nn.Module):
    def __init__(self): super().__init__(); self.a = nn.Parameter(torch.ones(2)); self.b = self.a; self.register_buffer("k", torch.ones(2)); self.l = nn.Linear(2, 2)
    def forward(self, t, m=1): return t * self.a * m + self.b + self.k
t = T(); fc = func.functional_call
show(lambda: fc(t, {"a": c}, c), lambda: fc(t, {"a": c}, (c,)), lambda: fc(t, {"a": c}, (c,), {"m": 2}), lambda: fc(t, {"a": c}, c, tie_weights=False), lambda: fc(t, {"a": c, "b": c}, c), lambda: fc(t, {"a": c, "b": c * 2}, c), lambda: fc(t, {"a": c, "b": c * 2}, c, tie_weights=False), lambda: fc(t, {"x": c}, c), lambda: fc(t, {"a": c, "x": c}, c, strict=True), lambda: fc(t, {"a": c}, c, strict=True), lambda: fc(t, ({"a": c}, {"k": c}), c), lambda: fc(t, ({"a": c}, {"a": c}), c), lambda: fc(t, {"a": 3}, c), lambda: fc(t, [{"a": c}], c), lambda: fc(t, "s", c), lambda: fc(t, {}, c).requires_grad, lambda: fc(t, {"l.weight": c}, c).shape, lambda: fc(t, {"l.w": c}, c), lambda: fc(t, {"": c}, c), lambda: fc(3, {}, c), lambda: fc(t, {"k": c}, None), lambda: fc(t, {"a": c}, c, None).shape)
log(t.a.tolist(), t.b is t.a)
# debug_unwrap and others
log(vmap(lambda a: func.debug_unwrap(a).shape[0] * a)(A).shape)
show(lambda: grad_(lambda a: (log(type(func.debug_unwrap(a)).__name__, func.debug_unwrap(a)), a.sum())[1])(c))
show(lambda: func.debug_unwrap(c))
show(lambda: vmap(vmap(lambda a: (log(func.debug_unwrap(a).shape, func.debug_unwrap(a, recurse=False).shape), a)[1]))(M).shape)
log(sorted(n for n in dir(func) if not n.startswith("_") and n in ("vmap", "grad", "vjp", "jvp", "jacrev", "jacfwd", "hessian", "functionalize", "linearize", "functional_call", "stack_module_state", "replace_all_batch_norm_modules_", "debug_unwrap", "grad_and_value")))
m = nn.Sequential(nn.BatchNorm1d(2), nn.Sequential(nn.BatchNorm2d(3)))
r = func.replace_all_batch_norm_modules_(m)
log(r is m, m)
# Function in transforms
class V(Function):
    generate_vmap_rule = True
    @staticmethod
    def forward(a): return a ** 2
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.save_for_backward(*inputs); ctx.save_for_forward(*inputs)
    @staticmethod
    def backward(ctx, g): a, = ctx.saved_tensors; return g * 2 * a
    @staticmethod
    def jvp(ctx, t): a, = ctx.saved_tensors; return t * 2 * a
show(lambda: vmap(V.apply)(A[:2]), lambda: grad_(lambda a: V.apply(a).sum())(c), lambda: jvp(V.apply, (c,), (c,)), lambda: vmap(grad_(lambda a: V.apply(a).sum()))(M), lambda: jacrev(V.apply)(c), lambda: jacfwd(V.apply)(c), lambda: hessian(lambda a: V.apply(a).sum())(c), lambda: grad_(grad_(lambda a: V.apply(a)))(torch.tensor(3.)), lambda: vmap(V.apply, in_dims=1)(M), lambda: vmap(jvp, in_dims=(None, 0, 0))(V.apply, (M,), (M,))[1] )
# Function vmap staticmethod
class V(Function):
    @staticmethod
    def forward(a, b, k): return a * b * k, a.sum()
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.k = inputs[2]
    @staticmethod
    def vmap(info, in_dims, a, b, k): log(type(info).__name__, info.batch_size, info.randomness, in_dims, a.shape, b.shape, k); return V.apply(a, b, k), (0, None)
    @staticmethod
    def backward(ctx, g, h): return g, g, None
show(lambda: [t.shape for t in vmap(V.apply, in_dims=(0, None, None))(A, A[0], 3)])
def vm(r, **k):
    class V(Function):
        @staticmethod
        def forward(a): return a * 1
        @staticmethod
        def setup_context(ctx, inputs, output): pass
        @staticmethod
        def backward(ctx, g): return g
        vmap = staticmethod(r)
    for n, v in k.items(): setattr(V, n, v)
    return V
show(lambda: vmap(vm(lambda info, d, a: (a, 0), generate_vmap_rule=True).apply)(A))
class V(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): return g
show(lambda: vmap(V.apply)(A))
show(lambda: grad_(lambda a: V.apply(a).sum())(c))
show(lambda: jvp(V.apply, (c,), (c,)))
class V(Function):
    @staticmethod
    def forward(a): return a * 1
    @staticmethod
    def setup_context(ctx, inputs, output): pass
    @staticmethod
    def backward(ctx, g): return g
show(lambda: vmap(V.apply)(A))
show(lambda: grad_(lambda a: V.apply(a).sum())(c))
show(lambda: jvp(V.apply, (c,), (c,)))
show(lambda: vmap(grad_(lambda a: V.apply(a).sum()))(M))
class V(Function):
    generate_vmap_rule = True
    @staticmethod
    def forward(a): a.mul_(2); return a
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.mark_dirty(inputs[0])
    @staticmethod
    def backward(ctx, g): return g * 2
show(lambda: vmap(V.apply)(A.clone()))
show(lambda: grad_(lambda a: V.apply(a.clone()).sum())(c))
show(lambda: vmap(lambda a: V.apply(a.clone()))(A[:1]))
""")
