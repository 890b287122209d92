"""Recurrent networks and packing."""

from __future__ import annotations

from op_tools import Literal, Op
from op_tools import Spec as T

from .common import S

FLOATING = {"dtypes": ("float32", "float64")}


def rows() -> dict[str, Op]:
    def net(gates: int) -> list[T]:
        return [T(gates * 4, 3), T(gates * 4, 4), T(gates * 4), T(gates * 4)]

    def both(gates: int) -> list[Literal | T]:
        return net(gates) + net(gates)

    def runs(gates: int, pair: bool = False) -> Op:
        def state(n: int):
            return [T(n, 2, 4), T(n, 2, 4)] if pair else T(n, 2, 4)

        sizes = Literal([2, 2, 1], dtype="int64")
        return Op(
            S(T(5, 2, 3), state(1), net(gates), True, 1, 0.0, False, False, False, grad_=False),
            S(T(2, 5, 3), state(2), both(gates), True, 1, 0.0, False, True, True, grad_=False),
            S(T(5, 3), sizes, state(1), net(gates), True, 1, 0.0, False, False, grad_=False, data_=True),
            **FLOATING,
        )

    def step(gates: int, pair: bool = False) -> Op:
        state = [T(2, 4), T(2, 4)] if pair else T(2, 4)
        return Op(S(T(2, 3), state, *net(gates), grad_=not pair), **FLOATING)

    return {
        "lstm": runs(4, True),
        "gru": runs(3),
        "rnn_tanh": runs(1),
        "rnn_relu": runs(1),
        "lstm_cell": step(4, True),
        "gru_cell": step(3),
        "rnn_tanh_cell": step(1),
        "rnn_relu_cell": step(1),
        "_pack_padded_sequence": Op(
            S(T(4, 2, 3), Literal([4, 2], dtype="int64"), False, data_=True), **FLOATING
        ),
        "_pad_packed_sequence": Op(
            S(T(5, 3), Literal([2, 2, 1], dtype="int64"), False, 0.5, 4, data_=True), **FLOATING
        ),
    }
