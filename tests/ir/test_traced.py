"""Calls past torch in compiled code: the provider is traced, chosen by the list of the thread."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.settings import override_settings
from tests.ir.ops import is_even, make_scaled, wrapped

pytestmark = pytest.mark.usefixtures("fresh_compiler")
ODD, EVEN = torch.ones(2, 3), torch.ones(2, 4)


@pytest.fixture(autouse=True)
def past_torch():
    with wrapped(False):
        yield


@pytest.fixture
def op():
    op = make_scaled(allow_inplace=True)

    @op.register_impl("even", supports_args=is_even)
    def even(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor + 1

    @op.register_impl("plus_two")
    def plus_two(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor + 2

    return op


def compiled(op, overload: str = "default"):
    function = op if overload == "default" else op.maybe_inplace
    return torch.compile(function, backend="aot_eager", fullgraph=True)


@pytest.mark.parametrize("overload", ["default", "maybe_inplace"])
def test_list_that_native_ends(op, overload):
    call = compiled(op, overload)
    with op.set_priority(["even"]):
        assert torch.equal(call(EVEN), EVEN * 3)
        assert torch.equal(call(ODD), ODD * 2)


def test_each_change_of_the_list_is_noticed(op):
    call = compiled(op)
    assert torch.equal(call(EVEN), EVEN * 2)
    op.set_default(["plus_two"])
    assert torch.equal(call(EVEN), EVEN * 4)
    with op.set_priority(["even"]):
        assert torch.equal(call(EVEN), EVEN * 3)
    assert torch.equal(call(EVEN), EVEN * 4)
    op.clear_default()
    assert torch.equal(call(EVEN), EVEN * 2)


def test_threads_have_their_own(op):
    """Hazard 13."""
    call, barrier = compiled(op), threading.Barrier(2)

    def work(provider: str, expected: float) -> list[float]:
        with op.set_priority([provider, "native"]):
            barrier.wait(30)
            found = [call(EVEN)[0, 0].item() for _ in range(20)]
            barrier.wait(30)
        return [value for value in found if value != expected]

    with wrapped(False), ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(work, "even", 3), pool.submit(work, "plus_two", 4)]:
            assert future.result() == []


def test_new_thread_sees_the_default(op):
    """Hazard 13."""
    op.set_default(["plus_two"])
    call = compiled(op)
    with op.set_priority(["even", "native"]), ThreadPoolExecutor(1) as pool:
        assert torch.equal(call(EVEN), EVEN * 3)
        assert torch.equal(pool.submit(call, EVEN).result(), EVEN * 4)


@pytest.mark.parametrize("overload", ["default", "maybe_inplace"])
@pytest.mark.parametrize("how", ["context", "setting"])
def test_strict_mode(op, overload, how):
    strict = override_settings(strict_priority=True) if how == "setting" else ir.strict_priority()
    call = compiled(op, overload)
    assert torch.equal(call(ODD), ODD * 2)
    with strict:
        with pytest.raises(Exception, match="has no priority, must have one"):
            call(ODD)
        with op.set_priority(["even"]):
            assert torch.equal(call(EVEN), EVEN * 3)
            with pytest.raises(Exception, match="no provider of its priority takes these"):
                call(ODD)
        with op.set_priority(["even", "native"]):
            assert torch.equal(call(ODD), ODD * 2)
    assert torch.equal(call(ODD), ODD * 2)


def test_strict_mode_where_graphs_may_break(op):
    call = torch.compile(op, backend="aot_eager")
    with ir.strict_priority(), pytest.raises(RuntimeError, match="has no priority, must have one"):
        call(ODD)


def test_provider_registered_later(op):
    call = compiled(op)
    assert torch.equal(call(EVEN), EVEN * 2)

    @op.register_impl("late")
    def late(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor + 4

    with op.set_priority(["late"]):
        assert torch.equal(call(EVEN), EVEN * 6)


def test_gradient_of_a_provider_that_is_traced(op):
    x = EVEN.clone().requires_grad_()
    with op.set_priority(["even", "native"]):
        compiled(op)(x).sum().backward()
    assert torch.equal(x.grad, torch.full_like(EVEN, 2.0))
