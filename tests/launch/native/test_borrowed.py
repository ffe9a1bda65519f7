"""Does a call survive what happens to its arguments while it looks at them?

Torch's own methods release the GIL, so that another thread may run in the midst of a call. Here a
method of the class does what that thread would do.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from ir_runtime.launch.direct.native._launcher import REFUSALS, BoundCall, Executable, Plan
from tests.launch.native.calls import RESULT, Calls, add_plan, pair
from tests.launch.native.libraries import SQUARE, compile_c, library_source, square_plan

IS_NEG = Tensor.is_neg


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Let something happen once, after the tensors of a call were described."""

    def arrange(act: Callable[[], object]) -> None:
        acts = [act]

        def is_neg(self: Tensor) -> bool:
            while acts:
                acts.pop()()
            return IS_NEG(self)

        monkeypatch.setattr(Tensor, "is_neg", is_neg)

    return arrange


def test_tensors_of_a_list_are_held(meanwhile: Any) -> None:
    xs = list(pair())
    wanted, alive = xs[0] + xs[1], weakref.ref(xs[1])
    bound = BoundCall("add", (xs,), add_plan(), (0,), RESULT)
    seen: list[bool] = []
    meanwhile(lambda: (xs.clear(), seen.append(alive() is not None)))
    assert torch.equal(bound(xs), wanted)
    assert seen == [True]
    gc.collect()
    assert alive() is None


def test_a_tensor_that_a_list_gained_is_not_taken_for_a_described_one(meanwhile: Any) -> None:
    x, y = pair()
    calls = Calls(("xs",), autocast={})
    assert calls.remember([x, y], operands=(0,))
    xs = [x]
    meanwhile(lambda: xs.append(y))
    assert calls.refusal(xs) == "kind of argument"


def test_a_tensor_that_a_list_lost_is_refused(meanwhile: Any) -> None:
    x, y = pair()
    calls = Calls(("xs",), autocast={})
    assert calls.remember([x, y], operands=(0,))
    xs = [x, y]
    meanwhile(xs.pop)
    assert calls.refusal(xs) == "value"


@pytest.mark.parametrize("guarded", [True, False])
def test_a_tensor_that_lost_its_memory_is_refused(meanwhile: Any, guarded: bool) -> None:
    x = torch.ones(8, 64)
    meanwhile(x.set_)
    if guarded:
        calls = Calls(("x",), autocast={})
        result = [((8, 64), torch.float32)]
        calls.call.remember((torch.ones(8, 64),), square_plan(8), (0,), result)
        assert calls.refusal(x) == "storage"
    else:
        bound = BoundCall("s", (torch.ones(8, 64),), square_plan(8), (0,), [(x.shape, x.dtype)])
        with pytest.raises(ValueError, match=r"\(storage\)"):
            bound(x)


def test_sizes_are_those_that_were_seen(meanwhile: Any) -> None:
    """Torch keeps the sizes of many dimensions in memory of their own, and frees it."""
    many = (1,) * 12 + (64,)
    x = torch.randn(many)
    wanted = x * x
    calls = Calls(("x",), autocast={})
    calls.call.remember((x,), square_plan(1), (0,), [(many, torch.float32)])
    meanwhile(lambda: x.resize_(64))
    assert torch.equal(calls.call(x), wanted)


def test_a_plan_looks_at_memory_last(meanwhile: Any) -> None:
    x, out = torch.randn(8, 64), torch.empty(8, 64)
    meanwhile(x.set_)
    assert REFUSALS[square_plan(8).run([x], [out])] == "storage"


class Teacher:
    """Teaches a call as the plan that holds it goes."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def __call__(self, rows: bytes) -> None:
        """Nothing."""

    def __del__(self) -> None:
        self._calls.call.remember(("taught",), Plan([], 0, 0, [], [], [], 0), (), [])


def test_no_more_is_remembered_than_there_is_room_for() -> None:
    calls = Calls(("n",), capacity=2)
    for n in range(2):
        plan = Plan([], 0, 1, [0], [], [], 0, (), 1, Teacher(calls))
        calls.call.remember((n,), plan, (), [])
        del plan
    calls.call.remember((7,), Plan([], 0, 0, [], [], [], 0), (), [])
    assert calls.call.remembered == 2
    calls.call.clear()


def test_defaults_stay_what_they_were() -> None:
    defaults = {"n": 7}
    calls = Calls(("x", "y", "n"), positional=2, defaults=defaults)
    x, y = pair()
    assert calls.remember(x, y, 7)
    defaults.clear()
    assert torch.equal(calls.call(x, y), x + y)


class Level:
    """A level of forward mode that is no int."""

    def __index__(self) -> int:
        forward_ad._current_level = -1  # the last reference to this object
        return -1


def test_a_level_that_runs_code_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, (x, y) = Calls(autocast={}), pair()
    assert calls.remember(x, y)
    monkeypatch.setattr(forward_ad, "_current_level", Level())
    assert calls.refusal(x, y) == "forward-mode gradients"


def test_a_plan_of_other_results_is_not_run_into_the_given_ones() -> None:
    calls, (x, y) = Calls(outs=("out0", "out1")), pair()
    assert calls.remember(x, y)
    outs = torch.empty(4, 8), torch.empty(4, 8)
    assert calls.refusal(x, y, out0=outs[0], out1=outs[1]) == "number of arguments"


def test_code_that_may_change_while_it_is_loaded_is_refused() -> None:
    elf = compile_c(library_source((SQUARE,)))
    for changeable in (bytearray(elf), memoryview(bytearray(elf))):
        with pytest.raises(TypeError):
            Executable("square", changeable)
