"""torch.nn.utils against real PyTorch: parametrizations, pruning, normalised weights, fusion, packing."""

from __future__ import annotations

import copy
import pickle
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from nn_tools import mlp, try_  # noqa: E402
from side_by_side import check  # noqa: E402

EPS = 2e-6


def parametrize(t):
    return t.nn.utils.parametrize


def prune(t):
    return __import__("importlib").import_module(f"{t.__name__}.nn.utils.prune")


def look(m, *names):
    """What can be seen of a module: text, parameters, buffers, state_dict, the values of some attributes."""
    return (
        repr(m),
        [(n, p) for n, p in m.named_parameters()],
        [(n, b) for n, b in m.named_buffers()],
        list(m.state_dict()),
        [getattr(m, n) for n in names],
    )


# parametrize


def kinds(t):
    class Symmetric(t.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).transpose(-1, -2)

        def right_inverse(self, a):
            return a.triu()

    class Double(t.nn.Module):
        def forward(self, x):
            return x * 2

    class Rank(t.nn.Module):
        def forward(self, x, y):
            return x.unsqueeze(-1) @ y.unsqueeze(-2)

        def right_inverse(self, z):
            return z[:, 0].clone(), z[0].clone()

    class ToDouble(t.nn.Module):
        def forward(self, x):
            return x.double()

    class Wider(t.nn.Module):
        def forward(self, x):
            return t.cat([x, x])

        def right_inverse(self, x):
            return x[: x.shape[0] // 2]

    class Text(t.nn.Module):
        def forward(self, x):
            return "no"

    class BadInverse(t.nn.Module):
        def forward(self, x):
            return x

        def right_inverse(self, x):
            return 3

    class InverseDtype(t.nn.Module):
        def forward(self, x):
            return x

        def right_inverse(self, x):
            return x.double()

    class ManyTexts(t.nn.Module):
        def forward(self, x):
            return x

        def right_inverse(self, x):
            return [x, "a"]

    class NoInverse(t.nn.Module):
        def forward(self, x):
            return x

        def right_inverse(self, x):
            raise NotImplementedError

    return {k: v for k, v in locals().items() if k != "t"}


KINDS = [
    "Symmetric", "Double", "Rank", "ToDouble", "Wider", "Text", "BadInverse", "InverseDtype", "ManyTexts",
    "NoInverse",
]  # fmt: skip


@pytest.mark.parametrize("unsafe", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_register(kind, unsafe):
    def run(t):
        m = t.nn.Linear(3, 3)
        p = parametrize(t)
        added = try_(lambda: p.register_parametrization(m, "weight", kinds(t)[kind](), unsafe=unsafe) is m)
        return added, try_(lambda: look(m, "weight")), p.is_parametrized(m), p.is_parametrized(m, "bias")

    check(run, EPS)


@pytest.mark.parametrize("second", KINDS)
def test_register_a_second(second):
    def run(t):
        m = t.nn.Linear(3, 3)
        p = parametrize(t)
        p.register_parametrization(m, "weight", kinds(t)["Symmetric"]())
        added = try_(lambda: p.register_parametrization(m, "weight", kinds(t)[second]()) is m)
        return added, look(m, "weight"), [type(x).__name__ for x in m.parametrizations.weight]

    check(run, EPS)


@pytest.mark.parametrize("kind", ["Symmetric", "Double", "Rank", "NoInverse"])
def test_assign_and_remove(kind):
    def run(t):
        m = t.nn.Linear(3, 3)
        p = parametrize(t)
        p.register_parametrization(m, "weight", kinds(t)[kind](), unsafe=True)
        assigned = try_(lambda: setattr(m, "weight", t.arange(9.0).reshape(3, 3)))
        seen = look(m, "weight")
        left = copy.deepcopy(m)
        kept = try_(lambda: look(p.remove_parametrizations(left, "weight"), "weight"))
        dropped = try_(
            lambda: look(p.remove_parametrizations(m, "weight", leave_parametrized=False), "weight")
        )
        return assigned, seen, kept, dropped, type(left).__name__, type(m).__name__

    check(run, EPS)


def test_parametrize_errors():
    def run(t):
        m = t.nn.Linear(3, 3)
        p = parametrize(t)
        first = [
            try_(lambda: p.register_parametrization(m, "nothing", t.nn.Identity())),
            try_(lambda: p.remove_parametrizations(m, "weight")),
            try_(lambda: p.ParametrizationList([], t.zeros(1))),
        ]
        p.register_parametrization(m, "weight", t.nn.Identity())
        return first, try_(lambda: pickle.dumps(m)), try_(lambda: setattr(m, "weight", t.zeros(3, 3)))

    check(run)


def test_cached():
    def run(t):
        calls = []

        class Count(t.nn.Module):
            def forward(self, x):
                calls.append(1)
                return x + 1

        m = t.nn.Linear(2, 2)
        p = parametrize(t)
        p.register_parametrization(m, "weight", Count())
        calls.clear()
        with p.cached():
            same = m.weight is m.weight
            with p.cached():
                m(t.ones(1, 2))
            inner = len(calls)
        return same, inner, m.weight is m.weight, len(calls)

    check(run)


def test_buffers_gradients_and_copies():
    def run(t):
        p = parametrize(t)
        m = t.nn.Linear(3, 3)
        m.register_buffer("b", t.ones(3, 3))
        p.register_parametrization(m, "b", kinds(t)["Symmetric"]())
        p.register_parametrization(m, "weight", kinds(t)["Double"]())
        m(t.ones(1, 3)).sum().backward()
        twin = copy.deepcopy(m)
        with t.no_grad():
            twin.parametrizations.weight.original.zero_()
        return (
            look(m, "weight", "b"),
            m.parametrizations.weight.original.grad,
            twin.weight,
            type(twin).__name__,
        )

    check(run, EPS)


def test_state_of_parametrized_modules():
    def run(t):
        p = parametrize(t)
        a, b = t.nn.Linear(3, 3), t.nn.Linear(3, 3)
        for m in (a, b):
            p.register_parametrization(m, "weight", kinds(t)["Symmetric"]())
        result = repr(b.load_state_dict(a.state_dict()))
        return result, b.weight, try_(lambda: t.nn.Linear(3, 3).load_state_dict(a.state_dict()))

    check(run, EPS)


@pytest.mark.parametrize("name", [None, "weight", "bias"])
def test_transfer(name):
    def run(t):
        p = parametrize(t)
        a = t.nn.Linear(3, 3)
        p.register_parametrization(a, "weight", kinds(t)["Double"]())
        p.register_parametrization(a, "bias", kinds(t)["Double"]())
        b = t.nn.Linear(3, 3)
        p.transfer_parametrizations_and_params(a, b, name)
        return look(b, "weight", "bias"), p.type_before_parametrizations(b).__name__

    check(run, EPS)


# parametrizations


@pytest.mark.parametrize("mapping", [None, "matrix_exp", "cayley", "householder", "other"])
@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (3, 5)])
@pytest.mark.parametrize("trivial", [True, False])
def test_orthogonal(mapping, shape, trivial):
    def run(t):
        def make():
            m = t.nn.Linear(shape[1], shape[0], dtype=t.float64)
            t.nn.utils.parametrizations.orthogonal(m, "weight", mapping, use_trivialization=trivial)
            q = m.weight
            k = min(shape)
            product = q.mT @ q if shape[0] >= shape[1] else q @ q.mT
            q.sum().backward()
            return (
                repr(m),
                list(m.state_dict()),
                bool((product - t.eye(k, dtype=t.float64)).abs().max() < 1e-6),
                try_(lambda: setattr(m, "weight", t.zeros(2, 2))),
                q,
                m.parametrizations.weight.original.grad,
            )

        return try_(make)

    check(run, 2e-5)


