"""The passes that run where nobody names others, in their order."""

from __future__ import annotations

__all__ = ["TAIL", "default_passes"]

TAIL = (
    "PostCleanup",
    "IrLowering",
    "CloneElimination",
    "PostCleanup",
    "FixFunctionalizationPass",  # the last one: it leaves calls whose results nobody uses
)
"""Passes that follow all others."""

_DEFAULT = (
    "RaiseForms",
    "InplaceFunctionalization",
    "NoOpElimination",
    "SplitCoalescing",
    "ScatterSplitReplacement",
    "AddNormCanonicalization",
    "ActivationQuantFusion",
    "NormQuantFusion",
    "QkNormRopeFusion",
    "AddNormFusion",
    "NormScaleFusion",
    "RowNeighbourFusion",
    *TAIL,
)


def default_passes() -> tuple[str, ...]:
    """Return the names of the default list."""
    return _DEFAULT
