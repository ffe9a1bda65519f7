"""ir_inplace::silu_and_mul: one half of each row gated by the other, into a given tensor."""

from __future__ import annotations

from torch import Tensor

from kernels_mlir.activation.silu_and_mul import silu_and_mul_op
from kernels_mlir.inplace.register import inplace_op

__all__ = ["silu_and_mul"]


@inplace_op("result")
def silu_and_mul(result: Tensor, input: Tensor) -> None:  # noqa: A002 - the name that callers know
    """Write `silu_and_mul(input)` into `result`.

    Args:
        result: `[*, d]`, the dtype of `input`; written.
        input: `[*, 2 * d]` f32, bf16 or f16.
    """
    silu_and_mul_op.packet.out(input, out=result)
