# ruff: noqa: E501  the programs keep their lines
"""torch.autograd.functional."""

from programs import divided

SETUP = """
A = torch.autograd.functional
x = torch.tensor([1., 2.]); z = torch.tensor([3., 4.]); s = torch.tensor(2.)
m = torch.tensor([[1., 2.], [3., 4.]])
"""

PROGRAMS = divided("""
# vjp
log(A.vjp(lambda a: a ** 2, x, torch.ones(2))); log(A.vjp(lambda a: (a ** 2).sum(), x)); log(A.vjp(lambda a, b: a * b, (x, z), torch.ones(2)))
# vjp of several outputs
log(A.vjp(lambda a: (a * 2, a ** 2), x, (torch.ones(2), torch.ones(2)))); log(A.vjp(lambda a, b: (a * b).sum(), (x, z)))
# vjp with create_graph
w = x.clone().requires_grad_(); o, g = A.vjp(lambda a: (a ** 3).sum(), w, create_graph=True); log(o.requires_grad, g.requires_grad); log(torch.autograd.grad(g.sum(), w))
# vjp: v is missing, wrong
show(lambda: A.vjp(lambda a: a, x), lambda: A.vjp(lambda a: a, x, torch.ones(3)), lambda: A.vjp(lambda a: a, x, (torch.ones(2), torch.ones(2))), lambda: A.vjp(lambda a: (a, a), x, torch.ones(2)), lambda: A.vjp(lambda a: (a, a), x, (torch.ones(2), torch.ones(3))))
# vjp: strict
show(lambda: A.vjp(lambda a, b: a * 2, (x, z), torch.ones(2), strict=True), lambda: A.vjp(lambda a: torch.ones(2), x, torch.ones(2), strict=True), lambda: A.vjp(lambda a: torch.ones(2), x, torch.ones(2)), lambda: A.vjp(lambda a, b: a * 2, (x, z), torch.ones(2)))
# vjp: types
show(lambda: A.vjp(lambda a: 3, x), lambda: A.vjp(lambda a: a, 3), lambda: A.vjp(lambda a: a, (x, 3)), lambda: A.vjp(lambda a: a, x, 3), lambda: A.vjp(lambda a: (a, 3), x))
# vjp: strict and create_graph of a linear function
show(lambda: A.vjp(lambda a: (a * 2).sum(), x, create_graph=True, strict=True), lambda: A.vjp(lambda a: (a * 2).sum(), x.clone().requires_grad_(), create_graph=True, strict=True))
# jvp
log(A.jvp(lambda a: a ** 2, x, torch.ones(2))); log(A.jvp(lambda a: a ** 2, s)); log(A.jvp(lambda a, b: a * b, (x, z), (torch.ones(2), torch.zeros(2))))
# jvp of several outputs
log(A.jvp(lambda a: (a * 2, a.sum()), x, torch.ones(2)))
# jvp with create_graph
w = x.clone().requires_grad_(); o, t = A.jvp(lambda a: a ** 3, w, torch.ones(2), create_graph=True); log(o.requires_grad, t.requires_grad); log(torch.autograd.grad(t.sum(), w))
# jvp: v is missing, wrong
show(lambda: A.jvp(lambda a: a, x), lambda: A.jvp(lambda a: a, x, torch.ones(3)), lambda: A.jvp(lambda a, b: a, (x, z), torch.ones(2)), lambda: A.jvp(lambda a, b: a, (x, z), (torch.ones(2), torch.ones(3))), lambda: A.jvp(lambda a, b: a, (x, z)))
# jvp: strict
show(lambda: A.jvp(lambda a: torch.ones(2), x, torch.ones(2), strict=True), lambda: A.jvp(lambda a, b: a * 2, (x, z), (torch.ones(2), torch.ones(2)), strict=True), lambda: A.jvp(lambda a: torch.ones(2), x, torch.ones(2)), lambda: A.jvp(lambda a: a * 2, x, torch.ones(2), strict=True))
# jvp: types
show(lambda: A.jvp(lambda a: 3, x, x), lambda: A.jvp(lambda a: a, "a", x), lambda: A.jvp(lambda a: a, x, "v"))
# jacobian
log(A.jacobian(lambda a: a ** 2, x)); log(A.jacobian(lambda a: a.exp().sum(), x)); log(A.jacobian(lambda a: m @ a, x)); log(A.jacobian(lambda a: a.sum(1), m).shape)
# jacobian of several inputs and outputs
log(A.jacobian(lambda a, b: a * b, (x, z))); log(A.jacobian(lambda a: (a * 2, a.sum()), x)); log([[t.shape for t in r] for r in A.jacobian(lambda a, b: (a * b, a.sum()), (x, z))])
# jacobian: vectorize
log(A.jacobian(lambda a: a ** 2, x, vectorize=True)); log(A.jacobian(lambda a, b: (a * b, a.sum()), (x, z), vectorize=True)); log(A.jacobian(lambda a, b: a * 2, (x, z), vectorize=True))
# jacobian: forward mode
log(A.jacobian(lambda a: a ** 2, x, vectorize=True, strategy="forward-mode")); log(A.jacobian(lambda a, b: (a * b, a.sum()), (x, z), vectorize=True, strategy="forward-mode"))
show(lambda: A.jacobian(lambda a: a, x, strategy="forward-mode"), lambda: A.jacobian(lambda a: a, x, strategy="forward-mode", create_graph=True), lambda: A.jacobian(lambda a: a, x, strategy="forward-mode", vectorize=True, strict=True), lambda: A.jacobian(lambda a: a, x, strategy="other"))
# jacobian: create_graph
w = x.clone().requires_grad_(); j = A.jacobian(lambda a: a ** 3, w, create_graph=True); log(j.requires_grad); log(torch.autograd.grad(j.sum(), w)); j = A.jacobian(lambda a: a ** 3, w, create_graph=True, vectorize=True); log(torch.autograd.grad(j.sum(), w))
# jacobian: strict
show(lambda: A.jacobian(lambda a: torch.ones(2), x, strict=True), lambda: A.jacobian(lambda a, b: a * 2, (x, z), strict=True), lambda: A.jacobian(lambda a: a * 2, x, strict=True), lambda: A.jacobian(lambda a: a * 2, x, strict=True, create_graph=True), lambda: A.jacobian(lambda a: a, x, strict=True, vectorize=True))
# jacobian: independent
log(A.jacobian(lambda a: torch.ones(2), x), A.jacobian(lambda a, b: a * 2, (x, z)), A.jacobian(lambda a: a.detach(), x))
# jacobian: types and shapes
show(lambda: A.jacobian(lambda a: 3, x), lambda: A.jacobian(lambda a: a, 3), lambda: A.jacobian(lambda a: a, [x]), lambda: A.jacobian(lambda a: a.reshape(1, 2), x).shape, lambda: A.jacobian(lambda a: a * 1, s))
# jacobian leaves the inputs alone
w = x.clone().requires_grad_(); j = A.jacobian(lambda a: a * 2, w); log(w.grad, j.requires_grad)
with torch.no_grad(): log(A.jacobian(lambda a: a ** 2, x))
# hessian
log(A.hessian(lambda a: (a ** 3).sum(), x)); log(A.hessian(lambda a, b: (a * b).sum() + (a ** 2).sum(), (x, z))); log(A.hessian(lambda a: a ** 3, s)); log(A.hessian(lambda a: (a ** 3).sum().reshape(1), x))
# hessian: vectorize, forward mode
log(A.hessian(lambda a: (a ** 3).sum(), x, vectorize=True)); log(A.hessian(lambda a: (a ** 3).sum(), x, vectorize=True, outer_jacobian_strategy="forward-mode").detach()); log(A.hessian(lambda a, b: (a ** 2 * b).sum(), (x, z), vectorize=True))
# hessian: errors
show(lambda: A.hessian(lambda a: a * 2, x), lambda: A.hessian(lambda a: (a.sum(), a.sum()), x), lambda: A.hessian(lambda a: 3, x), lambda: A.hessian(lambda a: a.sum(), x, outer_jacobian_strategy="x"), lambda: A.hessian(lambda a: a.sum(), "x"))
# hessian: strict
show(lambda: A.hessian(lambda a: a.sum(), x, strict=True), lambda: A.hessian(lambda a: (a ** 2).sum(), x, strict=True), lambda: A.hessian(lambda a: torch.ones(()), x, strict=True), lambda: A.hessian(lambda a, b: (a ** 3).sum(), (x, z), strict=True), lambda: A.hessian(lambda a: a.sum(), x))
# hessian: create_graph
w = x.clone().requires_grad_(); h = A.hessian(lambda a: (a ** 4).sum(), w, create_graph=True); log(h.requires_grad); log(torch.autograd.grad(h.sum(), w))
# vhp
log(A.vhp(lambda a: (a ** 3).sum(), x, torch.ones(2))); log(A.vhp(lambda a, b: (a * b).sum(), (x, z), (torch.ones(2), torch.zeros(2)))); log(A.vhp(lambda a: a ** 3, s))
# vhp: errors
show(lambda: A.vhp(lambda a: a, x, x), lambda: A.vhp(lambda a: (a.sum(), a.sum()), x, x), lambda: A.vhp(lambda a: (a ** 2).sum(), x), lambda: A.vhp(lambda a: (a ** 2).sum(), x, torch.ones(3)), lambda: A.vhp(lambda a: a.sum(), x, x, strict=True), lambda: A.vhp(lambda a: a.sum(), x, x))
# vhp: create_graph
w = x.clone().requires_grad_(); o, p = A.vhp(lambda a: (a ** 3).sum(), w, torch.ones(2), create_graph=True); log(o.requires_grad, p.requires_grad); log(torch.autograd.grad(p.sum(), w))
# hvp
log(A.hvp(lambda a: (a ** 3).sum(), x, torch.ones(2))); log(A.hvp(lambda a, b: (a * b).sum(), (x, z), (torch.ones(2), torch.zeros(2)))); log(A.hvp(lambda a: a ** 3, s))
# hvp: errors
show(lambda: A.hvp(lambda a: a, x, x), lambda: A.hvp(lambda a: (a ** 2).sum(), x), lambda: A.hvp(lambda a: (a ** 2).sum(), x, torch.ones(3)), lambda: A.hvp(lambda a: a.sum(), x, x, strict=True), lambda: A.hvp(lambda a: (a ** 2).sum(), x, x, strict=True), lambda: A.hvp(lambda a: a.sum(), x, x))
# hvp: create_graph
w = x.clone().requires_grad_(); o, p = A.hvp(lambda a: (a ** 3).sum(), w, torch.ones(2), create_graph=True); log(o.requires_grad, p.requires_grad); log(torch.autograd.grad(p.sum(), w))
# a layer
torch.manual_seed(0); l = torch.nn.Linear(2, 2, bias=False)
with torch.no_grad(): l.weight.copy_(m)
log(A.jacobian(l, x)); log(A.vjp(l, x, torch.ones(2))); log(A.jvp(l, x, torch.ones(2)))
# in-place in the function
def f(a): b = a * 2; b.mul_(3); return b
log(A.jacobian(f, x), A.jvp(f, x, x), A.vjp(f, x, x))
# complex numbers
c = torch.tensor([1 + 1j, 2 - 1j]); log(A.vjp(lambda a: a * 2j, c, torch.ones(2, dtype=torch.complex64))); log(A.jvp(lambda a: a * 2j, c, torch.ones(2, dtype=torch.complex64)))
""")
