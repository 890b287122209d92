# ruff: noqa: E501  the programs keep their lines
"""Transforms of torch.func in corners: layouts of examples, tensors that escape, arguments that are written to."""

from programs import AUTOGRAD, divided

SETUP = (
    AUTOGRAD
    + """
X = torch.arange(24.).reshape(2, 3, 4) / 24
formats = torch.contiguous_format, torch.preserve_format, torch.channels_last, torch.channels_last_3d
def strides(f, d=0): return lambda: vmap(f, d)(X).stride()
"""
)

PROGRAMS = divided("""
# memory formats of examples
for m in formats:
    for d in (0, 1, 2):
        show(strides(lambda x: x.clone(memory_format=m), d), strides(lambda x: x.contiguous(memory_format=m), d), strides(lambda x: x.double(memory_format=m), d))
        show(strides(lambda x: x.to(torch.float64, memory_format=m), d), strides(lambda x: torch.zeros_like(x, memory_format=m), d), strides(lambda x: torch.empty_like(x, memory_format=m), d))
        show(lambda: vmap(lambda x: x.is_contiguous(memory_format=m), d, None)(X))
# strides and offsets of examples
def look(x): log(tuple(x.shape), x.stride(), x.storage_offset(), x.is_contiguous()); return x
for d in (0, 1, 2): vmap(look, d)(X); vmap(vmap(look, 1), d)(X); vmap(lambda x: look(x.T), d)(X); vmap(lambda x: look(x[1]), d)(X); vmap(lambda x: look(x * 2), d)(X); vmap(lambda x: look(x.t().clone()), d)(X)
vmap(look)(X[:, 1:]); vmap(look)(X[:, :, 1]); vmap(look)(torch.zeros(3, 0, 2)); vmap(look, 1)(torch.zeros(0, 3, 2))
# as_strided of examples
for size, stride, offset in (((2,), (1,), 0), ((2,), (1,), 2), ((2,), (1,), None), ((2, 2), (1, 1), 1), ((2, 12), (1, 1), 0), ((2,), (1, 2), 0), ((0,), (1,), 90), ((3, 3), (0, 1), 1)):
    f = lambda x: x.as_strided(size, stride, offset)
    show(lambda: vmap(f)(X), lambda: vmap(f)(X[:, :, 1:]), lambda: vmap(f)(X[:, :, :0]), lambda: vmap(f, 1)(X), lambda: vmap(vmap(f))(X), lambda: vmap(vmap(f), 1, 1)(X))
# results that are the input itself
x = X.movedim(0, 2)
log(vmap(lambda x: x, 2, 2)(x) is x, vmap(torch.Tensor.contiguous, 2, 2)(x) is x, vmap(lambda x: x, 2, 1)(x) is x, vmap(lambda x: x.mul_(2), 2, 2)(x.clone()).stride(), vmap(lambda x: x.transpose(0, -1))(x[0, 0]).shape, vmap(lambda x: x.transpose(0, -1))(x[0, 0])._base is x[0, 0]._base)
show(lambda: vmap(lambda x: x.transpose(0, 1))(x[0, 0]))
y = x.clone(); z = vmap(lambda a: a.t_(), 2, 2)(y); log(z.shape, z.stride())
# dimensions out of range
show(*(lambda f=f: vmap(f)(X[0, 0]) for f in (lambda x: x.squeeze(1), lambda x: x.squeeze((0, 1)), lambda x: x.unsqueeze(5), lambda x: x.sum(3), lambda x: x.transpose(0, 3), torch.view_as_complex)))
show(*(lambda f=f: vmap(f)(X) for f in (lambda x: x.squeeze(3), lambda x: x.squeeze((0, 3)), lambda x: x.unsqueeze(5), lambda x: x.sum(3), lambda x: x.transpose(0, 3), torch.view_as_complex, torch.where, torch.nonzero, torch.argwhere, lambda x: x.nonzero(as_tuple=True))))
# products of wrong shapes
A = torch.ones(3, 3, 3)
show(*(lambda f=f: vmap(f)(A) for f in (lambda x: torch.linalg.multi_dot((x, x[0], x)), lambda x: torch.linalg.multi_dot((x[0], x, x)), lambda x: torch.linalg.multi_dot((x,)), lambda x: torch.mm(x[0], x), lambda x: torch.mm(x, x[0]), lambda x: torch.mm(x, x[:2]), lambda x: torch.mv(x, x), lambda x: torch.mv(x, x[0, :2]), lambda x: torch.dot(x, x[0]), lambda x: torch.dot(x[0], x[0, :2]), lambda x: torch.bmm(x, x), lambda x: torch.bmm(x[None], x[None]))))
# view_as needs a view
show(lambda: vmap(torch.Tensor.view_as, (1, 0))(torch.ones(2, 7, 5), torch.ones(7, 10)), lambda: vmap(torch.Tensor.view_as)(torch.ones(7, 2, 5), torch.ones(7, 10)).shape, lambda: vmap(torch.Tensor.reshape_as, (1, 0))(torch.ones(2, 7, 5), torch.ones(7, 10)).shape)
# what is empty is joined, and its gradient is known
for a, b, d in ((torch.rand(0), torch.rand(3, 2), (None, 0)), (torch.rand(3, 0), torch.rand(3, 0), 0), (torch.rand(3, 0), torch.rand(2), (0, None))):
    a.requires_grad_(); r = vmap(lambda a, b: torch.cat([a, b]), d)(a, b); log(r.shape, r.requires_grad)
# the randomness of chunks
for mode in ('same', 'different'):
    torch.manual_seed(3); r = vmap(lambda x: torch.rand(3), randomness=mode, chunk_size=2)(torch.zeros(5)); log([[bool((a == b).all()) for b in r] for a in r])
# random numbers in place, into results, of what is batched
for mode in ('same', 'different'):
    show(lambda: vmap(lambda x, p: x.bernoulli_(p), randomness=mode)(torch.zeros(3, 2), torch.ones(3, 2)), lambda: vmap(lambda x, p: x.bernoulli_(p), (None, 0), randomness=mode)(torch.zeros(2), torch.ones(3, 2)), lambda: vmap(lambda x, p: x.bernoulli_(p), (0, None), randomness=mode)(torch.zeros(3, 2), torch.ones(2)))
    show(lambda: vmap(lambda x, p: (x.bernoulli_(p), p)[1], (None, 0), randomness=mode)(torch.zeros(2), torch.ones(3)), lambda: vmap(lambda p: torch.zeros(2).bernoulli_(0.5), randomness=mode)(torch.ones(3)))
    show(lambda: vmap(lambda x: torch.randn(3, out=c), randomness=mode)(X), lambda: vmap(lambda x: torch.normal(x, x, out=c), randomness=mode)(X), lambda: vmap(lambda x: torch.rrelu(x, training=True), randomness=mode)(X))
    log(func.jacfwd(torch.bernoulli, randomness=mode)(torch.rand(2, 2)).sum())
# data of an example
def assign(x): x.data = torch.ones(3, 4); return x
show(lambda: vmap(assign)(X), lambda: vmap(lambda x: x.data)(X))
# tensors that escaped
kept = []
vmap(lambda x: kept.append(x) or x)(X); e = kept[0]
show(e.sin, e.clone, e.double, e.detach, e.item, e.tolist, lambda: e.T, lambda: e + 1, lambda: e * X[0], lambda: e[0], lambda: F.linear(e, e), lambda: vmap(lambda y: y + e)(X).shape, lambda: torch.func.grad(lambda z: (z + 1).sum())(X[0]))
log(e.shape, e.dtype, e.dim(), X.sin().shape)
# texts of batched tensors
def text(x): log(x); return x
vmap(text)(torch.arange(4).reshape(2, 2)); vmap(text, 1)(torch.arange(4).reshape(2, 2)); vmap(vmap(text), 2)(torch.arange(4).reshape(1, 2, 2)); vmap(vmap(text, 1), 1)(torch.arange(8).reshape(2, 2, 2))
# functions that write to another argument
def f(x, y): y.copy_(x); return (y * x).sum()
def g(x, y): y.copy_(x * 2); return y
def both(): return torch.tensor([1., 2.]), torch.tensor([3., 4.])
for t in ('grad', 'grad_and_value', 'hessian'): x, y = both(); log(getattr(func, t)(f)(x, y), y, y.requires_grad, x)
for t in ('jacrev', 'jacfwd'):
    x, y = both(); log(getattr(func, t)(g)(x, y), y, y.requires_grad, x)
    x, y = both(); log(getattr(func, t)(g, argnums=(0, 1))(x, y), y, y.requires_grad, x)
x, y = both(); log(func.vjp(g, x, y)[1](x), y); x, y = both(); log(func.jvp(g, (x, y), (x, x)), y); x, y = both(); log(func.grad(f, 1)(x, y), y)
x, y = both(); log(func.grad(lambda x, y: f(x, y['k'][0]))(x, {'k': [y], 'n': 2}), y); x, y = both(); log(func.grad(lambda x, y=None: f(x, y))(x, y=y), y)
x, y = both(); log(vmap(func.grad(f))(x.expand(3, 2), y.expand(3, 2).clone()), y); x, y = both(); show(lambda: vmap(func.grad(f), (0, None))(x.expand(3, 2), y))
x, y = both(); y = (y.requires_grad_() * 1); log(func.grad(f)(x, y).detach(), y); x, y = both(); y.requires_grad_(); show(lambda: func.grad(f)(x, y))
def h(x, y, z): x[:2] = y; return torch.vstack([(x ** 2).sum(), (z ** 3).sum()])
for t in ('jacrev', 'jacfwd'): x, y, z = torch.tensor([1., 2, 3]), torch.tensor([4., 5]), torch.tensor([6., 7]); log(getattr(func, t)(h, (1, 2))(x, y, z), x)
def captured(x): c.copy_(x); return (c * x).sum()
for t in ('grad', 'jacrev', 'jacfwd', 'hessian'): show(lambda: getattr(func, t)(captured)(torch.ones(2)))
# Functions of keywords and of nested arguments
class K(Function):
    @staticmethod
    def forward(x, *, y): return x + y
    @staticmethod
    def setup_context(ctx, inputs, output): pass
    @staticmethod
    def backward(ctx, g): return g
    @staticmethod
    def vmap(info, in_dims, x, *, y): return x + y, 0
show(lambda: K.apply(c, y=c), lambda: vmap(K.apply)(c, y=c), lambda: vmap(K.apply)(c, y=3.0), lambda: K.apply(c, y=3.0), lambda: func.grad(lambda x: K.apply(x, y=c).sum())(c))
class N(Function):
    @staticmethod
    def forward(x, y): return x + y[0], y[1]
    @staticmethod
    def setup_context(ctx, inputs, output): pass
    @staticmethod
    def backward(ctx, g, h): return g, None
    @staticmethod
    def vmap(info, in_dims, x, y): log(in_dims); return (x, y), in_dims
show(lambda: vmap(N.apply)(c, [c, c]), lambda: (vmap(N.apply, (None, 0))(c, [c, c]), 1)[1], lambda: (vmap(lambda a, b: N.apply(a, (b, a)), (None, 0))(c, c), 1)[1], lambda: vmap(lambda a, b: N.apply(a, {'k': b, 'n': 2}), (None, 0))(c, c))
# once differentiable within transforms
class O(Function):
    @staticmethod
    def forward(x): return x.exp()
    @staticmethod
    def setup_context(ctx, inputs, output): ctx.save_for_backward(output)
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g): return g * ctx.saved_tensors[0]
a = torch.tensor([1., 2.], requires_grad=True); gy = torch.ones(2, requires_grad=True)
def once(): r, = func.vjp(O.apply, a)[1](gy); r.sum().backward()
show(once, lambda: func.vjp(O.apply, a.detach())[1](gy.detach()), lambda: func.grad(func.grad(lambda x: O.apply(x).sum()))(a[0]))
# hooks on saved tensors beside tangents
seen = []
def pack(t): seen.append(tuple(t.shape)); return t
x = torch.tensor([1., 2., 3.])
for f in (torch.sin, torch.exp, lambda a: a * a, lambda a: a / (a + 1), lambda a: a @ a, lambda a: (a * a * a).sum(), lambda a: torch.linalg.inv(torch.diag(a))):
    with graph.save_on_cpu(): log(*(t.abs() for t in func.jvp(f, (x,), (x,))))
    with graph.saved_tensors_hooks(lambda t: t * 2, lambda t: t): log(*(t.abs() for t in func.jvp(f, (x,), (x,))))
with graph.saved_tensors_hooks(pack, lambda t: t), fwAD.dual_level():
    y = x.clone().requires_grad_(); d = fwAD.make_dual(y, x); t = (d * d.sin()).sum()
    log(*(v.detach() for v in fwAD.unpack_dual(t))); fwAD.unpack_dual(t).primal.backward(); log(y.grad)
def inside(x):
    with graph.save_on_cpu(): return x.sin().sum()
log(func.jvp(inside, (x,), (x,)), func.jacfwd(inside)(x)); show(lambda: func.grad(inside)(x))
# no examples
Z = torch.zeros(0, 3)
for f in (torch.sum, torch.mean, torch.prod, torch.max, torch.norm, lambda a: a.std(), lambda a: a.softmax(0), lambda a: a.sort()[0], lambda a: F.mse_loss(a, a), lambda a: torch.tensordot(a, a, 1), lambda a: torch.outer(a, a), lambda a: F.linear(a, torch.ones(2, 3)), lambda a: a.logsumexp(0), lambda a: a.median(), lambda a: a.repeat_interleave(2), lambda a: torch.stack([a, a])):
    show(lambda: vmap(f)(Z).shape, lambda: vmap(vmap(f), 1)(torch.zeros(2, 0, 3)).shape, lambda: vmap(vmap(f))(torch.zeros(0, 2, 3)).shape)
show(lambda: vmap(func.grad(lambda a: (a * a).sum()))(Z).shape, lambda: func.jacrev(torch.sin)(torch.zeros(0)).shape, lambda: func.jacfwd(torch.sin)(torch.zeros(0)).shape, lambda: func.jacrev(lambda a: a[:0])(c).shape)
# dual numbers within transforms
def along(x, t):
    with fwAD.dual_level(): return fwAD.unpack_dual(fwAD.make_dual(x, t).sin().sum()).tangent
def doubled(x):
    with fwAD.dual_level(): d = fwAD.make_dual(x, x); return fwAD.unpack_dual(vmap(lambda a: a.cos() * 2)(d)).tangent, fwAD.unpack_dual(func.grad(lambda a: (a ** 3).sum())(d)).tangent
def twice(x):
    with fwAD.dual_level(): d = fwAD.make_dual(x, x); return func.jvp(torch.sin, (d,), (d,))
log(func.grad(lambda a: along(a, a))(c), func.jacrev(lambda a: along(a, c))(c), vmap(func.grad(lambda a: along(a, a)))(X), doubled(c)); show(lambda: twice(c), lambda: func.jvp(lambda a: along(a, a), (c,), (c,)))
# tensors made of examples
for f in (torch.tensor, lambda x: torch.tensor(x, dtype=torch.float64), lambda x: x.new_tensor(x), lambda x: torch.tensor([x.sum(), 1.]), lambda x: torch.as_tensor([x[0], x[1]]), lambda x: x.new_tensor([x[0], 1.]), lambda x: torch.FloatTensor([x[0], 1]), lambda x: torch.as_tensor(x)):
    show(lambda: vmap(f)(X[0]), lambda: func.jacfwd(lambda x: f(x)[:2] * x)(c), lambda: func.jacrev(lambda x: f(x)[:2] * x)(c), lambda: func.jvp(lambda x: f(x)[:2] * x, (c,), (c,)))
show(lambda: torch.tensor([torch.ones((), device='meta')]), lambda: torch.tensor([[torch.ones((), device='meta'), 1]]))
kept = []; vmap(lambda x: kept.append(x[0]) or x)(X); show(lambda: torch.tensor([kept[0][0], 1.]))
# functions that fill buffers of their own
v = torch.tensor([5., 6., 7.])
def parts(x): z = torch.zeros(3); z[0] = x[0] * x[1]; z[1:] = x[1:] ** 2; return z
def added(x): z = torch.zeros(3); z.add_(x).mul_(x); return z
def scalar(x):
    z = torch.zeros(())
    for i in range(3): z += x[i] ** 2
    return z
def matrix(x):
    z = torch.empty(3, 3)
    for i in range(3):
        for j in range(3): z[i, j] = x[i] * x[j]
    return z, z.sum()
def scattered(x): return torch.ones(3).index_add_(0, torch.tensor([0, 0, 2]), x) + torch.zeros(3).scatter_(0, torch.tensor([2, 1, 0]), x * 2)
def copied(x): return torch.zeros(3).copy_(x) * x
def rows(x): z = torch.zeros(2, 3); z[0] = x; z[1].copy_(x * 2); return z
def chosen(x): z = torch.zeros(3); z[x > 5.5] = 1.; z[0] = x[2]; return z * x
def drawn(x): z = torch.zeros(3); z += torch.rand(3); z += x; return z
for f in (parts, added, scalar, matrix, scattered, copied, rows, chosen, drawn):
    show(lambda: func.jacfwd(f)(v) if f is drawn else func.jacrev(f)(v)); show(lambda: func.jacfwd(f)(v), lambda: func.jacfwd(lambda x: (f(x), x.sin()), has_aux=True)(v), lambda: func.jvp(f, (v,), (v,))[1])
log(func.jacfwd(func.jacfwd(parts))(v), func.jacrev(func.jacfwd(parts))(v), func.jacfwd(func.jacrev(parts))(v)); show(lambda: vmap(func.jacfwd(parts))(v.expand(2, 3)))
# questions that examples do not answer
for f in (lambda x: x.sum() if x.sum() > 0 else x.sum() * 2, lambda x: x.sum() * x[0].item(), lambda x: x.sum() * float(x[0]), lambda x: torch.tensor(x.tolist()).sum(), lambda x: x.sum() * x.numpy()[0], lambda x: x[x > 0].sum(), lambda x: torch.unique(x).sum(), lambda x: x.requires_grad_().sum(), lambda x: (x.sum().backward(), x.sum())[1], lambda x: x.data.sum(), lambda x: x.retain_grad() or x.sum(), lambda x: x.sum() * int(x.argmax()), lambda x: x.sum() * (x[0] in x), lambda x: x.sum() * bool(x.any()), lambda x: x.equal(x) and x.sum(), lambda x: torch.allclose(x, x) and x.sum(), lambda x: x.untyped_storage() and x.sum(), lambda x: x.data_ptr() and x.sum()): show(lambda: vmap(f)(X[0]))
for f in (lambda x: x.sum() if x.sum() > 0 else x.sum() * 2, lambda x: x[0].detach().item() + x.sum(), lambda x: x[x > 5.5].sum(), lambda x: x.data.sum() + x.sum(), lambda x: x.sum() * int(x.argmax()), lambda x: x.sum() * bool(x.any()), lambda x: x.masked_select(x > 5.5).sum()): log(func.jacfwd(f)(c).float())
# attention with dropout
q = torch.ones(3, 1, 5, 8); torch.manual_seed(0); r = vmap(lambda x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.5), randomness='same')(q); log(r.shape, bool((r[0] == r[1]).all() and (r[0] == r[2]).all()), bool((r == r.flatten()[0]).all()))
# torch.Tensor of a tensor keeps its history
x = torch.tensor([1., 2.], requires_grad=True); y = torch.Tensor(x); log(y.requires_grad, y.data_ptr() == x.data_ptr(), torch.Tensor(x.detach()).requires_grad, torch.Tensor(x * 2).sum().item(), torch.FloatTensor(x).requires_grad)
(torch.Tensor(x) * c).sum().backward(); log(x.grad, func.grad(lambda x: torch.Tensor(x).sum())(c), func.jvp(lambda x: torch.Tensor(x).sum(), (c,), (c,)), func.jacfwd(torch.Tensor)(c), torch.Tensor(torch.ones(2, dtype=torch.int64)).dtype)
with torch.no_grad(): log(torch.Tensor(x).requires_grad)
# corners of arguments
for n in (0, 1, 2, -3, (0,), (0, 1), (1, 0), (0, -2), (), [0], 1.0, (0, 5), (0, 'a')):
    for t in ('grad', 'jacrev', 'jacfwd'): show(lambda: getattr(func, t)(lambda a, b: (a * b * b).sum(), n)(c, c + 1))
for d in (0, 1, -1, 2, -3, None, (0,), (0, 0), [0], 'a', 1.5, {'k': 0}):
    show(lambda: vmap(torch.sin, d)(M), lambda: vmap(torch.sin, 0, d)(M), lambda: vmap(lambda a: (a, a), 0, d)(M), lambda: vmap(torch.mul, d)(M, M), lambda: vmap(lambda t: t[0], d)((M, M)), lambda: vmap(lambda t: t['k'], d)({'k': M}))
for f in (lambda a: 3, lambda a: a.long(), lambda a: (), lambda a: [], lambda a: None, lambda a: (a, 3), lambda a: 'x', lambda a: a.to(torch.complex64), lambda a: {'k': a}, lambda a: torch.ones(2)):
    for t in ('grad', 'grad_and_value', 'jacrev', 'jacfwd', 'hessian'): show(lambda: getattr(func, t)(f)(c))
    show(lambda: func.vjp(f, c)[0], lambda: func.jvp(f, (c,), (c,)), lambda: vmap(f)(c))
""")
