"""Parameters of which each rank holds a part: how a whole tensor gets there."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.layers import PluggableLayer
from kernels_mlir.parallel.tensor_parallel import TensorParallel, get_tensor_parallel_group

__all__ = ["ParallelLayer", "ShardId", "sharded"]

ShardId = int | str | None
"""Which of several weights that one parameter joins: its number, or "q", "k" or "v"."""


class ParallelLayer(PluggableLayer):
    """A layer with parameters of which each rank holds a part.

    `load_state_dict` takes a rank's own part, or the whole tensor, of which it keeps the part. A
    parameter's `weight_loader(parameter, whole[, shard_id])` copies the part of a whole tensor.

    Attributes:
        tp_rank: of this process among the ranks that share the layer.
        tp_size: their number.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tp = TensorParallel(get_tensor_parallel_group())
        self.tp_rank, self.tp_size = self.tp.rank, self.tp.size

    def weight_loader(self, param: nn.Parameter, loaded: Tensor, shard_id: ShardId = None) -> None:
        """Copy this rank's part of a whole tensor into a parameter.

        Args:
            param: one of this layer's parameters.
            loaded: the whole tensor, or with `shard_id` the whole tensor of that shard.
            shard_id: which of the joined weights `loaded` is; None for all of them, or for a layer
                that joins none.

        Raises:
            ArgumentError: `loaded` has another shape, there is no such shard, or the parameter is
                of another layer.
        """
        names = [n for n, p in self.named_parameters(recurse=False) if p is param]
        if not names:
            raise ArgumentError(f"{self._title}: `param` is of another layer, must be of this one")
        (name,) = names
        target, part = self._target_and_part(name, param.data, loaded, shard_id)
        target.copy_(part)

    def _target_and_part(
        self, name: str, own: Tensor, whole: Tensor, shard_id: ShardId
    ) -> tuple[Tensor, Tensor]:
        """Return the rows of a parameter that are written, and what is written."""
        if shard_id is not None:
            raise ArgumentError(f"{self._title}: has one weight, `shard_id` must be None")
        return own, self._part_of(name, own, whole)

    def _part_of(self, name: str, own: Tensor, whole: Tensor) -> Tensor:
        """Return this rank's part of a whole tensor."""
        raise NotImplementedError

    def _may_be_whole(self, part: Tensor) -> bool:
        """Tell whether a tensor of the shape of this rank's part may be a whole one."""
        del part
        return False

    @property
    def _title(self) -> str:
        return type(self).__name__

    def _refuse(self, name: str, whole: Tensor, expected: str) -> ArgumentError:
        return ArgumentError(
            f"{self._title}: the loaded `{name}` is {format_tensor(whole)}, must be {expected}"
        )

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: Any,
        strict: bool,  # noqa: FBT001 - torch's
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        given = dict(state_dict)
        for name, param in self.named_parameters(recurse=False):
            whole = given.get(f"{prefix}{name}")
            if not isinstance(whole, Tensor):
                continue
            if whole.shape == param.shape:
                if self._may_be_whole(whole):
                    error_msgs.append(
                        f"{self._title}: `{name}` {format_tensor(whole)} may be a whole tensor or "
                        "a rank's part; use `weight_loader` for a whole one"
                    )
                continue
            own = torch.empty_like(param.data, device=whole.device, dtype=whole.dtype)
            try:
                target, part = self._target_and_part(name, own, whole, None)
            except ArgumentError as error:
                error_msgs.append(str(error))
            else:
                target.copy_(part)
                given[f"{prefix}{name}"] = own
        lists = missing_keys, unexpected_keys, error_msgs
        super()._load_from_state_dict(given, prefix, local_metadata, strict, *lists)


def sharded(layer: ParallelLayer, *shape: int, dtype: torch.dtype | None = None) -> nn.Parameter:
    """Return a parameter for a rank's part; its values are to be loaded."""
    param = nn.Parameter(torch.empty(shape, dtype=dtype))
    param.weight_loader = layer.weight_loader  # pyright: ignore[reportAttributeAccessIssue]
    return param
