"""`Block`: the lines of a region of MLIR, and the values that they compute."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Callable, Iterator
from typing import Any

from ir_runtime.rows.plan import LANES

__all__ = ["F64", "INDICES", "LANE", "MASK", "Block", "Say", "number", "vector_of"]

LANE, F64, MASK = f"vector<{LANES}xf32>", f"vector<{LANES}xf64>", f"vector<{LANES}xi1>"
INDICES = f"vector<{LANES}xi32>"

Say = Callable[..., str]
"""Adds an operation: takes its text and its type, returns the name of its result."""


class Block:
    """The lines of a region.

    Attributes:
        lines: the lines, without indentation.
    """

    def __init__(self, outer: Block | None = None) -> None:
        self.lines: list[str] = []
        self._outer = outer
        self._numbers: Iterator[int] = outer._numbers if outer else itertools.count()
        self._known: dict[Any, str] = {}

    def name(self) -> str:
        """Return a new name."""
        return f"%v{next(self._numbers)}"

    def say(self, text: str, kind: str = "") -> str:
        """Add an operation with one result, and return the result's name."""
        name = self.name()
        self.lines.append(f"{name} = {text}" + (f" : {kind}" if kind else ""))
        return name

    def once(self, key: Any, make: Callable[[], str]) -> str:
        """Return the value of a key, which this block or one around it computed; else make it."""
        block: Block | None = self
        while block is not None:
            if key in block._known:
                return block._known[key]
            block = block._outer
        return self._known.setdefault(key, make())

    def index(self, value: int) -> str:
        """Return a constant index."""
        return self.once(("index", value), lambda: self.say(f"arith.constant {value}", "index"))


def vector_of(kind: str, times: int = 1) -> str:
    """Return the type of a vector of an element type, or of one that is `times` as long."""
    return f"vector<{times * LANES}x{kind}>"


def number(x: float, bits: int) -> str:
    """Write a float exactly, as MLIR reads it."""
    if math.isfinite(x):
        if bits == 32 and abs(x) > 3.4028235677973366e38:
            x = math.copysign(math.inf, x)
        else:
            return f"{x:.17e}"
    form, code = ("<f", "<I") if bits == 32 else ("<d", "<Q")
    (pattern,) = struct.unpack(code, struct.pack(form, x))
    return f"0x{pattern:0{bits // 4}X}"
