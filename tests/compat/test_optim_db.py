"""Every optimizer of PyTorch's database, with every set of options it lists: the same parameters after 20
steps.
"""

import copy

import pytest
import torch
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db
from torch.testing._internal.common_utils import set_default_dtype  # noqa: F401  the database needs it imported

import facula

STEPS = 20
SHAPES = [(5, 3), (3,), (), (2, 3, 2), (0,)]
INFOS = {info.optim_cls.__name__: info for info in optim_db}


def cases():
    for name, info in INFOS.items():
        dtypes = [torch.float32, torch.float64]
        if name not in ("Muon", "Adafactor", "SparseAdam", "LBFGS"):
            dtypes += [torch.complex64, torch.bfloat16]
        for dtype in dtypes:
            for entry in info.optim_inputs_func(device="cpu", dtype=dtype):
                yield pytest.param(name, dtype, entry, id=f"{name}-{str(dtype)[6:]}-{entry.desc}")


def converted(value):
    """PyTorch's tensors in options as facula's."""
    if isinstance(value, torch.Tensor):
        return facula.tensor(value.tolist(), dtype=getattr(facula, str(value.dtype)[6:]))
    if isinstance(value, (tuple, list)):
        return type(value)(converted(v) for v in value)
    return value


def starts(name, dtype):
    generator = torch.Generator().manual_seed(5)
    shapes = [s for s in SHAPES if name != "Muon" or len(s) == 2]
    shapes = shapes + [(3, 5)] if name == "Muon" else shapes
    shapes = [s for s in shapes if name not in ("SparseAdam", "LBFGS", "Adafactor") or 0 not in s]
    shapes = [s for s in shapes if name != "SparseAdam" or s]
    return [torch.randn(s, dtype=dtype, generator=generator) for s in shapes]


def parameters(t, values):
    if t is torch:
        return [torch.nn.Parameter(v.clone()) for v in values]
    return [facula.nn.Parameter(of(v)) for v in values]


def of(v):
    dtype = getattr(facula, str(v.dtype)[6:])
    if v.dtype == torch.bfloat16:
        return facula.tensor(v.float().tolist(), dtype=dtype).reshape(tuple(v.shape))
    return facula.tensor(v.tolist(), dtype=dtype).reshape(tuple(v.shape))


def closure_for(t, params, optimizer, step, sparse):
    """The gradient of a sum of quartics whose minimum moves with the steps."""

    def closure():
        optimizer.zero_grad()
        loss = 0
        for i, p in enumerate(params):
            q = t.view_as_real(p) if p.is_complex() else p
            away = q - 0.1 * i - 0.01 * step[0]
            loss = loss + (away * away * (1 + 0.1 * away * away)).sum()
        if sparse:
            for i, p in enumerate(params):
                row = (step[0] + i) % p.shape[0]
                at = t.tensor([[row]])
                p.grad = t.sparse_coo_tensor(at, 2 * p.detach()[row : row + 1] + 0.1, tuple(p.shape))
        else:
            loss.backward()
        return loss

    return closure


def trained(t, name, values, kwargs, steps=STEPS, sparse=False):
    params = parameters(t, values)
    groups = [{"params": params[:1], "lr": kwargs.get("lr", 0.01)}, {"params": params[1:]}]
    if name == "LBFGS" or len(params) == 1:
        groups = params
    optimizer = getattr(t.optim, name)(groups, **kwargs)
    step = [0]
    for step[0] in range(steps) if name != "LBFGS" else [0] * steps:
        # A minimum that moves would leave a quasi-Newton method with nothing but rounding errors.
        closure = closure_for(t, params, optimizer, step, sparse)
        if name == "LBFGS":
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
    return params, optimizer


