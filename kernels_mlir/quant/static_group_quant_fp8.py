"""static_group_quant_fp8: divide groups of rows and columns by their given scales; round to fp8."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import FLOATS, make_rows
from kernels_mlir.quant.group import group_scales, spread_groups
from kernels_mlir.quant.scale import FLOAT8, allow_one_step, largest, of_dtype, saturated

__all__ = ["static_group_quant_fp8"]


@ir.register_op(
    activations=["x", "scale"],
    accepts=[
        ir.dtypes("x", *FLOATS),
        ir.dtypes("scale", torch.float32),
        of_dtype("dtype", *FLOAT8),
        *group_scales(),
    ],
)
def static_group_quant_fp8(
    x: Tensor, scale: Tensor, dtype: torch.dtype, group_shape: list[int]
) -> Tensor:
    """Divide groups of rows and columns by known scales, and round to eight-bit floats.

    Computes `clamp(x * (1 / scale), -most, most)`, with the scale of the group of each element;
    `most` is the largest number of `dtype`, but 224 for `float8_e4m3fnuz`.

    Args:
        x: `[*, m, k]` f32, bf16 or f16, any strides.
        scale: f32 `[*, ceil(m / r), ceil(k / c)]`, the size of one step in each group. Should be
            above 0.
        dtype: `float8_e4m3fn`, `float8_e4m3fnuz` or `float8_e5m2`.
        group_shape: `r` and `c`, the rows and columns of a group; -1 for all of them. `[1, 128]`
            are groups of a token, `[128, 128]` blocks of a weight. The last groups may have fewer.

    Returns:
        `[*, m, k]` of `dtype`, on the device of `x`; contiguous.

    Raises:
        ArgumentError: a dtype or shape is not as above.

    Numerics:
        As `static_quant_fp8`.

    Source:
        DeepSeek-V3 report, arXiv:2412.19437, section 3.3.2, "Fine-Grained Quantization".

    Example:
        >>> x, scale = torch.ones(2, 4), torch.tensor([[1.0, 0.5]])
        >>> static_group_quant_fp8(x, scale, torch.float8_e4m3fn, [2, 2]).float()
        tensor([[1., 1., 2., 2.],
                [1., 1., 2., 2.]])
    """
    factor = spread_groups(scale.reciprocal(), x, group_shape)
    return saturated(x.float() * factor, dtype).contiguous()


ir.set_platform_default(static_group_quant_fp8, native_first=True)


allow_one_step(static_group_quant_fp8)


@static_group_quant_fp8.register_input_generator
def static_group_quant_fp8_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    quantized: torch.dtype = torch.float8_e4m3fn,
    group_size: int = 128,
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`, in groups of a token."""
    x = make_rows(num_tokens, hidden_size, dtype, device)
    count = -(-hidden_size // group_size)
    scale = torch.rand(num_tokens, count, device=device) + 4 / largest(quantized)
    return x, scale, quantized, [1, group_size]
