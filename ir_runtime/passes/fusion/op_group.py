"""Names of the catalogue's ops that fusions are about; a pass finds them only in graphs."""

from __future__ import annotations

from torch import fx

from ir_runtime.passes.fusion.node_kind import op_names

__all__ = ["GATES", "NORMS", "QUANTS", "ROTATIONS", "computes"]

NORMS = frozenset(
    {
        *("rms_norm", "fused_add_rms_norm", "gemma_rms_norm", "fused_add_gemma_rms_norm"),
        *("layer_norm", "rms_norm_gated", "mixer2_gated_rms_norm"),
    }
)
"""Norms of rows."""

QUANTS = frozenset(
    {
        *("static_quant_fp8", "dynamic_quant_fp8", "dynamic_group_quant_fp8"),
        *("static_group_quant_fp8", "quant_int8"),
    }
)
"""Ops that quantise rows."""

GATES = frozenset(
    {
        *("silu_and_mul", "mul_and_silu", "gelu_and_mul", "gelu_and_mul_sparse"),
        *("fatrelu_and_mul", "swigluoai_and_mul"),
    }
)
"""Activations of one half of a row times the other."""

ROTATIONS = frozenset({"rotary_embedding", "apply_rotary_emb", "apply_rotary_pos_emb"})
"""Rotary embeddings."""


def computes(node: fx.Node, names: frozenset[str]) -> bool:
    """Tell whether a node calls one of some ops, or a fused op that ends with one of them."""
    return not names.isdisjoint(op_names(node)[-1:])
