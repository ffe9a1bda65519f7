"""ir_inplace::rms_norm: each row divided by its root mean square, into a given tensor."""

from __future__ import annotations

from torch import Tensor

from kernels_mlir.inplace.register import inplace_op
from kernels_mlir.norm.rms_norm import rms_norm_op

__all__ = ["rms_norm"]


@inplace_op("result")
def rms_norm(result: Tensor, input: Tensor, weight: Tensor, epsilon: float) -> None:  # noqa: A002 - the name that callers know
    """Write `rms_norm(input, weight, epsilon)` into `result`.

    Args:
        result: `[*, n]`, the dtype of `input`; written.
        input: `[*, n]` f32, bf16 or f16.
        weight: `[n]`.
        epsilon: finite, >= 0.
    """
    rms_norm_op.packet.out(input, weight, epsilon, out=result)
