"""quick_gelu: approximate gelu by one sigmoid."""

from __future__ import annotations

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import FLOATING, kernel_from_native, rounded, row_inputs, widened
from kernels_mlir.sharding import shard_by_element

__all__ = ["quick_gelu"]


@kernel_from_native(row_inputs())
@ir.register_op(accepts=[ir.dtypes("x", *FLOATING)])
def quick_gelu(x: Tensor) -> Tensor:
    """Approximate gelu by one sigmoid.

    Computes `x * sigmoid(1.702 * x)`.

    Args:
        x: `[*]` f32, bf16, f16 or f64; any rank, any strides.

    Returns:
        Shape, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: another dtype.

    Numerics:
        Evaluated in float32 (float64 if `x` is) and rounded once to the dtype of `x`.
        Negative infinity gives NaN.

    Source:
        Gaussian Error Linear Units, arXiv:1606.08415, section 2; the activation of CLIP.

    Example:
        >>> quick_gelu(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.1542,  0.0000,  0.8458])
    """
    v = widened(x)
    return rounded(v * torch.sigmoid(1.702 * v), x)


shard_by_element("quick_gelu")
