"""facula.explain: what a teacher would strike out of a derivation, on programs as students write them."""

from __future__ import annotations

import pytest
from test_explain_forms import data, forms, param

import facula as torch

pytest.importorskip("sympy")
F = torch.nn.functional


def lines(e):
    return [line.strip() for line in str(e).split("\n")]


def test_polynomials_fall():
    x = torch.tensor(3.0, requires_grad=True)
    e = torch.explain(x**3 - 4 * x**2 + 2 * x - 7)
    assert forms(e) == {"x": "3*x**2 - 8*x + 2"}
    assert e.derivatives["x"].numbers == "3*3**2 - 8*3 + 2"


def test_scalars_keep_what_they_are_made_of():
    w, b = torch.tensor(0.5, requires_grad=True), torch.tensor(-0.2, requires_grad=True)
    x, t = torch.tensor(2.0), torch.tensor(1.0)
    p = 1 / (1 + torch.exp(-(w * x + b)))
    loss = -(t * torch.log(p) + (1 - t) * torch.log(1 - p))
    e = torch.explain(loss)  # 1 - t is 0 here, and not in general
    assert forms(e) == {"w": "x*(sigmoid(w*x + b) - t)", "b": "sigmoid(w*x + b) - t"}
    assert any(line.startswith("1 - t") for line in lines(e))


def test_logistic_regression_by_hand_on_vectors():
    X, t, w = data(5, 2), torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0]), param(2)
    p = 1 / (1 + torch.exp(-(X @ w)))
    loss = -(t * torch.log(p) + (1 - t) * torch.log(1 - p)).mean()
    assert forms(torch.explain(loss)) == {"w": "X.T @ (sigmoid(X @ w) - t)/5"}


def test_binary_cross_entropy_cancels():
    X, y, w = data(4, 2), torch.tensor([0.0, 1.0, 1.0, 0.0]), param(2)
    p = torch.sigmoid(X @ w)
    loss = F.binary_cross_entropy(p, y)
    assert forms(torch.explain(loss)) == {"w": "X.T @ (sigmoid(X @ w) - y)/4"}


def test_conditions_are_read_in_the_text():
    x, y, w = (
        torch.tensor([1.0, 2.0, 3.0]),
        torch.tensor([2.1, 3.0, 7.0]),
        torch.tensor(2.2, requires_grad=True),
    )
    r = w * x - y
    loss = torch.where(r.abs() < 1, 0.5 * r**2, r.abs() - 0.5).sum()
    found = forms(torch.explain(loss))
    assert found == {"w": "sum(x*where(abs(w*x - y) < 1, w*x - y, sign(w*x - y)))"}


def test_numbers_are_read_in_the_text():
    a, b = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 1.0])
    cos = (a @ b) / (a.norm() * b.norm())
    assert forms(torch.explain(cos)) == {"a": "(b - a*(a @ b)/norm(a)**2)/(norm(a)*norm(b))"}


def test_text_that_gives_other_values_is_not_believed():
    w, y = param(3), data(3)
    c = 1 - y
    loss = (w * c).sum()
    del c
    y = y * 2
    assert "y" not in forms(torch.explain(loss))["w"]


def test_softmax_of_logsumexp():
    z, Z = torch.tensor([1.0, 2.0, 3.0], requires_grad=True), param(2, 3)
    assert forms(torch.explain(torch.logsumexp(z, 0) - z[1])) == {"z": "softmax(z, 0) - [0, 1, 0]"}
    assert forms(torch.explain(torch.logsumexp(Z, 1).sum())) == {"Z": "softmax(Z, 1)"}
    assert forms(torch.explain(torch.logsumexp(Z, 0, keepdim=True).sum())) == {"Z": "softmax(Z, 0)"}


def test_equal_terms_of_a_sum_are_counted():
    data_, log_sigma = torch.tensor([1.2, 0.8, 1.9, 1.1]), torch.tensor(0.0, requires_grad=True)
    sigma = torch.exp(log_sigma)
    loss = (data_ / 2 - torch.log(sigma)).sum()
    assert "= 4 * 1 * (-1) * 1 * 1 = -4" in lines(torch.explain(loss))


def test_outer_products_say_so():
    xs, W = data(3, 2), param(2, 4)
    loss = torch.tanh(xs[1] @ W).sum()
    e = torch.explain(loss)
    assert "dL/dW = xs[1][:, None]*dL/du1" in lines(e)
    forms(e)


