"""Do threads, racing processes, forked and spawned children get right results, compiled once?"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.errors import CompileError
from ir_runtime.launch import Launchable
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.settings import override_settings

LIMIT_S = 60
SIZES = (0, 1, 7, 64, 1000, 3, 4096, 33)


def together(count: int, work: Callable[[int], object]) -> list[object]:
    """Run `work` on threads that begin at once; raise what one of them raised."""
    barrier = threading.Barrier(count)

    def run(index: int) -> object:
        barrier.wait(LIMIT_S)
        return work(index)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.parametrize("task_min_bytes", [0, 1 << 40], ids=["local-task", "local-sync"])
def test_threads_share_a_program_with_mixed_shapes(
    store: DirectoryStore, doubling: Callable[..., str], task_min_bytes: int
) -> None:
    program = Launchable.jit_compile(doubling())

    def work(index: int) -> None:
        for round_ in range(50):
            x = torch.full((SIZES[(index + round_) % len(SIZES)],), float(index + 1))
            assert torch.equal(program(x), x + x)

    with override_settings(task_min_bytes=task_min_bytes), count_since() as counted:
        together(8, work)
    assert (counted[0].compiles, counted[0].launches) == (1, 8 * 50)


def test_threads_that_ask_for_one_program_separately_compile_it_once(
    store: DirectoryStore, doubling: Callable[..., str]
) -> None:
    def work(index: int) -> None:
        x = torch.ones(index)
        assert torch.equal(Launchable.jit_compile(doubling())(x), x + x)

    with count_since() as counted:
        together(8, work)
    assert (counted[0].compiles, counted[0].store_hits) == (1, 7)


def test_threads_compile_different_programs_at_once(
    store: DirectoryStore, doubling: Callable[..., str]
) -> None:
    def work(index: int) -> None:
        x = torch.ones(index + 1)
        program = Launchable.jit_compile(doubling(f"tensor<{index + 1}xf32>"))
        assert torch.equal(program(x), x + x)

    with count_since() as counted:
        together(4, work)
    assert (counted[0].compiles, len(store.keys())) == (4, 4)


def test_failed_compile_on_threads_fails_each_and_blocks_none(store: DirectoryStore) -> None:
    program = Launchable.jit_compile("func.func @main(")

    def work(_: int) -> str:
        with pytest.raises(CompileError) as caught:
            program(torch.ones(3))
        return caught.value.headline

    assert together(4, work) == ["program: MLIR does not compile"] * 4


RACER = """
import sys, torch
from ir_runtime import Launchable
from ir_runtime.counters import current_counts
programs = [Launchable.jit_compile(text) for text in sys.argv[1:]]
print("ready", flush=True)
sys.stdin.readline()
x = torch.arange(4.0)
for program in programs:
    assert torch.equal(program(x), x + x)
print(current_counts().compiles, current_counts().store_hits)
"""


def test_racing_processes_compile_each_program_once(
    store: DirectoryStore, doubling: Callable[..., str]
) -> None:
    texts = [doubling(), doubling("tensor<4xf32>")]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, *texts],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        counts = [racer.communicate(timeout=LIMIT_S)[0].split() for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
    assert sum(int(compiles) for compiles, _ in counts) == len(texts)
    assert sum(int(hits) for _, hits in counts) == 3 * len(texts)
    assert len(store.keys()) == len(texts)


def in_fork(work: Callable[[], object]) -> str:
    """Run `work` in a forked child; return what it raised, "" for nothing, or that it hung."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = "exited early"
        try:
            work()
            said = ""
        except BaseException as error:
            said = repr(error)
        finally:
            os.write(writer, said.encode())
            os._exit(0)
    os.close(writer)
    try:
        ended, _, _ = select.select([reader], [], [], LIMIT_S)
        said = os.read(reader, 1 << 16).decode() if ended else "hung"
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return said


def check(program: Launchable, size: int = 5, device: Device | None = None) -> None:
    x = torch.arange(float(size))
    assert torch.equal(program(x, device=device), x + x)


def check_alone(program: Launchable, size: int) -> None:
    torch.set_num_threads(1)  # torch's own worker threads did not survive the fork
    check(program, size)


@pytest.fixture
def used(store: DirectoryStore, doubling: Callable[..., str]) -> Launchable:
    """A program that this process ran, on both local devices, before it forks."""
    program = Launchable.jit_compile(doubling())
    for uri in ("local-sync", "local-task"):
        check(program, device=Device(uri))
    return program


def test_forked_child_runs_a_program_of_its_parent(used: Launchable) -> None:
    assert in_fork(lambda: check(used)) == ""


def test_forked_child_runs_large_work_too(used: Launchable) -> None:
    with override_settings(task_min_bytes=0):
        assert in_fork(lambda: check_alone(used, 1 << 20)) == ""


def test_forked_child_loads_a_stored_program(
    used: Launchable, doubling: Callable[..., str]
) -> None:
    assert in_fork(lambda: check(Launchable.jit_compile(doubling()))) == ""


@pytest.mark.parametrize("in_child", [True, False], ids=["child process", "in process"])
def test_forked_child_compiles(
    used: Launchable, doubling: Callable[..., str], in_child: bool
) -> None:
    new = doubling("tensor<5xf32>")
    with override_settings(compile_process=in_child):
        check(Launchable.jit_compile(doubling("tensor<6xf32>")), 6)  # the compiler was used before
        assert in_fork(lambda: check(Launchable.jit_compile(new))) == ""


def test_fork_of_a_fork_computes_and_compiles(
    used: Launchable, doubling: Callable[..., str]
) -> None:
    def child() -> None:
        check(Launchable.jit_compile(doubling("tensor<5xf32>")))
        said = in_fork(lambda: check(Launchable.jit_compile(doubling("tensor<7xf32>")), 7))
        assert said == "", said

    assert in_fork(child) == ""


def test_parent_computes_and_compiles_after_a_fork(
    used: Launchable, doubling: Callable[..., str]
) -> None:
    in_fork(lambda: check(used))
    check(used, 1 << 12, Device("local-task"))
    check(Launchable.jit_compile(doubling("tensor<5xf32>")))


SPAWN = """
import multiprocessing, sys, torch
from ir_runtime import Launchable
from ir_runtime.counters import current_counts
def work(text):
    x = torch.arange(5.0)
    assert torch.equal(Launchable.jit_compile(text)(x), x + x)
    return current_counts().compiles, current_counts().store_hits
if __name__ == "__main__":
    print(work(sys.argv[1]))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.apply_async(work, (sys.argv[1],)).get(100))
"""


@pytest.mark.full
def test_spawned_child_finds_what_its_parent_compiled(
    store: DirectoryStore, doubling: Callable[..., str], tmp_path: Path
) -> None:
    script = tmp_path / "spawning.py"
    script.write_text(SPAWN)
    ended = subprocess.run(
        [sys.executable, str(script), doubling()], capture_output=True, text=True, timeout=LIMIT_S
    )
    assert (ended.stdout, ended.returncode) == ("(1, 0)\n(0, 1)\n", 0), ended.stderr
