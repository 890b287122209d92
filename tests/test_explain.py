"""facula.explain: derivations of gradients, missing gradients, shape errors. Numbers against autograd, closed
forms against SymPy's own derivatives."""

from __future__ import annotations

import gc
import re
import sys
import time
import xml.dom.minidom
from pathlib import Path

import pytest
from cli_runs import code, facula, notebook

import facula as torch
from facula import nn

F = nn.functional
ROOT = Path(__file__).resolve().parent.parent


def agrees(e, *leaves):
    """Each derivative equals autograd's, and its central difference agrees."""
    wanted = torch.autograd.grad(e.graph.loss.sum(), leaves, retain_graph=True)
    assert len(e.derivatives) == len(leaves)
    for d in e.derivatives.values():
        g = next(g for leaf, g in zip(leaves, wanted) if leaf is d.leaf.value)
        assert torch.allclose(d.value, g, rtol=1e-5, atol=1e-7)
        assert d.agrees is not False
    return e.derivatives


def seed():
    w = torch.tensor(1.0, requires_grad=True)
    b = torch.tensor(0.5, requires_grad=True)
    x = torch.tensor([1.4])
    y = torch.tensor([2.1])
    z = torch.add(torch.mul(w, x), b)
    loss = (y - z).pow(2).sum()
    return w, b, x, y, z, loss


@pytest.mark.parametrize("backward_first", [False, True])
def test_the_seed_notebook(backward_first):
    pytest.importorskip("sympy")
    w, b, x, y, z, loss = seed()
    if backward_first:
        loss.backward()
    e = torch.explain(loss)
    assert e.derivatives["w"].formula == "2*x*(w*x + b - y)"
    assert e.derivatives["w"].numbers == "2*1.4*(1*1.4 + 0.5 - 2.1)"
    assert e.derivatives["b"].formula == "2*(w*x + b - y)"
    assert e.derivatives["w"].value.item() == pytest.approx(-0.56, abs=1e-6)
    assert e.derivatives["b"].value.item() == pytest.approx(-0.40, abs=1e-6)
    assert all(d.agrees and d.precision == "float64" for d in e.derivatives.values())
    text = str(e)
    for line in (
        "dL/dw = dL/du3 * du3/du2 * du2/dz * dz/du1 * du1/dw",
        "= 1 * 0.4 * (-1) * 1 * 1.4 = -0.56",
        "dL/dw = 2*x*(w*x + b - y)",
        "= 2*1.4*(1*1.4 + 0.5 - 2.1)",
        "dL/db = 2*(w*x + b - y)",
    ):
        assert line in text
    latex = e.latex()
    assert r"2 x \left(w x + b - y\right)" in latex and "&= -0.56" in latex
    assert r"\frac{\partial L}{\partial w}" in latex
    if backward_first:  # nothing was touched
        assert w.grad.item() == pytest.approx(-0.56, abs=1e-6)


def test_it_changes_nothing():
    w, b, x, y, z, loss = seed()
    calls = []
    w.register_hook(calls.append)
    state = torch.get_rng_state()
    torch.explain(loss)
    assert w.grad is None and not calls and bool((torch.get_rng_state() == state).all())
    loss.backward()
    assert w.grad.item() == pytest.approx(-0.56, abs=1e-6) and len(calls) == 1


def test_without_sympy(monkeypatch):
    monkeypatch.setitem(sys.modules, "sympy", None)
    w, b, x, y, z, loss = seed()
    e = torch.explain(loss)
    d = agrees(e, w, b)["w"]
    assert not d.simplified and "SymPy" in str(e)
    value = eval(d.formula, {"w": w, "b": b, "x": x, "y": y})
    assert value.item() == pytest.approx(-0.56, abs=1e-6)


