"""Kernels made from native: the calls that they take, and those that the next provider computes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.errors import ArgumentError, OpConflictError, OpDefinitionError
from ir_runtime.op_reg import traced_op
from kernels_mlir.activation.gelu import gelu_op

NOTHING = torch.zeros(0, 4)
"""Its kernel is selected, but compiled only for a call with elements."""


@pytest.fixture
def doubled() -> Iterator[ir.IrOp]:
    @ir.register_op(name="limit_kernel_doubled")
    def native(x: Tensor) -> Tensor:
        return x * 2

    yield native
    del ir.IrOp.registry[native.name]


def test_a_constraint_comes_before_the_kernel_itself(doubled: ir.IrOp):
    ir.limit_kernel(doubled, [ir.dtypes("x", torch.float32)])
    with doubled.set_priority(["iree", "native"]):
        assert doubled.dispatch(NOTHING).provider == "iree"
        assert doubled.dispatch_guarded(NOTHING).provider == "iree"
        for found in (doubled.dispatch(NOTHING.double()), doubled.dispatch_guarded(NOTHING.half())):
            assert found.provider == "native"
        assert "`x` is f64, must be f32" in doubled.explain(NOTHING.double()).verdicts[0].reason
        assert torch.equal(
            doubled(torch.ones(2, dtype=torch.float64)), torch.full((2,), 2.0).double()
        )


@pytest.mark.parametrize("limited", [False, True])
def test_native_computes_what_cannot_be_traced(limited: bool):
    @ir.register_op(name="limit_kernel_of_values")
    def of_values(x: Tensor) -> Tensor:
        return x * float(x.sum())

    try:
        if limited:
            ir.limit_kernel(of_values, [ir.dtypes("x", torch.float32)])
        for auto in (False, True):
            of_values.priority.set_default(["iree", "native"], auto=auto)
            assert torch.equal(of_values(torch.ones(2)), torch.full((2,), 2.0))
            assert of_values.dispatch_guarded(torch.ones(2)).provider == "native"
    finally:
        del ir.IrOp.registry[of_values.name]


def test_an_op_with_a_kernel_of_its_own_is_refused():
    with pytest.raises(OpConflictError, match="gelu: provider iree is registered already"):
        ir.limit_kernel(gelu_op, [])


def test_a_constraint_on_no_argument_is_refused(doubled: ir.IrOp):
    with pytest.raises(OpDefinitionError, match="a constraint is about `y`, must be about one of"):
        ir.limit_kernel(doubled, [ir.dtypes("y", torch.float32)])


def test_a_check_of_values_comes_before_the_kernel(doubled: ir.IrOp):
    @doubled.register_value_check
    def refuse_negative(x: Tensor) -> None:
        if (x < 0).any():
            raise ArgumentError("limit_kernel_doubled: `x` has a negative number")

    with doubled.set_priority(["iree"]), pytest.raises(ArgumentError, match="a negative number"):
        doubled.impls["iree"].functional(torch.tensor([-1.0]))


def test_only_calls_that_the_launcher_does_not_know_are_asked(doubled: ir.IrOp, monkeypatch):
    @doubled.register_impl("tripled")
    def tripled(x: Tensor) -> Tensor:
        return x * 3

    def asked(*_: object) -> None:
        raise AssertionError

    even = ir.fits("x", "of an even number of columns", lambda x: x.shape[1] % 2 == 0)
    ir.limit_kernel(doubled, [even])
    x, odd = torch.ones(3, 8), torch.ones(3, 7)
    with doubled.set_priority(["iree", "tripled"]):
        for _ in range(2):
            assert torch.equal(doubled(x), x * 2)
            assert torch.equal(doubled(odd), odd * 3)
        monkeypatch.setattr(traced_op, "refusal", asked)
        assert torch.equal(doubled(x + 1), x * 4)
        with pytest.raises(AssertionError):
            doubled(x[:2])
