"""What the linear layers share: arguments, the product, what a call returns."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ir_runtime.ir import ops
from kernels_mlir.parallel.sharded_weight import ParallelLayer, sharded

__all__ = ["LinearLayer"]


class LinearLayer(ParallelLayer):
    """`x @ weight.T + bias`, of which a rank may compute a part.

    Attributes:
        weight: this rank's part, `[own_outputs, own_inputs]`.
        bias: this rank's part; None for none.
    """

    bias: nn.Parameter | None

    def __init__(
        self, input_size: int, output_size: int, *, skip_bias_add: bool, return_bias: bool
    ) -> None:
        super().__init__()
        self.input_size, self.output_size = input_size, output_size
        self.skip_bias_add, self.return_bias = skip_bias_add, return_bias

    def _make_parameters(
        self, outputs: int, inputs: int, *, biases: int | None, dtype: torch.dtype | None
    ) -> None:
        self.weight = sharded(self, outputs, inputs, dtype=dtype)
        bias = None if biases is None else sharded(self, biases, dtype=dtype)
        self.register_parameter("bias", bias)

    def _product(self, x: Tensor, bias: Tensor | None) -> Tensor:
        return ops.linear(x, self.weight, bias)

    def _answer(self, y: Tensor) -> Any:
        """Return the result as the caller wants it: with a bias that it adds later, or alone."""
        if not self.return_bias:
            return y
        return y, self.bias if self.skip_bias_add else None

    def extra_repr(self) -> str:
        return (
            f"in={self.input_size}, out={self.output_size}, bias={self.bias is not None}, "
            f"ranks={self.tp_size}"
        )
