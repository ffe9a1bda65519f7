"""The run that is going on in this thread, or was the last one: what class attributes show.

The attributes that passes share, such as a table of matches, belong to the record of a run. Each
thread has its own current run, so that compiles side by side do not mix.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ir_runtime.passes.record.pipeline_record import GraphRecord, PipelineRecord
from ir_runtime.passes.record.run_record import PassRecord

__all__ = [
    "Run",
    "collecting",
    "current_run",
    "dump_index",
    "graph_numbers",
    "in_run",
    "last_count",
    "match_table",
    "run_graph",
    "run_pass",
    "set_count",
]

graph_numbers = itertools.count()
"""Numbers of graphs, in the order of their runs in this process."""


@dataclass
class Run:
    """A run over one graph.

    Attributes:
        graph: its record.
        passing: the record of the pass that runs, None between passes.
        index: of the pass that runs; None if no pipeline counts them.
        dump_directory: where graphs are written; None for where the settings say.
    """

    graph: GraphRecord
    passing: PassRecord | None = None
    index: int | None = None
    dump_directory: Any = None


_run: ContextVar[Run | None] = ContextVar("run of passes", default=None)
_last: ContextVar[PipelineRecord | None] = ContextVar("last record of passes", default=None)
_collected: ContextVar[tuple[list[GraphRecord], ...]] = ContextVar("collected runs", default=())


@contextmanager
def collecting() -> Generator[list[GraphRecord]]:
    """Yield a list that gets the records of the graphs that passes run over inside the block.

    It gets those of this thread, whichever pipeline has the passes; a block around it gets them,
    too.
    """
    found: list[GraphRecord] = []
    token = _collected.set((*_collected.get(), found))
    try:
        yield found
    finally:
        _collected.reset(token)


def current_run() -> Run | None:
    """Return the run of this thread, None if there is none."""
    return _run.get()


@contextmanager
def run_graph(run: Run, record: PipelineRecord) -> Generator[Run]:
    """Make a run the current one, and its pipeline's record the last one of this thread."""
    record.graphs.append(run.graph)
    for found in _collected.get():
        found.append(run.graph)
    _last.set(record)
    token = _run.set(run)
    try:
        yield run
    finally:
        _run.reset(token)


@contextmanager
def run_pass(run: Run, record: PassRecord, index: int | None) -> Generator[PassRecord]:
    """Let a pass write into its record; matches that it counts in one place get into the other."""
    run.graph.passes.append(record)
    counted = run.graph.match_table[record.name]
    outer = run.passing, run.index
    run.passing, run.index = record, index
    try:
        yield record
    finally:
        run.passing, run.index = outer
        added = run.graph.match_table[record.name] - counted
        if added and not record.matched_count:
            record.matched_count = added
        elif record.matched_count and not added:
            run.graph.match_table[record.name] += record.matched_count


@contextmanager
def in_run(name: str, hook: str = "post_grad") -> Generator[PassRecord]:
    """Give a pass its record: that of its run, or one of a new run if it is called alone."""
    run = _run.get()
    if run is not None and run.passing is not None:
        yield run.passing
        return
    alone = Run(GraphRecord(hook, number=next(graph_numbers)))
    with run_graph(alone, PipelineRecord()), run_pass(alone, PassRecord(name), None) as record:
        yield record


def set_count(name: str, count: int) -> None:
    """Write a number of matches into the record of the pass that runs, or ran last, by name."""
    run, last = _run.get(), _last.get()
    record = None if run is None else run.passing
    if record is None and last is not None and len(last.graphs) == 1:
        record = next((r for r in last.graphs[0].passes if r.name == name), None)
    if record is None:
        with in_run(name) as record:
            record.matched_count = count
    else:
        record.matched_count = count


def match_table() -> Counter[str]:
    """Return the matches by pass of the current run, else of the last one of this thread."""
    run = _run.get()
    if run is not None:
        return run.graph.match_table
    last = _last.get()
    if last is None:
        return Counter()
    return last.graphs[0].match_table if len(last.graphs) == 1 else last.match_table


def last_count(name: str) -> int:
    """Return the matches of a pass in the current run, else in its last one; 0 without a run."""
    run = _run.get()
    if run is not None and run.passing is not None and run.passing.name == name:
        return run.passing.matched_count
    last = _last.get()
    for graph in reversed([] if last is None else last.graphs):
        for record in reversed(graph.passes):
            if record.name == name:
                return record.matched_count
    return 0


def dump_index() -> int | None:
    """Return the number of the pass that runs, None if no pipeline runs."""
    run = _run.get()
    return None if run is None else run.index
