"""Programs that draw random numbers, as text, so that facula and PyTorch can both run them.

A program is a list of expressions in `t` (the library); it starts from a seed and every expression continues
the stream of the one before, so that an operation which takes one number too many spoils all that follows.
"""

from __future__ import annotations

FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]
COMPLEX = ["complex64", "complex128"]


def _fills(dtype: str, calls: list[str], sizes=(0, 1, 5, 15, 16, 17, 24, 33)) -> list[str]:
    return [f"t.empty({n}, dtype=t.{dtype}).{call}" for n in sizes for call in calls]


INTEGER_FILLS = ["random_()", "random_(7)", "random_(3, 90)", "bernoulli_(0.3)"]
FEW = (0, 3, 20)  # sizes

PROGRAMS: dict[str, list[str]] = {
    "rand": [f"t.rand({n})" for n in range(40)] + ["t.rand(3, 4)", "t.rand(())", "t.rand(2, 0, 3)"],
    "randn": [f"t.randn({n})" for n in range(40)] + ["t.randn(3, 7)", "t.randn(())", "t.randn(4, 4)"],
    "randint": [
        "t.randint(10, (7,))",
        "t.randint(-5, 5, (3, 3))",
        "t.randint(2**28 - 1, (4,))",
        "t.randint(2**28, (4,))",
        "t.randint(2**40, (4,))",
        "t.randint(-2**62, 2**62, (4,))",
        "t.randint(2, (9,), dtype=t.bool)",
        "t.randint(256, (9,), dtype=t.uint8)",
        "t.randint(-3, 9, (5,), dtype=t.float32)",
        "t.randint(100, (5,), dtype=t.float16)",
        "t.rand(3)",
    ],
    "randperm": [f"t.randperm({n})" for n in (0, 1, 2, 3, 10, 50)]
    + ["t.randperm(20, dtype=t.int32)", "t.randperm(20, dtype=t.float64)", "t.randperm(9, dtype=t.float16)"],
    "normal": [
        "t.normal(0.5, 2.0, (5,))",
        "t.normal(0.5, 2.0, (20,))",
        "t.normal(t.arange(5.0), 2.0)",
        "t.normal(t.arange(20.0), t.arange(1.0, 21.0))",
        "t.normal(1.5, t.arange(20.0))",
        "t.normal(t.arange(3.0).view(3, 1), t.ones(4))",
        "t.normal(t.zeros(3, dtype=t.float64), t.ones(3))",
        "t.normal(t.zeros(3, dtype=t.complex64), 1.0)",
    ],
    "like": [
        "t.rand_like(t.zeros(3, 5).t())",
        "t.randn_like(t.zeros(4, 5).t())",
        "t.randn_like(t.zeros(4, 5))",
        "t.randint_like(t.zeros(3, 5).t(), 100)",
        "t.randint_like(t.zeros(3), 5, 9)",
        "t.rand_like(t.zeros(2), dtype=t.float64)",
        "t.randn_like(t.zeros(6, 8)[:, ::2])",
    ],
    "out": [
        "t.rand(20, out=t.empty(40)[::2])",
        "t.randn(20, out=t.empty(40)[::2])",
        "t.randn(4, 5, out=t.empty(5, 4).t())",
        "t.randn(20, out=t.empty(0))",
        "t.randint(9, (20,), out=t.empty(40)[::2])",
        "t.randperm(20, out=t.empty(40, dtype=t.int64)[::2])",
        "t.normal(t.arange(20.0), 2.0, out=t.empty(40)[::2])",
        "t.normal(t.arange(20.0), t.arange(20.0), out=t.empty(20, dtype=t.float64))",
        "t.normal(0.0, t.arange(20.0), out=t.empty(20))",
        "t.normal(0.5, 2.0, (20,), out=t.empty(40)[::2])",
        "t.bernoulli(t.full((9,), 0.3), out=t.empty(18)[::2])",
        "t.bernoulli(t.full((9,), 0.3), out=t.empty(9, dtype=t.int64))",
        "t.multinomial(t.arange(6.0), 4, out=t.empty(8, dtype=t.int64)[::2])",
        "t.rand(1)",
    ],
    "generator": [
        f"t.{call.replace('G', 'generator=t.Generator().manual_seed(3)')}"
        for call in (
            "rand(5, G)",
            "randn(20, G)",
            "randint(9, (5,), G)",
            "randperm(9, G)",
            "rand_like(t.zeros(3), G)",
            "randn_like(t.zeros(3), G)",
            "randint_like(t.zeros(3), 9, G)",
            "normal(0.0, 1.0, (5,), G)",
            "normal(t.zeros(3), t.ones(3), G)",
            "bernoulli(t.full((9,), 0.5), G)",
            "bernoulli(t.zeros(9), 0.5, G)",
            "multinomial(t.ones(5), 2, G)",
            "poisson(t.ones(5), G)",
            "binomial(t.full((5,), 9.0), t.full((5,), 0.5), G)",
            "zeros(5).uniform_(G)",
            "zeros(5).normal_(G)",
            "zeros(5).exponential_(G)",
            "zeros(5).cauchy_(G)",
            "zeros(5).log_normal_(G)",
            "zeros(5).geometric_(0.5, G)",
            "zeros(5).bernoulli_(0.5, G)",
            "zeros(5).bernoulli_(t.full((5,), 0.5), G)",
            "zeros(5).random_(G)",
            "zeros(5).random_(9, G)",
            "zeros(5).random_(3, 9, G)",
            "rand(3)",
        )
    ],
    "views": [
        "t.zeros(6, 8)[::2, ::3].uniform_()",
        "t.zeros(6, 8).t().normal_()",
        "t.zeros(6, 8).t()[1:].normal_()",
        "t.zeros(40)[::2].normal_()",
        "t.zeros(4, 6, 5).permute(2, 0, 1)[:, :, ::2].normal_()",
        "t.zeros(4, 6, 5).transpose(0, 2).random_(100)",
        "t.zeros(5, 7).t().bernoulli_(0.3)",
        "t.zeros(7, 5).t().bernoulli_(t.arange(35.0).view(5, 7) / 35)",
        "t.zeros(5, 7).bernoulli_(t.arange(35.0).view(7, 5).t() / 35)",
        "t.zeros(5, 7).bernoulli_(t.arange(7.0) / 7)",
        "t.zeros(5, 7, dtype=t.complex64).t().normal_()",
        "t.zeros(5, 7).t().exponential_()",
        "t.zeros(24)[5:22].normal_()",
    ],
    "bernoulli": [
        "t.bernoulli(t.full((9,), 0.3))",
        "t.bernoulli(t.full((9,), 0.3, dtype=t.float64))",
        "t.bernoulli(t.full((9,), 0.3, dtype=t.bfloat16))",
        "t.bernoulli(t.zeros(9), 0.3)",
        "t.zeros(9).bernoulli()",
        "t.zeros(9, dtype=t.bool).bernoulli_(0.7)",
        "t.zeros(9, dtype=t.int64).bernoulli_(t.full((9,), 0.5))",
        "t.rand(2)",
    ],
    "poisson": [
        "t.poisson(t.full((9,), 0.3))",
        "t.poisson(t.full((9,), 9.99, dtype=t.float64))",
        "t.poisson(t.full((9,), 10.0))",
        "t.poisson(t.full((9,), 1e4))",
        "t.poisson(t.arange(12.0).view(3, 4).t())",
        "t.rand(2)",
    ],
    "multinomial": [
        "t.multinomial(t.arange(6.0), 1)",
        "t.multinomial(t.arange(6.0), 4)",
        "t.multinomial(t.arange(6.0), 9, True)",
        "t.multinomial(t.arange(12.0).view(3, 4), 2)",
        "t.multinomial(t.arange(12.0).view(4, 3).t() + 1, 3)",
        "t.multinomial(t.arange(12.0).view(3, 4), 5, True)",
        "t.multinomial(t.arange(6.0, dtype=t.float64), 4)",
        "t.multinomial(t.arange(6.0).half(), 4, True)",
        "t.rand(2)",
    ],
    "rejection": [
        "t.binomial(t.arange(12.0), t.full((12,), 0.3))",
        "t.binomial(t.arange(12.0).view(12, 1) * 50, t.tensor([0.0, 0.05, 0.5, 0.9, 1.0]))",
        "t.binomial(t.full((9,), 1e5, dtype=t.float64), t.full((9,), 0.7, dtype=t.float64))",
        "t._standard_gamma(t.arange(1.0, 12.0))",
        "t._standard_gamma(t.arange(9.0, dtype=t.float64) / 9)",
        "t._standard_gamma(t.arange(12.0).view(3, 4).t() + 0.5)",
        "t._sample_dirichlet(t.ones(3, 4))",
        "t._sample_dirichlet(t.full((5,), 0.01))",
        "t._sample_dirichlet(t.tensor(2.0))",
        "t.poisson(t.arange(60.0))",
        "t.rand(2)",
    ],
    "dropout": [
        "t.dropout(t.arange(20.0), 0.3, True)",
        "t.dropout(t.arange(20.0).bfloat16(), 0.5, True)",
        "t.dropout(t.arange(20.0).view(4, 5).t(), 0.1, True)",
        "t.dropout(t.arange(20.0), 1.0, True)",
        "t.dropout(t.arange(20.0), 0.0, True)",
        "t.dropout(t.arange(20.0), 0.3, False)",
        "t.dropout_(t.arange(20.0), 0.3, True)",
        "t.feature_dropout(t.ones(2, 3, 4), 0.5, True)",
        "t.alpha_dropout(t.arange(20.0), 0.3, True)",
        "t.feature_alpha_dropout(t.ones(2, 3, 4), 0.3, True)",
        "t.native_dropout(t.arange(20.0), 0.3, True)[0]",
        "t.rrelu(t.arange(-9.0, 9.0), 0.1, 0.3, True)",
        "t.rand(2)",
    ],
    **{
        f"fills_{dtype}": _fills(
            dtype,
            [
                "uniform_()",
                "uniform_(-0.3, 1.7)",
                "normal_()",
                "normal_(-0.3, 1.7)",
                "exponential_(0.7)",
                "cauchy_(0.5, 2.0)",
                "log_normal_(0.5, 0.3)",
                "geometric_(0.3)",
                "bernoulli_(0.3)",
                "random_()",
                "random_(7)",
                "random_(-9, 90)",
            ],
        )
        for dtype in FLOATS
    },
    **{f"fills_{dtype}": _fills(dtype, INTEGER_FILLS, FEW) + ["t.rand(1)"] for dtype in INTEGERS},
    **{f"fills_{dtype}": _fills(dtype, ["uniform_()", "normal_()", "normal_(0.5, 2)"]) for dtype in COMPLEX},
    "long": [
        "t.rand(5000)[::500]",
        "t.randn(5003)[::500]",
        "t.randn(5003)[-17:]",
        "t.randn(5003, dtype=t.bfloat16)[-17:].float()",
        "t.randint(1000, (3000,))[::300]",
        "t.randperm(2000)[::200]",
        "t.zeros(3000).bernoulli_(0.5).sum()",
        "t.rand(1)",
    ],
}
# bool holds neither 7 nor 90.
PROGRAMS["fills_bool"] = _fills("bool", ["random_()", "random_(2)", "bernoulli_(0.3)"], (0, 3, 20)) + [
    "t.rand(1)"
]


