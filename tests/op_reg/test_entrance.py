"""Which calls of an op's own entrance stay out of torch, and do all others go through it?"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.errors import ArgumentError, NotDifferentiableError
from ir_runtime.launch.direct import native
from ir_runtime.op_reg import forget_kernels
from ir_runtime.op_reg.call.entrance import direct_entrance, make_entrance
from tests.op_reg import ops
from tests.op_reg.ops import like_first, like_first_of_two, make_op, op_of, yield_first, yield_sum
from tests.op_reg.test_autocast import cast_product
from tests.test_tracing import files_of_a_call

pytestmark = pytest.mark.skipif(native.why_absent() is not None, reason="no C launcher")

X, Y = torch.randn(4, 8), torch.randn(4, 8)


def word(entrance: Any, *args: Any) -> str:
    """Return why a call is not served."""
    from ir_runtime.launch.direct.native._launcher import REFUSALS

    return REFUSALS.get(entrance.why_refused(*args), "")


def warm(packet: Any, *args: Any) -> Any:
    """Return an entrance that has served a call like this one."""
    entrance = direct_entrance(op_of(packet))
    for _ in range(3):
        entrance(*args)
    assert entrance.hits > 0
    return entrance


def test_a_plain_call_is_a_hit_and_never_reaches_the_dispatcher() -> None:
    entrance = make_entrance(op_of(ops.add))
    entrance(X, Y)
    fast = op_of(ops.add).calls.fast
    assert fast is not None
    before = fast.hits
    with count_since() as counts:
        assert torch.equal(entrance(X, Y), X + Y)
    assert fast.hits == before + 1
    assert counts[0].selects == 0


def test_results_are_new_in_each_call() -> None:
    entrance = warm(ops.add, X, Y)
    assert entrance(X, Y).data_ptr() != entrance(X, Y).data_ptr()


def test_plans_that_other_entrances_remember_are_known_to_it() -> None:
    entrance = warm(ops.add, X, Y)
    forget_kernels()
    for _ in range(3):
        ops.add(X, Y)
    before = entrance.hits
    assert torch.equal(entrance(X, Y), X + Y)
    assert entrance.hits == before + 1


def test_plans_remembered_in_inference_mode_are_known_to_it() -> None:
    """Inference tensors have no autograd key, so that they reach another entrance."""
    entrance = warm(ops.add, X, Y)
    with torch.inference_mode():
        x = torch.randn(5, 7)
        for _ in range(3):
            result = entrance(x, x)
        assert result.is_inference()
        assert word(entrance, x, x) == ""
    assert torch.equal(result, x + x)


def test_an_op_whose_calls_differ_serves_each_shape() -> None:
    entrance = warm(ops.add, X, Y)
    for _ in range(2):
        for n in (1, 2, 3, 0):
            x = torch.randn(n, 3)
            assert torch.equal(entrance(x, x), x + x)
    assert word(entrance, torch.randn(2, 3), torch.randn(2, 3)) == ""


def test_arguments_with_a_default_may_be_left_out() -> None:
    entrance = warm(ops.scale, X)
    before = entrance.hits
    assert torch.equal(entrance(X), X * 2)
    assert torch.equal(entrance(X, 2.0), X * 2)
    assert entrance.hits == before + 2
    assert torch.equal(entrance(X, 3.0), X * 3)


def test_keyword_only_arguments_are_positional_here() -> None:
    entrance = warm(ops.keyed, X, 2.0, Y)
    before = entrance.hits
    assert torch.equal(entrance(X, 2.0, Y), X * 2 + Y)
    assert entrance.hits == before + 1
    assert torch.equal(entrance(X, 4.0), X * 4)


def test_several_results_are_a_tuple() -> None:
    entrance = warm(ops.sum_and_difference, X, Y)
    total, difference = entrance(X, Y)
    assert torch.equal(total, X + Y)
    assert torch.equal(difference, X - Y)


def test_a_gradient_arrives() -> None:
    entrance = warm(ops.add, X, Y)
    x = X.clone().requires_grad_()
    result = entrance(x, Y)
    assert word(entrance, x, Y) == "requires grad"
    (result * 3).sum().backward()
    assert torch.equal(x.grad, torch.full_like(X, 3.0))


def test_a_gradient_that_is_not_recorded_does_not_matter() -> None:
    entrance, x = warm(ops.add, X, Y), X.clone().requires_grad_()
    before = entrance.hits
    with torch.no_grad():
        assert torch.equal(entrance(x, Y), X + Y)
    assert entrance.hits == before + 1


class _FunctionMode(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class _DispatchMode(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(func)
        return func(*args, **(kwargs or {}))


def test_a_dispatch_mode_sees_the_torch_op() -> None:
    entrance = warm(ops.add, X, Y)
    with _DispatchMode() as mode:
        entrance(X, Y)
    assert mode.seen == [ops.add.default]


@pytest.mark.parametrize(
    ("active", "expected"),
    [
        (_FunctionMode, "active mode"),
        (lambda: torch.device("cpu"), "active mode"),
        (torch.autograd.forward_ad.dual_level, "forward-mode gradients"),
        (torch.profiler.profile, "profiler"),
        (lambda: Device("local-sync"), "current device"),
    ],
)
def test_what_is_active_around_a_call_sends_it_through_torch(active: Any, expected: str) -> None:
    entrance = warm(ops.add, X, Y)
    context: AbstractContextManager[Any] = active()
    with context:
        assert torch.equal(entrance(X, Y), X + Y)
        assert word(entrance, X, Y) == expected
    assert torch.equal(entrance(X, Y), X + Y)
    assert word(entrance, X, Y) == ""


def test_fake_tensors_give_a_fake_result() -> None:
    entrance = warm(ops.add, X, Y)
    mode = FakeTensorMode()
    fake = mode.from_tensor(X)
    for result in (entrance(fake, fake), mode.from_tensor(entrance(X, Y))):
        assert isinstance(result, torch._subclasses.FakeTensor)
        assert result.shape == X.shape


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: torch._neg_view(X), "neg"),
        (lambda: X.t().contiguous().t(), "strides"),
    ],
)
def test_other_tensors_go_through_torch_and_are_right(make: Any, expected: str) -> None:
    entrance, x = warm(ops.add, X, Y), make()
    result = entrance(x, Y)
    assert word(entrance, x, Y) == expected
    assert torch.equal(result, x.resolve_neg() + Y)


@pytest.mark.parametrize("x", [torch.randn(33)[1:].view(4, 8), X, torch.randn(36)[3:35].view(4, 8)])
@pytest.mark.parametrize("y", [torch.randn(37)[5:].view(4, 8), Y])
def test_the_launcher_copies_small_tensors_that_are_not_aligned(x: Tensor, y: Tensor) -> None:
    entrance = warm(ops.add, X, Y)
    with count_since() as counts:
        result = entrance(x, y)
    assert word(entrance, x, y) == ""
    assert torch.equal(result, x + y)
    assert counts[0].copies == sum(t.data_ptr() % 64 != 0 for t in (x, y))


def test_large_tensors_that_are_not_aligned_are_copied_by_torch() -> None:
    x = torch.randn((64 << 10) // 4 + 9)
    aligned, beyond = x[:-1].view(-1, 8), x[1:].view(-1, 8)
    entrance = warm(ops.add, aligned, aligned)
    assert word(entrance, beyond, aligned) == "alignment"
    with count_since() as counts:
        assert torch.equal(entrance(beyond, aligned), beyond + aligned)
    assert counts[0].copies == 1


def test_results_are_never_written_to_a_copy() -> None:
    out = torch.zeros(33)[1:].view(4, 8)
    ops.add.out(X, Y, out=torch.empty_like(X))
    ops.add.out(X, Y, out=out)
    assert torch.equal(out, X + Y)


def test_vmap_of_it() -> None:
    packet = make_op(
        "identity_@UNIQUE@(Tensor x, Tensor y) -> Tensor", like_first_of_two, yield_sum, vmap="loop"
    )
    entrance = warm(packet, X, Y)
    batched = torch.randn(3, 4, 8)
    assert torch.equal(torch.vmap(entrance, in_dims=(0, None))(batched, Y), batched + Y)
    words: list[str] = []
    inside = torch.vmap(lambda x: (words.append(word(entrance, X, Y)), x * entrance(X, Y))[1])
    assert torch.equal(inside(batched), batched * (X + Y))
    assert words == ["active mode"]


def test_a_functorch_gradient_of_it() -> None:
    entrance = warm(ops.add, X, Y)
    found = torch.func.grad(lambda x: entrance(x, Y).sum())(X)
    assert torch.equal(found, torch.ones_like(X))


def test_make_fx_records_the_torch_op() -> None:
    graph = make_fx(make_entrance(op_of(ops.add)))(X, Y).graph
    assert ops.add.default in [node.target for node in graph.nodes]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_jit_tracing_records_the_torch_op() -> None:
    entrance = make_entrance(op_of(ops.add))
    for _ in range(2):
        entrance(X, Y)
    traced = torch.jit.trace(entrance, (X, Y))
    assert torch.equal(traced(Y, Y), Y + Y)


def test_it_compiles_without_a_graph_break() -> None:
    entrance = make_entrance(op_of(ops.keyed))
    compiled = torch.compile(lambda x, y: entrance(x, 2.0, y) + 1, fullgraph=True)
    assert torch.equal(compiled(X, Y), X * 2 + Y + 1)


def test_autocast_matters_where_the_op_has_a_rule() -> None:
    packet = cast_product()
    entrance = warm(packet, X, Y)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert entrance(X, Y).dtype == torch.bfloat16
        assert word(entrance, X, Y) == "autocast"
    assert entrance(X, Y).dtype == torch.float32


def test_autocast_does_not_matter_without_a_rule() -> None:
    entrance = warm(ops.add, X, Y)
    before = entrance.hits
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(entrance(X, Y), X + Y)
    assert entrance.hits == before + 1


def test_values_are_checked_in_each_call() -> None:
    def check(self: Any, x: Tensor) -> None:
        if x[0] < 0:
            raise ArgumentError("checked: negative")

    packet = make_op("checked_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first, check=check)
    entrance = warm(packet, torch.ones(4))
    with pytest.raises(ArgumentError, match="checked: negative"):
        entrance(-torch.ones(4))


def test_an_op_may_compute_in_python() -> None:
    def eager_execute(self: Any, x: Tensor) -> Any:
        return x + 1 if x[0] > 0 else NotImplemented

    packet = make_op(
        "eager_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first, eager_execute=eager_execute
    )
    entrance = direct_entrance(op_of(packet))
    for _ in range(3):
        assert torch.equal(entrance(torch.zeros(4)), torch.zeros(4))
        assert torch.equal(entrance(torch.ones(4)), torch.full((4,), 2.0))


def test_an_op_that_computes_in_python_is_asked_by_the_launcher_alone() -> None:
    """Its answers are never remembered, and yet no table of calls in Python is asked."""

    def eager_execute(self: Any, x: Tensor) -> Any:
        return x + 1

    packet = make_op(
        "asked_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first, eager_execute=eager_execute
    )
    x, out = torch.ones(4), torch.empty(4)
    entrance, own = (
        direct_entrance(op_of(packet)),
        {"test_entrance.py", "test_tracing.py", "_ops.py"},
    )
    for call in (packet, entrance, lambda x: packet.out(x, out=out)):
        assert files_of_a_call(lambda call=call: call(x)) <= own
        assert torch.equal(call(x), torch.full((4,), 2.0))
    assert torch.equal(out, torch.full((4,), 2.0))
    with pytest.raises(ArgumentError, match="`x`"):
        packet(None)
    leaf = x.clone().requires_grad_()
    with pytest.raises(NotDifferentiableError, match="no backward"):
        packet(leaf).sum().backward()  # torch's autograd has seen it


def test_an_op_that_the_launcher_does_not_serve_is_called_through_torch() -> None:
    entrance = make_entrance(op_of(ops.list_sum))
    assert torch.equal(entrance([X, Y]), X + Y)
    x = X.clone()
    assert make_entrance(op_of(ops.twice))(x) is not None
    assert torch.equal(x, X * 2)


def test_wrong_arguments_are_refused_as_by_the_torch_op() -> None:
    entrance = warm(ops.add, X, Y)
    with pytest.raises(RuntimeError, match="missing value for argument 'y'"):
        entrance(X)
    with pytest.raises(ArgumentError, match="must have the shape"):
        entrance(X, torch.randn(3))


def test_forgotten_kernels_are_forgotten_here() -> None:
    entrance = warm(ops.add, X, Y)
    forget_kernels()
    before = entrance.hits
    with count_since() as counts:
        assert torch.equal(entrance(X, Y), X + Y)
    assert (entrance.hits, counts[0].selects) == (before, 1)


def test_two_threads_may_call_it() -> None:
    entrance, wrong = make_entrance(op_of(ops.add)), []

    def work(seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        for i in range(300):
            x = torch.randn(1 + i % 40, 4, generator=generator)
            if not torch.equal(entrance(x, x), x + x):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
