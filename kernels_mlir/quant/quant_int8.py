"""quant_int8: scale each row to the range of eight-bit integers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import FLOATS, make_rows
from kernels_mlir.quant.scale import with_elements

__all__ = ["quant_int8"]

_SMALLEST = 2.0**-33


@ir.register_op(accepts=[ir.dtypes("x", *FLOATS), with_elements("x")])
def quant_int8(x: Tensor) -> tuple[Tensor, Tensor]:
    """Scale each row of `x` by its largest magnitude, and round to eight-bit integers.

    Computes `scale = max(max(abs(x)), 2**-33) / 127` and `round(x / scale)`.

    Args:
        x: `[*, n]` f32, bf16 or f16, n >= 1; any rank >= 1, any strides.

    Returns:
        The quantised numbers, int8 `[*, n]` in -127..127, and the scales, f32 `[*, 1]`; both
        contiguous.

    Raises:
        ArgumentError: another dtype, or rows without elements.

    Numerics:
        Evaluated in float32, rounded to the nearest integer, ties to even. A row with NaN has the
        scale NaN, one with infinity has infinity; all its numbers are 0.

    Source:
        LLM.int8(), arXiv:2208.07339, section 2, "Absmax quantization", for each row.

    Example:
        >>> quant_int8(torch.tensor([[1.0, -127.0]]))
        (tensor([[   1, -127]], dtype=torch.int8), tensor([[1.]]))
    """
    wide = x.float()
    scale = wide.abs().amax(-1, keepdim=True).clamp(min=_SMALLEST) / 127
    steps = torch.round(wide / scale)
    steps = torch.where(steps.isnan(), 0.0, steps).clamp(-127, 127)
    return steps.to(torch.int8).contiguous(), scale.contiguous()


ir.set_platform_default(quant_int8)


@quant_int8.register_input_generator
def quant_int8_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`."""
    return (make_rows(num_tokens, hidden_size, dtype, device),)
