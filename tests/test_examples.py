"""The training examples: they learn; neither threads nor being stopped change a bit."""

from __future__ import annotations

import functools

import pytest
from cli_runs import facula
from example_runs import EXAMPLES, SHORT, losses

import facula as torch


def run(name, *options, threads=1):
    done = facula(EXAMPLES / f"{name}.py", *options, OMP_NUM_THREADS=str(threads))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def bits(checkpoint):
    """All that a checkpoint holds, tensors as their bytes."""
    if isinstance(checkpoint, torch.Tensor):
        return checkpoint.dtype, checkpoint.shape, checkpoint.numpy().tobytes()
    if isinstance(checkpoint, dict):
        return {key: bits(value) for key, value in checkpoint.items()}
    return [bits(v) for v in checkpoint] if isinstance(checkpoint, (list, tuple)) else checkpoint


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What a shortened training prints, and the checkpoint at its end. One thread."""

    @functools.cache
    def whole(name):
        file = tmp_path_factory.mktemp(name) / "checkpoint.pt"
        return run(name, *SHORT[name], "--checkpoint", file), bits(torch.load(file))

    return whole


@pytest.mark.parametrize("name", SHORT)
def test_learns(name, whole):
    first, *_, last = losses(whole(name)[0])[::2]
    assert last < 0.93 * first


@pytest.mark.parametrize("name", SHORT)
def test_two_threads_change_no_bit(name, whole, tmp_path):
    text, checkpoint = whole(name)
    file = tmp_path / "checkpoint.pt"
    assert run(name, *SHORT[name], "--checkpoint", file, threads=2) == text
    assert bits(torch.load(file)) == checkpoint


@pytest.mark.parametrize("name", SHORT)
def test_stopping_changes_no_bit(name, whole, tmp_path):
    text, checkpoint = whole(name)
    file = tmp_path / "checkpoint.pt"
    run(name, *SHORT[name], "--epochs", 1, "--checkpoint", file)
    rest = run(name, *SHORT[name], "--checkpoint", file)
    assert rest.startswith("going on after epoch 1\n") or "\ngoing on after epoch 1\n" in rest
    assert text.endswith(rest.partition("going on after epoch 1\n")[2])
    assert bits(torch.load(file)) == checkpoint
