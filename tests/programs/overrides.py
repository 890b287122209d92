# ruff: noqa: E501  the programs keep their lines
"""__torch_function__: what handlers are told, in which order, and what comes out."""

from programs import divided

SETUP = """
from contextlib import nullcontext
overrides = torch.overrides
TorchFunctionMode = overrides.TorchFunctionMode
def name(f): return (overrides.resolve_name(f) or getattr(f, "__name__", "?")).replace("torch.functional.", "torch.")
KEYS = ("out", "alpha", "min")  # those that users give; PyTorch's Python functions pass all they have
class Log(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        log(name(func), len(args))
        return func(*args, **(kwargs or {}))
class S(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        log(name(func), [t.__name__ for t in types], len(args), kwargs is None)
        return super().__torch_function__(func, types, args, kwargs)
class Plain(torch.Tensor): pass
class Child(S): pass
class Duck:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return name(func), [t.__name__ for t in types if t is not torch.Tensor], len(args), [k for k in kwargs or () if k in KEYS]
class Shy:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None): return NotImplemented
x = torch.tensor([[1., 2.], [3., 4.]]); y = torch.tensor([[.5, 1.], [2., .25]])
b = torch.tensor([[True, False], [True, True]]); i = torch.tensor([[1, 0], [0, 1]]); s = torch.tensor(1.5)
n = torch.tensor(1)
"""

