"""For which values of a number is a plan the same?  Checked value by value on random programs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from ir_runtime.errors import LaunchError
from ir_runtime.launch.direct.evaluate import evaluate
from ir_runtime.launch.direct.number_range import patched_constants, range_of
from ir_runtime.launch.direct.plan import Dispatch, Plan
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError
from ir_runtime.launch.host_program.expression import Value
from ir_runtime.launch.host_program.program import HostProgram, ProgramDispatch, Span
from ir_runtime.launch.operand.number import NumberRange

ROWS = 12
BINARY = ("addi", "muli", "maxsi", "minsi", "maxui", "minui", "divui", "ceildivui", "ceildivsi")
FALLING = ("subi", "remui", "andi", "cmpi.ult", "shrui")


def program(values: Sequence[Value], grid: int, constants: Sequence[int]) -> HostProgram:
    """A dispatch on one tensor, and its result of as many bytes."""
    zero, one, size = (len(values) + n for n in range(3))
    own = (
        Value("constant", "index", (0,)),
        Value("constant", "index", (1,)),
        Value("constant", "index", (4 * ROWS,)),
    )
    spans = (Span(0, zero, size), Span(1, zero, size))
    step = ProgramDispatch(0, 0, (grid, one, one), tuple(constants), spans)
    return HostProgram(
        arguments=("tensor", "i64", "destination"),
        executables=("e",),
        functions=(("f",),),
        values=(*values, *own),
        checks=(),
        results=(),
        result_sizes=(size,),
        transients=(),
        constants=(),
        steps=(step,),
    )


def plan_for(made: HostProgram, number: int) -> Plan:
    return evaluate(made, [(ROWS,)], [torch.float32], (number,))


def blocks(of: int, room: int = 1000) -> list[Value]:
    """A number within a room, and how many blocks it has."""
    return [
        Value("number", "i64", (0,)),
        Value("index_cast", "index", (0,)),
        Value("constant", "index", (room,)),
        Value("minsi", "index", (1, 2)),
        Value("constant", "index", (of,)),
        Value("ceildivui", "index", (3, 4)),
        Value("index_castui", "i32", (3,)),
        Value("index_castui", "i32", (5,)),
    ]


@pytest.mark.parametrize(
    ("number", "wanted", "expected"),
    [
        (100, (1, 1000), (1, 256)),
        (257, (1, 1000), (257, 512)),
        (1000, (1, 5000), (769, 1000)),
        (300, (290, 310), (290, 310)),
        (1001, (1, 5000), None),  # it is cut to the room: the constant is not the number any more
        (7, (7, 7), None),
        (100, (1, 50), None),  # what `select` declares must hold for the number itself
        (100, (101, 200), None),
    ],
)
def test_range_is_that_of_the_block(number, wanted, expected):
    made = program(blocks(256), 5, (6, 7))
    found = range_of(made, [(ROWS,)], (number,), NumberRange(0, *wanted))
    assert found == (None if expected is None else NumberRange(0, *expected))
    if expected is not None:
        ends = [(end, plan_for(made, end)) for end in expected]
        assert patched_constants(plan_for(made, number), number, ends) == ((0, 0),)


def test_a_size_that_grows_with_the_number_leaves_no_range():
    made = program(blocks(256), 3, (6,))
    assert range_of(made, [(ROWS,)], (100,), NumberRange(0, 1, 1000)) is None


@pytest.mark.parametrize("op", FALLING)
def test_what_may_fall_leaves_no_range(op):
    values = [*blocks(256), Value(op, "i1" if "cmp" in op else "index", (3, 4))]
    made = program(values, 5, (6,))
    assert range_of(made, [(ROWS,)], (100,), NumberRange(0, 1, 1000)) is None


def random_values(draw: random.Random) -> list[Value]:
    values = [Value("number", "i64", (0,)), Value("index_cast", "index", (0,))]
    for _ in range(draw.randint(2, 8)):
        if draw.random() < 0.4:
            small = draw.choice((0, 1, 2, 3, 7, 64, 100, 2**31, 2**64 - 1))
            values.append(Value("constant", "index", (small,)))
            continue
        op = draw.choice(BINARY if draw.random() < 0.9 else FALLING[:3])
        wide = [n for n, value in enumerate(values) if value.type == "index"]
        values.append(Value(op, "index", (draw.choice(wide), draw.choice(wide))))
        if draw.random() < 0.3:
            values.append(Value("index_castui", "i32", (len(values) - 1,)))
    return values


def test_every_number_of_a_range_has_the_same_plan_but_for_itself():
    draw, ranges = random.Random(0), 0
    for _ in range(1500):
        values = random_values(draw)
        anywhere = range(1, len(values))
        made = program(values, draw.choice(anywhere), draw.choices(anywhere, k=2))
        number, wanted = draw.randint(0, 200), NumberRange(0, 0, 300)
        try:
            own = plan_for(made, number)
            found = range_of(made, [(ROWS,)], (number,), wanted)
        except (LaunchError, UnreadableProgramError):
            continue
        if found is None:
            continue
        assert found.lowest <= number <= found.highest
        ends = [(end, plan_for(made, end)) for end in (found.lowest, found.highest)]
        places = patched_constants(own, number, ends)
        assert places is not None
        for other in range(found.lowest, found.highest + 1):
            assert plan_for(made, other) == with_number(own, other, places), (values, other)
        ranges += 1
    assert ranges > 150


def with_number(plan: Plan, number: int, places: Sequence[tuple[int, int]]) -> Plan:
    steps = list(plan.steps)
    for step, constant in places:
        dispatch = steps[step]
        assert isinstance(dispatch, Dispatch)
        constants = list(dispatch.constants)
        constants[constant] = number
        steps[step] = replace(dispatch, constants=tuple(constants))
    return replace(plan, steps=tuple(steps))