@pytest.mark.parametrize(
    "expression",
    [
        "t*t + t",
        "t**3 - 2*t",
        "(t*t + 1)/(t - 5)",
        "exp(t)*sin(t)",
        "log(t)**2 + cos(t*t)",
        "sqrt(t) + 1/t",
        "tanh(t)*t",
        "exp(-t*t/2)",
        "2**t",
    ],
)
def test_closed_forms_are_sympys_derivatives(expression):
    sympy = pytest.importorskip("sympy")
    t = torch.tensor(1.7, dtype=torch.float64, requires_grad=True)
    functions = {n: getattr(torch, n) for n in ("exp", "sin", "cos", "log", "sqrt", "tanh")}
    value = eval(expression, functions | {"t": t})
    d = agrees(torch.explain(value), t)["t"]
    symbol = sympy.Symbol("t", positive=True)
    wanted = sympy.diff(sympy.sympify(expression, locals={"t": symbol}), symbol)
    got = sympy.sympify(d.formula, locals={"t": symbol})
    for at in (0.3, 1.1, 2.9):
        assert float(got.subs(symbol, at)) == pytest.approx(float(wanted.subs(symbol, at)), rel=1e-5)


def test_several_paths():
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x + x
    e = torch.explain(y)
    d = agrees(e, x)["x"]
    assert e.loss == "y" and d.path_count == 3
    assert sum(p.contribution.item() for p in d.paths) == 7
    assert "the sum of all 3 paths = 7" in str(e)


def test_operands_that_occur_twice_have_their_own_derivative():
    x = torch.tensor(2.0, requires_grad=True)
    y = x**x
    paths = torch.explain(y).derivatives["x"].paths
    assert sorted(round(p.contribution.item(), 4) for p in paths) == [2.7726, 4.0]


def test_shared_subexpressions_and_many_paths():
    x = torch.tensor(1.0001, dtype=torch.float64, requires_grad=True)
    y = x
    for _ in range(12):
        y = y * y
    d = agrees(torch.explain(y), x)["x"]
    assert d.path_count == 2**12 and len(d.paths) == 6


@pytest.mark.parametrize(
    "compute",
    [
        lambda a, b, m: (a * b + a).sum(),
        lambda a, b, m: ((a - b) ** 2).mean(),
        lambda a, b, m: (m @ a).sum() + (b * 2).sum(),
        lambda a, b, m: torch.softmax(a, 0)[0] * b[1],
        lambda a, b, m: F.cross_entropy((m @ a).unsqueeze(0), torch.tensor([1])) + b.sum(),
        lambda a, b, m: torch.logsumexp(a * b, 0),
        lambda a, b, m: (a.exp() / b.exp()).prod(),
        lambda a, b, m: torch.where(a > 0, a * b, b).sum(),
        lambda a, b, m: torch.cat([a, b]).sigmoid().sum(),
        lambda a, b, m: torch.outer(a, b).t()[1:].max(),
        lambda a, b, m: torch.einsum("i,ij->j", b[:2], m).dot(a),
        lambda a, b, m: F.layer_norm(a + b, (3,)).square().sum(),
        lambda a, b, m: F.smooth_l1_loss(a, b),
        lambda a, b, m: (F.relu(a) + F.gelu(b) + F.silu(a)).sum(),
        lambda a, b, m: torch.linalg.vector_norm(a - b),
        lambda a, b, m: (a.unsqueeze(1) * b.unsqueeze(0)).sum(1).std(),
        lambda a, b, m: torch.stack([a, b]).cumsum(0)[1].abs().sum(),
        lambda a, b, m: (a.clamp(-0.5, 0.5) * b.float()).sum(),
        lambda a, b, m: F.linear(a, m, b[:2]).pow(2).sum(),
        lambda a, b, m: torch.special.ndtr(a).sum() + torch.lgamma(b.abs() + 1).sum(),
    ],
)
def test_vectors_and_matrices(compute):
    torch.manual_seed(0)
    a = torch.randn(3, requires_grad=True)
    b = torch.randn(3, requires_grad=True)
    m = torch.randn(2, 3, dtype=torch.float32)
    loss = compute(a, b, m)
    e = torch.explain(loss)
    d = agrees(e, a, b)
    assert all(x.numeric is not None for x in d.values())
    assert e.latex() and e.svg() and e._repr_html_()