# Seen by a mode, and by a subclass in the first place: the same function, by name, with as many arguments.
EXPRESSIONS = """
x + y | x + 1 | 1 + x | x - y | 1 - x | x * y | x / y | 1 / x | x // y | 3 // x | x % y | 3 % x | x ** y | 2 ** x
x @ y | -x | +x | abs(x) | ~b | b & b | b | b ^ b | True & b | True ^ b | i << 1 | 1 >> i | x == y | x != y | x < 1
1 < x | x[0] | x[0, 1] | x[x > 0] | x.shape | x.dtype | x.device | x.ndim | x.grad | x.T | x.mT | x.H | x.is_leaf
x.requires_grad | x.grad_fn | x.data | x._version | x._base | x.real | x.layout | x.itemsize | x.nbytes | x.is_cpu
x.is_sparse | x.is_meta | x.retains_grad | x.output_nr | x.name | x.is_quantized | len(x) | bool(s) | float(s)
int(s) | complex(s) | [0, 1, 2][n] | list(x) | 1. in x | reversed(x) | repr(x) | str(x) | format(s, '.2f')
dir(x) and 0 | x.__array__() | x.numpy() | x.size() | x.size(0) | x.stride() | x.dim() | x.numel()
s.item() | x.tolist() | x.storage_offset() | x.element_size() | x.is_contiguous() | x.is_floating_point()
x.is_inference() | x.get_device() | x.is_pinned() | x.is_set_to(y) | x.ndimension() | x.type() | x.is_same_size(y)
x.requires_grad_() | x.detach() | x.clone() | x.to(torch.float64) | x.double() | x.cpu() | x.new_tensor([1.])
x.new_zeros(2) | x.view(-1) | x.permute(1, 0) | x.t() | x.unbind() | x.chunk(2) | x.masked_fill(b, 0.)
x.add_(y) | x.max(0) | torch.add(x, y) | torch.add(x, y, alpha=2) | torch.cat([x, y]) | torch.stack((x, y))
torch.sum(x, dim=0) | torch.where(b, x, y) | torch.einsum('ij,jk->ik', x, y) | torch.cov(x) | torch.block_diag(x, y)
torch.is_floating_point(x) | torch.result_type(x, y) | torch.equal(x, y) | torch.zeros_like(x) | F.linear(x, y)
torch.complex(x, y) | torch.normal(x, 1.) | F.gelu(x) | F.relu_(x) | F.glu(x) | F.l1_loss(x, y) | F.mse_loss(x, y)
torch.linalg.norm(x) | torch.linalg.inv(x) | torch.linalg.multi_dot([x, y]) | torch.fft.fft(x) | torch.special.expit(x)
torch.special.logsumexp(x, 0) | F.cross_entropy(x, y) | F.softplus(x) | F.layer_norm(x, (2,)) | F.kl_div(x, y)
torch.split(x, 1)[0] | torch.vander(x[0]) | torch.trapezoid(x) | x.numel() | torch.numel(x) | torch.is_same_size(x, y)
"""
ALONE = """
torch.zeros(2) | torch.full((2,), 1.) | torch.arange(3) | torch.linspace(0, 1, 3) | torch.eye(2) | torch.rand(2)
torch.randint(3, (2,)) | torch.randperm(3) | torch.tensor([1.]) | torch.as_tensor([1.]) | torch.asarray([1.])
torch.scalar_tensor(1.) | torch.hann_window(4) | torch.tril_indices(2, 2) | torch.Tensor([1.]) | torch.Tensor(2).dim
torch.empty_strided((2,), (1,)).shape | torch.set_grad_enabled(True) | torch.can_cast(torch.int, torch.float)
torch.manual_seed(0) is None | torch.get_default_dtype() | torch.is_grad_enabled() | torch.is_tensor(x)
"""
STATEMENTS = """
x[0] = 1. | x[0] = y[0] | x[x > 0] = 0. | x += y | x -= 1 | x *= y | x /= 2 | x //= 2 | x **= 2 | x %= 2 | i <<= 1
i >>= 1 | b &= b | b ^= b | x.grad = None | x.grad = y.clone() | x.requires_grad = True | x.data = y
"""
CALLS = """
x + Duck() | Duck() + x | Duck() - x | Duck() ** x | Duck() @ x | x & Duck() | Duck() & x | x[Duck()] | x[0, Duck()]
torch.add(Duck(), x) | torch.stack([x, Duck()]) | torch.cat((Duck(), x)) | torch.zeros(Duck()) | torch.sum(x, Duck())
torch.zeros_like(Duck()) | x.view(Duck()) | x.view(1, Duck()) | torch.add(x, x, out=Duck()) | x.clamp(min=Duck())
torch.add(x, x, alpha=Duck()) | x.to(Duck()) | torch.where(x > 0, x, Duck()) | torch.full((2,), Duck())
torch.index_put(x, (Duck(),), x) | x.copy_(Duck()) | torch.is_tensor(Duck()) | F.relu(Duck()) | F.linear(x, Duck())
F.l1_loss(x, Duck())[:3] | torch.einsum('i,i', x, Duck()) | torch.block_diag(x, Duck()) | torch.linalg.det(Duck())
torch.fft.fft(Duck()) | torch.special.erf(Duck()) | torch.broadcast_tensors(x, Duck()) | torch.cdist(x, Duck())[:3]
torch.autograd.grad(Duck(), x)[1:3] | x.matmul(Duck()) | torch.unique(Duck())[:3] | torch.nn.init.zeros_ and 1
torch.add(Shy(), x) | torch.cat([Shy(), x]) | x + Shy() | Shy() * x | x.add(Shy()) | x.as_subclass(Shy)
torch.add(Shy(), Duck()) | torch.add(Duck(), Shy()) | torch.tensor(Duck()) | Duck() in x | x == Shy()
F.relu(Shy()) | F.mse_loss(x, Shy()) | x.as_subclass(int) | x.as_subclass(1) | torch.Tensor._make_subclass(int, x)
torch.Tensor.shape.__get__(Duck()) is None | overrides.has_torch_function((x,)) | overrides.has_torch_function((x, Shy()))
overrides.is_tensor_like(Duck()) | overrides.is_tensor_like(1) | overrides.resolve_name(torch.Tensor.shape.__get__)
overrides.resolve_name(len) | overrides.is_tensor_method_or_property(torch.Tensor.add)
overrides.is_tensor_method_or_property(torch.add) | overrides.is_tensor_method_or_property(torch.Tensor.T.__get__)
overrides.handle_torch_function(torch.add, (Shy(),), Shy()) | overrides.handle_torch_function(torch.add, (Duck(),), 1)
TorchFunctionMode().__torch_function__(torch.add, ()) | torch._C._len_torch_function_stack()
torch._C._pop_torch_function_stack() | torch.Tensor.__torch_function__(torch.add, (S,), (x, x))
torch.Tensor.__torch_function__(torch.add, (torch.Tensor,), (x, x)) | torch.Tensor.__torch_function__(torch.add, (int,), (x, x))
type(S.__torch_function__(torch.add, (S,), (x, x))).__name__ | torch.add in overrides.get_overridable_functions()[torch]
torch.Tensor.add in overrides.get_overridable_functions()[torch.Tensor] | torch.is_tensor in overrides.get_ignored_functions()
overrides.get_testing_overrides()[torch.add](1, 2)
"""


def listed(text: str) -> list[str]:
    return [each.strip() for line in text.strip().splitlines() for each in line.split(" | ")]


_WRAP = "x, b, i, s, n = (t.as_subclass(Plain) for t in (x, b, i, s, n))\n"
_KIND = "def kind(r): return [kind(e) for e in r] if isinstance(r, (list, tuple)) else type(r).__name__\n"

