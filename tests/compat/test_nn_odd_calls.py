"""Modules that are built or called wrongly, and odd uses that are right: results and errors as PyTorch's."""

from __future__ import annotations

import copy
import sys
from collections import OrderedDict
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from side_by_side import Error, close  # noqa: E402

import facula  # noqa: E402

# Statements before the last semicolon are run, what comes after is the result; t is the library.
CASES = """
m=nn.Linear(1,1); m.cuda()
m=nn.Linear(1,1); m.to('cuda')
nn.Linear(1,1).xpu()
nn.Linear(1,1).to('nope')
nn.Linear(1,1,device='cuda')
nn.ParameterList([t.ones(1),t.ones(2)])[0:1]
p=nn.ParameterList([t.ones(1)]); p+=[t.zeros(1)]; p
nn.ParameterList([nn.ParameterList([t.ones(1)]), 'x', None])
list(nn.ParameterDict({'a':t.ones(1)}).items())
nn.ParameterDict(nn.ParameterDict({'b':t.ones(1),'a':t.zeros(2)}))
nn.ParameterDict([('x',t.ones(1))])
p=nn.ParameterDict({'a':t.ones(1)}); p|=nn.ParameterDict({'b':t.ones(1)}); p
nn.ModuleDict(OrderedDict(z=nn.ReLU(),a=nn.Tanh()))
nn.ModuleDict({'a b':nn.ReLU()})
nn.ModuleDict({'a.b':nn.ReLU()})
nn.ModuleDict({'':nn.ReLU()})
nn.ModuleDict({'keys':nn.ReLU()})
nn.ModuleDict({1:nn.ReLU()})
nn.Sequential(OrderedDict([('a',nn.ReLU())])).a
nn.Sequential({'a':nn.ReLU()})
nn.Sequential([nn.ReLU()])
nn.Sequential(nn.ReLU(),None)
nn.Sequential(nn.ReLU(),nn.Tanh())[::-1]
nn.Sequential(nn.ReLU(),nn.Tanh())[5:]
s=nn.Sequential(nn.ReLU()); s[3] = nn.Tanh()
nn.ModuleList([nn.ReLU()])+[nn.Tanh()]
nn.ModuleList([nn.ReLU()]*3)[-2:]
m=nn.ModuleList([nn.ReLU()]); m.insert(0,nn.Tanh()); m
m=nn.ModuleList([nn.ReLU()]); m[2]
m=nn.ModuleList([nn.ReLU()]); m['0']
nn.Dropout(-0.1)
nn.Dropout(1.5)
nn.Dropout('a')
nn.Softmax(5)(t.ones(2,2))
nn.LayerNorm([])
nn.LayerNorm(3)(t.ones(2,4))
nn.GroupNorm(3,4)
nn.GroupNorm(2,4)(t.ones(2,5,3))
nn.BatchNorm1d(3)(t.ones(1,3))
nn.BatchNorm2d(3)(t.ones(2,3))
nn.BatchNorm1d(3)(t.ones(4,5))
nn.InstanceNorm2d(3)(t.ones(2,3,1,1))
nn.Embedding(3,4,padding_idx=5)
nn.Embedding(3,4,padding_idx=-4)
nn.Embedding(3,4)(t.tensor([3]))
nn.Embedding(3,4)(t.tensor([-1]))
nn.Embedding(3,4)(t.ones(2))
nn.Embedding(3,4,_weight=t.ones(2,2))
nn.Embedding.from_pretrained(t.ones(2))
nn.Embedding.from_pretrained(t.ones(2,3))
nn.EmbeddingBag(3,4,mode='sum')(t.tensor([1,2]))
nn.EmbeddingBag(3,4,mode='x')(t.tensor([[1,2]]))
nn.Flatten(3)(t.ones(2,2))
nn.Linear(3,4)(t.ones(2,5))
nn.Linear(3,4)(t.ones(2,3).double())
nn.Linear(3,4)(t.ones(2,3).long())
nn.Bilinear(2,3,4)(t.ones(2,2),t.ones(3,3))
nn.Conv2d(3,4,3)(t.ones(1,2,5,5))
nn.Conv2d(3,4,3)(t.ones(5,5))
nn.Conv2d(3,4,7)(t.ones(1,3,5,5))
nn.Conv2d(3,4,3,padding_mode='x')
nn.Conv2d(3,5,3,groups=2)
nn.ConvTranspose2d(3,4,3,padding_mode='reflect')
nn.ConvTranspose2d(2,2,3,stride=2)(t.ones(1,2,3,3),output_size=[20,20])
nn.MaxPool2d(3)(t.ones(1,1,2,2))
nn.MaxPool2d(2,padding=2)(t.ones(1,1,4,4))
nn.AvgPool2d(0)(t.ones(1,1,4,4))
nn.AdaptiveAvgPool2d((None,2))(t.ones(1,1,4,4)).shape
nn.Upsample(scale_factor=2,size=3)
nn.Upsample(scale_factor=2,size=3)(t.ones(1,1,2,2))
nn.Upsample(scale_factor=2,mode='bilinear')(t.ones(1,1,2))
nn.PixelShuffle(2)(t.ones(1,3,2,2))
nn.PixelUnshuffle(2)(t.ones(1,3,3,2))
nn.ChannelShuffle(0)(t.ones(1,4,2,2))
nn.ChannelShuffle(3)(t.ones(1,4,2,2))
nn.Fold((4,4),2)(t.ones(1,3,9))
nn.Unfold(5)(t.ones(1,1,3,3))
nn.ReflectionPad1d(3)(t.ones(1,1,3))
nn.ZeroPad2d(-1)(t.ones(1,1,4,4))
nn.CircularPad2d(5)(t.ones(1,1,4,4))
nn.CrossEntropyLoss()(t.ones(2,3),t.tensor([0,5]))
nn.CrossEntropyLoss(label_smoothing=2)(t.ones(2,3),t.tensor([0,1]))
nn.CrossEntropyLoss(reduction='x')(t.ones(2,3),t.tensor([0,1]))
nn.CrossEntropyLoss(weight=t.ones(2))(t.ones(2,3),t.tensor([0,1]))
nn.NLLLoss()(t.ones(2,3),t.tensor([0.,1.]))
nn.BCELoss()(t.ones(2)*2,t.ones(2))
nn.MSELoss()(t.ones(2),t.ones(3))
nn.GaussianNLLLoss(eps=0)
nn.GaussianNLLLoss(eps=-1)(t.ones(2),t.ones(2),t.ones(2))
nn.TripletMarginLoss(margin=-1)
nn.TripletMarginWithDistanceLoss(margin=0)
nn.AdaptiveLogSoftmaxWithLoss(4,10,[12])
nn.AdaptiveLogSoftmaxWithLoss(4,10,[5,3])
nn.AdaptiveLogSoftmaxWithLoss(4,10,[])
nn.AdaptiveLogSoftmaxWithLoss(4,10,[5])(t.ones(2,4),t.tensor([1,20]))
nn.AdaptiveLogSoftmaxWithLoss(4,10,[5])(t.ones(2,4),t.tensor([1]))
nn.HuberLoss(delta=-1)(t.ones(2),t.ones(2))
nn.SmoothL1Loss(beta=-1)(t.ones(2),t.ones(2))
nn.MultiMarginLoss(p=3)
nn.MultiMarginLoss(weight=t.ones(2,2))
nn.KLDivLoss(reduction='x')(t.ones(2),t.ones(2))
nn.L1Loss(size_average=True,reduce=False).reduction
nn.MultiheadAttention(5,2)
nn.MultiheadAttention(0,2)
nn.MultiheadAttention(4,2)(t.ones(2,1,4),t.ones(2,1,5),t.ones(2,1,4))
nn.MultiheadAttention(4,2)(t.ones(2,1,4),t.ones(3,1,4),t.ones(2,1,4))
nn.MultiheadAttention(4,2)(*[t.ones(2,1,4)]*3,attn_mask=t.ones(3,3))
nn.MultiheadAttention(4,2)(*[t.ones(2,1,4)]*3,is_causal=True)
nn.MultiheadAttention(4,2)(*[t.ones(2,1,4)]*3,key_padding_mask=t.ones(2,2))
nn.Transformer(8,2)(t.ones(2,1,8),t.ones(2,2,8))
nn.Transformer(8,2)(t.ones(2,1,7),t.ones(2,1,8))
nn.TransformerEncoderLayer(8,3)
nn.TransformerEncoderLayer(8,2,activation='x')
nn.LSTM(2,3)(t.ones(4,1,5))
nn.LSTM(2,3)(t.ones(4))
nn.LSTM(2,3,proj_size=3)
nn.LSTM(2,3,dropout=2)
nn.LSTM(2,3)(t.ones(4,1,2),(t.ones(1,1,3),t.ones(1,2,3)))
nn.LSTM(2,3)(t.ones(4,1,2),t.ones(1,1,3))
nn.GRU(2,3,proj_size=1)
nn.GRU(2,3)(t.ones(4,1,2),t.ones(1,3))
nn.RNN(2,3,nonlinearity='x')
nn.RNNCell(2,3,nonlinearity='x')(t.ones(1,2))
nn.PReLU(2)(t.ones(2,3))
nn.GLU()(t.ones(2,3))
nn.Hardtanh(1,1)
nn.RReLU(2,1)(t.ones(2))
nn.Softmax2d()(t.ones(2,2))
nn.CosineSimilarity()(t.ones(2,3),t.ones(2,4))
nn.PairwiseDistance()(t.ones(2,3),t.ones(3,3))
nn.LocalResponseNorm(2)(t.ones(2,3))
nn.RMSNorm(3)(t.ones(2,4))
nn.SyncBatchNorm(3)(t.ones(2,3))
nn.Identity()(1,2)
nn.Parameter(3)
nn.Parameter(t.ones(2,dtype=t.int64))
nn.Buffer(3)
nn.Module()(1)
nn.Module().forward(1)
copy.deepcopy(nn.Parameter(t.ones(1))*2)
nn.utils.parameters_to_vector([])
nn.utils.vector_to_parameters(t.ones(3),[nn.Parameter(t.ones(2))])
""".strip().split("\n")


def outcome(t, case):
    t.manual_seed(0)
    scope = {"nn": t.nn, "t": t, "copy": copy, "OrderedDict": OrderedDict}
    *before, last = case.split("; ")
    try:
        for statement in before:
            exec(statement, scope)
        if " = " in last:
            exec(last, scope)
            return "done"
        return repr(eval(last, scope)).replace("facula", "torch")
    except Exception as error:
        return Error((type(error).__name__, str(error)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
def test_outcome(case):
    expected, got = outcome(torch, case), outcome(facula, case)
    assert close(expected, got, 0.0), (expected, got)
