"""ir_inplace::rms_norm_static_fp8_quant: normed rows in eight-bit floats, into a given tensor."""

from __future__ import annotations

from torch import Tensor

from kernels_mlir.inplace.register import inplace_op
from kernels_mlir.norm.rms_norm import rms_norm_op
from kernels_mlir.quant.static_quant_fp8 import static_quant_fp8

__all__ = ["rms_norm_static_fp8_quant"]


@inplace_op("result")
def rms_norm_static_fp8_quant(
    result: Tensor,
    input: Tensor,  # noqa: A002 - the name that callers know
    weight: Tensor,
    scale: Tensor,
    epsilon: float,
) -> None:
    """Write `static_quant_fp8(rms_norm(input, weight, epsilon), scale, ...)` into `result`.

    Args:
        result: `[*, n]` of an eight-bit float dtype; written.
        input: `[*, n]` f32, bf16 or f16.
        weight: `[n]`.
        scale: f32, one element: the size of one step.
        epsilon: finite, >= 0.
    """
    normed = rms_norm_op(input, weight, epsilon)
    static_quant_fp8.packet.out(normed, scale, result.dtype, out=result)
