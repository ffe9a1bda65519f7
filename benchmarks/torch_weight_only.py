"""torch's own weight-only products as a side of `python -m benchmarks models`.

torchao's weight-only linears call the same ops on CPUs, from its tensor subclasses; here they are
called without those.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

__all__ = ["replace_linears"]

GROUP = 128


class _Linear(nn.Module, ABC):
    """A linear layer with a weight that torch's op wants so."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.out_features, self.bias = linear.out_features, linear.bias

    @abstractmethod
    def multiply(self, rows: Tensor) -> Tensor:
        """Return the product of rows `[n, in]`."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.multiply(x.reshape(-1, x.shape[-1])).view(*x.shape[:-1], self.out_features)
        return y if self.bias is None else y + self.bias


class _Int8(_Linear):
    def __init__(self, linear: nn.Linear) -> None:
        super().__init__(linear)
        weight = linear.weight.detach()
        self.scale = weight.abs().amax(1) / 127
        numbers = (weight / self.scale[:, None]).round().clamp(-128, 127)
        self.numbers = numbers.to(torch.int8)

    def multiply(self, rows: Tensor) -> Tensor:
        return torch.ops.aten._weight_int8pack_mm(rows, self.numbers, self.scale)


class _Int4(_Linear):
    def __init__(self, linear: nn.Linear) -> None:
        super().__init__(linear)
        weight = linear.weight.detach()
        groups = weight.view(weight.shape[0], -1, GROUP)
        scale = groups.abs().amax(2) / 7
        numbers = (groups / scale[:, :, None]).round().clamp(-8, 7).view(weight.shape) + 8
        packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu
        self.packed = packed(numbers.to(torch.int32), 1)
        self.scales = torch.stack([scale.T, torch.zeros_like(scale.T)], 2).contiguous()

    def multiply(self, rows: Tensor) -> Tensor:
        product = torch.ops.aten._weight_int4pack_mm_for_cpu
        return product(rows, self.packed, GROUP, self.scales)


def replace_linears(model: nn.Module, weights: str) -> None:
    """Replace each linear layer of a model, the head included.

    Args:
        model: a model in bfloat16, whose parameters are left as they are.
        weights: `int8` (a scale for each output) or `int4` (a scale for 128 elements of a row).
    """
    kind = {"int8": _Int8, "int4": _Int4}[weights]
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Linear:
                setattr(module, name, kind(child))