@pytest.mark.parametrize(
    "make, wanted",
    [
        (lambda x: x.prod(), "prod(x)/x"),
        (lambda x: x.sort().values[0], "[1, 0, 0]"),
        (lambda x: x.median(), "[0, 0, 1]"),
        (lambda x: torch.maximum(x, x * 0.5).sum(), None),
        (lambda x: (x**2.5).sum(), "2.5*x**1.5"),
        (lambda x: F.cosine_similarity(x, torch.tensor([1.0, 0.0, 0.0]), dim=0), None),
        (lambda x: x[[0, 0, 1]].pow(2).sum(), "add_at[[0, 0, 1]](2*x[[0, 0, 1]])"),
        (lambda x: x.topk(2).values.sum(), "[0, 1, 1]"),
    ],
)
def test_operations(make, wanted):
    x = torch.tensor([1.0, 4.0, 2.0], requires_grad=True)
    found = forms(torch.explain(make(x)))["x"]
    assert wanted is None or found == wanted
    assert found is None or "_vjp" not in found


def test_extremes_along_a_dimension():
    X = torch.tensor([[1.0, 4.0, 2.0], [3.0, 2.0, 1.0]], requires_grad=True)
    e = torch.explain((X.max(1).values ** 2).sum())
    assert forms(e) == {"X": "2*[[0, 1, 0], [1, 0, 0]]*max(X, 1)[:, None]"}
    assert forms(torch.explain(X.prod(1).sum())) == {"X": "prod(X, 1)[:, None]/X"}


def test_indices_keep_their_names():
    E, ids, x, i = param(4, 2), torch.tensor([1, 3, 1]), param(2, 3), torch.tensor([[2], [0]])
    found = torch.explain((F.embedding(ids, E) ** 2).sum())
    assert forms(found) == {"E": "add_at[ids](2*E[ids])"}
    assert "u1  x.gather(1, i)" in str(torch.explain(x.gather(1, i).exp().sum()))
    probs, t = param(3, 4), torch.tensor([1, 0, 2])
    e = torch.explain(probs[torch.arange(3), t].sum())
    assert "probs[arange(3), t]" in str(e) and "place[arange(3), t](dL/du1)" in str(e)
    rows = torch.tensor([0, 2])
    assert "place[rows](dL/du1)" in str(torch.explain((probs[rows] ** 2).sum()))