PROGRAMS = divided("""
# the function handed over is the one the user knows
class I(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        log([k for k, v in KNOWN.items() if func is v or func == v])
        return func(*args, **(kwargs or {}))
T = torch.Tensor
KNOWN = {"add": torch.add, "T.add": T.add, "T.add_": T.add_, "shape": T.shape.__get__, "grad=": T.grad.__set__,
         "[]": T.__getitem__, "[]=": T.__setitem__, "relu": F.relu, "zeros": torch.zeros, "len": T.__len__,
         "expit": torch.special.expit, "det": torch.linalg.det, "rsub": T.__rsub__, "l1": F.l1_loss, "neg": T.neg}
with I():
    torch.add(x, y); x.add(y); x + y; x.add_(1); x.shape; x.grad = None; x[0]; x[0] = 1; F.relu(x); torch.zeros(2)
    len(x); torch.special.expit(x); torch.linalg.det(x); 1 - x; F.l1_loss(x, y); -x
# modes nest and are off in their own handlers
class M(TorchFunctionMode):
    def __init__(self, n): self.n = n
    def __torch_function__(self, func, types, args=(), kwargs=None):
        log(self.n, name(func), torch._C._len_torch_function_stack())
        return func(*args, **(kwargs or {}))
with M(1):
    with M(2): torch.add(x, y)
    x.sum()
x.sum()
log(torch._C._len_torch_function_stack())
# a mode that calls other functions
class Double(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        r = func(*args, **(kwargs or {}))
        return r * 2 if isinstance(r, torch.Tensor) else r
with Double(): r = torch.ones(2) + 1
log(r)
# a mode in a mode's handler
class Again(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        with self: log("in", name(func)) if func is torch.sum else torch.sum(x)
        return func(*args, **(kwargs or {}))
with Again(): torch.sin(x)
# an error in a handler leaves the stack as it was
class Bad(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None): raise ValueError("bad")
with Bad():
    show(lambda: torch.sin(x), lambda: x + 1, lambda: x.shape)
    log(torch._C._len_torch_function_stack())
log(x.shape)
# NotImplemented of a mode goes on to classes
class No(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None): return NotImplemented
with No(): show(lambda: torch.add(Duck(), x), lambda: Duck().__torch_function__ and 1)
# NotImplemented of all
class No(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None): return NotImplemented
def f():
    with No(): torch.add(x, y)
show(f)
# a mode sees calls on subclasses first
with Log(): x.as_subclass(S) + 1
# subclasses off
t = x.as_subclass(S)
with torch._C.DisableTorchFunctionSubclass():
    log(type(t + 1).__name__, type(t.shape).__name__, torch._C._is_torch_function_enabled())
    with Log(): x + 1
log(torch._C._is_torch_function_enabled())
# all off
t = x.as_subclass(S)
with Log():
    with torch._C.DisableTorchFunction(): log(type(t + 1).__name__, type(x + 1).__name__)
# off inside the default handler
class P(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        r = super().__torch_function__(func, types, args, kwargs)
        log(name(func), type(r).__name__, torch._C._is_torch_function_enabled())
        return r
t = x.as_subclass(P); t.sum(); t.shape; t[0]; t.max(0)
# the most special class is asked first
class A(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        log(cls.__name__, [t.__name__ for t in types]); return super().__torch_function__(func, types, args, kwargs)
class B(A): pass
class C(B): pass
a, bb, c = x.as_subclass(A), x.as_subclass(B), x.as_subclass(C)
log(type(a + bb).__name__, type(torch.add(bb, a)).__name__, type(torch.cat([a, bb, c])).__name__)
log(type(torch.where(a > 0, bb, c)).__name__)
# unrelated classes: left to right, until one answers
class A(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        log(cls.__name__, [t.__name__ for t in types]); return super().__torch_function__(func, types, args, kwargs)
class B(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        log(cls.__name__, [t.__name__ for t in types]); return super().__torch_function__(func, types, args, kwargs)
show(lambda: torch.add(x.as_subclass(A), x.as_subclass(B)))
# ducks of two kinds
class D2(Duck): pass
class D3:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None): return cls.__name__, [t.__name__ for t in types]
log(torch.add(Duck(), D2())); log(torch.add(D2(), Duck())); log(torch.add(D3(), Duck())); log(torch.add(D2(), D3()))
# a handler that is no classmethod
class I:
    def __torch_function__(self, func, types, args=(), kwargs=None): return "answer", kwargs
log(torch.add(I(), x))
# documented example: a tensor with metadata
class Meta:
    def __init__(self, data, metadata=None): self._t = torch.as_tensor(data); self._metadata = metadata
    def __repr__(self): return f"Metadata:{self._metadata} data:{self._t.tolist()}"
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        metadatas = tuple(a._metadata for a in args if hasattr(a, "_metadata"))
        args = [getattr(a, "_t", a) for a in args]
        assert len(metadatas) > 0
        return Meta(func(*args, **kwargs), metadata=metadatas[0])
m = Meta([[1, 2], [3, 4]], metadata="m"); log(torch.add(x, m), torch.mul(m, 2), torch.sum(m))
# documented example: a diagonal tensor
HANDLED = {}
class Diag:
    def __init__(self, n, v): self._n, self._v = n, v
    def tensor(self): return self._v * torch.eye(self._n)
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func not in HANDLED or not all(issubclass(t, (torch.Tensor, Diag)) for t in types): return NotImplemented
        return HANDLED[func](*args, **(kwargs or {}))
HANDLED[torch.mean] = lambda d: d._v / d._n
HANDLED[torch.add] = lambda a, b, **k: (a.tensor() if isinstance(a, Diag) else a) + (b.tensor() if isinstance(b, Diag) else b)
d = Diag(2, 3); log(torch.mean(d), torch.add(d, x)); show(lambda: torch.mul(d, d))
# documented example: a logging tensor
class LoggingTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is not torch.Tensor.__repr__: log(f"func: {func.__name__}, args: {len(args)}, kwargs: {kwargs!r}")
        return super().__torch_function__(func, types, args, {} if kwargs is None else kwargs)
t = LoggingTensor([[1.0, 2], [3, 4]]); torch.add(t, t); t.sum(); t.t(); t * 2; log(repr(t))
# an API function of the user's own
def add1(a):
    if overrides.has_torch_function_unary(a): return overrides.handle_torch_function(add1, (a,), a)
    return a + 1
log(add1(x), add1(Duck()))
# wrap_torch_function
@overrides.wrap_torch_function(lambda a, b=None: (a, b))
def f(a, b=None): return a
log(f(1), f(1, Duck()), f(Duck(), b=2))
# disabled implementation: results are plain
class D(torch.Tensor): __torch_function__ = torch._C._disabled_torch_function_impl
d = x.as_subclass(D); log(type(d).__name__, type(d + 1).__name__, type(d[0]).__name__, type(d.clone()).__name__)
# Parameter gives plain tensors, and is seen by modes
p = torch.nn.Parameter(x)
log(type(p + 1).__name__, type(p.data).__name__, type(p[0]).__name__)
with Log(): p.sum(); p.grad_fn
# attributes set on a subclass stay
t = x.as_subclass(Plain); t.note = 3; log(t.note, hasattr(t + 1, "note"), hasattr(t.view(-1), "note"))
t += 1; log(t.note, type(t).__name__)
# history of subclasses
t = torch.ones(2, requires_grad=True).as_subclass(Plain); u = t * 2
log(t.is_leaf, type(t.grad_fn).__name__, type(u.grad_fn).__name__, u.requires_grad, t._base is not None)
# backward through subclasses
r = torch.ones(2, requires_grad=True); t = r.as_subclass(Plain); (t * 3).sum().backward(); log(r.grad, type(r.grad).__name__)
# a leaf of a subclass
t = torch.Tensor._make_subclass(Plain, torch.ones(2), True); log(t.is_leaf, t.requires_grad)
(t * 3).sum().backward(); log(t.grad.tolist(), type(t.grad).__name__)
# make_subclass: not floating
show(lambda: torch.Tensor._make_subclass(Plain, torch.ones(2, dtype=torch.int64), True))
show(lambda: torch.Tensor._make_subclass(1, x), lambda: torch.Tensor._make_subclass(Plain, 1))
# pickle and copy of subclasses
import pickle, copy, sys, types
module = types.ModuleType("program"); sys.modules["program"] = module
module.Plain = Plain; Plain.__module__ = "program"; Plain.__qualname__ = "Plain"
t = torch.Tensor._make_subclass(Plain, torch.ones(2), True); t.note = [1]
u = pickle.loads(pickle.dumps(t)); log(type(u).__name__, u.note, u.requires_grad, u.tolist())
u = copy.copy(t); log(type(u).__name__, u.note is t.note)
del sys.modules["program"]
# deepcopy where new_empty gives the class
import copy
class N(torch.Tensor):
    def new_empty(self, *a, **k): return super().new_empty(*a, **k).as_subclass(N)
t = torch.ones(2).as_subclass(N); t.note = [1]; u = copy.deepcopy(t); log(type(u).__name__, u.note, u.note is t.note)
# numpy of a subclass
import numpy as np
t = x.as_subclass(Plain); log(type(t.numpy()).__name__, np.asarray(t).tolist(), np.add(t, 1).tolist())
# namedtuples of subclasses
t = x.as_subclass(Plain); r = t.max(0); log(type(r).__name__, type(r.values).__name__, type(r.indices).__name__)
u = t.topk(1); log(type(u).__name__, [type(e).__name__ for e in u]); log([type(e).__name__ for e in t.unbind()])
# iteration
log([type(r).__name__ for r in x.as_subclass(Plain)]); log(len(x.as_subclass(Plain)))
show(lambda: list(s.as_subclass(Plain)))
# wrapper subclasses
class W(torch.Tensor):
    @staticmethod
    def __new__(cls): return torch.Tensor._make_wrapper_subclass(cls, (2, 3), dtype=torch.float64, requires_grad=True)
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None): return super().__torch_function__(func, types, args, kwargs)
    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None): return NotImplemented
w = W(); log(type(w).__name__, w.shape, w.dtype, w.device, w.requires_grad, w.stride(), w.is_leaf)
# nn.Module with subclass weights keeps the class
class L(torch.nn.Module):
    def __init__(self): super().__init__(); self.w = torch.nn.Parameter(torch.ones(2).as_subclass(Plain))
    def forward(self, v): return v * self.w
m = L(); log(type(m.w).__name__, isinstance(m.w, torch.nn.Parameter), type(m(torch.ones(2))).__name__, len(list(m.parameters())))
# a mode around a module
with Log(): torch.nn.ReLU()(x)
# a mode around a loss with backward
r = torch.ones(2, requires_grad=True)
with Log(): (r * r).sum().backward()
log(r.grad)
# BaseTorchFunctionMode
with overrides.BaseTorchFunctionMode(): log(x + 1, x.shape)
# what a mode changes
class ToOnes(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.zeros: func = torch.ones
        return func(*args, **(kwargs or {}))
with ToOnes(): log(torch.zeros(2))
# a default dtype by mode
class Double(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func in (torch.zeros, torch.ones, torch.tensor): kwargs.setdefault("dtype", torch.float64)
        return func(*args, **kwargs)
with Double(): log(torch.zeros(2).dtype, torch.tensor([1, 2]).dtype, torch.ones(1, dtype=torch.int32).dtype)
# threads have modes of their own
import threading
def work(): seen.append((torch._C._len_torch_function_stack(), torch.ones(2).sum().item()))
seen = []
with Bare() if "Bare" in globals() else overrides.BaseTorchFunctionMode():
    t = threading.Thread(target=work); t.start(); t.join()
log(seen)
# in-place on a subclass returns the object itself
t = x.as_subclass(Plain); log(t.add_(1) is t, t.mul_(2) is t); u = t; u += 1; log(u is t)
# out= with a subclass
o = torch.empty(2, 2).as_subclass(Plain); r = torch.add(x, y, out=o); log(r is o, type(r).__name__)
# comparison of subclass results
t = x.as_subclass(Plain); log(type(t == 1).__name__, bool((t == x).all()), t.equal(x), torch.equal(t, x))
# hooks and grads on subclasses
t = torch.Tensor._make_subclass(Plain, torch.ones(2), True); t.register_hook(lambda g: log(type(g).__name__, g.tolist()))
(t * 2).sum().backward()
""")
for _e in listed(EXPRESSIONS) + listed(ALONE):
    PROGRAMS[f"a mode sees {_e}"] = f"log('on')\nwith Log(): {_e}"
for _e in listed(STATEMENTS):
    PROGRAMS[f"a mode sees {_e}"] = f"log('on')\nwith Log(): {_e}\nlog(x, i, b)"
    PROGRAMS[f"on a subclass: {_e}"] = (
        f"{_WRAP}{_e}\nlog(type(x).__name__, x.tolist(), i.tolist(), b.tolist())"
    )
for _e in listed(EXPRESSIONS):
    if _e != "x.type()":
        PROGRAMS[f"class of {_e}"] = f"{_WRAP}{_KIND}show(lambda: kind({_e}))"
for _e in listed(CALLS):
    PROGRAMS[_e] = f"show(lambda: {_e})"
