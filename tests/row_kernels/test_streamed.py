"""Results of row kernels that the last cache cannot hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime.device.machine import code_for, this_machine
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, forget_kernels
from ir_runtime.op_reg.call.kernel import run_select
from ir_runtime.op_reg.op.op_arguments import fill_example
from ir_runtime.rows.emit.grid import Form
from ir_runtime.rows.emit.kernel_text import kernel_text
from ir_runtime.rows.plan import make_plan
from ir_runtime.rows.trace import trace
from tests.row_kernels import natives
from tests.row_kernels.kernel import kernel_of


@pytest.fixture
def small_cache() -> Iterator[None]:
    forget_kernels()
    with code_for(replace(this_machine(), l3_bytes=256)):
        yield
    forget_kernels()


def variant(op: Any, *args: Any) -> str:
    found = ALL_CUSTOM_OP_REGS[op.default._schema.name]
    return run_select(found, fill_example(found, args)).variant.split(" ", 2)[2:] and "streamed"


@pytest.mark.parametrize("features", [96, 100], ids=["whole-lines", "parts-of-lines"])
def test_streamed_results_have_the_same_bits_anywhere(features, request):
    """A store past the cache faults where it does not begin a cache line."""
    op = kernel_of(natives.rms_norm)
    x, weight = torch.randn(7, features), torch.randn(features)
    assert not variant(op, x, weight, 1e-6)
    expected = op(x, weight, 1e-6)
    request.getfixturevalue("small_cache")
    assert variant(op, x, weight, 1e-6)
    assert torch.equal(op(x, weight, 1e-6), expected)
    memory = torch.full((7 * features + 2,), torch.nan)
    op.out(x, weight, 1e-6, out=memory[1:-1].view(7, features))
    assert torch.equal(memory[1:-1].view(7, features), expected)
    assert memory[[0, -1]].isnan().all()


def scaled(x: Tensor) -> Tensor:
    return x * 2


@pytest.mark.parametrize(("fn", "features"), [(natives.softmax, 96), (scaled, 2048)])
def test_what_is_kept_in_a_result_and_blocks_of_columns_are_not_streamed(fn, features, small_cache):
    assert not variant(kernel_of(fn), torch.randn(7, features))


@pytest.mark.parametrize(
    ("dtype", "features", "lines"),
    [(torch.float32, 96, True), (torch.float32, 100, False), (torch.bfloat16, 64, True)],
)
def test_only_whole_cache_lines_go_past_the_cache(dtype, features, lines):
    x, weight = torch.randn(7, features).to(dtype), torch.randn(features)
    plan = make_plan(trace(natives.rms_norm, (x, weight), (0,)))
    text = kernel_text(plan, "norm", Form(streamed=True))
    assert ("nontemporal" in text) == lines
    assert text.count("llvm.fence seq_cst") == 1
    assert "nontemporal" not in kernel_text(plan, "norm", Form())
