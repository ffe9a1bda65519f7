"""The bytes of a block of memory that a tensor covers, and whether two tensors may share one."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ir_runtime.frozen import frozen

__all__ = ["Region", "everything", "may_overlap", "region_of"]


@frozen
class Region:
    """Where a tensor lies in its block.

    Attributes:
        start: its first byte; None for anywhere in the block.
        dims: pairs of size and stride in bytes, the largest stride first; strides are positive.
        item: bytes of an element.
    """

    start: int | None = None
    dims: tuple[tuple[int, int], ...] = ()
    item: int = 1

    def moved(self, shift: int) -> Region:
        """Return the same region `shift` bytes further on."""
        return self if self.start is None else Region(self.start + shift, self.dims, self.item)

    @property
    def length(self) -> int:
        """The bytes from the first to behind the last one."""
        return sum((size - 1) * stride for size, stride in self.dims) + self.item

    @property
    def is_empty(self) -> bool:
        """Whether it has no elements."""
        return any(size == 0 for size, _ in self.dims)


everything = Region()
"""A region that may be anywhere in its block."""


def region_of(value: Tensor) -> Region:
    """Return where a tensor lies; one with a symbol in its sizes may be anywhere."""
    item = value.element_size()
    numbers: list[Any] = [value.storage_offset(), *value.shape, *value.stride()]
    if not all(type(number) is int for number in numbers):
        return everything
    pairs = zip(value.shape, value.stride(), strict=True)
    dims = [(size, stride * item) for size, stride in pairs if size != 1]
    if any(stride <= 0 and size > 1 for size, stride in dims):
        dims = [(size, stride) for size, stride in dims if stride > 0 or size == 0]
    dims.sort(key=lambda dim: -dim[1])
    return Region(int(value.storage_offset()) * item, tuple(dims), item)


def may_overlap(one: Region, other: Region) -> bool:
    """Tell whether two regions of a block may share a byte; False is a proof that they do not.

    They are apart if one ends before the other begins, or if both are columns of rows of the same
    length, and the columns are apart.
    """
    if one.is_empty or other.is_empty:
        return False
    if one.start is None or other.start is None:
        return True
    if one.start + one.length <= other.start or other.start + other.length <= one.start:
        return False
    for _, row in one.dims:
        if any(stride == row for _, stride in other.dims) and _are_columns_apart(one, other, row):
            return False
    return True


def _are_columns_apart(one: Region, other: Region, row: int) -> bool:
    """Tell whether regions lie in different columns of rows of `row` bytes."""
    mine, theirs = _columns(one, row), _columns(other, row)
    if mine is None or theirs is None:
        return False
    return mine[1] <= theirs[0] or theirs[1] <= mine[0]


def _columns(region: Region, row: int) -> tuple[int, int] | None:
    """Return the first column and the one behind the last; None if it has more than columns."""
    assert region.start is not None
    inside = [(size, stride) for size, stride in region.dims if stride < row]
    if any(stride % row for _, stride in region.dims if stride >= row):
        return None
    begin = region.start % row
    end = begin + sum((size - 1) * stride for size, stride in inside) + region.item
    return None if end > row else (begin, end)
