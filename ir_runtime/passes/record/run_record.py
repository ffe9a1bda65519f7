"""What one run of one pass over one graph found: counts, choices, near misses, time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
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
        skipped: why the pass did not run; "" if it did.
        dumps: paths of the graphs that were written.
    """

    name: str
    matched_count: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    selected_impls: dict[str, dict[str, str]] = field(default_factory=dict)
    near_misses: list[NearMiss] = field(default_factory=list)
    milliseconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    skipped: str = ""
    dumps: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values; empty fields are left out."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["counts"] = dict(self.counts)
        values["near_misses"] = [asdict(miss) for miss in self.near_misses]
        return {name: value for name, value in values.items() if value or name == "name"}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PassRecord:
        """Read a record that `to_json` made.

        Raises:
            TypeError: a field is not known.
        """
        found = dict(values)
        found["counts"] = Counter(found.get("counts", {}))
        found["near_misses"] = [NearMiss(**miss) for miss in found.get("near_misses", ())]
        return cls(**found)
