"""Compressed sparse tensors (CSR, CSC, BSR, BSC) and layout= of factories, as PyTorch has them.

The statements are in compressed_layouts.txt and compressed_operations.txt, a line each, parts of one
separated by " ;; ". Where an error is expected its type must agree and its first line, of lines that start
with "~" the type alone.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

import side_by_side  # noqa: E402

import facula  # noqa: E402

# r, c, br, bc: a matrix in each layout. bt: a batch. h: with a dense dimension. n: whole numbers. i32:
# indices of 32 bits. o: in coordinate form. a, d: dense.
BEFORE = """
a = torch.tensor([[0, 1., 0, 2], [3, 0, 0, 0], [0, 0, 4, 5], [6, 0, 0, 7]])
d = a.clone()
r = a.to_sparse_csr()
c = a.to_sparse_csc()
br = a.to_sparse_bsr((2, 2))
bc = a.to_sparse_bsc((2, 2))
o = a.to_sparse()
bt = torch.stack([a, a]).to_sparse_csr()
h = torch.stack([a, 2 * a], 2).to_sparse_csr(dense_dim=1)
n = a.int().to_sparse_csr()
v = torch.arange(4.)
i32 = torch.sparse_csr_tensor(r.crow_indices().int(), r.col_indices().int(), r.values())
"""
HERE = Path(__file__).parent
LINES = [
    line
    for name in ("compressed_layouts.txt", "compressed_operations.txt")
    for line in (HERE / name).read_text().splitlines()
    if not line.startswith("#")
]


def shown(value):
    """A sparse tensor as its layout, size and parts."""
    if isinstance(value, (tuple, list)) and not hasattr(value, "numel"):
        return [shown(each) for each in value]
    if not isinstance(value, (torch.Tensor, facula.Tensor)) or value.layout in (
        torch.strided,
        facula.strided,
    ):
        kinds = torch.layout, facula.layout, torch.device, facula.device
        return str(value) if isinstance(value, kinds) else value
    head = [str(value.layout), str(value.dtype), list(value.shape), value.requires_grad]
    if value.is_sparse:
        return [*head, value._indices().tolist(), value._values().tolist(), value.is_coalesced()]
    rows = str(value.layout) in ("torch.sparse_csr", "torch.sparse_bsr")
    starts, at = (
        (value.crow_indices(), value.col_indices()) if rows else (value.ccol_indices(), value.row_indices())
    )
    return [*head, str(starts.dtype), starts.tolist(), at.tolist(), value.values().tolist()]


@pytest.fixture(autouse=True)
def unchecked():
    yield
    for library in (torch, facula):
        library.sparse.check_sparse_tensor_invariants.disable()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("line", LINES)
def test_line(line):
    types_only = line.startswith("~ ")
    *before, last = line.removeprefix("~ ").split(" ;; ")

    def run(library):
        space = {"torch": library}
        exec(BEFORE + "\n".join(before), space)
        try:
            return shown(eval(last, space))
        except SyntaxError:
            exec(last, space)

    expected, got = (side_by_side.outcome(run, library)[0] for library in (torch, facula))
    if isinstance(expected, side_by_side.Error):
        text = (
            "" if types_only else re.sub(r"(Could not run 'aten::\w+).*", r"\1", expected[1].split("\n")[0])
        )
        expected = side_by_side.Error((expected[0], text))
    assert side_by_side.close(expected, got, 1e-5), (expected, got)


# PyTorch's gradients of products are those of all elements; ours of those that are held.
PRODUCTS = """
s @ d
d @ s
s @ v
d + s
s.sum()
torch.addmm(d, s, d, beta=2, alpha=3)
torch.addmv(v, s, v, alpha=2)
torch.nn.functional.linear(d, s, v)
torch.sparse.mm(s, d, "mean")
torch.sparse.mm(s, d, "amax")
torch.sparse.mm(s, d, "amin")
torch.sparse.sampled_addmm(s, d, d, beta=2, alpha=3).to_dense()
(s @ s).to_dense()
(s * s + s).to_dense()
s.t().to_dense() * d
s.to_sparse_csc().to_dense() * d
s.to_sparse().to_dense() * d
s.abs().neg().to_dense() * d
s.double().to_dense()
"""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("line", PRODUCTS.strip().split("\n"))
def test_gradients_at_the_places(line):
    def run(library):
        space = {"torch": library}
        exec(BEFORE, space)
        space.update(d=space["d"].requires_grad_(), v=space["v"].requires_grad_())
        s = space["s"] = space["r"].requires_grad_()
        result = eval(line, space)
        given = library.arange(1.0, result.numel() + 1).view(result.shape).to(result.dtype)
        found = library.autograd.grad((result * given).sum(), [s, space["d"], space["v"]], allow_unused=True)
        dense = found[0] if found[0].layout == library.strided else found[0].to_dense()
        return [(dense * (space["a"] != 0)).detach(), *found[1:]]

    side_by_side.check(run, 1e-5)


def made(t):
    a = t.tensor([[0, 1.0, 0, 2], [3, 0, 0, 0], [0, 0, 4, 5], [6, 0, 0, 7]])
    r = a.to_sparse_csr()
    return {
        "csr": r,
        "csc": a.to_sparse_csc(),
        "bsr": a.to_sparse_bsr((2, 2)),
        "bsc": a.to_sparse_bsc((2, 2)),
        "batch": t.stack([a, a]).to_sparse_csr(),
        "int32": t.sparse_csr_tensor(r.crow_indices().int(), r.col_indices().int(), r.values()),
        "nothing": t.zeros(2, 3).to_sparse_csr(),
        "parameter": t.nn.Parameter(a.to_sparse_csr()),
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("old", [False, True])
def test_files(old):
    for writer, reader in ((torch, facula), (facula, torch), (facula, facula)):
        file = io.BytesIO()
        writer.save(made(writer), file, _use_new_zipfile_serialization=not old)
        file.seek(0)
        read, expected = reader.load(file), made(reader)
        for name, value in expected.items():
            assert repr(read[name]) == repr(value), name
            assert read[name].layout == value.layout and type(read[name]) is type(value), name


@pytest.mark.filterwarnings("ignore")
def test_files_of_bad_indices():
    file = io.BytesIO()
    parts = torch.tensor([0, 2, 9]), torch.tensor([0, 7]), torch.tensor([1.0, 2])
    torch.save(torch.sparse_csr_tensor(*parts, (2, 2)), file)
    file.seek(0)
    with pytest.raises(RuntimeError, match="nnz"):
        facula.load(file)


BAD = """
t.sparse_csr_tensor([0, 1, 2], [0, -1], [1.0, 2.0], (2, 2)) + e.to_sparse_csr()
t.sparse_csr_tensor([0, 1, 2], [3, 1], [1.0, 2.0], (2, 2)) + e.to_sparse_csr()
t.sparse_csr_tensor([0, 1, 2], [3, 1], [1.0, 2.0], (2, 2)).sum(1, keepdim=True)
t.sparse_csc_tensor([0, 1, 2], [0, -1], [1.0, 2.0], (2, 2)).to_sparse_csr()
t.sparse_bsr_tensor([0, 1, 2], [0, 2], t.ones(2, 2, 2), (4, 4)).to_sparse_bsc((2, 2))
t.sparse_csr_tensor([0, 1], [0], [1.0], (2, 2)).to_dense()
t.sparse_csr_tensor([0, 1], [0], [1.0], (2, 2)) @ e
e @ t.sparse_csr_tensor([0, 1, 1, 1], [0], [1.0], (2, 2))
t.sparse_csr_tensor([1, 2, 3], [0, 1], [1.0, 2.0], (2, 2)).to_dense()
t.sparse_csr_tensor([0, 3 * 10**8], [0, 1], [1.0, 2.0], (1, 2)).to_dense()
t.sparse_csr_tensor([0, 2**62, 2**63 - 1], [0, 1], [1.0, 2.0], (2, 2)).to_dense()
t.sparse_csr_tensor([[0, 1], [0, 3]], [[0, 1]] * 2, [[1.0, 2.0]] * 2, (2, 1, 2)).to_dense()
t._convert_indices_from_coo_to_csr(t.tensor([0, 10**12]), 2)
t._convert_indices_from_csr_to_coo(t.tensor([0, 10**12]), t.tensor([0]))
"""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("line", BAD.strip().splitlines())
def test_indices_are_looked_at_when_they_are_used(line):
    """Where PyTorch reads what is not there, or gives what cannot be."""
    with pytest.raises(RuntimeError, match="ind|rows of"):
        eval(line, {"t": facula, "e": facula.eye(2)})
