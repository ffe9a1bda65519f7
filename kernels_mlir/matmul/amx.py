"""The sizes of a matrix product in AMX tiles: blocks that fit the caches of a CPU.

A tile has 16 rows of 64 bytes; a product of tiles takes 32 elements of a row, one step. Four tiles
of sums are 32 rows and one panel of 32 columns. The numbers below were measured on Sapphire Rapids,
and are written as parts of its caches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ir_runtime.device.machine import Machine

__all__ = ["AmxTile", "amx_tile"]

STEP_BYTES = 2048
"""Bytes of a step: two tiles."""
SUM_BYTES = 4096
"""Bytes of four tiles of sums."""
ROWS = 32
"""Rows of the result in four tiles; up to this number, reading the weight limits a call."""
ROW_TILES = 8
"""Rows of tiles of a part: they share the block of the weight in the first cache."""
COPIED_STEPS = 16
"""Steps of a row of tiles that a workgroup copies into tiles."""
PREFETCHED = 4096
"""Bytes of the weight between its use and its prefetch, where reading it limits a call."""

PREFETCHED_LYING = 128
"""The same for each row of a weight that is not packed."""


@dataclass(frozen=True)
class AmxTile:
    """A matrix product in AMX tiles.

    Attributes:
        block: steps of a block. That of a panel and that of a row of tiles are in the first cache
            together.
        panels_many: most panels of a part, whose sums are in the second cache.
        workers: workgroups of a product that has blocks; each has a buffer of sums.
    """

    block: int
    panels_many: int
    workers: int

    template = "linear_amx"
    columns = 32
    per = 2
    pairs = True

    @property
    def name(self) -> str:
        """A name that differs for each choice of sizes, for the variant of a kernel."""
        return f"amx{self.block}x{self.panels_many}x{self.workers}"

    def packed_shape(self, out_features: int, in_features: int) -> tuple[int, int, int]:
        """Return the shape of a packed weight: panels, pairs in whole steps, columns."""
        return -(-out_features // self.columns), -(-in_features // 32) * 16, 64

    def parameters(self, out_features: int, *, packed: bool) -> dict[str, Any]:
        """Return the parameters of the template for a weight with so many output features."""
        del packed
        panels = -(-out_features // self.columns)
        return {
            "few_rows": ROWS,
            "rows_each": ROW_TILES,
            "panels_few": min(4, max(1, panels // 32)),
            "panels_many": min(self.panels_many, max(1, panels // (2 * self.workers))),
            "block": self.block,
            "workers": self.workers,
            "tile_steps": COPIED_STEPS,
            "distance": PREFETCHED,
            "distance_lying": PREFETCHED_LYING,
        }


def amx_tile(machine: Machine) -> AmxTile:
    """Return the sizes for a machine with AMX."""
    block = max(4, machine.l1_bytes * 2 // 3 // (2 * STEP_BYTES))
    rows_bytes = ROW_TILES * block * STEP_BYTES
    panels = (machine.l2_bytes // 3 - rows_bytes) // (ROW_TILES * SUM_BYTES)
    return AmxTile(block, 1 << (max(1, panels).bit_length() - 1), machine.cores)
