"""column_parallel_linear: linear layers of which each rank computes some output features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import ArgumentError
from ir_runtime.layers import PluggableLayer
from kernels_mlir.parallel.linear_layer import LinearLayer
from kernels_mlir.parallel.sharded_weight import ShardId

__all__ = ["ColumnParallelLinear", "MergedColumnParallelLinear", "QKVParallelLinear"]


@PluggableLayer.register("column_parallel_linear")
class ColumnParallelLinear(LinearLayer):
    """Compute `x @ weight.T + bias`; each rank holds rows of the weight and computes their outputs.

    `forward(x)` takes `[*, input_size]`, the same on each rank. It returns `(y, bias or None)`, or
    `y` alone with `return_bias=False`; `y` is `[*, output_size / ranks]`, or with `gather_output`
    `[*, output_size]` on each rank.

    Args:
        input_size: the length of a row.
        output_size: the number of output features of all ranks.
        bias: whether there is a bias.
        gather_output: whether each rank gets all outputs.
        skip_bias_add: return the bias in place of adding it.
        params_dtype: of the weight and the bias; default: torch's.
        return_bias: whether a call returns a pair.

    Raises:
        ArgumentError: the number of ranks does not divide the output features.

    Source:
        Megatron-LM, arXiv:1909.08053.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        bias: bool = True,  # noqa: FBT001, FBT002 - the order that model code knows
        gather_output: bool = False,  # noqa: FBT001, FBT002
        skip_bias_add: bool = False,  # noqa: FBT001, FBT002
        params_dtype: torch.dtype | None = None,
        *,
        return_bias: bool = True,
    ) -> None:
        super().__init__(
            input_size, output_size, skip_bias_add=skip_bias_add, return_bias=return_bias
        )
        self.gather_output = gather_output
        part = self.tp.part_of(output_size, f"{self._title}: `output_size`")
        self._make_parameters(part, input_size, biases=part if bias else None, dtype=params_dtype)

    def forward(self, x: Tensor) -> Any:
        """Multiply by this rank's rows of the weight."""
        y = self._product(self.tp.spread(x), None if self.skip_bias_add else self.bias)
        return self._answer(self._gathered(y) if self.gather_output else y)

    def _gathered(self, y: Tensor) -> Tensor:
        return self.tp.gather(y)

    def _part_of(self, name: str, own: Tensor, whole: Tensor) -> Tensor:
        expected = [self.tp_size * own.shape[0], *own.shape[1:]]
        if list(whole.shape) != expected:
            raise self._refuse(name, whole, f"of shape {expected}")
        return whole.narrow(0, self.tp_rank * own.shape[0], own.shape[0])


