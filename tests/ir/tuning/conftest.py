"""An op whose providers take what time a test says, by a clock that a test turns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.ir.tuning.first_call import first_calls
from ir_runtime.ir.tuning.tables import tables
from tests.ir.conftest import library  # noqa: F401 - an op of the test, in a library of its own
from tests.ir.tuning.clock import Clock


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(first_calls, "clock", clock)
    return clock


@pytest.fixture
def op(clock: Clock, store) -> Iterator[ir.IrOp]:
    """`shifted`, with native, `quick` and `even`, which takes an even last size alone."""

    @ir.register_op
    def shifted(x: Tensor, weight: Tensor | None = None, by: float = 1.0) -> Tensor:
        clock.spend("native")
        return x + by

    @shifted.register_impl("quick", constraints=[ir.dtypes("x", torch.float32)])
    def quick(x: Tensor, weight: Tensor | None = None, by: float = 1.0) -> Tensor:
        clock.spend("quick")
        return x + by

    @shifted.register_impl("even", constraints=[ir.divisible("x", -1, 2)])
    def even(x: Tensor, weight: Tensor | None = None, by: float = 1.0) -> Tensor:
        clock.spend("even")
        return x + by

    shifted.impls["iree"].supported = ir.Refusal("the tests compile nothing")
    shifted.set_default(["auto", "native", "quick", "even"])
    first_calls.forget()
    clock.costs.update(native=1000, quick=500, even=800)
    yield shifted
    tables.forget()
