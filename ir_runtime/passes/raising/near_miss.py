"""Near misses: places that a pattern fits but for one node, and places that an op does not fit."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from torch import fx

from ir_runtime.passes.raising.form import Form
from ir_runtime.passes.raising.match import Match, find_matches
from ir_runtime.passes.raising.pattern import Apply, Casts, Either, Named, count_calls
from ir_runtime.passes.raising.site import Site
from ir_runtime.passes.record.run_record import NearMiss

__all__ = ["near_misses", "root_functions", "where_is"]

_DEPTH = 8
_TRIES = 64
_PART = 1 / 3


def root_functions(pattern: object) -> frozenset[str]:
    """Return the functions whose calls can be the root of a pattern."""
    if isinstance(pattern, Apply):
        return frozenset({pattern.function})
    if isinstance(pattern, Casts):
        return root_functions(pattern.of) | {"cast"}
    if isinstance(pattern, Named):
        return root_functions(pattern.of)
    if isinstance(pattern, Either):
        return frozenset().union(*map(root_functions, pattern.options))
    return frozenset()


def near_misses(site: Site, forms: Iterable[Form]) -> Iterator[NearMiss]:
    """Yield one near miss, the nearest, for each anchor of a form that was not raised."""
    for anchor, (name, unfit) in site.refused.items():
        if anchor not in site.taken:
            yield NearMiss(name, unfit.node.name, unfit.reason, where_is(unfit.node))
    forms = tuple(form for form in forms if form.reported)
    for anchor in site.calling({form.anchor for form in forms}):
        call = site.calls[anchor]
        if anchor in site.taken or anchor in site.refused or call is None:
            continue
        mine = [form for form in forms if form.anchor == call.function]
        found = [near for form in mine if (near := _nearest(site, form, anchor)) is not None]
        if found:
            yield max(found, key=lambda near: near[0])[1]


def where_is(node: fx.Node) -> str:
    """Return the path of the module that a node is in, or its line of the user's code."""
    modules = node.meta.get("nn_module_stack")
    if modules:
        path, kind = list(modules.values())[-1]
        return f"{path} ({getattr(kind, '__name__', kind)})"
    lines = [line.strip() for line in (node.stack_trace or "").splitlines()]
    return next((line for line in reversed(lines) if line.startswith("File ")), "")


def _nearest(site: Site, form: Form, anchor: fx.Node) -> tuple[int, NearMiss] | None:
    """Return the near miss with most nodes around an anchor, and their number."""
    best: tuple[int, NearMiss] | None = None
    for pattern in form.patterns:
        least = _PART * count_calls(pattern)
        for match in _almost(site, pattern, anchor):
            (difference,) = match.differences
            size = len(match.nodes)
            if size >= least and (best is None or size > best[0]):
                reason = f"found {difference.found}, expected {difference.expected}"
                node = difference.node
                best = size, NearMiss(form.name, node.name, reason, where_is(node))
    return best


def _almost(site: Site, pattern: object, anchor: fx.Node) -> Iterator[Match]:
    heads = root_functions(pattern)
    for root in _results_of(anchor):
        call = site.calls[root]
        if call is None or call.function not in heads:
            continue
        found = find_matches(pattern, root, site.calls, differences=1)
        for match in itertools.islice(found, _TRIES):
            if match.differences and anchor in _nodes_of(match):
                yield match


def _nodes_of(match: Match) -> set[fx.Node]:
    """Return the nodes of a match, those that differ, and those right behind them."""
    different = [difference.node for difference in match.differences]
    behind = [node for each in different for node in each.all_input_nodes]
    return {*match.nodes, *different, *behind}


def _results_of(anchor: fx.Node) -> Iterator[fx.Node]:
    """Yield a node and the nodes that use it, up to some depth."""
    level = [anchor]
    seen: set[fx.Node] = set()
    for _ in range(_DEPTH):
        yield from level
        seen.update(level)
        level = [u for u in dict.fromkeys(u for n in level for u in n.users) if u not in seen]
