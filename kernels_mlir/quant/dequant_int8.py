"""dequant_int8: multiply eight-bit integers by their scales."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime import ir
from kernels_mlir.library import FLOATS, at_least_one_dimension, make_rows
from kernels_mlir.quant.scale import broadcast_scale, of_dtype

__all__ = ["dequant_int8"]


@ir.register_op(
    accepts=[
        ir.dtypes("x", torch.int8),
        at_least_one_dimension("x"),
        ir.dtypes("scale", torch.float32),
        broadcast_scale(),
        of_dtype("dtype", *FLOATS),
    ]
)
def dequant_int8(x: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    """Multiply eight-bit integers by their scales.

    Args:
        x: `[*, n]` int8; any rank >= 1, any strides.
        scale: f32, expands to the shape of `x`: `[*, 1]` for each token, `[n]` for each channel.
        dtype: of the result: f32, bf16 or f16.

    Returns:
        `[*, n]` of `dtype`, on the device of `x`; contiguous.

    Raises:
        ArgumentError: a dtype or shape is not as above.

    Numerics:
        Multiplied in float32 and rounded once to `dtype`.

    Source:
        LLM.int8(), arXiv:2208.07339, section 2.

    Example:
        >>> x = torch.tensor([[1, -127]], dtype=torch.int8)
        >>> dequant_int8(x, torch.tensor([[0.5]]), torch.float32)
        tensor([[  0.5000, -63.5000]])
    """
    return (x.float() * scale).to(dtype).contiguous()


ir.set_platform_default(dequant_int8)


@dequant_int8.register_input_generator
def dequant_int8_inputs(
    num_tokens: int = 32,
    hidden_size: int = 4096,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> tuple[Any, ...]:
    """Make `num_tokens` rows of `hidden_size`, and a scale for each."""
    rows = 40 * make_rows(num_tokens, hidden_size, torch.float32, device)
    x = rows.clamp(-127, 127).to(torch.int8)
    return x, torch.rand(num_tokens, 1, device=device), dtype
