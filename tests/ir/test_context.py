"""Who sees a priority?  Threads, tasks, workers, backward passes."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from tests.ir.ops import make_scaled, scaled, wrapped

X = torch.arange(6.0).reshape(2, 3)


@pytest.fixture
def op():
    op = make_scaled()

    @op.register_impl("plus_one")
    def plus_one(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor + 1

    @op.register_impl("plus_two")
    def plus_two(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor + 2

    return op


@pytest.mark.parametrize("on", [True, False])
def test_two_threads_with_different_priorities(op, on):
    """Hazard 13."""
    barrier = threading.Barrier(2)
    wrong = []

    def work(provider: str, more: float) -> None:
        with op.set_priority([provider]):
            barrier.wait(10)
            for _ in range(300):
                if not torch.equal(op(X), X * 2 + more):
                    wrong.append(provider)
            barrier.wait(10)

    with wrapped(on), ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(work, "plus_one", 1), pool.submit(work, "plus_two", 2)]:
            future.result()
    assert wrong == []


def test_new_thread_sees_the_default(op):
    """Hazard 13."""
    op.set_default(["plus_two"])
    with op.set_priority(["plus_one"]), ThreadPoolExecutor(1) as pool:
        assert op.get_priority() == ["plus_one"]
        assert pool.submit(op.get_priority).result() == ["plus_two"]
        assert torch.equal(pool.submit(op, X).result(), X * 2 + 2)


def test_new_thread_sees_the_list_if_it_is_given_the_context(op):
    """Hazard 13."""
    with op.set_priority(["plus_one"]), ThreadPoolExecutor(1) as pool:
        context = contextvars.copy_context()
        assert pool.submit(context.run, op.get_priority).result() == ["plus_one"]


def test_default_reaches_threads_that_run(op):
    """Hazard 13."""
    ready, go = threading.Event(), threading.Event()

    def work():
        before = op.get_priority()
        ready.set()
        assert go.wait(10)
        return before, op.get_priority()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        assert ready.wait(10)
        op.set_default(["plus_one"])
        go.set()
        assert future.result() == ([], ["plus_one"])


def test_tasks_do_not_see_each_others(op):
    """Hazard 13."""

    async def work(provider: str, more: float) -> bool:
        with op.set_priority([provider]):
            for _ in range(20):
                await asyncio.sleep(0)
                if not torch.equal(op(X), X * 2 + more):
                    return False
        return op.get_priority() == ["plus_two"]

    async def run():
        with op.set_priority(["plus_two"]):  # a task starts with the list of who makes it
            tasks = [work("plus_one", 1), work("plus_two", 2), work("native", 0)]
            return await asyncio.gather(*(asyncio.create_task(t) for t in tasks))

    assert asyncio.run(run()) == [True, True, True]


def test_backward_on_the_cpu_sees_the_list_of_who_calls_it(op):
    """Hazard 13."""
    seen = []

    class Passes(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            seen.append((threading.get_ident(), op.get_priority()))
            return op(gradient)

    x = X.clone().requires_grad_()
    with op.set_priority(["plus_two"]):
        result = Passes.apply(x).sum()
    with op.set_priority(["plus_one"]):
        result.backward()
    assert seen == [(threading.get_ident(), ["plus_one"])]
    assert torch.equal(x.grad, torch.full_like(X, 3.0))


class Rows(Dataset):
    """Each row says which provider the process has that makes it."""

    def __init__(self, op):
        self.op = op

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return self.op(torch.zeros(1)), torch.utils.data.get_worker_info() is not None


def load(op, workers: int) -> list[float]:
    rows = list(DataLoader(Rows(op), batch_size=None, num_workers=workers))
    assert all(in_worker == (workers > 0) for _, in_worker in rows)
    return [float(row) for row, _ in rows]


def test_workers_of_a_data_loader_see_the_default(op):
    """Hazard 13."""
    op.set_default(["plus_two"])
    assert load(op, 2) == [2.0] * 4


def test_forked_workers_of_a_data_loader_have_the_list_of_who_starts_them(op):
    """Hazard 13: a forked process is a copy of the thread that forks, its context included."""
    op.set_default(["plus_two"])
    with op.set_priority(["plus_one"]):
        assert load(op, 2) == [1.0] * 4
        assert load(op, 0) == [1.0] * 4


def test_generator_that_is_left_open_does_not_leak(op):
    """A `with` block in a generator belongs to the context that runs it; left in order it ends."""

    def providers():
        with op.set_priority(["plus_one"]):
            yield op.get_priority()

    steps = providers()
    assert next(steps) == ["plus_one"]
    steps.close()
    assert op.get_priority() == []


def test_two_ops_do_not_share(op):
    from ir_runtime import ir

    other = ir.register_op(name="other")(scaled)
    with op.set_priority(["plus_one"]):
        assert other.get_priority() == []