def test_orthogonal_errors():
    def run(t):
        o = t.nn.utils.parametrizations.orthogonal
        return [try_(lambda n=n: o(t.nn.Linear(2, 2), n)) for n in ("bias", "nothing")]

    check(run)


@pytest.mark.parametrize("dim", [0, 1, None, -1])
@pytest.mark.parametrize("layer", ["Linear", "Conv2d"])
def test_weight_norm(layer, dim):
    def run(t):
        def make():
            m = t.nn.Linear(3, 4) if layer == "Linear" else t.nn.Conv2d(3, 4, 2)
            t.nn.utils.parametrizations.weight_norm(m, "weight", dim)
            x = t.ones(2, 3) if layer == "Linear" else t.ones(1, 3, 3, 3)
            m(x).sum().backward()
            return look(m, "weight"), [p.grad for p in m.parameters()]

        return try_(make)

    check(run, EPS)


@pytest.mark.parametrize("dim", [0, 1, None])
def test_older_weight_norm(dim):
    def run(t):
        m = t.nn.utils.weight_norm(t.nn.Linear(3, 4), dim=dim)
        m(t.ones(2, 3)).sum().backward()
        seen = look(m, "weight"), [p.grad for p in m.parameters()]
        newer = t.nn.utils.parametrizations.weight_norm(t.nn.Linear(3, 4), dim=dim)
        loaded = repr(newer.load_state_dict(m.state_dict())), newer.weight
        again = try_(lambda: t.nn.utils.weight_norm(m))
        removed = look(t.nn.utils.remove_weight_norm(m), "weight")
        return (
            seen,
            loaded,
            again,
            removed,
            try_(lambda: t.nn.utils.remove_weight_norm(m)),
        )

    check(run, EPS)


