"""The passes that run where nobody names others, in their order."""

from __future__ import annotations

__all__ = ["default_passes"]

_DEFAULT = (
    "RaiseForms",
    "InplaceFunctionalization",
    "NoOpElimination",
    "SplitCoalescing",
    "ScatterSplitReplacement",
    "AddNormCanonicalization",
    "PostCleanup",
    "IrLowering",
    "CloneElimination",
    "FixFunctionalizationPass",  # the last one: it leaves calls whose results nobody uses
)


def default_passes() -> tuple[str, ...]:
    """Return the names of the default list."""
    return _DEFAULT
