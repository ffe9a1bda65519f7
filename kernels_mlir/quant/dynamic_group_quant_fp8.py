"""dynamic_group_quant_fp8: scale groups of each row to the range of eight-bit floats."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ir_runtime import ir
from kernels_mlir.library import FLOATS, make_rows
from kernels_mlir.quant.scale import (
    FLOAT8,
    allow_one_step,
    largest,
    next_power_of_two,
    of_dtype,
    saturated,
    smallest_scale,
    with_elements,
)

__all__ = ["dynamic_group_quant_fp8"]


@ir.register_op(
    accepts=[
        ir.dtypes("x", *FLOATS),
        with_elements("x"),
        of_dtype("dtype", *FLOAT8),
        ir.number("group_size", "at least 1", lambda size: size >= 1),
    ]
)
def dynamic_group_quant_fp8(
    x: Tensor,
    dtype: torch.dtype,
    group_size: int,
    use_ue8m0: bool = False,  # noqa: FBT001, FBT002 - ops take all arguments by position
) -> tuple[Tensor, Tensor]:
    """Scale groups of each row by their largest magnitude, and round to eight-bit floats.

    Computes `scale = max(max(abs(group)) / most, 1 / (512 * most))` and
    `clamp(group / scale, -most, most)`, where `most` is the largest number of `dtype`, but 224 for
    `float8_e4m3fnuz`.

    Args:
        x: `[*, n]` f32, bf16 or f16, n >= 1; any rank >= 1, any strides.
        dtype: `float8_e4m3fn`, `float8_e4m3fnuz` or `float8_e5m2`.
        group_size: neighbours in a row that share a scale; the last group may have fewer.
        use_ue8m0: make scales powers of two, so that each fits into eight bits of exponent: the
            least one that is not below the scale above.

    Returns:
        The quantised numbers, `[*, n]` of `dtype`, and the scales, f32
        `[*, ceil(n / group_size)]`; both contiguous.

    Raises:
        ArgumentError: a dtype, size or value is not as above.

    Numerics:
        Evaluated in float32: a true division, then one rounding to nearest, ties to even. NaN in a
        group makes its scale and all its numbers NaN; infinity makes the scale infinity.

    Source:
        DeepSeek-V3 report, arXiv:2412.19437, section 3.3.2, "Fine-Grained Quantization".

    Example:
        >>> x = torch.tensor([[1.0, -7.0, 0.0, 0.0]])
        >>> q, scale = dynamic_group_quant_fp8(x, torch.float8_e4m3fn, 2)
        >>> q.float(), scale[0, 0]
        (tensor([[  64., -448.,    0.,    0.]]), tensor(0.0156))
    """
    n = x.shape[-1]
    count = -(-n // group_size)
    missing = count * group_size - n
    wide = x.float() if missing == 0 else functional.pad(x.float(), (0, missing))
    groups = wide.unflatten(-1, (count, group_size))
    scale = (groups.abs().amax(-1) / largest(dtype)).clamp(min=smallest_scale(dtype))
    if use_ue8m0:
        scale = next_power_of_two(scale)
    scaled = (groups / scale.unsqueeze(-1)).flatten(-2)[..., :n]
    return saturated(scaled, dtype).contiguous(), scale.contiguous()


ir.set_platform_default(dynamic_group_quant_fp8, native_first=True)


allow_one_step(dynamic_group_quant_fp8)


@dynamic_group_quant_fp8.register_input_generator
def dynamic_group_quant_fp8_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    quantized: torch.dtype = torch.float8_e4m3fn,
    group_size: int = 128,
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`."""
    return make_rows(num_tokens, hidden_size, dtype, device), quantized, group_size