@pytest.mark.parametrize("layer", ["Linear", "Conv2d", "ConvTranspose2d", "bias"])
def test_spectral_norm(layer):
    def run(t):
        if layer in ("Linear", "bias"):
            m, x = t.nn.Linear(3, 4), t.ones(2, 3)
        else:
            m, x = getattr(t.nn, layer)(3, 4, 2), t.ones(1, 3, 3, 3)
        name = "bias" if layer == "bias" else "weight"
        t.nn.utils.parametrizations.spectral_norm(m, name, n_power_iterations=2)
        m(x).sum().backward()
        m.eval()
        return look(m, name), [p.grad for p in m.parameters()], m(x)

    check(run, 1e-5)


def test_spectral_norm_errors():
    def run(t):
        s = t.nn.utils.parametrizations.spectral_norm
        m = t.nn.Linear(2, 2)
        return [
            try_(lambda: s(m, "nothing")),
            try_(lambda: s(m, dim=5)),
            try_(lambda: s(m, n_power_iterations=0)),
        ]

    check(run)


@pytest.mark.parametrize("layer", ["Linear", "ConvTranspose2d"])
def test_older_spectral_norm(layer):
    def run(t):
        if layer == "Linear":
            make, x = lambda: t.nn.Linear(3, 4), t.ones(2, 3)
        else:
            make, x = lambda: t.nn.ConvTranspose2d(3, 4, 2), t.ones(1, 3, 3, 3)
        m = t.nn.utils.spectral_norm(make())
        m(x).sum().backward()
        seen = look(m, "weight"), [p.grad for p in m.parameters()], dict(m.state_dict()._metadata[""])
        other = t.nn.utils.spectral_norm(make())
        loaded = repr(other.load_state_dict(m.state_dict())), other.eval()(x)
        again = try_(lambda: t.nn.utils.spectral_norm(m))
        bad = try_(lambda: t.nn.utils.spectral_norm(make(), n_power_iterations=0))
        removed = look(t.nn.utils.remove_spectral_norm(m), "weight")
        return seen, loaded, again, bad, removed, try_(lambda: t.nn.utils.remove_spectral_norm(m))

    check(run, 1e-5)


# prune

