"""Tracing: with `IR_RUNTIME_TRACE=DIR`, a record of a process's compiles, loads and launches.

Each process has two files in the directory, `events-<pid>.jsonl` and `trace-<pid>.json`; see
`docs/tracing.md`. An event is one write, so a killed process leaves only complete lines.
"""

from __future__ import annotations

import atexit
import json
import logging
import math
import os
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import TraceError
from ir_runtime.fork_lock import fork_safe_lock
from ir_runtime.settings import current_settings

__all__ = ["Span", "Trace", "active_trace", "launch_span", "record_event", "trace_directory"]

_log = logging.getLogger("ir_runtime.tracing")
_profiler_range = torch._C._profiler._RecordFunctionFast
_BEGIN, _BETWEEN, _END = b"[\n", b",\n", b"\n]\n"


def trace_directory() -> Path | None:
    """Return the directory of the `trace` setting and make it; None if tracing is off.

    Raises:
        TraceError: it cannot be written.
    """
    trace = active_trace()
    return None if trace is None else trace.directory


def active_trace() -> Trace | None:
    """Return the trace of this process, None if tracing is off.

    Raises:
        TraceError: the directory cannot be written; only the first use finds this.
    """
    directory = current_settings().trace
    if directory is None:
        return None
    trace = _traces.get(directory)
    if trace is None:
        with _guard:
            trace = _traces.get(directory)
            if trace is None:
                trace = _traces[directory] = Trace(directory)
    return trace


class Span:
    """The time of a `with` block on one thread: an event, and a range for `torch.profiler`.

    With tracing off, it measures the time and writes nothing. `torch.profiler` shows it as
    `ir_runtime::<event> <name>`.

    Args:
        event: the kind of event, such as `launch`.
        name: of the op or program.
        fields: the fields of the event; more may be added until the end. Values are JSON.

    Raises:
        TraceError: on entry, if the directory cannot be written. A later failure ends the trace
            with a warning; the traced call continues.
    """

    def __init__(self, event: str, name: str, **fields: Any) -> None:
        self.event = event
        self.name = name
        self.fields = fields

    def __enter__(self) -> Self:
        self._trace = active_trace()
        self._range = None
        if self._trace is not None:
            self._range = _profiler_range(f"ir_runtime::{self.event} {self.name}")
            self._range.__enter__()
        self._started_ns = time.perf_counter_ns()
        return self

    def elapsed_ms(self) -> float:
        """Return the time since the start."""
        return (time.perf_counter_ns() - self._started_ns) / 1e6

    def keep(self, file_name: str, data: bytes) -> None:
        """Put a file into the directory, if tracing is on."""
        if self._trace is not None:
            self._trace.keep(file_name, data)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        duration_ns = time.perf_counter_ns() - self._started_ns
        if self._trace is None or self._range is None:
            return
        self._range.__exit__(None, None, None)
        if error is not None:
            self.fields["error"] = f"{type(error).__name__}: {error}"
        self._trace.write(self.event, self.name, duration_ns, self.fields)


def launch_span(
    name: str, key: str | None, args: Sequence[Any], device: str, *, executor: str = "vm"
) -> Span:
    """Return the span of one launch.

    Args:
        name: of the op, `<namespace>::<op>`, or of the program.
        key: label of the kernel's key, None for a program that is not stored.
        args: the arguments of the call.
        device: the URI of the device that runs it.
        executor: the executor that runs it.
    """
    arguments = [_described(value) for value in args]
    return Span("launch", name, key=key, arguments=arguments, executor=executor, device=device)


def record_event(event: str, name: str, started_ns: int, **fields: Any) -> None:
    """Record an event from `started_ns`, of `time.perf_counter_ns`, until now, if tracing is on."""
    trace = active_trace()
    if trace is not None:
        trace.write(event, name, time.perf_counter_ns() - started_ns, fields)


def _described(value: Any) -> Any:
    if isinstance(value, Tensor):
        return format_tensor(value)
    if isinstance(value, list | tuple):
        return [_described(item) for item in value]
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return str(value)


