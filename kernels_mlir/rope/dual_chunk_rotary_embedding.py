"""dual_chunk_rotary_embedding: rotate queries once for each kind of distance between chunks."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.dtypes import format_tensor
from ir_runtime.launch.operand.index_fault import refuse_indices
from kernels_mlir.library import FLOATING, make_rows
from kernels_mlir.rope.pair import turn_pairs

__all__ = ["dual_chunk_rotary_embedding"]


def _has_heads(argument: str) -> ir.Constraint:
    """Return the constraint that a tensor has a row of heads for each position."""

    def test(x: Tensor, positions: Tensor, size: int) -> bool:
        rank = positions.ndim
        pairs = zip(x.shape, positions.shape, strict=False)
        same = x.ndim == rank + 1 and not any(ir.differ(mine, other) for mine, other in pairs)
        return same and x.shape[-1] >= size and x.shape[-1] % size == 0

    return ir.fits(
        argument,
        "of a row of heads of `head_size` for each position",
        test,
        beside=("positions", "head_size"),
        expected=lambda _, positions, size: (
            f"have the dimensions of `positions` {format_tensor(positions)}, "
            f"and then heads of {size}"
        ),
    )


def _has_rows(argument: str, least: str, *beside: str) -> ir.Constraint:
    """Return the constraint that a cache has rows of `rotary_dim`, at least some number of them."""

    def wanted(chunk_size: int | None = None, local_size: int = 0) -> int:
        return 1 if chunk_size is None else 2 * chunk_size - local_size

    def test(cache: Tensor, dim: int, *sizes: int) -> bool:
        return (
            cache.ndim == 2
            and not ir.differ(cache.shape[1], dim)
            and cache.shape[0] >= wanted(*sizes)
        )

    return ir.fits(
        argument,
        f"of rows of `rotary_dim`, at least {least}",
        test,
        beside=("rotary_dim", *beside),
        expected=lambda _, dim, *sizes: (
            f"have rows of {dim}, as `rotary_dim`, and at least {wanted(*sizes)}"
        ),
    )


@ir.register_op(
    activations=["positions", "query", "key"],
    accepts=[
        ir.dtypes("positions", torch.int64, torch.int32),
        ir.fits(
            "positions",
            "of shape [t] or [1, t]",
            lambda p: p.ndim == 1 or (p.ndim == 2 and not ir.differ(p.shape[0], 1)),
        ),
        *(ir.dtypes(n, *FLOATING) for n in ("query", "key", "query_cache", "key_cache")),
        ir.number("head_size", "at least 1", lambda size: size >= 1),
        _has_heads("query"),
        _has_heads("key"),
        ir.Constraint(
            "rotary_dim",
            "even and in 2..`head_size`",
            lambda dim, size: 2 <= dim <= size and dim % 2 == 0,
            repr,
            others=("head_size",),
            expected=lambda _, size: f"be even and in 2..{size}, the head size",
        ),
        ir.number("chunk_size", "at least 1", lambda size: size >= 1),
        ir.Constraint(
            "local_size",
            "in 0..`chunk_size` - 1",
            lambda local, chunk: 0 <= local < chunk,
            repr,
            others=("chunk_size",),
            expected=lambda _, chunk: f"be in 0..{chunk - 1}, below the chunk size",
        ),
        _has_rows("query_cache", "2 * `chunk_size` - `local_size`", "chunk_size", "local_size"),
        _has_rows("key_cache", "one"),
    ],
)
def dual_chunk_rotary_embedding(
    positions: Tensor,
    query: Tensor,
    key: Tensor,
    head_size: int,
    rotary_dim: int,
    query_cache: Tensor,
    key_cache: Tensor,
    is_neox_style: bool,  # noqa: FBT001 - ops take all arguments by position
    chunk_size: int,
    local_size: int,
) -> tuple[Tensor, Tensor]:
    """Rotate `key` by its place in a chunk, and `query` for each distance between chunks.

    A text is cut into chunks of `c = chunk_size - local_size` positions. A key at position `p` has
    the angles of `p % c`. A query meets keys of its own chunk, of the chunk before and of earlier
    ones, and has other angles for each; so there are five rotated queries beside each other:

    | columns | angles of position |
    |---|---|
    | within its chunk | `p % c` |
    | chunk before | `min(p % c + c, chunk_size)` |
    | earlier chunks | `min(2 c - 1, chunk_size)` for all |
    | chunk before, critical positions | `p % c + c` |
    | earlier chunks, critical positions | `p % c + chunk_size` |

    Args:
        positions: `[t]` or `[1, t]` int64, each the number of a row of `key_cache`.
        query: `[t, H * head_size]` or `[1, t, H * head_size]` f32, bf16, f16 or f64.
        key: like `query`, with its own number of heads.
        head_size: number of elements of a head.
        rotary_dim: number of elements, from the first on, that are rotated; even, in
            `2..head_size`.
        query_cache: `[2 * chunk_size - local_size or more, rotary_dim]` floating point: the cosines
            of the angles of positions 0, 1, ..., then the sines; rounded to the dtype of `query`.
        key_cache: `[max_position, rotary_dim]`, the same for keys: row `p` has the angles of
            `p % c`.
        is_neox_style: pairs are elements `j` and `j + rotary_dim / 2`; if not, neighbours.
        chunk_size: number of positions that the model was trained with.
        local_size: number of positions that neighbouring chunks share.

    Returns:
        The rotated queries, `[t, 5 * H * head_size]`, and the rotated keys, `[t, H * head_size]`;
        contiguous.

    Raises:
        ArgumentError: a dtype, shape or value is not as above.
        IndexOutOfRangeError: `key_cache` has no row for a position.

    Numerics:
        Evaluated in float32 (float64 if `query` is) and rounded once to the dtype of `query`.

    Source:
        Training-Free Long-Context Scaling of Large Language Models, arXiv:2402.17463, section 3.

    Example:
        >>> cache = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])  # quarters
        >>> x = torch.tensor([[1.0, 0.0]])
        >>> q, k = dual_chunk_rotary_embedding(
        ...     torch.tensor([1]), x, x, 2, 2, cache, cache[[0, 1]], True, 2, 0)
        >>> q.view(5, 2).tolist()[:2], k
        ([[0.0, 1.0], [-1.0, 0.0]], tensor([[0., 1.]]))
    """
    wide = torch.promote_types(query.dtype, torch.float32)
    at = positions.flatten()
    chunk = chunk_size - local_size
    within = at % chunk

    def turned(x: Tensor, cache: Tensor, rows: Tensor) -> Tensor:
        heads = x.reshape(-1, x.shape[-1] // head_size, head_size)
        angles = cache.index_select(0, rows).to(query.dtype).to(wide).unsqueeze(-2)
        cos, sin = angles.chunk(2, dim=-1)
        y = turn_pairs(heads[..., :rotary_dim], cos, sin, neox=is_neox_style).to(x.dtype)
        if rotary_dim < head_size:
            y = torch.cat((y, heads[..., rotary_dim:]), -1)
        return y.flatten(-2)

    rows = (
        within,
        (within + chunk).clamp(max=chunk_size),
        torch.full_like(within, min(2 * chunk - 1, chunk_size)),
        within + chunk,
        within + chunk_size,
    )
    queries = [turned(query, query_cache, row) for row in rows]
    return torch.cat(queries, dim=-1), turned(key, key_cache, at)


ir.set_platform_default(dual_chunk_rotary_embedding, native_first=True)


@dual_chunk_rotary_embedding.register_value_check
def _refuse_positions(positions: Tensor, *others: Any) -> None:
    rows = others[5].shape[0]
    refuse_indices("dual_chunk_rotary_embedding", "positions", positions, rows)


@dual_chunk_rotary_embedding.register_input_generator
def dual_chunk_rotary_embedding_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    head_size: int = 128,
    chunk_size: int = 64,
) -> tuple[Any, ...]:
    """Make query and key of `num_tokens`, two chunks of text and more."""
    from kernels_mlir.rope.frequency import cos_sin_cache, frequencies

    head_size = math.gcd(hidden_size, head_size)
    local = chunk_size // 4
    positions = torch.arange(num_tokens, device=device)
    query, key = (make_rows(num_tokens, hidden_size, dtype, device) for _ in range(2))
    cache = cos_sin_cache(frequencies(head_size, 10000.0), 2 * chunk_size - local, dtype)
    cache = cache.to(device)
    keys = cache[positions % (chunk_size - local)]
    return positions, query, key, head_size, head_size, cache, keys, True, chunk_size, local
