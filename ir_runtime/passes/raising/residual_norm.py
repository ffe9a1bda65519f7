"""residual_norm: a sum that is normed; the sum itself is the residual of the next block.

It works on the ops that other forms have made, so they come first.
"""

from __future__ import annotations

from ir_runtime.passes.raising.condition import (
    computes_as,
    first_unfit,
    in_place_of,
    is_feature,
    shaped_as,
)
from ir_runtime.passes.raising.form import Form, Replacement, Unfit
from ir_runtime.passes.raising.match import Match
from ir_runtime.passes.raising.pattern import Input, Named, Number, apply

__all__ = ["RESIDUAL_GEMMA_RMS_NORM", "RESIDUAL_RMS_NORM"]

_SUM = Named("sum", apply("add", Input("x"), Input("residual")))


def _call(op: str, match: Match) -> Replacement | Unfit:
    bound = match.bound
    total, x, residual, weight = (bound[n] for n in ("sum", "x", "residual", "weight"))
    unfit = first_unfit(
        computes_as((total, residual), match.root, x),
        computes_as((), total, x),
        shaped_as(total, x),
        shaped_as(residual, x),
        is_feature(weight, x),
    )
    order = in_place_of(total)
    if isinstance(order, Unfit) or unfit is not None:
        return unfit or order  # pyright: ignore[reportReturnType]
    if order != tuple(range(len(order))):
        return Unfit(total, "the sum must be contiguous")
    arguments = (x, residual, weight, bound["epsilon"])
    return Replacement(op, arguments, (match.root, total), match.nodes)


def _rms(match: Match) -> Replacement | Unfit:
    return _call("fused_add_rms_norm", match)


def _gemma(match: Match) -> Replacement | Unfit:
    return _call("fused_add_gemma_rms_norm", match)


RESIDUAL_RMS_NORM = Form(
    name="residual_rms_norm",
    ops=("fused_add_rms_norm",),
    patterns=(apply("ir.rms_norm", _SUM, Input("weight"), Number("epsilon")),),
    anchor="ir.rms_norm",
    replace=_rms,
    kept=("sum",),
    reported=False,  # a norm of no sum is none
)
RESIDUAL_GEMMA_RMS_NORM = Form(
    name="residual_gemma_rms_norm",
    ops=("fused_add_gemma_rms_norm",),
    patterns=(apply("ir.gemma_rms_norm", _SUM, Input("weight"), Number("epsilon")),),
    anchor="ir.gemma_rms_norm",
    replace=_gemma,
    kept=("sum",),
    reported=False,  # a norm of no sum is none
)