def close(a, b, dtype, tolerance=None):
    tolerance = (
        tolerance
        or {torch.float64: 1e-9, torch.float32: 2e-5, torch.complex64: 2e-5, torch.bfloat16: 2e-2}[dtype]
    )
    assert tuple(a.shape) == tuple(b.shape)
    if a.numel():
        a = a.detach().double() if not a.is_complex() else torch.view_as_real(a.detach()).double()
        b = b.detach() if not b.is_complex() else facula.view_as_real(b.detach())
        b = torch.tensor(b.double().tolist(), dtype=torch.float64)
        torch.testing.assert_close(b, a, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name, dtype, entry", cases())
def test_trajectories(name, dtype, entry):
    values = starts(name, dtype)
    sparse = name == "SparseAdam"
    theirs, one = trained(torch, name, values, copy.deepcopy(entry.kwargs), sparse=sparse)
    ours, other = trained(
        facula, name, values, {k: converted(v) for k, v in entry.kwargs.items()}, sparse=sparse
    )
    for p, q in zip(theirs, ours, strict=True):
        if name == "Muon":
            # Its inner iteration is in bfloat16, whose last bit the two libraries may round differently.
            torch.testing.assert_close(
                torch.tensor(q.tolist(), dtype=p.dtype), p.detach(), rtol=2e-2, atol=2e-3
            )
        else:
            # Growing without bounds in bfloat16, an early difference of a bit is a large one at the end.
            grows = entry.kwargs.get("maximize") and dtype == torch.bfloat16
            close(p, q, dtype, 0.2 if grows else None)
    a, b = one.state_dict(), other.state_dict()
    assert a["param_groups"][0].keys() == b["param_groups"][0].keys()
    assert a["state"].keys() == b["state"].keys()
    for key in a["state"]:
        assert a["state"][key].keys() == b["state"][key].keys()
    assert repr(one).replace("torch", "") == repr(other).replace("torch", "") or "tensor" in repr(one)


@pytest.mark.parametrize(
    "name", [n for n, i in INFOS.items() if i.supports_sparse and not i.only_supports_sparse_grads]
)
def test_sparse_gradients(name):
    values = starts("SparseAdam", torch.float32)
    theirs, _ = trained(torch, name, values, {"lr": 0.1}, sparse=True)
    ours, _ = trained(facula, name, values, {"lr": 0.1}, sparse=True)
    for p, q in zip(theirs, ours, strict=True):
        close(p, q, torch.float32)


@pytest.mark.parametrize("name", INFOS)
def test_state_dicts_both_ways(name):
    dtype, sparse = torch.float64, name == "SparseAdam"
    values = starts(name, dtype)
    for one, other in ((torch, facula), (facula, torch)):
        params, optimizer = trained(one, name, values, {"lr": 0.01}, steps=5, sparse=sparse)
        state = optimizer.state_dict()
        import io

        file = io.BytesIO()
        one.save(state, file)
        file.seek(0)
        plain = [torch.tensor(p.tolist(), dtype=dtype).reshape(tuple(p.shape)) for p in params]
        again = parameters(other, plain)
        groups = [{"params": again[:1]}, {"params": again[1:]}] if len(optimizer.param_groups) == 2 else again
        resumed = getattr(other.optim, name)(groups, lr=0.5)
        resumed.load_state_dict(other.load(file))
        pairs = ((one, params, optimizer), (other, again, resumed))
        for step in range(5, 10):
            for t, ps, o in pairs:
                closure = closure_for(t, ps, o, [step if name != "LBFGS" else 0], sparse)
                if name == "LBFGS":
                    o.step(closure)
                else:
                    closure()
                    o.step()
        theirs, ours = (params, again) if one is torch else (again, params)
        for p, q in zip(theirs, ours, strict=True):
            if name == "Muon":
                torch.testing.assert_close(
                    torch.tensor(q.tolist(), dtype=p.dtype), p.detach(), rtol=2e-2, atol=2e-3
                )
            else:
                close(p, q, dtype)


def counterpart(value, made):
    """Parameters of PyTorch as facula's: what is one object there is one object here."""
    if isinstance(value, torch.Tensor):
        if id(value) not in made:
            made[id(value)] = of(value.detach().to_dense())
            if value.is_sparse:
                made[id(value)] = made[id(value)].to_sparse()
            made[id(value)].grad = None if value.grad is None else of(value.grad)
        return made[id(value)]
    if isinstance(value, dict):
        return {k: counterpart(v, made) for k, v in value.items()}
    if isinstance(value, (int, float, str, bool, type(None))):
        return value
    values = [counterpart(v, made) for v in value]
    return tuple(values) if isinstance(value, tuple) else values


@pytest.mark.parametrize("name", INFOS)
def test_errors(name):
    info = INFOS[name]
    for entry in info.optim_error_inputs_func("cpu", torch.float32):
        given, error, text = entry.error_on, entry.error_type, entry.error_regex
        kwargs = {k: converted(v) for k, v in entry.optimizer_error_input.kwargs.items()}
        params = entry.optimizer_error_input.params
        made: dict[int, facula.Tensor] = {}
        params = [facula.nn.Parameter(facula.ones(2, 3))] if params is None else counterpart(params, made)
        cls = getattr(facula.optim, name)
        if given == OptimizerErrorEnum.CONSTRUCTION_ERROR:
            if issubclass(error, Warning):
                with pytest.warns(error, match=text):
                    cls(params, **kwargs)
            else:
                with pytest.raises(error, match=text):
                    cls(params, **kwargs)
        else:
            optimizer = cls(params, **kwargs)
            with pytest.raises(error, match=text):
                optimizer.step()
