"""Names for generated code that differ from the names of an op's arguments."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["free_name", "own_prefix"]


def own_prefix(names: Collection[str]) -> str:
    """Return a prefix for names in generated code; none of the given names begins with it."""
    prefix = "ir_"
    while any(name.startswith(prefix) for name in names):
        prefix = f"_{prefix}"
    return prefix


def free_name(wanted: str, names: Collection[str]) -> str:
    """Return a name that is not taken: `wanted`, followed by underscores if needed."""
    while wanted in names:
        wanted = f"{wanted}_"
    return wanted
