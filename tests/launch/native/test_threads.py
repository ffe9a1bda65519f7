"""Do launches use torch's threads, and no others, and give the same bits on any number of them?"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from ir_runtime.launch.direct.native._launcher import (
    Plan,
    has_pool,
    set_parallel_bytes,
    transient_bytes,
)
from tests.launch.native.libraries import (
    Function,
    always_parallel,
    executable,
    one_step,
    square_plan,
    torch_threads,
)

WHO = Function(
    # each thread has local memory of its own, so that its address tells threads apart
    "who",
    "unsigned long *out = s->bindings[0];"
    "for (volatile int i = 0; i < 3000; i++);"
    "out[2 * w->x] = (unsigned long)w->local_memory; out[2 * w->x + 1] = s->max_concurrency;",
    bindings=1,
    pages=1,
)


def _who(groups: int, touched_bytes: int = 0) -> tuple[list[int], set[int]]:
    """Return which thread each workgroup ran on, and how many it was told of."""
    out = torch.zeros(groups, 2, dtype=torch.int64)
    plan = one_step(WHO, (groups, 1, 1), out.nbytes, touched_bytes=touched_bytes)
    assert plan.run([], [out]) == 0
    names = list(dict.fromkeys(out[:, 0].tolist()))
    return [names.index(t) for t in out[:, 0].tolist()], set(out[:, 1].tolist())


def test_torch_lends_its_threads() -> None:
    assert has_pool()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_number_of_threads_is_that_of_torch(count: int) -> None:
    with torch_threads(count), always_parallel():
        threads, told = _who(64)
    assert len(set(threads)) == count
    assert told == {count}


def test_each_thread_runs_one_run_of_neighbours() -> None:
    with torch_threads(3), always_parallel():
        threads, _ = _who(64)
    assert threads == [0] * 22 + [1] * 21 + [2] * 21


def test_more_threads_than_workgroups_leave_some_idle() -> None:
    with torch_threads(3), always_parallel():
        threads, _ = _who(2)
    assert threads == [0, 1]


def test_small_work_stays_on_the_calling_thread() -> None:
    before = set_parallel_bytes(1000)
    try:
        with torch_threads(2):
            assert len(set(_who(64, 999)[0])) == 1
            assert len(set(_who(64, 1000)[0])) == 2
    finally:
        assert set_parallel_bytes(before) == 1000


def test_a_size_of_parallel_work_is_a_number_of_bytes() -> None:
    with pytest.raises(ValueError, match=r"^plan: the size of parallel work is -1"):
        set_parallel_bytes(-1)


def test_the_count_of_threads_holds_on_other_threads() -> None:
    def count() -> int:
        return len(set(_who(64)[0]))

    with torch_threads(3), always_parallel(), ThreadPoolExecutor(1) as other:
        assert other.submit(count).result() == 3


# A worker of OpenMP's calls back to Python, and that starts a launch.
_NESTED = """
import ctypes, torch
from tests.launch.native.libraries import always_parallel, torch_threads
from tests.launch.native.test_threads import _who
gomp = ctypes.CDLL(None)
seen = []
body = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda data: seen.append(_who(64)))
with torch_threads(2), always_parallel():
    _who(64)
    gomp.GOMP_parallel(body, None, 2, 0)