AMOUNTS = [0, 2, 0.5, 1.0, 100, -1, 1.5, "a"]


@pytest.mark.parametrize("amount", AMOUNTS)
@pytest.mark.parametrize(
    "method", ["l1_unstructured", "random_unstructured", "random_structured", "ln_structured"]
)
def test_prune(method, amount):
    def run(t):
        def make():
            m = t.nn.Linear(4, 3)
            p = prune(t)
            more = {"random_structured": {"dim": 0}, "ln_structured": {"n": 2, "dim": 1}}.get(method, {})
            result = try_(lambda: getattr(p, method)(m, "weight", amount=amount, **more) is m)
            seen = look(m, "weight"), p.is_pruned(m)
            if result is True:
                m(t.ones(1, 4)).sum().backward()
                seen += ([q.grad for q in m.parameters()], look(p.remove(m, "weight"), "weight"))
            return result, seen, p.is_pruned(m)

        return make()

    check(run, EPS)


def test_prune_twice():
    def run(t):
        p = prune(t)
        m = t.nn.Linear(6, 4)
        p.l1_unstructured(m, "weight", 5)
        p.ln_structured(m, "weight", 1, n=float("inf"), dim=0)
        p.random_unstructured(m, "weight", 0.25)
        hook = next(iter(m._forward_pre_hooks.values()))
        seen = look(m, "weight"), type(hook).__name__, [type(h).__name__ for h in hook], len(hook)
        p.remove(m, "weight")
        return seen, look(m, "weight"), try_(lambda: p.remove(m, "weight"))

    check(run, EPS)


def test_prune_by_scores_and_masks():
    def run(t):
        p = prune(t)
        m = t.nn.Linear(3, 2)
        scores = t.tensor([[1.0, 5, 3], [2, 0, 4]])
        p.l1_unstructured(m, "weight", 2, importance_scores=scores)
        n = t.nn.Linear(3, 2)
        p.custom_from_mask(n, "weight", t.tensor([[1, 0, 1], [0, 1, 1]]))
        p.identity(n, "bias")
        return (
            look(m, "weight"),
            look(n, "weight", "bias"),
            try_(lambda: p.l1_unstructured(t.nn.Linear(3, 2), "weight", 2, importance_scores=t.ones(2, 2))),
            try_(lambda: p.custom_from_mask(t.nn.Linear(3, 2), "weight", t.ones(1))),
            try_(lambda: p.ln_structured(t.nn.Linear(3, 2), "bias", 1, n=1, dim=0)),
            try_(lambda: p.ln_structured(t.nn.Linear(3, 2), "weight", 1, n=1, dim=3)),
            p.L1Unstructured(2).prune(scores),
        )

    check(run, EPS)


def test_global_pruning():
    def run(t):
        p = prune(t)
        m = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.Linear(4, 2))
        chosen = [(m[0], "weight"), (m[1], "weight")]
        p.global_unstructured(chosen, pruning_method=p.L1Unstructured, amount=7)
        first = look(m)
        p.global_unstructured(chosen, pruning_method=p.L1Unstructured, amount=0.5)
        return (
            first,
            look(m),
            try_(lambda: p.global_unstructured(3, p.L1Unstructured, amount=1)),
            try_(lambda: p.global_unstructured(chosen, p.L1Unstructured, importance_scores=3, amount=1)),
            copy.deepcopy(m)(t.ones(1, 3)).detach(),
        )

    check(run, EPS)


# fusion and the rest


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("transpose", [True, False])
def test_fuse_conv_bn(affine, bias, transpose):
    def run(t):
        conv = (t.nn.ConvTranspose2d if transpose else t.nn.Conv2d)(3, 4, 2, bias=bias).eval()
        bn = t.nn.BatchNorm2d(4, affine=affine)
        bn(t.randn(3, 4, 2, 2))
        training = try_(lambda: t.nn.utils.fuse_conv_bn_eval(conv, bn))
        bn.eval()
        fused = t.nn.utils.fusion.fuse_conv_bn_eval(conv, bn, transpose)
        x = t.randn(1, 3, 4, 4)
        return training, look(fused), fused(x), bool((fused(x) - bn(conv(x))).abs().max() < 1e-5)

    check(run, 1e-5)


