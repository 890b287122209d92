"""The transformer (Vaswani et al. 2017, Attention Is All You Need) and its layers."""

from __future__ import annotations

import copy
from collections.abc import Callable

import facula as torch
from facula import Tensor

from .. import functional as F
from .. import init
from .attention import MultiheadAttention
from .container import ModuleList
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .normalization import LayerNorm

__all__ = [
    "Transformer", "TransformerEncoder", "TransformerDecoder", "TransformerEncoderLayer",
    "TransformerDecoderLayer",
]  # fmt: skip


def _generate_square_subsequent_mask(size: int, device=None, dtype=None) -> Tensor:
    return torch.triu(torch.full((size, size), float("-inf"), dtype=dtype, device=device), diagonal=1)


def _get_activation_fn(name: str) -> Callable[[Tensor], Tensor]:
    if name not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {name}")
    return getattr(F, name)


def _is_named(activation, name: str) -> bool:
    return activation is getattr(F, name.lower()) or isinstance(activation, getattr(torch.nn, name))


def _get_seq_len(x: Tensor, batch_first: bool) -> int | None:
    """Time steps of an input."""
    if x.dim() == 2:
        return x.size(0)
    return x.size(1 if batch_first else 0)


def _detect_is_causal_mask(mask: Tensor | None, hint: bool | None, size: int | None) -> bool:
    """The hint; without one, whether the mask is the causal one."""
    if hint is None and mask is not None:
        size = mask.size(-2) if size is None else size
        causal = _generate_square_subsequent_mask(
            size, mask.device, mask.dtype if mask.dtype.is_floating_point else None
        )
        return mask.size() == causal.size() and bool((mask == causal).all())
    return hint is True


def _added(mask: Tensor | None, name: str, dtype) -> Tensor | None:
    """A mask as numbers to add."""
    from ..._composite.nn_attention import _as_numbers

    return _as_numbers(mask, name, dtype)


def _get_clones(module: Module, count: int) -> ModuleList:
    return ModuleList([copy.deepcopy(module) for _ in range(count)])


class _Layer(Module):
    """What encoder and decoder layers share: the feed-forward block and the order of normalisation."""

    __constants__ = ["norm_first"]

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation=F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        where = {"device": device, "dtype": dtype}
        names = self._attentions
        for name in names:
            attention = MultiheadAttention(
                d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, **where
            )
            setattr(self, name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **where)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **where)
        self.norm_first = norm_first
        for i in range(len(names) + 1):
            setattr(self, f"norm{i + 1}", LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **where))
        for i in range(len(names) + 1):
            setattr(self, f"dropout{i + 1}", Dropout(dropout))
        if isinstance(activation, str):
            activation = _get_activation_fn(activation)
        if isinstance(self, TransformerEncoderLayer):
            # Which activations PyTorch's fused kernel knows; kept for programs that look at it.
            kinds = ("ReLU", "GELU")
            known = [i for i, kind in enumerate(kinds, 1) if _is_named(activation, kind)]
            self.activation_relu_or_gelu = known[0] if known else 0
        self.activation = activation

    _attentions: tuple[str, ...] = ()

    def __setstate__(self, state) -> None:
        super().__setstate__(state)
        if not hasattr(self, "activation"):
            self.activation = F.relu

    # The blocks, each with its dropout: subclasses may bring their own.

    def _sa_block(
        self, x: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None, is_causal: bool = False
    ) -> Tensor:
        x = self.self_attn(
            x, x, x, attn_mask=attn_mask, key_padding_mask=key_padding_mask, is_causal=is_causal,
            need_weights=False,
        )[0]  # fmt: skip
        return self.dropout1(x)

    def _ff_block(self, x: Tensor) -> Tensor:
        drop = self.dropout3 if len(self._attentions) == 2 else self.dropout2
        return drop(self.linear2(self.dropout(self.activation(self.linear1(x)))))

    def _blocks(self, x: Tensor, blocks) -> Tensor:
        for i, block in enumerate(blocks, 1):
            norm = getattr(self, f"norm{i}")
            x = x + block(norm(x)) if self.norm_first else norm(x + block(x))
        return x


class TransformerEncoderLayer(_Layer):
    """Self-attention and a feed-forward block, each with dropout, a residual sum and normalisation.

    Args:
        d_model, nhead: features and attention heads.
        dim_feedforward: width of the feed-forward block.
        dropout: probability of each dropout.
        activation: "relu", "gelu" or a function.
        layer_norm_eps: added to the variance by the normalisations.
        batch_first: tensors are (batch, time, features).
        norm_first: normalises before each block instead of after.
        bias: whether linear maps and normalisations have biases.
    """

    _attentions = ("self_attn",)

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        padding = _added(src_key_padding_mask, "src_key_padding_mask", src.dtype)
        mask = _added(src_mask, "src_mask", src.dtype)

        def attend(x: Tensor) -> Tensor:
            return self._sa_block(x, mask, padding, is_causal=is_causal)

        return self._blocks(src, (attend, self._ff_block))


class TransformerDecoderLayer(_Layer):
    """As TransformerEncoderLayer, with attention to a memory between the two blocks."""

    _attentions = ("self_attn", "multihead_attn")

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        def attend(x: Tensor) -> Tensor:
            return self._sa_block(x, tgt_mask, tgt_key_padding_mask, tgt_is_causal)

        def recall(x: Tensor) -> Tensor:
            return self._mha_block(x, memory, memory_mask, memory_key_padding_mask, memory_is_causal)

        return self._blocks(tgt, (attend, recall, self._ff_block))

    def _mha_block(
        self,
        x: Tensor,
        mem: Tensor,
        attn_mask: Tensor | None,
        key_padding_mask: Tensor | None,
        is_causal: bool = False,
    ) -> Tensor:
        x = self.multihead_attn(
            x, mem, mem, attn_mask=attn_mask, key_padding_mask=key_padding_mask, is_causal=is_causal,
            need_weights=False,
        )[0]  # fmt: skip
        return self.dropout2(x)


