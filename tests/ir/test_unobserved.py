"""Which calls of an op go past torch's dispatcher although the wrap is on, and which never do."""

from __future__ import annotations

import contextlib
import sys
import threading

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ir_runtime import ir
from ir_runtime.launch.direct import native

pytestmark = pytest.mark.skipif(native.why_absent() is not None, reason="no C launcher is built")

X = torch.arange(8.0).reshape(2, 4)


class _Ways(list[bool]):
    """Notes of each call whether a function that torch's dispatcher calls is on the stack."""

    def note(self) -> None:
        frame = sys._getframe(1)
        names: list[str] = []
        while frame is not None:
            if frame.f_code.co_filename.startswith("<dispatch of"):
                names.append(frame.f_code.co_name)
            frame = frame.f_back
        self.append(any(not name.endswith("op_call") for name in names))


@pytest.fixture
def ways() -> _Ways:
    return _Ways()


@pytest.fixture
def op(ways):
    @ir.register_op
    def watched(x: Tensor, by: float = 1.0, times: int = 1, weight: Tensor | None = None) -> Tensor:
        ways.note()
        y = x + by * times
        return y if weight is None else y * weight

    return watched


def through_torch(ways: _Ways, call) -> bool:
    """Tell the way of the third call, when the first ones may have taught the launcher."""
    for _ in range(3):
        call()
    return ways[-1]


def test_a_plain_call_goes_past_the_dispatcher(op, ways):
    weight = torch.nn.Parameter(torch.ones(4))
    assert not through_torch(ways, lambda: op(X))
    assert not through_torch(ways, lambda: op(X, by=2.0, times=3))
    assert not through_torch(ways, lambda: op(X.t()))
    with torch.no_grad():
        assert not through_torch(ways, lambda: op(X, weight=weight))
    with torch.inference_mode():
        assert not through_torch(ways, lambda: op(X + 1, weight=weight))
    there = threading.Thread(target=through_torch, args=(ways, lambda: op(X)))
    there.start()
    there.join()
    assert not ways[-1]
    assert torch.equal(op(X, 2.0, 3), X + 6)


def test_the_torch_op_itself_goes_through_the_dispatcher(op, ways):
    assert through_torch(ways, lambda: op.torch_op(X))


class _Dispatch(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class _Function(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


OBSERVERS = {
    "dispatch mode": _Dispatch,
    "function mode": _Function,
    "default device": lambda: torch.device("cpu"),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "profiler": lambda: torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], acc_events=True
    ),
    "forward mode": forward_ad.dual_level,
}


@pytest.mark.parametrize("observer", OBSERVERS)
def test_a_call_that_something_would_see_goes_through_the_dispatcher(op, ways, observer):
    assert not through_torch(ways, lambda: op(X))
    with OBSERVERS[observer]():
        assert through_torch(ways, lambda: op(X))
    assert not through_torch(ways, lambda: op(X))


