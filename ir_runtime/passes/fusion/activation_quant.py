"""A gated activation and the quantisation of its result become one kernel."""

from __future__ import annotations

from dataclasses import dataclass

from torch import fx

from ir_runtime.passes.fusion.op_group import GATES, QUANTS, computes
from ir_runtime.passes.fusion.row_fusion import RowFusion

__all__ = ["ActivationQuantFusion"]


@dataclass(frozen=True)
class ActivationQuantFusion(RowFusion):
    """Fuses `silu_and_mul` and other gated activations with the quantisation behind them.

    The activations are a result of the kernel, too, if something else uses them.
    """

    def is_anchor(self, node: fx.Node) -> bool:
        """Take quantisations."""
        return computes(node, QUANTS)

    def joins_before(self, node: fx.Node, user: fx.Node) -> bool:
        """Take the activation that they quantise."""
        return computes(user, QUANTS) and computes(node, GATES)
