"""Does a plan launch no more than it must, and refuse what does not fit?"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from ir_runtime.errors import ArgumentError, LaunchError
from ir_runtime.launch.direct.evaluate import evaluate
from ir_runtime.launch.direct.known_value import result_numbers, result_shapes
from ir_runtime.launch.direct.plan import Binding, Copy, Dispatch, Fill
from ir_runtime.launch.direct.plan_in_place import PlanMemory, place_in_operands
from ir_runtime.launch.direct.plan_rewrite import rewrite_steps
from ir_runtime.launch.host_program.dispatch_access import UNKNOWN_ACCESS, DispatchAccess
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError, split_executables
from ir_runtime.launch.host_program.program import ProgramDispatch
from ir_runtime.launch.host_program.program_json import load_program
from tests.launch.golden_file import golden_program
from tests.launch.hal_phase import compile_phases, host_target, read_source
from tests.launch.host_programs import HOST_CASES, x
from tests.launch.reference_executor import run_plan
from tests.launch.test_evaluate import bytes_of

F32, I64 = torch.float32, torch.int64


def span(slot: int, offset: int = 0, length: int = 64) -> Binding:
    return Binding(slot, offset, length)


def dispatch(*bindings: Binding) -> Dispatch:
    return Dispatch(0, 0, (1, 1, 1), (), bindings)


def rewritten(*steps: Any) -> list[Any]:
    """Rewrite steps of a program with operand 0, result 1 of 64 bytes, transients, constant 9."""
    return rewrite_steps(steps, 1, [64], transients=7)


def placed(*steps: Any, elementwise: bool = False) -> tuple[list[Any], tuple[int, ...]]:
    """Rewrite steps of the same program, its result in the operand; returns what is staged, too."""
    memory = PlanMemory(1, [64], [64] * 7)
    access = DispatchAccess(written_over=frozenset([(0, 1)])) if elementwise else UNKNOWN_ACCESS
    found = place_in_operands(steps, memory, {1: 0}, lambda _: access)
    return found.steps, found.staged


def test_a_copy_that_nothing_reads_is_dropped() -> None:
    kept = dispatch(span(0), span(1))
    assert rewritten(Copy(span(0), span(2)), kept, Fill(span(2), b"\0")) == [kept]


def test_a_constant_that_is_read_and_returned_is_copied() -> None:
    steps = [dispatch(span(9), span(2)), Copy(span(9), span(1))]
    assert rewritten(*steps) == steps


def test_a_fill_that_is_overwritten_is_dropped() -> None:
    copy = Copy(span(0), span(1))
    assert rewritten(Fill(span(1, 8, 8), b"\0"), copy) == [copy]


def test_a_fill_around_a_copy_stays() -> None:
    steps = [Fill(span(1), b"\0"), Copy(span(0, 0, 8), span(1, 8, 8))]
    assert rewritten(*steps) == steps


def test_a_transient_that_a_dispatch_uses_is_written() -> None:
    steps = [Copy(span(0), span(2)), dispatch(span(2), span(1))]
    assert rewritten(*steps) == steps


def test_an_operand_updated_and_copied_is_copied_and_the_copy_updated() -> None:
    update = dispatch(span(2), span(0))
    steps = [Fill(span(2), b"\1"), update, Copy(span(0), span(1))]
    assert rewritten(*steps) == [steps[0], steps[2], dispatch(span(2), span(1))]


def test_a_result_made_in_a_transient_is_made_in_place() -> None:
    assert rewritten(dispatch(span(0), span(2)), Copy(span(2), span(1))) == [
        dispatch(span(0), span(1))
    ]


def test_a_transient_larger_than_the_result_is_copied() -> None:
    steps = [dispatch(span(0), span(2, 0, 128)), Copy(span(2), span(1))]
    assert rewritten(*steps) == steps


def test_a_transient_read_again_is_copied() -> None:
    steps = [
        dispatch(span(0), span(2)),
        Copy(span(2), span(1)),
        dispatch(span(2), span(0)),
    ]
    assert rewritten(*steps) == steps


def test_a_result_used_before_keeps_its_contents() -> None:
    steps = [dispatch(span(0), span(2), span(1)), Copy(span(2), span(1))]
    assert rewritten(*steps) == steps


def test_in_place_a_copy_onto_itself_is_dropped() -> None:
    update = Copy(span(2, 0, 8), span(1, 8, 8))
    steps = (Fill(span(2, 0, 8), b"\0"), Copy(span(0), span(1)), update)
    assert placed(*steps) == ([steps[0], update], ())


def test_in_place_an_operand_read_while_its_result_is_written_gets_it_by_a_copy() -> None:
    """The transient is a new one, before the constants: their slots move."""
    steps = (dispatch(span(0), span(9), span(1)),)
    wanted = [dispatch(span(0), span(10), span(9)), Copy(span(9), span(1))]
    assert placed(*steps) == (wanted, (1,))


def test_in_place_an_elementwise_dispatch_writes_over_what_it_reads() -> None:
    steps = [dispatch(span(0), span(1))]
    assert placed(*steps, elementwise=True) == (steps, ())
    shifted = dispatch(span(0, 0, 32), span(1, 32, 32))
    assert placed(shifted, elementwise=True)[1] == (1,)
    assert placed(*steps, dispatch(span(0), span(2)), elementwise=True)[1] == (1,)


def test_in_place_an_operand_read_before_its_result_is_written_is_right() -> None:
    steps = [dispatch(span(0), span(2)), dispatch(span(2), span(1))]
    assert placed(*steps) == (steps, ())


def test_in_place_a_result_stays_in_its_transient_until_the_operand_was_read() -> None:
    steps = [dispatch(span(0), span(2)), Copy(span(2), span(1))]
    assert placed(*steps) == (steps, ())


REPORT = span(3, 0, 32)


def placed_with_report(
    *steps: Any, access: DispatchAccess = UNKNOWN_ACCESS
) -> tuple[list[Any], tuple[int, ...], int]:
    """Rewrite steps of a program with operands 0 and 1, result 2 in operand 0, and report 3."""
    memory = PlanMemory(2, [64, 32], [64] * 4, report=3)
    found = place_in_operands(steps, memory, {2: 0}, lambda _: access)
    return found.steps, found.staged, found.checked_at


def test_in_place_indices_are_checked_before_anything_is_written() -> None:
    """The report and what it reads come first, if they read nothing that was written."""
    update, prepare = dispatch(span(1), span(2)), dispatch(span(1), span(5))
    check = dispatch(span(5), REPORT)
    assert placed_with_report(update, prepare, check) == ([prepare, check, update], (), 2)


def test_in_place_a_report_shares_what_is_only_read_with_the_update() -> None:
    indices, update = dispatch(span(1), span(5)), dispatch(span(5), span(2))
    check = dispatch(span(5), REPORT)
    assert placed_with_report(indices, update, check)[1] == (2,)
    found = placed_with_report(indices, update, check, access=DispatchAccess(frozenset([0])))
    assert found == ([indices, check, update], (), 2)


def test_in_place_a_report_on_what_was_written_is_complete_before_the_copy() -> None:
    update, check = dispatch(span(1), span(2)), dispatch(span(2), REPORT)
    staged = [dispatch(span(1), span(8)), dispatch(span(8), REPORT), Copy(span(8), span(2))]
    assert placed_with_report(update, check) == (staged, (2,), 2)


def test_a_copy_onto_a_part_of_itself_is_refused() -> None:
    with pytest.raises(UnreadableProgramError, match="a copy onto a part of itself"):
        rewritten(Copy(span(1, 0, 8), span(1, 4, 8)))


@pytest.mark.parametrize("name", ["slice_update", "index_put"])
def test_an_update_of_a_cache_in_place_moves_only_the_slice(name: str) -> None:
    program = golden_program(name)
    shapes, dtypes = [(1 << 16, 8), (2, 8)], [F32, F32]
    if name == "index_put":
        shapes.insert(1, (2,))
        dtypes.insert(1, I64)
    apart = evaluate(program, shapes, dtypes)
    together = evaluate(program, shapes, dtypes, in_place=[(0, 0)])
    copied = [step for step in apart.steps if isinstance(step, Copy)]
    assert copied[0].source.length == 32 << 16
    moved = [step for step in together.steps if isinstance(step, Copy)]
    assert sum(step.source.length for step in moved) == (64 if name == "slice_update" else 0)
    assert len(together.steps) == len(apart.steps) - 1
    assert (len(together.steps) == 1) == (name == "slice_update")  # the other checks its index


def test_an_update_in_place_leaves_what_a_copy_would(store: object) -> None:
    case = HOST_CASES["index_put"]
    source = case.source()
    program = read_source(source, case.entry, host_target())
    binaries = split_executables(compile_phases(source, host_target())[1])[1]
    cache, index, values = case.calls[0]
    shapes = [tuple(t.shape) for t in (cache, index, values)]
    data = [bytes_of(t) for t in (cache, index, values)]
    plan = evaluate(program, shapes, [F32, I64, F32], in_place=[(0, 0)])
    result, report = run_plan(program, plan, binaries, data, in_place={0: 0})
    assert result == bytes_of(case.wanted(cache, index, values))
    row = int(index.min()), int(index.max()), -len(cache), len(cache)
    assert report == bytes_of(torch.tensor([row]))


def test_sizes_beyond_32_bits() -> None:
    program = golden_program("matmul")
    rows = 1 << 33
    plan = evaluate(program, [(rows, 3), (3, 5)], [F32, F32])
    (step,) = plan.steps
    assert isinstance(step, Dispatch)
    assert plan.minimum_sizes == (12 * rows, 60, 20 * rows)
    assert (0, rows >> 32) in zip(step.constants, step.constants[1:], strict=False)
    assert plan.touched_bytes == 32 * rows + 60


def test_a_tensor_without_elements_launches_nothing() -> None:
    assert evaluate(golden_program("matmul"), [(0, 4), (4, 5)], [F32, F32]).steps == ()


def test_memory_of_zero_length_is_not_a_transient() -> None:
    program = golden_program("layer_norm")
    (size,) = evaluate(program, [(5, 8), (8,), (8,)], [F32] * 3).transients
    assert size > 0
    plan = evaluate(program, [(0, 8), (8,), (8,)], [F32] * 3)
    assert plan.steps == ()
    assert plan.transients == (0,)


def test_shapes_of_results() -> None:
    program = golden_program("two_results")
    assert result_shapes(program, [(5, 8)]) == (((5, 8), "f32"), ((5,), "f32"))


def test_numbers_among_the_results() -> None:
    assert result_numbers(golden_program("slices"), [(20,)], [3, -7]) == (-14,)


@pytest.mark.parametrize(
    ("name", "shapes", "dtypes", "numbers", "message"),
    [
        ("matmul", [(3, 4), (4,)], [F32, F32], (), "input1: shape is [4], must have 2 dimensions"),
        ("matmul", [(3, 4)], [F32], (), "program: 1 tensors, must be 2"),
        ("matmul", [(3, 4), (4, 5)], [F32, I64], (), "input1: dtype is i64, must be f32"),
        (
            "matmul",
            [(3, 4), (5, 6)],
            [F32, F32],
            (),
            (
                "operand 1 dimension 0 must be of the size of operand 0 dimension 1, "
                "must hold for shapes [3, 4], [5, 6]"
            ),
        ),
        (
            "layer_norm_affine",
            [(3, 40), (48,), (48,)],
            [F32] * 3,
            (),
            "input0: shape is [3, 40], must be [3, 48]",
        ),
        (
            "slices",
            [(20,)],
            [F32],
            (11, 0),
            "operand 0: 44 bytes from 44 on are used, must be within its 80",
        ),
        ("slices", [(20,)], [F32], (1,), "program: 1 numbers, must be 2"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    name: str, shapes: Any, dtypes: Any, numbers: Any, message: str
) -> None:
    with pytest.raises(LaunchError) as raised:
        evaluate(golden_program(name), shapes, dtypes, numbers)
    assert str(raised.value) == message


def test_a_number_out_of_range_is_refused() -> None:
    with pytest.raises(ArgumentError, match="number 1 is 18446744073709551616, must be an int"):
        evaluate(golden_program("slices"), [(20,)], [F32], (1, 2**64))


def test_a_grid_that_a_launch_cannot_count_is_refused() -> None:
    program = golden_program("layer_norm_affine")
    (step,) = program.steps
    assert isinstance(step, ProgramDispatch)
    turned = replace(program, steps=(replace(step, workgroups=step.workgroups[::-1]),))
    with pytest.raises(LaunchError, match=r"a grid of 1 x 1 x \d{5,} workgroups"):
        evaluate(turned, [(1 << 22, 48), (48,), (48,)], [F32] * 3)


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Any:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield (*path, i)
            yield from _leaves(inner, (*path, i))


@pytest.mark.parametrize("name", ["layer_norm_affine", "slices", "shared_results"])
@pytest.mark.parametrize("wrong", [10**6, 1, 0, -1, None, "x", [], {}, 1.5, True])
def test_a_stored_program_with_one_wrong_entry_is_refused_or_evaluated(
    name: str, wrong: object
) -> None:
    """Whatever the store holds, a refusal is an error of ours, never an index out of range."""
    good = golden_program(name)
    call = [a for a in HOST_CASES[name].calls[0] if isinstance(a, torch.Tensor)]
    for path in _leaves(good.to_json()):
        stored = json.loads(json.dumps(good.to_json()))
        inner = stored
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = wrong
        try:
            program = load_program(stored)
        except ValueError:
            continue
        numbers = [1] * len(program.numbers)
        try:
            evaluate(program, [tuple(t.shape) for t in call], [t.dtype for t in call], numbers)
            result_shapes(program, [tuple(t.shape) for t in call], numbers)
        except (LaunchError, ArgumentError, UnreadableProgramError):
            continue


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", 2, "program: format is 2, must be 1"),
        ("arguments", ["tensor", "pointer"], "arguments[1] is 'pointer', must be a tensor or"),
        ("transients", [999], "transients[0]: 999 is out of range, must be below"),
        ("values", [["addi", "index", 0, 1]], "values[0]: refers to a later value"),
        ("values", [["powi", "index"]], "values[0]: unknown operation or arity"),
        ("constants", ["?"], "constants[0]: "),
    ],
)
def test_a_stored_program_says_where_it_is_wrong(key: str, value: object, message: str) -> None:
    stored = {**golden_program("slices").to_json(), key: value}
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the message is compared
        load_program(stored)
    assert str(raised.value).startswith(message)


def test_x_is_the_same_in_each_run() -> None:
    assert torch.equal(x(3, 4), x(3, 4))