def _why_not_nested(layer: Module) -> str:
    """Why PyTorch would not leave padding out of the inference of a stack of such layers; "" if it would."""
    name = "encoder_layer"
    if not isinstance(layer, TransformerEncoderLayer):
        return f"{name} was not TransformerEncoderLayer"
    attention = layer.self_attn
    reasons = (
        (layer.norm_first, ".norm_first was True"),
        (
            not attention.batch_first,
            ".self_attn.batch_first was not True(use batch_first for better inference performance)",
        ),
        (not attention._qkv_same_embed_dim, ".self_attn._qkv_same_embed_dim was not True"),
        (attention.in_proj_bias is None, ".self_attn was passed bias=False"),
        (not layer.activation_relu_or_gelu, ".activation_relu_or_gelu was not True"),
        (layer.norm1.eps != layer.norm2.eps, f".norm1.eps was not equal to {name}.norm2.eps"),
        (attention.num_heads % 2 == 1, ".self_attn.num_heads is odd"),
    )
    return next((name + text for holds, text in reasons if holds), "")


class TransformerEncoder(Module):
    """A stack of copies of an encoder layer, then `norm`, if any."""

    __constants__ = ["norm"]

    def __init__(
        self,
        encoder_layer: TransformerEncoderLayer,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _get_clones(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.use_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check
        reason = _why_not_nested(encoder_layer) if enable_nested_tensor else ""
        if reason:
            import warnings

            warnings.warn(
                f"enable_nested_tensor is True, but self.use_nested_tensor is False because {reason}",
                stacklevel=2,
            )
            self.use_nested_tensor = False

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        padding = _added(src_key_padding_mask, "src_key_padding_mask", src.dtype)
        mask = _added(mask, "mask", src.dtype)
        layer = self.layers[0]
        causal = _detect_is_causal_mask(mask, is_causal, _get_seq_len(src, layer.self_attn.batch_first))
        x = src
        for layer in self.layers:
            x = layer(x, src_mask=mask, is_causal=causal, src_key_padding_mask=padding)
        if self._drops_padding(src, src_key_padding_mask):
            x = x.masked_fill(src_key_padding_mask.unsqueeze(-1), 0.0)
        return x if self.norm is None else self.norm(x)

    def _drops_padding(self, src: Tensor, padding: Tensor | None) -> bool:
        """PyTorch leaves padded positions out of inference, and puts zeros there in the end."""
        layer = self.layers[0]
        attention = layer.self_attn
        return (
            padding is not None
            and padding.dtype == torch.bool
            and self.enable_nested_tensor
            and not self.training
            and src.dim() == 3
            and not layer.norm_first
            and attention.batch_first
            and attention.in_proj_bias is not None
            and attention.num_heads % 2 == 0
            and getattr(layer.activation, "__name__", "") in ("relu", "gelu")
            and not (torch.is_grad_enabled() and any(p.requires_grad for p in (src, *self.parameters())))
            and bool((~padding).any(1).all())
            and self._is_ragged(padding)
        )

    @staticmethod
    def _is_ragged(padding: Tensor) -> bool:
        """Padding is at the ends alone."""
        return bool((padding[:, 1:].long() >= padding[:, :-1].long()).all())


class TransformerDecoder(Module):
    """A stack of copies of a decoder layer, then `norm`, if any."""

    __constants__ = ["norm"]

    def __init__(
        self, decoder_layer: TransformerDecoderLayer, num_layers: int, norm: Module | None = None
    ) -> None:
        super().__init__()
        self.layers = _get_clones(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        causal = _detect_is_causal_mask(
            tgt_mask, tgt_is_causal, _get_seq_len(tgt, self.layers[0].self_attn.batch_first)
        )
        x = tgt
        for layer in self.layers:
            x = layer(
                x,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=causal,
                memory_is_causal=memory_is_causal,
            )
        return x if self.norm is None else self.norm(x)


class Transformer(Module):
    """Encoder and decoder.

    Arguments as TransformerEncoderLayer; custom_encoder and custom_decoder replace the stacks of
    num_encoder_layers and num_decoder_layers layers.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation=F.relu,
        custom_encoder=None,
        custom_decoder=None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        where = {"device": device, "dtype": dtype}
        layer = (
            d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first,
            bias,
        )  # fmt: skip

        def last_norm() -> LayerNorm:
            return LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **where)

        if custom_encoder is not None:
            self.encoder = custom_encoder
        else:
            encoder = TransformerEncoderLayer(*layer, **where)
            self.encoder = TransformerEncoder(encoder, num_encoder_layers, last_norm())
        if custom_decoder is not None:
            self.decoder = custom_decoder
        else:
            decoder = TransformerDecoderLayer(*layer, **where)
            self.decoder = TransformerDecoder(decoder, num_decoder_layers, last_norm())
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        batched = src.dim() == 3
        at = 0 if self.batch_first else 1
        if batched and src.size(at) != tgt.size(at):
            raise RuntimeError("the batch number of src and tgt must be equal")
        if src.size(-1) != self.d_model or tgt.size(-1) != self.d_model:
            raise RuntimeError("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device=None, dtype=None) -> Tensor:
        """-inf above the diagonal of a square, 0 elsewhere."""
        return _generate_square_subsequent_mask(sz, device, dtype)

    def _reset_parameters(self) -> None:
        for p in self.parameters():
            if p.dim() > 1:
                init.xavier_uniform_(p)
