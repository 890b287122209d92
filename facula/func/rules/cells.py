"""Batch rules of the cells of recurrent networks, and of scattering under a mask."""

from __future__ import annotations

from ... import _C
from .._batch import decompose, full_rule
from .._derived import leading

_f = _C._functions
_nn = _C._nn


@decompose("rnn_tanh_cell")
def rnn_tanh_cell(x, h, w_ih, w_hh, b_ih=None, b_hh=None):
    return (_nn.linear(x, w_ih, b_ih) + _nn.linear(h, w_hh, b_hh)).tanh()


@decompose("rnn_relu_cell")
def rnn_relu_cell(x, h, w_ih, w_hh, b_ih=None, b_hh=None):
    return (_nn.linear(x, w_ih, b_ih) + _nn.linear(h, w_hh, b_hh)).relu()


@decompose("gru_cell")
def gru_cell(x, h, w_ih, w_hh, b_ih=None, b_hh=None):
    ir, iz, inew = _nn.linear(x, w_ih, b_ih).chunk(3, -1)
    hr, hz, hnew = _nn.linear(h, w_hh, b_hh).chunk(3, -1)
    r, z = (ir + hr).sigmoid(), (iz + hz).sigmoid()
    new = (inew + r * hnew).tanh()
    return new + z * (h - new)


@decompose("lstm_cell")
def lstm_cell(x, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    h, c = hx
    i, f, g, o = (_nn.linear(x, w_ih, b_ih) + _nn.linear(h, w_hh, b_hh)).chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


@decompose("masked_scatter")
def masked_scatter(x, mask, source):
    """The k-th place under the mask takes the k-th element of the source."""
    shape = _f.broadcast_tensors(_f.empty(x.shape, device="meta"), _f.empty(mask.shape, device="meta"))[
        0
    ].shape
    x, mask = x.expand(shape), mask.expand(shape)
    at = (mask.reshape(-1).cumsum(0) - 1).clamp_min(0)
    values = source.reshape(-1)
    if values.numel() == 0:
        return x.clone()
    return _f.where(mask, values[at.clamp_max(values.numel() - 1)].reshape(shape), x)


@full_rule("_pinv", "_dirichlet_grad", "_standard_gamma_grad")
def of_leading(e, args, inplace, level):
    return leading(e, args, inplace, level)
