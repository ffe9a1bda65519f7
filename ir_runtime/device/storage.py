"""Refuse tensors whose storage was shrunk: they reach beyond its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError

__all__ = ["refuse_cut_tensors"]

_STRIDED = torch.strided


def refuse_cut_tensors(name: str, what: str, values: Sequence[Any]) -> None:
    """Refuse tensors that are larger than their storages.

    Args:
        name: of the op or program, for messages.
        what: a word for one of the values, such as `operand`; messages add its number.
        values: tensors and other values; only tensors are checked.

    Raises:
        ArgumentError: a storage is too small.
    """
    for i, value in enumerate(values):
        if not isinstance(value, Tensor) or value.layout is not _STRIDED or _has_none(value):
            continue
        held = value.untyped_storage().nbytes()
        needed = _extent(value) * value.element_size()
        if needed > held and value.numel() and value.device.type != "meta":
            raise ArgumentError(
                f"{name}: {what} {i} is {format_tensor(value)}, whose storage has {held} bytes, "
                f"must have {needed}",
                facts=["the storage was resized after the tensor was made"],
            )


def _has_none(tensor: Tensor) -> bool:
    """Tell whether a tensor is of a kind that has no memory of its own."""
    is_wrapper = type(tensor) is not Tensor and hasattr(tensor, "__tensor_flatten__")
    return tensor._is_zerotensor() or torch._is_functional_tensor(tensor) or is_wrapper


def _extent(tensor: Tensor) -> int:
    """Return how many elements a storage must have to hold a tensor."""
    steps = ((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    return int(tensor.storage_offset() + sum(steps) + 1)
