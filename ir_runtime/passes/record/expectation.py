"""The matches that a pipeline expects of its passes, and what is said if they do not come."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ir_runtime.errors import ArgumentError
from ir_runtime.passes.errors import ExpectedMatchError
from ir_runtime.passes.record.pipeline_record import GraphRecord

__all__ = ["check_expectations", "check_expected"]

_log = logging.getLogger("ir_runtime.passes")
_MOST_SHOWN = 5


def check_expectations(expect: Mapping[str, Any], names: set[str]) -> None:
    """Refuse expectations that are not well formed.

    Args:
        expect: by name of a pass, how many matches a graph must have: a number, or a range.
        names: of the pipeline's passes.

    Raises:
        ArgumentError: a pass is not in the pipeline, or a value is neither.
    """
    for name, count in expect.items():
        if name not in names:
            raise ArgumentError(
                f"expect: {name!r} is no pass of the pipeline, must be one of "
                f"{', '.join(sorted(names)) or 'none, since it is empty'}"
            )
        if isinstance(count, bool) or not isinstance(count, int | range):
            raise ArgumentError(f"expect: {name!r} is {count!r}, must be a number or a range")


def check_expected(graph: GraphRecord, expect: Mapping[str, Any], *, strict: bool) -> None:
    """Compare the matches of a graph with what is expected; graphs of gradients are left out.

    Raises:
        ExpectedMatchError: a pass that ran matched another number of places, and `strict`; else
            this is a warning.
    """
    if graph.backward:
        return
    for record in graph.passes:
        wanted = expect.get(record.name)
        if wanted is None or record.skipped:
            continue
        if record.matched_count in (wanted if isinstance(wanted, range) else (wanted,)):
            continue
        limits = f"{wanted.start} to {wanted.stop - 1}" if isinstance(wanted, range) else wanted
        near = [
            f"almost {miss.pattern} at node {miss.node}{f' ({miss.where})' if miss.where else ''}: "
            f"{miss.reason}"
            for miss in record.near_misses[:_MOST_SHOWN]
        ]
        error = ExpectedMatchError(
            f"pass {record.name}: matched {record.matched_count} places of the {graph.hook} graph, "
            f"must match {limits}",
            pass_name=record.name,
            node=record.near_misses[0].node if record.near_misses else "",
            facts=near,
            fix="look at the graph before the pass: IR_RUNTIME_TRACE=DIR writes it",
        )
        if strict:
            raise error
        _log.warning("%s", error)
