"""A sum and its rms_norm become fused_add_rms_norm, where that is the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime import ir
from ir_runtime.passes import PassRecord
from ir_runtime.passes.cleanup.add_norm import AddNormCanonicalization
from tests.passes.traced_graphs import ran, targets, traced

GENERATOR = torch.Generator().manual_seed(0)
FUSED = "ir_runtime.fused_add_rms_norm.default"


def rows(*sizes: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*sizes, generator=GENERATOR).to(dtype)


def norm(x: Tensor, weight: Tensor | None = None) -> Tensor:
    return torch.ops.ir_runtime.rms_norm(x, weight, 1e-6)


def fused(function: Callable[..., Any], *args: Tensor) -> tuple[PassRecord, list[str]]:
    """Run the pass, and compare with native in float64."""
    module = traced(function, *args)
    with (
        ir.ops.rms_norm.set_priority(["native"]),
        ir.ops.fused_add_rms_norm.set_priority(["native"]),
    ):
        exact, _ = ran(module, [arg.double() for arg in args])
        plain, _ = ran(module, args)
        record = PassRecord("add_norm")
        AddNormCanonicalization().run(module.graph, record)
        found, _ = ran(module, args)
    for mine, theirs, truth in zip(found, plain, exact, strict=True):
        assert mine.dtype == theirs.dtype
        assert mine.shape == theirs.shape
        error = (mine.double() - truth).abs().max()
        assert error <= 1.2 * (theirs.double() - truth).abs().max() + 1e-6
    return record, targets(module)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_sum_keeps_its_other_users(dtype: torch.dtype):
    def block(x: Tensor, residual: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        total = x + residual
        return norm(total, weight), total * 2

    record, calls = fused(block, rows(4, 16, dtype=dtype), rows(4, 16, dtype=dtype), rows(16))
    assert record.matched_count == 1
    assert FUSED in calls
    assert "aten.add.Tensor" not in calls


def test_a_reshape_of_leading_dimensions_may_lie_between():
    record, calls = fused(lambda x, r: norm((x + r).reshape(6, 16)), rows(2, 3, 16), rows(2, 3, 16))
    assert record.matched_count == 1
    assert calls.count("aten.reshape.default") == 1


def test_the_operand_with_the_dtype_of_the_sum_is_the_first():
    record, _ = fused(lambda x, r: norm(x + r), rows(4, 16, dtype=torch.bfloat16), rows(4, 16))
    assert record.matched_count == 1


STAY = {
    "broadcast": (lambda x, r: norm(x + r[0]), "it is broadcast"),
    "alpha": (lambda x, r: norm(torch.add(x, r, alpha=2)), "no plain sum"),
    "a number": (lambda x, r: norm(x + 1) + r, "no plain sum"),
    "rows": (lambda x, r: norm((x + r).reshape(8, 8)), "changes the rows"),
    "columns": (lambda x, r: norm(x.t() + r.t()), "in rows"),
    "weight": (lambda x, r: (t := x + r, norm(t, t.sum(0)))[1], "computed after the sum"),
    "written": (lambda x, r: (t := x + r, t[0:4].mul_(2), norm(t))[2], "is written"),
}


@pytest.mark.parametrize("case", STAY)
def test_what_is_not_the_same_stays_and_is_reported(case: str):
    function, reason = STAY[case]
    record, calls = fused(function, rows(4, 16), rows(4, 16))
    assert record.matched_count == 0
    assert FUSED not in calls
    (miss,) = record.near_misses
    assert reason in miss.reason


def test_of_two_norms_of_a_sum_one_is_fused():
    def block(x: Tensor, r: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        total = x + r
        return norm(total, w), norm(total)

    record, calls = fused(block, rows(4, 16), rows(4, 16), rows(16))
    assert record.matched_count == 1
    assert calls.count(FUSED) == calls.count("ir_runtime.rms_norm.default") == 1
