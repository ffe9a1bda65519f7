"""linear_act: multiply rows by a weight, with an activation and a residual at the end."""

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
    make_rows,
    register_kernel,
    widened,
)
from kernels_mlir.matmul.epilogue import ACTIVATIONS, finished, residual_fits
from kernels_mlir.matmul.fused_kernel import FusedKernel, fused_constraints
from kernels_mlir.matmul.linear import linear_inputs
from kernels_mlir.matmul.weight_arguments import bias_fits, weight_fits

__all__ = ["linear_act"]


@ir.register_op(
    accepts=[
        *(ir.dtypes(name, *FLOATING) for name in ("x", "weight", "bias", "residual")),
        at_least_one_dimension("x"),
        ir.one_of("activation", *ACTIVATIONS),
        *weight_fits(),
        bias_fits(),
        residual_fits(lambda weight: weight.shape[0], "weight"),
    ]
)
def linear_act(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    residual: Tensor | None = None,
    activation: str = "none",
) -> Tensor:
    """Multiply each row of `x` by all rows of `weight`, and finish the sums before they are stored.

    Computes `activation(x @ weight.T + bias) + residual`. On CPUs a `weight` that is an
    `nn.Parameter` is packed in its first call, as by `linear`, and shares the packed form with it.

    Args:
        x: `[*, k]` f32, bf16, f16 or f64; any rank >= 1, any strides; `k` >= 1.
        weight: `[n, k]`, dtype of `x`.
        bias: `[n]`, dtype of `x`; None for none.
        residual: `[*, n]`, dtype of `x`; None for none.
        activation: "none", "silu", "gelu", "gelu_tanh" or "relu". Compiled in.

    Returns:
        `[*, n]`, dtype and device of `x`; contiguous; never aliases an argument.

    Raises:
        ArgumentError: a dtype, size or word is not as above.

    Numerics:
        Computed in float32 (float64 if `x` is) and rounded once to the dtype of `x`. AMX tiles
        round the sums of a weight that is not packed to bf16 once more, before the end.

    Source:
        Gaussian Error Linear Units, arXiv:1606.08415, in the MLP of arXiv:1706.03762.

    Example:
        >>> x, weight = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, -1.0], [1.0, 1.0]])
        >>> linear_act(x, weight, None, torch.tensor([[0.5, 0.5]]), "relu")
        tensor([[0.5000, 3.5000]])
    """
    return finished(x, weight.to(widened(x).dtype), bias, residual, activation)


@linear_act.register_input_generator
def linear_act_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    out_features: int | None = None,
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`, a weight, a bias and a residual; gelu at the end."""
    x, weight, bias = linear_inputs(num_tokens, hidden_size, dtype, device, out_features)
    return x, weight, bias, make_rows(num_tokens, len(weight), dtype, device), "gelu_tanh"


@register_kernel(
    linear_act,
    constraints=fused_constraints("weight", "bias", "residual"),
    tuned=has_tuned_products,
)
class LinearActKernel(FusedKernel):
    """The MLIR kernel of `linear_act`."""

    signature = (
        "linear_act(Tensor x, Tensor weight, Tensor? bias=None, Tensor? residual=None, "
        "str activation='none') -> Tensor"
    )
    has_residual = True

    def whole(self, *args: Any) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None, str]:
        """Return the arguments as they are."""
        x, weight, bias, residual, activation = args
        return x, weight, bias, residual, activation

    def activation(self, ksel: KernelSelection) -> str:
        """Compile the activation in."""
        return str(ksel.attr_str(4).v)

    def activation_of(self, ksel: KernelSelection) -> str:
        """Return the activation that `select` declared."""
        return str(ksel.arg_descs[4].v)


@count_flops("linear_act")
def _flops(x: Tensor, weight: Tensor, *_: Any) -> int:
    return 2 * x.numel() * weight.shape[0]