def test_matrix_products_are_written_as_such():
    pytest.importorskip("sympy")
    X, Y = torch.randn(4, 3), torch.randn(4, 2)
    W = torch.randn(3, 2, requires_grad=True)
    d = agrees(torch.explain(((X @ W - Y) ** 2).sum()), W)["W"]
    assert d.formula == "2*X.T @ (X @ W - Y)"
    assert torch.allclose(eval(d.formula, {"X": X, "W": W, "Y": Y}), d.value, rtol=1e-5)


def test_sums_are_kept_where_something_was_repeated():
    pytest.importorskip("sympy")
    w = torch.tensor(2.0, requires_grad=True)
    x, y = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 0.0, 2.0])
    d = agrees(torch.explain(((w * x - y) ** 2).mean()), w)["w"]
    assert d.formula == "2*sum(x*(w*x - y))/3"
    c = torch.tensor(1.0, requires_grad=True)
    d = agrees(torch.explain((c + x).sum()), c)["c"]
    assert d.value.item() == 3 and d.formula == "3"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.second = nn.Linear(4, 2)

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))


def test_parameters_have_their_names():
    torch.manual_seed(1)
    net, x, t = Net(), torch.randn(5, 3), torch.tensor([0, 1, 0, 1, 1])
    loss = F.cross_entropy(net(x), t)
    e = torch.explain(loss)
    agrees(e, *net.parameters())
    assert set(e.derivatives) == {"first.weight", "first.bias", "second.weight", "second.bias"}
    assert "first.weight" in e.latex() and "x @ first.weight.T + first.bias" in str(e)


def explained(loss, **options):
    return torch.explain(loss, **options)


def test_names_come_from_callers_too_and_may_be_given_or_missing():
    weight = torch.tensor(2.0, requires_grad=True)
    assert set(explained(weight * 3).derivatives) == {"weight"}
    found = (lambda p: torch.explain(p * p))(torch.tensor(2.0, requires_grad=True)).derivatives
    assert set(found) == {"p"}
    box = [torch.tensor(2.0, requires_grad=True)]
    assert set(torch.explain(box[0] * 3).derivatives) == {"box[0]"}

    def lost():
        return torch.tensor(2.0, requires_grad=True) * 3

    assert set(torch.explain(lost()).derivatives) == {"p1"}
    secret = lost()
    leaf = secret.grad_fn.next_functions[0][0].variable
    named = torch.explain(secret, names={"theta": leaf})
    assert r"\theta" in named.latex() and set(named.derivatives) == {"theta"}


def test_in_place_writes_and_views():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    a = w * 2
    a += 1
    a[0] = a[0] * 3
    b = a.view(2, 1).t()
    loss = (b**2).sum()
    e = torch.explain(loss)
    d = agrees(e, w)["w"]
    assert d.value.tolist() == [108.0, 20.0] and d.agrees


def test_constants_in_reused_memory_are_not_believed():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * torch.tensor([3.0, 4.0]) + torch.tensor([5.0, 6.0])).sum()
    gc.collect()
    other = [torch.tensor([float(i), 9.0]) for i in range(50)]
    e = torch.explain(loss)
    wrong = [c for c in e.graph.constants.values() if c.symbol.startswith("other")]
    assert e.graph.mismatch or not wrong
    d = e.derivatives["w"]
    assert d.value.tolist() == [3.0, 4.0] and other


def test_matrices_in_a_released_graph():
    X, W = torch.randn(4, 3), torch.randn(3, 2, requires_grad=True)
    layer = nn.Linear(3, 2)
    loss = (X @ W).pow(2).sum() + layer(X).pow(2).sum()
    loss.backward()
    e = torch.explain(loss)
    assert torch.allclose(e.derivatives["W"].value, W.grad, rtol=1e-4)
    assert all(d.agrees for d in e.derivatives.values()) and len(e.derivatives) == 3


