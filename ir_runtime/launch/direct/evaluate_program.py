"""The plan of a whole program: each result gets memory of its own, or that of a changed argument.

The result memories of such a plan are, in this order: those of results in general, those of results
that lie in operands, that of the index report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from ir_runtime.launch.direct.evaluate import Evaluation, known_access
from ir_runtime.launch.direct.known_value import Shape
from ir_runtime.launch.direct.plan import Plan
from ir_runtime.launch.direct.plan_in_place import PlanMemory
from ir_runtime.launch.direct.result_memory import (
    Part,
    find_parts,
    moved_place,
    moved_steps,
    narrowed,
)
from ir_runtime.launch.direct.result_place import ResultPlace, result_places
from ir_runtime.launch.host_program.dispatch_access import NO_ACCESSES, DispatchAccesses
from ir_runtime.launch.host_program.program import HostProgram

__all__ = ["ProgramEffects", "ProgramPlan", "evaluate_program"]


@dataclass(frozen=True)
class ProgramEffects:
    """The results of a program that are not the caller's.

    Attributes:
        changed: for each of the first results, the operand tensor that it is the new content of.
        has_report: whether the last result is an index report.
    """

    changed: tuple[int, ...] = ()
    has_report: bool = False


@dataclass(frozen=True)
class ProgramPlan:
    """The plan of a program, and where its results are.

    Attributes:
        plan: the steps.
        places: of the results, in the memories of the plan; for a number, the number.
        in_place: the results that lie in operands, in the order of their memories.
        has_report: whether the last memory is the index report, and nothing else.
    """

    plan: Plan
    places: tuple[ResultPlace | float, ...]
    in_place: tuple[int, ...]
    has_report: bool


def evaluate_program(
    program: HostProgram,
    shapes: Sequence[Shape],
    dtypes: Sequence[torch.dtype],
    numbers: Sequence[float] = (),
    *,
    effects: ProgramEffects = ProgramEffects(),
    accesses: DispatchAccesses = NO_ACCESSES,
    loaded: Sequence[int] = (),
) -> ProgramPlan:
    """Compute the launches of a call, and the places of its results.

    Args:
        program: the program to launch; it allocates its results.
        shapes: of the operand tensors, which are dense.
        dtypes: of the operand tensors.
        numbers: the numbers of the call, in order.
        effects: the results that are not the caller's. An operand that is changed overlaps no other
            one.
        accesses: what is known of the dispatches.
        loaded: bytes of each loaded buffer.

    Raises:
        ArgumentError, LaunchError, UnreadableProgramError: as `evaluate` does.
    """
    evaluation = Evaluation(program, shapes, dtypes, numbers, loaded)
    given, memory = evaluation.steps()
    places = result_places(program, shapes, dtypes, numbers)
    access = known_access(program, accesses)
    steps = [narrowed(step, lambda one: access(one).extents.of(one.constants)) for step in given]
    sizes = dict(enumerate(memory.result_sizes, memory.operands))
    parts = find_parts(steps, sizes, places)
    owned = [_owned(place, parts) for place in places]
    has_report = effects.has_report and _is_alone(len(places) - 1, places, parts)
    in_place: Mapping[int, int] = {}
    if has_report or not effects.has_report:  # else indices are checked only after the change
        in_place = _in_place(places, owned, effects.changed, shapes, dtypes)

    last = [owned[i] for i in in_place] + ([owned[-1]] if has_report else [])
    ordered = _ordered(parts, places, last)
    sizes_made = [part.size for part in ordered]
    report = memory.operands + len(ordered) - 1 if has_report else None
    made = PlanMemory(memory.operands, sizes_made, memory.transient_sizes, report)
    first = len(ordered) - len(last)
    pairs = [(first + i, operand) for i, operand in enumerate(in_place.values())]
    plan = evaluation.plan(moved_steps(steps, sizes, ordered), made, pairs, access)
    least = (*evaluation.needed[: memory.operands], *made.result_sizes)
    return ProgramPlan(
        replace(plan, minimum_sizes=least),
        tuple(moved_place(p, sizes, ordered) if isinstance(p, ResultPlace) else p for p in places),
        tuple(in_place),
        has_report,
    )


def _ordered(
    parts: Sequence[Part], places: Sequence[ResultPlace | float], last: Sequence[Part | None]
) -> list[Part]:
    """Return memories in the order of their first results, but for the last ones."""
    ordered = [part for part in _by_result(parts, places) if part not in last]
    return ordered + [part for part in last if part is not None]


def _by_result(parts: Sequence[Part], places: Sequence[ResultPlace | float]) -> list[Part]:
    """Return memories in the order of their first results."""
    first = {
        part: next((i for i, place in enumerate(places) if _holds(part, place)), len(places))
        for part in parts
    }
    return sorted(parts, key=first.__getitem__)


def _holds(part: Part, place: ResultPlace | float) -> bool:
    return isinstance(place, ResultPlace) and part.holds(place)


def _owned(place: ResultPlace | float, parts: Sequence[Part]) -> Part | None:
    """Return the memory that a result fills; None if it fills none."""
    if not isinstance(place, ResultPlace):
        return None
    wanted = Part(place.slot, place.offset, place.size_bytes)
    return wanted if wanted in parts else None


def _is_alone(number: int, places: Sequence[ResultPlace | float], parts: Sequence[Part]) -> bool:
    """Tell whether a result fills a memory, and no other result is in it."""
    part = _owned(places[number], parts)
    return part is not None and sum(_holds(part, place) for place in places) == 1


def _in_place(
    places: Sequence[ResultPlace | float],
    owned: Sequence[Part | None],
    changed: Sequence[int],
    shapes: Sequence[Shape],
    dtypes: Sequence[torch.dtype],
) -> Mapping[int, int]:
    """Return which results can lie in which operands: those that fill a memory of that size.

    An operand whose old contents are a result, too, is not written before that result is copied.
    """
    found: dict[int, int] = {}
    returned = {place.slot for place in places if isinstance(place, ResultPlace)}
    for i, operand in enumerate(changed):
        place, part = places[i], owned[i]
        if not isinstance(place, ResultPlace) or place.shape != tuple(shapes[operand]):
            return {}  # the call will be refused; nothing may be written before
        same_size = place.dtype.itemsize == dtypes[operand].itemsize
        taken = part in [owned[earlier] for earlier in found]
        if part is not None and same_size and operand not in returned and not taken:
            found[i] = operand
    return found
