"""ir_inplace::rotary_embedding: queries and keys rotated where they lie."""

from __future__ import annotations

from torch import Tensor

from kernels_mlir.inplace.register import inplace_op, put
from kernels_mlir.rope.rotary_embedding import rotary_embedding_op

__all__ = ["rotary_embedding"]


@inplace_op("query", "key")
def rotary_embedding(
    positions: Tensor,
    query: Tensor,
    key: Tensor | None,
    head_size: int,
    cos_sin_cache: Tensor,
    is_neox: bool,  # noqa: FBT001 - the order of arguments that callers know
) -> None:
    """Rotate `query` and `key` by the angles of their positions.

    Args:
        positions: `[*]` int64, each a row of the cache.
        query: `[*, H * head_size]` or `[*, H, head_size]` f32, bf16 or f16; written.
        key: shaped like `query`, with its own number of heads; written. None for no key.
        head_size: number of elements of a head.
        cos_sin_cache: `[max_position, rotary_dim]`: the cosines of a position, then its sines.
        is_neox: whether halves of a head are paired, and not neighbours.
    """
    turned = rotary_embedding_op(
        positions, query, key, head_size, cos_sin_cache.shape[-1], cos_sin_cache, is_neox
    )
    pairs = [("query", query, turned[0])]
    if key is not None:
        pairs.append(("key", key, turned[1]))
    put("rotary_embedding", pairs)
