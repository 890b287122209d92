"""Stop and resume from a checkpoint: the same bits as a training that was not stopped."""

import io

import pytest

import facula as torch
from facula import nn

OPTIMIZERS = {
    "SGD": {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-3},
    "Adam": {"lr": 0.01, "amsgrad": True},
    "AdamW": {"lr": 0.01},
    "Adadelta": {},
    "Adafactor": {},
    "Adagrad": {"lr_decay": 0.1},
    "Adamax": {},
    "ASGD": {"t0": 3},
    "LBFGS": {"line_search_fn": "strong_wolfe"},
    "NAdam": {},
    "RAdam": {},
    "RMSprop": {"momentum": 0.5, "centered": True},
    "Rprop": {},
}


class Training:
    """A model with dropout and batch norm, an optimizer, a schedule and a stream of data."""

    def __init__(self, name):
        torch.manual_seed(3)
        self.model = nn.Sequential(
            nn.Linear(4, 8),
            nn.BatchNorm1d(8),
            nn.ReLU(),
            nn.Dropout(0.3 if name != "LBFGS" else 0.0),
            nn.Linear(8, 2),
        )
        self.optimizer = getattr(torch.optim, name)(self.model.parameters(), **OPTIMIZERS[name])
        self.schedule = torch.optim.lr_scheduler.ExponentialLR(self.optimizer, 0.9)

    def step(self):
        x = torch.randn(16, 4)
        target = x[:, :2].sin()

        def closure():
            self.optimizer.zero_grad()
            loss = ((self.model(x) - target) ** 2).mean()
            loss.backward()
            return loss

        loss = self.optimizer.step(closure)
        self.schedule.step()
        return loss.item()

    def checkpoint(self, file):
        parts = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "random": torch.get_rng_state(),
        }
        torch.save(parts, file)

    def resume(self, file):
        parts = torch.load(file)
        self.model.load_state_dict(parts["model"])
        self.optimizer.load_state_dict(parts["optimizer"])
        self.schedule.load_state_dict(parts["schedule"])
        torch.set_rng_state(parts["random"])

    def bits(self):
        return [v.numpy().tobytes() for v in self.model.state_dict().values()]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_resuming_changes_no_bit(name, tmp_path):
    whole = Training(name)
    expected = [whole.step() for _ in range(9)]

    first = Training(name)
    losses = [first.step() for _ in range(4)]
    first.checkpoint(tmp_path / "a.pt")
    del first
    torch.manual_seed(99)
    second = Training(name)
    second.step()
    second.resume(tmp_path / "a.pt")
    losses += [second.step() for _ in range(5)]
    assert losses == expected
    assert second.bits() == whole.bits()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_copies_train_alike(name):
    import copy
    import pickle

    first = Training(name)
    first.step()
    parts = (first.model, first.optimizer, first.schedule)
    file = io.BytesIO()
    torch.save(parts, file)
    file.seek(0)
    state = torch.get_rng_state()
    copies = [copy.deepcopy(parts), pickle.loads(pickle.dumps(parts)), torch.load(file, weights_only=False)]
    first.step()
    for model, optimizer, schedule in copies:
        torch.set_rng_state(state)
        other = Training.__new__(Training)
        other.model, other.optimizer, other.schedule = model, optimizer, schedule
        other.step()
        assert other.bits() == first.bits()
        assert schedule.get_last_lr() == first.schedule.get_last_lr()


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_change_no_bit(threads):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        for name in ("RMSprop", "NAdam", "Adadelta"):
            p = nn.Parameter(torch.randn(300_000))
            optimizer = getattr(torch.optim, name)([p])
            for _ in range(3):
                p.grad = p.detach().sin()
                optimizer.step()
            results.setdefault(name, p.detach().numpy().tobytes())
            assert results[name] == p.detach().numpy().tobytes()
    finally:
        torch.set_num_threads(before)


results: dict = {}


def test_schedules_resume():
    def made():
        p = nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([p], lr=0.1, momentum=0.9)
        s = torch.optim.lr_scheduler
        return optimizer, [
            s.CyclicLR(optimizer, 0.01, 0.1, step_size_up=3, mode="triangular2"),
        ]

    optimizer, (schedule,) = made()
    rates = []
    for i in range(12):
        optimizer.step()
        schedule.step()
        rates.append((schedule.get_last_lr()[0], optimizer.param_groups[0]["momentum"]))
        if i == 5:
            file = io.BytesIO()
            torch.save([optimizer.state_dict(), schedule.state_dict()], file)
    file.seek(0)
    optimizer, (schedule,) = made()
    saved = torch.load(file)
    optimizer.load_state_dict(saved[0])
    schedule.load_state_dict(saved[1])
    for i in range(6, 12):
        optimizer.step()
        schedule.step()
        assert (schedule.get_last_lr()[0], optimizer.param_groups[0]["momentum"]) == rates[i]


# --- bad checkpoints: PyTorch's error, nothing changed ---


def test_model_of_another_shape():
    model = nn.Linear(2, 3)
    before = model.weight.tolist()
    with pytest.raises(RuntimeError, match="size mismatch for weight"):
        model.load_state_dict(nn.Linear(4, 3).state_dict())
    with pytest.raises(RuntimeError, match="Missing key"):
        model.load_state_dict({"bias": torch.ones(3)})
    assert before == model.weight.tolist()


