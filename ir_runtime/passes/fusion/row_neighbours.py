"""A row op, the pointwise ops around it and other row ops become one kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import fx

from ir_runtime.passes.fusion.node_kind import is_pointwise, is_row_op, value_of
from ir_runtime.passes.fusion.row_fusion import RowFusion
from ir_runtime.passes.graph.storage import same_value

__all__ = ["RowNeighbourFusion"]

_ATEN: Any = torch.ops.aten
_CHEAP = (
    *(_ATEN.add.Tensor, _ATEN.add.Scalar, _ATEN.sub.Tensor, _ATEN.sub.Scalar, _ATEN.neg.default),
    *(_ATEN.mul.Tensor, _ATEN.mul.Scalar, _ATEN.div.Tensor, _ATEN.div.Scalar),
    *(_ATEN._to_copy.default, torch.ops.prims.convert_element_type.default),
)


@dataclass(frozen=True)
class RowNeighbourFusion(RowFusion):
    """Fuses each row op with its neighbours: pointwise ops over the same rows, and row ops.

    Inductor calls a row op as an extern kernel, and an extern kernel takes no prologue or epilogue
    from it. What the rows share, such as a weight, is computed again for each row in the kernel; so
    only cheap operations of that kind join.
    """

    reports_order: ClassVar[bool] = False

    def is_anchor(self, node: fx.Node) -> bool:
        """Take all row ops."""
        del node
        return True

    def joins_before(self, node: fx.Node, user: fx.Node) -> bool:
        """Take row ops, pointwise ops over rows, and cheap ones over what rows share."""
        if is_row_op(node):
            return True
        return is_pointwise(node) and (node.target in _CHEAP or _has_rows_of(node, user))

    def joins_after(self, node: fx.Node, source: fx.Node) -> bool:
        """Take row ops and pointwise ops."""
        del source
        return is_row_op(node) or is_pointwise(node)


def _has_rows_of(node: fx.Node, user: fx.Node) -> bool:
    """Tell whether a node has as many rows as its user."""
    mine, theirs = _first_tensor(node), _first_tensor(user)
    if mine is None or theirs is None:
        return False
    return mine.ndim == theirs.ndim and same_value(mine.shape[:-1], theirs.shape[:-1])


def _first_tensor(node: fx.Node) -> Any:
    whole = node.meta.get("val")
    return whole[0] if isinstance(whole, list | tuple) and whole else value_of(node)
