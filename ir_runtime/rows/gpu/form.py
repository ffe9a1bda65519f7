"""How threads share the rows of a plan: `GpuForm`, and the rules that choose it.

A thread takes vectors of a row. Where sums need a whole row, the threads of a row are a team: a
part of a workgroup for short rows, and all of it for long ones. A width that threads do not divide
is masked. All numbers of a row are in registers, so memory is passed once. Where nothing joins the
columns of a row, each thread takes one vector of any row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ir_runtime.errors import UnsupportedOperatorError
from ir_runtime.rows.gpu.chip import Chip
from ir_runtime.rows.plan import Plan
from ir_runtime.rows.value import Value

__all__ = ["Division", "GpuForm", "gpu_form"]

FLAT_THREADS = 256
"""Threads of a workgroup that takes vectors of any row."""

SHORT_THREADS = 256
"""Threads of a workgroup that takes several rows."""

USUAL_THREADS = 512
"""Threads of a workgroup that takes one row, if the row is not so long that it needs more."""

STEPS = 2
"""Vectors of a thread from which on another thread is better."""

SHORT_STEPS = 4
"""Vectors of a thread up to which a row has the threads of one subgroup."""


@dataclass(frozen=True)
class Division:
    """How the threads of a row take its groups, or the row as one group.

    Attributes:
        units: groups of a row, 1 for the row itself.
        threads: threads of a unit.
        turns: how often a thread goes on to another unit.
    """

    units: int
    threads: int
    turns: int


@dataclass(frozen=True)
class GpuForm:
    """What a thread of a kernel takes.

    Attributes:
        lanes: elements of a vector.
        threads: threads of a workgroup.
        team: threads of a row.
        flat: whether a workgroup takes vectors of any row, else whole rows.
        divisions: by number of groups, 0 for the whole row.
    """

    lanes: int
    threads: int
    team: int
    flat: bool
    divisions: tuple[tuple[int, Division], ...]

    @property
    def rows(self) -> int:
        """How many rows a workgroup takes, if they are whole."""
        return self.threads // self.team

    def division(self, groups: int) -> Division:
        """Return the division of a row into some groups."""
        return dict(self.divisions)[groups]

    def steps(self, groups: int, width: int) -> int:
        """Return how many vectors of a unit a thread has."""
        return -(-width // (self.lanes * self.division(groups).threads))

    def words(self) -> str:
        """Return the form in words."""
        vector = f"vectors of {self.lanes}"
        if self.flat:
            return f"one dispatch, a thread a vector, {vector}"
        rows = "a workgroup a row" if self.rows == 1 else f"{self.rows} rows a workgroup"
        return f"one dispatch, {rows}, {self.threads} threads, {vector}, rows in registers"


@dataclass(frozen=True)
class _Unit:
    """The vectors of a group of columns, and whether numbers of the group are needed."""

    vectors: int
    joins: bool


def gpu_form(plan: Plan, chip: Chip) -> GpuForm:
    """Choose how threads share the rows of a plan.

    Raises:
        UnsupportedOperatorError: the chip has no such kernel, with the reason.
    """
    why = chip.refusal(plan.graph)
    if why:
        raise UnsupportedOperatorError(f"no row kernel: {why}")
    lanes = _lanes(plan, chip)
    units: dict[int, _Unit] = {}
    for p in plan.passes:
        vectors = max(-(-p.width // lanes), units[p.groups].vectors if p.groups in units else 1)
        joins = bool(p.reductions) or (p.groups in units and units[p.groups].joins)
        units[p.groups] = _Unit(vectors, joins)
    units = units or {0: _Unit(1, joins=False)}
    numbers = any(r.width == 1 for r in plan.graph.results)
    if len(units) == 1 and not numbers and not any(u.joins for u in units.values()):
        ((groups, unit),) = units.items()
        count = max(groups, 1)
        division = Division(count, unit.vectors, 1)
        team = count * unit.vectors
        threads = min(FLAT_THREADS, chip.threads)
        return GpuForm(lanes, threads, team, flat=True, divisions=((groups, division),))
    return _team_form(units, lanes, chip)


def _team_form(units: dict[int, _Unit], lanes: int, chip: Chip) -> GpuForm:
    most = max(chip.numbers // lanes, 1)
    shared = {g: _unit_threads(u, chip) for g, u in units.items() if g}
    slots = {g: g * count for g, count in shared.items()}
    row = units[0].vectors if 0 in units else 0
    team = _team(max([row, *slots.values()]), chip, joins=any(u.joins for u in units.values()))
    divisions: dict[int, Division] = {}
    for groups, unit in units.items():
        threads = shared.get(groups, team)
        turns = -(-max(groups, 1) * threads // team)
        steps = turns * -(-unit.vectors // threads)
        if steps > most:
            width = max(groups, 1) * unit.vectors * lanes
            raise UnsupportedOperatorError(
                f"no row kernel: a row of {width} columns does not fit into registers"
            )
        divisions[groups] = Division(max(groups, 1), threads, turns)
    subgroup = _subgroup(chip)
    workgroup = min(SHORT_THREADS, chip.threads) if team <= subgroup else team
    return GpuForm(lanes, workgroup, team, flat=False, divisions=tuple(sorted(divisions.items())))


def _subgroup(chip: Chip) -> int:
    """Return how many threads exchange numbers cheaply."""
    return chip.subgroup if chip.subgroup > 1 else 32


def _unit_threads(unit: _Unit, chip: Chip) -> int:
    """Return the threads of a group: a power of two if they join numbers."""
    if not unit.joins:
        return unit.vectors
    return min(_power_of_two(unit.vectors), _subgroup(chip))


def _team(vectors: int, chip: Chip, *, joins: bool) -> int:
    """Return the threads of a row of some vectors."""
    subgroup = _subgroup(chip)
    if vectors <= subgroup * SHORT_STEPS:
        return min(_power_of_two(vectors), subgroup)
    most = min(USUAL_THREADS, chip.threads)
    if vectors > most * (chip.numbers // 16):
        most = chip.threads
    threads = min(-(-vectors // STEPS), most)
    if chip.subgroup == 1 and joins:
        return min(_power_of_two(threads), most)
    steps = -(-vectors // threads)
    return -(-vectors // (steps * 64)) * 64


def _power_of_two(number: int) -> int:
    """Return the least power of two that is not below a number."""
    return 1 << (number - 1).bit_length()


def _lanes(plan: Plan, chip: Chip) -> int:
    """Return the elements of a vector: 16 bytes of the narrowest dtype, where they are aligned.

    All columns from which vectors are read or written are multiples of it, and so are all widths.
    """
    graph = plan.graph
    sizes = [16]
    items = [4]
    for v in graph.values():
        if v.op == "input" and v.kind == "lanes":
            source = graph.inputs[v.source]
            items.append(source.dtype.itemsize)
            sizes += _extent(v)
            sizes.append(source.width if source.has_rows else 0)
    for p in plan.passes:
        for store in p.stores:
            result = graph.results[store.result]
            if store.value.width > 1:
                items.append(result.dtype.itemsize)
                sizes += [result.width, store.at, store.step, store.width]
        sizes += [p.width] if p.width > 1 else []
    widest = 16 // min(items)
    if any(v.stride > 1 or v.op == "interleave" for v in graph.values()):
        widest = min(widest, chip.lanes // 2)  # a vector of pairs has twice as many
    return math.gcd(*sizes, min(widest, chip.lanes))


def _extent(v: Value) -> list[int]:
    """Return the first column of an input's vectors, their width, and the distance of groups."""
    return [v.at - v.at % v.stride, v.width, v.step]
