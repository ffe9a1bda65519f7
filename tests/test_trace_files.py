"""Do the files of a trace survive kills, forks, threads and full disks, and calls with them?"""

from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from ir_runtime.errors import TraceError
from ir_runtime.settings import override_settings
from ir_runtime.tracing import Span, active_trace, trace_directory
from tests.op_reg import ops
from tests.op_reg.test_process import in_fork, start
from tests.trace_files import bars, events

X = torch.arange(6.0)
SCRIPT = """
import torch, os, signal
from tests.op_reg import ops
x = torch.arange(6.0)
ops.add(x, x)
"""


def test_process_that_ends_leaves_strict_json(trace):
    process = start(SCRIPT, IR_RUNTIME_TRACE=str(trace))
    assert process.communicate(timeout=100)[1] == ""
    assert process.returncode == 0
    shown = json.loads((trace / f"trace-{process.pid}.json").read_text())
    assert [bar["ph"] for bar in shown] == ["M", "M", "X", "X"]
    kinds = [row["event"] for row in events(trace, pid=process.pid)]
    assert kinds == ["compile", "launch"]


def test_killed_process_leaves_whole_events(trace):
    killed = start(SCRIPT + "os.kill(os.getpid(), signal.SIGKILL)", IR_RUNTIME_TRACE=str(trace))
    killed.communicate(timeout=100)
    assert killed.returncode == -9
    text = (trace / f"trace-{killed.pid}.json").read_text()
    assert not text.rstrip().endswith("]")
    assert len(bars(trace, killed.pid)) == 4
    assert len(events(trace, pid=killed.pid)) == 2


def test_file_of_an_earlier_process_of_this_number_is_continued(trace):
    """In a container each run may have the same process id."""
    trace.mkdir()
    path = trace / f"trace-{os.getpid()}.json"
    path.write_text('[\n{"name": "process_name", "ph": "M"}\n]\n')
    with Span("launch", "one"):
        pass
    assert [bar["name"] for bar in bars(trace)] == ["process_name", "thread_name", "launch one"]


def test_forked_child_has_files_of_its_own(trace):
    ops.add(X, X)
    before = events(trace)

    def child() -> bool:
        ops.add(X, X)
        active_trace().end()
        return len(events(trace, "launch")) == 1 and bars(trace)[0]["name"] == "process_name"

    in_fork(child)
    assert events(trace) == before
    assert len(list(trace.glob("events-*"))) == 2


def test_fork_while_other_threads_trace(trace):
    ops.add(X, X)
    stop = threading.Event()

    def spin():
        while not stop.is_set():
            ops.add(X, X)

    threads = [threading.Thread(target=spin) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            in_fork(lambda: torch.equal(ops.add(X, X), X + X))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for path in trace.glob("events-*"):
        assert all(json.loads(line) for line in path.read_text().splitlines())


def test_threads_write_whole_lines(trace):
    ops.add(X, X)

    def work():
        for _ in range(50):
            ops.add(X, X)

    threads = [threading.Thread(target=work, name=f"worker-{i}") for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = events(trace, "launch")
    assert len(rows) == 201
    assert {row["thread_name"] for row in rows[1:]} == {f"worker-{i}" for i in range(4)}
    named = [bar["args"]["name"] for bar in bars(trace) if bar["name"] == "thread_name"]
    assert sorted(named)[1:] == [f"worker-{i}" for i in range(4)]


def test_directory_that_cannot_be_made_is_refused(store, tmp_path):
    (tmp_path / "file").write_text("")
    directory = tmp_path / "file" / "trace"
    for _ in range(2):
        with override_settings(trace=directory), pytest.raises(TraceError) as caught:
            ops.add(X, X)
        assert str(caught.value) == (
            f"trace directory {directory}: cannot be written, must be to trace into it\n"
            f"    [Errno 20] Not a directory: '{directory}'\n"
            "  fix: name another directory with IR_RUNTIME_TRACE, or unset it"
        )
        assert caught.value.errno == errno.ENOTDIR
    assert torch.equal(ops.add(X, X), X + X)


@pytest.mark.parametrize("bound", [True, False], ids=["bound before", "bound after"])
def test_full_disk_ends_the_trace_and_not_the_call(trace, caplog, monkeypatch, bound):
    if bound:
        ops.add(X, X)
    active_trace()
    kept = [path.read_bytes() for path in sorted(trace.glob("*-*.json*"))]
    limited = os.write

    def write(descriptor: int, data: bytes) -> int:
        """Behave as a disk with three bytes left."""
        return limited(descriptor, data[:3])

    monkeypatch.setattr(os, "write", write)
    with caplog.at_level(logging.WARNING, "ir_runtime"):
        for _ in range(3):
            assert torch.equal(ops.add(X, X), X + X)
    monkeypatch.undo()
    (record,) = caplog.records
    assert record.name == "ir_runtime.tracing"
    assert record.getMessage().startswith(f"trace directory {trace}: cannot be written (")
    assert record.getMessage().endswith(f"); the trace of process {os.getpid()} ends")
    assert [path.read_bytes() for path in sorted(trace.glob("*-*.json*"))] == kept
    assert torch.equal(ops.add(X, X), X + X)


def test_sources_that_do_not_fit_end_the_trace_and_leave_no_part(trace, caplog, monkeypatch):
    def write_bytes(path: Path, data: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    active_trace()
    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    assert torch.equal(ops.add(X, X), X + X)
    assert [record.name for record in caplog.records] == ["ir_runtime.tracing"]
    assert not [path for path in trace.iterdir() if "-" not in path.name or path.suffix == ".mlir"]
    assert not list(trace.glob(".*"))


def test_directory_is_told_and_made(trace):
    assert not trace.exists()
    assert trace_directory() == trace
    assert trace.is_dir()
    with override_settings(trace=None):
        assert trace_directory() is None


def test_relative_directory_stays_where_it_was(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with override_settings(trace=Path("here")):
        ops.add(X, X)
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        in_fork(lambda: torch.equal(ops.scale(X), X * 2))
        assert trace_directory() == tmp_path / "here"
    assert len(list((tmp_path / "here").glob("events-*"))) == 2


@pytest.mark.full
def test_environment_switches_it_on(store, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "IR_RUNTIME_TRACE": str(tmp_path / "here")},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "here").glob("*.vmfb"))) == 1
