"""GateUpSilu: two linear layers and their gate as one product."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ir_runtime.errors import ArgumentError
from ir_runtime.ir import ops
from kernels_mlir.matmul.quantized_layer import PackedModule, quantize
from kernels_mlir.matmul.quantized_weight import QuantizedWeight

__all__ = ["GateUpSilu", "QuantizedGateUpSilu"]


class GateUpSilu(nn.Module):
    """`silu(x @ gate.T) * (x @ up.T)` as one product, through `gate_up_silu`.

    Args:
        weight: `[2 * n, k]`: the rows of the gate, and then those of the factor.
        bias: `[2 * n]`; None for none.
    """

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter | None = None) -> None:
        super().__init__()
        self.weight = weight
        self.register_parameter("bias", bias)
        self.out_features, self.in_features = weight.shape[0] // 2, weight.shape[1]

    @classmethod
    def from_linears(
        cls,
        gate: nn.Linear,
        up: nn.Linear,
        bits: int | None = None,
        group_size: int | None = None,
    ) -> GateUpSilu | QuantizedGateUpSilu:
        """Join two layers; their weights are copied.

        Args:
            gate: the layer of the gate.
            up: the layer of the factor; of the sizes, dtype and kind of bias of `gate`.
            bits: 8 or 4 for a quantised weight; None for one as it is.
            group_size: of a quantised weight, as in `QuantizedLinear.from_linear`.

        Raises:
            ArgumentError: the layers differ, or what `QuantizedLinear.from_linear` refuses.
        """
        _check_pair(gate, up)
        bias = None
        if gate.bias is not None:
            joined = torch.cat((gate.bias.detach(), up.bias.detach()))
            bias = nn.Parameter(joined, requires_grad=gate.bias.requires_grad)
        if bits is not None:
            return QuantizedGateUpSilu(quantize(gate.weight, bits, group_size, up.weight), bias)
        weight = torch.cat((gate.weight.detach(), up.weight.detach()))
        return cls(nn.Parameter(weight, requires_grad=gate.weight.requires_grad), bias)

    def forward(self, x: Tensor) -> Tensor:
        """Compute rows `[*, in_features]` to `[*, out_features]`."""
        return ops.gate_up_silu(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in={self.in_features}, out={self.out_features}, bias={self.bias is not None}"


class QuantizedGateUpSilu(PackedModule):
    """`GateUpSilu` with the weight in 8 or 4 bits, through `linear_w8` or `linear_w4`.

    Args:
        packed: a gated weight.
        bias: `[2 * out_features]`; None for none.
    """

    bias: nn.Parameter | None

    def __init__(self, packed: QuantizedWeight, bias: nn.Parameter | None = None) -> None:
        super().__init__(packed)
        if not packed.gated:
            raise ArgumentError("QuantizedGateUpSilu: `packed` is of one weight, must be gated")
        self.register_parameter("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        """Compute rows `[*, in_features]` to `[*, out_features]`."""
        return self.product(x, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in={self.in_features}, out={self.out_features}, bias={self.bias is not None}, "
            f"bits={self.bits}, group_size={self.group_size}"
        )


def _check_pair(gate: nn.Linear, up: nn.Linear) -> None:
    facts = [
        (tuple(layer.weight.shape), layer.weight.dtype, layer.bias is not None)
        for layer in (gate, up)
    ]
    if facts[0] != facts[1]:
        shown = " and ".join(f"{shape} {dtype}, bias={bias}" for shape, dtype, bias in facts)
        raise ArgumentError(
            f"GateUpSilu: the layers are {shown}, must have one size, one dtype, and both a bias "
            "or none"
        )
