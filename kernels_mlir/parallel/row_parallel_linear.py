"""row_parallel_linear: a linear layer of which each rank takes some input features."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import ArgumentError
from ir_runtime.layers import PluggableLayer
from kernels_mlir.parallel.linear_layer import LinearLayer

__all__ = ["RowParallelLinear"]


@PluggableLayer.register("row_parallel_linear")
class RowParallelLinear(LinearLayer):
    """Compute `x @ weight.T + bias` as the sum of products, one of some columns on each rank.

    `forward(x)` takes this rank's `[*, input_size / ranks]`, as a `ColumnParallelLinear` returns
    it, or with `input_is_parallel=False` the whole `[*, input_size]`. It returns `(y, bias or
    None)`, or `y` alone with `return_bias=False`; `y` is `[*, output_size]` on each rank.

    Args:
        input_size: the number of input features of all ranks.
        output_size: the length of a row of the result.
        bias: whether there is a bias. Rank 0 adds it in its product; where gradients are recorded,
            each rank adds it to the sum.
        input_is_parallel: whether `x` is this rank's part.
        skip_bias_add: return the bias in place of adding it.
        params_dtype: of the weight and the bias; default: torch's.
        reduce_results: whether the products of the ranks are summed; if not, `y` is this rank's.
        return_bias: whether a call returns a pair.

    Raises:
        ArgumentError: the number of ranks does not divide the input features, or the bias would be
            added by each rank to results that are summed later.

    Numerics:
        Each rank rounds its product to the dtype of `x`, then these are summed.

    Source:
        Megatron-LM, arXiv:1909.08053.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        bias: bool = True,  # noqa: FBT001, FBT002 - the order that model code knows
        input_is_parallel: bool = True,  # noqa: FBT001, FBT002
        skip_bias_add: bool = False,  # noqa: FBT001, FBT002
        params_dtype: torch.dtype | None = None,
        reduce_results: bool = True,  # noqa: FBT001, FBT002
        *,
        return_bias: bool = True,
    ) -> None:
        super().__init__(
            input_size, output_size, skip_bias_add=skip_bias_add, return_bias=return_bias
        )
        if bias and not reduce_results and not skip_bias_add:
            raise ArgumentError(
                f"{self._title}: `reduce_results` is False, must be True for a bias that the layer "
                "adds",
                fix="skip_bias_add=True, and add the bias after the sum; or bias=False",
            )
        self.input_is_parallel, self.reduce_results = input_is_parallel, reduce_results
        part = self.tp.part_of(input_size, f"{self._title}: `input_size`")
        self._make_parameters(
            output_size, part, biases=output_size if bias else None, dtype=params_dtype
        )

    def forward(self, x: Tensor) -> Any:
        """Multiply this rank's part of `x`, and sum the products of the ranks."""
        own = x if self.input_is_parallel else self.tp.own_part(x)
        bias = None if self.skip_bias_add else self.bias
        # Each rank's bias needs its gradient, so a product that is differentiated gets it later.
        trained = bias is not None and bias.requires_grad and torch.is_grad_enabled()
        adds_later = trained and self.tp_size > 1
        y = self._product(own, None if adds_later or self.tp_rank else bias)
        if self.reduce_results:
            y = self.tp.sum(y)
        return self._answer(y + bias if adds_later and bias is not None else y)

    def _part_of(self, name: str, own: Tensor, whole: Tensor) -> Tensor:
        if name == "bias":
            if whole.shape != own.shape:
                raise self._refuse(name, whole, f"of shape {list(own.shape)}")
            return whole
        expected = [own.shape[0], self.tp_size * own.shape[1]]
        if list(whole.shape) != expected:
            raise self._refuse(name, whole, f"of shape {expected}")
        return whole.narrow(1, self.tp_rank * own.shape[1], own.shape[1])
