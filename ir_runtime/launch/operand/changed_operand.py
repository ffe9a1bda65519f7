"""Operands that a kernel changes: the last of its results are their new contents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.launch.operand.launch_type import Launch

__all__ = ["NOTHING_CHANGED", "Changed", "apart", "copy_back", "writing_back"]


@dataclass(frozen=True)
class Changed:
    """Which operands a kernel changes.

    Attributes:
        operands: positions among all operands, numbers included, in the order of the results.
        elementwise: whether each element of a result depends only on the elements of the operands
            at the same place.
    """

    operands: tuple[int, ...] = ()
    elementwise: bool = False


NOTHING_CHANGED = Changed()


def apart(ready: list[Tensor], written: Sequence[int]) -> list[Tensor]:
    """Return dense tensors, those that will be written as copies if they overlap another one."""
    spans = [(t.data_ptr(), t.data_ptr() + t.numel() * t.element_size()) for t in ready]
    for i in written:
        start, end = spans[i]
        if any(s < end and start < e for j, (s, e) in enumerate(spans) if j != i and s < e):
            ready[i] = ready[i].clone()
    return ready


def copy_back(tensors: Sequence[Tensor], ready: Sequence[Tensor], written: Sequence[int]) -> None:
    """Copy new contents into the tensors that were not written where they lie; counts copies."""
    for i in written:
        if ready[i].data_ptr() != tensors[i].data_ptr():
            add_count("copies")
            tensors[i].copy_(ready[i])


def writing_back(launch: Launch, changed: Changed) -> Launch:
    """Return a launch that computes the new contents of operands aside, and copies them; counted.

    Args:
        launch: takes a tensor for each result, also for those that are new contents.
        changed: the operands that the last results are the new contents of.

    Returns:
        A launch that takes tensors for the other results only.
    """
    if not changed.operands:
        return launch

    def write_back(operands: Sequence[Any], outs: Sequence[Tensor]) -> None:
        targets = [operands[i] for i in changed.operands]
        staged = [torch.empty(t.shape, dtype=t.dtype, device=t.device) for t in targets]
        launch(operands, (*outs, *staged))
        add_count("copies", len(staged))
        for target, new in zip(targets, staged, strict=True):
            target.copy_(new)

    return write_back
