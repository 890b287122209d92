"""What facula answers for devices, compilers and processes that are not there; profiler and timer."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import facula as torch


def test_flags_are_kept():
    cudnn = torch.backends.cudnn
    assert cudnn.benchmark is False
    cudnn.benchmark = True
    with cudnn.flags(benchmark=False, deterministic=True):
        assert (cudnn.benchmark, cudnn.deterministic) == (False, True)
    assert (cudnn.benchmark, cudnn.deterministic) == (True, False)
    cudnn.benchmark = False
    torch.backends.cuda.enable_flash_sdp(False)
    assert torch.backends.cuda.flash_sdp_enabled() is False
    torch.backends.cuda.enable_flash_sdp(True)
    with pytest.raises(TypeError, match="unexpected keyword"):
        with cudnn.flags(nothing=True):
            pass


def test_modules_are_found_by_import():
    code = """
import facula
facula.install_as_torch()
import torch.backends.cudnn as cudnn
import torch.cuda.amp, torch.cpu.amp, torch.profiler, torch.distributed as dist, torch.utils.benchmark
from torch.utils.tensorboard import SummaryWriter
from torch.amp import autocast, GradScaler
from torch.cuda.amp import autocast as old
from torch.distributions.normal import Normal
from torch.utils.data.distributed import DistributedSampler
import torch.jit, torch.hub, torch.library, torch.compiler, torch.types, torch.testing
from torch.autograd.profiler import record_function
assert cudnn.benchmark is False and dist.is_available() and not dist.is_initialized()
print(type(Normal(0.0, 1.0)), SummaryWriter.__module__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.split() == [
        "<class", "'torch.distributions.normal.Normal'>", "torch.utils.tensorboard.writer"
    ]  # fmt: skip


def test_nothing_of_it_is_imported_with_facula():
    code = "import facula, sys; print([m for m in sys.modules if m.startswith('facula.')])"
    names = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for name in ("distributions", "amp", "cuda", "backends", "profiler", "testing", "utils", "jit"):
        assert f"facula.{name}" not in names


def test_compilers_return_what_they_are_given():
    model = torch.nn.Linear(2, 1)
    assert torch.compile(model) is model and torch.jit.script(model) is model
    assert torch.jit.trace(model, torch.ones(1, 2)) is model

    @torch.compile(fullgraph=True)
    def double(x):
        return x * 2

    @torch.jit.script
    def triple(x: torch.Tensor):
        return x * 3

    @torch.jit.ignore
    def one(x):
        return x

    @torch.jit.unused(True)
    def two(x):
        return x

    assert double(2) == 4 and triple(2) == 6 and one(1) == two(1) == 1
    with pytest.raises(RuntimeError, match="Either mode or options can be specified"):
        torch.compile(model, mode="default", options={})
    with pytest.raises(NotImplementedError, match="state_dict"):
        torch.jit.save(model, "x")
    with pytest.raises(RuntimeError, match="shape|size"):
        torch.jit.trace(model, torch.ones(1, 3))


def test_what_is_missing_names_itself():
    with pytest.raises(NotImplementedError, match="torch.library.opcheck"):
        torch.library.opcheck(None, ())
    with pytest.raises(NotImplementedError, match="torch.onnx.export"):
        torch.onnx.export(None, (), "x")
    with pytest.raises(NotImplementedError, match="torch.ops.aten.nothing"):
        torch.ops.aten.nothing(1, 2)
    assert not hasattr(torch.ops.aten, "nothing") and not hasattr(torch.ops.mine, "add")
    with pytest.raises(NotImplementedError, match="init_process_group"):
        torch.distributed.init_process_group("gloo", rank=0, world_size=2)
    with pytest.raises(RuntimeError, match="no internet connection"):
        torch.hub.load("someone/something", "model")
    with pytest.raises(RuntimeError, match="does not download"):
        torch.utils.model_zoo.load_url("http://example.invalid/nowhere.pth")


def test_hub_of_a_folder(tmp_path):
    (tmp_path / "hubconf.py").write_text("def model(n):\n    'A model.'\n    return n + 1\n")
    folder = str(tmp_path)
    assert torch.hub.list(folder, source="local") == ["model"]
    assert torch.hub.help(folder, "model", source="local") == "A model."
    assert torch.hub.load(folder, "model", 3, source="local") == 4
    with pytest.raises(RuntimeError, match="Cannot find callable"):
        torch.hub.load(folder, "other", source="local")


def test_profiler(tmp_path):
    x = torch.ones(4, 4, requires_grad=True)
    with torch.profiler.profile(record_shapes=True) as prof:
        with torch.profiler.record_function("part"):
            y = (x @ x).relu().sum()
        y.backward()
    rows = {row.key: row for row in prof.key_averages()}
    assert {"part", "matmul", "relu", "sum", "backward"} <= set(rows)
    assert rows["part"].cpu_time_total >= rows["matmul"].cpu_time_total > 0
    table = prof.key_averages().table(sort_by="cpu_time_total", row_limit=2)
    assert "Self CPU time total" in table and "part" in table
    prof.export_chrome_trace(str(tmp_path / "trace.json"))
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert any(e["name"] == "matmul" for e in events)


def test_profiler_schedule():
    ready = []
    plan = torch.profiler.schedule(wait=1, warmup=1, active=2, repeat=1)
    with torch.profiler.profile(
        schedule=plan, on_trace_ready=lambda p: ready.append([e[0] for e in p.events()])
    ) as prof:
        for _ in range(6):
            torch.ones(2) + 1
            prof.step()
    assert ready == [["ones", "add", "ones", "add"]]


def test_timer():
    timer = torch.utils.benchmark.Timer("x + 1", globals={"x": torch.ones(3)}, label="sum")
    found = timer.timeit(50)
    assert found.number_per_run == 50 and 0 < found.median < 1
    assert "sum" in repr(found) and "50 runs per measurement, 1 thread" in repr(found)
    assert timer.blocked_autorange(min_run_time=0.01).times


def test_dlpack():
    numpy = pytest.importorskip("numpy")
    x = torch.arange(3.0)
    numpy.from_dlpack(x)[0] = 5
    shared = torch.from_dlpack(x)
    shared[1] = 7
    assert x.tolist() == [5, 7, 2]
    again = torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(x))
    again[2] = 9
    assert x.tolist() == [5, 7, 9]
    array = numpy.arange(4)
    torch.from_dlpack(array)[0] = 3
    assert array[0] == 3
    assert torch.from_dlpack(array, copy=True).data_ptr() != array.ctypes.data


