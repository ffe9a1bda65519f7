"""The error of a pass that raised: which pass, at which node, from which line of the user."""

from __future__ import annotations

from typing import Any

from torch import fx

from ir_runtime.op_reg.trace.user_line import user_line
from ir_runtime.passes.errors import PassError
from ir_runtime.passes.graph.graph_snapshot import GraphSnapshot
from ir_runtime.passes.graph_dump import graph_text, keep_failed_graph

__all__ = ["failure_of", "node_of"]


def failure_of(
    name: str, hook: str, graph: fx.Graph, snapshot: GraphSnapshot, error: BaseException
) -> BaseException:
    """Restore a graph after a pass raised, and return the error to raise.

    Args:
        name: of the pass.
        hook: where it ran.
        graph: the graph, in the state that the pass left.
        snapshot: the graph before the pass.
        error: what the pass raised. A `PassError` and an interrupt stay themselves.
    """
    node = node_of(error)
    snapshot.restore()
    if isinstance(error, PassError) or not isinstance(error, Exception):
        return error
    at = "" if node is None else f" at node {node.name}"
    failure = PassError(
        f"pass {name}: raised {type(error).__name__}{at} of the {hook} graph, must not raise",
        pass_name=name,
        node="" if node is None else node.name,
        dump=keep_failed_graph(graph_text(graph), name),
        facts=[str(error), *_place(node)],
        fix=f"leave {name} out of the pipeline; the graph is as it was before the pass",
    )
    failure.__cause__ = error
    return failure


def _place(node: fx.Node | None) -> list[str]:
    line = None if node is None else user_line(node)
    return [] if line is None else [f"the node is of {line}"]


def node_of(error: BaseException) -> fx.Node | None:
    """Return the node that the code was at when it raised: that of the innermost frame with one."""
    frames: list[Any] = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    for frame in reversed(frames):
        values = frame.f_locals
        for value in (values.get("node"), *values.values()):
            if isinstance(value, fx.Node) and value.op != "root":
                return value
    return None
