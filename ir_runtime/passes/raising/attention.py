"""attention: `scaled_dot_product_attention` without mask, dropout and causality."""

from __future__ import annotations

from typing import Any

from torch import fx

from ir_runtime.passes.raising.condition import computes_as, first_unfit, shown
from ir_runtime.passes.raising.fact import is_contiguous_in, known_equal, value_of
from ir_runtime.passes.raising.form import Form, Replacement, Turned, Unfit
from ir_runtime.passes.raising.match import Match
from ir_runtime.passes.raising.pattern import Input, Literal, apply

__all__ = ["ATTENTION"]

_HEADS_APART = (0, 2, 1, 3)
_CAUSAL = False


def _replace(match: Match) -> Replacement | Unfit:
    bound = match.bound
    query, key, value = (bound[name] for name in ("query", "key", "value"))
    scale = bound["scale"]
    unfit = first_unfit(
        computes_as((key, value), match.root, query),
        _fits(query, key, grouped=bound["enable_gqa"]),
        _fits(key, value, grouped=False),
        None if scale is None or type(scale) is float else Unfit(match.root, "scale is no number"),
    )
    if unfit is not None:
        return unfit
    result = value_of(match.root)
    if result is None or not is_contiguous_in(result, _HEADS_APART):
        return Unfit(match.root, "the result must be `[batch, tokens, heads, channels]` in memory")
    arguments = (Turned(query), Turned(key), Turned(value), scale)
    return Replacement("mm_encoder_attn", arguments, (match.root,), match.nodes, _HEADS_APART)


def _fits(query: fx.Node, key: fx.Node, *, grouped: Any) -> Unfit | None:
    """Check batch, heads and, for a key, channels; the heads of a key may divide the query's."""
    q, k = value_of(query), value_of(key)
    if q is not None and k is not None and q.ndim == k.ndim == 4 and q.dtype == k.dtype:
        heads, others = q.shape[1], k.shape[1]
        divides = type(heads) is int and type(others) is int and others and heads % others == 0
        if known_equal(q.shape[0], k.shape[0]) and (
            known_equal(heads, others) or (grouped is True and divides)
        ):
            return None
    return Unfit(key, f"{shown(key)}, must fit {shown(query)}: batch, heads and dtype")


ATTENTION = Form(
    name="attention",
    ops=("mm_encoder_attn",),
    patterns=(
        apply(
            "attention",
            Input("query"),
            Input("key"),
            Input("value"),
            None,
            0.0,
            _CAUSAL,
            Literal("scale"),
            Literal("enable_gqa"),
        ),
    ),
    anchor="attention",
    replace=_replace,
)
