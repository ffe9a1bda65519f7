"""A BERT encoder on packed sentences: their tokens lie end to end, without padding."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime.errors import ArgumentError
from ir_runtime.frozen import frozen

__all__ = ["EncoderOps", "PackedBatch", "PackedEncoder", "pack_sentences"]


@frozen
class PackedBatch:
    """Packed sentences: `T` tokens of `n` sentences, end to end.

    Attributes:
        token_ids: `[T]` int64.
        position_ids: `[T]` int64, from 0 within each sentence.
        cu_seqlens: `[n + 1]` int32: sentence `i` has the tokens from `cu_seqlens[i]` up to, but
            not including, `cu_seqlens[i + 1]`.
    """

    token_ids: Tensor
    position_ids: Tensor
    cu_seqlens: Tensor


def pack_sentences(sentences: Sequence[Sequence[int]]) -> PackedBatch:
    """Pack sentences: put their tokens end to end.

    Args:
        sentences: the token ids of each sentence; at least one sentence, none empty.

    Returns:
        The batch, on the CPU.

    Raises:
        ArgumentError: there is no sentence, or one is empty.

    Example:
        >>> pack_sentences([[5, 6, 7], [8, 9]])
        PackedBatch(token_ids=tensor([5, 6, 7, 8, 9]), position_ids=tensor([0, 1, 2, 0, 1]), \
cu_seqlens=tensor([0, 3, 5], dtype=torch.int32))
    """
    lengths = [len(sentence) for sentence in sentences]
    if not all(lengths) or not lengths:
        raise ArgumentError(
            f"sentences: {lengths} tokens, must be at least one sentence of at least one token"
        )
    return PackedBatch(
        token_ids=torch.tensor(list(itertools.chain.from_iterable(sentences))),
        position_ids=torch.cat([torch.arange(length) for length in lengths]),
        cu_seqlens=torch.tensor([0, *itertools.accumulate(lengths)], dtype=torch.int32),
    )


@frozen
class EncoderOps:
    """The operators that a packed encoder takes from outside.

    Attributes:
        layer_norm: `(x [*, d], weight [d], bias [d], epsilon) -> [*, d]`.
        gelu: `(x [*]) -> [*]`, the exact (erf) form.
        attention: `(query, key, value [1, T, heads, d], cu_seqlens=[n + 1] int32)
            -> [1, T, heads, d]`; scaled by `1 / sqrt(d)`, within each sentence.
    """

    layer_norm: Callable[..., Tensor]
    gelu: Callable[..., Tensor]
    attention: Callable[..., Tensor]


class PackedEncoder(nn.Module):
    """Embed packed sentences: a BERT encoder, the mean of its tokens, normalised to length 1.

    The weights are shared with the given model, not copied. There is no dropout and no Python
    loop over sentences, so `torch.compile(dynamic=True, fullgraph=True)` compiles one graph.

    Args:
        bert: a `transformers.BertModel`, with `hidden_act="gelu"`.
        ops: the functions for layer norm, GELU and attention.

    Raises:
        ArgumentError: the model's activation is not the exact GELU.
    """

    def __init__(self, bert: Any, ops: EncoderOps) -> None:
        super().__init__()
        if bert.config.hidden_act != "gelu":
            raise ArgumentError(
                f"model: its activation is {bert.config.hidden_act!r}, must be 'gelu'"
            )
        self.embeddings = bert.embeddings
        self.layers = bert.encoder.layer
        self.heads: int = bert.config.num_attention_heads
        self.ops = ops

    def forward(self, token_ids: Tensor, position_ids: Tensor, cu_seqlens: Tensor) -> Tensor:
        """Embed each sentence of a batch.

        Args:
            token_ids: `[T]` int64, all of token type 0.
            position_ids: `[T]` int64.
            cu_seqlens: `[n + 1]` int32, rising strictly from 0 to `T`.

        Returns:
            `[n, d]`, with the dtype of the weights; each row has length 1.
        """
        x = self._embed(token_ids, position_ids)
        for layer in self.layers:
            x = self._attend(layer.attention, x, cu_seqlens)
            x = self._transform(layer, x)
        return nn.functional.normalize(_mean_per_sentence(x, cu_seqlens), dim=-1)

    def _embed(self, token_ids: Tensor, position_ids: Tensor) -> Tensor:
        tables = self.embeddings
        x = tables.word_embeddings(token_ids) + tables.token_type_embeddings.weight[0]
        return self._norm(tables.LayerNorm, x + tables.position_embeddings(position_ids))

    def _attend(self, attention: Any, x: Tensor, cu_seqlens: Tensor) -> Tensor:
        projections = attention.self
        query, key, value = (
            linear(x).view(1, x.shape[0], self.heads, -1)
            for linear in (projections.query, projections.key, projections.value)
        )
        mixed = self.ops.attention(query, key, value, cu_seqlens=cu_seqlens)
        return self._norm(
            attention.output.LayerNorm, attention.output.dense(mixed.view(x.shape)) + x
        )

    def _transform(self, layer: Any, x: Tensor) -> Tensor:
        wide = self.ops.gelu(layer.intermediate.dense(x))
        return self._norm(layer.output.LayerNorm, layer.output.dense(wide) + x)

    def _norm(self, norm: nn.LayerNorm, x: Tensor) -> Tensor:
        return self.ops.layer_norm(x, norm.weight, norm.bias, norm.eps)


def _mean_per_sentence(x: Tensor, cu_seqlens: Tensor) -> Tensor:
    """Average `x` `[T, d]` over each sentence; returns `[n, d]`."""
    lengths = cu_seqlens.diff()
    positions = torch.arange(x.shape[0], device=x.device, dtype=cu_seqlens.dtype)
    sentence_of = torch.bucketize(positions, cu_seqlens[1:], right=True)
    sums = x.new_zeros(lengths.shape[0], x.shape[1]).index_add(0, sentence_of, x)
    return sums / lengths.unsqueeze(1)