def run(library, name: str, seed: int) -> list:
    """Run one program after `library.manual_seed(seed)` and return its tensors."""
    library.manual_seed(seed)
    return [eval(expression, {"t": library}) for expression in PROGRAMS[name]]


def plain(tensor) -> dict:
    """Say what a tensor is in types that JSON has; complex numbers become pairs."""
    dtype = str(tensor.dtype).rpartition(".")[2]
    values = tensor.reshape(-1).tolist()
    if dtype.startswith("complex"):
        values = [part for v in values for part in (v.real, v.imag)]
    return {"dtype": dtype, "shape": list(tensor.shape), "values": values}


# Numbers that come from logarithms and cosines may differ between processors: two last units are allowed.
_EPSILON = {"float16": 2**-10, "bfloat16": 2**-7, "float32": 2**-23, "float64": 2**-52}
_EPSILON |= {"complex64": _EPSILON["float32"], "complex128": _EPSILON["float64"]}


def difference(got: dict, expected: dict) -> str:
    """Describe how two results of `plain` differ; nothing if they agree to the last two units."""
    for key in ("dtype", "shape"):
        if got[key] != expected[key]:
            return f"{key} {got[key]} instead of {expected[key]}"
    allowed = 2 * _EPSILON.get(expected["dtype"], 0)
    for i, (a, b) in enumerate(zip(got["values"], expected["values"], strict=True)):
        if a != b and not abs(a - b) <= allowed * abs(b):
            return f"element {i} is {a!r} instead of {b!r}"
    return ""
