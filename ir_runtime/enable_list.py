"""The syntax of lists of enabled layers, such as `none,+rms_norm,+silu_and_mul`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ir_runtime.errors import EnableListError

__all__ = ["default_of", "layer_name", "parse_enable_list"]

_DEFAULTS = ("all", "none")
_ITEM = re.compile(r"[+-][A-Za-z_]\w*")


def parse_enable_list(items: str | Iterable[str], subject: str = "custom_ops") -> list[str]:
    """Return the items of a list, stripped and without empty items.

    Args:
        items: "all", "none", "+name" and "-name", in a string with commas or as a list.
        subject: the name of the list, for messages.

    Raises:
        EnableListError: an item is something else, or two items contradict each other; the message
            has the item.
    """
    parts = items.split(",") if isinstance(items, str) else list(items)
    found = [_strip(part, subject) for part in parts]
    found = [part for part in found if part]
    for item in found:
        if item not in _DEFAULTS and not _ITEM.fullmatch(item):
            bare = _ITEM.fullmatch(f"+{item}") is not None
            raise EnableListError(
                f"{subject}: item {item!r} is not known, must be 'all', 'none', '+name' or '-name'",
                fix=f"write '+{item}' to enable it, '-{item}' to disable it" if bare else None,
            )
    defaults = [item for item in found if item in _DEFAULTS]
    if len(defaults) > 1:
        raise EnableListError(
            f"{subject}: item {defaults[1]!r} follows {defaults[0]!r}, "
            "must have one of 'all' and 'none', once"
        )
    for item in found:
        if item[0] == "+" and f"-{item[1:]}" in found:
            raise EnableListError(
                f"{subject}: item {item!r} contradicts '-{item[1:]}', must have one of them"
            )
    return found


def _strip(part: object, subject: str) -> str:
    if not isinstance(part, str):
        raise EnableListError(f"{subject}: item {part!r} is no text, must be a str")
    return part.strip()


def default_of(items: Iterable[str]) -> str | None:
    """Return the "all" or "none" of a parsed list; None if it has neither."""
    return next((item for item in items if item in _DEFAULTS), None)


def layer_name(item: str) -> str | None:
    """Return the layer's name in an item, None for "all" and "none"."""
    return None if item in _DEFAULTS else item[1:]
