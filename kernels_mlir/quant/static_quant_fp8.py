"""static_quant_fp8: divide by a given scale, and round to eight-bit floats."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import FLOATS, at_least_one_dimension, make_rows
from kernels_mlir.quant.scale import (
    FLOAT8,
    allow_one_step,
    broadcast_scale,
    largest,
    of_dtype,
    saturated,
)

__all__ = ["static_quant_fp8"]


@ir.register_op(
    accepts=[
        ir.dtypes("x", *FLOATS),
        at_least_one_dimension("x"),
        ir.dtypes("scale", torch.float32),
        broadcast_scale(),
        of_dtype("dtype", *FLOAT8),
    ]
)
def static_quant_fp8(x: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    """Divide `x` by a known scale, and round to eight-bit floats.

    Computes `clamp(x * (1 / scale), -most, most)`, where `most` is the largest number of `dtype`,
    but 224 for `float8_e4m3fnuz`.

    Args:
        x: `[*, n]` f32, bf16 or f16; any rank >= 1, any strides.
        scale: f32, the size of one step, expands to the shape of `x`: one element, `[*, 1]` for
            each token, `[n]` for each channel. Should be above 0.
        dtype: `float8_e4m3fn`, `float8_e4m3fnuz` or `float8_e5m2`.

    Returns:
        `[*, n]` of `dtype`, on the device of `x`; contiguous.

    Raises:
        ArgumentError: a dtype or shape is not as above.

    Numerics:
        Evaluated in float32: a reciprocal, a product, then one rounding to nearest, ties to even.
        A row kernel keeps a row's scale in float64: a number next to a tie may get the other
        neighbour.
        NaN stays NaN; infinity becomes the bound.

    Source:
        FP8 Formats for Deep Learning, arXiv:2209.05433.

    Example:
        >>> x, scale = torch.tensor([0.3, 1.0, -500.0]), torch.tensor([0.5])
        >>> static_quant_fp8(x, scale, torch.float8_e4m3fn).float()
        tensor([   0.6250,    2.0000, -448.0000])
    """
    return saturated(x.float() * scale.reciprocal(), dtype).contiguous()


ir.set_platform_default(static_quant_fp8)


allow_one_step(static_quant_fp8)


@static_quant_fp8.register_input_generator
def static_quant_fp8_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    quantized: torch.dtype = torch.float8_e4m3fn,
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`, and one scale for all."""
    x = make_rows(num_tokens, hidden_size, dtype, device)
    return x, torch.full((1,), 4 / largest(quantized), device=device), quantized