def test_what_observes_a_call_sees_it(op):
    seen: list[str] = []

    class Seeing(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            seen.append(str(func))
            return func(*args, **(kwargs or {}))

    op(X)
    with Seeing():
        op(X)
    assert seen[0] == str(op.torch_op)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        op(X)
    assert any(event.key == f"{op.torch_op.namespace}::watched" for event in profile.key_averages())


def test_gradients_transforms_and_traces_see_the_torch_op(op, ways):
    x = X.clone().requires_grad_()
    assert through_torch(ways, lambda: op(x))
    op(x).sum().backward()
    assert torch.equal(x.grad, torch.ones_like(X))
    weight = torch.nn.Parameter(torch.ones(4))
    assert op(X, weight=weight).requires_grad
    assert torch.equal(torch.vmap(op)(X), X + 1)
    assert torch.equal(torch.func.grad(lambda x: op(x).sum())(X), torch.ones_like(X))
    for before_dispatch in (False, True):
        graph = make_fx(op, pre_dispatch=before_dispatch)(X).graph
        assert op.torch_op in [node.target for node in graph.nodes]
    traced = torch.jit.trace(lambda x: op(x) + 0, X)
    assert "::watched" in str(traced.graph)


class _Own(Tensor):
    pass


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("subclass", lambda op: op(X.as_subclass(_Own))),
        ("meta", lambda op: op(X.to("meta"))),
        ("conj", lambda op: op(torch.randn(3, dtype=torch.complex64).conj())),
        ("negative view", lambda op: op(torch.randn(3, dtype=torch.complex64).conj().imag)),
        ("int for a float", lambda op: op(X, 2)),
        ("tensor for a float", lambda op: op(X, torch.tensor(2.0))),
        ("bool for an int", lambda op: op(X, 1.0, True)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_torch_would_change_goes_through_torch(op, ways, name, call):
    with contextlib.suppress(RuntimeError):  # an op that torch refuses there is still its error
        for _ in range(3):
            call(op)
    assert all(ways), f"{name}: past the dispatcher"


@pytest.mark.parametrize(
    "args",
    [(X, "2"), (X, 1.0, 2**70), (X, 1.0, 1.5), (3,)],
    ids=["str", "large", "float", "number"],
)
def test_what_torch_refuses_is_its_error(op, args):
    with pytest.raises((RuntimeError, TypeError)) as raised:
        op(*args)
    with pytest.raises(raised.type) as directly:
        op.torch_op(*args)
    assert str(raised.value) == str(directly.value)


def test_results_are_as_torch_returns_them():
    @ir.register_op
    def halves(x: Tensor) -> tuple[Tensor, Tensor]:
        return x[:1] + 0, x[1:] + 0

    @halves.register_impl("listed")
    def listed(x: Tensor) -> tuple[Tensor, Tensor]:
        return [x[:1] + 0, x[1:] + 0]  # type: ignore[return-value]

    @ir.register_op
    def wrong(x: Tensor) -> Tensor:
        return [x, x]  # type: ignore[return-value]

    with halves.set_priority(["listed"]):
        for _ in range(3):
            assert type(halves(X)) is tuple
    for _ in range(2):
        with pytest.raises(RuntimeError):
            wrong(X)


@pytest.fixture
def adding(ways):
    @ir.register_op(allow_inplace=True)
    def adding(x: Tensor, x_residual: Tensor) -> tuple[Tensor, Tensor]:
        ways.note()
        total = x + x_residual
        return total * 2, total

    @adding.register_impl("writes", inplace=True)
    def writes(x: Tensor, x_residual: Tensor) -> tuple[Tensor, Tensor]:
        ways.note()
        x_residual.add_(x)
        return x.copy_(x_residual).mul_(2), x_residual

    return adding


def test_donated_arguments_that_no_provider_writes_go_past_it_too(adding, ways):
    with adding.set_priority(["native"]):
        assert not through_torch(ways, lambda: adding.maybe_inplace(X, X + 1))
        with _Dispatch():
            assert through_torch(ways, lambda: adding.maybe_inplace(X, X + 1))
        assert through_torch(ways, lambda: adding.maybe_inplace(X, x_residual=X + 1))
    with adding.set_priority(["writes"]):
        x, residual = X.clone(), X.clone()
        version = x._version
        assert adding.maybe_inplace(x, residual)[0] is x
        assert x._version > version


def test_donated_arguments_are_normalised():
    def with_ones(x: Tensor, weight: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return x, torch.ones(4) if weight is None else weight

    @ir.register_op(allow_inplace=True, activations=["x"], normalize=with_ones)
    def weighed(x: Tensor, weight: Tensor | None = None) -> Tensor:
        assert weight is not None
        return x * weight

    assert torch.equal(weighed.maybe_inplace(X.clone(), None), X)
    assert torch.equal(weighed(X, None), X)
