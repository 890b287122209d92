"""Answering to `torch`: every form of import, version checks, refusal, missing names, class names."""

import os
import subprocess
import sys

import pytest


def python(code, *, path=(), status=0):
    """Run code in a fresh interpreter; return its standard output (and error)."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join([*map(str, path), *sys.path[1:]])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


INSTALL = "import facula; facula.install_as_torch()\n"


def test_every_form_of_import_finds_facula():
    python(
        INSTALL + "import sys\n"
        "import torch, torch.nn as nn, torch.nn.functional as F\n"
        "from torch import nn as nn2, Tensor, no_grad\n"
        "from torch.nn import Linear\n"
        "from torch.nn.modules.linear import Linear as Linear2\n"
        "import importlib\n"
        "assert torch is facula and nn is nn2 is facula.nn is sys.modules['facula.nn']\n"
        "assert F is facula.nn.functional and Linear is Linear2\n"
        "assert importlib.import_module('torch.nn.modules') is sys.modules['facula.nn.modules']\n"
        "assert Tensor is facula.Tensor and isinstance(torch.tensor(1.0), Tensor)\n"
    )


def test_import_order_does_not_matter():
    python(
        "import sys, facula, facula.nn\nfacula.install_as_torch()\n"
        "import torch.nn\n"
        "assert torch.nn is sys.modules['facula.nn'] is sys.modules['torch.nn']\n"
    )


def test_is_lazy():
    out = python(
        INSTALL + "import torch, sys\nprint(*[m for m in sys.modules if m.startswith(('torch', 'facula'))])"
    )
    assert "torch.nn" not in out.split() and "torch.optim" not in out.split()


def test_installing_twice_changes_nothing():
    python(
        INSTALL + "import sys\nbefore = list(sys.meta_path)\n"
        "assert facula.install_as_torch() is facula and sys.meta_path == before\n"
    )


def test_specs_stay_facula_s():
    # import of the alias must not leave its own spec on the module, or relative imports and reload would go
    # astray.
    python(
        INSTALL + "import torch.nn, importlib.util\n"
        "assert torch.__spec__.name == 'facula' and torch.nn.__spec__.name == 'facula.nn'\n"
        "assert importlib.util.find_spec('torch') is not None\n"
        "assert importlib.util.find_spec('torch.nn') is not None\n"
    )


def test_version_checks_pass():
    python(
        INSTALL + "import torch, torch.version, importlib.metadata as metadata\n"
        "assert metadata.version('torch') == torch.__version__ == torch.version.__version__ == '2.13.0'\n"
        "assert metadata.metadata('torch')['Name'] == 'torch'\n"
        "assert torch.version.cuda is None and torch.version.hip is None\n"
        "assert isinstance(torch.__version__, str)\n"
        "assert tuple(int(x) for x in torch.__version__.split('+')[0].split('.')[:2]) >= (2, 0)\n"
        "try: metadata.version('torch-that-is-not-there')\n"
        "except metadata.PackageNotFoundError: pass\n"
        "else: raise AssertionError\n"
    )


@pytest.mark.parametrize(
    "expression",
    [
        "V >= '2.0'",
        "V > '2.9.1'",
        "V < '2.100'",
        "V == '2.13'",
        "V == '2.13.0'",
        "V != '2.13.0+cpu'",
        "V < '2.13.0+cpu'",
        "V > '2.13.0rc1'",
        "V > '2.13.0.dev20250101'",
        "V < '2.13.0.post1'",
        "V > (1, 10)",
        "V >= (2, 13, 0)",
        "V == (2, 13)",
        "V < (2, 14)",
        "V < [3]",
        "not V > 'parrot'",
        "'1.9' < V",
        "(2, 0) < V",
        "hash(V) == hash('2.13.0')",
        "V.split('.')[0] == '2'",
        "type(V).__name__ == 'TorchVersion'",
        "V != None and V != 3",
    ],
)
def test_version_orders_as_a_version(expression):
    from facula.torch_version import TorchVersion

    assert eval(expression, {"V": TorchVersion("2.13.0")})


def test_version_orders_as_packaging_says():
    packaging = pytest.importorskip("packaging.version")
    from facula.torch_version import TorchVersion

    texts = (
        "1.0 1.0.0 1.0a1 1.0.dev3 1.0a1.dev2 1.0b2 1.0rc1 1.0.post1 1.0.post1.dev2 1.0+cpu 1.0+cu118 1.0+1"
    )
    texts += " 1.0-2 2!0.1 v1.1"
    for left in texts.split():
        for right in texts.split():
            ours, theirs = TorchVersion(left), packaging.Version(right)
            for operator in ("__lt__", "__le__", "__eq__", "__ne__", "__ge__", "__gt__"):
                expected = getattr(packaging.Version(left), operator)(theirs)
                assert getattr(ours, operator)(right) == expected, (left, operator, right)
                assert getattr(ours, operator)(theirs) == expected, (left, operator, right)


def test_refuses_where_another_torch_is_imported(tmp_path):
    (tmp_path / "torch.py").write_text("x = 1\n")
    out = python("import torch\n" + INSTALL, path=[tmp_path], status=1)
    assert "RuntimeError" in out and "already imported" in out and "python -m facula" in out


def test_wins_over_a_torch_that_is_only_installed(tmp_path):
    (tmp_path / "torch.py").write_text("raise AssertionError('the wrong torch')\n")
    metadata = tmp_path / "torch-9.9.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 9.9\n")
    python(
        INSTALL + "import torch, importlib.metadata\n"
        "assert torch is facula and importlib.metadata.version('torch') == '2.13.0'\n",
        path=[tmp_path],
    )


def test_without_installing_torch_is_not_touched():
    out = python("import facula, sys; assert 'torch' not in sys.modules; print(facula.__name__)")
    assert out == "facula\n"


@pytest.mark.parametrize("name", ["torch.no_such_thing", "torch.nn.no_such_thing", "torch.no_such_thing.amp"])
def test_missing_submodule(name):
    missing = ".".join(name.split(".")[: name.split(".").index("no_such_thing") + 1])
    python(
        INSTALL + f"try: import {name}\n"
        "except ModuleNotFoundError as error:\n"
        f"    assert error.name == '{missing}', error.name\n"
        f"    assert str(error) == \"No module named '{missing}': facula does not have it\", error\n"
        "else: raise AssertionError\n"
    )


def test_missing_name_in_from_import_names_the_nearest():
    python(
        INSTALL + "try: from torch import tensr\n"
        "except ImportError as error:\n"
        "    text = str(error)\n"
        "    assert text.startswith(\"cannot import name 'tensr' from 'torch' (\"), text\n"
        "    assert text.endswith(\"facula does not have it; the nearest name it has is 'tensor'\"), text\n"
        "else: raise AssertionError\n"
    )


def test_missing_attribute_of_torch():
    python(
        INSTALL + "import torch\n"
        "assert not hasattr(torch, 'tensr') and getattr(torch, 'tensr', 5) == 5\n"
        "try: torch.tensr\n"
        "except AttributeError as error:\n"
        "    text = str(error)\n"
        "    assert text.startswith(\"module 'torch' has no attribute 'tensr'\"), text\n"
        "    assert text.endswith(\"the nearest name it has is 'tensor'\"), text\n"
        "    assert error.name == 'tensr'\n"
        "else: raise AssertionError\n"
    )


def test_missing_attribute_of_a_module_within():
    out = python(
        INSTALL + "import torch.autograd.grad_mode as module\n"
        "for name in ('no_grd', 'no_such_thing'):\n"
        "    try: getattr(module, name)\n"
        "    except AttributeError as error: print(error)\n"
        "    else: raise AssertionError\n"
    )
    first, second = out.splitlines()
    start = "module 'torch.autograd.grad_mode' has no attribute"
    assert first == f"{start} 'no_grd': facula does not have it; the nearest name it has is 'no_grad'"
    assert second.startswith(f"{start} 'no_such_thing': facula does not have it")


def test_errors_of_an_import_inside_facula_are_not_disguised():
    # A submodule that fails for want of another package must name that package.
    python(
        INSTALL + "import os, sys, types\n"
        "name = os.path.join(os.path.dirname(facula.__file__), 'x.py')\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'facula.needs_more':\n"
        "            from importlib.machinery import ModuleSpec\n"
        "            return ModuleSpec(name, self)\n"
        "    def create_module(self, spec): return None\n"
        "    def exec_module(self, module): import package_that_is_not_there\n"
        "sys.meta_path.append(Finder())\n"
        "try: import torch.needs_more\n"
        "except ModuleNotFoundError as error: assert error.name == 'package_that_is_not_there'\n"
        "else: raise AssertionError\n"
    )


def test_classes_carry_pytorch_s_module_names_and_pickle():
    python(
        INSTALL + "import torch, pickle, copy\n"
        "from torch import nn\n"
        "assert str(nn.Linear) == \"<class 'torch.nn.modules.linear.Linear'>\", nn.Linear\n"
        "assert pickle.loads(pickle.dumps(nn.Linear)) is nn.Linear\n"
        "assert b'facula' not in pickle.dumps(nn.Linear)\n"
        "assert type(copy.deepcopy(nn.Linear(2, 3))) is nn.Linear\n"
    )


def test_classes_loaded_before_are_renamed_too():
    python(
        "import facula\nfrom facula.nn import Linear\n"
        "import pickle\nbefore = pickle.dumps(Linear)\n" + INSTALL + "from torch import nn\n"
        "assert nn.Linear is Linear and Linear.__module__ == 'torch.nn.modules.linear'\n"
        "assert pickle.loads(pickle.dumps(Linear)) is Linear is pickle.loads(before)\n"
    )


def test_modules_run_once_and_hang_below_their_packages():
    """Imported by its torch name first, a package is one module, with its parts as attributes."""
    program = """
import sys
import torch
import torch.distributions, torch.fx, torch.nn.utils.parametrizations, torch.optim.lr_scheduler
import torch.utils.data.distributed
assert torch.distributions.kl.kl_divergence is torch.distributions.kl_divergence
for name, module in list(sys.modules.items()):
    if name.startswith("facula.") and not name.startswith(("facula.cli", "facula._C", "facula._alias")):
        assert sys.modules["torch" + name[6:]] is module, name
        parent, _, child = name.rpartition(".")
        found = getattr(sys.modules[parent], child)
        assert found is module or callable(found), name
"""
    python(INSTALL + program)
