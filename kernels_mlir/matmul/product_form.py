"""The sizes of the kernel `product`: how it reads integers, and the parts that workgroups take."""

from __future__ import annotations

from typing import Any

import torch

from ir_runtime.device.machine import Machine, code_machine
from ir_runtime.dtypes import dtype_info
from ir_runtime.frozen import frozen
from kernels_mlir.matmul.amx import AmxTile
from kernels_mlir.matmul.quantized_layout import BYTE_ROWS, COLUMNS, WORD_ROWS
from kernels_mlir.matmul.tile import (
    FEW_ROWS,
    LANES,
    PREFETCHED,
    ROW_BLOCK,
    Tile,
    tile_for,
    tile_of_packed,
    vector_tile_for,
)

__all__ = ["AmxForm", "FloatForm", "IntegerForm", "float_form", "integer_form"]

STACKED_PANELS = 2
"""Panels whose numbers have room on the stack of a workgroup."""
DIRECT_ROWS = (1, 2, 3, 4)
"""Numbers of rows for which integers become numbers in registers."""
PAIR_PRODUCT = "vdpbf16ps"
AMX_ROWS = 32
"""Up to this number of rows, vectors multiply integers also where there are AMX tiles."""
STREAMS, NARROW_STREAMS = 8, 4
"""Blocks of columns times rows that are multiplied at once, for vectors of 64 bytes and less."""


