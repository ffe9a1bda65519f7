"""A norm and the quantisation of its result become one kernel."""

from __future__ import annotations

from dataclasses import dataclass

from torch import fx

from ir_runtime.passes.fusion.op_group import NORMS, QUANTS, computes
from ir_runtime.passes.fusion.row_fusion import RowFusion

__all__ = ["NormQuantFusion"]


@dataclass(frozen=True)
class NormQuantFusion(RowFusion):
    """Fuses `rms_norm`, `fused_add_rms_norm` and other norms with the quantisation behind them.

    The scales may be given or computed, of the tensor, of tokens or of groups. The normed rows are
    a result of the kernel, too, if something else uses them.
    """

    def is_anchor(self, node: fx.Node) -> bool:
        """Take quantisations."""
        return computes(node, QUANTS)

    def joins_before(self, node: fx.Node, user: fx.Node) -> bool:
        """Take the norm that they quantise."""
        return computes(user, QUANTS) and computes(node, NORMS)
