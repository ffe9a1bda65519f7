"""gemma_rms_norm: rms_norm times `1 + weight`, multiplied before the result is rounded."""

from __future__ import annotations

from ir_runtime.passes.raising.form import Form, Replacement, Unfit
from ir_runtime.passes.raising.match import Match
from ir_runtime.passes.raising.pattern import Casts, Input, apply
from ir_runtime.passes.raising.rms_norm import normed_rows, row_norm

__all__ = ["GEMMA_RMS_NORM"]

_SCALE = Casts(apply("add", Casts(Input("weight")), 1))


def _replace(match: Match) -> Replacement | Unfit:
    return row_norm("gemma_rms_norm", match)


GEMMA_RMS_NORM = Form(
    name="gemma_rms_norm",
    ops=("gemma_rms_norm",),
    patterns=(Casts(apply("mul", normed_rows(), _SCALE)),),
    anchor="rsqrt",
    replace=_replace,
)
