"""torch_rms_norm: `torch.nn.functional.rms_norm` over the last dimension, or `nn.RMSNorm`."""

from __future__ import annotations

import torch

from ir_runtime.passes.raising.fact import value_of
from ir_runtime.passes.raising.form import Form, Replacement, Unfit
from ir_runtime.passes.raising.layer_norm import normalises_rows
from ir_runtime.passes.raising.match import Match
from ir_runtime.passes.raising.pattern import Input, Literal, apply
from ir_runtime.passes.raising.rms_norm import row_norm

__all__ = ["TORCH_RMS_NORM"]


def _replace(match: Match) -> Replacement | Unfit:
    unfit = normalises_rows(match)
    if unfit is not None:
        return unfit
    bound = dict(match.bound)
    if bound["epsilon"] is None:
        bound["epsilon"] = _usual_epsilon(bound["x"])
    return row_norm("rms_norm", Match(match.root, bound, match.nodes))


def _usual_epsilon(x: torch.fx.Node) -> float | None:
    """Return the epsilon that torch takes if none is given: that of the dtype it computes in."""
    value = value_of(x)
    if value is None or not value.dtype.is_floating_point:
        return None
    return torch.finfo(torch.promote_types(value.dtype, torch.float32)).eps


TORCH_RMS_NORM = Form(
    name="torch_rms_norm",
    ops=("rms_norm",),
    patterns=(
        apply("rms_norm", Input("x"), Literal("shape"), Input("weight"), Literal("epsilon")),
        apply("rms_norm", Input("x"), Literal("shape"), None, Literal("epsilon")),
    ),
    anchor="rms_norm",
    replace=_replace,
)
