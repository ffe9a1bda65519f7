"""The run of passes over one graph: what each found, how long it took, the way back on failure."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

from torch import fx

from ir_runtime.passes.active_run import Run, run_pass
from ir_runtime.passes.compile_context import PassContext
from ir_runtime.passes.failure import failure_of
from ir_runtime.passes.graph.graph_snapshot import GraphSnapshot
from ir_runtime.passes.graph_dump import dump_graph
from ir_runtime.passes.graph_pass import GraphPass
from ir_runtime.passes.inductor_pass import InductorPass
from ir_runtime.passes.record.run_record import PassRecord
from ir_runtime.settings import current_settings

__all__ = ["run_passes"]

_log = logging.getLogger("ir_runtime.passes")
_MATCH_DEBUG = "TORCHINDUCTOR_PATTERN_MATCH_DEBUG"


def run_passes(
    passes: Iterable[InductorPass], graph: fx.Graph, run: Run, context: PassContext
) -> None:
    """Run passes in their order, each with its record in the run's.

    Raises:
        PassError: a pass raised; the graph is as it was before this pass.
    """
    with _matches_logged():
        for index, each in enumerate(passes):
            with run_pass(run, PassRecord(each.name), index) as record:
                if _is_applicable(each, context, record):
                    _run(each, graph, run.graph.hook, record)


@contextmanager
def _matches_logged() -> Generator[None]:
    """Let torch's pattern matcher log the nodes of the setting, for these passes alone."""
    nodes = current_settings().pattern_match_debug
    if nodes is None:
        yield
        return
    before = os.environ.get(_MATCH_DEBUG)
    os.environ[_MATCH_DEBUG] = nodes
    try:
        yield
    finally:
        if before is None:
            del os.environ[_MATCH_DEBUG]
        else:
            os.environ[_MATCH_DEBUG] = before


def _is_applicable(each: InductorPass, context: PassContext, record: PassRecord) -> bool:
    sizes = context.compile_range
    if sizes is None or each.is_applicable_for_range(sizes):
        return True
    record.skipped = f"not for batch sizes {sizes}"
    _log.debug("pass %s: skipped, %s", each.name, record.skipped)
    return False


def _run(each: InductorPass, graph: fx.Graph, hook: str, record: PassRecord) -> None:
    snapshot = GraphSnapshot(graph)
    dumps_itself = isinstance(each, GraphPass) or hasattr(_call_of(each), "__wrapped__")
    started = time.perf_counter()
    try:
        if not dumps_itself:
            dump_graph(graph, each.name, "before")
        each(graph)
        if not dumps_itself:
            dump_graph(graph, each.name, "after")
    except BaseException as error:
        failure = failure_of(each.name, hook, graph, snapshot, error)
        if failure is error:
            raise
        raise failure from error
    record.milliseconds = record.milliseconds or 1e3 * (time.perf_counter() - started)


def _call_of(each: InductorPass) -> Any:
    return type(each).__call__
