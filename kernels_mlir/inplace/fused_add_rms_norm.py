"""ir_inplace::fused_add_rms_norm: the residual added and each row normed, where both lie."""

from __future__ import annotations

from torch import Tensor

from kernels_mlir.inplace.register import inplace_op
from kernels_mlir.norm.fused_add_rms_norm import fused_add_rms_norm as functional

__all__ = ["fused_add_rms_norm"]


@inplace_op("input", "residual")
def fused_add_rms_norm(input: Tensor, residual: Tensor, weight: Tensor, epsilon: float) -> None:  # noqa: A002 - the name that callers know
    """Write the normed sum into `input`, and the sum into `residual`.

    Args:
        input: `[*, n]` f32, bf16 or f16; written.
        residual: shaped like `input`, of its dtype; written.
        weight: `[n]`.
        epsilon: finite, >= 0.
    """
    functional.packet.out(input, residual, weight, epsilon, out0=input, out1=residual)
