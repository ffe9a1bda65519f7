"""The layout of quantised weights: panels of 32 output features, in the order that CPUs read.

It is the same on every machine, so that quantised weights may be saved and loaded anywhere.

| tensor | of 8 bits | of 4 bits |
|---|---|---|
| weight | int8 `[panels, k, 32]`, `k` made even | int32 `[panels, ceil(k / 8), 32]` |
| scale | `[panels, groups, 32]` | the same |
| zero | none | int8 `[panels, groups, 32]`: the number that stands for 0, minus 8; or None |

A word of 4-bit numbers has eight neighbours of a row: the even ones in its low half, the odd ones
in its high half, each in two's complement, which is the number from 0 to 15 minus 8. Panels of a
gated weight have 16 rows of the gate and then the same 16 rows of the factor.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from kernels_mlir.large_pages import empty_in_large_pages

__all__ = [
    "BYTE_ROWS",
    "COLUMNS",
    "HALF",
    "WORD_ROWS",
    "dequantized",
    "in_row_order",
    "interleave_gate",
    "pack_columns",
    "pack_numbers",
    "pack_words",
    "packed_rows",
    "panels_of",
    "separate_gate",
    "unpack_columns",
    "unpack_numbers",
    "unpack_words",
]

COLUMNS = 32
"""Output features of a panel."""
HALF = COLUMNS // 2
BYTE_ROWS = 2
"""Elements of a row that a step of an 8-bit product takes."""
WORD_ROWS = 8
"""The same of 4 bits: those of a word."""

_WORD_BYTES = 8

_SHIFTS = tuple(4 * (i // 2) + 16 * (i % 2) for i in range(WORD_ROWS))
"""The place in a word of each of eight neighbours."""


def panels_of(out_features: int) -> int:
    """Return the number of panels of so many output features."""
    return -(-out_features // COLUMNS)


def packed_rows(bits: int, in_features: int) -> tuple[int, int]:
    """Return the elements of a row of numbers before it is packed, and of a packed column."""
    if bits == 8:
        k = in_features + -in_features % BYTE_ROWS
        return k, k
    k = in_features + -in_features % WORD_ROWS
    return k, k // WORD_ROWS


def pack_columns(values: Tensor, out: Tensor | None = None) -> Tensor:
    """Return `[n, m]` as `[panels, m, 32]`, padded with 0; written to `out`, if it is given."""
    n, m = values.shape
    panels = panels_of(n)
    padded = _padded(values, 0, panels * COLUMNS - n).view(panels, COLUMNS, m)
    if out is None:
        out = empty_in_large_pages((panels, m, COLUMNS), padded.dtype, padded.device)
    if padded.dtype != torch.int8 or m % _WORD_BYTES:
        return out.copy_(padded.transpose(1, 2))
    # Bytes that are rows apart share few lines of the cache: whole words go first, bytes then.
    words = padded.contiguous().view(torch.int64).transpose(1, 2).contiguous()
    bytes_ = words.view(torch.int8).unflatten(2, (COLUMNS, _WORD_BYTES)).mT
    out.view(panels, -1, _WORD_BYTES, COLUMNS).copy_(bytes_)
    return out


def _padded(values: Tensor, columns: int, rows: int) -> Tensor:
    """Return a tensor with more columns and rows of 0; the tensor itself if it needs none."""
    return pad(values, (0, columns, 0, rows)) if columns or rows else values


def unpack_columns(packed: Tensor, n: int) -> Tensor:
    """Return `[panels, m, 32]` as `[n, m]`."""
    panels, m, _ = packed.shape
    return packed.transpose(1, 2).reshape(panels * COLUMNS, m)[:n]


def pack_numbers(numbers: Tensor, out: Tensor | None = None) -> Tensor:
    """Return the 8-bit numbers `[n, k]` as a packed weight; written to `out`, if it is given."""
    return pack_columns(_padded(numbers, -numbers.shape[1] % BYTE_ROWS, 0), out)


def unpack_numbers(weight: Tensor, n: int, k: int) -> Tensor:
    """Return a packed weight as 8-bit numbers `[n, k]`."""
    return unpack_columns(weight, n)[:, :k]


def pack_words(numbers: Tensor, out: Tensor | None = None) -> Tensor:
    """Return numbers from -8 to 7, int8 `[n, k]`, as a packed weight of 4 bits; as above."""
    # Eight bytes at a time, as a word of 64 bits: the even ones, then the odd ones.
    padded = _padded(numbers, -numbers.shape[1] % WORD_ROWS, 0)
    bytes_ = padded.contiguous().view(torch.int64)
    words = _joined(bytes_ >> 8).bitwise_left_shift_(16).bitwise_or_(_joined(bytes_))
    return pack_columns(words.to(torch.int32), out)


def _joined(words: Tensor) -> Tensor:
    """Return the low halves of bytes 0, 2, 4 and 6 of words of 64 bits, side by side."""
    numbers = words & 0x000F_000F_000F_000F
    pairs = numbers.bitwise_or_(numbers >> 12).bitwise_and_(0x0000_00FF_0000_00FF)
    return pairs.bitwise_or_(pairs >> 24).bitwise_and_(0xFFFF)


def unpack_words(weight: Tensor, n: int, k: int) -> Tensor:
    """Return a packed weight of 4 bits as numbers from -8 to 7, int8 `[n, k]`."""
    words = unpack_columns(weight, n)
    numbers = [((words << (28 - shift)) >> 28).to(torch.int8) for shift in _SHIFTS]
    return torch.stack(numbers, dim=-1).flatten(1)[:, :k]


def interleave_gate(gate: Tensor, up: Tensor) -> Tensor:
    """Return the rows of a gate and of its factor, 16 of each in turn; both padded with 0."""
    n, m = gate.shape
    rows = -(-n // HALF) * HALF
    parts = [pad(t, (0, 0, 0, rows - n)).view(-1, HALF, m) for t in (gate, up)]
    return torch.stack(parts, dim=1).view(2 * rows, m)


def separate_gate(rows: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Return the `n` rows of the gate and of its factor from those of `interleave_gate`."""
    gate, up = rows.unflatten(0, (-1, 2, HALF)).unbind(1)
    return gate.flatten(0, 1)[:n], up.flatten(0, 1)[:n]


def dequantized(
    weight: Tensor, scale: Tensor, zero: Tensor | None, in_features: int, dtype: torch.dtype
) -> Tensor:
    """Return the numbers times their scales, in the order of the panels: `[panels * 32, k]`."""
    rows, groups = weight.shape[0] * COLUMNS, scale.shape[1]
    unpack = unpack_numbers if weight.dtype == torch.int8 else unpack_words
    numbers = unpack(weight, rows, in_features).to(dtype).reshape(rows, groups, -1)
    if zero is not None:
        numbers = numbers - unpack_columns(zero, rows).to(dtype)[:, :, None]
    scaled = numbers * unpack_columns(scale, rows).to(dtype)[:, :, None]
    return scaled.reshape(rows, in_features)


def in_row_order(rows: Tensor, out_features: int, *, gated: bool) -> Tensor:
    """Return the rows of panels as those of a weight; those of a gate come before its factor's."""
    return torch.cat(separate_gate(rows, out_features)) if gated else rows[:out_features]