def test_single_points_make_no_cases():
    x, a = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    assert forms(torch.explain(x**a)) == {"x": "x**(a - 1)*a", "a": "x**a*log(x)"}
    u, v = torch.tensor(1.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    assert forms(torch.explain(torch.maximum(u, v))) == {"u": "where(u < v, 0, 1)", "v": "where(v < u, 0, 1)"}
    even = torch.tensor(2.0, requires_grad=True)
    assert "0.5" in str(torch.explain(torch.maximum(v, even)))  # here they are equal


def test_products_of_transposes():
    q, k = param(3, 2), param(4, 2)
    e = torch.explain((q @ k.T).pow(2).sum())
    assert "dL/du1 = q.T @ dL/du2" in lines(e)
    forms(e)


def test_latex_has_the_local_derivatives_and_every_path():
    x = torch.tensor(3.0, requires_grad=True)
    y = x**2 * torch.sin(x)
    tex = torch.explain(y).latex()
    assert r"\frac{\partial u_{1}}{\partial x} &= 2 x" in tex
    assert r"\frac{\partial u_{2}}{\partial x} &= \cos\left(x\right)" in tex
    assert tex.count(r"\quad +") == 2  # the second path, as names and as factors
    assert tex.count(r"\begin{align*}") == tex.count(r"\end{align*}") == 3


def test_writes_into_parts():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    out = torch.zeros(3)
    out[0] = x[0] ** 2
    out[1:] = x[1:] * x[:2]
    e = torch.explain(out.sum())
    assert forms(e) == {"x": "[2*x[0] + x[1], x[2] + x[0], x[1]]"}
    assert "out_before with [0] = u2" in str(e) and r"\text{ with } [0] = u_{2}" in e.latex()
    assert "with [0] = u₂" in e.svg()
    y = x * 2
    y[0] = 5.0
    e = torch.explain(y.sum())
    assert forms(e) == {"x": "2*[0, 1, 1]"} and "u1 with [0] = 5" in str(e)
    y = x * 2
    y[x.detach() > 1.5] = 0
    e = torch.explain((y**2).sum())
    forms(e)
    assert "u1 with [[1, 2]] = 0" in str(e)
    table = torch.zeros(2, 3)
    for i in range(3):
        table[:, i] = x[i] * torch.tensor([1.0, 2.0])
    assert forms(torch.explain((table**2).sum()))["x"] is not None


def test_lost_old_values_are_not_made_up():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    out = torch.tensor([7.0, 8.0, 9.0])
    out[:2] = x
    e = torch.explain((out**2).sum())
    assert forms(e) == {"x": "2*x"}
    assert "[0, 0, 9]" in str(e)  # what was written over is not known, and takes no part


def test_zeros_and_ones_are_called_so():
    W = param(2, 2)
    h = torch.tanh(torch.zeros(2) @ W + 1)
    assert "zeros(2) @ W" in str(torch.explain(h.sum()))


class Residual(torch.nn.Module):
    def __init__(self, count):
        super().__init__()
        nn = torch.nn
        self.first = nn.Linear(4, 8)
        self.blocks = nn.ModuleList(nn.Linear(8, 8) for _ in range(count))
        self.norms = nn.ModuleList(nn.LayerNorm(8) for _ in range(count))

    def forward(self, x):
        x = self.first(x)
        for block, norm in zip(self.blocks, self.norms):
            x = norm(x + torch.relu(block(x)))
        return x


def test_the_picture_of_a_large_model_has_its_skip_connections():
    torch.manual_seed(0)
    net = Residual(14)
    with torch.no_grad():
        net.blocks[5].bias.fill_(-100.0)
    loss = net(data(3, 4)).pow(2).mean()
    e = torch.explain(loss)
    assert "blocks.5: the gradient is zero everywhere: the derivative of relu" in str(e)
    # Of each block: into it, out of it and past it; the first layer and the loss.
    assert e.svg().count('marker-end="url(#fx-b)"') == 3 * 14 + 1


def test_modules_in_a_row_share_a_sentence():
    torch.manual_seed(0)
    nn = torch.nn
    net = nn.Sequential(*[m for _ in range(30) for m in (nn.Linear(8, 8), nn.Sigmoid())], nn.Linear(8, 1))
    loss = net(data(3, 8)).pow(2).mean()
    found = torch.explain(loss).problems()
    assert len(found) == 1 and found[0].startswith("net.0 to net.") and "only" in found[0]


def test_where_the_first_nan_stands():
    nn = torch.nn
    net = nn.Sequential(*[nn.Linear(4, 4) for _ in range(45)])
    x = data(2, 4)
    for k, layer in enumerate(net):
        x = layer(x)
        if k == 20:
            x = torch.log(x - 100)
    loss = x.sum()
    assert "made by log(u22), step 23 (u23), after net.20" in torch.explain(loss).problems()[0]


def test_parameters_stand_in_the_order_of_the_program():
    lin, x = torch.nn.Linear(2, 2), data(3, 2)
    U, V = param(2, 2), param(2, 2)
    loss = ((lin(x) @ V) * (x @ U)).sum()
    assert list(torch.explain(loss).derivatives) == ["U", "V", "weight", "bias"]


def test_sums_and_convolutions_of_images():
    conv, x = torch.nn.Conv2d(2, 3, 3), data(2, 2, 5, 5)
    loss = conv(x).pow(2).sum()
    e = torch.explain(loss)
    assert "dL/dbias = sum(dL/du1, (0, 2, 3))" in lines(e) and "conv2d(x, weight, bias)" in str(e)
    assert forms(e)["bias"] == "2*sum(conv2d(x, weight, bias), (0, 2, 3))"
    back = torch.explain(torch.nn.ConvTranspose2d(2, 3, 3)(x).sum())
    assert "conv_transpose2d(" in str(back)
    pooled = torch.explain(torch.nn.functional.max_pool2d(conv(x), 2).sum())
    assert "max_pool2d(u1)" in str(pooled) and "const)" not in str(pooled) and "const," not in str(pooled)


def test_data_in_other_shapes_and_labels_are_read_in_the_text():
    x, c = torch.tensor([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0]]), torch.tensor([[0.0, 1.0], [4.0, 4.0]])
    c.requires_grad_()
    loss = ((x[:, None, :] - c[None]) ** 2).sum(-1).min(dim=1).values.sum()
    assert forms(torch.explain(loss)) == {"c": "2*sum(mask*(c[None] - x[:, None, :]), 0)"}
    t, E, W = torch.tensor([[1, 2, 0, 1]]), param(3, 2), param(2, 3)
    loss = F.cross_entropy((E[t[:, :-1]] @ W).reshape(-1, 3), t[:, 1:].reshape(-1))
    text = str(torch.explain(loss))
    assert "E[t[:, :-1]]" in text and "onehot(t[:, 1:].reshape(-1))" in text
    assert "dL/dE = place[t[:, :-1]](dL/du1)" in text


