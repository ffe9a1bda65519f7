"""gelu: `torch.nn.functional.gelu`, and the two curves written out as formulas."""

from __future__ import annotations

import math
from typing import Any

from ir_runtime.passes.raising.condition import computes_as, first_unfit, in_place_of, shaped_as
from ir_runtime.passes.raising.form import Form, Replacement, Turned, Unfit
from ir_runtime.passes.raising.match import Match
from ir_runtime.passes.raising.pattern import Casts, Either, Input, Literal, Same, apply

__all__ = ["GELU", "GELU_ERF", "GELU_NEW", "elementwise"]

_X = Casts(Input("x"))
_AGAIN = Casts(Same("x"))


def elementwise(op: str, match: Match, *options: Any) -> Replacement | Unfit:
    """Return the call of an op that computes each element of `x` by itself."""
    x = match.bound["x"]
    unfit = first_unfit(computes_as(match.nodes, match.root, x), shaped_as(match.root, x))
    order = in_place_of(match.root)
    if unfit is not None or isinstance(order, Unfit):
        return unfit or order  # pyright: ignore[reportReturnType]
    return Replacement(op, (Turned(x), *options), (match.root,), match.nodes, order)


def _weighed(curve: Any) -> Either:
    """Return the pattern of half of `x` times one plus a curve, in any order of the factors."""
    plus_one = apply("add", curve, 1)
    half = apply("mul", _X, 0.5)
    return Either(
        (
            apply("mul", half, plus_one),
            apply("mul", _X, apply("mul", plus_one, 0.5)),
            apply("mul", apply("mul", _X, plus_one), 0.5),
        )
    )


_CUBE = Either(
    (
        apply("pow", _AGAIN, 3),
        apply("mul", apply("mul", _AGAIN, _AGAIN), _AGAIN),
    )
)
_TANH = apply(
    "tanh",
    apply(
        "mul",
        apply("add", _AGAIN, apply("mul", _CUBE, 0.044715)),
        math.sqrt(2.0 / math.pi),
    ),
)
_ERF = apply(
    "erf",
    Either(
        (
            apply("div", _AGAIN, math.sqrt(2.0)),
            apply("mul", _AGAIN, math.sqrt(0.5)),
            apply("mul", _AGAIN, 1.0 / math.sqrt(2.0)),
        )
    ),
)


def _replace(match: Match) -> Replacement | Unfit:
    return elementwise("gelu", match, str(match.bound["approximate"]))


def _replace_erf(match: Match) -> Replacement | Unfit:
    return elementwise("gelu", match, "none")


def _replace_tanh(match: Match) -> Replacement | Unfit:
    return elementwise("gelu", match, "tanh")


GELU = Form(
    name="gelu",
    ops=("gelu",),
    patterns=(apply("gelu", Input("x"), Literal("approximate")),),
    anchor="gelu",
    replace=_replace,
)
GELU_ERF = Form(
    name="gelu_erf",
    ops=("gelu",),
    patterns=(Casts(_weighed(_ERF)),),
    anchor="erf",
    replace=_replace_erf,
)
GELU_NEW = Form(
    name="gelu_new",
    ops=("gelu",),
    patterns=(Casts(_weighed(_TANH)),),
    anchor="tanh",
    replace=_replace_tanh,
)
