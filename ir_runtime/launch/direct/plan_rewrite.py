"""The rewrite of a plan: removes copies whose result nobody reads, and writes results directly.

The plan does not know if a dispatch reads or writes a binding, so each binding counts as both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ir_runtime.launch.direct.plan import Binding, Copy, Dispatch, Fill, Step
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError

__all__ = [
    "may_write",
    "overlap",
    "renamed",
    "rewrite_steps",
    "spans_of",
    "uses_of",
    "without_dead",
    "write_directly",
    "written_by",
]


def rewrite_steps(
    steps: Sequence[Step], operands: int, result_sizes: Sequence[int], *, transients: int
) -> list[Step]:
    """Return fewer or cheaper steps that compute the same results, in memory of their own.

    Args:
        steps: the steps of a plan.
        operands: the number of operand slots; the slots of results come next.
        result_sizes: bytes of each result.
        transients: the number of transient slots, which come after those; the rest are constants.

    Raises:
        UnreadableProgramError: source and target of a copy overlap in part.
    """
    moved = write_directly(steps, operands, result_sizes, transients=transients)
    return without_dead(moved, operands + len(result_sizes))


def write_directly(
    steps: Sequence[Step], operands: int, result_sizes: Sequence[int], *, transients: int
) -> list[Step]:
    """Compute results in their own memory that are computed elsewhere and copied as a whole."""
    visible = operands + len(result_sizes)
    moved = list(steps)
    for i, size in enumerate(result_sizes):
        scratch = range(visible, visible + transients)
        moved = _write_directly(moved, operands + i, size, operands, scratch)
    return moved


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
    if at is None or size == 0 or uses_of(steps[:at], result):
        return steps
    copy = steps[at]
    assert isinstance(copy, Copy)
    source = copy.source.slot
    # From its first write on, the source is renamed to the result. After the copy, source and
    # result must stay equal: neither may be written while the other is still in use.
    first = next((i for i, s in enumerate(steps[:at]) if may_write(s, source)), at)
    after = steps[at + 1 :]
    if first == at or any(may_write(step, source) for step in after):
        return steps
    if uses_of(after, source) and any(may_write(step, result) for step in after):
        return steps
    # The source may be larger than the result; every use of it must fit into the result.
    rest = [*steps[first:at], *after]
    if any(span.offset + span.length > size for span in uses_of(rest, source)):
        return steps
    # A transient has no contents before its first write; an operand's must be copied first.
    before = [] if source in transients else [copy]
    return [*steps[:first], *before, *(renamed(step, source, result) for step in rest)]


def without_dead(steps: Sequence[Step], visible: int) -> list[Step]:
    """Drop copies and fills whose target is overwritten or discarded before anything reads it.

    Args:
        steps: the steps of a plan.
        visible: how many of the first slots the caller sees after the last step.

    Raises:
        UnreadableProgramError: source and target of a copy overlap in part.
    """
    kept: list[Step] = []
    for step in reversed(steps):
        if isinstance(step, Dispatch) or _is_read(step.target, kept, visible):
            kept.insert(0, step)
    if any(isinstance(step, Copy) and overlap(step.source, step.target) for step in kept):
        raise UnreadableProgramError("a copy onto a part of itself")
    return kept


def _is_read(span: Binding, later: Sequence[Step], visible: int) -> bool:
    for step in later:
        if any(overlap(span, read) for read in _read_by(step)):
            return True
        if not isinstance(step, Dispatch) and _covers(step.target, span):
            return False
    return span.slot < visible  # the caller sees operands and results after the last step


def _read_by(step: Step) -> tuple[Binding, ...]:
    if isinstance(step, Dispatch):
        return step.bindings
    return () if isinstance(step, Fill) else (step.source,)


def written_by(step: Step) -> tuple[Binding, ...]:
    """Return the memory that a step may write."""
    return step.bindings if isinstance(step, Dispatch) else (step.target,)


def spans_of(step: Step) -> Iterator[Binding]:
    """Yield the memory that a step reads or writes."""
    yield from _read_by(step)
    if not isinstance(step, Dispatch):
        yield step.target


def uses_of(steps: Sequence[Step], slot: int) -> list[Binding]:
    """Return the spans of a slot that steps read or write."""
    return [span for step in steps for span in spans_of(step) if span.slot == slot]


def may_write(step: Step, slot: int) -> bool:
    """Tell whether a step may write memory of a slot."""
    return any(span.slot == slot and span.length for span in written_by(step))


def renamed(step: Step, old: int, new: int) -> Step:
    """Return a step that uses another slot in place of `old`."""

    def span(binding: Binding) -> Binding:
        return replace(binding, slot=new) if binding.slot == old else binding

    if isinstance(step, Dispatch):
        return replace(step, bindings=tuple(span(binding) for binding in step.bindings))
    if isinstance(step, Fill):
        return replace(step, target=span(step.target))
    return Copy(span(step.source), span(step.target))


def overlap(one: Binding, other: Binding) -> bool:
    """Tell whether two spans share a byte."""
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