class _JoinedLinear(ColumnParallelLinear):
    """Several column-parallel layers of one input, joined in one product.

    The outputs of a rank are its parts of the first one, of the second one, and so on.
    """

    _shards: dict[ShardId, tuple[int, int, int]]
    """By shard, the rows of the whole weight, how many parts it has, and which one is ours."""

    def _target_and_part(
        self, name: str, own: Tensor, whole: Tensor, shard_id: ShardId
    ) -> tuple[Tensor, Tensor]:
        if shard_id is None:
            shards = tuple(self._shards.values())
            rows = [rows for rows, _, _ in shards]
            wholes = self._checked(name, own, whole, sum(rows)).split(rows)
            return own, torch.cat(list(map(self._own, wholes, shards)))
        if shard_id not in self._shards:
            known = ", ".join(map(repr, self._shards))
            raise ArgumentError(
                f"{self._title}: `shard_id` is {shard_id!r}, must be one of {known}"
            )
        start = 0
        for each, (rows, parts, _) in self._shards.items():
            if each == shard_id:
                break
            start += rows // parts
        rows, parts, _ = self._shards[shard_id]
        part = self._own(self._checked(name, own, whole, rows), self._shards[shard_id])
        return own.narrow(0, start, rows // parts), part

    def _checked(self, name: str, own: Tensor, whole: Tensor, rows: int) -> Tensor:
        expected = [rows, *own.shape[1:]]
        if list(whole.shape) != expected:
            raise self._refuse(name, whole, f"of shape {expected}")
        return whole

    @staticmethod
    def _own(whole: Tensor, shard: tuple[int, int, int]) -> Tensor:
        rows, parts, which = shard
        return whole.narrow(0, which * (rows // parts), rows // parts)

    def _gathered(self, y: Tensor) -> Tensor:
        """Put the ranks' parts of each joined layer side by side."""
        own = [rows // parts for rows, parts, _ in self._shards.values()]
        ranks = [part.split(own, dim=-1) for part in self.tp.gather(y).chunk(self.tp_size, dim=-1)]
        return torch.cat([part for layer in zip(*ranks, strict=True) for part in layer], dim=-1)


class MergedColumnParallelLinear(_JoinedLinear):
    """Column-parallel layers of one input, such as the gate and the up projection, joined.

    A rank's outputs are its part of the first layer, then of the second, and so on, so that
    `silu_and_mul` takes them as they are. `weight_loader(parameter, whole, shard_id)` takes the
    number of a layer.

    Args:
        input_size: the length of a row.
        output_sizes: the number of output features of each layer.
        bias, gather_output, skip_bias_add, params_dtype, return_bias: as `ColumnParallelLinear`.

    Raises:
        ArgumentError: the number of ranks does not divide one of the sizes.
    """

    def __init__(
        self,
        input_size: int,
        output_sizes: Sequence[int],
        bias: bool = True,  # noqa: FBT001, FBT002 - the order that model code knows
        gather_output: bool = False,  # noqa: FBT001, FBT002
        skip_bias_add: bool = False,  # noqa: FBT001, FBT002
        params_dtype: torch.dtype | None = None,
        *,
        return_bias: bool = True,
    ) -> None:
        self.output_sizes = list(output_sizes)
        super().__init__(
            input_size,
            sum(output_sizes),
            bias,
            gather_output,
            skip_bias_add,
            params_dtype,
            return_bias=return_bias,
        )
        for size in output_sizes:
            self.tp.part_of(size, f"{self._title}: one of `output_sizes`")
        self._shards = {
            i: (size, self.tp_size, self.tp_rank) for i, size in enumerate(output_sizes)
        }


class QKVParallelLinear(_JoinedLinear):
    """The projections to queries, keys and values, joined; heads are shared by the ranks.

    If there are more ranks than key heads, several ranks hold a copy of one key head. A rank's
    outputs are its query heads, its key heads, its value heads. `weight_loader(parameter, whole,
    shard_id)` takes "q", "k" or "v". Ranks with a copy of one key head
    get a part of its gradient each.

    Args:
        hidden_size: the length of a row.
        head_size: the length of a head.
        total_num_heads: the number of query heads.
        total_num_kv_heads: the number of key heads; default: as many as query heads.
        bias, skip_bias_add, params_dtype, return_bias: as `ColumnParallelLinear`.

    Raises:
        ArgumentError: the heads cannot be shared equally by the ranks.
    """

    def __init__(
        self,
        hidden_size: int,
        head_size: int,
        total_num_heads: int,
        total_num_kv_heads: int | None = None,
        bias: bool = True,  # noqa: FBT001, FBT002 - the order that model code knows
        skip_bias_add: bool = False,  # noqa: FBT001, FBT002
        params_dtype: torch.dtype | None = None,
        *,
        return_bias: bool = True,
    ) -> None:
        LinearLayer.__init__(
            self, hidden_size, 0, skip_bias_add=skip_bias_add, return_bias=return_bias
        )
        self.gather_output = False
        total_kv = total_num_heads if total_num_kv_heads is None else total_num_kv_heads
        self.head_size, self.total_num_heads = head_size, total_num_heads
        self.total_num_kv_heads = total_kv
        self.num_heads = self.tp.part_of(total_num_heads, f"{self._title}: `total_num_heads`")
        if max(total_kv, self.tp_size) % min(total_kv, self.tp_size):
            raise ArgumentError(
                f"{self._title}: `total_num_kv_heads` is {total_kv}, must be a multiple or a "
                f"divisor of the {self.tp_size} ranks"
            )
        parts = math.gcd(total_kv, self.tp_size)
        self.num_kv_heads = total_kv // parts
        self.num_kv_head_replicas = self.tp_size // parts
        keys = (total_kv * head_size, parts, self.tp_rank // self.num_kv_head_replicas)
        self._shards = {
            "q": (total_num_heads * head_size, self.tp_size, self.tp_rank),
            "k": keys,
            "v": keys,
        }
        own = (self.num_heads + 2 * self.num_kv_heads) * head_size
        self.output_size = own * self.tp_size
        self._make_parameters(own, hidden_size, biases=own if bias else None, dtype=params_dtype)
