"""weightless_rms_norm: rows divided by their root mean square, without a weight."""

from __future__ import annotations

from ir_runtime.passes.raising.form import Form, Replacement, Unfit
from ir_runtime.passes.raising.match import Match
from ir_runtime.passes.raising.rms_norm import normed_rows, row_norm

__all__ = ["WEIGHTLESS_RMS_NORM"]


def _replace(match: Match) -> Replacement | Unfit:
    return row_norm("rms_norm", match)


WEIGHTLESS_RMS_NORM = Form(
    name="weightless_rms_norm",
    ops=("rms_norm",),
    patterns=(normed_rows(),),
    anchor="rsqrt",
    replace=_replace,
    unless_refused=True,
)
