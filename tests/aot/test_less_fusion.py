"""A program whose fused code needs an unbounded stack is compiled again with less fusion."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot
from ir_runtime.aot.less_fusion import keep_apart
from ir_runtime.counters import count_since


def add(x: Tensor, index: Tensor, values: Tensor) -> Tensor:
    """Add halves to a table, in float32 as torch does: the conversion and the write get fused."""
    return torch.index_add(x, 0, index, values)


@pytest.mark.parametrize(
    "dtype", [pytest.param(torch.float16, marks=pytest.mark.full), torch.bfloat16]
)
def test_second_compile_is_logged_right_and_kept(
    dtype: torch.dtype, caplog: pytest.LogCaptureFixture
) -> None:
    torch.manual_seed(0)
    index = torch.randint(0, 11, (50,))
    given = (torch.rand(11, 6).to(dtype), index, torch.rand(50, 6).to(dtype))

    def exported() -> aot.Program:
        return aot.export(add, given, dynamic_shapes=({}, {0: Dim.DYNAMIC}, {0: Dim.DYNAMIC}))

    with caplog.at_level(logging.INFO, "ir_runtime.aot"):
        ours = exported()(*given)
    (said,) = (r.message for r in caplog.records if r.name == "ir_runtime.aot")
    assert said.startswith("add: compiled again with less fusion")
    exact = add(given[0].double(), index, given[2].double())
    assert (ours.double() - exact).abs().max() <= 2 * (add(*given).double() - exact).abs().max()
    with count_since() as counts:
        exported()(*given)
    assert counts[0].compiles == 0


def test_only_softmaxes_of_open_sizes_are_kept_apart() -> None:
    def two(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return torch.softmax(x * 2, -1), torch.softmax(y * 2, -1)

    x = torch.randn(2, 3)
    program = aot.export(two, (x, x), dynamic_shapes=({1: Dim.DYNAMIC}, None))
    apart = keep_apart(program.mlir("vulkan").encode()).decode()  # on CPUs softmax is rewritten
    assert apart.count("iree_tensor_ext.compute_barrier.start") == 1
    assert "compute_barrier.start %" in apart
    assert "tensor<2x?xf32>" in apart
