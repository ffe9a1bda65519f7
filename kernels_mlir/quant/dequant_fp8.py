"""dequant_fp8: multiply eight-bit floats by their scales."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.dtypes import format_tensor
from kernels_mlir.library import FLOATS, at_least_one_dimension, make_rows
from kernels_mlir.quant.group import group_scales, spread_groups
from kernels_mlir.quant.scale import FLOAT8, broadcast_scale, of_dtype

__all__ = ["dequant_fp8"]


def _expands(scale: Tensor, x: Tensor, group_shape: Any) -> bool:
    return group_shape is not None or broadcast_scale().test(scale, x)


@ir.register_op(
    activations=["x", "scale"],
    accepts=[
        ir.dtypes("x", *FLOAT8),
        at_least_one_dimension("x"),
        ir.dtypes("scale", torch.float32),
        ir.fits(
            "scale",
            "of a shape that expands to that of `x` without a `group_shape`",
            _expands,
            beside=("x", "group_shape"),
            expected=lambda _, x, __: f"expand to the shape of `x` {format_tensor(x)}",
        ),
        of_dtype("dtype", *FLOATS),
        *group_scales(optional=True),
    ],
)
def dequant_fp8(
    x: Tensor, scale: Tensor, dtype: torch.dtype, group_shape: list[int] | None = None
) -> Tensor:
    """Multiply eight-bit floats by their scales.

    Args:
        x: `[*, n]` float8_e4m3fn, float8_e4m3fnuz or float8_e5m2; any rank >= 1, any strides.
        scale: f32, expands to the shape of `x`; with a `group_shape`
            `[*, ceil(m / r), ceil(n / c)]` for `x` `[*, m, n]`.
        dtype: of the result: f32, bf16 or f16.
        group_shape: `r` and `c`, the rows and columns of a group; -1 for all of them. Default: no
            groups.

    Returns:
        `[*, n]` of `dtype`, on the device of `x`; contiguous.

    Raises:
        ArgumentError: a dtype or shape is not as above.

    Numerics:
        Multiplied in float32 and rounded once to `dtype`.

    Source:
        FP8 Formats for Deep Learning, arXiv:2209.05433.

    Example:
        >>> x = torch.tensor([[64.0, -448.0]]).to(torch.float8_e4m3fn)
        >>> dequant_fp8(x, torch.tensor([[0.5]]), torch.float32)
        tensor([[  32., -224.]])
    """
    factor = scale if group_shape is None else spread_groups(scale, x, group_shape)
    return (x.float() * factor).to(dtype).contiguous()


ir.set_platform_default(dequant_fp8)


@dequant_fp8.register_input_generator
def dequant_fp8_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    quantized: torch.dtype = torch.float8_e4m3fn,
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`, and a scale for each."""
    x = make_rows(num_tokens, hidden_size, torch.float32, device).to(quantized)
    return x, torch.rand(num_tokens, 1, device=device), dtype
