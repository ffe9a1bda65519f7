"""The places that scatters fill, in bytes from the beginning of the tensor that is filled."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from ir_runtime.passes.inplace.region import Region, region_of

__all__ = ["SCATTERS", "filled_place", "overwritten_places"]

aten = torch.ops.aten

SCATTERS = {
    aten.slice_scatter.default: aten.slice.Tensor,
    aten.select_scatter.default: aten.select.int,
}
"""By operator, the view whose place it fills."""


def filled_place(node: fx.Node) -> Region | None:
    """Return the place that a scatter fills; None if a symbol hides it."""
    values: Any = fx.map_arg(tuple(node.args), lambda n: n.meta["val"])
    own = region_of(SCATTERS[node.target](values[0], *values[2:]))  # pyright: ignore[reportArgumentType]
    whole = region_of(values[0])
    if own.start is None or whole.start is None:
        return None
    return own.moved(-whole.start)


def overwritten_places(node: fx.Node) -> list[Region]:
    """Return the places of its tensor whose old contents a scatter, and those after it, lose.

    A scatter's result that only the next scatter takes is never seen with what that one fills.
    """
    found: list[Region] = []
    while node.op == "call_function" and node.target in SCATTERS and not node.kwargs:
        place = filled_place(node)
        if place is not None:
            found.append(place)
        if len(node.users) != 1:
            break
        (user,) = node.users
        if user.target not in SCATTERS or user.args[0] is not node or user.args[1] is node:
            break
        node = user
    return found
