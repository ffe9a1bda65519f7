"""The forms of attention on CPUs: the instructions that multiply, and the sizes of their blocks.

All forms take any length, any grouping of heads, and any number of channels.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import torch

from ir_runtime.device.machine import Machine, code_machine

__all__ = ["AmxForm", "PairForm", "VectorForm", "form_for"]

POWER4 = (1.00000259, 0.693003836, 0.241442753, 0.0520114639, 0.0135341676)
"""2 to the power of 0..1 as a polynomial, of an error of 3e-6, far below that of bfloat16."""

POWER6 = (1.0, 0.693147044, 0.240229306, 0.0554852806, 0.00967545171, 0.0012467845, 0.000216129204)
"""The same of an error of 2e-9, and exact at 0."""

CHANNELS, KEYS = 32, 64
"""Numbers of a part of a sum. Of the channels, half is a part if that is less, but at least 16."""

UNIT = 24
"""Query rows by which cores share the work, in float32 vectors."""

ALIASED = 64
"""Lines of 64 bytes after which the last 12 bits of an address repeat."""

STEP = 32
"""Keys that are packed and multiplied together, in bfloat16."""

SCORE_BYTES = 6
"""Bytes of a score in float32 and a probability in bfloat16."""

PAIR_TILE, PAIR_ROWS = 8, 24
"""Query rows of a tile of sums and of a block, in products of pairs."""

TILE_FEW = 4
"""Query rows of a tile of rows that are too few for others, with AVX-512."""

PAIR_PART = 16
"""A block's scores and probabilities fill a 16th of the second cache, in products of pairs: with
fewer blocks, sums are loaded and stored less often, and scores are read in order."""


@dataclass(frozen=True)
class AmxForm:
    """Attention in AMX tiles, for bfloat16.

    Attributes:
        block: keys of a block, whose scores and probabilities are in the first cache.
        workers: workgroups; each has a part of the scratch buffer.
    """

    block: int
    workers: int

    template = "attention_amx"
    rows = 32

    @property
    def name(self) -> str:
        """A name that differs for each choice of sizes, for the variant of a kernel."""
        return f"amx{self.block}x{self.workers}"

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the template."""
        return {
            "form": self.template,
            "rows": self.rows,
            "unit": self.rows,
            "block": self.block,
            "workers": self.workers,
            "polynomial": POWER4,
        }


@dataclass(frozen=True)
class PairForm:
    """Attention in products of pairs of bfloat16, `vdpbf16ps`, for CPUs without AMX.

    Attributes:
        block: keys of a block.
        workers: workgroups; each has a part of the scratch buffer.
        tile_rows: query rows of a tile in registers, 32 keys or channels wide.
        rows: query rows of a block, whole tiles.
    """

    block: int
    workers: int
    tile_rows: int = PAIR_TILE
    rows: int = PAIR_ROWS

    template = "attention_pairs"

    @property
    def name(self) -> str:
        """A name that differs for each choice of sizes, for the variant of a kernel."""
        return f"vdpbf16ps {self.tile_rows}x32 {self.rows}x{self.block}x{self.workers}"

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the template."""
        return {
            "form": self.template,
            "tile_rows": self.tile_rows,
            "tile_few": TILE_FEW,
            "rows": self.rows,
            "unit": self.rows,
            "block": self.block,
            "workers": self.workers,
            "polynomial": POWER4,
        }


@dataclass(frozen=True)
class VectorForm:
    """Attention in float32 vectors; other dtypes are converted as they are packed.

    Attributes:
        tile_rows: query rows of a tile in registers.
        vectors: vectors of 16 numbers in a row of a tile.
        rows: query rows of a block, whole tiles.
        block: keys of a block.
        workers: workgroups; each has a part of the scratch buffer.
        wide: whether the CPU has AVX-512.
    """

    tile_rows: int
    vectors: int
    rows: int
    block: int
    workers: int
    wide: bool

    template = "attention_vectors"

    @property
    def name(self) -> str:
        """A name that differs for each choice of sizes, for the variant of a kernel."""
        tile = f"{self.tile_rows}x{16 * self.vectors} {self.rows}x{self.block}x{self.workers}"
        return f"avx512 {tile}" if self.wide else tile

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the template."""
        return {
            "form": self.template,
            "tile_rows": self.tile_rows,
            "tile_few": TILE_FEW if self.wide else 2,
            "vectors": self.vectors,
            "rows": self.rows,
            "unit": UNIT,
            "block": self.block,
            "channels": CHANNELS,
            "keys": KEYS,
            "workers": self.workers,
            "wide": self.wide,
            "apart": self.lines_apart,
            "polynomial": POWER6,
        }

    def lines_apart(self, lines: int) -> int:
        """Return how many lines of 64 bytes apart rows of so many lines are laid.

        No two addresses of a tile may be equal in their last 12 bits, because Intel's CPUs take a
        read for one of what was just written, and wait for it.
        """
        width = self.vectors

        def near(apart: int) -> bool:
            between = ((row * apart) % ALIASED for row in range(1, self.tile_rows))
            return any(n < width or n > ALIASED - width for n in between)

        return next(n for n in itertools.count(lines) if not near(n))


def form_for(
    dtype: torch.dtype,
    machine: Machine | None = None,
    window: int | None = None,
    *,
    causal: bool = False,
) -> AmxForm | PairForm | VectorForm:
    """Return the form for a call.

    Args:
        dtype: of the operands.
        machine: where it runs; None for the machine that code is made for.
        window: keys that a token sees, None for all.
        causal: whether a token sees no later ones.
    """
    machine = machine or code_machine()
    rows, keys = (UNIT, 128) if causal else _encoder_block(machine)
    if dtype == torch.bfloat16 and machine.has("avx512bf16"):
        if machine.has("amx-tile", "amx-bf16"):
            block = _whole_steps(machine.l1_bytes // (AmxForm.rows * SCORE_BYTES))
            return AmxForm(block, machine.cores)
        if machine.cpu.cpu == "x86-64-v4":
            block = _whole_steps(machine.l2_bytes // PAIR_PART // (PAIR_ROWS * SCORE_BYTES))
            return PairForm(_within(block, window), machine.cores)
    if machine.cpu.cpu == "x86-64-v4":
        return VectorForm(12, 2, rows, keys, machine.cores, wide=True)
    return VectorForm(6, 1, rows, keys, machine.cores, wide=False)


def _encoder_block(machine: Machine) -> tuple[int, int]:
    """Return the query rows and keys of a block whose scores are in the second cache.

    All packed keys and values are read once for each block of rows; those of a long sequence are
    not in the second cache. Causal attention computes scores that no row of a block sees, so its
    blocks are small.
    """
    units = min(4, max(1, machine.l2_bytes >> 18))
    return units * UNIT, 256


def _whole_steps(keys: int) -> int:
    return max(1, keys // STEP) * STEP


def _within(block: int, window: int | None) -> int:
    """Return fewer keys for a short window: on average half a block before it is computed, too."""
    return block if window is None else min(block, max(2 * STEP, _whole_steps(window // 4)))
