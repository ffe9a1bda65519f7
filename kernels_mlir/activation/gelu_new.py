"""gelu_new: approximate gelu by tanh, as GPT-2 does."""

from __future__ import annotations

from torch import Tensor

from ir_runtime import ir
from kernels_mlir.activation.gelu_curve import gelu_curve
from kernels_mlir.library import FLOATING, kernel_from_native, rounded, row_inputs, widened
from kernels_mlir.sharding import shard_by_element

__all__ = ["gelu_new"]


@kernel_from_native(row_inputs())
@ir.register_op(accepts=[ir.dtypes("x", *FLOATING)])
def gelu_new(x: Tensor) -> Tensor:
    """Approximate gelu by a hyperbolic tangent.

    Computes `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3)))`: `gelu` with
    `approximate="tanh"`, under the name that configurations of models use.

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
        Gaussian Error Linear Units, arXiv:1606.08415, section 2; GPT-2.

    Example:
        >>> gelu_new(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.1588,  0.0000,  0.8412])
    """
    return rounded(gelu_curve(widened(x), "tanh"), x)


shard_by_element("gelu_new")
