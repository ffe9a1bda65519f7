"""Operands that a kernel changes: the last of its results are their new contents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.counters import add_count
from ir_runtime.device.local import is_importable
from ir_runtime.frozen import frozen
from ir_runtime.launch.operand.launch_type import Launch
from ir_runtime.launch.operand.overlap import shared_pairs

__all__ = ["NOTHING_CHANGED", "Changed", "apart", "copy_back", "place_in_words", "writing_back"]


@frozen
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


def place_in_words(tensor: Tensor, others: Sequence[Tensor], why_aside: str) -> str:
    """Return where the new contents of an argument are computed, and why not where it lies.

    Args:
        tensor: the argument.
        others: the other tensors of the call.
        why_aside: why its new contents are computed in other memory; "" if they are not.
    """
    if not is_importable(tensor):
        return f"on a copy: {'alignment' if tensor.is_contiguous() else 'strides'}"
    if any(list(shared_pairs({0: tensor, 1: other})) for other in others):
        return "on a copy: it overlaps another argument"
    return f"computed aside and copied: {why_aside}" if why_aside else "where it lies"


def apart(tensors: Sequence[Tensor], ready: list[Tensor], written: Sequence[int]) -> list[Tensor]:
    """Give operands that will be written, and overlap another operand, memory of their own.

    Args:
        tensors: the operands.
        ready: the same, some of them as dense copies; is changed.
        written: which of them will be written.
    """
    if written:
        for i in {i for pair in shared_pairs(dict(enumerate(tensors))) for i in pair}:
            if i in written and ready[i].data_ptr() == tensors[i].data_ptr():
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
