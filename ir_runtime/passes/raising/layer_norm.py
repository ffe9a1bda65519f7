"""layer_norm: `torch.nn.functional.layer_norm` over the last dimension, with weight and bias."""

from __future__ import annotations

from ir_runtime.passes.raising.condition import is_feature
from ir_runtime.passes.raising.fact import known_equal, value_of
from ir_runtime.passes.raising.form import Form, Replacement, Unfit
from ir_runtime.passes.raising.match import Match
from ir_runtime.passes.raising.pattern import Input, Literal, Number, apply
from ir_runtime.passes.raising.rms_norm import row_norm

__all__ = ["LAYER_NORM", "normalises_rows"]


def normalises_rows(match: Match) -> Unfit | None:
    """Check that a norm's `shape` is the last dimension of its `x` alone."""
    x, shape = value_of(match.bound["x"]), match.bound["shape"]
    sizes = tuple(shape) if isinstance(shape, list | tuple) else (shape,)
    if x is not None and x.ndim and len(sizes) == 1 and known_equal(sizes[0], x.shape[-1]):
        return None
    return Unfit(match.root, f"normalises {list(sizes)}, must be the last dimension alone")


def _replace(match: Match) -> Replacement | Unfit:
    norm = row_norm("layer_norm", match)
    unfit = normalises_rows(match) or is_feature(match.bound["bias"], match.bound["x"])
    if unfit is not None or isinstance(norm, Unfit):
        return unfit or norm
    x, weight, epsilon = norm.arguments
    arguments = (x, weight, match.bound["bias"], epsilon)
    return Replacement(norm.op, arguments, norm.results, norm.nodes, norm.order)


LAYER_NORM = Form(
    name="layer_norm",
    ops=("layer_norm",),
    patterns=(
        apply(
            "layer_norm",
            Input("x"),
            Literal("shape"),
            Input("weight"),
            Input("bias"),
            Number("epsilon"),
        ),
    ),
    anchor="layer_norm",
    replace=_replace,
)
