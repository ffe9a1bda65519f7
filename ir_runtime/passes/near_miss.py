"""Places where the last op of a pattern is, and the rest of the pattern differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch import fx
from torch._inductor import pattern_matcher as matcher

from ir_runtime.op_reg.trace.user_line import user_line
from ir_runtime.passes.pattern_dump import with_op_names
from ir_runtime.passes.record.run_record import NearMiss

__all__ = ["near_misses"]

_MOST = 20

Differences = Callable[[str, Any], Iterable[str]]
"""By the name of a pattern and a match that fits: why it was not replaced."""


def near_misses(
    found: matcher.PatternMatcherPass, graph: fx.Graph, differences: Differences
) -> list[NearMiss]:
    """Return one near miss a node that ends a pattern and is still there, 20 at most.

    A node of which less than half of a pattern's depth fits is none.

    Args:
        found: torch's matcher, which has run.
        graph: the graph after it.
        differences: says what was wrong with a place that fits.
    """
    misses: list[NearMiss] = []
    for (op, target), entries in found.patterns.items():
        for node in graph.find_nodes(op=op, target=target, sort=False):
            if len(misses) == _MOST:
                return misses
            miss = _nearest(node, entries, differences)
            misses += [] if miss is None else [miss]
    return misses


def _nearest(node: fx.Node, entries: Iterable[Any], differences: Differences) -> NearMiss | None:
    """Return what differs from the pattern that fits best: one that fits, or else the first."""
    matches = [(entry, entry.pattern.match(node)) for entry in entries]
    fitting = [pair for pair in matches if matcher.is_match(pair[1])]
    near = [(entry, match) for entry, match in matches if _is_near(node, entry.pattern, match)]
    if not fitting and not near:
        return None
    entry, match = (fitting or near)[0]
    name = str(getattr(entry, "pattern_name", None) or "pattern")
    differing = node
    if fitting:
        reasons = ", ".join(differences(name, match))
        reason = reasons or "its sizes or numbers are others, or `extra_check` refuses"
    else:
        differing = next(_nodes_in(match), node)
        reason = _reason(match)
    return NearMiss(name.partition(".")[0], differing.name, reason, user_line(differing) or "")


def _is_near(node: fx.Node, pattern: Any, match: Any) -> bool:
    """Tell whether at least half of a pattern fits, counted along its longest path."""
    if matcher.is_match(match):
        return True
    differing = next(_nodes_in(match), None)
    if differing is None or not match.format_string.startswith("function_mismatch"):
        return True
    return _distance(node, differing) >= max(1, _depth(pattern) // 2)


def _distance(node: fx.Node, other: fx.Node) -> int:
    """Return how many steps from a node to its arguments lead to another one."""
    steps, level, seen = 0, {node}, {node}
    while level and other not in level:
        level = {arg for each in level for arg in each.all_input_nodes} - seen
        seen |= level
        steps += 1
    return steps


def _depth(pattern: Any) -> int:
    if not isinstance(pattern, matcher._TargetArgsExpr):
        return 0
    inner = (*pattern.args, *pattern.kwargs.values())
    return 1 + max(map(_depth, inner), default=0)


def _reason(failed: Any) -> str:
    if failed.format_string.startswith("function_mismatch: node") and len(failed.args) == 2:
        node, pattern = failed.args
        return f"it {_described(node)}, the pattern wants {_wanted(pattern)}"
    if failed.format_string.startswith("multiple_users"):
        return f"the result of {_wanted(failed.args[0])} has other users"
    if failed.format_string == "repeated pattern differs":
        return "one input of the pattern is two values here"
    return with_op_names(str(failed))


def _described(node: fx.Node) -> str:
    if node.op == "call_function":
        return f"calls {with_op_names(repr(node.target)).removeprefix('torch.ops.')}"
    return "is an input" if node.op == "placeholder" else f"is a node {node.op}"


def _wanted(pattern: Any) -> str:
    names = [with_op_names(repr(fn)).removeprefix("torch.ops.") for fn in pattern.fns]
    return names[-1] if names else str(pattern)


def _nodes_in(failed: Any) -> Iterator[fx.Node]:
    """Yield the nodes that a failed match names, those of the innermost failure first."""
    for arg in failed.args:
        if isinstance(arg, fx.Node):
            yield arg
        elif isinstance(arg, matcher.FailedMatch):
            yield from _nodes_in(arg)
