"""fused_add_rms_norm: add a residual, then divide each row by its root mean square."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import (
    FLOATING,
    in_rows,
    kernel_from_native,
    make_rows,
    rounded,
    same_shape,
    widened,
)
from kernels_mlir.norm.rms import multiplied, rms_normed, within_last_size
from kernels_mlir.norm.rms_norm import finite_epsilon, per_feature
from kernels_mlir.sharding import shard_two_by_row

__all__ = ["add_norm_inputs", "fused_add_rms_norm"]


def add_norm_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    epsilon: float = 1e-6,
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`, as many of the residual, and a weight."""
    x, residual = (make_rows(num_tokens, hidden_size, dtype, device) for _ in range(2))
    return x, residual, make_rows(1, hidden_size, dtype, device)[0], epsilon


@kernel_from_native(add_norm_inputs)
@ir.register_op(
    allow_inplace=True,
    accepts=[
        *in_rows("x"),
        ir.dtypes("x_residual", *FLOATING),
        same_shape("x_residual", "x"),
        ir.dtypes("weight", *FLOATING),
        per_feature("weight"),
        finite_epsilon(),
        within_last_size("variance_size"),
    ],
)
def fused_add_rms_norm(
    x: Tensor,
    x_residual: Tensor,
    weight: Tensor | None,
    epsilon: float,
    variance_size: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Add `x_residual` to `x`, and norm each row of the sum by its root mean square.

    Computes `s = x + x_residual` and `s / sqrt(mean(s[..., :variance_size] ** 2) + epsilon) *
    weight`.

    Args:
        x: `[*, n]` f32, bf16, f16 or f64; any rank >= 1, any strides.
        x_residual: shaped like `x`, of a floating-point dtype that may differ.
        weight: `[n]` of a floating-point dtype that may differ from `x`'s; None for all ones.
        epsilon: finite, >= 0. Compiled in.
        variance_size: in 1..n; the number of first elements of a row that enter the mean.
            Default: all.

    Returns:
        The normed sum and the sum, both `[*, n]` of the dtype and device of `x`; contiguous; never
        alias an argument. `maybe_inplace` may write them to `x` and `x_residual`.

    Raises:
        ArgumentError: a dtype, size or value is not as above.

    Numerics:
        Evaluated in float32 (float64 if an activation is) and rounded once to the dtype of `x`.
        The norm is that of the sum before it is rounded.

    Source:
        Root Mean Square Layer Normalization, arXiv:1910.07467; the residual of pre-norm blocks.

    Example:
        >>> fused_add_rms_norm(torch.tensor([[1.0, 4.0]]), torch.tensor([[2.0, 0.0]]), None, 0.0)
        (tensor([[0.8485, 1.1314]]), tensor([[3., 4.]]))
    """
    total = widened(x) + widened(x_residual)
    y = multiplied(rms_normed(total, epsilon, variance_size=variance_size), weight)
    return rounded(y, x), rounded(total, x)


shard_two_by_row("fused_add_rms_norm", results=2)
