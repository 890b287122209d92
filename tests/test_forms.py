"""Forms of calls beside the plain one: numbers before tensors, keywords only, arrays, buffers, files."""

from __future__ import annotations

import array

import pytest

import facula as torch

F = torch.nn.functional


@pytest.mark.filterwarnings("ignore:This overload")
def test_numbers_once_stood_before_the_tensors_they_scale():
    p, g = torch.ones(2), torch.tensor([1.0, 2.0])
    assert p.add_(-0.5, g) is p
    assert p.tolist() == [0.5, 0.0]
    assert torch.add(p, 2, g).tolist() == [2.5, 4.0]
    assert p.sub(2, g).tolist() == [-1.5, -4.0]
    assert p.addcmul(0.5, g, g).tolist() == [1.0, 2.0]
    assert p.addcdiv(-1, g, g).tolist() == [-0.5, -1.0]
    m = torch.ones(2, 2)
    assert torch.addmm(0.5, m, 2, m, m).tolist() == [[4.5, 4.5], [4.5, 4.5]]
    assert m.addmm(0.5, 2, m, m).tolist() == m.addmm(m, m, beta=0.5, alpha=2).tolist()
    assert torch.addmv(0.5, p, m, g).tolist() == torch.addmv(p, m, g, beta=0.5).tolist()
    assert m.baddbmm(0.5, 2, m[None], m[None]).shape == (1, 2, 2)
    with pytest.raises(TypeError):
        p.add(g, 2)
    with pytest.raises(TypeError):
        torch.addcmul(p, g, g, 0.5)


def test_keywords_only_in_place():
    x = torch.tensor([-1.0, 2.0])
    assert F.relu(input=x, inplace=True) is x
    assert x.tolist() == [0.0, 2.0]
    assert F.leaky_relu(negative_slope=0.5, inplace=True, input=x) is x


def test_copy_takes_numbers():
    x = torch.zeros(2, 2)
    assert x.copy_(2).tolist() == [[2.0, 2.0], [2.0, 2.0]]
    assert x[0].copy_(1.5).tolist() == [1.5, 1.5]


def test_asarray():
    x = torch.ones(2)
    assert torch.asarray(x) is x
    assert torch.asarray(x, copy=True).data_ptr() != x.data_ptr()
    with pytest.raises(ValueError, match="can't alias tensor with dtype 'Float' into dtype 'Long'"):
        torch.asarray(x, dtype=torch.int64, copy=False)
    with pytest.raises(ValueError, match="can't alias arbitrary sequence"):
        torch.asarray([1], copy=False)
    assert not torch.asarray(torch.ones(1, requires_grad=True), requires_grad=False).requires_grad
    assert torch.asarray(bytearray(b"ab"), dtype=torch.uint8).tolist() == [97, 98]
    assert torch.asarray(array.array("f", [1, 2])).tolist() == [1.0, 2.0]
    assert torch.asarray([1, 2]).dtype == torch.int64


def test_from_file(tmp_path):
    path = str(tmp_path / "numbers")
    shared = torch.from_file(path, shared=True, size=3)
    shared.copy_(torch.arange(3.0))
    private = torch.from_file(path, size=3)
    private += 1
    assert torch.from_file(path, size=3).tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(RuntimeError):
        torch.from_file(path, size=30)


def test_segment_reduce():
    x = torch.arange(8.0).reshape(4, 2).requires_grad_()
    lengths = torch.tensor([1, 0, 3])
    assert torch.segment_reduce(x, "sum", lengths=lengths).tolist() == [[0, 1], [0, 0], [12, 15]]
    assert torch.segment_reduce(x, "max", lengths=lengths, initial=5).tolist() == [[5, 5], [5, 5], [6, 7]]
    mean = torch.segment_reduce(x, "mean", offsets=torch.tensor([0, 1, 4]))
    assert mean.tolist() == [[0, 1], [4, 5]]
    mean.sum().backward()
    assert x.grad.sum().item() == pytest.approx(4)
    with pytest.raises(RuntimeError):
        torch.segment_reduce(x, "sum", lengths=torch.tensor([1, 1]))


def test_unique_orders_slices_row_by_row():
    x = torch.tensor([[[0, 1], [1, 0]], [[1, 0], [0, 0]]])
    # The slices of the last dimension are 0110 and 1000.
    assert torch.unique(x, dim=2).tolist() == x.tolist()
    assert torch.unique(x.flip(2), dim=2).tolist() == x.tolist()


def test_rearrange():
    x = torch.arange(24).reshape(2, 3, 4)
    rearrange = torch.func.rearrange
    assert rearrange(x, "a b c -> c (a b)").tolist() == x.permute(2, 0, 1).reshape(4, 6).tolist()
    assert rearrange(x, "a ... -> ... a").shape == (3, 4, 2)
    assert rearrange(x, "a ... -> (... a)").shape == (24,)
    assert rearrange(x, "a b (c d) -> d (a c) b", d=2).shape == (2, 4, 3)
    assert rearrange([x[0], x[1]], "n h w -> h (n w)").shape == (3, 8)
    for pattern in ("a b -> a b", "a b c -> a b", "a a b -> a b", "a b (c d) -> a b c d", "a b c"):
        with pytest.raises(ValueError):
            rearrange(x, pattern)


