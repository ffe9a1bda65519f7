"""Does anything stay behind when calls are served, refused, remembered, or end in an error?"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ir_runtime.launch.direct.native._launcher import BoundCall, Plan
from tests.launch.native.calls import RESULT, Calls, add_plan, pair
from tests.launch.native.libraries import Function, one_step

CALLS = 100_000
pytestmark = pytest.mark.full
FULL_INPUTS = (
    "ir_runtime/launch/direct/native/*.[ch]",
    "ir_runtime/launch/direct/native/*/*.[ch]",
    "ir_runtime/op_reg",
    "tests/launch/native/*.py",
)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _grows(act: Callable[[], object], times: int) -> int:
    for _ in range(times // 10):
        act()
    gc.collect()
    before = _resident_bytes()
    for _ in range(times):
        act()
    gc.collect()
    return _resident_bytes() - before


def _refused_plan() -> None:
    with pytest.raises(ValueError, match="step 1"):
        Plan([], 0, 1, [64], [64], [("fill", (0, 0, 64), b"1"), ("fill", (2, 0, 64), b"1")], 64)


def test_hits_leave_nothing_behind() -> None:
    calls, plan = Calls(("x", "y", "n")), add_plan()
    x, y = pair()
    named = ["name"]
    assert calls.remember(x, y, named, plan=plan)
    gc.collect()  # what other tests left holds None, too
    counts = [sys.getrefcount(o) for o in (x, y, named, plan, None, torch.float32)]
    assert _grows(lambda: calls.call(x, y, named), CALLS) < CALLS * 8
    after = [sys.getrefcount(o) for o in (x, y, named, plan, None, torch.float32)]
    # what other tests left comes and goes; a leak is one a call
    assert max(abs(a - b) for a, b in zip(counts, after, strict=True)) < CALLS // 10


@pytest.mark.parametrize("what", ["strided", "other", "out", "bound", "bound refused", "run"])
def test_other_ways_leave_nothing_behind(what: str) -> None:
    x, y = pair()
    out, strided, plan = torch.empty(4, 8), torch.zeros(8, 4).T, add_plan()
    calls = Calls()
    calls.remember(x, y)
    outs = Calls(outs=("out",))
    outs.remember(x, y)
    bound = BoundCall("add", (x, y), plan, (0, 1), RESULT)

    def refuse() -> None:
        with pytest.raises(ValueError, match="strides"):
            bound(x, strided)

    acts: dict[str, Callable[[], object]] = {
        "strided": lambda: (calls.call(x, strided), calls.passed.clear()),
        "other": lambda: (calls.call(x, 1.0), calls.passed.clear()),
        "out": lambda: outs.call(x, y, out=out),
        "bound": lambda: bound(x, y),
        "bound refused": refuse,
        "run": lambda: plan.run([x, y], [out]),
    }
    count = sys.getrefcount(x), sys.getrefcount(out), sys.getrefcount(plan)
    assert _grows(acts[what], CALLS // 5) < CALLS // 5 * 8
    assert (sys.getrefcount(x), sys.getrefcount(out), sys.getrefcount(plan)) == count


def test_what_is_forgotten_leaves_nothing_behind() -> None:
    calls, plan = Calls(("x", "y", "n")), add_plan()
    x, y = pair()
    count = sys.getrefcount(plan)
    assert _grows(lambda: calls.remember(x, y, ["a", 1.0, None], plan=plan), 20_000) < 20_000 * 16
    calls.call.clear()
    assert sys.getrefcount(plan) == count


def test_plans_and_errors_leave_nothing_behind() -> None:
    failing = one_step(Function("fail", "return 1;", bindings=1), (1, 1, 1), 4)
    out = torch.zeros(1)

    def fail() -> None:
        with pytest.raises(RuntimeError):
            failing.run([], [out])

    assert _grows(fail, 5000) < 5000 * 32
    assert _grows(_refused_plan, 5000) < 5000 * 32
    fills = [("fill", (i, 0, 64), b"1") for i in range(50)]
    assert _grows(lambda: Plan([], 0, 0, [], [64] * 50, fills, 64), 5000) < 5000 * 32
