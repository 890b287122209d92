# ruff: noqa: E501  the programs keep their lines
"""gradcheck and gradgradcheck: what passes, what fails, and the first line of what is said."""

from programs import divided

SETUP = """
gradcheck, gradgradcheck = torch.autograd.gradcheck, torch.autograd.gradgradcheck
import warnings; warnings.simplefilter("ignore")
x = torch.tensor([.5, .7], dtype=torch.float64, requires_grad=True); z = torch.tensor([.3, .4], dtype=torch.float64, requires_grad=True)
c = torch.tensor([.5 + .2j, .7 - .1j], dtype=torch.complex128, requires_grad=True)
def wrong(forward, backward):
    class W(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a): ctx.save_for_backward(a); return forward(a)
        @staticmethod
        def backward(ctx, g): return backward(g, ctx.saved_tensors[0])
    return W.apply
bad = wrong(lambda a: a * a, lambda g, a: g * a)
def lines(f):
    try: log(f())
    except Exception as e:
        t = str(e).split("analytical")[0]
        log(type(e).__name__, t[:400])
"""

PROGRAMS = divided("""
# right ones
log(gradcheck(torch.sin, x), gradcheck(torch.mul, (x, z)), gradcheck(lambda a: (a.sin(), a.cos()), x), gradcheck(lambda a: a.sum(), [x]))
# right ones in fast mode
log(gradcheck(torch.sin, x, fast_mode=True), gradcheck(torch.mul, (x, z), fast_mode=True), gradcheck(lambda a: (a.sin(), a.cos()), x, fast_mode=True))
# right ones in forward mode
log(gradcheck(torch.sin, x, check_forward_ad=True), gradcheck(torch.mul, (x, z), check_forward_ad=True, check_backward_ad=False), gradcheck(torch.exp, x, check_forward_ad=True, fast_mode=True))
# complex
log(gradcheck(lambda a: a * a, c), gradcheck(lambda a: a.abs(), c), gradcheck(lambda a: a.exp(), c, check_forward_ad=True), gradcheck(torch.view_as_real, c), gradcheck(lambda a: torch.complex(a, a * 2), x))
log(gradcheck(lambda a: a * a, c, fast_mode=True), gradcheck(lambda a: a.abs(), c, fast_mode=True), gradcheck(lambda a: a.exp(), c, check_forward_ad=True, fast_mode=True))
# batched
log(gradcheck(torch.sin, x, check_batched_grad=True), gradcheck(torch.mul, (x, z), check_batched_grad=True))
# other options
log(gradcheck(torch.sin, x, eps=1e-5, atol=1e-4, rtol=1e-2, nondet_tol=1e-3, check_undefined_grad=False, check_grad_dtypes=True, masked=True))
# matrices
log(gradcheck(torch.mm, (torch.rand(2, 3, dtype=torch.float64, requires_grad=True), torch.rand(3, 2, dtype=torch.float64, requires_grad=True))), gradcheck(torch.linalg.det, (torch.eye(2, dtype=torch.float64) * 2).requires_grad_()))
# wrong ones
lines(lambda: gradcheck(bad, x))
show(lambda: gradcheck(bad, x), lambda: gradcheck(bad, x, raise_exception=False), lambda: gradcheck(bad, x, fast_mode=True))
# the numerical and the analytical matrix
try: gradcheck(bad, x)
except RuntimeError as e: log(str(e).split("analytical:")[1].split("Largest")[0].strip()[:40])
# which output and input
show(lambda: gradcheck(lambda a, b: (a * 1, bad(b)), (x, z)))
# wrong in forward mode
class F(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a): return a * 2
    @staticmethod
    def backward(ctx, g): return g * 2
    @staticmethod
    def jvp(ctx, t): return t * 3
show(lambda: gradcheck(F.apply, x, check_forward_ad=True), lambda: gradcheck(F.apply, x))
# wrong for complex numbers
show(lambda: gradcheck(wrong(lambda a: a * 2j, lambda g, a: g * 2j), c))
# single precision
show(lambda: gradcheck(torch.sin, torch.tensor([.5], requires_grad=True), raise_exception=False))
# nothing to check
show(lambda: gradcheck(torch.sin, x.detach()), lambda: gradcheck(lambda a: a.detach(), x), lambda: gradcheck(lambda a: torch.ones(2), x), lambda: gradcheck(lambda a: a.sign().detach(), x))
# strides of zero
show(lambda: gradcheck(torch.sin, torch.ones(1, dtype=torch.float64).expand(3).requires_grad_()))
# not repeatable
n = [0]
def rough(g, a): n[0] += 1; return g * 2 * a + n[0] * 1e-7
show(lambda: gradcheck(wrong(lambda a: a * a, rough), x), lambda: gradcheck(wrong(lambda a: a * a, rough), x, nondet_tol=1., check_undefined_grad=False, masked=True))
# not multiplied by the gradient
show(lambda: gradcheck(wrong(lambda a: a * 1., lambda g, a: torch.ones_like(g)), torch.tensor([1.], dtype=torch.float64, requires_grad=True)))
# options that do not go together
show(lambda: gradcheck(torch.sin, x, check_backward_ad=False), lambda: gradcheck(torch.sin, x, check_batched_grad=True, check_backward_ad=False, check_forward_ad=True), lambda: gradcheck(torch.sin, x, check_batched_forward_grad=True))
# an error in the function
def f(a): raise ValueError("mine")
show(lambda: gradcheck(f, x), lambda: gradcheck(f, x, raise_exception=False))
# GradcheckError
log(torch.autograd.gradcheck.__name__, issubclass(type(x), object))
# second derivatives
log(gradgradcheck(torch.sin, x), gradgradcheck(torch.mul, (x, z)), gradgradcheck(lambda a: (a.sin(), a.exp()), x), gradgradcheck(torch.sin, x, torch.ones(2, dtype=torch.float64, requires_grad=True)))
# second derivatives: other modes
log(gradgradcheck(torch.sin, x, fast_mode=True), gradgradcheck(torch.sin, x, check_fwd_over_rev=True), gradgradcheck(torch.sin, x, gen_non_contig_grad_outputs=True), gradgradcheck(lambda a: a * a, c))
# second derivatives: wrong
def once(g, a): return (g * 2 * a.detach())
show(lambda: gradgradcheck(wrong(lambda a: a * a, once), x), lambda: gradgradcheck(wrong(lambda a: a * a, once), x, raise_exception=False), lambda: gradcheck(wrong(lambda a: a * a, once), x))
# second derivatives: options that do not go together
show(lambda: gradgradcheck(torch.sin, x, check_rev_over_rev=False), lambda: gradgradcheck(torch.sin, x, check_rev_over_rev=False, check_fwd_over_rev=True), lambda: gradgradcheck(torch.sin, x, check_rev_over_rev=False, check_fwd_over_rev=True, check_undefined_grad=False))
# layers and losses
torch.manual_seed(0); l = torch.nn.Linear(2, 3).double(); log(gradcheck(l, x[None].detach().requires_grad_()), gradcheck(lambda a: F.softmax(a, 0), x), gradcheck(lambda a: F.layer_norm(a, (2,)), x))
""")
