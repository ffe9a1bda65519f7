"""The attention layer of a decoder: it writes into a paged cache, and reads it."""

from __future__ import annotations

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.layers import PluggableLayer
from kernels_mlir.attention.causal_attention import causal_attention_op
from kernels_mlir.attention.paged_attention_decode import paged_attention_decode_op
from kernels_mlir.attention.paged_cache import CachePages, PagedStep
from kernels_mlir.rope.rotary_embedding import rotary_embedding_op

__all__ = ["Attention"]


@PluggableLayer.register("attention")
class Attention(PluggableLayer):
    """Causal attention over a paged cache, for a step with tokens of several sequences.

    Sequences with one new token read their pages (`paged_attention_decode`), all in one call. A
    sequence with more new tokens attends to these (`causal_attention`); if it has older ones, its
    pages are copied together first.

    Args:
        num_heads: query heads.
        head_size: channels of a head.
        scale: factor of the scores; default `1 / sqrt(head_size)`.
        num_kv_heads: key heads; default as many as query heads.
        window: number of keys that a token sees; default all.
        soft_cap: bound of the scores; default none.
        sinks: whether there is a parameter `sinks` `[num_heads]`, a further score of each head.

    Raises:
        ArgumentError: the key heads do not divide the query heads.
    """

    def __init__(
        self,
        num_heads: int,
        head_size: int,
        scale: float | None = None,
        num_kv_heads: int | None = None,
        *,
        window: int | None = None,
        soft_cap: float | None = None,
        sinks: bool = False,
    ) -> None:
        super().__init__()
        self.num_heads, self.head_size, self.scale = num_heads, head_size, scale
        self.num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        self.window, self.soft_cap = window, soft_cap
        if self.num_kv_heads < 1 or num_heads % self.num_kv_heads:
            raise ArgumentError(
                f"{self.name}: `num_kv_heads` is {num_kv_heads}, must divide {num_heads}, the "
                "query heads"
            )
        self.sinks = torch.nn.Parameter(torch.zeros(num_heads)) if sinks else None

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        pages: CachePages,
        step: PagedStep,
        *,
        cos_sin_cache: Tensor | None = None,
        is_neox_style: bool = True,
    ) -> Tensor:
        """Write the new keys and values, and attend from the new tokens.

        Args:
            query: `[T, H * D]` or `[T, H, D]`; rotated already, or here by `cos_sin_cache`.
            key: `[T, Hkv * D]` or `[T, Hkv, D]`, of the dtype of `query`; rotated like `query`.
            value: like `key`.
            pages: those of this layer.
            step: the tokens.
            cos_sin_cache: `[max_position, rotary_dim]`, as of `rotary_embedding`: queries and keys
                are rotated by the positions of the step; None if they are rotated already.
            is_neox_style: whether halves of a head are rotated together, and not neighbours.

        Returns:
            `[T, H, D]`, or `[T, H * D]` if `query` is so.

        Raises:
            ArgumentError: a shape does not fit the layer or the step.
            IndexOutOfRangeError: `cos_sin_cache` has no row for a position of the step.
        """
        flat = query.ndim == 2
        q = self._heads("query", query, self.num_heads, step)
        k = self._heads("key", key, self.num_kv_heads, step)
        v = self._heads("value", value, self.num_kv_heads, step)
        scales = pages.key_scale, pages.value_scale
        caches = pages.key, pages.value, step.slots
        if cos_sin_cache is not None and step.is_decode:
            angles = cos_sin_cache, *caches, is_neox_style
            rotate = torch.ops.ir_inplace.rotary_reshape_and_cache
            q = rotate(step.positions, q, k, v, *angles, *scales)
        else:
            if cos_sin_cache is not None:
                sizes = self.head_size, cos_sin_cache.shape[-1]
                q, k = rotary_embedding_op(
                    step.positions, q, k, *sizes, cos_sin_cache, is_neox_style
                )
            torch.ops.ir_inplace.reshape_and_cache(k, v, *caches, *scales)
        if step.is_decode:
            out = self._decode(q, pages, step.table, step.lengths)
        else:
            out = self._mixed(q, k, v, pages, step)
        return out.flatten(1) if flat else out

    def _heads(self, name: str, x: Tensor, heads: int, step: PagedStep) -> Tensor:
        tokens, size = step.slots.shape[0], self.head_size
        if tuple(x.shape) not in ((tokens, heads * size), (tokens, heads, size)):
            raise ArgumentError(
                f"{self.name}: `{name}` is {format_tensor(x)}, must have {tokens} rows, the tokens "
                f"of the step, and {heads} heads of {size}"
            )
        return x.reshape(tokens, heads, size)

    def _decode(self, q: Tensor, pages: CachePages, table: Tensor, lengths: Tensor) -> Tensor:
        return paged_attention_decode_op(
            q,
            pages.key,
            pages.value,
            table,
            lengths,
            self.scale,
            self.window,
            self.soft_cap,
            self.sinks,
            pages.key_scale,
            pages.value_scale,
        )

    def _mixed(self, q: Tensor, k: Tensor, v: Tensor, pages: CachePages, step: PagedStep) -> Tensor:
        """Attend from sequences of one new token together, and from each other one alone."""
        out = torch.empty_like(q)
        first = 0
        for b, count in enumerate(step.counts):
            rows = slice(first, first + count)
            first += count
            if count > 1:
                out[rows] = self._prefill(q[rows], k[rows], v[rows], pages, step, b)
        single = torch.tensor([b for b, count in enumerate(step.counts) if count == 1])
        if single.numel():
            at = step.last[single]
            out[at] = self._decode(q[at], pages, step.table[single], step.lengths[single])
        return out

    def _prefill(
        self, q: Tensor, k: Tensor, v: Tensor, pages: CachePages, step: PagedStep, b: int
    ) -> Tensor:
        length = int(step.lengths[b])
        older = length > q.shape[0]
        keys, values = k.unsqueeze(0), v.unsqueeze(0)
        if older:
            blocks = step.table[b, : -(-length // pages.key.shape[2])].to(torch.int64)
            keys, values = pages.gather(blocks, length, q.dtype)
        return causal_attention_op(
            q.unsqueeze(0),
            keys,
            values,
            self.scale,
            self.window,
            self.soft_cap,
            self.sinks,
            None,
            older,
        )[0]
