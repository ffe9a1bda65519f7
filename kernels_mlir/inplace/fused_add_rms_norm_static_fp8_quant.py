"""ir_inplace::fused_add_rms_norm_static_fp8_quant: a normed sum in eight-bit floats."""

from __future__ import annotations

from torch import Tensor

from kernels_mlir.inplace.register import inplace_op, put, refuse_other_shape
from kernels_mlir.norm.fused_add_rms_norm import fused_add_rms_norm
from kernels_mlir.quant.static_quant_fp8 import static_quant_fp8

__all__ = ["fused_add_rms_norm_static_fp8_quant"]


@inplace_op("result", "residual")
def fused_add_rms_norm_static_fp8_quant(
    result: Tensor,
    input: Tensor,  # noqa: A002 - the name that callers know
    residual: Tensor,
    weight: Tensor,
    scale: Tensor,
    epsilon: float,
) -> None:
    """Write the normed and quantised sum into `result`, and the sum into `residual`.

    Args:
        result: `[*, n]` of an eight-bit float dtype; written.
        input: `[*, n]` f32, bf16 or f16.
        residual: shaped like `input`, of its dtype; written.
        weight: `[n]`.
        scale: f32, one element: the size of one step.
        epsilon: finite, >= 0.
    """
    name = "fused_add_rms_norm_static_fp8_quant"
    normed, total = fused_add_rms_norm(input, residual, weight, epsilon)
    refuse_other_shape(name, "result", result, normed)
    static_quant_fp8.packet.out(normed, scale, result.dtype, out=result)
    put(name, [("residual", residual, total)])
