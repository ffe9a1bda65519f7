"""Marks of donated tensors: on the node of the op that got them, so that no number is needed.

Torch copies the key `custom` of a node's meta data through autograd, fusions keep it or lose it. A
lost mark costs a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import fx

from ir_runtime.passes.inplace.functional_call import functional_call

__all__ = [
    "donated_arguments",
    "donated_results",
    "is_donated_clone",
    "mark_donated",
    "mark_donated_clone",
    "pass_donation_on",
]

_ARGUMENTS = "ir_runtime_donated"
_CLONE = "ir_runtime_donated_clone"
_RESULTS = "ir_runtime_donated_results"


def mark_donated(node: fx.Node, names: Sequence[str]) -> None:
    """Note on the node of an op which of its arguments it may overwrite."""
    custom: dict[str, Any] = dict(node.meta.get("custom") or {})
    custom[_ARGUMENTS] = list(names)
    node.meta["custom"] = custom


def donated_arguments(node: fx.Node) -> list[str]:
    """Return the names of the arguments that an op may overwrite."""
    return list((node.meta.get("custom") or {}).get(_ARGUMENTS, ()))


def pass_donation_on(donated: Sequence[Any], nodes: Sequence[fx.Node]) -> None:
    """Mark the nodes that copy donated tensors, in place of the op that got them.

    Args:
        donated: the nodes of the tensors.
        nodes: what computes the op now.
    """
    for node in nodes:
        call = functional_call(node)
        if call is not None:
            node.meta[_RESULTS] = [base.index for base in call.bases if base.base in donated]
        elif node.target is torch.ops.aten.clone.default and node.args[0] in donated:
            mark_donated_clone(node)


def donated_results(node: fx.Node) -> list[int]:
    """Return the numbers of the changed copies, of a functional form, that may be their source."""
    return list(node.meta.get(_RESULTS, ()))


def mark_donated_clone(node: fx.Node) -> None:
    """Note on a clone that its source may be overwritten from here on."""
    node.meta[_CLONE] = True


def is_donated_clone(node: fx.Node) -> bool:
    """Tell whether a clone's source may be overwritten from here on."""
    return bool(node.meta.get(_CLONE))
