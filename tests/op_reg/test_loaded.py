"""Loaded kernels are bounded: what ran least lately is dropped and unloaded."""

from __future__ import annotations

import gc
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.op_reg import forget_kernels
from ir_runtime.op_reg.call.loaded_kernels import LoadedKernels
from ir_runtime.settings import override_settings
from tests.op_reg.ops import make_op, op_of, yield_sum

X = torch.arange(6.0)
LIMIT, KERNELS = 4, 12


def select(self, ksel):
    x = ksel.arg_tensor(0)
    ksel.arg_tensor(1).require_shape(x)
    ksel.attr_int(2)  # each value is a kernel of its own, of the same MLIR
    ksel.return_new_tensor(x.t.shape, x.t.dtype)


many = make_op("many_@UNIQUE@(Tensor x, Tensor y, int which) -> Tensor", select, yield_sum)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Make a store for these tests, so that each kernel is compiled once."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def few(filled):
    with override_settings(store=filled, loaded_kernels=LIMIT):
        forget_kernels()
        yield
    forget_kernels()


def mappings() -> int:
    """Count what is mapped of executables; those of programs that are not used go first."""
    gc.collect()
    lines = Path("/proc/self/maps").read_text().splitlines()
    return sum("ir-runtime-" in line for line in lines)


def run(which: int) -> int:
    """Run one kernel; return whether it had to be loaded."""
    with count_since() as counts:
        assert torch.equal(many(X, X, which), X + X)
    return counts[0].compiles + counts[0].store_hits


def test_mappings_are_bounded_and_results_stay_right(few):
    before = mappings()
    run(0)
    each = mappings() - before
    assert each > 0
    for which in [*range(1, KERNELS), *range(KERNELS)]:
        run(which)
        assert mappings() - before <= LIMIT * each
    forget_kernels()
    assert mappings() <= before


def test_a_kernel_that_runs_stays_and_one_that_does_not_goes(few):
    run(0)
    for which in range(1, KERNELS):
        with count_since() as counts:
            many(X, X, 0)  # served by the C launcher: nothing in Python sees it
        assert counts[0].selects == 0
        run(which)
    assert run(1) == 1


@pytest.mark.parametrize("launch", ["auto", "vm"])
def test_a_dropped_kernel_is_loaded_again(few, launch):
    with override_settings(launch=launch):
        assert [run(which) for which in (0, 0, *range(1, LIMIT + 1), 0)][-1] == 1


def test_a_launcher_that_a_user_holds_keeps_its_code(few):
    launch = many.bind(X, X, 0)
    for which in range(1, KERNELS):
        run(which)
    assert torch.equal(launch(X, X, 0), X + X)


def test_threads_that_drop_each_others_kernels_compute_right(few):
    failures: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for step in range(40):
                run_in_thread((first + step) % KERNELS)
        except BaseException as error:
            failures.append(error)

    def run_in_thread(which: int) -> None:
        assert torch.equal(many(X, X, which), X + X)

    threads = [threading.Thread(target=work, args=(5 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failures
    assert len(op_of(many).calls) <= LIMIT


def test_a_kernel_that_two_threads_load_is_one():
    """A thread that comes while others wait for a load has a lock of its own."""
    kernels, second = LoadedKernels(), _Kernel()

    def load() -> _Kernel:
        kernels._loading.clear()
        assert kernels.get("key", op_of(many), lambda: second) is second
        return _Kernel()

    assert kernels.get("key", op_of(many), load) is second


def test_a_kernel_that_was_dropped_is_not_kept():
    kernels, gone = LoadedKernels(), _Kernel(dropped=True)
    assert kernels.get("key", op_of(many), lambda: gone) is gone
    assert not kernels._kernels


@dataclass
class _Kernel:
    dropped: bool = False
    executable_count: int = 1

    def take_ran(self) -> bool:
        return False
