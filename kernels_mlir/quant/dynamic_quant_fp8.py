"""dynamic_quant_fp8: scale each row, or all of a tensor, to the range of eight-bit floats."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import FLOATS, make_rows
from kernels_mlir.quant.scale import (
    FLOAT8,
    allow_one_step,
    largest,
    of_dtype,
    saturated,
    smallest_scale,
    with_elements,
)

__all__ = ["dynamic_quant_fp8"]


@ir.register_op(
    accepts=[
        ir.dtypes("x", *FLOATS),
        with_elements("x"),
        of_dtype("dtype", *FLOAT8),
        ir.one_of("granularity", "token", "tensor"),
        ir.fits(
            "x",
            "of at least 1 row for a scale of the tensor",
            lambda x, granularity: (
                granularity == "token" or all(ir.differ(size, 0) for size in x.shape)
            ),
            beside=("granularity",),
            expected=lambda *_: "have at least 1 row for a scale of the tensor",
        ),
        ir.dtypes("scale_ub", torch.float32),
        ir.fits(
            "scale_ub",
            "one element, with scales of tokens",
            lambda bound, granularity: (
                granularity == "token" and bound.ndim <= 1 and not ir.differ(bound.numel(), 1)
            ),
            beside=("granularity",),
            expected=lambda _, granularity: (
                "have 1 element in at most 1 dimension"
                if granularity == "token"
                else "be None for a scale of the tensor"
            ),
        ),
    ]
)
def dynamic_quant_fp8(
    x: Tensor,
    dtype: torch.dtype,
    granularity: str = "token",
    scale_ub: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Scale `x` by its largest magnitude, and round to eight-bit floats.

    Computes `scale = max(min(max(abs(x)), scale_ub) / most, 1 / (512 * most))` and
    `clamp(x * (1 / scale), -most, most)`, where `most` is the largest number of `dtype`, but 224
    for `float8_e4m3fnuz`.

    Args:
        x: `[*, n]` f32, bf16 or f16, n >= 1; any rank >= 1, any strides.
        dtype: `float8_e4m3fn`, `float8_e4m3fnuz` or `float8_e5m2`.
        granularity: "token" for a scale of each row, "tensor" for a single one.
        scale_ub: one f32, the magnitude at which a row is clipped; only with "token". Default:
            none.

    Returns:
        The quantised numbers, `[*, n]` of `dtype`, and the scales, f32 `[*, 1]`, or `[1]` of a
        tensor; both contiguous.

    Raises:
        ArgumentError: a dtype, shape or word is not as above, or a tensor without rows is to have
            one scale.

    Numerics:
        Evaluated in float32: a reciprocal, a product, then one rounding to nearest, ties to even.
        A row kernel keeps a row's scale in float64: a number next to a tie may get the other
        neighbour.
        NaN in a row makes its scale and all its numbers NaN; infinity makes the scale infinity.

    Source:
        FP8 Formats for Deep Learning, arXiv:2209.05433.

    Example:
        >>> q, scale = dynamic_quant_fp8(torch.tensor([[1.0, -7.0]]), torch.float8_e4m3fn)
        >>> q.float(), scale
        (tensor([[  64., -448.]]), tensor([[0.0156]]))
    """
    wide = x.float()
    most = wide.abs()
    most = most.amax(-1, keepdim=True) if granularity == "token" else most.amax().reshape(1)
    if scale_ub is not None:
        most = torch.minimum(most, scale_ub)
    scale = (most / largest(dtype)).clamp(min=smallest_scale(dtype))
    return saturated(wide * scale.reciprocal(), dtype).contiguous(), scale.contiguous()


ir.set_platform_default(dynamic_quant_fp8)


allow_one_step(dynamic_quant_fp8)


@dynamic_quant_fp8.register_input_generator
def dynamic_quant_fp8_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    quantized: torch.dtype = torch.float8_e4m3fn,
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`."""
    return make_rows(num_tokens, hidden_size, dtype, device), quantized
