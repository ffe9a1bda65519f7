"""quick_gelu: `x * sigmoid(1.702 * x)`."""

from __future__ import annotations

from ir_runtime.passes.raising.form import Form, Replacement, Unfit
from ir_runtime.passes.raising.gelu import elementwise
from ir_runtime.passes.raising.match import Match
from ir_runtime.passes.raising.pattern import Casts, Input, Same, apply

__all__ = ["QUICK_GELU"]


def _replace(match: Match) -> Replacement | Unfit:
    return elementwise("quick_gelu", match)


QUICK_GELU = Form(
    name="quick_gelu",
    ops=("quick_gelu",),
    patterns=(
        Casts(
            apply(
                "mul",
                Casts(Input("x")),
                apply("sigmoid", apply("mul", Casts(Same("x")), 1.702)),
            )
        ),
    ),
    anchor="sigmoid",
    replace=_replace,
)
