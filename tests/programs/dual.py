# ruff: noqa: E501  the programs keep their lines
"""Forward mode, functional, checkpoints, subclasses, modes, threads."""

from programs import AUTOGRAD as SETUP
from programs import divided

__all__ = ["PROGRAMS", "SETUP"]

PROGRAMS = divided("""
# gradcheck nondeterministic
k = [0]
class R(Function):
    @staticmethod
    def forward(ctx, a): return a * 1
    @staticmethod
    def backward(ctx, g): k[0] += 1; return g * (1 + (k[0] % 2) * 1e-3)
def whole(f):
    try: return f()
    except Exception as e: return type(e).__name__ + ": " + str(e).split(chr(10))[0]
D = lambda *v: torch.tensor(v, dtype=torch.float64, requires_grad=True)
log(whole(lambda: autograd.gradcheck(R.apply, D(1.)))); log(whole(lambda: autograd.gradcheck(R.apply, D(1.), nondet_tol=1, atol=1)))
# forward_ad
log(err(lambda: fwAD.make_dual(c, c)));
with fwAD.dual_level():
    d = fwAD.make_dual(c, torch.ones(2)); log(d, fwAD.unpack_dual(d).primal, fwAD.unpack_dual(d).tangent, fwAD.unpack_dual(c)); log(fwAD.unpack_dual(d.sin() * c)); log(err(lambda: fwAD.make_dual(c, torch.ones(3)))); log(err(lambda: fwAD.make_dual(torch.arange(2), torch.arange(2)))); log(err(lambda: fwAD.make_dual(c, torch.ones(2, dtype=torch.float64)))); log(err(lambda: fwAD.make_dual(3, c))); log(err(lambda: fwAD.make_dual(d, c)))
    def nest():
        with fwAD.dual_level(): pass
    log(err(nest)); log(d.detach(), fwAD.unpack_dual(d.detach()).tangent, fwAD.unpack_dual(d.clone()).tangent, fwAD.unpack_dual(d[0]).tangent, fwAD.unpack_dual(d > 1).tangent, fwAD.unpack_dual(d.long()).tangent)
    e = d * 1; e.mul_(2); log(fwAD.unpack_dual(e)); e[0] = 5; log(fwAD.unpack_dual(e)); v = e[1:]; v.mul_(3); log(fwAD.unpack_dual(e)); k = torch.zeros(2); k.copy_(d); log(fwAD.unpack_dual(k)); k = torch.zeros(2); k[0] = d[1]; log(fwAD.unpack_dual(k));
    with torch.no_grad(): log(fwAD.unpack_dual(d * 2).tangent)
    log(fwAD._current_level if hasattr(fwAD, "_current_level") else 0)
log(fwAD.unpack_dual(d) if False else err(lambda: fwAD.unpack_dual(d))); log(err(lambda: fwAD.exit_dual_level())); l = fwAD.enter_dual_level(); log(l); fwAD.exit_dual_level(level=l); log(err(lambda: fwAD.exit_dual_level(level=3)))
# forward_ad grad mode
with fwAD.dual_level():
    d = fwAD.make_dual(c, x); y = d * d; log(fwAD.unpack_dual(y).tangent.requires_grad); fwAD.unpack_dual(y).tangent.sum().backward()
log(x.grad)
with fwAD.set_fwd_grad_enabled(False) if hasattr(fwAD, "set_fwd_grad_enabled") else torch.enable_grad():
    with fwAD.dual_level(): d = fwAD.make_dual(c, c); log(fwAD.unpack_dual(d * 2).tangent)
# __torch_function__ override
calls = []
class L(torch.Tensor):
    @classmethod
    def __torch_function__(cls, f, types, args=(), kwargs=None):
        calls.append(getattr(f, "__name__", str(f))); return super().__torch_function__(f, types, args, kwargs or {})
l = torch.ones(3).as_subclass(L)
l + 1; 1 - l; l * l; l @ l; l[0]; l[0] = 2; l.sum(); torch.sum(l); l.T; l.shape; l.grad; len(l); bool(l[0]); l.view(3); l.add_(1); l += 1; -l; abs(l); l == 1; l.size(); l.dim(); l.requires_grad; torch.stack([l, l]); F.relu(l); F.linear(l, torch.ones(1, 3)); l.numpy(); list(l); l.item() if l.numel() == 1 else 0; float(l[0]); l.is_leaf; l.device; l.dtype; repr(l); l.backward if False else 0; l.clone(); l ** 2; 2 ** l; l // 2; l % 2; l & l if False else 0; l < 1; ~(l > 1); l.data; l.grad_fn; hash(l); l is l; iter(l); 1.0 in l; torch.is_tensor(l); torch.numel(l); l.ndim; l.is_cuda; l.layout; l.storage_offset(); l.stride(); l.T; l.mT if False else 0; l.real; l.nbytes; l.itemsize; l.names; l.output_nr; l._version; l.retains_grad; l.is_sparse; l.is_quantized; l.is_meta; l.H if False else 0
log(calls)
# device mode and default device
with torch.device("meta"): log(torch.ones(2).device, nn.Linear(2, 2).weight.device)
torch.set_default_device("meta"); log(torch.ones(2).device); torch.set_default_device(None); log(torch.ones(2).device, torch.get_default_device())
with torch.device("meta"):
    with torch.device("cpu"): log(torch.ones(1).device)
# checkpoint
ck = torch.utils.checkpoint; lin = nn.Linear(2, 2)
with torch.no_grad(): lin.weight.fill_(0.5); lin.bias.fill_(0.1)
n = [0]
def f(a): n[0] += 1; return lin(a).tanh()
for re in (True, False):
    n[0] = 0; lin.zero_grad(); w = x.detach().requires_grad_(); ck.checkpoint(f, w, use_reentrant=re).sum().backward(); log(n, w.grad, lin.weight.grad)
for re in (True, False): log(err(lambda: ck.checkpoint(f, c, use_reentrant=re).sum().backward())); log(err(lambda: ck.checkpoint(f, x, use_reentrant=re, bad=1)))
log(ck.checkpoint_sequential([lin, nn.ReLU(), lin], 2, x, use_reentrant=False)); log(err(lambda: grad(ck.checkpoint(f, x, use_reentrant=True).sum(), x))); log(err(lambda: grad(ck.checkpoint(f, x, use_reentrant=False).sum(), x)))
k = [0]
def g(a): k[0] += 1; return a.sin() if k[0] == 1 else a.sin().cos()
log(err(lambda: ck.checkpoint(g, x, use_reentrant=False).sum().backward()))
k = [0]
def g(a): k[0] += 1; return a.sin().cos() if k[0] == 1 else a.sin()
log(err(lambda: ck.checkpoint(g, x, use_reentrant=False).sum().backward()))
k = [0]
def g(a): k[0] += 1; return (a if k[0] == 1 else a[:1]).sin()
log(err(lambda: ck.checkpoint(g, x, use_reentrant=False).sum().backward()))
k = [0]
log(err(lambda: ck.checkpoint(g, x, use_reentrant=False, determinism_check="none").sum().backward())); log(err(lambda: ck.checkpoint(g, x, use_reentrant=False, determinism_check="x").sum().backward()))
log(err(lambda: ck.checkpoint(f, x, use_reentrant=True, context_fn=lambda: (1, 2)))); log(ck.checkpoint(f, x, use_reentrant=False, preserve_rng_state=False).shape); log(err(lambda: ck.checkpoint(f, x, use_reentrant=False, debug=True).shape)); log(err(lambda: ck.checkpoint(3, x, use_reentrant=False)))
# variable
V = autograd.Variable; v = V(torch.ones(2), requires_grad=True); log(type(v).__name__, isinstance(v, V), v.requires_grad, isinstance(c, V), V(c) is c, err(lambda: V(3)), err(lambda: V(c, volatile=True)), autograd.variable.Variable is V); (v * 2).sum().backward(); log(v.grad, err(lambda: V._execution_engine.queue_callback(1)))
# backward with inplace on grads between
y = (x ** 2).sum(); y.backward(retain_graph=True); x.grad.mul_(0); y.backward(); log(x.grad); x.grad.zero_(); log(x.grad); x.grad = None; (x * 2).sum().backward(); log(x.grad)
# dense gradient added to a sparse one
e = nn.Embedding(3, 2, sparse=True); e.weight.data.fill_(1.); (e(torch.tensor([0, 2])) * 2).sum().backward(); log(e.weight.grad.is_sparse if False else 1); (e.weight * 3).sum().backward(); log(e.weight.grad.to_dense() if e.weight.grad.is_sparse else e.weight.grad)
i = torch.tensor([[0, 1]]); w = torch.ones(2, requires_grad=True); w.grad = torch.sparse_coo_tensor(i, torch.ones(2), (2,)); log(w.grad.is_sparse); (w * 2).sum().backward(); log(w.grad, w.grad.layout)
# grad_dtype
w = torch.ones(2, requires_grad=True); log(w.grad_dtype); w.grad_dtype = torch.float64; (w * 2).sum().backward(); log(w.grad.dtype, w.grad_dtype); w.grad = None; w.grad_dtype = None; w.grad = torch.ones(2, dtype=torch.float16); log(w.grad.dtype, w.grad_dtype)
log(err(lambda: setattr(x * 2, "grad_dtype", torch.float64)), err(lambda: setattr(w, "grad_dtype", 3)), err(lambda: setattr(w, "grad_dtype", torch.int64)))
w = torch.ones(2, requires_grad=True); w.grad = torch.ones(2); log(err(lambda: setattr(w, "grad_dtype", torch.float64))); w = torch.ones(2, requires_grad=True); w.grad_dtype = torch.float64; log(err(lambda: setattr(w, "grad", torch.ones(2)))); w.grad = torch.ones(2, dtype=torch.float64); (w * 3).sum().backward(); log(w.grad); log((x * 2).grad_dtype, c.grad_dtype, torch.arange(2).grad_dtype if True else 0)
""")
