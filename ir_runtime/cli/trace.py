"""`ir-runtime trace DIR`: a summary of the compiles, loads and launches of a trace, with times."""

from __future__ import annotations

import argparse
import json
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ir_runtime.errors import TraceError
from ir_runtime.frozen import frozen

__all__ = ["KernelRow", "LaunchRow", "Summary", "read_summary", "run"]


@frozen
class KernelRow:
    """The events of one artifact.

    Attributes:
        key: label of its key, also the name of its files.
        compiled: number of compiles.
        failed: number of failed compiles.
        loaded: number of loads from a store.
        generate_ms: total time to make its MLIR.
        compile_ms: total time of the compiler in successful compiles.
    """

    key: str
    compiled: int
    failed: int
    loaded: int
    generate_ms: float
    compile_ms: float


@frozen
class LaunchRow:
    """The launches of one op or program on one device.

    Attributes:
        name: the op or program.
        device: URI of the device.
        executor: their executor.
        count: number of launches.
        failed: number of launches that raised an error.
        total_us: sum of their times.
        median_us: the median time.
        max_us: the longest.
    """

    name: str
    device: str
    executor: str
    count: int
    failed: int
    total_us: float
    median_us: float
    max_us: float


@frozen
class Summary:
    """The summary of a trace directory.

    Attributes:
        directory: the directory.
        processes: number of processes that wrote into it.
        kernels: one row per artifact, longest compile first.
        launches: one row per op, device and executor, longest total first.
        unreadable: number of lines that are no events, such as a line cut by a full disk.
    """

    directory: str
    processes: int
    kernels: tuple[KernelRow, ...]
    launches: tuple[LaunchRow, ...]
    unreadable: int


def run(arguments: argparse.Namespace) -> int:
    """Print a summary of a trace directory.

    Args:
        arguments: `directory`, `json`.

    Raises:
        TraceError: there is no trace in the directory.
    """
    summary = read_summary(arguments.directory)
    if arguments.json:
        print(json.dumps(asdict(summary), indent=1))
    else:
        print("\n".join(_lines(summary)))
    return 0


def read_summary(directory: Path) -> Summary:
    """Read the events of all processes that traced into a directory.

    Raises:
        TraceError: there are no events, or they cannot be read.
    """
    try:
        paths = sorted(directory.glob("events-*.jsonl"))
        lines = [line for path in paths for line in path.read_bytes().splitlines()]
    except OSError as error:
        raise TraceError(f"{directory}: cannot be read", facts=[str(error)]) from error
    if not paths:
        raise TraceError(
            f"{directory}: holds no events-*.jsonl, must be a directory that a process traced into",
            fix="run the program with IR_RUNTIME_TRACE=DIR",
        )
    found = [_event_of(line) for line in lines]
    events = [event for event in found if event is not None]
    return Summary(
        directory=str(directory),
        processes=len(paths),
        kernels=_kernel_rows(events),
        launches=_launch_rows(events),
        unreadable=len(found) - len(events),
    )


def _event_of(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
        complete = {"event", "name", "key", "duration_us"} <= event.keys()
    except (ValueError, AttributeError):
        return None
    return event if complete else None


def _kernel_rows(events: Sequence[dict[str, Any]]) -> tuple[KernelRow, ...]:
    by_key: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        if event["event"] in ("compile", "load"):
            by_key[event["key"]].append(event)
    rows: list[KernelRow] = []
    for key, group in by_key.items():
        compiles = [event for event in group if event["event"] == "compile"]
        row = KernelRow(
            key=key,
            compiled=len(compiles),
            failed=sum("error" in event for event in compiles),
            loaded=len(group) - len(compiles),
            generate_ms=sum(event.get("generate_ms", 0.0) for event in compiles),
            compile_ms=sum(event.get("compile_ms", 0.0) for event in compiles),
        )
        rows.append(row)
    return tuple(sorted(rows, key=lambda row: (-row.compile_ms, row.key)))


def _launch_rows(events: Sequence[dict[str, Any]]) -> tuple[LaunchRow, ...]:
    groups: defaultdict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        if event["event"] == "launch":
            where = event.get("device", ""), event.get("executor", "")
            groups[event["name"], *where].append(event)
    rows: list[LaunchRow] = []
    for (name, device, executor), group in groups.items():
        times = [event["duration_us"] for event in group]
        row = LaunchRow(
            name=name,
            device=device,
            executor=executor,
            count=len(group),
            failed=sum("error" in event for event in group),
            total_us=sum(times),
            median_us=statistics.median(times),
            max_us=max(times),
        )
        rows.append(row)
    return tuple(sorted(rows, key=lambda row: (-row.total_us, row.name, row.device)))


def _lines(summary: Summary) -> list[str]:
    count = summary.processes
    lines = [f"{summary.directory}: {count} {'process' if count == 1 else 'processes'}"]
    kernels = [
        (k.key, k.compiled, k.failed, k.loaded, f"{k.generate_ms:.1f}", f"{k.compile_ms:.1f}")
        for k in summary.kernels
    ]
    headings = ("kernels", "compiled", "failed", "loaded", "generate ms", "compile ms")
    lines += _table(headings, kernels, left=1)
    launches = [
        (
            *(r.name, r.device, r.executor, r.count, r.failed),
            *(f"{value:.1f}" for value in (r.total_us, r.median_us, r.max_us)),
        )
        for r in summary.launches
    ]
    headings = ("launches", "device", "executor", "count", "failed", "total us", "median", "max")
    lines += _table(headings, launches, left=3)
    if summary.unreadable:
        lines.append(f"{summary.unreadable} lines are no events and were left out")
    return lines


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, left: int) -> list[str]:
    """Lay out rows below headings; the first `left` columns are text, the others numbers."""
    indented = [headings, *((f"  {first}", *rest) for first, *rest in rows)]
    cells = [[str(cell) for cell in row] for row in indented]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headings))]
    lines: list[str] = []
    for row in cells:
        padded = [
            f"{cell:<{width}}" if i < left else f"{cell:>{width}}"
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
    return lines
