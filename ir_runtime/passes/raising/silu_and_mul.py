"""silu_and_mul: one half of each row times the SiLU of the other half; or two tensors."""

from __future__ import annotations

from typing import Any

from torch import fx

from ir_runtime.passes.raising.condition import (
    computes_as,
    first_unfit,
    in_place_of,
    shaped_as,
)
from ir_runtime.passes.raising.form import Form, Replacement, Turned, Unfit
from ir_runtime.passes.raising.half import halved
from ir_runtime.passes.raising.match import Match
from ir_runtime.passes.raising.pattern import (
    Casts,
    Either,
    Input,
    Literal,
    Named,
    Same,
    apply,
)

__all__ = ["SILU_AND_MUL"]


def silu_of(gate: Any, again: Any) -> Either:
    """Return the pattern of the SiLU of `gate`; `again` is its pattern when it is read twice."""
    return Either(
        (
            apply("silu", Casts(gate)),
            apply("mul", Casts(gate), apply("sigmoid", Casts(again))),
        )
    )


_GATE = Named("gate", apply("item", Input("whole"), Literal("first")))
_UP = Named("up", apply("item", Same("whole"), Literal("second")))


def _replace(match: Match) -> Replacement | Unfit:
    whole, first, second = (match.bound[n] for n in ("whole", "first", "second"))
    op = "silu_and_mul"
    x = halved(whole, first, second)
    if x is None:
        op, x = "mul_and_silu", halved(whole, second, first)
    if x is None:
        return Unfit(match.root, "gate and factor must be the two halves of rows")
    nodes: tuple[fx.Node, ...] = match.nodes if x is whole else (*match.nodes, whole)
    unfit = first_unfit(
        computes_as(nodes, match.root, x),
        shaped_as(match.root, match.bound["gate"]),
        shaped_as(match.root, match.bound["up"]),
    )
    order = in_place_of(match.root)
    if unfit is not None or isinstance(order, Unfit):
        return unfit or order  # pyright: ignore[reportReturnType]
    return Replacement(op, (Turned(x),), (match.root,), nodes, order)


SILU_AND_MUL = Form(
    name="silu_and_mul",
    ops=("silu_and_mul", "mul_and_silu"),
    patterns=(Casts(apply("mul", Casts(silu_of(_GATE, Same("gate"))), Casts(_UP))),),
    anchor="silu",
    replace=_replace,
)