def test_an_address_used_again_by_another_shape():
    W = torch.randn(3, 2, requires_grad=True)
    loss = (torch.randn(4, 3) @ W).sum() + torch.cat([torch.randn(7), W.reshape(-1)]).sum()
    loss.backward()
    gc.collect()
    others = [torch.randn(2, 5) for _ in range(40)] + [torch.randn(3) for _ in range(40)]
    assert str(torch.explain(loss)) and others


def test_a_released_graph_whose_constants_are_gone_says_so():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = ((w * torch.tensor([3.0, 4.0])) ** 2).sum()
    loss.backward()
    e = torch.explain(loss)
    assert "w" in e.derivatives or "backward(retain_graph=True)" in str(e)


def test_values_changed_since_are_noticed():
    w, x = torch.ones(2, requires_grad=True), torch.tensor([1.0, 2.0])
    loss = (w * x).pow(2).sum()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
    e = torch.explain(loss)
    assert e.graph.mismatch and "changed in place" in str(e)


def test_random_operations_are_seen_as_they_were():
    w = torch.ones(8, requires_grad=True)
    state = torch.get_rng_state()
    loss = F.dropout(w, 0.5).sum()
    after = torch.get_rng_state()
    e = torch.explain(loss)
    agrees(e, w)
    assert bool((torch.get_rng_state() == after).all()) and not bool((after == state).all())


def test_statistics_of_normalisation_stay():
    torch.manual_seed(0)
    layer = nn.BatchNorm1d(3)
    x = torch.randn(5, 3, requires_grad=True)
    loss = layer(x).pow(3).sum()
    before = [b.clone() for b in layer.buffers()]
    e = torch.explain(loss)
    assert all(bool((a == b).all()) for a, b in zip(before, layer.buffers()))
    agrees(e, x, *layer.parameters())


# --- hostile ---


def test_a_hundred_thousand_steps():
    w = torch.tensor(1.0, requires_grad=True)
    y = w
    for _ in range(100_000):
        y = y + 1.0
    start = time.perf_counter()
    e = torch.explain(y, seconds=30)
    assert "100,000 steps: 100,000 add" in str(e) and len(e.svg()) < 100_000
    assert time.perf_counter() - start < 60
    start = time.perf_counter()
    assert "Stopped after" in str(torch.explain(y, seconds=0.2))
    assert time.perf_counter() - start < 20


def test_the_first_nan_is_named():
    w = torch.tensor([1.0, -1.0], requires_grad=True)
    z = torch.log(w)
    loss = (z * z).sum()
    e = torch.explain(loss)
    assert any("NaN is made by log(w)" in p for p in e.problems())
    assert 'class="fx-box fx-bad"' in e.svg()
    w = torch.tensor([0.0, 1.0], requires_grad=True)
    loss = torch.sqrt(w).sum()
    assert any("derivative of sqrt" in p for p in torch.explain(loss).problems())


def test_dead_gradients_name_the_operation():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = torch.relu(-w).sum()
    assert any("derivative of relu" in p for p in torch.explain(loss).problems())


def test_complex_numbers():
    w = torch.tensor([1 + 2j, 0.5j], requires_grad=True)
    loss = (w * w.conj()).real.sum()
    e = torch.explain(loss)
    d = e.derivatives["w"]
    assert d.value.tolist() == [2 + 4j, 1j] and d.agrees and "conj(w)" in str(e)
    assert "complex" in str(torch.explain((w * w).sum()))


def test_empty_tensors_and_many_elements():
    w = torch.zeros(0, requires_grad=True)
    e = torch.explain((w * 2).sum())
    assert e.derivatives["w"].value.numel() == 0 and "empty" in str(e)
    v = torch.ones(2, requires_grad=True)
    e = torch.explain(v * 3)
    assert e.derivatives["v"].value.tolist() == [3, 3] and "derivatives of its sum" in str(e)


def test_functions_of_ones_own():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    w = torch.tensor(3.0, requires_grad=True)
    e = torch.explain(Square.apply(w) * 2)
    assert e.derivatives["w"].value.item() == 12


