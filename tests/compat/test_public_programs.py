"""What public training programs do that once differed here, each in a few lines, against PyTorch."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from tests.compat.side_by_side import check  # noqa: E402


def test_embedding_results_are_written_to():
    def program(t):
        table = t.nn.Embedding(5, 3)
        x = table(t.tensor([[1, 2], [0, 3]]))
        x += t.ones(2, 3)
        x.square().sum().backward()
        return x, table.weight.grad

    check(program, 1e-6)


def test_pooling_before_relu_in_place():
    def program(t):
        layers = t.nn.Sequential(t.nn.Conv2d(1, 4, 3), t.nn.MaxPool2d(2), t.nn.ReLU(inplace=True))
        y = layers(t.linspace(-1, 1, 100).reshape(1, 1, 10, 10))
        y.square().sum().backward()
        return y, layers[0].weight.grad

    check(program, 1e-5)


def test_values_with_leading_ones_are_assigned():
    def program(t):
        x = t.zeros(4, 3, 5)
        chosen = t.zeros(4, 3, dtype=t.bool)
        chosen[0, :2] = True
        x[chosen] = t.arange(5.0).reshape(1, 1, 5)
        x[:, [0, 1]] += t.ones(1, 1, 1, 1)
        x[:, [0, 1]] = x[:, [1, 0]][None]
        return x

    check(program)


def test_the_identity_grid_has_the_slopes_of_pytorch():
    """The affine map that changes nothing, where a spatial transformer begins, samples at the pixels."""

    def program(t):
        image = t.randn(1, 1, 28, 28)
        grid = t.nn.functional.affine_grid(t.eye(2, 3)[None], image.shape, align_corners=False)
        grid.requires_grad_()
        t.nn.functional.grid_sample(image, grid, align_corners=False).sum().backward()
        return grid, grid.grad

    check(program, 1e-4)


@pytest.mark.parametrize("kind", ["Embedding", "EmbeddingBag"])
def test_sparse_adam_trains_embeddings(kind):
    def program(t):
        table = getattr(t.nn, kind)(8, 3, sparse=True)
        optimizer = t.optim.SparseAdam(list(table.parameters()), lr=0.1)
        for rows in ([[1, 2, 2]], [[2, 5, 7]], [[0, 1, 5]]):
            optimizer.zero_grad()
            table(t.tensor(rows)).square().sum().backward()
            optimizer.step()
        return table.weight

    check(program, 1e-5)


@pytest.mark.parametrize("name", ["", "_value", "_index", "_type", "_not_implemented"])
def test_checks(name):
    check(lambda t: getattr(t, f"_check{name}")(True, lambda: "text"))
    check(lambda t: getattr(t, f"_check{name}")(False, lambda: "text"))
    check(lambda t: getattr(t, f"_check{name}")(1))
    check(lambda t: getattr(t, f"_check{name}")(False, "no function"))


def test_assertions():
    check(lambda t: t._assert(t.tensor(True), "text"))
    check(lambda t: t._assert(False, "text"))
    check(lambda t: t._check_tensor_all(t.tensor([True, True])))
    check(lambda t: t._check_tensor_all([True]))


def test_the_bar_of_torch_hub():
    pytest.importorskip("tqdm")

    def program(t):
        from importlib import import_module

        bar = import_module(f"{t.__name__}.hub").tqdm
        shown = bar([1, 2, 3], desc="x", disable=True)
        total = sum(shown)
        shown.set_postfix({"loss": 1.0})
        return total, len(shown)

    check(program)


def test_a_group_of_one_process(monkeypatch):
    """A program for many processes, as a launcher of one starts it."""
    for name, value in (
        ("MASTER_ADDR", "127.0.0.1"),
        ("MASTER_PORT", "0"),
        ("RANK", "0"),
        ("WORLD_SIZE", "1"),
    ):
        monkeypatch.setenv(name, value)

    def program(t):
        from importlib import import_module

        dist = import_module(f"{t.__name__}.distributed")
        parallel = import_module(f"{t.__name__}.nn.parallel")
        data = import_module(f"{t.__name__}.utils.data")
        sampling = import_module(f"{t.__name__}.utils.data.distributed")
        dist.init_process_group(backend="gloo")
        model = parallel.DistributedDataParallel(t.nn.Linear(3, 2))
        optimizer = t.optim.SGD(model.parameters(), lr=0.1)
        samples = data.TensorDataset(t.randn(8, 3), t.arange(8) % 2)
        sampler = sampling.DistributedSampler(samples, shuffle=True)
        losses = []
        for epoch in range(2):
            sampler.set_epoch(epoch)
            for x, y in data.DataLoader(samples, batch_size=4, sampler=sampler):
                loss = t.nn.functional.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                mean = loss.detach().clone()
                dist.all_reduce(mean, op=dist.ReduceOp.SUM)
                losses.append((mean / dist.get_world_size()).item())
        gathered = [t.zeros(2)]
        dist.all_gather(gathered, t.arange(2.0))
        dist.barrier()
        answers = (dist.get_rank(), dist.is_initialized(), dist.get_backend(), gathered)
        dist.destroy_process_group()
        return losses, answers, list(model.state_dict()), dist.is_initialized()

    check(program, 1e-5)
    check(lambda t: t.distributed.get_rank())
    check(lambda t: t.distributed.all_reduce(t.ones(2)))
