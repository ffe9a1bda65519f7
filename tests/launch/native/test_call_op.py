"""What comes between the dispatcher and a kernel that was found?  Checks, gradients, modes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.library import Library

from ir_runtime.launch.direct.native._launcher import REFUSALS
from tests.launch.native.calls import Calls, pair
from tests.launch.native.libraries import Function, one_step


def test_a_current_device_sends_calls_the_long_way(calls: Calls) -> None:
    calls.devices.append("device")
    assert calls.refusal(*pair()) == "current device"
    calls.devices.clear()
    assert isinstance(calls.call(*pair()), Tensor)


def test_an_op_checks_its_arguments_before_it_runs() -> None:
    seen: list[Any] = []

    def check(*args: Any) -> None:
        seen.append(args)
        if len(seen) > 1:
            raise IndexError("out of range")

    calls = Calls(("x", "y", "n"), check=check, positional=2, defaults={"n": 7})
    x, y = pair()
    calls.remember(x, y, 7)
    assert torch.equal(calls.call(x, y), x + y)
    with pytest.raises(IndexError, match="out of range"):
        calls.call(x, y)
    assert seen[0] == (x, y, 7)
    assert calls.passed == []


def test_an_op_may_answer_itself() -> None:
    answers = iter([NotImplemented, "mine"])
    calls = Calls(eager=lambda x, y: next(answers))
    x, y = pair()
    calls.remember(x, y)
    assert torch.equal(calls.call(x, y), x + y)
    assert calls.call(x, y) == "mine"
    assert calls.call.hits == 1


def test_what_a_check_does_to_the_tensors_is_seen() -> None:
    x, y = pair()
    calls = Calls(check=lambda x, y: y.untyped_storage().resize_(0))
    calls.remember(x, y)
    assert calls.refusal(x, y) == "null data"


def test_a_call_may_be_cleared_while_it_runs() -> None:
    calls = Calls(check=lambda x, y: calls.call.clear())
    x, y = pair()
    calls.remember(x, y)
    assert calls.refusal(x, y) == "unknown arguments"


def test_a_failing_dispatch_raises() -> None:
    calls = Calls(())
    plan = one_step(Function("fail", "return 3;", bindings=0), (1, 1, 1), results=0)
    calls.call.remember((), plan, (), [])
    with pytest.raises(RuntimeError, match=r"^test: fail returned 3"):
        calls.call()
    assert calls.passed == []


LIBRARY = Library("native_call_tests", "DEF")
LIBRARY.define("add(Tensor x, Tensor y) -> Tensor")
CALLS = Calls(takes_keyset=True, answer=lambda keyset, x, y: torch.add(x, y))
LIBRARY.impl("add", CALLS.call, "Autograd", with_keyset=True)


@pytest.fixture
def registered() -> tuple[Any, Calls]:
    CALLS.call.clear()
    CALLS.passed.clear()
    assert CALLS.remember(*pair())
    return torch.ops.native_call_tests.add.default, CALLS


def test_the_dispatcher_is_served(registered: tuple[Any, Calls]) -> None:
    add, calls = registered
    x, y = pair()
    hits = calls.call.hits
    assert torch.equal(add(x, y), x + y)
    assert (calls.call.hits, calls.passed) == (hits + 1, [])


def _passed_on(registered: tuple[Any, Calls], x: Any, y: Any) -> str:
    add, calls = registered
    count, hits = len(calls.passed), calls.call.hits
    assert torch.equal(add(x, y), x + y)
    assert (len(calls.passed), calls.call.hits) == (count + 1, hits)
    return REFUSALS[calls.refusals[-1]]


def test_a_gradient_is_not_lost(registered: tuple[Any, Calls]) -> None:
    x, y = pair()
    y.requires_grad_()
    assert _passed_on(registered, x, y) == "requires grad"


def test_a_gradient_that_nothing_records_does_not_matter(registered: tuple[Any, Calls]) -> None:
    add, calls = registered
    x, y = pair()
    y.requires_grad_()
    with torch.no_grad():
        assert torch.equal(add(x, y), x + y)
    assert calls.passed == []


def test_neg_views_are_passed_on(registered: tuple[Any, Calls]) -> None:
    x, y = pair()
    assert _passed_on(registered, x, torch._neg_view(y)) == "dispatch keys"


def test_forward_mode_gradients_are_passed_on(registered: tuple[Any, Calls]) -> None:
    x, y = pair()
    with torch.autograd.forward_ad.dual_level():
        assert _passed_on(registered, x, y) == "forward-mode gradients"


def test_functionalized_tensors_are_passed_on(registered: tuple[Any, Calls]) -> None:
    add, calls = registered
    x, y = pair()
    result = add(torch._to_functional_tensor(x), torch._to_functional_tensor(y))
    assert REFUSALS[calls.refusals[-1]] == "dispatch keys"
    assert torch.equal(torch._from_functional_tensor(result), x + y)
