"""The sum with a residual and the norm of the sum become one kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from ir_runtime.passes.fusion.node_kind import value_of
from ir_runtime.passes.fusion.op_group import NORMS, computes
from ir_runtime.passes.fusion.row_fusion import RowFusion
from ir_runtime.passes.graph.storage import same_value

__all__ = ["AddNormFusion"]

_ADD: Any = torch.ops.aten.add.Tensor


@dataclass(frozen=True)
class AddNormFusion(RowFusion):
    """Fuses the addition of two tensors of rows with the norm of the sum.

    The sum, rounded as the addition rounds it, is a result of the kernel if something else uses
    it, such as the next residual.
    """

    def is_anchor(self, node: fx.Node) -> bool:
        """Take norms."""
        return computes(node, NORMS)

    def joins_before(self, node: fx.Node, user: fx.Node) -> bool:
        """Take the sum of two tensors of one shape that a norm reads."""
        if node.target is not _ADD or not computes(user, NORMS):
            return False
        values = [value_of(a) if isinstance(a, fx.Node) else None for a in node.args[:2]]
        a, b = values if len(values) == 2 else (None, None)
        return a is not None and b is not None and same_value(a.shape, b.shape)
