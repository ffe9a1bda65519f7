"""gate_up_silu: multiply rows by a gate's and a factor's weight, and gate the products."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.op_reg import KernelSelection
from kernels_mlir.flops import count_flops
from kernels_mlir.library import (
    FLOATING,
    at_least_one_dimension,
    has_tuned_products,
    register_kernel,
    widened,
)
from kernels_mlir.matmul.epilogue import GATED, finished
from kernels_mlir.matmul.fused_kernel import FusedKernel, fused_constraints
from kernels_mlir.matmul.linear import linear_inputs
from kernels_mlir.matmul.weight_arguments import bias_fits, weight_fits

__all__ = ["gate_up_silu"]


@ir.register_op(
    accepts=[
        *(ir.dtypes(name, *FLOATING) for name in ("x", "weight", "bias")),
        at_least_one_dimension("x"),
        *weight_fits(gated=True),
        bias_fits(),
    ]
)
def gate_up_silu(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiply each row of `x` by a gate and by a factor, and multiply both, the gate by SiLU.

    Computes `silu(x @ weight[:n].T + bias[:n]) * (x @ weight[n:].T + bias[n:])`: the first half of
    a gated MLP. On CPUs a `weight` that is an `nn.Parameter` is packed in its first call, as by
    `linear`; the kernel then has no result of `2 * n` columns in memory.

    Args:
        x: `[*, k]` f32, bf16, f16 or f64; any rank >= 1, any strides; `k` >= 1.
        weight: `[2 * n, k]`, dtype of `x`: the rows of the gate, and then those of the factor.
        bias: `[2 * n]`, dtype of `x`; None for none.

    Returns:
        `[*, n]`, dtype and device of `x`; contiguous; never aliases an argument.

    Raises:
        ArgumentError: a dtype or size is not as above.

    Numerics:
        Computed in float32 (float64 if `x` is) and rounded once to the dtype of `x`. AMX tiles
        round the sums of a weight that is not packed to bf16 once more, before the end.

    Source:
        GLU Variants Improve Transformer, arXiv:2002.05202 (SwiGLU).

    Example:
        >>> gate_up_silu(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
        tensor([[2.1932]])
    """
    return finished(x, weight.to(widened(x).dtype), bias, None, GATED)


@gate_up_silu.register_input_generator
def gate_up_silu_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    out_features: int | None = None,
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`, and weights of as many columns of the result."""
    n = hidden_size if out_features is None else out_features
    return *linear_inputs(num_tokens, hidden_size, dtype, device, 2 * n)[:2], None


@register_kernel(
    gate_up_silu, constraints=fused_constraints("weight", "bias"), tuned=has_tuned_products
)
class GateUpSiluKernel(FusedKernel):
    """The MLIR kernel of `gate_up_silu`."""

    signature = "gate_up_silu(Tensor x, Tensor weight, Tensor? bias=None) -> Tensor"

    def whole(self, *args: Any) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None, str]:
        """Add what is fixed."""
        x, weight, bias = args
        return x, weight, bias, None, GATED

    def activation(self, ksel: KernelSelection) -> str:
        """Return the gate."""
        del ksel
        return GATED

    activation_of = activation


@count_flops("gate_up_silu")
def _flops(x: Tensor, weight: Tensor, *_: Any) -> int:
    return 2 * x.numel() * weight.shape[0]
