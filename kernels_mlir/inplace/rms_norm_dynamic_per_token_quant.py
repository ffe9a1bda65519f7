"""ir_inplace::rms_norm_dynamic_per_token_quant: normed rows in eight-bit floats, with scales."""

from __future__ import annotations

from torch import Tensor

from kernels_mlir.inplace.register import inplace_op, put
from kernels_mlir.norm.fused_add_rms_norm import fused_add_rms_norm
from kernels_mlir.norm.rms_norm import rms_norm_op
from kernels_mlir.quant.dynamic_quant_fp8 import dynamic_quant_fp8

__all__ = ["rms_norm_dynamic_per_token_quant"]


@inplace_op("result", "scale", "residual")
def rms_norm_dynamic_per_token_quant(
    result: Tensor,
    input: Tensor,  # noqa: A002 - the name that callers know
    weight: Tensor,
    scale: Tensor,
    epsilon: float,
    scale_ub: Tensor | None = None,
    residual: Tensor | None = None,
) -> None:
    """Write normed and quantised rows into `result`, and the scale of each row into `scale`.

    Args:
        result: `[*, n]` of an eight-bit float dtype; written.
        input: `[*, n]` f32, bf16 or f16.
        weight: `[n]`.
        scale: f32 `[*, 1]`; written.
        epsilon: finite, >= 0.
        scale_ub: one f32, the magnitude at which a row is clipped. Default: none.
        residual: shaped like `input`, of its dtype; added first, and the sum is written there.
            Default: none.
    """
    name = "rms_norm_dynamic_per_token_quant"
    total = None
    if residual is None:
        normed = rms_norm_op(input, weight, epsilon)
    else:
        normed, total = fused_add_rms_norm(input, residual, weight, epsilon)
    quantised, scales = dynamic_quant_fp8(normed, result.dtype, "token", scale_ub)
    pairs = [("result", result, quantised), ("scale", scale, scales)]
    if residual is not None and total is not None:
        pairs.append(("residual", residual, total))
    put(name, pairs)
