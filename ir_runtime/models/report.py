"""The report of `ir_runtime.optimize`: what was replaced, what was not, and why."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from ir_runtime.frozen import frozen
from ir_runtime.models.change import Changes

__all__ = ["Left", "Replaced", "Report"]


@frozen
class Replaced:
    """A place of the model that an op computes now.

    Attributes:
        path: the module's name in the model, such as `model.layers.0.mlp`.
        kind: of the place: `norm`, `mlp`, `linear`, `activation`, `rotary`, `attention` or
            `cache`.
        module: the name of its class.
        op: the op that computes it; of a cache, the class of its layers.
        provider: the provider that computes a call of few rows under the present priority.
        weights: `int8` or `int4` if the place computes with rounded weights, else None.
        times: with `tune=True`, by number of rows, our time divided by that of the module before.
    """

    path: str
    kind: str
    module: str
    op: str
    provider: str
    weights: str | None = None
    times: Mapping[int, float] = dataclasses.field(default_factory=dict[int, float])


@frozen
class Left:
    """A place that stays as it was.

    Attributes:
        path: the module's name in the model.
        kind: as in `Replaced`; `other` for a module that is none of them.
        module: the name of its class.
        reason: why it stays.
    """

    path: str
    kind: str
    module: str
    reason: str


@frozen
class Report:
    """What `ir_runtime.optimize` did; `str` writes it for people.

    Attributes:
        model: the name of the model's class.
        replaced: the places that ops compute now, in the order of the model.
        left: the places that stay as they were; only modules that have parameters, or that look
            like one of the kinds.
    """

    model: str
    replaced: tuple[Replaced, ...]
    left: tuple[Left, ...]
    _changes: Changes = dataclasses.field(repr=False, compare=False)

    def undo(self, state_dict: Mapping[str, Tensor] | None = None) -> None:
        """Make the model what it was, with the very modules and functions that it had.

        Args:
            state_dict: the weights of the model before. It is needed only after
                `optimize(..., weights=..., undo=False)`, which freed them; other keys are ignored.

        Raises:
            OptimizeError: it has been undone already, or the weights were freed and `state_dict`
                does not have them. The model is unchanged then.
        """
        self._changes.undo(self.model, state_dict)

    def counts(self) -> Counter[str]:
        """Return how many places of each kind are replaced."""
        return Counter(place.kind for place in self.replaced)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data, such as for JSON."""
        return {
            "model": self.model,
            "replaced": [dataclasses.asdict(place) for place in self.replaced],
            "left": [dataclasses.asdict(place) for place in self.left],
        }

    def __str__(self) -> str:
        lines = [f"{self.model}: {len(self.replaced)} places replaced, {len(self.left)} left"]
        lines += _grouped(
            (place.kind, place.module, _how(place), place.path) for place in self.replaced
        )
        if self.left:
            lines.append("left as they were:")
            lines += _grouped((p.kind, p.module, p.reason, p.path) for p in self.left)
        return "\n".join(lines)


def _how(place: Replaced) -> str:
    weights = f", {place.weights} weights" if place.weights else ""
    return f"by {place.op} ({place.provider}{weights})"


def _grouped(places: Iterable[tuple[str, str, str, str]]) -> list[str]:
    """Write one line for all places of a kind, class and text; a single one with its path."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for *group, path in places:
        groups.setdefault((group[0], group[1], group[2]), []).append(path)
    rows = [
        (kind, f"{len(paths)} x {module}", f"{text}{_where(paths)}")
        for (kind, module, text), paths in groups.items()
    ]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(2)]
    return [f"  {kind:{widths[0]}}  {what:{widths[1]}}  {text}" for kind, what, text in rows]


def _where(paths: list[str]) -> str:
    return f": {paths[0]}" if len(paths) == 1 else ""