def test_large_models_are_grouped_by_module():
    torch.manual_seed(0)
    blocks = nn.ModuleList(nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.LayerNorm(8)) for _ in range(12))
    head = nn.Linear(8, 3)
    with torch.no_grad():
        blocks[4][0].bias.fill_(-100.0)
    model = nn.Sequential(*blocks, head)
    x = torch.randn(4, 8)
    loss = F.cross_entropy(model(x), torch.tensor([0, 1, 2, 0]))
    e = torch.explain(loss)
    text = str(e)
    assert len(e.groups) == 25 and "dead" in text and "the derivative of relu" in text
    norms = {g.name: g.norm for g in e.groups}
    loss.backward()
    wanted = sum(float((p.grad.double() ** 2).sum()) for p in head.parameters()) ** 0.5
    assert norms[e.groups[-1].name] == pytest.approx(wanted, rel=1e-5)
    assert e.latex() and xml.dom.minidom.parseString(e.svg())
    table = e.table(count=10).splitlines()
    assert len(table) == 11 and "addmm(" in table[1] and "4×8" in table[1]
    assert "nll_loss" in e.table(first=-1)


def test_exploding_gradients():
    model = nn.Sequential(*(nn.Linear(4, 4) for _ in range(30)))
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(20)
    loss = model(torch.ones(1, 4)).sum()
    assert "exploding" in str(torch.explain(loss)) or "infinity" in str(torch.explain(loss))


# --- files and pictures ---


def test_save(tmp_path):
    w, b, x, y, z, loss = seed()
    e = torch.explain(loss)
    for ending in ("svg", "html", "tex", "txt"):
        e.save(tmp_path / f"graph.{ending}")
    svg = (tmp_path / "graph.svg").read_text()
    xml.dom.minidom.parseString(svg)
    assert "prefers-color-scheme:dark" in svg and "∂L/∂w" in svg
    outside = set(re.findall(r'https?://[^"\s]+', svg)) - {"http://www.w3.org/2000/svg"}
    assert not outside and "<script" not in svg
    page = (tmp_path / "graph.html").read_text()
    assert "2·x·(w·x + b − y)" in page or "SymPy" in page
    tex = (tmp_path / "graph.tex").read_text()
    assert tex.count(r"\begin{align*}") == tex.count(r"\end{align*}") == 4
    with pytest.raises(ValueError, match=r"\.svg"):
        e.save(tmp_path / "graph.png")


def test_boxes_do_not_overlap():
    net, x = Net(), torch.randn(5, 3)
    svg = torch.explain(net(x).pow(2).mean()).svg()
    number = r"(-?[\d.]+)"
    boxes = re.findall(
        rf'class="fx-box[^"]*" x="{number}" y="{number}" width="{number}" height="{number}"', svg
    )
    rectangles = [tuple(map(float, b)) for b in boxes]
    assert len(rectangles) == 10
    for i, (x0, y0, w0, h0) in enumerate(rectangles):
        for x1, y1, w1, h1 in rectangles[i + 1 :]:
            assert x0 + w0 <= x1 or x1 + w1 <= x0 or y0 + h0 <= y1 or y1 + h1 <= y0


def test_names_are_escaped():
    d = {"<b>&": torch.tensor(2.0, requires_grad=True)}
    e = torch.explain(d["<b>&"] * 2)
    xml.dom.minidom.parseString(e.svg())
    assert "<b>&" not in e.svg()


# --- missing gradients ---


def test_why_a_gradient_is_missing():
    w = torch.ones(3, requires_grad=True)
    v = torch.ones(3)
    i = torch.tensor([1, 2])
    u = torch.ones(3, requires_grad=True)
    assert "requires_grad is False" in str(torch.explain(v))
    assert "dtype is torch.int64" in str(torch.explain(i))
    d = (w * 2).detach()
    loss = (d * u).sum()
    why = str(torch.explain(w, loss))
    assert "loss does not depend on w" in why and "detached" in why and "d" in why
    assert "its backward() was never called" in str(torch.explain(u, loss))
    loss.backward()
    assert "it holds" in str(torch.explain(u))
    with torch.no_grad():
        q = (w * 2).sum()
        assert "no_grad" in str(torch.explain(w, q))
    inner = w * 2
    assert "retain_grad" in str(explain_leaf(inner))
    alias = inner.detach()
    assert "shares the memory of inner" in str(torch.explain(alias))


