"""Arguments that a kernel changes: their new contents are computed where the arguments lie.

A program writes the new contents of an operand as a result of its own. Here that result gets the
operand's memory. The copy of the operand that an update starts with is then a copy onto itself, and
goes. Where the program still reads the old contents after it began to write the new ones, the new
ones are computed in a transient, and copied last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from ir_runtime.frozen import frozen
from ir_runtime.launch.direct.plan import Binding, Copy, Dispatch, Fill, Step
from ir_runtime.launch.direct.plan_rewrite import (
    may_write,
    overlap,
    renamed,
    spans_of,
    uses_of,
    without_dead,
    write_directly,
    written_by,
)
from ir_runtime.launch.host_program.dispatch_access import DispatchAccess

__all__ = ["Access", "Placement", "PlanMemory", "place_in_operands"]

Access = Callable[[Dispatch], DispatchAccess]


@frozen
class PlanMemory:
    """The slots of a plan, in their order.

    Attributes:
        operands: how many operands there are.
        result_sizes: bytes of each result.
        transient_sizes: bytes of each transient; all further slots are constants.
        report: the slot of the index report, None without one.
    """

    operands: int
    result_sizes: Sequence[int]
    transient_sizes: Sequence[int]
    report: int | None = None

    @property
    def visible(self) -> int:
        """How many slots the caller sees: operands and results."""
        return self.operands + len(self.result_sizes)


@frozen
class Placement:
    """The steps of a plan whose results lie partly in operands.

    Attributes:
        steps: in their order.
        transient_sizes: bytes of each transient; there may be more than before.
        staged: the result slots that are computed in a transient and copied into the operand.
        checked_at: how many steps run before one writes an operand; the index report is complete
            then.
    """

    steps: list[Step]
    transient_sizes: tuple[int, ...]
    staged: tuple[int, ...]
    checked_at: int


def place_in_operands(
    steps: Sequence[Step],
    memory: PlanMemory,
    in_place: Mapping[int, int],
    access: Access,
) -> Placement:
    """Compute results where operands lie.

    Args:
        steps: the steps of a plan.
        memory: its slots.
        in_place: from result slot to the operand slot that is the same memory. These operands share
            memory with no other operand; the program itself writes none.
        access: tells what is known of a dispatch.

    Raises:
        UnreadableProgramError: source and target of a copy overlap in part.
    """
    moved = write_directly(
        steps, memory.operands, memory.result_sizes, transients=len(memory.transient_sizes)
    )
    # Writing a result directly moves its first write to an earlier step: if its operand is read
    # in between, only the original order may be right.
    drafts = (moved, list(steps))
    staged = [_late_readers(draft, in_place, access) for draft in drafts]
    chosen = 0 if len(staged[0]) <= len(staged[1]) else 1
    found = _stage(drafts[chosen], memory, in_place, staged[chosen], access)
    if found is None:  # indices are checked only after something was written
        found = _stage(drafts[chosen], memory, in_place, tuple(in_place), access)
    assert found is not None
    return found


def _late_readers(
    steps: Sequence[Step], in_place: Mapping[int, int], access: Access
) -> tuple[int, ...]:
    """Return the results whose operand is still used when they are written.

    A dispatch that reads the operand and writes the result counts, too, unless it is known to be
    right: one workgroup may overwrite elements before another one reads them.
    """
    late: list[int] = []
    for result, operand in in_place.items():
        rest = [step for step in steps if not _onto_itself(step, {result: operand})]
        first = next((i for i, step in enumerate(rest) if may_write(step, result)), len(rest))
        if first < len(rest) and _reads_in_step(rest[first], result, operand, access):
            first += 1
        if uses_of(rest[first:], operand) or _restores(steps, result, operand):
            late.append(result)
    return tuple(late)


def _restores(steps: Sequence[Step], result: int, operand: int) -> bool:
    """Tell whether a copy of the operand to the result follows a write of the same place."""
    written: list[Binding] = []
    for step in steps:
        if not _onto_itself(step, {result: operand}):
            written += [span for span in written_by(step) if span.slot == result]
        elif isinstance(step, Copy) and any(overlap(span, step.target) for span in written):
            return True
    return False


def _reads_in_step(step: Step, result: int, operand: int, access: Access) -> bool:
    """Tell whether a step may write a result over the operand: it reads each place before that."""
    if not isinstance(step, Dispatch):
        return False
    known = access(step).written_over
    spans = list(enumerate(step.bindings))
    read = [(i, span) for i, span in spans if span.slot == operand]
    written = [(i, span) for i, span in spans if span.slot == result]
    return all(
        (i, j) in known and (one.offset, one.length) == (other.offset, other.length)
        for i, one in read
        for j, other in written
    )


def _onto_itself(step: Step, in_place: Mapping[int, int]) -> bool:
    """Tell whether a step copies an operand to the result that is the same memory."""
    if not isinstance(step, Copy):
        return False
    slot = in_place.get(step.target.slot)
    return slot is not None and step.source == replace(step.target, slot=slot)


def _stage(
    steps: Sequence[Step],
    memory: PlanMemory,
    in_place: Mapping[int, int],
    staged: Sequence[int],
    access: Access,
) -> Placement | None:
    """Compute some results in transients; None if indices are checked too late then."""
    sizes = {slot: memory.result_sizes[slot - memory.operands] for slot in staged}
    first_new = memory.visible + len(memory.transient_sizes)
    made = [_shifted(step, first_new, len(sizes)) for step in steps]
    last: list[Step] = []
    for transient, (slot, size) in enumerate(sizes.items(), first_new):
        made = [renamed(step, slot, transient) for step in made]
        if size:
            last.append(Copy(Binding(transient, 0, size), Binding(slot, 0, size)))
    kept = {slot: operand for slot, operand in in_place.items() if slot not in sizes}
    made = [step for step in (*made, *last) if not _onto_itself(step, kept)]
    made = without_dead(made, memory.visible)
    ordered = _report_first(made, memory, in_place, access)
    if ordered is None:
        return None
    transients = (*memory.transient_sizes, *sizes.values())
    return Placement(ordered, transients, tuple(sizes), _first_write(ordered, in_place))


def _shifted(step: Step, first: int, by: int) -> Step:
    """Return a step with the slots from `first` on, those of constants, moved back."""

    def span(binding: Binding) -> Binding:
        return replace(binding, slot=binding.slot + by) if binding.slot >= first else binding

    if isinstance(step, Dispatch):
        return replace(step, bindings=tuple(span(binding) for binding in step.bindings))
    if isinstance(step, Fill):
        return replace(step, target=span(step.target))
    return Copy(span(step.source), span(step.target))


def _first_write(steps: Sequence[Step], in_place: Mapping[int, int]) -> int:
    """Return how many steps come before the first that writes an operand."""
    writes = (i for i, step in enumerate(steps) if any(may_write(step, slot) for slot in in_place))
    return next(writes, len(steps))


def _report_first(
    steps: list[Step], memory: PlanMemory, in_place: Mapping[int, int], access: Access
) -> list[Step] | None:
    """Move the steps that check indices before the first that writes an operand, if possible."""
    first = _first_write(steps, in_place)
    if memory.report is None or not any(may_write(step, memory.report) for step in steps[first:]):
        return steps
    uses = _Uses(memory, {operand: result for result, operand in in_place.items()}, access)
    needed: list[Step] = []
    others: list[Step] = []
    for step in reversed(steps[first:]):
        if may_write(step, memory.report) or any(uses.depend(step, each) for each in needed):
            needed.insert(0, step)
        else:
            others.insert(0, step)
    if _first_write(needed, in_place) < len(needed):
        return None
    return [*steps[:first], *needed, *others]


@frozen
class _Uses:
    """The memory that steps use; an operand and the result in its memory are one slot."""

    memory: PlanMemory
    shared: Mapping[int, int]
    access: Access

    def depend(self, one: Step, other: Step) -> bool:
        """Tell whether the order of two steps may matter: both use memory that one may write."""
        return any(
            (writes or other_writes) and overlap(span, other_span)
            for span, writes in self._spans(one)
            for other_span, other_writes in self._spans(other)
        )

    def _spans(self, step: Step) -> Iterator[tuple[Binding, bool]]:
        """Yield the spans that a step uses, and whether it may write them.

        It writes no operand except those that results share.
        """
        only_read = self.access(step).only_read if isinstance(step, Dispatch) else ()
        source = step.source if isinstance(step, Copy) else None
        for i, span in enumerate(spans_of(step)):
            slot = self.shared.get(span.slot, span.slot)
            written = span is not source and i not in only_read and slot >= self.memory.operands
            if span.length:
                yield replace(span, slot=slot), written
