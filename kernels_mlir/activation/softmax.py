"""softmax: turn each row into weights that are positive and add up to 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.op_reg import CustomOp, KernelSelection
from kernels_mlir.kernel_call import kernel_call
from kernels_mlir.library import (
    FLOATING,
    FLOATS,
    at_least_one_dimension,
    check_rows,
    make_rows,
    register_kernel,
    widened,
)
from kernels_mlir.row_function import generate_rows
from kernels_mlir.sharding import shard_by_row

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder

__all__ = ["native_softmax", "softmax", "softmax_op"]


_softmax = kernel_call("softmax")


def softmax(x: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Divide the exponential of each element of `x` by the sum of exponentials in its row.

    Computes `exp(x - max(x)) / sum(exp(x - max(x)))` along the last dimension.

    Args:
        x: `[*, n]` f32, bf16 or f16; any rank >= 1, any strides.
        out: the tensor that the result goes into, shaped and typed as it; default a new one.

    Returns:
        Shape, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: another dtype or a tensor without dimensions, or `x` has on Vulkan
            more than 65535 rows of more than 32768 columns.

    Numerics:
        Evaluated in float32 and rounded once to the dtype of `x`. A row with NaN or positive
        infinity, or with only negative infinity, is NaN.

    Source:
        Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs, 1990.

    Example:
        >>> softmax(torch.tensor([[0.0, 0.0], [0.0, float("-inf")]]))
        tensor([[0.5000, 0.5000],
                [1.0000, 0.0000]])
    """
    return _softmax(x, out=out)


def native_softmax(x: Tensor) -> Tensor:
    """Compute `softmax` with torch functions, in float32, or float64 if `x` is."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return torch.softmax(wide, dim=-1).to(x.dtype).contiguous()


softmax_op = ir.register_op(name="softmax", accepts=[ir.dtypes("x", *FLOATING)])(native_softmax)


@softmax_op.register_input_generator
def softmax_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`."""
    return (make_rows(num_tokens, hidden_size, dtype, device),)


@register_kernel(softmax_op, constraints=[ir.dtypes("x", *FLOATS), at_least_one_dimension("x")])
class SoftmaxKernel(CustomOp):
    """The MLIR kernel of `softmax`: one binary per feature size, any number of rows."""

    signature = "softmax(Tensor x) -> Tensor"

    def select(self, ksel: KernelSelection) -> None:
        """Take any rows of one size."""
        x = ksel.arg_tensor(0).require(dtypes=FLOATS, min_rank=1)
        x.specialize_dims(-1)
        check_rows(ksel, x.t)
        ksel.return_new_tensor(x.t.shape, x.t.dtype).specialize_dims(-1)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Compute in float32 on rows, by the row kernel of native."""
        generate_rows(self, ksel, kb)

    def row_function(self, ksel: KernelSelection) -> Callable[..., Tensor]:
        """Return native."""
        del ksel
        return native_softmax

    def setup_context(self, ctx: Any, inputs: Sequence[Any], output: Any) -> None:
        """Keep the result."""
        del inputs
        ctx.save_for_backward(output)

    def backward(self, ctx: Any, *gradients: Any) -> Any:
        """Multiply each weight by its gradient minus the row's mean, in float32 or wider."""
        (y,) = ctx.saved_tensors
        weights, g = widened(y), widened(gradients[0])
        return torch._softmax_backward_data(g, weights, -1, weights.dtype).to(y.dtype)


shard_by_row("softmax")
