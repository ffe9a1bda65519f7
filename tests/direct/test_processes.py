"""Do direct launches survive threads, forks, spawned processes and data loaders?"""

from __future__ import annotations

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp
from torch.utils.data import DataLoader, Dataset

import kernels_mlir
from ir_runtime.op_reg import explain
from tests.cases import CASES, DTYPES, OpCase
from tests.direct.test_agreement import bits

BIG = (600, 4096)


def _mixed_calls() -> list[tuple[OpCase, tuple, list[bytes | None]]]:
    found = []
    for case in CASES:
        for dtype in DTYPES:
            for lead in case.same_rank_leads:
                arguments = case.arguments(dtype, lead)
                assert explain(case.packet, *arguments).executor == "direct"
                found.append((case, arguments, bits(case.packet.default(*arguments))))
    return found


def _call_mixed_ops(seconds: float, threads: int) -> tuple[int, int]:
    """Return how many calls ran, and how many gave other bits than the first time."""
    calls = _mixed_calls()
    done, wrong = [0] * threads, [0] * threads
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        draws = random.Random(number)
        while time.monotonic() < end:
            case, arguments, expected = draws.choice(calls)
            wrong[number] += bits(case.packet.default(*arguments)) != expected
            done[number] += 1

    workers = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(done), sum(wrong)


def test_eight_threads_calling_mixed_ops_give_no_wrong_element():
    done, wrong = _call_mixed_ops(4.0, 8)
    assert done > 1000
    assert wrong == 0


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("IR_RUNTIME_SOAK"), reason="IR_RUNTIME_SOAK is not set")
def test_a_minute_of_eight_threads_gives_no_wrong_element():
    done, wrong = _call_mixed_ops(60.0, 8)
    assert done > 10_000
    assert wrong == 0


def _values(size: tuple[int, ...]) -> torch.Tensor:
    return torch.linspace(-3, 3, size[0] * size[1]).view(size)


def test_a_forked_child_launches_what_its_parent_did():
    """torch's own ops on so many elements hang there; ours run on the calling thread."""
    small, big = _values((3, 48)), _values(BIG)
    expected = [bits(kernels_mlir.gelu(x)) for x in (small, big)]
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            same = [bits(kernels_mlir.gelu(x)) for x in (small, big)] == expected
            place = explain(torch.ops.ir_kernels.gelu, big).executor
            os.write(writer, f"{same} {place}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as said:
        assert said.read() == "True direct"
    os.waitpid(child, 0)


def _in_child(queue, x: torch.Tensor, expected: list[bytes]) -> None:
    same = bits(kernels_mlir.gelu(x)) == expected
    queue.put((same, explain(torch.ops.ir_kernels.gelu, x).executor))


@pytest.mark.full
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_of_torch_multiprocessing_launch_directly(method: str):
    x = _values(BIG)
    context = mp.get_context(method)
    queue = context.SimpleQueue()
    child = context.Process(target=_in_child, args=(queue, x, bits(kernels_mlir.gelu(x))))
    child.start()
    assert queue.get() == (True, "direct")
    child.join(60)
    assert child.exitcode == 0


class _Rows(Dataset):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> torch.Tensor:
        return kernels_mlir.gelu(torch.full((300, 48), float(index)))


def test_data_loader_workers_launch():
    kernels_mlir.gelu(torch.ones(300, 48))
    found = list(DataLoader(_Rows(), batch_size=2, num_workers=2))
    rows = torch.cat(found)
    expected = torch.nn.functional.gelu(torch.arange(8.0))
    torch.testing.assert_close(rows[:, 0, 0], expected)


def test_no_threads_beside_those_of_torch():
    """Kernels run on torch's own pool: no thread more than torch itself makes."""
    x = torch.randn(BIG)
    torch.nn.functional.gelu(x)  # torch's pool
    kernels_mlir.gelu(torch.randn(2, 4096))
    tasks = Path("/proc/self/task")
    before = len(list(tasks.iterdir()))
    for _ in range(3):
        kernels_mlir.gelu(x)
        torch.nn.functional.gelu(x)
    assert len(list(tasks.iterdir())) == before


def test_threads_of_different_thread_counts_agree():
    x = _values(BIG)
    expected = bits(kernels_mlir.gelu(x))

    def with_threads(count: int) -> bool:
        torch.set_num_threads(count)
        return bits(kernels_mlir.gelu(x)) == expected

    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(3) as pool:
            assert all(pool.map(with_threads, [1, 2, 3, 1, 2, 3]))
    finally:
        torch.set_num_threads(threads)
