"""Threads, processes, forks, and stores that fail."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.errors import ArtifactNotFoundError
from ir_runtime.op_reg import forget_kernels
from ir_runtime.settings import override_settings
from tests.op_reg import ops
from tests.op_reg.ops import op_of

ROOT = Path(__file__).parents[2]
REPORT = """
import json, sys, torch
from dataclasses import asdict
from ir_runtime.counters import current_counts
from tests.op_reg import ops
x = torch.arange(6.0)
right = torch.equal(ops.add(x, x), x + x) and torch.equal(ops.twice(x.clone()), x * 2)
print(json.dumps({"right": right, "loaded": "iree.compiler" in sys.modules,
                  **asdict(current_counts())}))
"""
NO_COMPILER = """
import importlib.metadata, importlib.util, sys
version, find = importlib.metadata.version, importlib.util.find_spec
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("iree.compiler"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
def hidden_version(name):
    if name == "iree-base-compiler":
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)
sys.meta_path.insert(0, Hidden())
importlib.metadata.version = hidden_version
importlib.util.find_spec = lambda n, p=None: None if n.startswith("iree.compiler") else find(n, p)
"""


def start(script: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def report_of(process: subprocess.Popen[str]) -> dict[str, object]:
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1])


def test_threads_share_one_kernel(store):
    gate = threading.Barrier(8)
    ops_used = (ops.add, ops.sum_and_difference)

    def work(seed: int) -> bool:
        shapes = [(n, 1 + (n + seed) % 5) for n in range(1, 12)]
        gate.wait()
        right = True
        for shape in shapes * 3:
            x, y = torch.full(shape, float(seed)), torch.rand(shape)
            right &= torch.equal(ops.add(x, y), x + y)
            right &= torch.equal(ops.sum_and_difference(x, y)[1], x - y)
        return right

    with count_since() as counts, concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    assert counts[0].compiles == len(ops_used)


def test_threads_under_a_small_table(store):
    def work(seed: int) -> bool:
        right = True
        for n in range(200):
            x = torch.full((1 + (n * 7 + seed) % 13,), float(seed))
            right &= torch.equal(ops.add(x, x), x + x)
        return right

    pool = concurrent.futures.ThreadPoolExecutor(8)
    with override_settings(bound_launches=4), pool:
        assert all(pool.map(work, range(8)))


def test_processes_compile_each_kernel_once(store):
    reports = [report_of(p) for p in [start(REPORT) for _ in range(4)]]
    assert all(report["right"] for report in reports)
    assert sum(report["compiles"] for report in reports) == 2


def test_second_process_compiles_nothing_and_never_loads_the_compiler(store):
    first = report_of(start(REPORT))
    second = report_of(start(REPORT))
    third = report_of(start(NO_COMPILER + REPORT))
    assert (first["compiles"], first["right"]) == (2, True)
    for report in (second, third):
        assert (report["compiles"], report["store_hits"]) == (0, 2)
        assert report["right"]
        assert not report["loaded"]


def test_miss_without_the_compiler_says_how_to_get_it(store):
    script = (
        NO_COMPILER
        + """
import torch
from ir_runtime.errors import ArtifactNotFoundError
from tests.op_reg import ops
try:
    ops.add(torch.ones(2), torch.ones(2))
except ArtifactNotFoundError as error:
    print(__import__("json").dumps(str(error)))
"""
    )
    message = report_of(start(script))
    assert message.startswith(f"{op_of(ops.add).name}: no artifact {op_of(ops.add).name}-")
    assert "the compiler is not installed" in message
    assert message.endswith("pip install 'iree-base-compiler==3.13.*'")


def test_miss_with_compiling_off(store):
    with override_settings(compile=False), pytest.raises(ArtifactNotFoundError) as caught:
        ops.add(torch.ones(2), torch.ones(2))
    lines = str(caught.value).split("\n")
    assert lines[0].endswith(", and compiling is off (IR_RUNTIME_COMPILE=0)")
    assert lines[-1] == "  fix: unset IR_RUNTIME_COMPILE"
    assert torch.equal(ops.add(torch.ones(2), torch.ones(2)), torch.full((2,), 2.0))


def test_store_that_cannot_be_written_keeps_the_kernel_in_memory(store, tmp_path, caplog):
    file = tmp_path / "file"
    file.write_text("")
    x = torch.ones(3)
    with override_settings(store=file / "store"), count_since() as counts:
        for _ in range(2):
            assert torch.equal(ops.add(x, x), x + x)
            forget_kernels()
    assert counts[0].compiles == 1
    (record,) = [record for record in caplog.records if record.name == "ir_runtime.store"]
    assert record.getMessage().startswith(f"store {file}/store: cannot be written, new kernels ")


@pytest.mark.parametrize("damage", [b"", b"garbage"], ids=["truncated", "corrupted"])
def test_damaged_artifact_is_rebuilt(store, damage, caplog):
    x = torch.ones(3)
    ops.add(x, x)
    (path,) = store.root.glob("v1/*/kernel.vmfb")
    path.write_bytes(damage or path.read_bytes()[:100])
    forget_kernels()
    with count_since() as counts:
        assert torch.equal(ops.add(x, x), x + x)
    assert (counts[0].corrupt_artifacts, counts[0].compiles) == (1, 1)
    assert "is corrupt" in caplog.text
    forget_kernels()
    with count_since() as counts:
        ops.add(x, x)
    assert (counts[0].compiles, counts[0].store_hits) == (0, 1)


def test_stored_kernel_is_found_after_kernels_are_forgotten(store):
    x = torch.ones(3)
    ops.add(x, x)
    forget_kernels()
    with count_since() as counts:
        assert torch.equal(ops.add(x, x), x + x)
    assert (counts[0].compiles, counts[0].store_hits) == (0, 1)


def in_fork(work, seconds: float = 60.0) -> None:
    """Run `work` in a forked child; fail if it raises, returns False, or hangs."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if work() else 2
        finally:
            os._exit(code)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    pytest.fail("the child hangs")


