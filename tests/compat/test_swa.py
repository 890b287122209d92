"""torch.optim.swa_utils: averages of weights after the same training, and their errors."""

import copy
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from side_by_side import check  # noqa: E402


def network(t):
    t.manual_seed(3)
    return t.nn.Sequential(t.nn.Linear(3, 4), t.nn.BatchNorm1d(4), t.nn.ReLU(), t.nn.Linear(4, 2))


AVERAGES = {
    "mean": lambda s: {},
    "mean of buffers": lambda s: {"use_buffers": True},
    "ema": lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.9)},
    "ema one by one": lambda s: {"avg_fn": s.get_ema_avg_fn(0.9)},
    "ema of buffers": lambda s: {"avg_fn": s.get_ema_avg_fn(0.9), "use_buffers": True},
    "mean one by one": lambda s: {"avg_fn": s.get_swa_avg_fn()},
    "own": lambda s: {"avg_fn": lambda average, value, count: 0.25 * average + 0.75 * value},
}


@pytest.mark.parametrize("name", AVERAGES)
def test_averages(name):
    def run(t):
        model = network(t)
        averaged = t.optim.swa_utils.AveragedModel(model, **AVERAGES[name](t.optim.swa_utils))
        optimizer = t.optim.SGD(model.parameters(), lr=0.1)
        data = [t.randn(8, 3) for _ in range(6)]
        for x in data:
            optimizer.zero_grad()
            (model(x) ** 2).mean().backward()
            optimizer.step()
            averaged.update_parameters(model)
        before = {k: v.clone() for k, v in averaged.state_dict().items()}
        t.optim.swa_utils.update_bn([[x, 0] for x in data], averaged)
        again = copy.deepcopy(averaged)
        again.load_state_dict(averaged.state_dict())
        return before, dict(averaged.state_dict()), again.n_averaged, again.training, averaged(data[0])

    check(run, 1e-5)


def test_errors():
    for case in (
        lambda t, s: s.get_ema_multi_avg_fn(1.5),
        lambda t, s: s.get_ema_avg_fn(-0.5),
        lambda t, s: s.SWALR(t.optim.SGD([t.nn.Parameter(t.ones(1))]), 0.1, anneal_strategy="steps"),
        lambda t, s: s.SWALR(t.optim.SGD([t.nn.Parameter(t.ones(1))]), 0.1, anneal_epochs=-1),
        lambda t, s: s.SWALR(t.optim.SGD([t.nn.Parameter(t.ones(1))]), [0.1, 0.2]),
        lambda t, s: s.AveragedModel(
            network(t), avg_fn=s.get_swa_avg_fn(), multi_avg_fn=s.get_swa_multi_avg_fn()
        ),
    ):
        check(lambda t, case=case: case(t, t.optim.swa_utils))