def test_optimizer_of_other_groups():
    p, q = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))
    one = torch.optim.Adam([p])
    two = torch.optim.Adam([p, q])
    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
        one.load_state_dict(two.state_dict())
    with pytest.raises(ValueError, match="different number of parameter groups"):
        one.load_state_dict({"state": {}, "param_groups": []})
    with pytest.raises(KeyError):
        one.load_state_dict({"state": {}})
    assert len(one.param_groups) == 1 and one.param_groups[0]["params"][0] is p


def test_parameters_that_cannot_be_optimized():
    p = nn.Parameter(torch.ones(2))
    for bad, error, text in (
        ([], ValueError, "optimizer got an empty parameter list"),
        (p, TypeError, "params argument given to the optimizer should be an iterable"),
        ([p * 2], ValueError, "can't optimize a non-leaf Tensor"),
        ([1], TypeError, "optimizer can only optimize Tensors"),
        (
            [{"params": [p]}, {"params": [p]}],
            ValueError,
            "some parameters appear in more than one parameter group",
        ),
    ):
        for name in ("SGD", "RMSprop", "NAdam"):
            with pytest.raises(error, match=text):
                getattr(torch.optim, name)(bad)
    for name in (*OPTIMIZERS, "SparseAdam", "Muon"):
        with pytest.raises(ValueError, match="nvalid learning rate|Learning rate should be >= 0"):
            getattr(torch.optim, name)([nn.Parameter(torch.ones(2, 2))], lr=-1.0)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        torch.optim.Adagrad([p, p])


def test_an_optimizer_of_the_user():
    class Halving(torch.optim.Optimizer):
        def __init__(self, params, rate=0.5):
            super().__init__(params, {"rate": rate})

        @torch.no_grad()
        def step(self, closure=None):
            loss = None
            if closure is not None:
                with torch.enable_grad():
                    loss = closure()
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        self.state[p]["count"] = self.state[p].get("count", 0) + 1
                        p.add_(p.grad, alpha=-group["rate"])
            return loss

    p = nn.Parameter(torch.ones(2))
    optimizer = Halving([p])
    calls = []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append("before"))
    optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append("after"))

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 2 and p.tolist() == [0, 0] and calls == ["before", "after"]
    state = optimizer.state_dict()
    assert state["state"] == {0: {"count": 1}} and state["param_groups"][0]["rate"] == 0.5
    again = Halving([nn.Parameter(torch.ones(2))], rate=9)
    again.load_state_dict(state)
    assert again.param_groups[0]["rate"] == 0.5
    schedule = torch.optim.lr_scheduler.StepLR(torch.optim.SGD([p], lr=1.0), 1)
    schedule.optimizer.step()
    schedule.step()
    assert schedule.get_last_lr() == [0.1]


@pytest.mark.parametrize(
    "name", ["RMSprop", "Adagrad", "NAdam", "RAdam", "Adamax", "Adadelta", "ASGD", "Rprop"]
)
def test_one_formula_two_ways(name):
    """The fused call and the operations agree, for strided parameters and for differentiable steps too."""
    results = []
    for kind in ("fused", "strided", "differentiable"):
        torch.manual_seed(1)
        start, grads = torch.randn(3, 4), [torch.randn(3, 4) for _ in range(6)]
        p = nn.Parameter(start.t().contiguous().t() if kind == "strided" else start.clone())
        p = p.detach().clone().requires_grad_() if kind == "differentiable" else p
        leaf = p
        if kind == "differentiable":
            p = p * 1
            p.retain_grad()
        optimizer = getattr(torch.optim, name)([p], differentiable=kind == "differentiable")
        for grad in grads:
            p.grad = grad
            optimizer.step()
        if kind == "differentiable":
            p.sum().backward()
            assert leaf.grad.isfinite().all()
        results.append(p.detach())
    for other in results[1:]:
        assert torch.allclose(results[0], other, rtol=1e-5, atol=1e-6)


def test_averaged_models():
    from facula.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn, update_bn

    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    mean, ema = AveragedModel(model), AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.5))
    seen = []
    for value in (1.0, 2.0, 6.0):
        with torch.no_grad():
            model[0].weight.fill_(value)
        seen.append(value)
        mean.update_parameters(model)
        ema.update_parameters(model)
    assert mean.n_averaged == 3 and torch.allclose(mean.module[0].weight, torch.tensor(3.0))
    assert torch.allclose(ema.module[0].weight, torch.tensor((1 * 0.5 + 2 * 0.5) * 0.5 + 3))
    data = torch.randn(64, 2)
    update_bn([(data[:32],), (data[32:],)], mean)
    assert torch.allclose(mean.module[1].running_mean, mean.module[0](data).mean(0), atol=1e-5)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule = SWALR(optimizer, swa_lr=0.1, anneal_epochs=2, anneal_strategy="linear")
    rates = []
    for _ in range(3):
        optimizer.step()
        schedule.step()
        rates.append(schedule.get_last_lr()[0])
    assert rates == pytest.approx([0.55, 0.1, 0.1])
