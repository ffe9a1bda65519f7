"""What one run of one pass over one graph found: counts, choices, near misses, time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

__all__ = ["NearMiss", "PassRecord"]


@dataclass(frozen=True)
class NearMiss:
    """A place where a pattern fitted but for one node.

    Attributes:
        pattern: name of the pattern.
        node: name of the node that differs.
        reason: what it is, and what the pattern wants.
        where: line of the user's code, or path of the module; "" if unknown.
    """

    pattern: str
    node: str
    reason: str
    where: str = ""


@dataclass
class PassRecord:
    """The record of a run; it is JSON but for `near_misses`, and belongs to the run alone.

    Attributes:
        name: of the pass.
        matched_count: how many places the pass changed.
        counts: other numbers, by name, such as clones removed.
        selected_impls: provider by op and node, of lowering.
        near_misses: places that almost matched.
        milliseconds: how long the run took.
        facts: anything else, JSON.
    """

    name: str
    matched_count: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    selected_impls: dict[str, dict[str, str]] = field(default_factory=dict)
    near_misses: list[NearMiss] = field(default_factory=list)
    milliseconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