def test_autocast_is_off_the_path_outside():
    x = torch.ones(2, 2)
    with torch.autocast("cpu"):
        assert (x @ x).dtype is torch.bfloat16
        with pytest.raises(ZeroDivisionError):
            with torch.autocast("cpu", enabled=False):
                assert (x @ x).dtype is torch.float32
                _ = 1 / 0
        assert (x @ x).dtype is torch.bfloat16
    assert (x @ x).dtype is torch.float32
    assert torch._C._len_torch_function_stack() == 0


def test_programs_with_einops_run():
    pytest.importorskip("einops")
    code = """
import facula; facula.install_as_torch()
import torch
from einops import rearrange, reduce, repeat, einsum
from einops.layers.torch import Rearrange
x = torch.arange(24.0).view(2, 3, 4).requires_grad_()
y = rearrange(x, 'b c d -> b (d c)')
reduce(y, 'b (d c) -> b d', 'max', c=3).sum().backward()
print(tuple(repeat(x, 'b c d -> b c d k', k=2).shape), int(x.grad.sum()))
print(einsum(x, x, 'b c d, b e d -> b c e').shape[2])
print(tuple(torch.nn.Sequential(Rearrange('b c d -> b (c d)'), torch.nn.Linear(12, 2))(x).shape))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "" and done.stdout.split("\n")[:2] == ["(2, 3, 4, 2) 8", "3"]
