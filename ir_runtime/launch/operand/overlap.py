"""The search for tensors of a call that share memory; those must not be written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

__all__ = ["may_be_written", "may_overlap", "share_storage", "shared_pairs"]

_Key = TypeVar("_Key")


def may_be_written(written: Sequence[int], values: Sequence[Any]) -> bool:
    """Tell whether some arguments share no element with other arguments, or within themselves.

    Args:
        written: positions of the arguments that will be written; tensors.
        values: all arguments.
    """
    # The usual call has one storage for each tensor: no pair needs a comparison.
    found = [v for v in values if isinstance(v, Tensor)]
    if len(found) == 1 or len({t.untyped_storage()._cdata for t in found}) == len(found):
        for i in written:
            if not values[i].is_contiguous() and torch._debug_has_internal_overlap(values[i]) == 1:
                return False
        if not any(isinstance(v, list) for v in values):
            return True
    return _all_are_apart(written, values)


def _all_are_apart(written: Sequence[int], values: Sequence[Any]) -> bool:
    every: list[tuple[int, Tensor]] = []
    for i, value in enumerate(values):
        listed = value if isinstance(value, list | tuple) else (value,)
        every += [(i, tensor) for tensor in listed if isinstance(tensor, Tensor)]
    for i in written:
        value = values[i]
        if torch._debug_has_internal_overlap(value) == 1:
            return False
        storage = value.untyped_storage()._cdata
        for j, other in every:
            shared = i != j and other.untyped_storage()._cdata == storage
            if shared and may_overlap(value, other):
                return False
    return True


def may_overlap(one: Tensor, other: Tensor) -> bool:
    """Tell whether two tensors of one storage may share an element.

    The answer is False for tensors that lie one after the other, and for columns of one table, such
    as query and key of one projection. In doubt it is True.
    """
    if not (one.numel() and other.numel()):
        return False
    if one.dtype != other.dtype:
        return True
    first, second = _extent(one, 0), _extent(other, 0)
    if first[1] <= second[0] or second[1] <= first[0]:
        return False
    # Columns of one table repeat with the row stride. Modulo that stride, both are one interval,
    # and two intervals within one row that are apart never meet.
    for period in {*one.stride()} - {0, 1}:
        first, second = _extent(one, period), _extent(other, period)
        apart = first[1] <= second[0] or second[1] <= first[0]
        if apart and max(first[1], second[1]) <= period:
            return False
    return True


def share_storage(one: Tensor, other: Any) -> bool:
    """Tell whether the storages of two values share memory; a value may be no tensor."""
    if not isinstance(other, Tensor):
        return False
    a, b = one.untyped_storage(), other.untyped_storage()
    begin = max(a.data_ptr(), b.data_ptr())
    return begin < min(a.data_ptr() + a.nbytes(), b.data_ptr() + b.nbytes())


def shared_pairs(tensors: Mapping[_Key, Tensor]) -> Iterator[tuple[_Key, _Key]]:
    """Yield the keys of each pair of tensors that may share an element, in any storages.

    If no tensors share memory, the cost is that of sorting them.
    """
    spans = [(key, _addresses(t)) for key, t in tensors.items() if t.numel() and not t.is_meta]
    spans.sort(key=lambda span: span[1].start)
    open_spans: list[tuple[_Key, range]] = []
    for key, span in spans:
        open_spans = [other for other in open_spans if other[1].stop > span.start]
        for other, _ in open_spans:
            if _may_share(tensors[key], tensors[other]):
                yield other, key
        open_spans.append((key, span))


def _may_share(one: Tensor, other: Tensor) -> bool:
    if one.device != other.device:
        return False
    same_storage = one.untyped_storage()._cdata == other.untyped_storage()._cdata
    return not same_storage or may_overlap(one, other)


def _addresses(tensor: Tensor) -> range:
    """Return the addresses from a tensor's first byte to its last one."""
    steps = zip(tensor.shape, tensor.stride(), strict=True)
    elements = 1 + sum((n - 1) * s for n, s in steps)
    return range(tensor.data_ptr(), tensor.data_ptr() + elements * tensor.element_size())


def _extent(tensor: Tensor, period: int) -> tuple[int, int]:
    """Return where the elements begin and end, modulo a period; a period of 0 means no period."""
    offset = int(tensor.storage_offset())
    start = offset % period if period else offset
    steps = zip(tensor.shape, tensor.stride(), strict=True)
    inner = int(sum((n - 1) * s for n, s in steps if not period or s % period))
    return start, start + inner + 1
