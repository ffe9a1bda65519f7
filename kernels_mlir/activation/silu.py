"""silu: multiply each element by its sigmoid."""

from __future__ import annotations

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import FLOATING, kernel_from_native, rounded, row_inputs, widened
from kernels_mlir.sharding import shard_by_element

__all__ = ["silu"]


@kernel_from_native(row_inputs())
@ir.register_op(accepts=[ir.dtypes("x", *FLOATING)])
def silu(x: Tensor) -> Tensor:
    """Multiply each element of `x` by its sigmoid.

    Computes `x / (1 + exp(-x))`.

    Args:
        x: `[*]` f32, bf16, f16 or f64; any rank, any strides.

    Returns:
        Shape, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: another dtype.

    Numerics:
        Evaluated in float32 (float64 if `x` is) and rounded once to the dtype of `x`.
        Negative infinity gives NaN, as in torch.

    Source:
        Gaussian Error Linear Units, arXiv:1606.08415 (SiLU); Swish, arXiv:1710.05941.

    Example:
        >>> silu(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.2689,  0.0000,  0.7311])
    """
    v = widened(x)
    return rounded(v * torch.sigmoid(v), x)


shard_by_element("silu")
