"""gelu_and_mul_sparse: gelu_and_mul with a gate of the largest elements of each row."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.activation.gelu_curve import gelu_curve
from kernels_mlir.library import (
    even_last_size,
    in_rows,
    kernel_from_native,
    rounded,
    row_inputs,
    widened,
)
from kernels_mlir.sharding import shard_by_row

__all__ = ["gelu_and_mul_sparse", "quantile"]


def quantile(part: float) -> float:
    """Return the number below which this part of normal numbers lies, in arithmetic for compilers.

    Args:
        part: above 0, at most 1.
    """
    if part == 1:
        return math.inf
    low, high = -40.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        is_below = math.erfc(-middle * math.sqrt(0.5)) / 2 < part
        low, high = (middle, high) if is_below else (low, middle)
    return high


@kernel_from_native(row_inputs(2, 0.95))
@ir.register_op(
    accepts=[
        *in_rows("x"),
        even_last_size("x"),
        ir.number("activation_sparsity", "above 0 and at most 1", lambda part: 0 < part <= 1),
        ir.one_of("approximate", "none", "tanh"),
    ]
)
def gelu_and_mul_sparse(x: Tensor, activation_sparsity: float, approximate: str = "none") -> Tensor:
    """Multiply the second half of each row by the GELU of the largest elements of its first half.

    With the mean `m` and the standard deviation `s` of the gate `g = x[..., :d]`, computes
    `gelu(relu(g - (m + k * s)), approximate) * x[..., d:]`. `k` is the quantile of the normal
    distribution for `activation_sparsity`: this part of normal numbers becomes zero.

    Args:
        x: `[*, 2 * d]` f32, bf16, f16 or f64; any rank >= 1, any strides.
        activation_sparsity: above 0, at most 1; for 0 use `gelu_and_mul`. Compiled in.
        approximate: "none" for the normal distribution function, or "tanh". Compiled in.

    Returns:
        `[*, d]`, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: another dtype, rows of odd length, or another argument is not as above.

    Numerics:
        Evaluated in float32 (float64 if `x` is) and rounded once to the dtype of `x`. The deviation
        is that of the population. A sparsity of 1 gives zeros, and NaN for a gate whose elements
        are all equal.

    Source:
        Gemma 3n, `Gemma3nTextMLP` of transformers.

    Example:
        >>> gelu_and_mul_sparse(torch.tensor([[0.0, 1.0, 5.0, 2.0]]), 0.5)
        tensor([[0.0000, 0.6915]])
    """
    gate, up = widened(x).chunk(2, dim=-1)
    limit = quantile(activation_sparsity)
    deviation = gate.std(dim=-1, keepdim=True, correction=0)
    kept = torch.relu(gate - (gate.mean(dim=-1, keepdim=True) + limit * deviation))
    return rounded(gelu_curve(kept, approximate) * up, x)


shard_by_row("gelu_and_mul_sparse")
