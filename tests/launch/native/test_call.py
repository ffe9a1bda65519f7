"""Which calls does a `Call` serve itself, and which does it pass on?"""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.launch.direct.native._launcher import REFUSALS, Call, Plan
from tests.launch.native.calls import RESULT, Calls, add_plan, pair
from tests.launch.native.libraries import Function, executable, one_step, square_plan


def test_a_call_that_was_not_seen_is_passed_on_as_it_came() -> None:
    calls, given = Calls(), (1, "a", None)
    assert calls.call(*given, k=7) == "slow"
    assert calls.passed == [(given, {"k": 7})]
    assert calls.call() == "slow"
    assert calls.passed[1] == ()


def test_a_call_that_was_seen_runs_its_plan(calls: Calls) -> None:
    x, y = pair()
    result = calls.call(x, y)
    assert torch.equal(result, x + y)
    assert result.shape == (4, 8)
    assert result.is_contiguous()
    assert (calls.call.hits, calls.passed) == (1, [])


def test_results_are_new_in_each_call(calls: Calls) -> None:
    x, y = pair()
    first, second = calls.call(x, y), calls.call(y, x)
    assert first.data_ptr() != second.data_ptr()
    first.resize_(100)  # of torch's own allocator


def test_forgotten_calls_are_passed_on(calls: Calls) -> None:
    assert calls.call.remembered == 1
    calls.call.clear()
    assert calls.call.remembered == 0
    assert calls.call(*pair()) == "slow"


OTHERS: dict[str, tuple[Callable[[], Any], str]] = {
    "dtype": (lambda: torch.zeros(4, 8, dtype=torch.int32), "dtype"),
    "shape": (lambda: torch.zeros(8, 4), "shape"),
    "rank": (lambda: torch.zeros(32), "shape"),
    "strides": (lambda: torch.zeros(8, 4).T, "strides"),
    "expanded": (lambda: torch.zeros(1, 8).expand(4, 8), "strides"),
    "subclass": (lambda: torch.zeros(4, 8).as_subclass(Subclass), "subclass"),
    "meta": (lambda: torch.zeros(4, 8, device="meta"), "no plain memory"),
    "none": (lambda: None, "kind of argument"),
    "number": (lambda: 1.0, "kind of argument"),
    "list": (lambda: [torch.zeros(4, 8)], "kind of argument"),
}


class Subclass(Tensor):
    """A tensor of a type of its own."""


@pytest.mark.parametrize("other", OTHERS)
def test_another_kind_of_tensor_is_passed_on(calls: Calls, other: str) -> None:
    make, word = OTHERS[other]
    assert calls.refusal(torch.zeros(4, 8), make()) == word


def test_a_small_tensor_that_is_not_aligned_is_copied(calls: Calls) -> None:
    room = torch.randn(33)
    x, y = torch.randn(4, 8), room[1:].view(4, 8)
    assert torch.equal(calls.call(x, y), x + y)
    assert torch.equal(calls.call(y, y), y + y)


def test_views_that_lie_like_their_like_are_served(calls: Calls) -> None:
    x, y = torch.randn(8, 8)[4:], torch.nn.Parameter(torch.randn(4, 8), requires_grad=False)
    assert torch.equal(calls.call(x, y), x + y)


def test_strides_of_dims_of_size_one_do_not_matter() -> None:
    calls = Calls(("x",))
    calls.call.remember((torch.zeros(1, 64),), square_plan(1), (0,), [((1, 64), torch.float32)])
    x = torch.randn(64, 1).T
    odd = x.as_strided((1, 64), (7, 1))
    assert torch.equal(calls.call(odd), x * x)


def test_tensors_in_lists_are_operands_one_by_one() -> None:
    calls = Calls(("n", "xs"))
    x, y = pair()
    assert calls.remember(3, [x, y], operands=(1,))
    assert torch.equal(calls.call(3, [y, y]), y + y)
    assert calls.refusal(3, [x]) == "value"
    assert calls.refusal(3, [x, y.T.contiguous().T]) == "strides"
    assert calls.refusal(3, [x, None]) == "kind of argument"


