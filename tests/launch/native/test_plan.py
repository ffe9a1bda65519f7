"""Does a plan run its launches, in order, with the memory, constants and grid that it says?"""

from __future__ import annotations

import itertools
from contextlib import nullcontext
from typing import Any

import pytest
import torch

from ir_runtime.launch.direct.native._launcher import Plan, transient_bytes
from tests.launch.native.libraries import (
    SQUARE,
    Function,
    always_parallel,
    executable,
    one_step,
    square_plan,
)

INCREMENT = Function(
    "increment",
    "int *x = s->bindings[0], *y = s->bindings[1]; y[w->x] = x[w->x] + s->constants[0];",
    bindings=2,
    constants=1,
)


def test_a_dispatch_runs_over_its_grid() -> None:
    x, y = torch.randn(8, 64), torch.empty(8, 64)
    assert square_plan(8).run([x], [y]) == 0
    assert torch.equal(y, x * x)


def test_each_workgroup_of_a_three_dimensional_grid_runs_once() -> None:
    body = (
        "int *out = s->bindings[0];"
        "int i = (w->z * s->workgroup_count_y + w->y) * s->workgroup_count_x + w->x;"
        "out[i] += 1 + i;"
    )
    function = Function("count", body, bindings=1)
    for parallel in (False, True):
        out = torch.zeros(7, 3, 5, dtype=torch.int32)
        plan = one_step(function, (5, 3, 7), out.nbytes)
        if parallel:
            with always_parallel():
                assert plan.run([], [out]) == 0
        else:
            assert plan.run([], [out]) == 0
        assert torch.equal(out.flatten(), torch.arange(1, 106, dtype=torch.int32))


def test_a_dispatch_gets_an_address_before_its_span_by_the_lead() -> None:
    body = (
        "char *out = s->bindings[0]; int *at = (int *)(out + 4096);"
        "at[0] = (int)s->binding_lengths[0];"
    )
    function, out = Function("at_lead", body, bindings=1), torch.zeros(64, dtype=torch.int32)
    step = ("dispatch", 0, 0, (1, 1, 1), (), ((0, 64, 192, 4096),))
    assert Plan([executable(function)], 0, 1, (256,), [], [step], 256).run([], [out]) == 0
    assert out.tolist() == [0] * 16 + [4096 + 192] + [0] * 47


@pytest.mark.parametrize(
    "step",
    [
        ("dispatch", 0, 0, (1, 1, 1), (), ((0, 0, 64, 8),)),
        ("dispatch", 0, 0, (1, 1, 1), (), ((0, 0, 64, -64),)),
        ("fill", (0, 0, 64, 64), b"x"),
        ("fill", (0, 0, 64, 64), b"abcd"),
    ],
)
def test_a_lead_is_for_dispatches_and_aligned(step: object) -> None:
    function = Function("nothing", "", bindings=1)
    with pytest.raises(ValueError, match="lead"):
        Plan([executable(function)], 0, 1, (64,), [], [step], 64)


def test_the_third_dimension_of_a_grid_has_sixteen_bits() -> None:
    body = "((unsigned short *)s->bindings[0])[w->z] = w->z;"
    out = torch.zeros(65535, dtype=torch.uint16)
    assert one_step(Function("z", body, bindings=1), (1, 1, 65535), out.nbytes).run([], [out]) == 0
    assert out.tolist() == list(range(65535))


def test_the_state_of_a_dispatch_says_what_it_was_given() -> None:
    body = (
        "unsigned *out = s->bindings[0];"
        "out[0] = s->constant_count; out[1] = s->binding_count; out[2] = s->constants[1];"
        "out[3] = s->binding_lengths[0]; out[4] = s->workgroup_size_x;"
        "out[5] = s->workgroup_size_z; out[6] = s->max_concurrency; out[7] = w->local_memory_size;"
    )
    out = torch.zeros(16, dtype=torch.int32)
    function = Function("state", body, bindings=1, constants=2)
    assert one_step(function, (1, 1, 1), 64, constants=(1, 0x7FFFFFFF)).run([], [out]) == 0
    assert out.tolist()[:8] == [2, 1, 0x7FFFFFFF, 64, 1, 1, 1, 0]


