"""A norm, and the factors and casts behind it, become one kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from ir_runtime.passes.fusion.op_group import NORMS, computes
from ir_runtime.passes.fusion.row_fusion import RowFusion

__all__ = ["NormScaleFusion"]

_ATEN: Any = torch.ops.aten
_SCALES = (
    *(_ATEN.mul.Tensor, _ATEN.mul.Scalar, _ATEN.div.Tensor, _ATEN.div.Scalar),
    *(_ATEN._to_copy.default, torch.ops.prims.convert_element_type.default),
)


@dataclass(frozen=True)
class NormScaleFusion(RowFusion):
    """Fuses a norm with products, quotients and casts of its result, one behind the other."""

    def is_anchor(self, node: fx.Node) -> bool:
        """Take norms."""
        return computes(node, NORMS)

    def joins_after(self, node: fx.Node, source: fx.Node) -> bool:
        """Take factors, divisors and casts."""
        del source
        return node.target in _SCALES
