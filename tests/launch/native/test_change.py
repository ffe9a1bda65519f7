"""A plan changes operands: the results that lie in them, the report before, the record after."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.launch.direct.native._launcher import REFUSALS, Call, Plan, take_copies
from tests.launch.native.libraries import Function, always_parallel, executable

ROWS, SIZE = 4, 4 * 256

# Writes binding 1 from binding 0 and itself: `y += x`, a row of 64 floats a workgroup.
ADD = Function(
    "add_into",
    "const float *x = s->bindings[0]; float *y = s->bindings[1];"
    "for (int i = 0; i < 64; i++) y[w->x * 64 + i] += x[w->x * 64 + i];",
    bindings=2,
)
ADD_STEP = ("dispatch", 0, 0, (ROWS, 1, 1), (), ((0, 0, SIZE), (2, 0, SIZE)))


def add_into(changed: Any = (1,), **options: Any) -> Plan:
    """Plan `y += x` of operands `x` and `y`; result 2 lies in `y`."""
    sizes = (SIZE, SIZE, SIZE)
    return Plan([executable(ADD)], 2, 1, sizes, [], [ADD_STEP], SIZE, changed=changed, **options)


def pair() -> tuple[Tensor, Tensor]:
    return torch.randn(ROWS, 64), torch.randn(ROWS, 64)


def test_a_result_is_written_where_the_operand_lies() -> None:
    x, y = pair()
    expected, version = x + y, y._version
    plan = add_into()
    assert plan.changed_count == 1
    assert plan.run([x, y], []) == 0
    assert torch.equal(y, expected)
    assert (y._version, x._version) == (version + 1, 0)


def test_an_operand_that_overlaps_the_changed_one_is_refused() -> None:
    block = torch.randn(ROWS + 1, 64)
    for x, y in ((block[1:], block[1:]), (block[:-1], block[1:])):
        before = block.clone()
        assert REFUSALS[add_into().run([x, y], [])] == "overlap"
        assert torch.equal(block, before)


def test_a_changed_operand_needs_the_size_of_the_result() -> None:
    x, y = pair()
    sizes = (SIZE, 0, SIZE)
    plan = Plan([executable(ADD)], 2, 1, sizes, [], [ADD_STEP], SIZE, changed=(1,))
    assert REFUSALS[plan.run([x, y[:3]], [])] == "size"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ((2,), "plan: changes operand 2, must be one of its 2"),
        ((0, 1), "plan: changes 2 operands and has 1 results, must have one for each"),
        ((-1,), "a changed operand"),
        (("x",), "a changed operand"),
    ],
)
def test_a_wrong_operand_is_refused(changed: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        add_into(changed)


def test_an_inference_tensor_stays_as_it_is() -> None:
    with torch.inference_mode():
        x, y = pair()
        before = y.clone()
        assert add_into().run([x, y], []) == 0
        assert torch.equal(y, before + x)
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor"):
        add_into().run([x, y], [])
    assert torch.equal(y, before + x)


def test_copies_are_counted_until_they_are_taken() -> None:
    x, y = pair()
    take_copies()
    plan = add_into(copies=3)
    plan.run([x, y], [])
    plan.run([x, y], [])
    assert (take_copies(), take_copies()) == (6, 0)


def reported(fault: Callable[[bytes], None]) -> Plan:
    """Plan `y += x` after a report that operand 2 holds: a row of least, greatest, lowest, size."""
    sizes = (SIZE, SIZE, 32, SIZE, 32)
    report = ("copy", (2, 0, 32), (4, 0, 32))
    update = ("dispatch", 0, 0, (ROWS, 1, 1), (), ((0, 0, SIZE), (3, 0, SIZE)))
    return Plan(
        [executable(ADD)],
        3,
        2,
        sizes,
        [],
        [report, update],
        SIZE,
        report_rows=1,
        report_fault=fault,
        changed=(1,),
        checked_at=1,
    )


def raise_index(rows: bytes) -> None:
    raise IndexError(len(rows))


@pytest.mark.parametrize("parallel", [False, True])
def test_a_fault_of_the_report_ends_the_run_before_the_change(*, parallel: bool) -> None:
    x, y = pair()
    before, plan = y.clone(), reported(raise_index)
    call = call_of(plan, (x, y, row(9, 3)))
    with always_parallel() if parallel else nullcontext():
        assert plan.run([x, y, row(9, 3)], [torch.empty(1, 4, dtype=torch.int64)]) == 0
        assert torch.equal(y, before)
        with pytest.raises(IndexError):
            call(x, y, row(9, 3))
        assert torch.equal(y, before)
        assert call(x, y, row(2, 3)) is y
    assert torch.equal(y, before + x)
    assert call.hits == 1


def row(index: int, size: int) -> Tensor:
    return torch.tensor([[index, index, 0, size]])


def call_of(plan: Plan, args: tuple[Tensor, ...]) -> Call:
    call = Call(
        lambda *_: "slow",
        takes_keyset=False,
        plain_keyset=0,
        set_devices=[],
        parameters=[f"a{i}" for i in range(len(args))],
        positional=len(args),
        defaults={},
        autocast={},
        returned=1,
    )
    assert call.remember(args, plan, range(len(args)), [])
    return call


def test_a_call_returns_what_it_changed_and_passes_an_overlap_on() -> None:
    x, y = pair()
    call = call_of(add_into(), (x, y))
    expected, version = x + y, y._version
    assert call(x, y) is y
    assert torch.equal(y, expected)
    assert y._version == version + 1
    assert call(y, y) == "slow"
    assert call(x.clone().requires_grad_(), y) == "slow"
    with torch.no_grad():
        assert call(x, y.requires_grad_()) is y
