"""Which calls does the C launcher serve without Python, and is it right about them?"""

from __future__ import annotations

import inspect
import random
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.launch.direct.native import why_absent
from ir_runtime.op_reg import forget_kernels
from ir_runtime.op_reg.call.entrance import make_entrance
from ir_runtime.settings import override_settings
from tests.op_reg.ops import like_first, make_op, op_of, yield_first

pytestmark = pytest.mark.skipif(why_absent() is not None, reason="the C launcher is absent")


def same_op() -> Any:
    """Return an op that nothing was called on, whose result is its argument."""
    return make_op("fast_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first)


SAME = same_op()


def hits_and_selects(packet: Any, call: Callable[[], Any]) -> tuple[int, int]:
    """Return how many calls never reached Python, and how many asked `select`."""
    before = op_of(packet).calls.fast.hits
    with count_since() as counts:
        call()
    return op_of(packet).calls.fast.hits - before, counts[0].selects


def test_the_second_call_never_reaches_python():
    packet, x = same_op(), torch.randn(9)
    assert hits_and_selects(packet, lambda: packet(x)) == (0, 1)
    assert hits_and_selects(packet, lambda: packet(x + 1)) == (1, 0)
    assert torch.equal(packet(x), x)


def test_the_out_overload_is_served_after_a_call_that_was_not():
    packet, x, out = same_op(), torch.randn(9), torch.empty(9)
    packet(x)
    assert hits_and_selects(packet, lambda: packet.out(x, out=out)) == (1, 0)
    assert torch.equal(out, x)


def held_launches(packet: Any) -> set[int]:
    """Return how many launches each cache of an op holds."""
    calls = op_of(packet).calls
    plans = [len(bound.kernel.kernel.direct._plans) for bound in calls.young.values()]
    return {
        len(calls),
        *plans,
        *(c.remembered for c in (*calls.fast._calls, *calls.fast._out_calls)),
    }


def test_more_shapes_than_are_remembered_give_right_results():
    packet = same_op()
    with override_settings(bound_launches=8):
        for n in (*range(1, 30), *range(1, 30)):
            x, out = torch.full((n,), float(n)), torch.empty(n)
            assert torch.equal(packet(x), x)
            assert torch.equal(packet.out(x, out=out), x)
        newest, oldest = torch.zeros(29), torch.zeros(1)
        assert hits_and_selects(packet, lambda: packet(newest)) == (1, 0)
        assert hits_and_selects(packet, lambda: packet(oldest)) == (0, 1)


@pytest.mark.parametrize("bound", [0, 1, 5, 100])
def test_one_setting_bounds_every_cache_of_launches(bound: int):
    packet = SAME
    for most in (bound, 3):  # the second one while they hold more
        with override_settings(bound_launches=most):
            entrance = make_entrance(op_of(packet))
            for n in range(1, 70):
                x = torch.zeros(n)
                packet(x)
                packet.out(x, out=torch.empty(n))
                entrance(x)
            held = held_launches(packet)
        assert max(held) <= max(most, 1)
        assert max(held) >= min(max(most, 1), 69)


def test_all_that_are_remembered_are_served_in_any_order():
    packet, shapes = SAME, [(n, m) for n in range(1, 11) for m in range(1, 11)]
    with override_settings(bound_launches=100):
        for shape in shapes:
            packet(torch.zeros(shape))
        in_any_order = random.Random(0).sample(shapes, len(shapes))

        def call_all() -> None:
            for shape in in_any_order:
                x = torch.randn(shape)
                assert torch.equal(packet(x), x)

        assert hits_and_selects(packet, call_all) == (100, 0)


def test_nothing_forgotten_is_served():
    packet, x = same_op(), torch.randn(9)
    packet(x)
    forget_kernels()
    assert hits_and_selects(packet, lambda: packet(x)) == (0, 1)


def test_nothing_is_served_where_the_vm_is_asked_for():
    packet, x = same_op(), torch.randn(9)
    packet(x)
    with override_settings(launch="vm"):
        assert hits_and_selects(packet, lambda: (packet(x), packet(x))) == (0, 1)


def test_what_another_thread_is_refused_keeps_no_call_from_being_learnt():
    """While a call of a new shape is bound, another thread's call is refused for its strides."""
    wide, known = torch.zeros(18)[::2], torch.zeros(9)

    def select(self: Any, ksel: Any) -> None:
        like_first(self, ksel)
        if ksel.arg_tensor(0).t.shape[0] == 5:
            thread = threading.Thread(target=packet, args=(wide,))
            thread.start()
            thread.join()

    packet = make_op("fast_@UNIQUE@(Tensor x) -> Tensor", select, yield_first)
    packet(known)
    x = torch.randn(5)
    packet(x)
    assert hits_and_selects(packet, lambda: packet(x)) == (1, 0)


def test_what_bind_returns_has_the_signature_of_the_op():
    packet = make_op("bound_@UNIQUE@(Tensor x, Tensor y) -> Tensor", like_first, yield_first)
    bound = packet.bind(torch.zeros(4), torch.zeros(4))
    assert bound.__name__ == op_of(packet).name
    assert bound.__text_signature__ == "(x, y, /)"
    assert list(inspect.signature(bound).parameters) == ["x", "y"]
    assert weakref.ref(bound)() is bound
