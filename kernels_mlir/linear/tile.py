"""The sizes of a matrix product on this CPU: the tile in registers, and the blocks in its caches.

A workgroup computes some columns of the result. It reads `x` in blocks of `depth` elements of a
row, and adds each block's products to the sums. Blocks keep the weight in the second cache, and
keep rounding errors small, since long sums lose more. All forms of the kernel add in the same
order, so the bits of a row do not depend on the tile or on the number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ir_runtime.device.cpu import host_cpu_target

__all__ = ["Tile", "tile_for"]

LANES = 16
"""Columns in a vector, 64 bytes in float32."""
ROW_BLOCK = 264
"""Rows of `x` that a workgroup processes."""
FEW_ROWS = 16
"""Up to this number of rows, reading the weight limits a call, and workgroups are smaller."""


@dataclass(frozen=True)
class Tile:
    """The part of a matrix product that is kept in registers, and the order of its operands.

    Attributes:
        rows: rows of the result.
        vectors: vectors of `LANES` columns.
        pairs: whether one instruction (`vdpbf16ps`) multiplies and adds two neighbours in a row;
            they then lie side by side in a packed weight.
    """

    rows: int
    vectors: int
    pairs: bool

    @property
    def name(self) -> str:
        """A name that differs for each tile, for the variant of a kernel."""
        return f"{self.rows}x{self.columns}{'pairs' if self.pairs else ''}"

    @property
    def columns(self) -> int:
        """Columns of a panel, the unit in which the weight is packed."""
        return self.vectors * LANES

    @property
    def per(self) -> int:
        """Elements of a row that one step of the sum takes."""
        return 2 if self.pairs else 1

    @property
    def depth(self) -> int:
        """Elements of a row in a block."""
        return 192 * self.per

    @property
    def tails(self) -> tuple[int, ...]:
        """Rows of the smaller tiles for the rows that remain: powers of two."""
        return tuple(1 << i for i in reversed(range((self.rows - 1).bit_length())))

    def packed_shape(self, out_features: int, in_features: int) -> tuple[int, int, int]:
        """Return the shape of a packed weight: panels, steps of the sum, columns."""
        panels = -(-out_features // self.columns)
        return panels, -(-in_features // self.per), self.columns * self.per

    def panels_each(self, out_features: int, *, packed: bool, few: bool) -> int:
        """Return the number of panels that a workgroup takes.

        More panels share one copy of `x`; fewer panels leave work for more threads. A weight that
        is not packed is also copied to the stack, which has room for two panels.
        """
        panels = -(-out_features // self.columns)
        if not packed:
            return 2
        return min(4, max(1, panels // 32)) if few else min(16, max(2, panels // 16))


def tile_for(dtype: torch.dtype) -> Tile:
    """Return the tile for operands of a dtype on this CPU.

    With 32 registers of 64 bytes, 24 of them hold sums. With 16 registers of 32 bytes (AVX2), or
    32 of 16 bytes (NEON), 6 x 16 sums fit.
    """
    target = host_cpu_target()
    if target.cpu != "x86-64-v4":
        return Tile(rows=6, vectors=1, pairs=False)
    pairs = dtype == torch.bfloat16 and "+avx512bf16" in target.features
    return Tile(rows=12, vectors=2, pairs=pairs)
