"""Traces in several threads: one at a time, whoever traces; and no two threads wait for each other.

Dynamo is the other tracer in each test: a backend of its own, which waits while it holds the lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn
from torch._dynamo import convert_frame
from torch._subclasses import FakeTensorMode

from ir_runtime import aot
from ir_runtime.models.probe import trace_straight
from ir_runtime.op_reg import CustomOp, KernelBuilder, KernelSelection, def_library
from ir_runtime.op_reg.trace import trace_function
from ir_runtime.passes.lowering.inline import trace_call
from tests.passes.user_passes import SquareFusion, SquarePattern
from tests.test_fork_lock import exit_code_of_child

X = torch.ones(2, 3)
LONG_S = 60.0


class Watched(nn.Module):
    """Tells when its forward runs, which is when it is traced."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = threading.Event()

    def forward(self, x: Tensor) -> Tensor:
        self.runs.set()
        return x + 1


def lower(watched: Watched) -> Any:
    graph = fx.Graph()
    x = graph.placeholder("x")
    mode = FakeTensorMode()
    x.meta["val"] = mode.from_tensor(X)
    return trace_call(watched, [x], mode)


def register(watched: Watched) -> None:
    class Pattern(SquarePattern):
        @property
        def pattern(self) -> Callable[[Tensor, Tensor], Tensor]:
            return lambda x, y: watched(x) * y

    SquareFusion(factors=()).register(Pattern(2.0))


TRACERS: dict[str, Callable[[Watched], Any]] = {
    "kernel": lambda watched: trace_function.torch_function_asm(watched, ["tensor<?x3xf32>"]),
    "program": lambda watched: aot.export(watched, (X,)),
    "module": trace_straight,
    "node": lower,
    "pattern": register,
}


def in_compile(work: Callable[[], Any]) -> Any:
    """Run something while Dynamo compiles; return its result."""
    results: list[Any] = []

    def backend(module: fx.GraphModule, _: Any) -> Any:
        results.append(work())
        return module.forward

    torch.compile(lambda x: x * 2, backend=backend)(X)
    return results[0]


@pytest.mark.parametrize("name", TRACERS)
def test_nothing_traces_while_another_thread_compiles(name):
    watched, compiles = Watched(), threading.Event()

    def trace() -> Any:
        assert compiles.wait(LONG_S)
        return TRACERS[name](watched)

    def work() -> bool:
        compiles.set()
        return watched.runs.wait(0.3)

    with ThreadPoolExecutor(1) as pool:
        traced = pool.submit(trace)
        assert not in_compile(work)
        traced.result(LONG_S)
    assert watched.runs.is_set()


@pytest.mark.parametrize("name", TRACERS)
def test_the_thread_that_compiles_may_trace(name):
    watched = Watched()
    in_compile(lambda: TRACERS[name](watched))
    assert watched.runs.is_set()


class Triple(CustomOp):
    signature = "triple_traced(Tensor x) -> Tensor"

    def select(self, ksel: KernelSelection) -> None:
        x = ksel.arg_tensor(0)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
        kb.yield_results(kb.inline_torch(lambda x: x * 3, kb.arg_value(0)))


def test_a_compile_that_needs_a_kernel_lets_it_be_traced(store, monkeypatch):
    """The other thread traces the kernel: it has the kernel's locks, and needs that of Dynamo."""
    op = CustomOp.register(library=def_library("trace_lock_tests"))(Triple)
    loads, compiles = threading.Event(), threading.Event()
    original = trace_function._trace_and_lower

    def late(*args: Any) -> str:
        loads.set()
        assert compiles.wait(LONG_S)
        return original(*args)

    monkeypatch.setattr(trace_function, "_trace_and_lower", late)

    def work() -> Tensor:
        compiles.set()
        return op(X)

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(op, X)
        assert loads.wait(LONG_S)
        assert torch.equal(in_compile(work), X * 3)
        assert torch.equal(other.result(LONG_S), X * 3)


def test_the_lock_of_dynamo_is_free_in_a_forked_child():
    begun, done = threading.Event(), threading.Event()

    def compile_slowly() -> None:
        def work() -> None:
            begun.set()
            assert done.wait(LONG_S)

        in_compile(work)

    def can_trace() -> int:
        return 0 if convert_frame.compile_lock.acquire(timeout=5) else 1

    with ThreadPoolExecutor(1) as pool:
        pool.submit(compile_slowly)
        assert begun.wait(LONG_S)
        code = exit_code_of_child(can_trace)
        done.set()
    assert code == 0
