"""Names by which programs reach into torch.nn, in a process where facula answers to torch."""

from __future__ import annotations

import subprocess
import sys
import textwrap

PROGRAM = """
from torch.nn.modules.utils import _ntuple, _pair, _quadruple, _single, _triple
from torch.nn.modules.module import _addindent, register_module_forward_hook
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.loss import _Loss, _WeightedLoss
from torch.nn.modules.pooling import _AvgPoolNd, _MaxPoolNd
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear
from torch.nn.modules.transformer import _get_activation_fn, _get_clones
from torch.nn.common_types import _size_2_t
from torch.nn.init import _calculate_correct_fan, _calculate_fan_in_and_fan_out, trunc_normal_
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.nn.parameter import Parameter, UninitializedParameter
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm
from torch.nn.utils.weight_norm import WeightNorm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.rnn import PackedSequence, pad_sequence
from torch.nn.functional import _canonical_mask, _in_projection_packed
import torch.nn.utils.parametrize as P
import pickle
import torch
from torch import nn

print(_pair(3), _triple([1, 2]), isinstance(nn.SyncBatchNorm(2), _BatchNorm), callable(nn.utils.weight_norm))
kinds = nn.LazyLinear, nn.MultiheadAttention, nn.LazyInstanceNorm2d, nn.LazyConv1d, nn.LinearCrossEntropyLoss
for kind in kinds:
    print(kind)
print(len(_get_clones(nn.Linear(1, 1), 3)), pickle.loads(pickle.dumps(nn.LazyLinear(3))))
"""

EXPECTED = """\
(3, 3) (1, 2) True True
<class 'torch.nn.modules.linear.LazyLinear'>
<class 'torch.nn.modules.activation.MultiheadAttention'>
<class 'torch.nn.modules.instancenorm.LazyInstanceNorm2d'>
<class 'torch.nn.modules.conv.LazyConv1d'>
<class 'torch.nn.modules.loss.LinearCrossEntropyLoss'>
3 LazyLinear(in_features=0, out_features=3, bias=True)
"""


def test_import_paths(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    done = subprocess.run(
        [sys.executable, "-m", "facula", str(program)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == EXPECTED