def test_curvature_is_no_jump():
    v, th = torch.tensor(10.0, requires_grad=True), torch.tensor(0.78539816, requires_grad=True)
    R = v**2 * torch.sin(2 * th) / 9.81
    assert "jumps" not in str(torch.explain(R))
    w = torch.tensor(0.0, requires_grad=True)
    assert "the derivative jumps here" in str(torch.explain(torch.abs(w)))


def test_sums_in_a_loop_begin_with_a_lost_number():
    x, term, total = torch.tensor(1.5, requires_grad=True), torch.tensor(1.0), torch.tensor(0.0)
    for n in range(1, 5):
        total = total + term
        term = term * x / n
    e = torch.explain(total)
    assert forms(e) == {"x": "x**2/2 + x + 1"}


def test_html_lists_the_local_derivatives():
    w, x = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0)
    page = torch.explain(torch.sin(w * x))._repr_html_()
    assert "<b>Local derivatives</b>" in page and "<span>∂u₁/∂w</span><span>= x = 3</span>" in page
    assert "<span>= cos(u₁) = 0.9602</span>" in page


@pytest.mark.parametrize("hand", ["softmax", "exp", "gather"])
def test_cross_entropy_of_a_batch_by_hand(hand):
    X, y, W = data(4, 2), torch.tensor([0, 1, 2, 0]), param(2, 3)
    z = X @ W
    if hand == "softmax":
        loss = -torch.log(torch.softmax(z, 1)[torch.arange(4), y]).mean()
        wanted = "softmax(X @ W, 1)"
    elif hand == "exp":
        p = torch.exp(z) / torch.exp(z).sum(1, keepdim=True)
        loss = -torch.log(p[torch.arange(4), y]).mean()
        wanted = "exp(X @ W)/sum(exp(X @ W), 1, True)"
    else:
        logp = z - z.exp().sum(1, keepdim=True).log()
        loss = -logp.gather(1, y[:, None]).mean()
        wanted = "exp(X @ W)/sum(exp(X @ W), 1, True)"
    assert forms(torch.explain(loss)) == {"W": f"X.T @ ({wanted} - onehot(y))/4"}


def test_what_drops_elements_is_no_product():
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    v = x.view(-1) * 2
    v[1:3].zero_()
    e = torch.explain(v.sum())
    assert forms(e) == {"x": "2*eye(2)"} and "= zero[1:3](dL/dv)" in str(e)
    y = x.clone()
    y[...] = 3.0
    assert forms(torch.explain((y * x).sum())) == {"x": "3"}  # not y[...], which is what is explained
    s = x[0, 0].clone()
    s[...] = 3.0
    assert "s   3 " in str(torch.explain(s * x[0, 0]))


def test_numbers_stand_before_sums():
    w, x = torch.tensor(1.0, requires_grad=True), torch.tensor(2.0)
    assert forms(torch.explain((w * x - 3) ** 2)) == {"w": "2*x*(w*x - 3)"}
    out, y = param(3, 1), data(3, 1)
    assert "dL/dout = 2*(out - y)/3" in lines(torch.explain(F.mse_loss(out, y)))


def test_a_dead_unit_starves_the_next_layer():
    nn = torch.nn
    net, x = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)), torch.ones(3, 2)
    with torch.no_grad():
        net[0].bias.fill_(-10.0)
    loss = net(x).pow(2).mean()
    found = torch.explain(loss).problems()
    assert "the derivative of relu (u2) is zero" in found[0]
    assert "what it is multiplied by in addmm (u3), u2, is zero everywhere" in found[-1]


@pytest.mark.parametrize("name", ["mse_loss", "cross_entropy", "binary_cross_entropy_with_logits", "l1_loss"])
def test_losses_after_backward(name):
    lin, x = torch.nn.Linear(2, 3), data(4, 2)
    t = torch.tensor([0, 2, 1, 1]) if name == "cross_entropy" else (data(4, 3) > 0).float()
    loss = getattr(F, name)(lin(x), t)
    loss.backward()
    e = torch.explain(loss)
    for d in e.derivatives.values():
        assert torch.allclose(d.value, d.leaf.value.grad) and d.agrees and "x" in d.formula
    assert len(e.derivatives) == 2 and not e._notes()


def test_labels_out_of_range_now_are_not_used():
    lin, x, t = torch.nn.Linear(2, 3), data(4, 2), torch.tensor([0, 2, 1, 1])
    loss = F.cross_entropy(lin(x), t)
    loss.backward()
    t.fill_(1000)
    assert not torch.explain(loss).derivatives
