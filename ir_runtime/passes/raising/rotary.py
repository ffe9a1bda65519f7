"""rotary: query and key rotated by the angles of their tokens, in the style of GPT-NeoX.

The usual text is `q * cos + rotate_half(q) * sin` with `cos` and `sin` unsqueezed at the dimension
of the heads, for query and key each. If only the first elements of a head are rotated, the others
follow by `torch.cat`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from torch import fx

from ir_runtime.frozen import frozen
from ir_runtime.passes.raising.condition import (
    computes_as,
    first_unfit,
    shaped_as,
    shown,
)
from ir_runtime.passes.raising.fact import is_contiguous_in, known_equal, same_sizes, value_of
from ir_runtime.passes.raising.form import Form, Replacement, Turned, Unfit
from ir_runtime.passes.raising.half import cut_of, halved
from ir_runtime.passes.raising.match import Match
from ir_runtime.passes.raising.pattern import Casts, Input, Literal, Named, Same, apply
from ir_runtime.passes.raising.spelling import call_of

__all__ = ["ROTARY"]

_HEADS_APART = (0, 2, 1, 3)
_ORDERS = (tuple(range(4)), _HEADS_APART)


@frozen
class _Rotation:
    """One rotated tensor; query and key make a call.

    Attributes:
        x: the tensor.
        part: the elements of it that are rotated.
        angles: the nodes of `cos` and `sin` with a dimension for heads.
        results: the node of the result.
        nodes: those that compute it.
    """

    x: fx.Node
    part: fx.Node
    angles: tuple[fx.Node, fx.Node]
    results: tuple[fx.Node]
    nodes: tuple[fx.Node, ...]


def _rotation(x: Any) -> Casts:
    """Return the pattern of a rotated tensor."""
    second = apply("item", Input("whole"), Literal("second"))
    first = apply("item", Same("whole"), Literal("first"))
    turned = Casts(apply("cat", (apply("neg", Casts(second)), Casts(first)), -1))
    straight = apply("mul", Casts(x), Casts(Input("cos")))
    return Casts(apply("add", straight, apply("mul", turned, Casts(Input("sin")))))


_PART = Named("part", apply("item", Input("x"), Literal("below")))
_PARTIAL = apply("cat", (_rotation(_PART), apply("item", Same("x"), Literal("above"))), -1)


def _replace(match: Match) -> _Rotation | Unfit:
    bound = match.bound
    x, part = bound["x"], bound.get("part", bound["x"])
    whole = bound["whole"]
    if halved(whole, bound["first"], bound["second"]) is not part:
        return Unfit(match.root, f"the halves must be those of {shown(part)}")
    if part is not x and cut_of(x, bound["below"], bound["above"]) is None:
        return Unfit(match.root, f"rotated and kept elements must make up {shown(x)}")
    nodes = match.nodes if whole is part else (*match.nodes, whole)
    unfit = first_unfit(computes_as(nodes, match.root, x), shaped_as(match.root, x))
    if unfit is not None:
        return unfit
    return _Rotation(x, part, (bound["cos"], bound["sin"]), (match.root,), nodes)


def _combine(rotations: Iterable[_Rotation]) -> Iterator[Replacement | Unfit]:
    """Make a call of each two rotations by the same angles: the first one is the query."""
    by_angles: dict[tuple[fx.Node, fx.Node], list[_Rotation]] = defaultdict(list)
    for rotation in rotations:
        by_angles[rotation.angles].append(rotation)
    for alike in by_angles.values():
        for query, key in zip(alike[::2], alike[1::2], strict=False):
            yield _call(query, key)
        if len(alike) % 2:
            (root,) = alike[-1].results
            yield Unfit(root, f"no key is rotated by the angles of {shown(root)}")


def _call(query: _Rotation, key: _Rotation) -> Replacement | Unfit:
    cos, sin = (_angles(node, query) for node in query.angles)
    if isinstance(cos, Unfit):
        return cos
    if isinstance(sin, Unfit):
        return sin
    (angles, dim), (others, same_dim) = cos, sin
    (root,), (key_root,) = query.results, key.results
    if dim != same_dim or not _like_query(key.x, query.x, dim):
        return Unfit(key_root, f"{shown(key_root)}, must be like {shown(root)} but for heads")
    values = [v for v in (value_of(root), value_of(key_root)) if v is not None]
    orders = (o for o in _ORDERS if all(is_contiguous_in(v, o) for v in values))
    order = next(orders, None)
    if order is None:
        return Unfit(root, "only heads and tokens may be exchanged in memory")
    dim = 3 - dim if order == _HEADS_APART else dim
    arguments = (Turned(query.x), Turned(key.x), angles, others, dim, False)
    nodes = (*query.nodes, *key.nodes)
    return Replacement("apply_rotary_pos_emb", arguments, (root, key_root), nodes, order)


def _like_query(key: fx.Node, query: fx.Node, dim: int) -> bool:
    k, q = value_of(key), value_of(query)
    if k is None or q is None or k.ndim != q.ndim or k.dtype != q.dtype:
        return False
    return all(d == dim or known_equal(q.shape[d], k.shape[d]) for d in range(q.ndim))


def _angles(node: fx.Node, query: _Rotation) -> tuple[fx.Node, int] | Unfit:
    """Return the angles `[b, s, r]` behind a node, and the dimension of the heads."""
    call, q, part = call_of(node), value_of(query.x), value_of(query.part)
    spread = call is not None and call.function == "unsqueeze"
    source, dim = call.operands if call is not None and spread else (node, 0)
    angles = value_of(source)
    if angles is not None and q is not None and part is not None and q.ndim == 4:
        dim = dim % 4 if type(dim) is int and angles.ndim == 3 else 0
        width = part.shape[-1]
        wanted = (q.shape[0], q.shape[3 - dim], width)
        batches = wanted if not known_equal(angles.shape[0], 1) else (1, *wanted[1:])
        even = type(width) is int and width % 2 == 0
        if dim in (1, 2) and even and same_sizes(angles.shape, batches):
            return source, dim
    return Unfit(
        node, f"{shown(node)}, must be angles of {shown(query.x)}, unsqueezed at the heads"
    )


ROTARY = Form(
    name="rotary",
    ops=("apply_rotary_pos_emb",),
    patterns=(_PARTIAL, _rotation(Input("x"))),
    anchor="neg",
    replace=_replace,
    combine=_combine,
)
