"""qk_norm_rope: norm each head of queries and keys, then rotate it by its position."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.dtypes import format_tensor
from ir_runtime.launch.operand.index_fault import refuse_indices
from kernels_mlir.library import FLOATING, in_rows, kernel_from_native, rounded
from kernels_mlir.norm.qk_norm import heads_normed, of_heads, qk_norm_inputs, weights_of_heads
from kernels_mlir.norm.rms_norm import finite_epsilon
from kernels_mlir.rope.rotary_embedding import native_rotary_embedding
from kernels_mlir.sharding import NO_TENSOR, Sharding, shard_by_rule

__all__ = ["qk_norm_rope"]


def _of_positions(argument: str) -> ir.Constraint:
    """Return the constraint that a tensor begins with the dimensions of `positions`."""

    def test(x: Tensor, positions: Tensor) -> bool:
        pairs = zip(x.shape, positions.shape, strict=False)
        return x.ndim > positions.ndim and not any(ir.differ(a, b) for a, b in pairs)

    return ir.fits(
        argument,
        "of the shape of `positions`, then heads",
        test,
        beside=("positions",),
        expected=lambda _, p: f"have the dimensions of `positions` {format_tensor(p)}, then heads",
    )


def _rotates(cache: Tensor, weight: Tensor) -> bool:
    dim = cache.shape[-1] if cache.ndim == 2 else 0
    return 2 <= dim <= weight.shape[0] and dim % 2 == 0 and ir.differ(cache.shape[0], 0)


def qk_norm_rope_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    max_position: int = 2048,
) -> tuple[Any, ...]:
    """Make two heads of queries and one of keys, which are rotated completely."""
    positions = torch.arange(num_tokens, device=device) % max_position
    size = hidden_size // 2
    steps = torch.arange(size // 2, device=device) * (2 / size)
    angles = torch.arange(max_position, device=device)[:, None] / 10000.0**steps
    cache = torch.cat((angles.cos(), angles.sin()), dim=-1).to(dtype)
    return positions, *qk_norm_inputs(num_tokens, hidden_size, dtype, device), cache


@kernel_from_native(
    qk_norm_rope_inputs, of=("query", "key", "query_weight", "key_weight", "cos_sin_cache")
)
@ir.register_op(
    activations=["positions", "query", "key"],  # all have the tokens first
    accepts=[
        ir.dtypes("positions", torch.int64, torch.int32),
        *in_rows("query", "key"),
        *weights_of_heads(),
        of_heads("query", "query_weight"),
        of_heads("key", "query_weight"),
        _of_positions("query"),
        _of_positions("key"),
        finite_epsilon(),
        ir.dtypes("cos_sin_cache", *FLOATING),
        ir.fits(
            "cos_sin_cache",
            "at least one row of an even size in 2..`head_size`",
            _rotates,
            beside=("query_weight",),
        ),
    ],
)
def qk_norm_rope(
    positions: Tensor,
    query: Tensor,
    key: Tensor,
    query_weight: Tensor,
    key_weight: Tensor,
    epsilon: float,
    cos_sin_cache: Tensor,
    is_neox_style: bool = True,  # noqa: FBT001, FBT002 - op signatures are positional
) -> tuple[Tensor, Tensor]:
    """Norm each head of `query` and `key`, and rotate it by the angles of its position.

    Computes `qk_norm`, then `rotary_embedding`.

    Args:
        positions: `[*]` int64 or int32, the first dimensions of `query` and `key`; each in
            `0..max_position - 1`.
        query: `[*, H * head_size]` or `[*, H, head_size]` f32, bf16, f16 or f64, any strides.
        key: like `query`, with its own number of heads.
        query_weight: `[head_size]` floating point.
        key_weight: `[head_size]` floating point.
        epsilon: finite, >= 0. Compiled in.
        cos_sin_cache: `[max_position, rotary_dim]` floating point: the cosines of a position, then
            its sines; rounded to the dtype of the rotated tensor before use. The first
            `rotary_dim` channels of a head are rotated.
        is_neox_style: how channels are paired, see `rotary_embedding`.

    Returns:
        The normed and rotated `query` and `key`, each with the shape, dtype and device of the
        argument; contiguous; never alias an argument.

    Raises:
        ArgumentError: a dtype, size or value is not as above.
        IndexOutOfRangeError: the cache has no row for a position.

    Numerics:
        Evaluated in float32 (float64 if the argument is) and rounded once to its dtype: the normed
        heads are not rounded.

    Source:
        Qwen3, arXiv:2505.09388; RoFormer, arXiv:2104.09864.

    Example:
        >>> cache = torch.tensor([[1.0, 0.0], [0.0, 1.0]])  # no turn, a quarter turn
        >>> x, one = torch.tensor([[3.0, 4.0], [3.0, 4.0]]), torch.ones(2)
        >>> qk_norm_rope(torch.tensor([0, 1]), x, x[:, :2], one, one, 0.0, cache)[0]
        tensor([[ 0.8485,  1.1314],
                [-1.1314,  0.8485]])
    """
    size, rotary_dim = query_weight.shape[0], cos_sin_cache.shape[1]

    def turned(x: Tensor, weight: Tensor) -> Tensor:
        cache = cos_sin_cache.to(x.dtype)
        heads = heads_normed(x, weight, epsilon)
        y, _ = native_rotary_embedding(
            positions, heads, None, size, rotary_dim, cache, is_neox_style
        )
        return rounded(y, x)

    return turned(query, query_weight), turned(key, key_weight)


@qk_norm_rope.register_value_check
def _refuse_positions(positions: Tensor, *others: Any) -> None:
    refuse_indices("qk_norm_rope", "positions", positions, others[5].shape[0])


def _split_tokens(positions: Any, *others: Any) -> list[Sharding]:
    """Return the shardings by tokens: the dimensions of `positions`."""
    del others
    settings = [None, None, NO_TENSOR, None, NO_TENSOR]
    return [([dim, dim], [dim, dim, dim, *settings]) for dim in range(positions.ndim)]


shard_by_rule("qk_norm_rope", _split_tokens)