LARGE = torch.randn(3 << 20)


def test_fork_computes_a_kernel_of_the_parent():
    x = torch.randn(8)
    ops.add(x, x)
    in_fork(lambda: torch.equal(ops.add(x, x), x + x))
    assert torch.equal(ops.add(x, x), x + x)


def test_fork_computes_a_large_tensor_of_shapes_that_the_parent_ran():
    assert torch.equal(ops.add(LARGE, LARGE), LARGE + LARGE)
    in_fork(lambda: ops.add(LARGE, LARGE)[-1] == LARGE[-1] * 2)
    assert torch.equal(ops.add(LARGE, LARGE), LARGE + LARGE)


def test_fork_computes_a_large_tensor_of_new_shapes():
    ops.add(LARGE, LARGE)
    x = LARGE[: 2 << 20].reshape(2, -1)
    in_fork(lambda: ops.add(x, x)[1, -1] == x[1, -1] * 2)


def test_fork_compiles_a_kernel_of_its_own(store):
    x = torch.randn(8)
    ops.add(x, x)
    in_fork(lambda: torch.equal(ops.sum_and_difference(x, x)[0], x + x))
    with count_since() as counts:
        assert torch.equal(ops.sum_and_difference(x, x)[0], x + x)
    assert (counts[0].compiles, counts[0].store_hits) == (0, 1)


FORKS = """
import json, threading, torch
from tests.op_reg import ops
from tests.op_reg.test_process import in_fork
x, stop, failed = torch.randn(64), threading.Event(), []
def right():
    return torch.equal(ops.add(x, x), x + x) and torch.equal(ops.twice(x.clone()), x * 2)
def spin():
    while not stop.is_set():
        right()
threads = [threading.Thread(target=spin) for _ in range(3)]
for thread in threads:
    thread.start()
try:
    for _ in range(5):
        in_fork(right, seconds=30)
except BaseException as error:
    failed.append(repr(error))
stop.set()
for thread in threads:
    thread.join()
print(json.dumps(failed))
"""


@pytest.mark.parametrize("stored", [False, True])
def test_fork_while_other_threads_make_their_first_calls(store, stored):
    """Imports, opened devices and generated kernels in the making would never end in a child."""
    if stored:
        ops.add(torch.ones(64), torch.ones(64))
        ops.twice(torch.ones(64))
    assert report_of(start(FORKS)) == []


def test_fork_of_a_fork():
    x = torch.randn(8)
    ops.add(x, x)

    def child() -> bool:
        in_fork(lambda: torch.equal(ops.add(x, x), x + x))
        return True

    in_fork(child)


@pytest.mark.full
def test_spawned_process(monkeypatch):
    import torch.multiprocessing as mp

    monkeypatch.syspath_prepend(str(ROOT))  # the child imports this module by name
    context = mp.get_context("spawn")
    queue = context.SimpleQueue()
    process = context.Process(target=_add_in_child, args=(queue,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert queue.get() == [2.0, 2.0]


def _add_in_child(queue) -> None:
    queue.put(ops.add(torch.ones(2), torch.ones(2)).tolist())


@pytest.mark.full
def test_an_empty_operand_beside_large_ones_stays_off_the_worker_pool():
    """IREE's worker pool dies of a dispatch over nothing, so run it where that shows."""
    program = """
import torch
from tests.op_reg.ops import make_op

def select(self, ksel):
    x, y = ksel.arg_tensor(0), ksel.arg_tensor(1)
    ksel.return_new_tensor(x.t.shape, x.t.dtype)
    ksel.return_new_tensor(y.t.shape, y.t.dtype)

def generate(self, ksel, kb):
    from iree.compiler.dialects import arith
    kb.yield_results(*(arith.addf(kb.arg(i), kb.arg(i)) for i in range(2)))

both = make_op("both_@UNIQUE@(Tensor x, Tensor y) -> (Tensor, Tensor)", select, generate)
x, y = both(torch.empty(0), torch.ones(3_000_000))
assert x.numel() == 0 and torch.equal(y, torch.full((3_000_000,), 2.0))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
