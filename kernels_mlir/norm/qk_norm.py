"""qk_norm: norm each head of the queries and of the keys by its root mean square."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.dtypes import format_tensor
from kernels_mlir.library import (
    FLOATING,
    in_rows,
    kernel_from_native,
    make_rows,
    rounded,
    widened,
)
from kernels_mlir.norm.rms import multiplied, rms_normed
from kernels_mlir.norm.rms_norm import finite_epsilon
from kernels_mlir.sharding import shard_two_by_row

__all__ = ["heads_normed", "of_heads", "qk_norm", "weights_of_heads"]


def of_heads(argument: str, weight: str) -> ir.Constraint:
    """Return the constraint that rows consist of heads as long as a weight."""
    return ir.fits(
        argument,
        f"of heads as long as `{weight}`",
        lambda x, w: x.shape[-1] % w.shape[0] == 0,
        beside=(weight,),
        expected=lambda _, w: f"consist of heads of {w.shape[0]}, as `{weight}` {format_tensor(w)}",
    )


def weights_of_heads() -> list[ir.Constraint]:
    """Return the constraints on `query_weight` and `key_weight`: one element a channel."""
    found: list[ir.Constraint] = []
    for name in ("query_weight", "key_weight"):
        found += [ir.dtypes(name, *FLOATING), ir.rank(name, 1)]
    return [
        *found,
        ir.fits("query_weight", "of at least 1 element", lambda w: ir.differ(w.shape[0], 0)),
        ir.fits(
            "key_weight",
            "as long as `query_weight`",
            lambda w, other: not ir.differ(w.shape[0], other.shape[0]),
            beside=("query_weight",),
        ),
    ]


def heads_normed(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """Norm each head in float32 or wider, without rounding the result."""
    size = weight.shape[0]
    heads = widened(x).unflatten(-1, (x.shape[-1] // size, size))
    return multiplied(rms_normed(heads, epsilon), weight).flatten(-2)


def qk_norm_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    epsilon: float = 1e-6,
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of two heads of queries and one of keys, of `hidden_size` in all."""
    query = make_rows(num_tokens, hidden_size, dtype, device)
    key = make_rows(num_tokens, hidden_size // 2, dtype, device)
    return query, key, *make_rows(2, hidden_size // 2, dtype, device).unbind(), epsilon


@kernel_from_native(qk_norm_inputs)
@ir.register_op(
    activations=["query", "key"],
    accepts=[
        *in_rows("query", "key"),
        *weights_of_heads(),
        of_heads("query", "query_weight"),
        of_heads("key", "query_weight"),
        finite_epsilon(),
    ],
)
def qk_norm(
    query: Tensor, key: Tensor, query_weight: Tensor, key_weight: Tensor, epsilon: float
) -> tuple[Tensor, Tensor]:
    """Divide each head of `query` and `key` by its root mean square, and scale it by a weight.

    Computes `h / sqrt(mean(h ** 2) + epsilon) * weight` for each head `h`.

    Args:
        query: `[*, H * head_size]` or `[*, H, head_size]` f32, bf16, f16 or f64, any strides.
        key: like `query`, with its own number of heads.
        query_weight: `[head_size]` floating point.
        key_weight: `[head_size]` floating point.
        epsilon: finite, >= 0. Compiled in.

    Returns:
        The normed `query` and `key`, each with the shape, dtype and device of the argument;
        contiguous; never alias an argument.

    Raises:
        ArgumentError: a dtype, size or value is not as above.

    Numerics:
        Evaluated in float32 (float64 if the argument is) and rounded once to its dtype.

    Source:
        Qwen3, arXiv:2505.09388; Scaling Vision Transformers to 22 Billion Parameters,
        arXiv:2302.05442, section 2.

    Example:
        >>> q, k = torch.tensor([[3.0, 4.0, 1.0, 1.0]]), torch.tensor([[2.0, 2.0]])
        >>> qk_norm(q, k, torch.ones(2), torch.ones(2), 0.0)
        (tensor([[0.8485, 1.1314, 1.0000, 1.0000]]), tensor([[1., 1.]]))
    """
    return (
        rounded(heads_normed(query, query_weight, epsilon), query),
        rounded(heads_normed(key, key_weight, epsilon), key),
    )


shard_two_by_row("qk_norm", results=2)