@pytest.mark.parametrize("features", [4, 1, 3])
def test_fuse_linear_bn(features):
    def run(t):
        linear, bn = t.nn.Linear(3, 4).eval(), t.nn.BatchNorm1d(features).eval()
        bn.running_mean.fill_(0.3)
        return look(t.nn.utils.fuse_linear_bn_eval(linear, bn))

    check(run, 1e-5)


def test_skip_init_and_formats():
    def run(t):
        u = t.nn.utils
        m = u.skip_init(t.nn.Linear, 2, 3)
        conv = u.convert_conv2d_weight_memory_format(t.nn.Sequential(t.nn.Conv2d(3, 4, 2)), t.channels_last)
        return (
            repr(m),
            m.weight.shape,
            m.weight.device.type,
            try_(lambda: u.skip_init(t.nn.ReLU)),
            try_(lambda: u.skip_init(dict)),
            conv[0].weight.stride(),
            conv[0].weight,
        )

    check(run)


def test_vectors():
    def run(t):
        u = t.nn.utils
        m = t.nn.Linear(2, 3)
        v = u.parameters_to_vector(m.parameters())
        u.vector_to_parameters(t.arange(9.0), m.parameters())
        return v, list(m.parameters()), try_(lambda: u.vector_to_parameters([1], m.parameters()))

    check(run)


def test_prefixes():
    def run(t):
        m = t.nn.DataParallel(t.nn.Sequential(t.nn.Linear(1, 1)))
        state = m.state_dict()
        t.nn.modules.utils.consume_prefix_in_state_dict_if_present(state, "module.")
        pair = t.nn.modules.utils._pair
        return repr(m), list(state), dict(state._metadata), pair(3), pair([1, 2]), m(t.ones(1, 1))

    check(run, EPS)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_gradients_of_convolutions(n):
    def run(t):
        x, w = t.randn(1, 2, *[5] * n), t.randn(4, 2, *[3] * n)
        y = getattr(t.nn.functional, f"conv{n}d")(x, w, stride=2, padding=1)
        g = t.randn(y.shape)
        grad = t.nn.grad
        return (
            getattr(grad, f"conv{n}d_input")(x.shape, w, g, stride=2, padding=1),
            getattr(grad, f"conv{n}d_weight")(x, w.shape, g, stride=2, padding=1),
        )

    check(run, 1e-5)


def test_choice_of_attention():
    def run(t):
        attention = __import__("importlib").import_module(f"{t.__name__}.nn.attention")
        q = t.randn(1, 2, 4, 8)
        with attention.sdpa_kernel([attention.SDPBackend.MATH, attention.SDPBackend.FLASH_ATTENTION]):
            a = t.nn.functional.scaled_dot_product_attention(q, q, q, is_causal=True)
        return (
            a,
            int(attention.SDPBackend.EFFICIENT_ATTENTION),
            repr(attention.SDPBackend.MATH),
            str(attention.SDPBackend.MATH),
            try_(lambda: attention.sdpa_kernel(3).__enter__()),
        )

    check(run, EPS)


def test_stateless():
    def run(t):
        call = __import__("importlib").import_module(f"{t.__name__}.nn.utils.stateless").functional_call
        m = mlp(t)
        given = {"0.weight": t.ones(4, 3), "2.bias": t.zeros(2)}
        out = call(m, given, (t.ones(1, 3),))
        out.sum().backward()
        return (
            out,
            m[0].weight.grad is None,
            m[2].weight.grad,
            try_(lambda: call(m, given, t.ones(1, 3), strict=True))[0],
            try_(lambda: call(t.nn.DataParallel(m), given, t.ones(1, 3))),
        )

    check(run, EPS)
