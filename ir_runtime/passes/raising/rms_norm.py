"""rms_norm: rows divided by their root mean square, as the models of the Llama family write it.

The usual text is `weight * (h * rsqrt(h.pow(2).mean(-1, keepdim=True) + eps)).to(dtype)` with
`h = x.to(float32)`. In bfloat16 it rounds before the weight; the op rounds once.
"""

from __future__ import annotations

from ir_runtime.passes.raising.condition import (
    computes_as,
    first_unfit,
    in_place_of,
    is_feature,
    is_finite,
    shaped_as,
)
from ir_runtime.passes.raising.form import Fixed, Form, Replacement, Turned, Unfit
from ir_runtime.passes.raising.match import Match
from ir_runtime.passes.raising.pattern import (
    Casts,
    Either,
    Input,
    Number,
    Same,
    apply,
)

__all__ = ["RMS_NORM", "normed_rows", "row_norm"]

_KEEPDIM = True


def normed_rows() -> Casts:
    """Return the pattern of rows `x` divided by their root mean square with `epsilon`."""
    again = Casts(Same("x"))
    squares = Either(
        (apply("pow", again, 2), apply("square", again), apply("mul", again, again)),
    )
    moved = apply("add", apply("mean", squares, -1, _KEEPDIM), Number("epsilon"))
    x = Casts(Input("x"))
    by_root = apply("mul", x, apply("rsqrt", moved))
    return Casts(Either((by_root, apply("div", x, apply("sqrt", moved)))))


def row_norm(op: str, match: Match) -> Replacement | Unfit:
    """Return the call of a norm with the arguments `x`, `weight` and `epsilon`."""
    x, weight, epsilon = match.bound["x"], match.bound.get("weight"), match.bound["epsilon"]
    unfit = first_unfit(
        computes_as(match.nodes, match.root, x),
        shaped_as(match.root, x),
        None if weight is None else is_feature(weight, x),
        is_finite(match.root, "epsilon", epsilon),
    )
    order = in_place_of(match.root)
    if unfit is not None or isinstance(order, Unfit):
        return unfit or order  # pyright: ignore[reportReturnType]
    arguments = (Turned(x), weight, Fixed(epsilon))
    return Replacement(op, arguments, (match.root,), match.nodes, order)


def _replace(match: Match) -> Replacement | Unfit:
    return row_norm("rms_norm", match)


RMS_NORM = Form(
    name="rms_norm",
    ops=("rms_norm",),
    patterns=(Casts(apply("mul", normed_rows(), Casts(Input("weight")))),),
    anchor="rsqrt",
    replace=_replace,
)
