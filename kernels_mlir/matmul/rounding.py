"""Float weights become packed numbers, a few rows at a time, in the same scratch memory.

Fresh memory costs more than the arithmetic: each of its pages is a fault. So a chunk of rows has a
copy in float32, its numbers are written over that, and they are packed where they stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from kernels_mlir.large_pages import empty_in_large_pages
from kernels_mlir.matmul.quantized_layout import (
    COLUMNS,
    HALF,
    interleave_gate,
    pack_columns,
    pack_numbers,
    pack_words,
    packed_rows,
    panels_of,
)

__all__ = ["CHUNK", "Scaled", "round_weight"]

CHUNK = 1 << 19
"""Elements that are rounded at a time, so that their copy in float32 stays in the cache."""

Scaled = Callable[[Tensor], tuple[Tensor, Tensor | None]]
"""Takes the elements of groups, `[n, groups, size]`, and writes their numbers, as whole floats,
over them; returns scales and zeros `[n, groups]`."""


def round_weight(
    bits: int, weights: Sequence[Tensor], group_size: int, scaled: Scaled
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Round a weight `[n, k]`, or the weights of a gate and of its factor, and pack them.

    Args:
        bits: 8 or 4.
        weights: one weight, or two of the same shape.
        group_size: elements of a row that share a scale.
        scaled: rounds groups.

    Returns:
        The packed weight, scales and zeros.
    """
    weights = [weight.detach() for weight in weights]
    (n, k), sides = weights[0].shape, len(weights)
    step = max(1, CHUNK // (COLUMNS * k)) * COLUMNS
    panels = panels_of(n) if sides == 1 else -(-n // HALF)
    rows = min(step, panels * COLUMNS // sides)
    device, (width, height) = weights[0].device, packed_rows(bits, k)
    values = torch.empty(min(step, n), k, dtype=torch.float32, device=device)
    numbers = torch.zeros(rows * sides, width, dtype=torch.int8, device=device)
    packed_dtype, pack = (torch.int8, pack_numbers) if bits == 8 else (torch.int32, pack_words)
    packed = empty_in_large_pages((panels, height, COLUMNS), packed_dtype, device)
    found: list[list[tuple[Tensor, Tensor | None]]] = [[] for _ in weights]
    for first in range(0, n, step):
        count = min(step, n - first)
        if count < rows:
            numbers.zero_()
        for side, weight in enumerate(weights):
            chunk = values[:count].copy_(weight[first : first + count])
            found[side].append(scaled(chunk.view(count, k // group_size, group_size)))
            _place(chunk, numbers, side, sides)
        begin = first * sides // COLUMNS
        out = packed[begin : begin + rows * sides // COLUMNS]
        pack(numbers[: len(out) * COLUMNS], out)
    scales = [torch.cat([scale for scale, _ in side]) for side in found]
    zeros = [torch.cat([zero for _, zero in side if zero is not None] or [_NONE]) for side in found]
    return packed, _packed(scales), _packed(zeros) if zeros[0].numel() else None


_NONE = torch.empty(0)


def _packed(sides: list[Tensor]) -> Tensor:
    return pack_columns(sides[0] if len(sides) == 1 else interleave_gate(*sides))


def _place(values: Tensor, numbers: Tensor, side: int, sides: int) -> None:
    """Write whole floats as bytes; the rows of a gate and of its factor, 16 of each in turn."""
    count, k = values.shape
    if sides == 1:
        numbers[:count, :k].copy_(values)
        return
    blocks, rest = divmod(count, HALF)
    own = numbers.view(-1, sides, HALF, numbers.shape[1])[:, side, :, :k]
    own[:blocks].copy_(values[: blocks * HALF].view(blocks, HALF, k))
    if rest:
        own[blocks, :rest].copy_(values[blocks * HALF :])
