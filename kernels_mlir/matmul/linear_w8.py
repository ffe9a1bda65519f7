"""linear_w8: multiply rows by a weight of 8-bit integers with scales."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from ir_runtime import ir
from kernels_mlir.flops import count_flops
from kernels_mlir.library import has_tuned_products, register_kernel, widened
from kernels_mlir.matmul.epilogue import GATED, finished
from kernels_mlir.matmul.quantized_arguments import (
    product_flops,
    quantized_arguments,
    quantized_inputs,
)
from kernels_mlir.matmul.quantized_kernel import QuantizedKernel, kernel_constraints
from kernels_mlir.matmul.quantized_layout import dequantized, in_row_order
from kernels_mlir.matmul.quantized_weight import quantize_weight_int8

__all__ = ["linear_w8"]


@ir.register_op(accepts=quantized_arguments(8))
def linear_w8(
    x: Tensor,
    weight: Tensor,
    scale: Tensor,
    bias: Tensor | None,
    residual: Tensor | None,
    out_features: int,
    activation: str = "none",
) -> Tensor:
    """Multiply each row of `x` by a weight of 8-bit integers with scales; `x` stays as it is.

    Computes `activation(x @ (weight * scale).T + bias) + residual`. `quantize_weight_int8` makes
    `weight` and `scale` from a float weight, in the layout of
    `kernels_mlir.matmul.quantized_layout`.

    Args:
        x: `[*, k]` f32, bf16, f16 or f64; any rank >= 1, any strides; `k` >= 1.
        weight: int8, packed: `[panels, k, 32]`, with `k` made even.
        scale: `[panels, groups, 32]` f32, bf16, f16 or f64: one group, or groups of a multiple of
            32 elements of a row.
        bias: `[n]`, of a gate and its factor `[2 * n]`; None for none.
        residual: the shape of the result; None for none.
        out_features: `n`. Compiled in.
        activation: "none", "silu", "gelu", "gelu_tanh" or "relu"; or "silu_and_mul" for a gated
            weight: `silu(gate) * factor`, each of `n` columns. Compiled in.

    Returns:
        `[*, n]`, dtype and device of `x`; contiguous; never aliases an argument.

    Raises:
        ArgumentError: a dtype, size or word is not as above.

    Numerics:
        Native multiplies integers by scales, and computes all else, in float32 (float64 if `x`
        is), rounded once to the dtype of `x`. The kernel sums the products of `x` with the
        integers of a group exactly as in float32, and then multiplies the sum by the scale. In AMX
        tiles (more than 32 rows of bf16) it first rounds the weight, with its scales, to bf16.

    Source:
        LLM.int8(), arXiv:2208.07339, section 2; weight-only, as in GPTQ, arXiv:2210.17323.

    Example:
        >>> w = quantize_weight_int8(torch.tensor([[3.0, 4.0], [5.0, 6.0]]))
        >>> linear_w8(torch.tensor([[1.0, 2.0]]), w.weight, w.scale, None, None, 2)
        tensor([[10.9921, 17.0079]])
    """
    gated = activation == GATED
    rows = dequantized(weight, scale, None, x.shape[-1], widened(x).dtype)
    rows = in_row_order(rows, out_features, gated=gated)
    return finished(x, rows, bias, residual, activation)


linear_w8.register_input_generator(quantized_inputs(quantize_weight_int8))


@register_kernel(linear_w8, constraints=kernel_constraints(), tuned=has_tuned_products)
class LinearW8Kernel(QuantizedKernel):
    """The MLIR kernel of `linear_w8`."""

    signature = (
        "linear_w8(Tensor x, Tensor weight, Tensor scale, Tensor? bias, Tensor? residual, "
        "int out_features, str activation='none') -> Tensor"
    )
    bits = 8
    operands: ClassVar = {"x": 0, "w": 1, "scale": 2, "bias": 3, "residual": 4}


@count_flops("linear_w8")
def _flops(x: Tensor, *others: Any) -> int:
    return product_flops(x, *others[4:])