def test_arrays_on_the_left():
    numpy = pytest.importorskip("numpy")
    t, a = torch.tensor([1.0, 2.0]), numpy.array([2.0, 2.0])
    assert (a / t).tolist() == [2.0, 1.0]
    assert (a == t).tolist() == [False, True]
    assert (t == a).tolist() == [False, True]
    assert not t == numpy.array(["a"])


def test_names_that_torch_has_too():
    w = torch.arange(6.0).reshape(3, 2)
    assert torch.embedding(w, torch.tensor([2, 0])).tolist() == [[4, 5], [0, 1]]
    x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]])
    assert torch.cosine_similarity(x, y).item() == pytest.approx(0.5**0.5)
    assert torch.pairwise_distance(x, y).item() == pytest.approx(1, abs=1e-5)
    p, q = torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75])
    whole = F.kl_div(p.log(), q, reduction="none")
    assert torch.kl_div(p.log(), q).tolist() == whole.tolist()
    assert torch.kl_div(p.log(), q, 2).item() == pytest.approx(whole.sum().item())
    assert torch.hinge_embedding_loss(x, y, 1.0, 1).item() == F.hinge_embedding_loss(x, y).item()
    with pytest.raises(ValueError, match="reduction"):
        torch.kl_div(p, q, 5)
    assert torch.functional.einsum("ij->i", w).tolist() == [1, 5, 9]


def test_dense_tensors_answer_questions_about_sparse_ones():
    x = torch.ones(2, 3)
    assert (x.sparse_dim(), x.dense_dim()) == (0, 2)
    with pytest.raises(RuntimeError, match="values expected sparse tensor layout but got Strided"):
        x.values()
    s = x.to_sparse()
    assert s.is_coalesced() and s.values().tolist() == [1.0] * 6


def test_old_names():
    x = torch.arange(6)
    assert x.resize(2, 3).shape == (2, 3)
    assert x.resize_as(torch.ones(3, 2)).shape == (3, 2)
    with pytest.raises(RuntimeError, match="requested resize"):
        x.resize(5)
    with pytest.raises(RuntimeError, match="linalg.eigh"):
        torch.symeig(torch.eye(2))


def test_ranges_take_numbers_and_tensors_without_dimensions():
    assert torch.linspace(torch.tensor(0), torch.tensor(1.0), 3).tolist() == [0, 0.5, 1]
    with pytest.raises(RuntimeError, match="only supports 0-dimensional start and end tensors"):
        torch.linspace(torch.ones(1), 2, 3)


def test_pinning_needs_an_accelerator():
    with pytest.raises(RuntimeError, match="Cannot access accelerator"):
        torch.ones(2).pin_memory()
    with pytest.raises(RuntimeError, match="pin_memory=True requires"):
        torch.ones(2, pin_memory=True)


def test_frequencies_and_padding():
    assert torch.fft.fftfreq(4, dtype=float).dtype == torch.float64
    assert torch.fft.rfftfreq(2, 0.0)[0].isnan()
    padded = torch.nn.utils.rnn.pad_sequence([torch.ones(2), torch.ones(1, dtype=torch.float64)])
    assert padded.dtype == torch.float32


def test_bools_among_sizes():
    assert torch.empty((3, True)).shape == (3, 1)
    assert torch.nn.Linear(True, 2).weight.shape == (2, 1)
    with pytest.raises(TypeError):
        torch.zeros((True, 3))


def test_errors_of_elements():
    with pytest.raises(TypeError, match="invalid data type 'str'"):
        torch.tensor([1, "a"])
    with pytest.raises(ValueError, match="too many dimensions 'str'"):
        torch.tensor(["a"])
    with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
        torch.tensor([1, [2]])
    with pytest.raises(TypeError):
        torch.ones(3)["a"]
    with pytest.raises(TypeError, match="only implemented on integer and Boolean-type tensors"):
        ~torch.ones(3)
    with pytest.raises(RuntimeError, match="without overflow"):
        float(torch.tensor(1j))


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
def test_a_list_of_lists_is_one_index_for_each_dimension():
    x = torch.arange(12).reshape(3, 4)
    assert x[[[0, 1], [1, 2]]].tolist() == [1, 6]
    assert x[[slice(None), 0]].tolist() == [0, 4, 8]
    assert x[[torch.tensor(0), torch.tensor(1)]].item() == 1
    assert x[[0, 1]].shape == (2, 4)
    assert x[[True, False, True]].shape == (2, 4)
    assert x[([[0, 1], [1, 2]],)].shape == (2, 2, 4)
    x[[[0, 1], [1, 2]]] = -1
    assert (x == -1).sum() == 2
