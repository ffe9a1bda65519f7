"""ir_inplace::silu_and_mul_quant: a gated row in eight-bit floats, into a given tensor."""

from __future__ import annotations

from torch import Tensor

from kernels_mlir.activation.silu_and_mul import silu_and_mul_op
from kernels_mlir.inplace.register import inplace_op
from kernels_mlir.quant.static_quant_fp8 import static_quant_fp8

__all__ = ["silu_and_mul_quant"]


@inplace_op("result")
def silu_and_mul_quant(result: Tensor, input: Tensor, scale: Tensor) -> None:  # noqa: A002 - the name that callers know
    """Write `static_quant_fp8(silu_and_mul(input), scale, result.dtype)` into `result`.

    Args:
        result: `[*, d]` of an eight-bit float dtype; written.
        input: `[*, 2 * d]` f32, bf16 or f16.
        scale: f32, one element: the size of one step.
    """
    static_quant_fp8.packet.out(silu_and_mul_op(input), scale, result.dtype, out=result)