def test_local_memory_is_aligned_and_as_large_as_asked() -> None:
    body = (
        "char *own = w->local_memory;"
        "for (int i = 0; i < 3 * 4096; i++) own[i] = w->x;"
        "int wrong = (unsigned long)own % 64 != 0 || w->local_memory_size != 3 * 4096;"
        "for (int i = 0; i < 3 * 4096; i++) wrong |= own[i] != (char)w->x;"
        "((int *)s->bindings[0])[w->x] = wrong ? -1 : 1;"
    )
    out = torch.zeros(64, dtype=torch.int32)
    plan = one_step(Function("scratch", body, bindings=1, pages=3), (64, 1, 1), 256)
    with always_parallel():
        for _ in range(20):
            out.zero_()
            assert plan.run([], [out]) == 0
            assert out.tolist() == [1] * 64


def _chain(steps: int) -> Plan:
    """Increment `steps` times, to and fro between two transients."""
    size = 4 * 100
    loaded = executable(INCREMENT)
    slots = [0, *(2 + i % 2 for i in range(steps - 1)), 1]
    launches = [
        ("dispatch", 0, 0, (100, 1, 1), (10**i % 97,), ((a, 0, size), (b, 0, size)))
        for i, (a, b) in enumerate(itertools.pairwise(slots))
    ]
    return Plan([loaded], 1, 1, [size, size], [size, size], launches, size)


@pytest.mark.parametrize("steps", [1, 2, 5, 60])
def test_each_step_sees_the_writes_of_the_last(steps: int) -> None:
    x, y = torch.arange(100, dtype=torch.int32), torch.empty(100, dtype=torch.int32)
    plan = _chain(steps)
    with always_parallel():
        for _ in range(50):
            assert plan.run([x], [y.zero_()]) == 0
            assert torch.equal(y, x + sum(10**i % 97 for i in range(steps)))


def test_transients_are_kept_for_the_next_call() -> None:
    x, y = torch.arange(100, dtype=torch.int32), torch.empty(100, dtype=torch.int32)
    plan = _chain(3)
    assert plan.transient_bytes == 2 * 448
    plan.run([x], [y])
    kept = transient_bytes()
    assert kept >= 2 * 448
    plan.run([x], [y])
    assert transient_bytes() == kept


def test_transients_beyond_the_limit_are_given_back() -> None:
    size = 257 << 20
    out = torch.zeros(64, dtype=torch.uint8)
    steps = [("fill", (1, 0, 64), b"\7"), ("copy", (1, 0, 64), (0, 0, 64))]
    assert Plan([], 0, 1, [64], [size], steps, 128).run([], [out]) == 0
    assert out.tolist() == [7] * 64
    assert transient_bytes() < size


def test_a_transient_that_no_memory_is_left_for_is_an_error() -> None:
    plan = Plan([], 0, 0, [], [1 << 61], [("fill", (0, 0, 64), b"\0")], 64)
    with pytest.raises(MemoryError):
        plan.run([], [])


