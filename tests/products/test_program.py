"""Do several products of different sizes fit into one exported program?"""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn

from ir_runtime import aot, ir
from kernels_mlir.matmul.gate_up_layer import GateUpSilu
from kernels_mlir.matmul.quantized_layer import QuantizedLinear


class Block(nn.Module):
    """Two plain products, and two with integers."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = (nn.Parameter(torch.randn(s) / 8) for s in ((40, 32), (32, 40)))
        self.gate_up = GateUpSilu.from_linears(nn.Linear(32, 48), nn.Linear(32, 48), 8)
        self.down = QuantizedLinear.from_linear(nn.Linear(48, 32), 8)

    def forward(self, x: Tensor) -> Tensor:
        x = ir.ops.linear(ir.ops.linear(x, self.first), self.second)
        return x + self.down(self.gate_up(x))


def test_products_of_two_sizes_in_one_program() -> None:
    """Their executables are linked into one, so each needs names of its own."""
    block, x = Block().eval(), torch.randn(6, 32, generator=torch.Generator().manual_seed(1))
    rows = torch.export.Dim("rows", min=1, max=64)
    by_kernels, by_native = (
        ir.IrOpPriorityConfig(linear=providers, linear_w8=providers)
        for providers in ("iree,native", "native")
    )
    with by_kernels.set_priority():
        exported = aot.export(block, (x[:3],), name="block", dynamic_shapes=({0: rows},))
    kernels = re.findall(r"hal\.executable\.source private @(\w+)", exported.mlir())
    assert kernels == ["linear_vectors", "linear_vectors_1", "product_loops", "product_loops_1"]
    program = exported.launchable()
    with by_native.set_priority(), torch.no_grad():
        expected = block(x)
    torch.testing.assert_close(program(x), expected, rtol=1e-4, atol=1e-5)