def test_lists_may_hold_many_tensors() -> None:
    calls = Calls(("xs",))
    xs = [torch.full((4, 8), float(i)) for i in range(100)]
    function = Function("last", "*(float *)s->bindings[1] = *(float *)s->bindings[0];", bindings=2)
    steps = [("dispatch", 0, 0, (1, 1, 1), (), ((i, 0, 128), (100, 0, 128))) for i in range(100)]
    plan = Plan([executable(function)], 100, 1, [128] * 101, [], steps, 128)
    assert calls.remember(xs, plan=plan, operands=(0,))
    assert calls.call(xs)[0, 0] == 99


def test_absent_optional_tensors_are_no_operands() -> None:
    calls = Calls(("x", "bias", "y"))
    x, y = pair()
    assert calls.remember(x, None, y, operands=(0, 1, 2))
    assert torch.equal(calls.call(x, None, y), x + y)
    assert calls.refusal(x, y, y) == "value"


def test_the_latest_plans_are_kept() -> None:
    calls = Calls(("x", "y", "n"), capacity=3)
    x, y = pair()
    for n in range(5):
        calls.remember(x, y, n)
    assert calls.call.remembered == 3
    served = [isinstance(calls.call(x, y, n), Tensor) for n in range(5)]
    assert served == [False, False, True, True, True]


def test_what_is_used_is_kept_longest() -> None:
    calls = Calls(("x", "y", "n"), capacity=2)
    x, y = pair()
    calls.remember(x, y, 0)
    calls.remember(x, y, 1)
    calls.call(x, y, 0)
    calls.remember(x, y, 2)
    assert [isinstance(calls.call(x, y, n), Tensor) for n in range(3)] == [True, False, True]


def test_a_cleared_call_may_have_another_capacity() -> None:
    calls = Calls(("x", "y", "n"), capacity=2)
    x, y = pair()
    for capacity in (100, 1, 3):
        calls.call.clear(capacity)
        assert calls.call.remembered == 0
        for n in range(200):
            calls.remember(x, y, n)
        assert calls.call.remembered == capacity
        served = [n for n in range(200) if isinstance(calls.call(x, y, n), Tensor)]
        assert served == list(range(200 - capacity, 200))
    with pytest.raises(ValueError, match="its capacity is 0, must be at least 1"):
        calls.call.clear(0)


@pytest.mark.parametrize(
    ("operands", "results", "reason"),
    [
        ((0,), RESULT, "1 operands, the plan has 2"),
        ((0, 1, 0), RESULT, "more operands than the plan has"),
        ((0, 7), RESULT, "1 operands, the plan has 2"),
        ((0, -1), RESULT, "an operand is -1"),
        ((0, 1), [], "0 results, the plan has 1"),
        ((0, 1), [((4, 7), torch.float32)], "result 0 has 112 bytes, must have 128"),
        ((0, 1), [((4, -8), torch.float32)], "a result's size is -8"),
        ((0, 1), [((2**40, 2**40), torch.float32)], "is too large"),
        ((0, 1), [(4, 8)], None),
        ((0, 1), [7], r"a result is 7, must be \(shape, dtype\)"),
    ],
)
def test_a_plan_that_does_not_fit_the_call_is_refused(
    operands: Any, results: Any, reason: str | None
) -> None:
    calls = Calls()
    with pytest.raises((ValueError, TypeError), match=reason):
        calls.call.remember(pair(), add_plan(), operands, results)
    assert calls.call.remembered == 0


def test_operands_must_be_as_large_as_the_plan_says() -> None:
    with pytest.raises(ValueError, match="operand 1 has 64 bytes, must have 128"):
        Calls().call.remember((torch.zeros(4, 8), torch.zeros(16)), add_plan(), (0, 1), RESULT)


