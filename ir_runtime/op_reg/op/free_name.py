"""Choose names for generated code that no argument of an op has."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["free_name", "own_prefix"]


def own_prefix(names: Collection[str]) -> str:
    """Return the start of names that generated code may use beside arguments of these names."""
    prefix = "ir_"
    while any(name.startswith(prefix) for name in names):
        prefix = f"_{prefix}"
    return prefix


def free_name(wanted: str, names: Collection[str]) -> str:
    """Return a name that is not taken: `wanted`, or with underscores at its end."""
    while wanted in names:
        wanted = f"{wanted}_"
    return wanted
