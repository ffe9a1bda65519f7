"""Halves of rows, as graphs write them: the parts of `chunk(2, -1)`, or two slices."""

from __future__ import annotations

from typing import Any

from torch import fx

from ir_runtime.passes.raising.fact import known_equal, value_of
from ir_runtime.passes.raising.spelling import call_of

__all__ = ["cut_of", "halved"]


def halved(whole: fx.Node, first: Any, second: Any) -> fx.Node | None:
    """Return the tensor whose rows have `whole[first]` and `whole[second]` as their halves.

    Args:
        whole: the tensor, or the list of its chunks.
        first: index of the first half.
        second: index of the second half.

    Returns:
        None if these are no halves.
    """
    if type(first) is int and type(second) is int:
        call = call_of(whole)
        fits = call is not None and call.function == "chunk" and call.operands[1:] == (2, -1)
        source = call.operands[0] if call is not None and fits else None
        value = value_of(source)
        even = value is not None and known_equal(value.shape[-1] % 2, 0)
        return source if (first, second) == (0, 1) and even else None
    value = value_of(whole)
    cut = cut_of(whole, first, second)
    fits = value is not None and cut is not None and known_equal(2 * cut, value.shape[-1])
    return whole if fits else None


def cut_of(whole: fx.Node, below: Any, above: Any) -> int | None:
    """Return where two slices cut rows: `x[..., :n]` and `x[..., n:]`.

    Args:
        whole: the tensor.
        below: index of the first slice.
        above: index of the second slice.

    Returns:
        None if they are no such slices, or empty.
    """
    value = value_of(whole)
    if value is None:
        return None
    low, high = (_last_slice(index, value.ndim) for index in (below, above))
    if low is None or high is None:
        return None
    cut = low.stop
    size: Any = value.shape[-1]
    starts = low.start in (None, 0) and high.start == cut
    ends = high.stop is None or known_equal(high.stop, size)
    plain = low.step in (None, 1) and high.step in (None, 1)
    inside = type(cut) is int and type(size) is int and 0 < cut < size
    return cut if starts and ends and plain and inside else None


def _last_slice(index: Any, rank: int) -> slice | None:
    """Return the slice of the last dimension if an index takes all of the other ones."""
    if not isinstance(index, tuple) or not index or not isinstance(index[-1], slice):
        return None
    others = index[:-1]
    whole = all(i in (Ellipsis, slice(None)) for i in others)
    dots = sum(i is Ellipsis for i in others)
    complete = dots == 1 if dots else len(index) == rank
    return index[-1] if whole and complete and len(index) - dots <= rank else None
