"""Batch rule of attention: the examples' batches are one."""

from __future__ import annotations

from .._batch import full_rule, is_batched, value_of, wrap
from .._derived import _in_front, leading


@full_rule("scaled_dot_product_attention")
def attention(e, args, inplace, level):
    q, k, v, mask = args[:4]
    if any(x.dim() != 4 for x in (q, k, v)) or q.shape[0] != k.shape[0]:
        return leading(e, args, inplace, level)

    def merged(x):
        return x.reshape((x.shape[0] * x.shape[1], *x.shape[2:]))

    values = [merged(value_of(x, level)) for x in (q, k, v)]
    if mask is not None:
        if is_batched(mask, level):
            m = _in_front(mask, 4)
            mask = merged(m.expand((level.size, q.shape[0], *m.shape[2:])))
        elif mask.dim() == 4 and mask.shape[0] > 1:
            mask = mask.repeat((level.size, 1, 1, 1))
    out = e.run([*values, mask, *args[4:]])
    return wrap(out.reshape((level.size, q.shape[0], *out.shape[1:])), level.number)
