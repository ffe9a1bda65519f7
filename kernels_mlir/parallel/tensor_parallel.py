"""The ranks that share the weights of a layer, and what they send each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.errors import ArgumentError

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

__all__ = [
    "TensorParallel",
    "get_tensor_parallel_group",
    "set_tensor_parallel_group",
]

_group: ProcessGroup | None = None


def set_tensor_parallel_group(group: ProcessGroup | None) -> None:
    """Let layers that are made from now on share their weights among the ranks of a group.

    Args:
        group: of `torch.distributed`, such as `torch.distributed.group.WORLD`; None for layers that
            hold their whole weights.
    """
    global _group
    _group = group


def get_tensor_parallel_group() -> ProcessGroup | None:
    """Return the group of layers that are made now; None if they hold their whole weights."""
    return _group


class TensorParallel:
    """One rank of a group, as a layer sees it.

    Args:
        group: None for one rank alone.

    Raises:
        ArgumentError: this process is not in the group.

    Attributes:
        rank: of this process in the group.
        size: the number of ranks.
    """

    def __init__(self, group: ProcessGroup | None) -> None:
        self._group = group
        self.rank = 0 if group is None else group.rank()
        self.size = 1 if group is None else group.size()
        if self.rank < 0:
            raise ArgumentError("tensor parallel: this process is not in the group, must be")

    def __deepcopy__(self, memo: Any) -> TensorParallel:
        """Return the same object: a group cannot be copied."""
        return self

    def part_of(self, size: int, what: str) -> int:
        """Return this rank's part of a size.

        Raises:
            ArgumentError: the number of ranks does not divide it.
        """
        if size % self.size:
            raise ArgumentError(f"{what} is {size}, must be a multiple of the {self.size} ranks")
        return size // self.size

    def sum(self, x: Tensor) -> Tensor:
        """Return the sum over the ranks, on each rank."""
        return x if self.size == 1 else _Sum.apply(x, self._group)  # pyright: ignore[reportReturnType]

    def spread(self, x: Tensor) -> Tensor:
        """Return `x`, which is the same on each rank; its gradient is summed over the ranks."""
        needed = self.size > 1 and x.requires_grad and torch.is_grad_enabled()
        return _Spread.apply(x, self._group) if needed else x  # pyright: ignore[reportReturnType]

    def own_part(self, x: Tensor) -> Tensor:
        """Return this rank's part of the last dimension of `x`, which is the same on each rank."""
        part = self.part_of(x.shape[-1], "the last dimension of the input")
        return self.spread(x)[..., self.rank * part : (self.rank + 1) * part]

    def gather(self, x: Tensor) -> Tensor:
        """Return the ranks' tensors side by side along the last dimension, on each rank."""
        if self.size == 1:
            return x
        return _Gather.apply(x, self._group, self.rank)  # pyright: ignore[reportReturnType]


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: ProcessGroup) -> Tensor:
        del ctx
        return _reduced(x, group)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        del ctx
        return gradients[0], None


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: ProcessGroup) -> Tensor:
        ctx.group = group
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return _reduced(gradients[0], ctx.group), None


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: ProcessGroup, rank: int) -> Tensor:
        ctx.rank, ctx.width = rank, x.shape[-1]
        return torch.cat(_gathered(x, group), dim=-1)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        start = ctx.rank * ctx.width
        return gradients[0][..., start : start + ctx.width], None, None


def _reduced(x: Tensor, group: ProcessGroup) -> Tensor:
    from torch.distributed import _functional_collectives as collectives

    return collectives.wait_tensor(collectives.all_reduce(x.contiguous(), "sum", group))


def _gathered(x: Tensor, group: ProcessGroup) -> list[Tensor]:
    from torch.distributed import _functional_collectives as collectives

    rows = x.contiguous().reshape(1, -1)
    every = collectives.wait_tensor(collectives.all_gather_tensor(rows, 0, group))
    return [every[i].view(x.shape) for i in range(group.size())]
