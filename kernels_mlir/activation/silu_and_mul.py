"""silu_and_mul: multiply one half of each row by the SiLU of the other half."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.device.machine_choice import group_elements
from ir_runtime.op_reg import CustomOp, KernelSelection
from kernels_mlir.kernel_call import kernel_call
from kernels_mlir.library import (
    FLOATS,
    even_last_size,
    group_variant,
    in_rows,
    make_rows,
    register_kernel,
    widened,
)
from kernels_mlir.row_function import generate_rows
from kernels_mlir.sharding import shard_by_row

if TYPE_CHECKING:
    from ir_runtime.op_reg import KernelBuilder

__all__ = ["native_silu_and_mul", "silu_and_mul", "silu_and_mul_op"]


_silu_and_mul = kernel_call("silu_and_mul")


def silu_and_mul(x: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Multiply the second half of each row by the SiLU of its first half.

    Computes `silu(x[..., :d]) * x[..., d:]` with `silu(v) = v * sigmoid(v)`.

    Args:
        x: `[*, 2 * d]` f32, bf16 or f16; any rank >= 1, any strides.
        out: the tensor that the result goes into, shaped and typed as it; default a new one.

    Returns:
        `[*, d]`, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: another dtype, or rows of odd length.

    Numerics:
        Evaluated in float32 and rounded once to the dtype of `x`.

    Source:
        GLU Variants Improve Transformer, arXiv:2002.05202 (SwiGLU).

    Example:
        >>> silu_and_mul(torch.tensor([[0.0, 1.0, 5.0, 2.0]]))
        tensor([[0.0000, 1.4621]])
    """
    return _silu_and_mul(x, out=out)


def native_silu_and_mul(x: Tensor) -> Tensor:
    """Compute `silu_and_mul` with torch functions, in float32, or float64 if `x` is."""
    gate, up = x.to(torch.promote_types(x.dtype, torch.float32)).chunk(2, dim=-1)
    return (gate * torch.sigmoid(gate) * up).to(x.dtype).contiguous()


silu_and_mul_op = ir.register_op(
    name="silu_and_mul",
    accepts=[*in_rows("x"), even_last_size("x")],
)(native_silu_and_mul)


@silu_and_mul_op.register_input_generator
def silu_and_mul_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `2 * hidden_size`; each result has `hidden_size` elements."""
    return (make_rows(num_tokens, 2 * hidden_size, dtype, device),)


@register_kernel(silu_and_mul_op, constraints=[ir.dtypes("x", *FLOATS)])
class SiluAndMulKernel(CustomOp):
    """The MLIR kernel of `silu_and_mul`: one binary per feature size, any number of rows."""

    signature = "silu_and_mul(Tensor x) -> Tensor"

    def select(self, ksel: KernelSelection) -> None:
        """Take any rows of one even size."""
        x = ksel.arg_tensor(0).require(dtypes=FLOATS, min_rank=1)
        x.specialize_dims(-1)
        ksel.variant += group_variant(ksel)
        shape = (*x.t.shape[:-1], x.t.shape[-1] // 2)
        ksel.return_new_tensor(shape, x.t.dtype).specialize_dims(-1)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        """Compute in float32 on rows, by the row kernel of native."""
        generate_rows(self, ksel, kb, columns=group_elements(ksel.machine).size)

    def row_function(self, ksel: KernelSelection) -> Callable[..., Tensor]:
        """Return native."""
        del ksel
        return native_silu_and_mul

    def setup_context(self, ctx: Any, inputs: Sequence[Any], output: Any) -> None:
        """Keep the input."""
        del output
        ctx.save_for_backward(*inputs)

    def backward(self, ctx: Any, *gradients: Any) -> Any:
        """Differentiate both factors, in float32 or wider.

        A gradient times `up` may be infinite where the slope is 0, so the slope is multiplied
        first.
        """
        (x,) = ctx.saved_tensors
        gate, up = widened(x).chunk(2, dim=-1)
        g = widened(gradients[0])
        sigmoid = torch.sigmoid(gate)
        slope = sigmoid * (1 + gate * (1 - sigmoid))
        return torch.cat((g * slope * up, g * (gate * sigmoid)), dim=-1).to(x.dtype)


shard_by_row("silu_and_mul")
