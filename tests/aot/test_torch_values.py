"""Values where the compiler by itself differs from torch: NaN, mixed integers, writes by index."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot


def test_nan_and_integers_of_several_widths_are_as_in_torch():
    class Module(torch.nn.Module):
        def forward(
            self, x: Tensor, small: Tensor, wide: Tensor, byte: Tensor
        ) -> tuple[Tensor, ...]:
            several = [small + wide, torch.maximum(wide, small), small * wide[0], byte + small]
            return (x.isfinite(), x == x, *several, byte.any(), byte.any(0), small.any())

    x = torch.tensor([0.0, -0.0, 1.0, float("inf"), float("nan")])
    small = torch.tensor([100, -128, 127, 3, 0], dtype=torch.int8)
    byte = torch.tensor([200, 0, 1, 255, 3], dtype=torch.uint8)
    arguments = (x, small, small.int() * 1000, byte)
    results = aot.export(Module(), arguments)(*arguments)
    for result, wanted in zip(results, Module()(*arguments), strict=True):
        assert result.dtype == wanted.dtype
        assert torch.equal(result, wanted)


def test_rows_of_any_dtype_are_added_by_index_at_open_sizes():
    class Module(torch.nn.Module):
        def forward(self, x: Tensor, y: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
            return x.index_add(1, index, x[:, index]), y.index_add(1, index, y[:, index])

    index = torch.tensor([2, 0, 2])
    arguments = (torch.randn(5, 4), torch.randint(-9, 9, (5, 4)), index)
    sizes = {0: Dim.AUTO, 1: Dim.AUTO}
    program = aot.export(Module(), arguments, dynamic_shapes=(sizes, sizes, {0: Dim.AUTO}))
    for result, wanted in zip(program(*arguments), Module()(*arguments), strict=True):
        assert torch.equal(result, wanted)
