"""The grid of a row kernel: which rows or columns a workgroup takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from ir_runtime.rows.emit.block import Block
from ir_runtime.rows.emit.row import joined_index
from ir_runtime.rows.emit.workload import product, workload
from ir_runtime.rows.plan import LANES, Plan

__all__ = ["Form", "Grid", "chosen_form", "offered_forms", "usual_form"]

COLUMNS = 2048
"""Columns that a workgroup takes where no number of the whole row is needed; of no machine."""

SHORT = 1024
"""Columns up to which a workgroup takes several rows, as a call of it costs as much as a row."""

MOST_ROWS = 16


@dataclass(frozen=True)
class Form:
    """What may be chosen for a kernel.

    Attributes:
        columns: how many columns a workgroup takes at most, if it takes blocks of a row.
        rows: how many rows a workgroup takes, else.
        streamed: whether results are written past the cache, where they are whole cache lines.
    """

    columns: int = COLUMNS
    rows: int = 1
    streamed: bool = False


def usual_form(plan: Plan, columns: int = COLUMNS) -> Form:
    """Return the form where nothing was measured; `columns` as for `offered_forms`."""
    offered = offered_forms(plan, columns)
    return chosen_form({name: numbers[0] for name, numbers in offered.items()})


def chosen_form(numbers: Mapping[str, int], *, streamed: bool = False) -> Form:
    """Return the form with some of the offered numbers, by name."""
    return dataclasses.replace(Form(streamed=streamed), **numbers)


def offered_forms(plan: Plan, columns: int = COLUMNS) -> dict[str, tuple[int, ...]]:
    """Return the forms of a plan that may be faster, the usual ones first.

    Args:
        plan: the plan.
        columns: how many a workgroup usually takes, if it takes blocks of a row.
    """
    if plan.by_columns:
        return {"columns": (columns, columns // 2, 2 * columns)}
    if plan.graph.segments:
        return {}
    width = max((p.width * max(p.groups, 1) for p in plan.passes), default=1)
    rows = max(1, min(MOST_ROWS, SHORT // width))
    return {"rows": (rows, 1, 4 * rows)} if rows > 1 else {}


@dataclass(frozen=True)
class Grid:
    """The grid of a plan in a form."""

    plan: Plan
    form: Form

    @property
    def blocks(self) -> int:
        """How many workgroups take a row."""
        if not self.plan.by_columns:
            return 1
        return max(-(-self.plan.passes[0].width // self.form.columns), 1)

    @property
    def has_loop(self) -> bool:
        """Whether a workgroup takes several rows; the kernel is told how many there are."""
        return self.form.rows > 1

    def count(self) -> list[str]:
        """Write the numbers of workgroups, in a function of the workload."""
        if self.plan.by_columns:
            lines = [f"%groups = arith.constant {self.blocks} : index"]
            sizes = ["%groups", "%rows", "%one"]
        elif self.has_loop:
            lines = [
                f"%each = arith.constant {self.form.rows} : index",
                "%taken = arith.ceildivui %rows, %each : index",
            ]
            sizes = ["%taken", "%one", "%one"]
        else:
            lines, sizes = [], [*reversed(workload(self.plan.graph)), "%one", "%one"][:3]
        return [
            "%one = arith.constant 1 : index",
            *lines,
            f"hal.return {', '.join(sizes)} : index, index, index",
        ]

    def rows(self) -> list[str]:
        """Write how many rows there are, and which one a workgroup has, or which ones."""
        if self.plan.graph.segments:
            return _segment_lines(len(self.plan.graph.segments))
        id_of, count_of = "hal.interface.workgroup.id", "hal.interface.workgroup.count"
        if self.has_loop:
            return [
                "%all_i32 = hal.interface.constant.load layout(#layout) ordinal(0) : i32",
                "%all = arith.index_castui %all_i32 : i32 to index",
                f"%each = arith.constant {self.form.rows} : index",
                f"%workgroup = {id_of}[0] : index",
                "%first_row = arith.muli %workgroup, %each : index",
                "%past_row = arith.addi %first_row, %each : index",
                "%end_row = arith.minui %past_row, %all : index",
                "%next = arith.constant 1 : index",
            ]
        axis = 1 if self.plan.by_columns else 0
        return [f"%row = {id_of}[{axis}] : index", f"%all = {count_of}[{axis}] : index"]

    def columns(self, body: Block) -> list[str]:
        """Write which columns a workgroup has."""
        if not self.plan.by_columns:
            return []
        width = self.plan.passes[0].width
        columns, end = body.index(-(-width // (self.blocks * LANES)) * LANES), body.index(width)
        return [
            "%group = hal.interface.workgroup.id[0] : index",
            f"%from = arith.muli %group, {columns} : index",
            f"%past = arith.addi %from, {columns} : index",
            f"%to = arith.minui %past, {end} : index",
        ]

    def over_rows(self, lines: list[str]) -> list[str]:
        """Return the lines of a row, for all rows of the workgroup."""
        if not self.has_loop:
            return lines
        head = "scf.for %row = %first_row to %end_row step %next {"
        return [head, *(f"  {line}" for line in lines), "}"]


def _segment_lines(segments: int) -> list[str]:
    id_of, count_of = "hal.interface.workgroup.id", "hal.interface.workgroup.count"
    lines = []
    for n in range(segments):
        axis = segments - 1 - n
        lines += [f"%id{n} = {id_of}[{axis}] : index", f"%count{n} = {count_of}[{axis}] : index"]
    block = Block()
    row = joined_index(block, range(segments))
    lines += [line.replace("%v", "%of_grid") for line in block.lines]
    lines += product("%row", [row.replace("%v", "%of_grid")])
    return lines + product("%all", [f"%count{n}" for n in range(segments)])
