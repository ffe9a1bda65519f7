"""The order of what was measured: a choice in use gives way only to one that is clearly faster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from ir_runtime.frozen import frozen

__all__ = ["MARGIN", "ROUNDS", "Ranking", "median", "provider_of", "rank", "variants_of"]

ROUNDS = 5
"""The number of rounds in which each choice is measured, in turn with the others."""

MARGIN = 0.05
"""The part of the time that another choice must save against the one in use, to win a round."""

_LOST_ROUNDS = 5
"""One round in so many may be lost by a choice that replaces the one in use."""


@frozen
class Ranking:
    """What was measured for one class of calls.

    Attributes:
        order: the choices, the one to use first: a provider, or `iree:tile=wide` for a form of its
            kernel.
        median_ns: of each, the median time of a call in nanoseconds.
        left_out: choices that were not ranked, and why.
        rounds: how often each was measured.
    """

    order: tuple[str, ...]
    median_ns: Mapping[str, float]
    left_out: Mapping[str, str] = field(default_factory=dict)
    rounds: int = ROUNDS

    @property
    def providers(self) -> tuple[str, ...]:
        """The providers in order, each once."""
        return tuple(dict.fromkeys(map(provider_of, self.order)))

    def variants(self, provider: str) -> dict[str, str]:
        """Return the form of a provider's kernel that is first, {} if it has one form alone."""
        first = next((c for c in self.order if provider_of(c) == provider), "")
        return variants_of(first)

    def in_words(self) -> str:
        """Return the times, such as `iree 1.20 us, native 3.40 us`."""
        return ", ".join(f"{c} {self.median_ns[c] / 1e3:.2f} us" for c in self.order)


def provider_of(choice: str) -> str:
    """Return the provider of a choice: `iree` of `iree:tile=wide`."""
    return choice.partition(":")[0]


def variants_of(choice: str) -> dict[str, str]:
    """Return the form that a choice names: {"tile": "wide"} of `iree:tile=wide`."""
    forms = choice.partition(":")[2]
    return dict(part.split("=", 1) for part in forms.split(",") if "=" in part)


def rank(times_ns: Mapping[str, Sequence[float]], present: str | None) -> tuple[str, ...]:
    """Order choices by their median times, with a bonus for the one in use.

    The choice in use stays first unless another one beats it by `MARGIN` in all rounds, of which
    one in five may be lost: so two runs that differ by noise make the same choice.

    Args:
        times_ns: of each choice, its times, one a round.
        present: the choice in use; None if there is none.
    """
    order = sorted(times_ns, key=lambda choice: median(times_ns[choice]))
    if present is None or present not in times_ns:
        return tuple(order)
    winner = next((c for c in order if c == present or _beats(times_ns, c, present)), present)
    return (winner, *(c for c in order if c != winner))


def median(values: Sequence[float]) -> float:
    """Return the median; importing `statistics` takes longer than all of this package."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _beats(times_ns: Mapping[str, Sequence[float]], one: str, present: str) -> bool:
    rounds = list(zip(times_ns[one], times_ns[present], strict=True))
    won = sum(mine < other * (1 - MARGIN) for mine, other in rounds)
    return won >= len(rounds) - len(rounds) // _LOST_ROUNDS
