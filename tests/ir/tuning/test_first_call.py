"""`IR_RUNTIME_TUNE=first-calls`: measured once, and never where extra calls would show."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.ir.log import logger
from ir_runtime.ir.tuning import first_call
from ir_runtime.ir.tuning.first_call import first_calls
from ir_runtime.launch.direct import native
from ir_runtime.settings import override_settings
from tests.ir.tuning.test_tune import X, used


@pytest.fixture(autouse=True)
def measuring(op):
    with override_settings(tune="first-calls"):
        yield


@pytest.mark.parametrize("wrap", [True, False])
def test_a_class_is_measured_when_it_is_first_called(op, clock, wrap):
    with ir.enable_torch_wrap(wrap):
        assert torch.equal(op(X), X + 1)
        assert clock.calls["quick"] > 5
        assert used(op, clock, X) == "quick"
        assert sum(clock.calls.values()) == 1
        op(torch.ones(8, 4))
        assert clock.calls["native"] > 5


def test_only_auto_priorities_are_measured(op, clock):
    with op.set_priority(["native"]):
        assert used(op, clock, X) == "native"
    assert sum(clock.calls.values()) == 1


def test_nothing_is_measured_into_a_pinned_table(op, clock, tmp_path):
    with override_settings(tuned_table=tmp_path / "pinned.json"):
        assert used(op, clock, X) == "native"
    assert sum(clock.calls.values()) == 1


def test_nothing_is_measured_while_something_watches(op, clock):
    def count(function) -> int:
        clock.calls.clear()
        function()
        return sum(clock.calls.values())

    def through_op(x: Tensor) -> Tensor:
        return op(x)

    class Mode(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            return func(*args, **(kwargs or {}))

    with ir.enable_torch_wrap(False):
        with Mode():
            assert count(lambda: op(X)) == 1
        assert count(lambda: torch.fx.experimental.proxy_tensor.make_fx(op)(X)) <= 1
        with torch._subclasses.FakeTensorMode():
            assert count(lambda: op(torch.ones(2, 4))) <= 1
        assert count(lambda: torch.compile(op, backend="eager")(X)) <= 2
        assert count(lambda: torch.jit.trace(through_op, X, check_trace=False)) <= 2
    assert count(lambda: op(X)) > 5  # nothing of that counts as measured


def test_a_gradient_passes_through_a_measured_call(op, clock):
    x = X.clone().requires_grad_()
    op(x).sum().backward()
    assert torch.equal(x.grad, torch.ones(2, 4))


def test_arguments_that_a_provider_writes_are_copied(clock, store):
    @ir.register_op(allow_inplace=True)
    def added(x: Tensor, by: float = 1.0) -> Tensor:
        return x + by

    @added.register_impl("written", inplace=True)
    def written(x: Tensor, by: float = 1.0) -> Tensor:
        return x.add_(by)

    @added.register_impl("rude")
    def rude(x: Tensor, by: float = 1.0) -> Tensor:
        return x.mul_(0)  # against its contract

    added.impls["iree"].supported = False
    added.set_default(["auto", "native", "written", "rude"])
    x = X.clone()
    assert torch.equal(added(x), X + 1)
    assert torch.equal(x, X)
    longer = torch.ones(4, 4)
    assert torch.equal(added.maybe_inplace(longer), torch.full((4, 4), 2.0))
    assert "written" in added.explain(torch.ones(4, 4)).ranking.order
    left_out = added.explain(X).ranking.left_out
    assert "rude" in left_out
    assert "written" not in left_out


def test_what_the_op_refuses_is_not_measured(op, clock):
    with pytest.raises(RuntimeError, match="value of type 'float'"):
        op(X, by="nothing")
    assert sum(clock.calls.values()) == 0


def test_only_so_many_classes_are_measured(op, clock, monkeypatch, caplog):
    monkeypatch.setattr(first_call, "MOST_CLASSES", 2)
    with caplog.at_level(logging.WARNING, logger.name):
        for tokens in (1, 2, 4, 8):
            op(torch.ones(tokens, 4))
    measured = [op.explain(torch.ones(n, 4)).ranking is not None for n in (1, 2, 4, 8)]
    assert measured == [True, True, False, False]
    assert caplog.text.count("no more are in this process") == 1


def test_a_provider_that_calls_the_op_itself(op, clock):
    @op.register_impl("nested")
    def nested(x: Tensor, weight: Tensor | None = None, by: float = 1.0) -> Tensor:
        with op.set_priority(["quick", "native"]):
            return op(x, weight, by)

    op.set_default(["auto", "native", "nested"])
    assert torch.equal(op(X), X + 1)
    assert "nested" in op.explain(X).ranking.order


@pytest.mark.skipif(native.why_absent() is not None, reason="the C launcher is not built")
def test_remembered_calls_do_not_ask_again(op, clock):
    with ir.enable_torch_wrap(False):
        op(X)
        for x in (X, X.t().contiguous().t()):
            op(x)
            choice = op.default_priority.plain.__self__
            before = choice.hits
            for _ in range(3):
                assert torch.equal(op(x), X + 1)
            assert choice.hits - before == 3
        first_calls.forget()
