"""gelu_fast: approximate gelu by tanh, with a rounded constant."""

from __future__ import annotations

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import FLOATING, kernel_from_native, rounded, row_inputs, widened
from kernels_mlir.sharding import shard_by_element

__all__ = ["gelu_fast"]


@kernel_from_native(row_inputs())
@ir.register_op(accepts=[ir.dtypes("x", *FLOATING)])
def gelu_fast(x: Tensor) -> Tensor:
    """Approximate gelu by a hyperbolic tangent with a rounded constant.

    Computes `x / 2 * (1 + tanh(0.7978845608 * x * (1 + 0.044715 * x ** 2)))`. The curve is that of
    `gelu_new` up to rounding.

    Args:
        x: `[*]` f32, bf16, f16 or f64; any rank, any strides.

    Returns:
        Shape, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: another dtype.

    Numerics:
        Evaluated in float32 (float64 if `x` is) and rounded once to the dtype of `x`.
        Computed by a sigmoid, because `1 + tanh(v)` loses all digits far below zero. Negative
        infinity gives NaN.

    Source:
        https://github.com/hendrycks/GELUs; the activation `gelu_fast` of transformers.

    Example:
        >>> gelu_fast(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.1588,  0.0000,  0.8412])
    """
    v = widened(x)
    inner = 0.7978845608 * v * (1 + 0.044715 * v * v)
    return rounded(v * torch.sigmoid(2 * inner), x)


shard_by_element("gelu_fast")
