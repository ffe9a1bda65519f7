"""fatrelu_and_mul: multiply one half of each row by large elements of the other half."""

from __future__ import annotations

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import (
    even_last_size,
    in_rows,
    kernel_from_native,
    rounded,
    row_inputs,
    widened,
)
from kernels_mlir.sharding import shard_by_row

__all__ = ["fatrelu_and_mul"]


def _in_range() -> ir.Constraint:
    return ir.Constraint(
        "threshold",
        "in the range of the dtype of `x`",
        lambda threshold, x: abs(threshold) <= torch.finfo(x.dtype).max,
        repr,
        others=("x",),
        reads=ir.Reads.CALL,
    )


@kernel_from_native(row_inputs(2))
@ir.register_op(accepts=[*in_rows("x"), even_last_size("x"), _in_range()])
def fatrelu_and_mul(x: Tensor, threshold: float = 0.0) -> Tensor:
    """Multiply the second half of each row by those elements of its first half above a threshold.

    Computes `(g if g > threshold else 0) * x[..., d:]` with `g = x[..., :d]`.

    Args:
        x: `[*, 2 * d]` f32, bf16, f16 or f64; any rank >= 1, any strides.
        threshold: in the range of the dtype of `x`, to which it is rounded. Compiled in.

    Returns:
        `[*, d]`, dtype and device of `x`; contiguous; never aliases `x`.

    Raises:
        ArgumentError: another dtype, rows of odd length, or a threshold out of range.

    Numerics:
        One product, rounded once to the dtype of `x`. A gate that is NaN stays NaN.

    Source:
        ProSparse, arXiv:2402.13516 (FATReLU).

    Example:
        >>> fatrelu_and_mul(torch.tensor([[0.1, 1.0, 5.0, 2.0]]), 0.5)
        tensor([[0., 2.]])
    """
    gate, up = x.chunk(2, dim=-1)
    kept = torch.where(gate <= threshold, 0.0, gate)  # functional.threshold does not round it
    return rounded(widened(kept) * widened(up), x)


shard_by_row("fatrelu_and_mul")
