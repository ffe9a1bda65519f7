"""The index report of a program, and the IndexError for an index out of range.

A program that takes indices has one more result, its last: the index report. It has a row for each
check: the least and greatest index, the lowest index allowed, the size of the indexed dimension.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import IndexOutOfRangeError, IrRuntimeError
from ir_runtime.frozen import frozen

__all__ = [
    "COLUMNS",
    "REFLECTION",
    "ZERO_SIZE",
    "IndexReport",
    "refuse_indices",
    "report_of_source",
    "zero_size_fault",
]

COLUMNS = 4
REFLECTION = "ir_runtime.indices"
"""Name of the reflection attribute that describes the rows of the report, as JSON."""
ZERO_SIZE = "indices of a dimension without elements: "
"""Start of the assertion message for indices into a dimension of size 0."""

_STATED = re.compile(rb'ir_runtime\.indices = "((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(rb"\\([0-9A-Fa-f]{2}|\\)")


@frozen
class IndexReport:
    """The description of the rows of an index report.

    Attributes:
        facts: for each row: `op`, the operator that takes the index; `argument`, the name of the
            argument that holds the index, if it is an argument; `of`, the op of that argument;
            `at`, the line of the user's code; `limit`, the limit in words, if it is no size.
    """

    facts: tuple[Mapping[str, Any], ...]

    @classmethod
    def from_text(cls, text: str) -> IndexReport:
        """Read the description from the reflection of an entry function."""
        return cls(tuple(json.loads(text)))

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the result that holds the rows."""
        return (len(self.facts), COLUMNS)

    def tensor(self, device: torch.device | str = "cpu") -> Tensor:
        """Return an uninitialised tensor for the rows."""
        return torch.empty(self.shape, dtype=torch.int64, device=device)

    def raise_fault(self, name: str, rows: Sequence[Sequence[int]]) -> None:
        """Raise IndexOutOfRangeError if a row has an index out of range.

        Args:
            name: of the op or program.
            rows: the report.
        """
        for facts, (least, greatest, lowest, size) in zip(self.facts, rows, strict=True):
            if least >= lowest and greatest < size:
                continue
            below, above = lowest - least, greatest - (size - 1)
            raise _fault(name, facts, least if below >= above else greatest, lowest, size)


def refuse_indices(
    op: str, argument: str, index: Tensor, size: int, *, lowest: int = 0, limit: str | None = None
) -> None:
    """Check an index tensor before the call, and raise the error of a kernel.

    Args:
        op: name of the op.
        argument: the name of the index tensor.
        index: integers; each must be in `lowest..size - 1`.
        size: of the indexed dimension.
        lowest: the lowest index allowed.
        limit: the limit in words, if it is no size.

    Raises:
        IndexOutOfRangeError: an index is out of range.
    """
    if index.numel():
        least, greatest = (int(bound) for bound in torch.aminmax(index))
        facts = {"op": op, "argument": argument, **({} if limit is None else {"limit": limit})}
        IndexReport((facts,)).raise_fault(op, [(least, greatest, lowest, size)])


def count_faults(rows: Tensor) -> int:
    """Return how many rows have an index out of range."""
    return int(faults_in(rows))


def faults_in(rows: Tensor) -> Tensor:
    """Return how many rows have an index out of range, as a tensor on their device."""
    least, greatest, lowest, size = rows.unbind(1)
    return ((least < lowest) | (greatest >= size)).sum()


def report_of_source(source: bytes) -> IndexReport | None:
    """Return the description of a program's index report from its MLIR; None if it has none."""
    found = _STATED.search(source) if REFLECTION.encode() in source else None
    if found is None:
        return None
    text = _ESCAPED.sub(
        lambda m: b"\\" if m[1] == b"\\" else bytes.fromhex(m[1].decode()), found[1]
    )
    return IndexReport.from_text(text.decode())


def zero_size_fault(name: str, message: str) -> IrRuntimeError | None:
    """Return the error for indices into a dimension of size 0; None for other assertions."""
    _, found, rest = message.partition(ZERO_SIZE)
    if not found:
        return None
    facts = json.JSONDecoder().raw_decode(rest)[0]
    return _fault(name, facts, None, 0, 0)


def _fault(
    name: str, facts: Mapping[str, Any], index: int | None, lowest: int, size: int
) -> IndexOutOfRangeError:
    argument, owner = facts.get("argument"), facts.get("of")
    what = "an index" if argument is None else f"`{argument}`"
    if owner is not None and owner != name:
        what += f" of {owner}"
    says = "has indices" if index is None else f"has {index}" if argument else f"is {index}"
    wanted = f"in {lowest}..{size - 1}" if size > lowest else "empty"
    limit = facts.get("limit", f"for a dimension of size {size}")
    comma = "," if "limit" in facts else ""
    place = f" at {facts['at']}" if "at" in facts else ""
    return IndexOutOfRangeError(
        f"{name}: {what} {says}, must be {wanted}{comma} {limit}",
        facts=[f"in {facts['op']}{place}"] if facts["op"] != name else [],
        argument=argument,
        index=index,
        size=size,
    )
