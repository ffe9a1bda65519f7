"""A clock that goes on where a provider says so: no test of measuring measures anything."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator


class Clock:
    """Nanoseconds that pass when a provider runs.

    Attributes:
        costs: what a call of each provider takes; an iterator gives each call its own.
        calls: how often each ran.
    """

    def __init__(self) -> None:
        self.now = 0
        self.costs: dict[str, float | Iterator[float]] = {}
        self.calls: Counter[str] = Counter()

    def __call__(self) -> int:
        return self.now

    def spend(self, provider: str) -> None:
        cost = self.costs.get(provider, 100)
        self.now += int(cost if isinstance(cost, int | float) else next(cost))
        self.calls[provider] += 1


def noisy(*costs: float) -> Iterator[float]:
    return itertools.cycle(costs)
