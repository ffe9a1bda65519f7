"""The rewrite of a plan: removes copies whose result nobody reads, and writes results directly.

The plan does not know if a dispatch reads or writes a binding, so each binding counts as both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ir_runtime.launch.direct.plan import Binding, Copy, Dispatch, Fill, Step
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError

__all__ = ["rewrite_steps"]


def rewrite_steps(
    steps: Sequence[Step],
    operands: int,
    result_sizes: Sequence[int],
    *,
    transients: int,
    in_place: Mapping[int, int],
) -> list[Step]:
    """Return fewer or cheaper steps that compute the same results.

    Args:
        steps: the steps of a plan.
        operands: the number of operand slots; the slots of results come next.
        result_sizes: bytes of each result.
        transients: the number of transient slots, which come after those; the rest are constants.
        in_place: from result slot to the operand slot that is the same memory.

    Raises:
        UnreadableProgramError: an operand is still used when the result in its memory is written;
            or source and target of a copy overlap in part.
    """
    results = {operands + i: size for i, size in enumerate(result_sizes)}
    visible = operands + len(results)
    moved = list(steps)
    for slot, size in results.items():
        moved = _write_directly(moved, slot, size, operands, range(visible, visible + transients))
    # Writing results directly moves their first write to an earlier step. If a result shares the
    # memory of an operand that is read later, only the original order may be correct.
    hazard = _hazard(moved, in_place)
    if hazard is not None:
        moved = list(steps)
        hazard = _hazard(moved, in_place)
    if hazard is not None:
        raise UnreadableProgramError(hazard)
    # With `in_place`, a copy from the operand to its result is a copy of memory onto itself.
    kept = _without_dead([step for step in moved if not _onto_itself(step, in_place)], visible)
    for step in kept:
        if isinstance(step, Copy) and _overlap(_merged(step.source, in_place), step.target):
            raise UnreadableProgramError("a copy onto a part of itself")
    return kept


def _write_directly(
    steps: list[Step], result: int, size: int, operands: int, transients: range
) -> list[Step]:
    """Compute a result in its own memory, if it is now computed elsewhere and copied as a whole.

    A constant is computed nowhere: a copy of one stays.

    IREE updates an operand in place once its old contents are not needed, and then copies it to the
    result. Here the copy comes first and the update writes the result: the operand is unchanged.
    """
    whole = Binding(result, 0, size)
    at = next(
        (
            i
            for i, step in enumerate(steps)
            if isinstance(step, Copy)
            and step.target == whole
            and step.source.offset == 0
            and (step.source.slot < operands or step.source.slot in transients)
        ),
        None,
    )
    # A step before the copy that uses the result's memory would see the source's contents there.
    if at is None or size == 0 or _uses(steps[:at], result):
        return steps
    copy = steps[at]
    assert isinstance(copy, Copy)
    source = copy.source.slot
    # From its first write on, the source is renamed to the result. After the copy, source and
    # result must stay equal: neither may be written while the other is still in use.
    first = next((i for i, s in enumerate(steps[:at]) if _may_write(s, source)), at)
    after = steps[at + 1 :]
    if first == at or any(_may_write(step, source) for step in after):
        return steps
    if _uses(after, source) and any(_may_write(step, result) for step in after):
        return steps
    # The source may be larger than the result; every use of it must fit into the result.
    rest = [*steps[first:at], *after]
    if any(span.offset + span.length > size for span in _uses(rest, source)):
        return steps
    # A transient has no contents before its first write; an operand's must be copied first.
    before = [] if source in transients else [copy]
    return [*steps[:first], *before, *(_renamed(step, source, result) for step in rest)]


def _hazard(steps: Sequence[Step], in_place: Mapping[int, int]) -> str | None:
    """Return which operand is used at or after the first write of the result in its memory.

    A dispatch that reads the operand and writes the result counts, too: one workgroup may
    overwrite elements before another one reads them.
    """
    rest = [step for step in steps if not _onto_itself(step, in_place)]
    for result, operand in in_place.items():
        first = next((i for i, step in enumerate(rest) if _may_write(step, result)), len(rest))
        if _uses(rest[first:], operand):
            return f"operand {operand} is used when the result in its memory is written"
    return None


def _without_dead(steps: Sequence[Step], visible: int) -> list[Step]:
    """Drop copies and fills whose target is overwritten or discarded before anything reads it."""
    kept: list[Step] = []
    for step in reversed(steps):
        if isinstance(step, Dispatch) or _is_read(step.target, kept, visible):
            kept.insert(0, step)
    return kept


def _is_read(span: Binding, later: Sequence[Step], visible: int) -> bool:
    for step in later:
        if any(_overlap(span, read) for read in _read_by(step)):
            return True
        if not isinstance(step, Dispatch) and _covers(step.target, span):
            return False
    return span.slot < visible  # the caller sees operands and results after the last step


def _read_by(step: Step) -> tuple[Binding, ...]:
    if isinstance(step, Dispatch):
        return step.bindings
    return () if isinstance(step, Fill) else (step.source,)


def _written_by(step: Step) -> tuple[Binding, ...]:
    return step.bindings if isinstance(step, Dispatch) else (step.target,)


def _spans(step: Step) -> Iterator[Binding]:
    yield from _read_by(step)
    if not isinstance(step, Dispatch):
        yield step.target


def _uses(steps: Sequence[Step], slot: int) -> list[Binding]:
    return [span for step in steps for span in _spans(step) if span.slot == slot]


def _may_write(step: Step, slot: int) -> bool:
    return any(span.slot == slot and span.length for span in _written_by(step))


def _renamed(step: Step, old: int, new: int) -> Step:
    def span(binding: Binding) -> Binding:
        return replace(binding, slot=new) if binding.slot == old else binding

    if isinstance(step, Dispatch):
        return replace(step, bindings=tuple(span(binding) for binding in step.bindings))
    if isinstance(step, Fill):
        return replace(step, target=span(step.target))
    return Copy(span(step.source), span(step.target))


def _merged(span: Binding, in_place: Mapping[int, int]) -> Binding:
    """Return a span of an operand as a span of the result that shares its memory, if any."""
    found = next((result for result, operand in in_place.items() if operand == span.slot), None)
    return span if found is None else replace(span, slot=found)


def _onto_itself(step: Step, in_place: Mapping[int, int]) -> bool:
    return isinstance(step, Copy) and _merged(step.source, in_place) == _merged(
        step.target, in_place
    )


def _overlap(one: Binding, other: Binding) -> bool:
    return (
        one.slot == other.slot
        and one.offset < other.offset + other.length
        and other.offset < one.offset + one.length
    )


def _covers(outer: Binding, inner: Binding) -> bool:
    return (
        outer.slot == inner.slot
        and outer.offset <= inner.offset
        and inner.offset + inner.length <= outer.offset + outer.length
    )
