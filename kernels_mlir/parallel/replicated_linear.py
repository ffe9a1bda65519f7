"""replicated_linear: a linear layer whose whole weight is on each rank."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime.layers import PluggableLayer
from kernels_mlir.parallel.linear_layer import LinearLayer

__all__ = ["ReplicatedLinear"]


@PluggableLayer.register("replicated_linear")
class ReplicatedLinear(LinearLayer):
    """Compute `x @ weight.T + bias` on each rank, with the whole weight.

    `forward(x)` takes `[*, input_size]` and returns `([*, output_size], bias or None)`: the bias if
    `skip_bias_add` leaves it to the caller. With `return_bias=False` it returns the tensor alone.

    Args:
        input_size: the length of a row.
        output_size: the length of a row of the result.
        bias: whether there is a bias.
        skip_bias_add: return the bias in place of adding it.
        params_dtype: of the weight and the bias; default: torch's.
        return_bias: whether a call returns a pair.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        bias: bool = True,  # noqa: FBT001, FBT002 - the order that model code knows
        skip_bias_add: bool = False,  # noqa: FBT001, FBT002
        params_dtype: torch.dtype | None = None,
        *,
        return_bias: bool = True,
    ) -> None:
        super().__init__(
            input_size, output_size, skip_bias_add=skip_bias_add, return_bias=return_bias
        )
        biases = output_size if bias else None
        self._make_parameters(output_size, input_size, biases=biases, dtype=params_dtype)

    def forward(self, x: Tensor) -> Any:
        """Multiply."""
        return self._answer(self._product(x, None if self.skip_bias_add else self.bias))

    def _part_of(self, name: str, own: Tensor, whole: Tensor) -> Tensor:
        if whole.shape != own.shape:
            raise self._refuse(name, whole, f"of shape {list(own.shape)}")
        return whole
