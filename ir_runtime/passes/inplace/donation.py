"""Marks of donated tensors: on the node of the op that got them, so that no number is needed.

Torch copies the key `custom` of a node's meta data through autograd, fusions keep it or lose it. A
lost mark costs a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import fx

__all__ = ["donated_arguments", "is_donated_clone", "mark_donated", "mark_donated_clone"]

_ARGUMENTS = "ir_runtime_donated"
_CLONE = "ir_runtime_donated_clone"


def mark_donated(node: fx.Node, names: Sequence[str]) -> None:
    """Note on the node of an op which of its arguments it may overwrite."""
    custom: dict[str, Any] = dict(node.meta.get("custom") or {})
    custom[_ARGUMENTS] = list(names)
    node.meta["custom"] = custom


def donated_arguments(node: fx.Node) -> list[str]:
    """Return the names of the arguments that an op may overwrite."""
    return list((node.meta.get("custom") or {}).get(_ARGUMENTS, ()))


def mark_donated_clone(node: fx.Node) -> None:
    """Note on a clone that its source may be overwritten from here on."""
    node.meta[_CLONE] = True


def is_donated_clone(node: fx.Node) -> bool:
    """Tell whether a clone's source may be overwritten from here on."""
    return bool(node.meta.get(_CLONE))