@pytest.mark.parametrize("pattern", [b"\5", b"\1\2", b"\1\2\3\4"])
@pytest.mark.parametrize("size", [4, 64, 100, 1 << 20])
def test_a_fill_repeats_its_pattern(pattern: bytes, size: int) -> None:
    out = torch.zeros(size + 64 + 8, dtype=torch.uint8)
    plan = Plan([], 0, 1, [out.nbytes], [], [("fill", (0, 64, size), pattern)], size)
    with always_parallel():
        assert plan.run([], [out]) == 0
    assert bytes(out[64:-8].tolist()) == pattern * (size // len(pattern))
    assert out[:64].any() == 0
    assert out[-8:].any() == 0


@pytest.mark.parametrize("size", [0, 1, 63, 64, 1000, 1 << 21])
def test_a_copy_moves_its_bytes(size: int) -> None:
    x = torch.randint(0, 255, (size + 128,), dtype=torch.uint8)
    out = torch.zeros(size + 192, dtype=torch.uint8)
    steps = [("copy", (0, 64, size), (1, 128, size))]
    plan = Plan([], 1, 1, [x.nbytes, out.nbytes], [], steps, 2 * size)
    with always_parallel():
        assert plan.run([x], [out]) == 0
    assert torch.equal(out[128 : 128 + size], x[64 : 64 + size])
    assert out[:128].any() == 0
    assert out[128 + size :].any() == 0


def test_a_constant_that_is_lent_is_read_where_it_lies() -> None:
    memory = torch.arange(32, dtype=torch.int32)
    copy = [("copy", (1, 0, 64), (0, 0, 64))]
    lent = memory[16:].numpy().data
    plan = Plan([], 0, 1, [64], [], copy, 128, [lent])
    out = torch.empty(16, dtype=torch.int32)
    for value in (3, 4):
        memory[16:] = value
        assert plan.run([], [out]) == 0
        assert out.tolist() == [value] * 16
    with pytest.raises(BufferError):
        lent.release()
    del plan
    lent.release()
    with pytest.raises(ValueError, match="constant 0 is not 64-byte aligned"):
        Plan([], 0, 1, [64], [], copy, 128, [memory[1:17].numpy().data])


def test_constants_of_the_program_are_memory_of_the_plan() -> None:
    table = bytes(range(100))
    out = torch.zeros(100, dtype=torch.uint8)
    steps = [("copy", (2, 0, 100), (1, 0, 100)), ("copy", (1, 0, 100), (0, 0, 100))]
    plan = Plan([], 0, 1, [100], [100], steps, 200, [table])
    del table
    assert plan.run([], [out]) == 0
    assert out.tolist() == list(range(100))


def test_a_grid_without_workgroups_runs_nothing() -> None:
    out = torch.ones(64, dtype=torch.int32)
    for grid in ((0, 1, 1), (1, 0, 1), (1, 1, 0), (0, 0, 0)):
        assert one_step(Function("fail", "return 1;", bindings=1), grid, 256).run([], [out]) == 0


def test_bindings_of_no_length_may_be_null() -> None:
    x, y = torch.empty(0, 64), torch.empty(0, 64)
    assert square_plan(0).run([x], [y]) == 0


FAILING = Function(
    "failing",
    "if (w->x == 5) return 42; ((int *)s->bindings[0])[w->x] = 1;",
    bindings=1,
)


@pytest.mark.parametrize("threads", [nullcontext, always_parallel])
def test_a_failing_dispatch_ends_the_call_with_an_error(threads: Any) -> None:
    out = torch.zeros(1, 4096, dtype=torch.int32)
    size = out.nbytes
    steps = [
        ("dispatch", 0, 0, (4096, 1, 1), (), ((0, 0, size),)),
        ("fill", (0, 0, size), b"\xff\xff\xff\xff"),
    ]
    plan = Plan([executable(FAILING)], 0, 1, [size], [], steps, size)
    message = r"^test: failing returned 42 for workgroup \(5, 0, 0\), must return 0$"
    for _ in range(20):
        with threads(), pytest.raises(RuntimeError, match=message):
            plan.run([], [out])
        assert out.min() >= 0


def test_a_plan_whose_dispatch_failed_can_run_again() -> None:
    function = Function("fail_on_zero", "return *(int *)s->bindings[0] == 0;", bindings=1)
    plan = one_step(function, (3, 1, 1), 4)
    with pytest.raises(RuntimeError):
        plan.run([], [torch.zeros(1, dtype=torch.int32)])
    assert plan.run([], [torch.ones(1, dtype=torch.int32)]) == 0


_GOOD = {
    "operand_count": 1,
    "result_count": 1,
    "minimum_sizes": [256, 256],
    "transients": [128],
    "touched_bytes": 512,
}


def _step(**changes: object) -> tuple[object, ...]:
    parts = {
        "executable": 0,
        "function": 0,
        "grid": (1, 1, 1),
        "constants": (),
        "bindings": ((0, 0, 256), (1, 0, 256)),
    } | changes
    return ("dispatch", *parts.values())


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (_step(executable=1), "step 0 uses executable 1, there are 1"),
        (_step(executable=-1), "an executable is -1, must be an integer"),
        (_step(function=1), "step 0 uses function 1 of test, there are 1"),
        (_step(grid=(1, 1)), r"step 0 has the grid \(1, 1\), must be \(x, y, z\)"),
        (_step(grid=(1, 1, 65536)), "a grid's z is 65536, must be an integer from 0 to 65535"),
        (_step(grid=(1 << 32, 1, 1)), "a grid's x is 4294967296, must be"),
        (_step(grid=(1, 1.5, 1)), "a grid's y is 1.5, must be"),
        (_step(grid=(2**32 - 1, 2**32 - 1, 65535)), "workgroups, must be fewer than"),
        (_step(constants=(1,)), r"step 0 gives square the constants \(1,\), must be a tuple of 0"),
        (_step(bindings=((0, 0, 256),)), "must be a tuple of 2"),
        (_step(bindings=((3, 0, 1), (1, 0, 256))), "step 0 uses slot 3, there are 3"),
        (_step(bindings=((0, 32, 1), (1, 0, 256))), "at offset 32, must be a multiple of 64"),
        (_step(bindings=((0, 64, 256), (1, 0, 256))), "binds 256 bytes at 64 of slot 0, which"),
        (_step(bindings=((0, 2**63 - 64, 256), (1, 0, 256))), "of slot 0, which has 256"),
        (_step(bindings=((2, 0, 129), (1, 0, 256))), "binds 129 bytes at 0 of slot 2, which"),
        (_step(bindings=((0, 0), (1, 0, 256))), r"must be \(slot, offset, length\)"),
        (_step(bindings=((0, -64, 1), (1, 0, 256))), "an offset is -64, must be"),
        (("dispatch", 0, 0), "must be .'dispatch', executable, function"),
        (("fill", (0, 0, 256), b"123"), "fills with b'123', must be 1, 2 or 4 bytes"),
        (("fill", (0, 0, 255), b"12"), "fills 255 bytes, must be a multiple of the pattern's 2"),
        (("fill", (0, 0, 256), "x"), r"must be \('fill', binding, pattern\)"),
        (("copy", (0, 0, 64), (1, 0, 128)), "copies 64 bytes to 128, must be as many"),
        (("copy", (0, 0, 128), (0, 64, 128)), "must not overlap"),
        (("copy", (0, 0, 128)), "step 0 is"),
        (("jump",), "step 0 is .*must be a dispatch, fill or copy"),
        (7, "step 0 is 7, must be a dispatch, fill or copy"),
    ],
)
def test_a_step_that_could_do_harm_is_refused(step: object, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^plan: .*{reason}"):
        Plan([executable(SQUARE)], *list(_GOOD.values())[:4], [step], 512)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"minimum_sizes": [256]}, "has 1 minimum sizes, must have one for each of 2 tensors"),
        ({"minimum_sizes": [256, -1]}, "a minimum size is -1"),
        ({"transients": [2**63]}, "a transient's size is 9223372036854775808"),
        ({"transients": [2**61] * 3}, "its transients have more than"),
        ({"operand_count": -1}, "operand_count is -1"),
        ({"result_count": 2**40}, "result_count is 1099511627776"),
        ({"touched_bytes": "many"}, "touched_bytes is 'many'"),
    ],
)
def test_wrong_sizes_are_refused(changes: dict[str, object], reason: str) -> None:
    values = _GOOD | changes
    touched = values.pop("touched_bytes")
    with pytest.raises(ValueError, match=f"^plan: {reason}"):
        Plan([], **values, steps=[], touched_bytes=touched)


def test_constants_of_a_dispatch_are_unsigned_32_bit_numbers() -> None:
    for wrong in (-1, 1 << 32, 0.5):
        with pytest.raises(ValueError, match=r"^plan: a constant is "):
            one_step(INCREMENT, (1, 1, 1), 4, 4, constants=(wrong,))


def test_executables_must_be_executables() -> None:
    with pytest.raises(ValueError, match=r"^plan: executable 0 is 7, must be an Executable$"):
        Plan([7], 0, 0, [], [], [], 0)
