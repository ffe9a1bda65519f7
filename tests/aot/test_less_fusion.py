"""A program whose fused code needs an unbounded stack is compiled again with less fusion."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot
from ir_runtime.aot.less_fusion import part_softmaxes
from ir_runtime.counters import count_since

DYNAMIC = Dim.DYNAMIC
OPEN = ({0: DYNAMIC, 2: DYNAMIC, 3: DYNAMIC}, {0: DYNAMIC, 1: DYNAMIC})


def masked_softmax(scores: Tensor, groups: Tensor) -> Tensor:
    """Give each query the keys of its group that are not after it, as packed sentences do."""
    batch = torch.arange(scores.shape[0])[:, None, None, None]
    queries, keys = torch.arange(scores.shape[2])[:, None], torch.arange(scores.shape[3])
    seen = (groups[batch, keys] == groups[batch, queries]) & (keys <= queries)
    least = torch.full((), torch.finfo(scores.dtype).min, dtype=scores.dtype)
    masked = scores + torch.where(seen, torch.zeros((), dtype=scores.dtype), least)
    return torch.softmax(masked, -1, dtype=torch.float32).to(scores.dtype)


def arguments(batch: int, length: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    groups = torch.randint(0, 2, (batch, length)).sort().values
    return torch.randn(batch, 3, length, length, dtype=dtype), groups


@pytest.mark.parametrize(
    "dtype", [pytest.param(torch.float32, marks=pytest.mark.full), torch.bfloat16]
)
def test_second_compile_is_logged_right_and_kept(
    dtype: torch.dtype, caplog: pytest.LogCaptureFixture
) -> None:
    torch.manual_seed(4)

    def exported() -> aot.Program:
        return aot.export(masked_softmax, arguments(2, 5, dtype), dynamic_shapes=OPEN)

    program = exported()
    with caplog.at_level(logging.INFO, "ir_runtime.aot"):
        for batch, length in ((2, 5), (1, 9), (3, 1)):
            given = arguments(batch, length, dtype)
            exact = masked_softmax(given[0].double(), given[1])
            ours, torchs = ((f(*given).double() - exact).abs().max()
                            for f in (program, masked_softmax))  # fmt: skip
            assert ours <= 2 * torchs + torch.finfo(dtype).eps
    (said,) = (r.message for r in caplog.records if r.name == "ir_runtime.aot")
    assert said.startswith("masked_softmax: compiled again with less fusion")
    with count_since() as counts:
        exported()(*given)
    assert counts[0].compiles == 0


def test_only_softmaxes_of_open_sizes_are_kept_apart() -> None:
    def two(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return torch.softmax(x * 2, -1), torch.softmax(y * 2, -1)

    x = torch.randn(2, 3)
    source = aot.export(two, (x, x), dynamic_shapes=({1: DYNAMIC}, None)).mlir().encode()
    parted = part_softmaxes(source).decode()
    assert parted.count("iree_tensor_ext.compute_barrier.start") == 1
    assert "compute_barrier.start %" in parted
    assert "tensor<2x?xf32>" in parted
