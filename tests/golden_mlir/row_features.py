"""Row kernels whose MLIR is golden."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ir_runtime.op_reg import def_library
from ir_runtime.op_reg.traced_op import traced_op
from ir_runtime.rows.row_op import RowOp
from tests.golden_mlir.features import Feature

__all__ = ["ROW_FEATURES"]


def _row_kernel(x: Tensor, weight: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """Passes, sums once more in float64, a kept row, halves, a number of each row."""
    normed = F.layer_norm(x.float(), x.shape[-1:], weight.float(), None, epsilon)
    gate, up = torch.softmax(normed, -1).chunk(2, -1)
    return (F.silu(gate) * torch.erf(up)).to(x.dtype), normed.abs().amax(-1)


_rows = traced_op(
    "row_kernel",
    _row_kernel,
    schema="(Tensor x, Tensor weight, float epsilon) -> (Tensor, Tensor)",
    activations=(0,),
    library=def_library("golden_rows"),
    base=RowOp,
)

ROW_FEATURES = {
    "row_kernel": Feature(_rows, (torch.zeros(5, 600), torch.zeros(600), 1e-6)),
    "row_kernel_bf16": Feature(
        _rows, (torch.zeros(4, 8, dtype=torch.bfloat16), torch.zeros(8), 1e-6)
    ),
    "row_kernel_cuda": Feature(
        _rows,
        (torch.zeros(5, 1600, dtype=torch.bfloat16), torch.zeros(1600), 1e-6),
        "cuda:sm_89",
    ),
    "row_kernel_vulkan": Feature(
        _rows, (torch.zeros(5, 72), torch.zeros(72), 1e-6), "vulkan:llvmpipe"
    ),
}