def explain_leaf(tensor):
    loss = tensor.sum()
    return torch.explain(tensor, loss)


def test_inference_mode_is_a_reason():
    with torch.inference_mode():
        t = torch.ones(2)
    assert "inference_mode" in str(torch.explain(t))


def test_other_arguments_are_refused():
    with pytest.raises(TypeError, match="takes a tensor"):
        torch.explain(3)


# --- shape errors ---

A, B, C = torch.randn(2, 3), torch.randn(4, 5), torch.randn(2)
LINEAR, IMAGE = nn.Linear(7, 2), torch.randn(2, 4, 4)
CALLS = []


def effect(t):
    CALLS.append(t)
    return t


@pytest.mark.parametrize(
    ("failing", "mismatch", "suggestion"),
    [
        (lambda: torch.relu(A) @ B, "last dimension of torch.relu(A) is 3", ""),
        (lambda: A @ A, "last dimension of A is 3", "A @ A.T has the shape [2, 2]"),
        (lambda: (A + 1) * C, "dimension -1 (3 and 2)", "C[:, None]"),
        (lambda: A.view(4, 2), "6 elements; [4, 2] has 8", "A.reshape(-1, 2) is [3, 2]"),
        (lambda: torch.cat([A, B], dim=0), "differ in dimension 1 (3 and 5)", ""),
        (lambda: LINEAR(A), "LINEAR takes 7 features", "Linear(3, 2)"),
        (lambda: LINEAR(IMAGE), "takes 7 features", "Linear(4, 2)"),
        (lambda: A @ torch.ones(2, 3), "second to last dimension of torch.ones(2, 3) is 2", ".T"),
        (lambda: A + B, "aligned from the right", ""),
        (lambda: torch.cat([A, C]), "not the same number of dimensions", "unsqueeze"),
    ],
)
def test_shape_errors(failing, mismatch, suggestion):
    try:
        failing()
    except RuntimeError:
        report = torch.explain()
    assert mismatch in report.mismatch and suggestion in report.suggestion
    assert "[2, 3]" in str(report) or "[2, 4, 4]" in str(report)


def test_nothing_is_called_again():
    CALLS.clear()
    try:
        effect(A) @ B
    except RuntimeError as error:
        report = torch.explain(error)
    assert len(CALLS) == 1 and "effect(A)  [2, 3]" in str(report) and report.mismatch


def test_the_last_exception_is_found(monkeypatch):
    try:
        A @ B
    except RuntimeError as error:
        kept = error
    monkeypatch.setattr(sys, "last_value", kept, raising=False)
    monkeypatch.setattr(sys, "last_exc", kept, raising=False)
    assert torch.explain().expression == "A @ B"
    monkeypatch.setattr(sys, "last_value", None)
    monkeypatch.setattr(sys, "last_exc", None)
    with pytest.raises(RuntimeError, match="there was none"):
        torch.explain()


def test_errors_of_other_kinds():
    try:
        {}["missing"]
    except KeyError:
        assert "KeyError" in str(torch.explain())


# --- in a notebook ---


def test_cells(tmp_path):
    book = notebook(
        tmp_path / "book.ipynb",
        code("import torch\nw = torch.tensor(3.0, requires_grad=True)"),
        code("y = w*w + w"),
        code("torch.explain(y)"),
        code("a = torch.ones(2, 3)\ntry:\n    a @ a\nexcept RuntimeError:\n    print(torch.explain())"),
    )
    done = facula("run", book)
    assert done.returncode == 0, done.stderr
    assert "dy/dw = " in done.stdout and "a @ a.T has the shape [2, 2]" in done.stdout


def test_the_example():
    pytest.importorskip("sympy")
    done = facula("run", "--check", ROOT / "examples" / "explain.ipynb")
    assert done.returncode == 0, done.stdout + done.stderr
