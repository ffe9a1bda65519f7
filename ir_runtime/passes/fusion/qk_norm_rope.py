"""The norms of queries and keys, and their rotation, become one kernel."""

from __future__ import annotations

from dataclasses import dataclass

from torch import fx

from ir_runtime.passes.fusion.op_group import NORMS, ROTATIONS, computes
from ir_runtime.passes.fusion.row_fusion import RowFusion

__all__ = ["QkNormRopeFusion"]

_NORMS = NORMS | {"qk_norm"}


@dataclass(frozen=True)
class QkNormRopeFusion(RowFusion):
    """Fuses `qk_norm`, or a norm for each of queries and keys, with the rotary embedding."""

    def is_anchor(self, node: fx.Node) -> bool:
        """Take rotary embeddings."""
        return computes(node, ROTATIONS)

    def joins_before(self, node: fx.Node, user: fx.Node) -> bool:
        """Take the norms of what is rotated."""
        return computes(user, ROTATIONS) and computes(node, _NORMS)
