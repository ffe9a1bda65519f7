"""Does a `Call` serve any number of a range with one plan, and pass on all other values?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.launch.direct.native._launcher import Plan
from tests.launch.native.calls import Calls
from tests.launch.native.libraries import Function, executable

TIMES = Function(
    "times",
    "const float *x = s->bindings[0]; float *out = s->bindings[1];"
    "for (int i = 0; i < 32; i++) out[i] = x[i] * s->constants[1] + s->constants[0];",
    bindings=2,
    constants=2,
)
LOWEST, OWN, HIGHEST = 2, 3, 9


def plan(**options: Any) -> Plan:
    step = ("dispatch", 0, 0, (1, 1, 1), (5, OWN), ((0, 0, 128), (1, 0, 128)))
    options = {"patched": ((0, 1), (1, 1)), **options}
    return Plan([executable(TIMES)], 1, 1, [128, 128], [], [step, step], 256, **options)


def taught(**options: Any) -> Calls:
    calls = Calls(("x", "n"))
    options = {"alike": (1, LOWEST, HIGHEST), **options}
    result = [((4, 8), torch.float32)]
    assert calls.call.remember((torch.zeros(4, 8), OWN), plan(), (0,), result, **options)
    return calls


def wanted(x: Tensor, number: int) -> Tensor:
    return x * number + 5


def test_numbers_of_the_range_are_served_by_one_plan() -> None:
    calls, x = taught(), torch.randn(4, 8)
    for number in (OWN, LOWEST, HIGHEST, OWN):
        assert torch.equal(calls.call(x, number), wanted(x, number))
    assert (calls.call.hits, calls.call.remembered, calls.passed) == (4, 1, [])


@pytest.mark.parametrize("value", [LOWEST - 1, HIGHEST + 1, -3, 2**70, True, 3.0, None, "3"])
def test_other_values_are_passed_on(value: Any) -> None:
    calls = taught()
    assert calls.refusal(torch.zeros(4, 8), value) == "value"


def test_threads_have_their_own_numbers() -> None:
    calls, x = taught(), torch.randn(4, 8)

    def run(number: int) -> bool:
        return all(torch.equal(calls.call(x, number), wanted(x, number)) for _ in range(2000))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, (2, 5, 7, 9)))
    assert calls.call.hits == 8000


def test_without_a_range_a_number_is_as_it_is() -> None:
    calls, x = taught(alike=None), torch.randn(4, 8)
    assert torch.equal(calls.call(x, OWN), wanted(x, OWN))
    assert calls.refusal(x, LOWEST) == "value"


def test_plan_alone_has_its_own_number() -> None:
    x, out = torch.randn(4, 8), torch.empty(4, 8)
    assert plan().run([x], [out]) == 0
    assert torch.equal(out, wanted(x, OWN))


@pytest.mark.parametrize(
    ("alike", "said"),
    [
        (3, r"must be \(position, lowest, highest\)"),
        ((1, 2), r"must be \(position, lowest, highest\)"),
        ((2, 2, 9), "must be one that the plan is patched with"),
        ((1, 4, 9), "the number 3 must be from 4 to 9"),
        ((0, 2, 9), "must be from 2 to 9"),
        ((1, -1, 9), "the lowest number of a range"),
    ],
)
def test_bad_ranges_are_refused(alike: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        taught(alike=alike)


@pytest.mark.parametrize(
    ("patched", "said"),
    [
        ((5,), r"must be \(step, constant\)"),
        (((2, 0),), "must be a constant of a dispatch"),
        (((0, 2),), "must be a constant of a dispatch"),
        (((0, "1"),), "a patched number"),
    ],
)
def test_bad_patches_are_refused(patched: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        plan(patched=patched)


def test_range_of_a_plan_that_is_not_patched_is_refused() -> None:
    calls, result = Calls(("x", "n")), [((4, 8), torch.float32)]
    with pytest.raises(ValueError, match="must be one that the plan is patched with"):
        calls.call.remember((torch.zeros(4, 8), 3), plan(patched=()), (0,), result, alike=(1, 2, 9))
