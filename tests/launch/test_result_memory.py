"""Results that IREE packs together get memory of their own, where no step uses two of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ir_runtime.launch.direct.plan import Binding, Copy, Dispatch, Fill, Step
from ir_runtime.launch.direct.result_memory import (
    Part,
    find_parts,
    moved_place,
    moved_steps,
    narrowed,
)
from ir_runtime.launch.direct.result_place import ResultPlace
from ir_runtime.launch.host_program.dispatch_extent import (
    NO_EXTENTS,
    Extents,
    load_extents,
    store_extents,
)
from ir_runtime.launch.host_program.expression import Value

OPERAND, RESULTS, TRANSIENT = 0, 1, 2
SIZES = {RESULTS: 256}
PLACES = [
    ResultPlace(RESULTS, 0, (16,), torch.float32),
    ResultPlace(RESULTS, 64, (3,), torch.float32),
    ResultPlace(RESULTS, 128, (0, 4), torch.float32),
    ResultPlace(RESULTS, 128, (4, 4), torch.float64),
]


def dispatch(*bindings: Binding) -> Dispatch:
    return Dispatch(0, 0, (1, 1, 1), (), bindings)


def whole(slot: int) -> Binding:
    return Binding(slot, 0, 256)


def test_bindings_are_narrowed_to_what_the_code_uses() -> None:
    step = dispatch(whole(OPERAND), whole(RESULTS), whole(RESULTS), whole(TRANSIENT))
    known = {0: [(0, 16)], 1: [(64, 4), (136, 8)], 2: [(0, 0)], 3: [(128, 512)]}
    assert narrowed(step, lambda _: known) == dispatch(
        Binding(OPERAND, 0, 16),
        Binding(RESULTS, 64, 80, 64),
        Binding(RESULTS, 0, 0),
        whole(TRANSIENT),  # what it seems to use is not bound
    )
    unaligned = narrowed(dispatch(whole(RESULTS)), lambda _: {0: [(72, 8)]})
    assert unaligned == dispatch(Binding(RESULTS, 64, 16, 64))
    assert narrowed(step, lambda _: {}) == step


def test_each_result_gets_a_memory_and_the_steps_follow() -> None:
    steps: list[Step] = [
        dispatch(whole(OPERAND), Binding(RESULTS, 64, 12, 64)),
        dispatch(Binding(RESULTS, 0, 64), Binding(RESULTS, 128, 128, 128), whole(TRANSIENT)),
        Fill(Binding(RESULTS, 132, 4), b"x"),
        Copy(Binding(TRANSIENT, 0, 12), Binding(RESULTS, 64, 12)),
    ]
    parts = find_parts(steps, SIZES, PLACES)
    assert parts == [Part(1, 0, 64), Part(1, 64, 12), Part(1, 128, 128), Part(1, 128, 0)]
    parts.insert(0, parts.pop(1))
    assert moved_steps(steps, SIZES, parts) == [
        dispatch(whole(OPERAND), Binding(1, 0, 12, 64)),
        dispatch(Binding(2, 0, 64), Binding(3, 0, 128, 128), whole(5)),
        Fill(Binding(3, 4, 4), b"x"),
        Copy(Binding(5, 0, 12), Binding(1, 0, 12)),
    ]
    moved = [moved_place(place, SIZES, parts) for place in PLACES]
    assert [(place.slot, place.offset) for place in moved] == [(2, 0), (1, 0), (4, 0), (3, 0)]


@pytest.mark.parametrize(
    "step",
    [
        dispatch(Binding(RESULTS, 0, 76)),
        dispatch(whole(RESULTS)),
        Fill(Binding(RESULTS, 60, 8), b"x"),
    ],
    ids=["both", "unknown", "a fill of both"],
)
def test_results_that_a_step_uses_together_stay_together(step: Step) -> None:
    parts = find_parts([step], SIZES, PLACES[:2])
    assert len(parts) == 1
    assert (parts[0].slot, parts[0].begin) == (RESULTS, 0)
    assert moved_steps([step], SIZES, parts) == [step]


def test_extents_depend_on_the_constants_of_a_dispatch() -> None:
    values = (
        Value("number", "i32", (1,)),
        Value("index_castui", "index", (0,)),
        Value("constant", "index", (4,)),
        Value("muli", "index", (1, 2)),
    )
    extents = Extents(values, ((2, 1, 3),))
    assert extents.of((7, 64)) == {2: [(64, 256)]}
    assert extents.of((7,)) == {}
    assert load_extents(store_extents(extents)) == extents


@pytest.mark.parametrize(
    "stored",
    [
        None,
        {"values": []},
        {"values": [], "spans": [[0, 0, 0]]},
        {"values": [["muli", "index", 0, 0]], "spans": [[0, 0, 0]]},
        {"values": [["number", "f128", 0]], "spans": [[0, 0, 0]]},
        {"values": [["constant", "index", -1]], "spans": [[0, 0, 0]]},
        {"values": [["odd", "index", 1]], "spans": [[0, 0, 0]]},
        {"values": [["constant", "index", 1]], "spans": [[0, 0]]},
    ],
)
def test_extents_of_another_form_say_nothing(stored: Any) -> None:
    assert load_extents(stored) == NO_EXTENTS
