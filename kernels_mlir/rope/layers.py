"""The layers of rotary embeddings, with the names that model code uses.

Their caches of cosines and sines are computed in float64 and rounded once; they are no part of a
state dict. One layer can serve all decoder layers of a model.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import ArgumentError
from ir_runtime.layers import Layer
from ir_runtime.layers.fx_trace import is_traced
from kernels_mlir.library import run_native
from kernels_mlir.rope.apply_rotary_emb import apply_rotary_emb
from kernels_mlir.rope.dual_chunk_rotary_embedding import dual_chunk_rotary_embedding
from kernels_mlir.rope.frequency import cos_sin_cache, frequencies
from kernels_mlir.rope.rotary_embedding import rotary_embedding_op

__all__ = [
    "ApplyRotaryEmb",
    "DualChunkRotaryEmbedding",
    "RotaryEmbedding",
    "RotaryEmbeddingBase",
]


class _Rotary(Layer):
    """What rotary layers have in common: the facts of heads, and a check of them."""

    def __init__(
        self,
        head_size: int,
        rotary_dim: int,
        max_position_embeddings: int,
        base: float,
        is_neox_style: bool,  # noqa: FBT001 - the order of arguments that callers know
        dtype: torch.dtype | None,
        **choice: bool,
    ) -> None:
        super().__init__(**choice)
        self.head_size = head_size
        self.rotary_dim = rotary_dim
        self.max_position_embeddings = max_position_embeddings
        self.base = base
        self.is_neox_style = is_neox_style
        self.dtype = dtype or torch.get_default_dtype()
        if not (2 <= rotary_dim <= head_size and rotary_dim % 2 == 0):
            self._refuse("rotary_dim", rotary_dim, f"even and in 2..{head_size}, the head size")
        if max_position_embeddings < 1:
            self._refuse("max_position_embeddings", max_position_embeddings, "at least 1")
        if not base > 0:
            self._refuse("base", base, "above 0")

    def _refuse(self, argument: str, value: Any, wanted: str) -> None:
        raise ArgumentError(f"{type(self).name}: `{argument}` is {value}, must be {wanted}")

    def extra_repr(self) -> str:
        return (
            f"head_size={self.head_size}, rotary_dim={self.rotary_dim}, "
            f"max_position_embeddings={self.max_position_embeddings}, base={self.base}, "
            f"is_neox_style={self.is_neox_style}"
        )


@Layer.register("rotary_embedding")
class RotaryEmbeddingBase(_Rotary):
    """Rotate query and key by the angles of their positions: the op `rotary_embedding`.

    Args:
        head_size: number of elements of a head.
        rotary_dim: number of elements of a head, from the first on, that are rotated; even.
        max_position_embeddings: number of positions in the cache.
        base: pair `i` turns by `base ** (-2 i / rotary_dim)` from one position to the next.
        is_neox_style: pairs are elements `j` and `j + rotary_dim / 2`; if not, neighbours.
        dtype: of the cache. Default: torch's default dtype.

    Attributes:
        cos_sin_cache: `[positions, rotary_dim]`, the cosines of each position, then its sines.

    Raises:
        ArgumentError: a number is not as above.
    """

    cos_sin_cache: Tensor

    def __init__(
        self,
        head_size: int,
        rotary_dim: int,
        max_position_embeddings: int,
        base: float,
        is_neox_style: bool,  # noqa: FBT001
        dtype: torch.dtype | None = None,
        **choice: bool,
    ) -> None:
        super().__init__(
            head_size, rotary_dim, max_position_embeddings, base, is_neox_style, dtype, **choice
        )
        self.register_buffer("cos_sin_cache", self._compute_cos_sin_cache(), persistent=False)

    def _compute_inv_freq(self) -> Tensor:
        """Return the frequency of each pair, float64."""
        return frequencies(self.rotary_dim, self.base)

    def _cache_length(self) -> int:
        return self.max_position_embeddings

    def _compute_cos_sin_cache(self) -> Tensor:
        return cos_sin_cache(self._compute_inv_freq(), self._cache_length(), self.dtype)

    def forward_native(
        self, positions: Tensor, query: Tensor, key: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        return run_native(rotary_embedding_op, *self.op_arguments(positions, query, key))

    def op_arguments(
        self, positions: Tensor, query: Tensor, key: Tensor | None = None
    ) -> tuple[Any, ...]:
        """Flatten positions where query has one dimension for all tokens."""
        if not is_traced((positions, query), {}):
            apart = query.shape[: positions.ndim] != positions.shape
            positions = positions.flatten() if apart else positions
        heads = (self.head_size, self.rotary_dim, self.cos_sin_cache, self.is_neox_style)
        return positions, query, key, *heads


class RotaryEmbedding(RotaryEmbeddingBase):
    """The rotary embedding of RoFormer, without scaling."""


@Layer.register("dual_chunk_rotary_embedding")
class DualChunkRotaryEmbedding(_Rotary):
    """Rotate keys by their place in a chunk, and queries for each distance between chunks.

    Args: as `RotaryEmbeddingBase`, and

        chunk_size: number of positions that the model was trained with.
        local_size: number of positions that neighbouring chunks share; below `chunk_size`.

    Attributes:
        cos_sin_key_cache: `[max_position_embeddings, rotary_dim]`, the angles of keys.
        cos_sin_query_cache: `[2 * chunk_size - local_size, rotary_dim]`, the angles of queries.

    Source:
        Training-Free Long-Context Scaling of Large Language Models, arXiv:2402.17463.
    """

    cos_sin_key_cache: Tensor
    cos_sin_query_cache: Tensor

    def __init__(
        self,
        head_size: int,
        rotary_dim: int,
        max_position_embeddings: int,
        base: float,
        is_neox_style: bool,  # noqa: FBT001
        dtype: torch.dtype | None,
        chunk_size: int,
        local_size: int,
        **choice: bool,
    ) -> None:
        super().__init__(
            head_size, rotary_dim, max_position_embeddings, base, is_neox_style, dtype, **choice
        )
        if not 0 <= local_size < chunk_size:
            self._refuse("local_size", local_size, f"in 0..{chunk_size - 1}, below the chunk size")
        self.chunk_size, self.local_size = chunk_size, local_size
        turns = frequencies(rotary_dim, base)
        angles = cos_sin_cache(turns, 2 * chunk_size - local_size, self.dtype)
        keys = angles[torch.arange(max_position_embeddings) % (chunk_size - local_size)]
        self.register_buffer("cos_sin_query_cache", angles, persistent=False)
        self.register_buffer("cos_sin_key_cache", keys, persistent=False)

    def forward_native(
        self, positions: Tensor, query: Tensor, key: Tensor
    ) -> tuple[Tensor, Tensor]:
        return run_native(dual_chunk_rotary_embedding, *self.op_arguments(positions, query, key))

    def op_arguments(self, positions: Tensor, query: Tensor, key: Tensor) -> tuple[Any, ...]:
        caches = (self.cos_sin_query_cache, self.cos_sin_key_cache)
        heads = (self.head_size, self.rotary_dim, *caches, self.is_neox_style)
        return positions, query, key, *heads, self.chunk_size, self.local_size


@Layer.register("apply_rotary_emb")
class ApplyRotaryEmb(Layer):
    """Rotate `[*, s, h, d]` by the cosines and sines `[s, d / 2]` of given angles.

    Args:
        enforce_enable: enable the layer, even if the enable list does not.
        is_neox_style: pairs are elements `j` and `j + d / 2`; if not, neighbours.
        enable_fp32_compute: use cosines and sines as they are. Default: round them to the dtype of
            `x` first. All the rest is computed in float32 in both cases.
    """

    def __init__(
        self,
        enforce_enable: bool = False,  # noqa: FBT001, FBT002 - the order that callers know
        is_neox_style: bool = True,  # noqa: FBT001, FBT002
        enable_fp32_compute: bool = False,  # noqa: FBT001, FBT002
        **choice: bool,
    ) -> None:
        super().__init__(enforce_enable=enforce_enable, **choice)
        self.is_neox_style = is_neox_style
        self.enable_fp32_compute = enable_fp32_compute

    def op_arguments(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Any, ...]:
        if not self.enable_fp32_compute:
            cos, sin = cos.to(x.dtype), sin.to(x.dtype)
        return x, cos, sin, self.is_neox_style

    def forward_native(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        return run_native(apply_rotary_emb, *self.op_arguments(x, cos, sin))

    def extra_repr(self) -> str:
        return f"is_neox_style={self.is_neox_style}, enable_fp32_compute={self.enable_fp32_compute}"