@frozen
class IntegerForm:
    """A product with integers of 8 or 4 bits.

    Attributes:
        bits: 8 or 4.
        tile: the tile in registers.
        machine: what it is for.
    """

    bits: int
    tile: Tile
    machine: Machine

    template = function = "product"

    @property
    def name(self) -> str:
        """A name that differs for each choice of sizes, for the variant of a kernel."""
        return f"w{self.bits} {self.tile.name}"

    @property
    def per(self) -> int:
        """Elements of a row in one unit of `x`: two where pairs of bf16 are multiplied."""
        return 2 if self.tile.dot == PAIR_PRODUCT else 1

    def depth(self, in_features: int, group: int) -> int:
        """Return the elements of a row in a block: whole groups, or whole parts of a group."""
        most = 192 * self.per
        if group == in_features:
            return most
        if group <= most:
            return group * (most // group)
        return next(d for d in range(most, 0, -COLUMNS) if d % COLUMNS == 0 and group % d == 0)

    def parameters(self, out_features: int, in_features: int, group: int) -> dict[str, Any]:
        """Return the parameters of the template for a weight with so many packed features."""
        tile, panels = self.tile, -(-out_features // COLUMNS)
        ratio = COLUMNS // tile.columns
        few = min(STREAMS, max(1, panels // (4 * self.machine.cores)))
        streams = STREAMS if tile.vectors > 1 else NARROW_STREAMS
        depth = self.depth(in_features, group)
        weight = _integers(self.bits, out_features, in_features)
        return weight | {
            "pairs": False,
            "lookup": tile.vectors > 1,
            "dot": self.per == 2,
            "vectors": tile.vectors,
            "width": COLUMNS,
            "panels": panels,
            "group": group,
            "inner": depth if group == in_features else min(group, depth),
            "depth": depth,
            "step_bytes": COLUMNS * weight["step"] * self.bits // 8,
            "rows_max": tile.rows,
            "tails": tile.tails,
            "row_block": ROW_BLOCK,
            "few_rows": DIRECT_ROWS[-1],
            "stacked_panels": STACKED_PANELS,
            "blocks_few": few * ratio,
            "blocks_many": STACKED_PANELS * ratio,
            "streams": {rows: max(1, min(few * ratio, streams // rows)) for rows in DIRECT_ROWS},
            "distance": PREFETCHED,
            "workers": self.machine.cores,
        }


@frozen
class AmxIntegerForm:
    """A product of many rows with integers, which become bf16 for AMX tiles, block by block.

    Attributes:
        bits: 8 or 4.
        tile: its sizes.
    """

    bits: int
    tile: AmxTile

    template, function = "linear_amx", "linear"

    @property
    def name(self) -> str:
        """A name that differs for each choice of sizes, for the variant of a kernel."""
        return f"w{self.bits} {self.tile.name}"

    def parameters(self, out_features: int, in_features: int, group: int) -> dict[str, Any]:
        """Return the parameters of the template for a weight with so many packed features."""
        weight = _integers(self.bits, out_features, in_features)
        own = self.tile.parameters(out_features, packed=False)
        fixed = {"packed": False, "finished": True, "rows_of_w": out_features, "width": COLUMNS}
        return own | weight | fixed | {"group": group, "lookup": True, "dot": False, "pairs": False}


def _integers(bits: int, out_features: int, in_features: int) -> dict[str, Any]:
    """Return the parameters of the weight, for all forms."""
    panels = -(-out_features // COLUMNS)
    step = BYTE_ROWS if bits == 8 else WORD_ROWS
    steps = -(-in_features // step)
    shape = (panels, steps * 2 if bits == 8 else steps, COLUMNS)
    return {
        "form": f"w{bits}",
        "w_shape": "x".join(map(str, shape)),
        "w_element": "i8" if bits == 8 else "i32",
        "panel_steps": steps,
        "step": step,
    }


@frozen
class FloatForm:
    """A product with a packed float weight.

    Attributes:
        tile: the tile in registers, in whose order the weight is packed.
        shape: that of the packed weight.
    """

    tile: Tile
    shape: tuple[int, int, int]

    template = function = "product"

    @property
    def name(self) -> str:
        """A name that differs for each choice of sizes, for the variant of a kernel."""
        return f"float {self.tile.name}"

    def parameters(
        self, out_features: int, in_features: int, dtype: torch.dtype, *, gated: bool
    ) -> dict[str, Any]:
        """Return the parameters of the template for a weight with so many packed features."""
        tile = self.tile
        own = tile.parameters(out_features, packed=True)
        pair = 2 if gated and tile.vectors == 1 else 1  # a gate and its factor are in two panels
        shape = self.shape
        few, many = (-(-own[name] // pair) * pair for name in ("panels_few", "panels_many"))
        return {
            "form": "float",
            "w_shape": "x".join(map(str, shape)),
            "panel_steps": shape[1],
            "w_element": dtype_info(dtype).mlir,
            "pairs": tile.pairs,
            "lookup": False,
            "dot": tile.dot == PAIR_PRODUCT,
            "vectors": tile.vectors,
            "width": tile.columns,
            "panels": shape[0],
            "group": in_features,
            "inner": tile.depth,
            "depth": tile.depth,
            "step": tile.per,
            "step_bytes": tile.columns * tile.per * dtype.itemsize,
            "rows_max": tile.rows,
            "tails": tile.tails,
            "row_block": ROW_BLOCK,
            "few_rows": FEW_ROWS,
            "stacked_panels": 1,
            "blocks_few": few,
            "blocks_many": many,
            "streams": own["streams"],
            "distance": PREFETCHED,
            "workers": tile.machine.cores,
        }


@frozen
class AmxForm:
    """A product with a packed weight in AMX tiles.

    Attributes:
        tile: its sizes.
    """

    tile: AmxTile

    template, function = "linear_amx", "linear"

    @property
    def name(self) -> str:
        """A name that differs for each choice of sizes, for the variant of a kernel."""
        return self.tile.name

    def parameters(
        self, out_features: int, in_features: int, dtype: torch.dtype, *, gated: bool
    ) -> dict[str, Any]:
        """Return the parameters of the template for a weight with so many packed features."""
        del in_features, dtype, gated
        own = self.tile.parameters(out_features, packed=True)
        fixed = {"packed": True, "finished": True, "rows_of_w": out_features, "width": COLUMNS}
        return own | fixed


def integer_form(
    bits: int, dtype: torch.dtype, machine: Machine | None = None, rows: Any = None
) -> IntegerForm | AmxIntegerForm:
    """Return the form for rows of a dtype.

    Args:
        bits: 8 or 4.
        dtype: of the rows.
        machine: the machine; None for the one that code is made for.
        rows: how many there are, for AMX tiles; none if that is not known.
    """
    machine = machine or code_machine()
    tile = tile_for(dtype, machine)
    if isinstance(tile, AmxTile) and type(rows) is int and rows > AMX_ROWS:
        return AmxIntegerForm(bits, tile)
    return IntegerForm(bits, vector_tile_for(dtype, machine), machine)


def float_form(
    shape: tuple[int, ...], dtype: torch.dtype, rows: int, in_features: int
) -> FloatForm | AmxForm | None:
    """Return the form that reads a packed weight of so many rows; None if this machine has none."""
    found = tile_of_packed(shape, dtype, rows, in_features)
    if found is None:
        return None
    panels, steps, width = shape
    return (
        AmxForm(found) if isinstance(found, AmxTile) else FloatForm(found, (panels, steps, width))
    )


assert LANES == COLUMNS // 2, "a panel has two vectors"