def test_several_results_are_a_tuple() -> None:
    body = "*(int *)s->bindings[0] = 1; *(int *)s->bindings[1] = 2;"
    plan = one_step(Function("two", body, bindings=2), (1, 1, 1), 4, 8, results=2)
    calls = Calls(())
    results = [((), torch.int32), ((1,), torch.int64)]
    assert calls.call.remember((), plan, (), results)
    one, two = calls.call()
    assert (one.item(), one.shape, one.dtype) == (1, (), torch.int32)
    assert (two.shape, two.dtype) == ((1,), torch.int64)


def test_no_result_is_none() -> None:
    calls = Calls(())
    assert calls.call.remember((), Plan([], 0, 0, [], [], [], 0), (), [])
    assert calls.call() is None


def test_results_without_elements_are_allocated_like_others() -> None:
    calls = Calls(("x",))
    calls.call.remember((torch.zeros(0, 64),), square_plan(0), (0,), [((0, 64), torch.float32)])
    out = calls.call(torch.zeros(0, 64))
    assert out.shape == (0, 64)
    assert out.stride() == (64, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"capacity": 0},
        {"capacity": -1},
        {"parameters": (1,)},
        {"parameters": tuple(map(str, range(100)))},
        {"outs": (None,)},
        {"set_devices": ()},
        {"positional": None},
        {"defaults": []},
    ],
)
def test_a_wrong_description_of_an_op_is_refused(wrong: dict[str, Any]) -> None:
    options: dict[str, Any] = {
        "takes_keyset": False,
        "plain_keyset": 0,
        "set_devices": [],
        "parameters": ("x",),
        "positional": 1,
        "defaults": {},
    }
    with pytest.raises((ValueError, TypeError)):
        Call(print, **options | wrong)


def test_a_call_must_say_what_it_serves() -> None:
    with pytest.raises(TypeError, match="needs takes_keyset"):
        Call(print)


def test_calls_that_hold_each_other_are_collected() -> None:
    class Op:
        """Holds a call that calls it."""

        def run(self) -> None:
            """Nothing."""

    op = Op()
    gone = weakref.ref(op)
    op.call = Call(
        op.run,
        takes_keyset=False,
        plain_keyset=0,
        set_devices=[],
        parameters=(),
        positional=0,
        defaults={},
    )
    del op
    gc.collect()
    assert gone() is None


def test_each_thread_is_told_why_its_own_call_was_refused() -> None:
    """One thread waits in its refused call until another one was refused for something else."""
    told: dict[str, str] = {}
    waiting, other = threading.Event(), threading.Event()

    def slow(refused: int, x: Tensor) -> None:
        if x.dtype == torch.int32:
            waiting.set()
            assert other.wait(60)
        told[str(x.dtype)] = REFUSALS[refused]
        other.set()

    call = Call(
        slow,
        takes_keyset=False,
        plain_keyset=0,
        set_devices=[],
        parameters=("x",),
        positional=1,
        defaults={},
        is_told=True,
    )
    call.remember((torch.zeros(1, 64),), square_plan(1), (0,), [((1, 64), torch.float32)])
    thread = threading.Thread(target=call, args=(torch.zeros(1, 64, dtype=torch.int32),))
    thread.start()
    assert waiting.wait(60)
    call(torch.zeros(1, 128)[:, ::2])
    thread.join()
    assert told == {"torch.float32": "strides", "torch.int32": "dtype"}


def test_a_function_that_is_not_told_gets_the_arguments_alone() -> None:
    calls = Calls(is_told=False)
    assert calls.remember(*pair())
    x, y = pair()
    calls.call(x, y, 1, k=2)
    assert calls.passed == [((y, 1), {"k": 2})]
    assert calls.refusals[0] is x


def test_many_arguments_are_passed_on_as_they_came() -> None:
    calls, many = Calls(), tuple(range(1000))
    calls.call(*many, k=1)
    assert calls.passed == [(many, {"k": 1})]


def test_why_a_call_would_be_refused_is_said_without_making_it(calls: Calls) -> None:
    x, y = pair()
    assert calls.call.why_refused(x, y) == 0
    assert REFUSALS[calls.call.why_refused(x, y.T)] == "strides"
    assert REFUSALS[calls.call.why_refused(x, z=y)] == "number of arguments"
    assert (calls.call.hits, calls.passed) == (0, [])
