"""The memories of a program's results: one for each result, where the steps permit it.

IREE packs results into one allocation, and each dispatch gets all of it. If the part of it that a
dispatch uses is known, and holds one result, that result can lie anywhere: the dispatch gets an
address so far before the result (`Binding.lead`) that its own offset leads to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ir_runtime.launch.direct.plan import Binding, Copy, Dispatch, Fill, Step
from ir_runtime.launch.direct.plan_rewrite import spans_of
from ir_runtime.launch.direct.result_place import ResultPlace

__all__ = ["Part", "find_parts", "moved_place", "moved_steps", "narrowed"]

_ALIGNMENT = 64


@dataclass(frozen=True)
class Part:
    """A part of a memory that becomes a memory of its own.

    Attributes:
        slot: of the memory that it is a part of.
        begin: where it begins there, in bytes.
        size: in bytes.
    """

    slot: int
    begin: int
    size: int

    def holds(self, place: ResultPlace) -> bool:
        """Tell whether a result is in this part; one without elements is in one without bytes."""
        if not place.size_bytes:
            return self == Part(place.slot, place.offset, 0)
        return self.slot == place.slot and 0 <= place.offset - self.begin < self.size


def narrowed(
    step: Step, extents: Callable[[Dispatch], Mapping[int, Sequence[tuple[int, int]]]]
) -> Step:
    """Return a step whose bindings are no longer than what its code uses of them.

    Args:
        step: of a plan.
        extents: returns the known spans of the bindings of a dispatch: offset and length.
    """
    if not isinstance(step, Dispatch):
        return step
    known = extents(step)
    bindings = (_narrowed(span, known.get(i)) for i, span in enumerate(step.bindings))
    return replace(step, bindings=tuple(bindings))


def _narrowed(span: Binding, known: Sequence[tuple[int, int]] | None) -> Binding:
    used = [(offset, offset + length) for offset, length in known or () if length]
    if known is None or any(end > span.length for _, end in used):
        return span
    if not used:
        return Binding(span.slot, 0, 0)
    lead = min(begin for begin, _ in used) // _ALIGNMENT * _ALIGNMENT
    length = max(end for _, end in used) - lead
    return Binding(span.slot, span.offset + lead, length, span.lead + lead)


def find_parts(
    steps: Sequence[Step], sizes: Mapping[int, int], places: Sequence[ResultPlace | float]
) -> list[Part]:
    """Find the parts of result memories that no step uses together.

    Args:
        steps: of a plan.
        sizes: bytes of each result memory, by slot.
        places: of the results. One without elements gets a part of its own, without bytes.

    Returns:
        Parts that hold all that the steps use of these memories, in order.
    """
    used: dict[int, list[tuple[int, int]]] = {slot: [] for slot in sizes}
    for span in (span for step in steps for span in spans_of(step)):
        if span.slot in used and span.length:
            used[span.slot].append((span.offset, span.offset + span.length))
    found: list[Part] = []
    for slot, size in sizes.items():
        here = [p for p in places if isinstance(p, ResultPlace) and p.slot == slot]
        held = [(p.offset, p.offset + p.size_bytes) for p in here if p.size_bytes]
        spans = [*held, *used[slot]]
        starts = sorted({begin for begin, _ in held if begin % _ALIGNMENT == 0} - {0})
        cuts = [cut for cut in starts if not any(b < cut < e for b, e in spans)]
        for begin, bound in itertools.pairwise([0, *cuts, size]):
            end = max((e for b, e in spans if begin <= b < e <= bound), default=begin)
            found += [Part(slot, begin, end - begin)] if end > begin else []
        found += [Part(slot, p.offset, 0) for p in here if not p.size_bytes]
    return found


def moved_steps(
    steps: Sequence[Step], sizes: Mapping[int, int], parts: Sequence[Part]
) -> list[Step]:
    """Return the steps with parts as result memories.

    Args:
        steps: of a plan.
        sizes: bytes of each result memory until now, by slot.
        parts: the new ones, in the order of their slots.
    """

    def moved(span: Binding) -> Binding:
        if span.slot not in sizes:
            return replace(span, slot=_moved_slot(span.slot, sizes, parts))
        if not span.length:
            return Binding(0, 0, 0)
        for slot, part in enumerate(parts, min(sizes)):
            if part.slot == span.slot and 0 <= span.offset - part.begin < part.size:
                return replace(span, slot=slot, offset=span.offset - part.begin)
        raise AssertionError("what a step uses is in a part")

    made: list[Step] = []
    for step in steps:
        if isinstance(step, Dispatch):
            made.append(replace(step, bindings=tuple(moved(span) for span in step.bindings)))
        elif isinstance(step, Fill):
            made.append(replace(step, target=moved(step.target)))
        else:
            made.append(Copy(moved(step.source), moved(step.target)))
    return made


def _moved_slot(slot: int, sizes: Mapping[int, int], parts: Sequence[Part]) -> int:
    """Return the slot of a memory that is no result: those after the results move."""
    return slot if slot < min(sizes, default=slot) else slot + len(parts) - len(sizes)


def moved_place(place: ResultPlace, sizes: Mapping[int, int], parts: Sequence[Part]) -> ResultPlace:
    """Return the place of a result in the new memories; a place elsewhere keeps its memory."""
    if place.slot not in sizes:
        return replace(place, slot=_moved_slot(place.slot, sizes, parts))
    slot = next(slot for slot, part in enumerate(parts, min(sizes)) if part.holds(place))
    return replace(place, slot=slot, offset=place.offset - parts[slot - min(sizes)].begin)
