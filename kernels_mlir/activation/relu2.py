"""relu2: square positive elements, set the others to zero."""

from __future__ import annotations

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import FLOATING, kernel_from_native, rounded, row_inputs, widened
from kernels_mlir.sharding import shard_by_element

__all__ = ["relu2"]


@kernel_from_native(row_inputs())
@ir.register_op(accepts=[ir.dtypes("x", *FLOATING)])
def relu2(x: Tensor) -> Tensor:
    """Square positive elements of `x`, and set the others to zero.

    Args:
        x: `[*]` f32, bf16, f16 or f64; any rank, any strides.

    Returns:
        Shape, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: another dtype.

    Numerics:
        Evaluated in float32 (float64 if `x` is) and rounded once to the dtype of `x`.
        NaN stays NaN.

    Source:
        Primer, arXiv:2109.08668 (squared ReLU).

    Example:
        >>> relu2(torch.tensor([-1.0, 0.5, 3.0]))
        tensor([0.0000, 0.2500, 9.0000])
    """
    return rounded(torch.square(torch.relu(widened(x))), x)


shard_by_element("relu2")
