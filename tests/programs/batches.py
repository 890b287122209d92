# ruff: noqa: E501  the programs keep their lines
"""Gradients of many vectors in one backward, Jacobians, Hessians, linearize."""

from programs import divided

SETUP = """
func, AF = torch.func, torch.autograd.functional
grad = torch.autograd.grad
x = torch.tensor([0.5, -1.5, 2.0], requires_grad=True); z = torch.tensor([1.0, 2.0], requires_grad=True); I = torch.eye(3)
def f(a): return a.sin() * a.sum()
calls = []
def noted(g): calls.append(tuple(g.shape))
"""

PROGRAMS = divided("""
# is_grads_batched
y = f(x); log(grad(y, x, I, is_grads_batched=True)[0])
# is_grads_batched of several outputs and inputs
y = f(x); w = (x * z.sum()).exp(); log(grad((y, w), (x, z), (I, 2 * I), is_grads_batched=True))
# is_grads_batched with unused inputs
y = f(x); show(lambda: grad(y, (x, z), I, is_grads_batched=True, retain_graph=True), lambda: grad(y, (x, z), I, is_grads_batched=True, retain_graph=True, allow_unused=True), lambda: grad(y, (x, z), I, is_grads_batched=True, materialize_grads=True))
# is_grads_batched refuses other shapes
y = f(x); show(lambda: grad(y, x, torch.ones(2, 4), is_grads_batched=True), lambda: grad((y, y * 2), x, (I, I[:2]), is_grads_batched=True), lambda: grad(y, x, None, is_grads_batched=True), lambda: grad(y.sum(), x, None, is_grads_batched=True), lambda: grad(y, x, torch.ones(3), is_grads_batched=True))
# is_grads_batched frees the graph
y = f(x); grad(y, x, I, is_grads_batched=True); show(lambda: grad(y, x, I, is_grads_batched=True))
# is_grads_batched can be differentiated
y = f(x); g, = grad(y, x, I, is_grads_batched=True, create_graph=True); log(g.detach(), grad((g * g).sum(), x)[0])
# hooks see one of the gradients, once
y = f(x); y.register_hook(noted); x.register_hook(noted); y.grad_fn.register_hook(lambda a, b: calls.append("post")); y.grad_fn.register_prehook(lambda a: calls.append("pre")); log(grad(y, x, I, is_grads_batched=True)[0], calls)
# hooks replace them
y = f(x); y.register_hook(lambda g: g * 2); y.grad_fn.register_prehook(lambda g: (g[0] + 1,)); log(grad(y, x, I, is_grads_batched=True)[0])
# a Function's backward runs once
class Exp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a): ctx.save_for_backward(a.exp()); return a.exp()
    @staticmethod
    def backward(ctx, g): noted(g); return g * ctx.saved_tensors[0]
log(grad(Exp.apply(x) * x.sum(), x, I, is_grads_batched=True)[0], calls); log(AF.jacobian(lambda a: Exp.apply(a) * a.sum(), x, vectorize=True), len(calls))
# vmap over grad
y = f(x); log(func.vmap(lambda v: grad(y, x, v, retain_graph=True)[0])(I)); log(func.vmap(func.vmap(lambda v: grad(y, x, v, retain_graph=True)[0]))(torch.stack([I, 2 * I])))
# vmap over grad of several
y = f(x); show(lambda: func.vmap(lambda v: grad(y, (x, z), v, retain_graph=True))(I), lambda: func.vmap(lambda v: grad(y, (x, z), v, retain_graph=True, materialize_grads=True))(I), lambda: func.vmap(lambda v: grad(y, x, v[:2], retain_graph=True))(I))
# jacobian
for v in (False, True): log(AF.jacobian(f, x, vectorize=v)); log(AF.jacobian(lambda a, b: (a * b.sum(), b), (x, z), vectorize=v))
# jacobian that can be differentiated
for v in (False, True): j = AF.jacobian(f, x, vectorize=v, create_graph=True); log(grad((j * j).sum(), x)[0])
# jacobian by forward mode
a, b = x.detach(), z.detach(); log(AF.jacobian(lambda a, b: (a * b.sum(), b), (a, b), vectorize=True, strategy="forward-mode")); log(AF.jacobian(f, a, vectorize=True, strategy="forward-mode"), AF.jacobian(f, x, vectorize=True, strategy="forward-mode").requires_grad)
# hessian
for v in (False, True): log(AF.hessian(lambda a: f(a).prod(), x, vectorize=v)); log(AF.hessian(lambda a, b: (a.sum() * b * b).sum(), (x, z), vectorize=v))
# hessian by forward mode
log([[b.detach() for b in row] for row in AF.hessian(lambda a, b: (a.sum() * b * b).sum(), (x, z), vectorize=True, outer_jacobian_strategy="forward-mode")])
# hessians of func
log(func.hessian(lambda a: f(a).prod())(x.detach())); log(func.hessian(f)(x.detach())); log(func.hessian(lambda p: (p["a"].sum() * p["b"] ** 2).sum())({"a": x.detach(), "b": z.detach()}))
# hessian of what is cut off
log(func.hessian(lambda a: a.detach().sum() * a.prod())(x.detach()) + 0)
# hessian under transforms
log(func.vmap(func.hessian(lambda a: f(a).prod()))(torch.stack([x.detach(), x.detach() + 1]))); log(func.jacfwd(func.hessian(lambda a: (a ** 3).sum()))(x.detach())); log(func.jvp(func.hessian(lambda a: (a ** 3).sum()), (x.detach(),), (I[0],))[1] + 0)
# hessian of a graph that goes on
h = func.hessian(lambda a: (a ** 3).prod())(x); log(h.detach(), grad(h.sum(), x)[0])
# hessian: random numbers, whole numbers
try: func.hessian(lambda a: (a * torch.rand(3)).sum() ** 2)(x.detach())
except RuntimeError as e: log(str(e)[:60])
show(lambda: func.hessian(lambda a: a.sum())(torch.arange(3)))
# jacrev in pieces
for c in (None, 1, 2): log(func.jacrev(lambda a: (f(a), a.prod()), chunk_size=c)(x.detach()))
# jacrev under vmap and over it
both = torch.stack([x.detach(), x.detach() + 1]); log(func.vmap(func.jacrev(f))(both)); log(func.jacrev(func.vmap(f))(both)); log(func.vmap(func.jacrev(lambda a: (f(a), z.detach() * a.sum(), z.detach())))(both))
# linearize
y, d = func.linearize(lambda a: calls.append(1) or (f(a), a.sum()), x.detach()); log(y, d(I[0]), d(I[1])); show(lambda: d(torch.ones(2)), lambda: d(I[0].double()), lambda: d((I[0], I[1])))
# linearize a nesting
y, d = func.linearize(lambda p: {"s": p["a"].exp(), "t": p["a"] @ p["a"]}, {"a": x.detach()}); o = d({"a": I[0]}); log(y["s"], y["t"], o["s"], o["t"]); log(func.vmap(lambda v: d({"a": v})["t"])(I))
# linearize what is constant
y, d = func.linearize(lambda a: torch.ones(2), x.detach()); log(y, d(I[0]).detach() + 0)
""")