class Trace:
    """The files of this process in one directory; all methods may be called from any thread.

    Args:
        directory: made if it does not exist.

    Raises:
        TraceError: it cannot be written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self._lock = fork_safe_lock()
        self._files: tuple[_File, _File] | None = None
        self._named_threads: set[int] = set()
        self._ended = False
        try:
            self._files = self._open()
        except OSError as error:
            failure = TraceError(
                f"trace directory {self.directory}: cannot be written, must be to trace into it",
                facts=[str(error)],
                fix="name another directory with IR_RUNTIME_TRACE, or unset it",
            )
            failure.errno = error.errno
            raise failure from error

    def write(self, event: str, name: str, duration_ns: int, fields: dict[str, Any]) -> None:
        """Add an event that ends now; a failure to write ends the trace with a warning."""
        start_ns = time.time_ns() - duration_ns
        thread, pid = threading.get_native_id(), os.getpid()
        thread_name = threading.current_thread().name
        row = {
            "event": event,
            "name": name,
            "time_s": start_ns / 1e9,
            "duration_us": duration_ns / 1e3,
            "pid": pid,
            "thread": thread,
            "thread_name": thread_name,
            **fields,
        }
        bar = {
            "name": f"{event} {name}",
            "cat": event,
            "ph": "X",
            "ts": start_ns / 1e3,
            "dur": duration_ns / 1e3,
            "pid": pid,
            "tid": thread,
            "args": fields,
        }
        line, piece = _json(row) + b"\n", _BETWEEN + _json(bar)
        with self._writing():
            if self._ended:
                return
            events, bars = self._files = self._files or self._open()
            if thread not in self._named_threads:
                piece = _BETWEEN + _json(_label("thread_name", thread_name, thread)) + piece
                self._named_threads.add(thread)
            events.append(line)
            bars.append(piece)

    def keep(self, file_name: str, data: bytes) -> None:
        """Put a file into the directory, completely or not at all; a failure ends the trace."""
        staging = self.directory / f".{file_name}.{os.getpid()}.{threading.get_native_id()}"
        with self._writing():
            if self._ended:
                return
            try:
                staging.write_bytes(data)
                staging.replace(self.directory / file_name)
            except OSError:
                staging.unlink(missing_ok=True)
                raise

    def end(self) -> None:
        """Finish the files; later events are dropped."""
        with self._writing():
            if self._files is not None and not self._ended:
                self._files[1].append(_END)
            self._close()

    def reset(self) -> None:
        """Close the parent's files in a forked child; the child makes its own."""
        self._named_threads.clear()
        for file in self._files or ():
            file.close()
        self._files = None

    def _open(self) -> tuple[_File, _File]:
        self.directory.mkdir(parents=True, exist_ok=True)
        events = _File(self.directory / f"events-{os.getpid()}.jsonl")
        files = [events]
        try:
            bars = _File(self.directory / f"trace-{os.getpid()}.json")
            files.append(bars)
            if not bars.take_back(_END):  # not empty: an earlier process had the same number
                program = Path(sys.argv[0]).name if sys.argv else "python"
                bars.append(_BEGIN + _json(_label("process_name", program or "python", 0)))
        except OSError:
            for file in files:
                file.close()
            raise
        return events, bars

    def _close(self) -> None:
        self._ended = True
        for file in self._files or ():
            file.close()
        self._files = None

    @contextmanager
    def _writing(self) -> Generator[None]:
        """Hold the lock; a file that cannot be written ends the trace, with one warning."""
        with self._lock:
            try:
                yield
            except OSError as error:
                if not self._ended:
                    self._close()
                    _log.warning(
                        "trace directory %s: cannot be written (%s); the trace of process %d ends",
                        self.directory,
                        error,
                        os.getpid(),
                    )


class _File:
    """A file that grows by complete pieces; a piece that does not fit is removed again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)

    def append(self, piece: bytes) -> None:
        """Add a piece in one write."""
        written = os.write(self._descriptor, piece)
        if written < len(piece):
            size = os.fstat(self._descriptor).st_size
            os.ftruncate(self._descriptor, size - written)
            raise OSError(f"{self._path}: only {written} of {len(piece)} bytes fit")

    def take_back(self, end: bytes) -> bool:
        """Remove `end` from the end of the file; returns whether the file had any contents."""
        size = os.fstat(self._descriptor).st_size
        if size >= len(end) and os.pread(self._descriptor, len(end), size - len(end)) == end:
            os.ftruncate(self._descriptor, size - len(end))
        return size > 0

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, default=str).encode()


def _label(kind: str, text: str, thread: int) -> dict[str, Any]:
    args = {"name": text}
    return {"name": kind, "ph": "M", "pid": os.getpid(), "tid": thread, "args": args}


_traces: dict[Path, Trace] = {}
_guard = fork_safe_lock()


def _reset_traces() -> None:
    for trace in tuple(_traces.values()):
        trace.reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_traces)


@atexit.register
def _end_traces() -> None:
    for trace in tuple(_traces.values()):
        trace.end()
