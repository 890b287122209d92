# ruff: noqa: E501  the programs keep their lines
"""What transforms refuse, and nodes that no gradient reaches."""

from programs import AUTOGRAD, divided

SETUP = (
    AUTOGRAD
    + """
once_differentiable = torch.autograd.function.once_differentiable
def fnode(fwd, bwd, **kw):
    d = dict(forward=staticmethod(fwd), backward=staticmethod(bwd)); d.update(kw)
    return type("Fn", (Function,), d)
def short(t): return None if t is None else (t.tolist() if isinstance(t, torch.Tensor) else t)
"""
)

PROGRAMS = divided("""
# grad func captured in-place
def f(a): c.add_(1); return (a * c).sum()
show(lambda: func.grad(f)(z.detach())); log(c)
# grad func captured in-place with x
b = torch.ones(2)
def f(a): b.mul_(a); return b.sum()
show(lambda: func.grad(f)(torch.ones(2))); log(b)
# vjp captured write
b = torch.ones(2)
def f(a): b[0] = 3.; return a * b
show(lambda: func.vjp(f, torch.ones(2))); log(b)
# vjp captured copy
b = torch.ones(2)
def f(a): b.copy_(a); return a * b
show(lambda: func.vjp(f, torch.ones(2))); log(b)
# jvp captured write
b = torch.ones(2)
def f(a): b.add_(a); return a * b
show(lambda: func.jvp(f, (torch.ones(2),), (torch.ones(2),))); log(b)
# jvp captured write of constant
b = torch.ones(2)
def f(a): b.add_(1); return a * b
show(lambda: func.jvp(f, (torch.ones(2),), (torch.ones(2),))); log(b)
# vmap captured write
b = torch.ones(2)
def f(a): b.add_(a); return a * b
log(b)
# vmap captured write of constant
b = torch.ones(2)
def f(a): b.add_(1); return a * b
show(lambda: vmap(f)(torch.ones(3))); log(b)
# hessian captured write
b = torch.ones(2)
def f(a): b.add_(1); return (a ** 3).sum()
show(lambda: func.hessian(f)(torch.ones(2))); log(b)
# jacrev captured write
b = torch.ones(2)
def f(a): b.zero_(); return (a ** 3)
show(lambda: func.jacrev(f)(torch.ones(2)), lambda: func.jacfwd(f)(torch.ones(2))); log(b)
# grad captured write via out
b = torch.ones(2)
def f(a): torch.add(c, 1, out=b); return (a ** 3).sum()
show(lambda: func.grad(f)(torch.ones(2))); log(b)
# grad captured write via view
b = torch.ones(2, 2)
def f(a): b[0].add_(1); return (a ** 3).sum()
show(lambda: func.grad(f)(torch.ones(2))); log(b)
# grad captured fill variants
b = torch.ones(2)
def mk(op):
    def f(a): op(); return a.sum()
    return f
for op in (lambda: b.zero_(), lambda: b.fill_(2), lambda: b.mul_(2), lambda: b.normal_(), lambda: b.clamp_(0, 1), lambda: b.index_fill_(0, torch.tensor([0]), 1.), lambda: b.masked_fill_(b > 0, 1.), lambda: b.set_(torch.zeros(2)), lambda: b.resize_(2), lambda: b.t_(), lambda: b.requires_grad_(), lambda: b.detach_(), lambda: b.data.add_(1), lambda: b.exponential_(), lambda: b.copy_(c), lambda: b.index_put_((torch.tensor([0]),), torch.tensor(1.)), lambda: b.squeeze_()):
    b = torch.ones(2)
    show(lambda: func.grad(mk(op))(torch.ones(2)))
# grad captured write inside no_grad
b = torch.ones(2)
def f(a):
    with torch.no_grad(): b.add_(1)
    return (a ** 3).sum()
show(lambda: func.grad(f)(torch.ones(2))); log(b)
# grad local tensors may be written to
def f(a):
    b = torch.ones(2); b.add_(1); b.mul_(a); k = torch.zeros(2); k[0] = a[0]; return (b * k).sum()
show(lambda: func.grad(f)(torch.ones(2)))
# grad nested captured outer input written
def f(a):
    def g(b): a.add_(1); return (a * b).sum()
    return func.grad(g)(a * 1).sum()
show(lambda: func.grad(f)(torch.ones(2)))
# grad nested captured outer intermediate written
def f(a):
    k = a * 2
    def g(b): k.add_(1); return (k * b).sum()
    return func.grad(g)(a * 1).sum()
show(lambda: func.grad(f)(torch.ones(2)))
# grad in vmap captured written
def f(a):
    k = a * 2
    def g(b): k.add_(1); return (k * b).sum()
    return func.grad(g)(a)
show(lambda: vmap(f)(torch.ones(3, 2)))
# vmap in grad captured written
def f(a):
    k = torch.zeros(2)
    def g(b): k.add_(1); return b * 2
    return vmap(g)(a).sum()
show(lambda: func.grad(f)(torch.ones(2)))
# module buffers in grad
bn = nn.BatchNorm1d(2)
X = torch.randn(4, 2)
show(lambda: func.grad(lambda a: bn(a).sum())(X).shape)
show(lambda: func.functional_call(bn, dict(bn.named_parameters()), (X,)).shape)
# backward inside grad
show(lambda: func.grad(lambda a: ((a ** 2).sum().backward(), a.sum())[1])(torch.ones(2)))
# backward of captured inside grad
def f(a): (x * x).sum().backward(); return a.sum()
show(lambda: func.grad(f)(torch.ones(2))); log(x.grad)
# autograd.grad inside grad
show(lambda: func.grad(lambda a: grad((a ** 3).sum(), a, create_graph=True)[0].sum())(torch.ones(2)))
# backward inside vjp
show(lambda: func.vjp(lambda a: ((a ** 2).sum().backward(), a.sum())[1], torch.ones(2)))
# backward inside jvp
show(lambda: func.jvp(lambda a: ((x ** 2).sum().backward(), a.sum())[1], (torch.ones(2),), (torch.ones(2),)))
# backward inside vmap
show(lambda: vmap(lambda a: ((x * a).sum().backward(), a.sum())[1])(torch.ones(2))); log(x.grad)
# torch.autograd.backward inside grad
show(lambda: func.grad(lambda a: (autograd.backward((a ** 2).sum()), a.sum())[1])(torch.ones(2)))
# requires_grad_ inside transforms
show(lambda: func.grad(lambda a: torch.ones(2).requires_grad_().sum() + a.sum())(torch.ones(2)))
show(lambda: vmap(lambda a: a.requires_grad_())(torch.ones(2)))
show(lambda: func.grad(lambda a: a.requires_grad_().sum())(torch.ones(2)))
show(lambda: func.jvp(lambda a: a.requires_grad_().sum(), (torch.ones(2),), (torch.ones(2),)))
show(lambda: func.jacrev(lambda a: a.requires_grad_().sum())(torch.ones(2)))
# attributes inside grad
def f(a): log(a.requires_grad, a.is_leaf, a.grad_fn is None, a.grad is None); b = a * 2; log(b.requires_grad, b.is_leaf, b.grad_fn is None); return b.sum()
show(lambda: func.grad(f)(torch.ones(2)))
# attributes inside vmap
def f(a): log(a.requires_grad, a.is_leaf, a.shape, a.dim(), a.numel(), a.stride(), a.is_contiguous(), a.storage_offset(), a.dtype, a.device); return a
show(lambda: vmap(f)(torch.ones(2, 3)))
# retain_grad inside grad
def f(a): b = a * 2; b.retain_grad(); return b.sum()
show(lambda: func.grad(f)(torch.ones(2)))
# register_hook inside grad
def f(a): b = a * 2; b.register_hook(lambda g: g * 10); return b.sum()
show(lambda: func.grad(f)(torch.ones(2)))
# node None: Function with materialize behind undefined
class A(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): log("A", short(g)); return g * 2
class N(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): log("N", short(g)); return None
N.apply(A.apply(x)).sum().backward(); log(x.grad)
# node None: no materialize
class A(Function):
    @staticmethod
    def forward(ctx, a): ctx.set_materialize_grads(False); return a * 1
    @staticmethod
    def backward(ctx, g): log("A", short(g)); return g
class N(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): log("N", short(g)); return None
N.apply(A.apply(x)).sum().backward(); log(x.grad)
# node None: builtin between
class A(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): log("A", short(g)); return g * 2
class N(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): log("N", short(g)); return None
y = A.apply(x); h = y.register_hook(lambda g: log("hook", short(g)))
N.apply((y * 2).exp().sum()).backward(); log(x.grad)
# node None: hooks on leaves and nodes
class N(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): return None
y = x * 2; y.register_hook(lambda g: log("y", g)); x.register_hook(lambda g: log("x", g)); y.retain_grad()
x.register_post_accumulate_grad_hook(lambda p: log("post", p.grad))
y.grad_fn.register_hook(lambda i, o: log("node", i, o)); y.grad_fn.register_prehook(lambda o: log("pre", o))
w = N.apply(y); w.grad_fn.register_hook(lambda i, o: log("nodeN", i, o))
w.sum().backward(); log(x.grad, y.grad)
show(lambda: grad(N.apply(x * 2).sum(), x), lambda: grad(N.apply(x * 2).sum(), x, allow_unused=True), lambda: grad(N.apply(x * 2).sum(), x, materialize_grads=True))
# node None: two paths
class N(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): return None
class A(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): log("A", short(g)); return g
y = A.apply(x); (N.apply(y) + y).sum().backward(); log(x.grad)
y = A.apply(x); (N.apply(y) + z).sum().backward(); log(x.grad, z.grad)
# node None: several outputs
class Two(Function):
    @staticmethod
    def forward(ctx, a): return a * 1, a * 2
    @staticmethod
    def backward(ctx, g, h): log("Two", short(g), short(h)); return g + h
class N(Function):
    @staticmethod
    def forward(ctx, a, b): return a + b
    @staticmethod
    def backward(ctx, g): return None, None
p, q = Two.apply(x); N.apply(p, q).sum().backward(); log(x.grad)
p, q = Two.apply(x); q.sum().backward(); log(x.grad)
# node None: views and cat
class N(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): return None
class A(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): log("A", short(g)); return g
for op in (lambda t: t[0], lambda t: t.view(2, 1), lambda t: torch.cat([t, t]), lambda t: t.sum(), lambda t: t @ t, lambda t: t.softmax(0), lambda t: t.sort()[0], lambda t: t.clone(), lambda t: torch.where(t > 0, t, t), lambda t: t.unbind()[0], lambda t: t.max(), lambda t: t.expand(2, 2), lambda t: F.dropout(t, 0.5), lambda t: t.std()):
    N.apply(op(A.apply(x))).sum().backward()
log(x.grad)
# hook removed by another hook in the same pass
y = x * 2; hs = []
hs.append(y.register_hook(lambda g: (log("first"), hs[1].remove(), None)[2])); hs.append(y.register_hook(lambda g: log("second")))
y.sum().backward(); y = x * 2; log("again")
# leaf hook removed by another
hs = []
hs.append(x.register_hook(lambda g: (log("first"), hs[1].remove(), None)[2])); hs.append(x.register_hook(lambda g: log("second")))
(x * 2).sum().backward(); (x * 2).sum().backward()
# hook removes itself
hs = []
def h(g): log("h"); hs[0].remove()
hs.append(x.register_hook(h)); x.register_hook(lambda g: log("k"))
(x * 2).sum().backward(); (x * 2).sum().backward()
# hook registers another
def h(g): log("h"); x.register_hook(lambda g: log("new"))
hh = x.register_hook(h); (x * 2).sum().backward(); hh.remove(); (x * 2).sum().backward()
# post accumulate hook removed by another
hs = []
hs.append(x.register_post_accumulate_grad_hook(lambda p: (log("first"), hs[1].remove(), None)[2])); hs.append(x.register_post_accumulate_grad_hook(lambda p: log("second")))
(x * 2).sum().backward(); (x * 2).sum().backward()
# node hooks removed by another
y = x * 2; hs = []
hs.append(y.grad_fn.register_prehook(lambda o: (log("pre1"), hs[1].remove(), None)[2])); hs.append(y.grad_fn.register_prehook(lambda o: log("pre2")))
hs.append(y.grad_fn.register_hook(lambda i, o: (log("post1"), hs[3].remove(), None)[2])); hs.append(y.grad_fn.register_hook(lambda i, o: log("post2")))
y.sum().backward()
# order of hooks
y = x * 2
y.register_hook(lambda g: log("tensor1")); y.grad_fn.register_prehook(lambda g: log("pre1")); y.register_hook(lambda g: log("tensor2")); y.grad_fn.register_prehook(lambda g: log("pre2")); y.grad_fn.register_hook(lambda i, o: log("post")); y.retain_grad()
y.register_hook(lambda g: log("tensor3", y.grad)); x.register_hook(lambda g: log("x", x.grad)); x.register_post_accumulate_grad_hook(lambda p: log("acc", p.grad))
y.sum().backward()
# hook order with changes
y = x * 2
y.register_hook(lambda g: g * 2); y.grad_fn.register_prehook(lambda g: (g[0] + 1,)); y.register_hook(lambda g: g * 3); y.retain_grad(); y.register_hook(lambda g: g + 100)
y.sum().backward(); log(y.grad, x.grad)
# matmul changed in place names
a = (x * 1).reshape(1, 2)
b = (z * 1).reshape(2, 1)
y = a @ b
a.add_(1)
show(lambda: y.sum().backward())
a = (x * 1).reshape(1, 2)
b = (z * 1).reshape(2, 1)
y = a @ b
b.add_(1)
show(lambda: y.sum().backward())
a = (x * 1).reshape(1, 2)
b = (z * 1).reshape(2, 1)
y = a @ b
b.add_(1)
a.add_(1)
show(lambda: y.sum().backward())
a = (x * 1).reshape(1, 1, 2)
b = (z * 1).reshape(1, 2, 1)
y = torch.bmm(a, b)
b.add_(1)
a.add_(1)
show(lambda: y.sum().backward())
a = (x * 1).reshape(1, 2)
b = (z * 1)
y = a @ b
b.add_(1)
a.add_(1)
show(lambda: y.sum().backward())
a = (x * 1)
b = (z * 1)
y = a @ b
b.add_(1)
a.add_(1)
show(lambda: y.sum().backward())
a = (x * 1)
b = (z * 1)
y = a * b
b.add_(1)
a.add_(1)
show(lambda: y.sum().backward())
a = (x * 1)
b = (z * 1)
y = a / b
b.add_(1)
a.add_(1)
show(lambda: y.sum().backward())
a = (x * 1).reshape(1, 2)
b = (z * 1).reshape(2, 1)
y = torch.addmm(torch.zeros(1), a, b)
b.add_(1)
a.add_(1)
show(lambda: y.sum().backward())
a = (x * 1).reshape(1, 2)
b = (z * 1).reshape(1, 2)
y = F.linear(a, b)
b.add_(1)
a.add_(1)
a = (x * 1).reshape(1, 2)
b = (z * 1).reshape(1, 2)
y = F.linear(a, b)
a.add_(1)
show(lambda: y.sum().backward())
a = (x * 1).reshape(1, 1, 2)
b = (z * 1).reshape(1, 2)
y = F.linear(a, b)
b.add_(1)
# frexp second
a = torch.tensor([3., 5.], requires_grad=True); g, = grad(a.frexp()[0].sum(), a, create_graph=True); log(g.requires_grad, g.grad_fn)
g, = grad((a.frexp()[0] ** 2).sum(), a, create_graph=True); log(g.requires_grad, grad(g.sum(), a))
""")
