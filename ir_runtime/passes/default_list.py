"""The passes that run where nobody names others, in their order."""

from __future__ import annotations

__all__ = ["default_passes"]

_DEFAULT = (
    "RaiseForms",
    "NoOpElimination",
    "SplitCoalescing",
    "ScatterSplitReplacement",
    "AddNormCanonicalization",
    "PostCleanup",
)


def default_passes() -> tuple[str, ...]:
    """Return the names of the default list."""
    return _DEFAULT
