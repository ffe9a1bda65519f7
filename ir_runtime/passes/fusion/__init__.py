"""Fusions: row ops and their neighbours in a graph become one row kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ir_runtime.late_import import late_names

if TYPE_CHECKING:
    from ir_runtime.passes.fusion.activation_quant import ActivationQuantFusion
    from ir_runtime.passes.fusion.add_norm import AddNormFusion
    from ir_runtime.passes.fusion.norm_quant import NormQuantFusion
    from ir_runtime.passes.fusion.norm_scale import NormScaleFusion
    from ir_runtime.passes.fusion.qk_norm_rope import QkNormRopeFusion
    from ir_runtime.passes.fusion.row_neighbours import RowNeighbourFusion

__all__ = [
    "ActivationQuantFusion",
    "AddNormFusion",
    "NormQuantFusion",
    "NormScaleFusion",
    "QkNormRopeFusion",
    "RowNeighbourFusion",
]

__getattr__ = late_names(
    __name__,
    {
        "ActivationQuantFusion": "activation_quant",
        "AddNormFusion": "add_norm",
        "NormScaleFusion": "norm_scale",
        "QkNormRopeFusion": "qk_norm_rope",
        "NormQuantFusion": "norm_quant",
        "RowNeighbourFusion": "row_neighbours",
    },
)