assert [len(set(threads)) for threads, _ in seen] == [1, 1], seen
"""


def test_a_launch_inside_a_parallel_region_stays_on_its_thread() -> None:
    subprocess.run([sys.executable, "-c", _NESTED], check=True, timeout=120)


MIX = Function(
    "mix",
    "float *x = s->bindings[0], *y = s->bindings[1];"
    "float sum = 0; for (int i = 0; i < 64; i++) sum += x[w->x * 64 + i] * x[i];"
    "for (int i = 0; i < 64; i++) y[w->x * 64 + i] = sum / (1 + x[w->x * 64 + i] * sum);",
    bindings=2,
)


def _mix_plan(rows: int) -> Plan:
    size = rows * 256
    grid = (rows, 1, 1)
    steps = [
        ("dispatch", 0, 0, grid, (), ((0, 0, size), (2, 0, size))),
        ("dispatch", 0, 0, grid, (), ((2, 0, size), (3, 64, size))),
        ("copy", (3, 64, size), (1, 0, size)),
    ]
    return Plan([executable(MIX)], 1, 1, [size, size], [size, size + 64], steps, size)


@pytest.mark.parametrize("rows", [1, 2, 7, 1000])
def test_results_have_the_same_bits_on_any_number_of_threads(rows: int) -> None:
    x, plan = torch.randn(rows, 64), _mix_plan(rows)
    results = []
    for count in (1, 2, 3):
        out = torch.empty_like(x)
        with torch_threads(count), always_parallel():
            assert plan.run([x], [out]) == 0
        results.append(out.view(torch.int32))
    assert all(torch.equal(results[0], r) for r in results)


def test_eight_threads_at_once_get_right_results() -> None:
    plans = {rows: (square_plan(rows), _mix_plan(rows)) for rows in (1, 8, 100, 3000)}
    inputs = {rows: torch.randn(rows, 64) for rows in plans}
    wanted = {}
    for rows, (_, mix) in plans.items():
        wanted[rows] = torch.empty(rows, 64)
        assert mix.run([inputs[rows]], [wanted[rows]]) == 0

    def work(seed: int) -> int:
        wrong = 0
        for i in range(200):
            rows = list(plans)[(i + seed) % len(plans)]
            x, out = inputs[rows], torch.empty(rows, 64)
            square, mix = plans[rows]
            assert square.run([x], [out]) == 0
            wrong += not torch.equal(out, x * x)
            assert mix.run([x], [out]) == 0
            wrong += not torch.equal(out.view(torch.int32), wanted[rows].view(torch.int32))
        return wrong

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(work, range(8))) == 0


def test_the_interpreter_runs_on_while_a_kernel_runs() -> None:
    wait = Function("wait", "while (!*(volatile int *)s->bindings[0]);", bindings=1)
    flag = torch.zeros(1, dtype=torch.int32)
    plan = one_step(wait, (1, 1, 1), 4)
    thread = threading.Thread(target=plan.run, args=([], [flag]), daemon=True)
    thread.start()
    flag.fill_(1)
    thread.join(60)
    assert not thread.is_alive()


def test_a_thread_gives_its_transients_back_when_it_ends() -> None:
    plan = _mix_plan(1000)
    x, out = torch.randn(1000, 64), torch.empty(1000, 64)
    kept: list[int] = []

    def work() -> None:
        plan.run([x], [out])
        kept.append(transient_bytes())

    before = transient_bytes()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert kept[0] >= before + plan.transient_bytes
    deadline = time.monotonic() + 60  # Python joins a thread a little before it has ended
    while transient_bytes() != before:
        assert time.monotonic() < deadline
        time.sleep(0.001)


_NO_OTHER_THREADS = """
import os, torch
from tests.launch.native.libraries import always_parallel, square_plan
count = lambda: len(os.listdir("/proc/self/task"))
torch.set_num_threads(3)
x, y, plan = torch.randn(4096, 64), torch.empty(4096, 64), square_plan(4096)
with always_parallel():
    if {torch_first}: torch.mul(x, x, out=y)
    before = count()
    for _ in range(20):
        assert plan.run([x], [y]) == 0
        after = count()
        torch.mul(x, x, out=y)
        assert count() == after
assert after == (before if {torch_first} else before + 2), (before, after)
"""


@pytest.mark.full
@pytest.mark.parametrize("torch_first", [True, False])
def test_torch_and_launches_share_one_pool(torch_first: bool) -> None:
    program = _NO_OTHER_THREADS.format(torch_first=torch_first)
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def _child_squares(rows: int) -> bool:
    with always_parallel():
        x, y = torch.arange(rows * 64.0).view(rows, 64), torch.empty(rows, 64)
        return square_plan(rows).run([x], [y]) == 0 and bool((y == x * x).all())


def test_a_forked_child_runs_on_one_thread() -> None:
    x, y, plan = torch.randn(100, 64), torch.empty(100, 64), square_plan(100)
    with torch_threads(2), always_parallel():
        assert plan.run([x], [y]) == 0
        child = os.fork()
        if child == 0:
            right = plan.run([x], [y.zero_()]) == 0 and len(set(_who(64)[0])) == 1
            os._exit(0 if right else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert len(set(_who(64)[0])) == 2


_MULTIPROCESSING = """
import torch, torch.multiprocessing
from tests.launch.native.test_threads import _child_squares
if __name__ == "__main__":
    assert _child_squares(100)
    context = torch.multiprocessing.get_context("{method}")
    with context.Pool(2) as pool:
        assert all(pool.map(_child_squares, [1, 10, 100, 400]))
"""


@pytest.mark.full
@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_processes_of_torch_multiprocessing_launch(method: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(_MULTIPROCESSING.format(method=method))
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    subprocess.run([sys.executable, str(program)], check=True, timeout=200, env=environment)


def _rows_squared(rows: int) -> torch.Tensor:
    x, y = torch.full((rows + 1, 64), float(rows)), torch.empty(rows + 1, 64)
    assert square_plan(rows + 1).run([x], [y]) == 0
    return y[0]


class Squares(torch.utils.data.Dataset[torch.Tensor]):
    """Squares, launched where they are asked for."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> torch.Tensor:
        with always_parallel():
            return _rows_squared(index)


def test_workers_of_a_data_loader_launch() -> None:
    loader = torch.utils.data.DataLoader(Squares(), batch_size=4, num_workers=2)
    assert torch.cat(list(loader))[:, 0].tolist() == [float(i * i) for i in range(8)]
