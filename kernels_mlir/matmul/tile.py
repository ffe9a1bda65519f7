"""The sizes of a matrix product on this CPU: the tile in registers, and the blocks in its caches.

A workgroup computes some columns of the result. It reads `x` in blocks of `depth` elements of a
row, and adds each block's products to the sums. Blocks keep the weight in the second cache, and
keep rounding errors small, since long sums lose more. All forms of the kernel add in the same
order, so the bits of a row do not depend on the tile or on the number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ir_runtime.device.machine import Machine, code_machine, code_machines
from kernels_mlir.matmul.amx import AmxTile, amx_tile

__all__ = ["Tile", "tile_for", "tile_of_packed", "vector_tile_for"]

LANES = 16
"""Columns in a vector, 64 bytes in float32."""
ROW_BLOCK = 264
"""Rows of `x` that a workgroup processes."""
FEW_ROWS = 16
"""Up to this number of rows, reading the weight limits a call, and workgroups are smaller."""

PREFETCHED = 4096
"""Bytes of a packed weight between its use and its prefetch."""
PREFETCHED_LYING = 128
"""The same for each row of a weight that is not packed."""


@dataclass(frozen=True)
class Tile:
    """The part of a matrix product that is kept in registers, and the order of its operands.

    Attributes:
        rows: rows of the result.
        vectors: vectors of `LANES` columns.
        dot: the instruction that multiplies and adds two neighbours in a row, `vdpbf16ps` or
            `bfdot`, which then are side by side in a packed weight; empty for none.
        machine: what it is for.
    """

    rows: int
    vectors: int
    dot: str
    machine: Machine

    template = "linear"

    @property
    def pairs(self) -> bool:
        """Whether a step of the sum takes two neighbours."""
        return bool(self.dot)

    @property
    def name(self) -> str:
        """A name that differs for each tile, for the variant of a kernel."""
        return f"{self.rows}x{self.columns}{self.dot} {self._panels_most}x{self.machine.cores}"

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

    def parameters(self, out_features: int, *, packed: bool) -> dict[str, Any]:
        """Return the parameters of the template for a weight with so many output features."""
        few = self._panels_each(out_features, packed=packed, few=True)
        streams = 8 if self.vectors > 1 else 4
        return {
            "lanes": LANES,
            "vectors": self.vectors,
            "rows_max": self.rows,
            "tails": self.tails,
            "dot": self.dot,
            "depth": self.depth,
            "row_block": ROW_BLOCK,
            "few_rows": FEW_ROWS,
            "distance": PREFETCHED,
            "distance_lying": PREFETCHED_LYING,
            "panels_few": few,
            "panels_many": self._panels_each(out_features, packed=packed, few=False),
            "streams": {
                rows: wide for rows in (1, 2, 4) if (wide := min(few, streams // rows)) > 1
            },
        }

    def _panels_each(self, out_features: int, *, packed: bool, few: bool) -> int:
        """Return the number of panels that a workgroup takes.

        More panels share one copy of `x`, and are read at once; fewer panels leave work for more
        threads. A weight that is not packed is also copied to the stack, which has room for two
        panels.
        """
        if not packed:
            return 2
        panels, cores = -(-out_features // self.columns), self.machine.cores
        if few:
            return min(8, max(1, panels // (8 * cores)))
        return min(self._panels_most, max(2, panels // (4 * cores)))

    @property
    def _panels_most(self) -> int:
        """Panels whose blocks, with their sums, have room in the second cache."""
        return min(16, max(2, self.machine.l2_bytes >> 16))


def tile_for(dtype: torch.dtype, machine: Machine | None = None) -> Tile | AmxTile:
    """Return the tile for operands of a dtype; `machine` None is the one that code is made for."""
    machine = machine or code_machine()
    if dtype == torch.bfloat16 and machine.has("amx-tile", "amx-bf16", "avx512bf16"):
        return amx_tile(machine)
    return vector_tile_for(dtype, machine)


def vector_tile_for(dtype: torch.dtype, machine: Machine | None = None) -> Tile:
    """Return the tile in vectors, for operands of a dtype on a machine.

    With 32 registers of 64 bytes, 24 of them hold sums. With 16 registers of 32 bytes (AVX2), or
    32 of 16 bytes (NEON), 6 x 16 sums fit.
    """
    machine = machine or code_machine()
    half = dtype == torch.bfloat16
    if machine.cpu.cpu == "x86-64-v4":
        return Tile(12, 2, "vdpbf16ps" if half and machine.has("avx512bf16") else "", machine)
    arm = machine.cpu.triple.startswith("aarch64")
    return Tile(6, 1, "bfdot" if arm and half and machine.has("bf16") else "", machine)


def tile_of_packed(
    shape: tuple[int, ...], dtype: torch.dtype, out_features: int, in_features: int
) -> Tile | AmxTile | None:
    """Return the tile that reads a packed weight of a shape; None if none of this machine does.

    A weight is packed for the machine that code is made for, or for a weaker one whose code runs
    here. Two tiles whose packed weights have one shape read them in the same order.
    """
    sizes = out_features, in_features
    own = tile_for(dtype)
    if own.packed_shape(*sizes) == shape:
        return own
    tiles = (tile_for(dtype, machine) for machine in code_machines())
    return next((tile for tile in tiles if tile.packed_shape(*sizes) == shape), None)
