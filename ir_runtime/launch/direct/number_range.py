"""For which values of a number a call has one plan, but for the constants that are the number.

A kernel may take the length of what it reads as a number, which grows from call to call. What
depends on it is computed by operations that never decrease when it grows: sums, products, minima,
quotients rounded up. So what is equal at both ends of a range is equal within it, and what is the
number itself at both ends, through casts and bounds, is that within it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ir_runtime.errors import LaunchError
from ir_runtime.launch.direct.known_value import KnownValues, Shape
from ir_runtime.launch.direct.plan import Dispatch, Plan
from ir_runtime.launch.host_program.expression import CASTS, Value, width_of
from ir_runtime.launch.host_program.program import (
    ConditionCheck,
    HostProgram,
    LengthCheck,
    NumberResult,
    PassedResult,
    ProgramDispatch,
    ProgramFill,
)
from ir_runtime.launch.operand.number import NumberRange

__all__ = ["patched_constants", "range_of"]

_MOST = (1 << 31) - 1
_CASTS = frozenset(CASTS) - {"truncf", "extf"}
_BOUNDS = frozenset(("maxsi", "minsi", "maxui", "minui"))
_SUMS = frozenset(("addi", "muli"))
_QUOTIENTS = frozenset(("divui", "ceildivui", "divsi", "ceildivsi"))


def range_of(
    program: HostProgram,
    shapes: Sequence[Shape],
    numbers: Sequence[float],
    wanted: NumberRange,
) -> NumberRange | None:
    """Return for which values of a number, its own among them, the program has one plan.

    Args:
        program: the program.
        shapes: of the operand tensors.
        numbers: of the call, in order.
        wanted: the number, and the values for which the answer is wanted.

    Returns:
        A range within the wanted one; None if that is only the number itself, or if what depends on
        the number may decrease when it grows.
    """
    values = program.values
    depends = _dependents(values, wanted.index)
    own = numbers[wanted.index]
    if (
        depends is None
        or not isinstance(own, int)
        or not (0 <= wanted.lowest <= own <= min(wanted.highest, _MOST))
    ):
        return None
    same = _same_number(values, depends)
    fixed = sorted((depends - same) & _read(program) | depends & _read_apart(program))
    operands = {o for p in depends if values[p].op != "number" for o in values[p].operands}

    def known(number: int) -> KnownValues:
        given = [*numbers[: wanted.index], number, *numbers[wanted.index + 1 :]]
        return KnownValues(program, shapes, given)

    here = known(own)

    def fits(number: int) -> bool:
        there = known(number)
        try:
            small = all(there[position] <= _MOST for position in depends | operands)
            return (
                small
                and all(there[position] == here[position] for position in fixed)
                and all(there[position] == number for position in same)
            )
        except LaunchError:  # a value is not defined
            return False

    if not fits(own):
        return None
    highest = _last(fits, own, min(wanted.highest, _MOST))
    lowest = _last(fits, own, wanted.lowest)
    return NumberRange(wanted.index, lowest, highest) if lowest < highest else None


def _last(fits: Callable[[int], bool], start: int, end: int) -> int:
    """Return the last number from `start` on, towards `end`, that fits; `start` does."""
    if fits(end):
        return end
    while abs(end - start) > 1:
        middle = (start + end) // 2
        start, end = (middle, end) if fits(middle) else (start, middle)
    return start


def _dependents(values: Sequence[Value], index: int) -> frozenset[int] | None:
    """Return what depends on a number; None if some of it may decrease when the number grows."""
    found: set[int] = set()
    for position, value in enumerate(values):
        if value.op == "number":
            if value.operands[0] == index:
                found.add(position)
            continue
        if value.op in ("constant", "dim") or found.isdisjoint(value.operands):
            continue
        if not _grows(value, found):
            return None
        found.add(position)
    return frozenset(found)


def _grows(value: Value, depends: set[int]) -> bool:
    """Tell whether a value never decreases when its operands grow, all of them below 2**31."""
    bits = width_of(value.type) or 0
    if value.op in _QUOTIENTS:
        return bits == 64 and value.operands[1] not in depends
    return bits >= 64 if value.op in _SUMS else bits >= 32 and value.op in _CASTS | _BOUNDS


def _same_number(values: Sequence[Value], depends: frozenset[int]) -> frozenset[int]:
    """Return what is the number itself, if it is that at both ends of a range."""
    same: set[int] = set()
    for position in sorted(depends):
        value = values[position]
        of_number = [n for n in value.operands if n in same]
        if (
            value.op == "number"
            or (value.op in _CASTS and of_number)
            or (
                value.op in _BOUNDS
                and len(of_number) == 1
                and not depends.issuperset(value.operands)
            )
        ):
            same.add(position)
    return frozenset(same)


def _read(program: HostProgram) -> set[int]:
    """Return the values that plans are made of."""
    constants = {
        position
        for step in program.steps
        if isinstance(step, ProgramDispatch)
        for position in step.constants
    }
    return constants | _read_apart(program)


def _read_apart(program: HostProgram) -> set[int]:
    """Return the values that plans are made of, but for the constants of dispatches."""
    found = {*program.result_sizes, *program.transients}
    for step in program.steps:
        if isinstance(step, ProgramDispatch):
            spans = step.bindings
            found.update(step.workgroups)
        elif isinstance(step, ProgramFill):
            spans = (step.target,)
            found.add(step.pattern)
        else:
            spans = (step.source, step.target)
        found.update(position for span in spans for position in (span.offset, span.length))
    for check in program.checks:
        if isinstance(check, LengthCheck):
            found.add(check.length)
        else:
            found.update([check.condition] if isinstance(check, ConditionCheck) else check.shape)
    for result in program.results:
        if isinstance(result, NumberResult):
            found.add(result.value)
        elif not isinstance(result, PassedResult):
            found.update((*result.shape, result.span.offset, result.span.length))
    return found


def patched_constants(
    plan: Plan, number: int, ends: Iterable[tuple[int, Plan]]
) -> tuple[tuple[int, int], ...] | None:
    """Return which constants of a plan are a number, by the plans for other numbers.

    Args:
        plan: the plan.
        number: its number.
        ends: other numbers, and their plans.

    Returns:
        Pairs `(step, constant)`; None if the plans differ in anything else.
    """
    places: set[tuple[int, int]] = set()
    for other, made in ends:
        found = _differences(plan, made)
        if found is None:
            return None
        for step, constant in found:
            pair = (_constants(plan, step)[constant], _constants(made, step)[constant])
            if pair != (number, other):
                return None
        places.update(found)
    return tuple(sorted(places))


def _constants(plan: Plan, step: int) -> tuple[int, ...]:
    dispatch = plan.steps[step]
    assert isinstance(dispatch, Dispatch)
    return dispatch.constants


def _differences(one: Plan, other: Plan) -> list[tuple[int, int]] | None:
    """Return the constants that two plans differ in; None if they differ in more."""
    if _without_constants(one) != _without_constants(other):
        return None
    return [
        (n, i)
        for n, step in enumerate(one.steps)
        if isinstance(step, Dispatch)
        for i, constant in enumerate(step.constants)
        if constant != _constants(other, n)[i]
    ]


def _without_constants(plan: Plan) -> tuple[object, ...]:
    steps = [
        (s.executable, s.function, s.workgroups, s.bindings) if isinstance(s, Dispatch) else s
        for s in plan.steps
    ]
    rest = (plan.minimum_sizes, plan.transients, plan.touched_bytes, plan.written_operands)
    return steps, rest, plan.changed, plan.staged, plan.checked_at
