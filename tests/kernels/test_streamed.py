"""Do results that the cache cannot hold go past it, and are they the same?"""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import kernels_mlir
from ir_runtime.device.machine import code_for, this_machine
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, forget_kernels
from ir_runtime.op_reg.call.kernel import run_select
from kernels_mlir.library import FLOATS
from tests.kernels.assembly import assembly_of
from tests.sampling import covering

ROWS, FEATURES = 7, 96


def norm_arguments(op: str, x: Tensor) -> tuple[Any, ...]:
    features = [torch.randn(x.shape[-1]).to(x.dtype) for _ in range(2)]
    return {
        "rms_norm": (x, features[0], 1e-6, None),
        "rms_norm_weightless": (x, None, 1e-6, None),
        "layer_norm": (x, *features, 1e-6),
    }[op]


OPS = ("rms_norm", "rms_norm_weightless", "layer_norm")
each_op = pytest.mark.parametrize("op", OPS)


def kernel_of(op: str) -> str:
    return op.removesuffix("_weightless")


def call(op: str, *arguments: Any) -> Tensor:
    return getattr(kernels_mlir, kernel_of(op))(*arguments)


def variant_of(op: str, arguments: tuple[Any, ...]) -> str:
    return run_select(ALL_CUSTOM_OP_REGS[f"ir_kernels::{kernel_of(op)}"], arguments).variant


@pytest.fixture
def small_cache() -> Iterator[None]:
    """Let all but a few results be too large for the cache."""
    forget_kernels()
    with code_for(replace(this_machine(), l3_bytes=256)):
        yield
    forget_kernels()


@covering(op=OPS, dtype=FLOATS)
def test_streamed_results_have_the_same_bits(op: str, dtype: torch.dtype, request: Any):
    arguments = norm_arguments(op, torch.randn(ROWS, FEATURES).to(dtype))
    assert variant_of(op, arguments) == "default"
    expected = call(op, *arguments)
    request.getfixturevalue("small_cache")
    assert variant_of(op, arguments) == "streamed"
    result = call(op, *arguments)
    assert torch.equal(result, expected)


@each_op
def test_rows_of_incomplete_lines_are_not_streamed(op: str, small_cache: None):
    arguments = norm_arguments(op, torch.randn(ROWS, FEATURES + 4))
    assert variant_of(op, arguments) == "default"


@each_op
def test_results_that_the_cache_holds_are_not_streamed(op: str, small_cache: None):
    assert variant_of(op, norm_arguments(op, torch.randn(1, 16))) == "default"


@each_op
def test_a_result_anywhere_in_memory_is_written(op: str, small_cache: None):
    """Stores past the cache fault where their address is no multiple of 64."""
    arguments = norm_arguments(op, torch.randn(ROWS * FEATURES + 1)[1:].view(ROWS, FEATURES))
    expected = call(op, *arguments)
    out = torch.full((ROWS * FEATURES + 2,), torch.nan)
    into = out[1:-1].view(ROWS, FEATURES)
    packet = getattr(torch.ops.ir_kernels, kernel_of(op))
    packet.out(*arguments, out=into)
    assert torch.equal(into, expected)
    assert out[[0, -1]].isnan().all()


@each_op
def test_a_compiled_graph_is_one_for_all_sizes(op: str, small_cache: None):
    packet = getattr(torch.ops.ir_kernels, kernel_of(op))
    compiled = torch.compile(packet, fullgraph=True, dynamic=True, backend="aot_eager")
    with torch._dynamo.config.patch(error_on_recompile=True):
        for rows in (2, 3, 5, 64):
            arguments = norm_arguments(op, torch.randn(rows, FEATURES))
            assert torch.equal(compiled(*arguments), call(op, *arguments))


@each_op
@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors name it otherwise")
def test_streamed_stores_go_past_the_cache(op: str, small_cache: None, tmp_path: Path):
    arguments = norm_arguments(op, torch.randn(ROWS, FEATURES))
    name = f"ir_kernels::{kernel_of(op)}"
    assert "vmovnt" in assembly_of(name, arguments, tmp_path)


@each_op
@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors name it otherwise")
def test_other_stores_do_not(op: str, tmp_path: Path):
    arguments = norm_arguments(op, torch.randn(ROWS, FEATURES))
    name = f"ir_kernels::{kernel_of(op)}"
    assert "vmovnt" not in assembly_of(name, arguments, tmp_path)


def test_the_cache_has_a_size():
    assert 1 << 18 <= this_machine().l3_bytes <= 1 << 34


class Joined(torch.nn.Module):
    """Norms of what begins anywhere in memory, into what does."""

    def forward(self, x: Tensor, weight: Tensor, line: Tensor) -> Tensor:
        y = torch.ops.ir_kernels.rms_norm(x, weight, 1e-6)
        rows = line[1:].view(x.shape)
        z = torch.ops.ir_kernels.layer_norm(rows, weight, weight, 1e-6)
        return torch.cat([line[:1], y.flatten(), line[2:5], z.flatten()])


@pytest.mark.full
def test_programs_may_place_norms_anywhere():
    """In a process of its own: a store or load that needs another address ends it."""
    assert (
        subprocess.run(
            [sys.executable, "-c", PROGRAM], check=False, timeout=240, cwd=Path(__file__).parents[2]
        ).returncode
        == 0
    )


PROGRAM = """
from dataclasses import replace
import torch
import kernels_mlir
from ir_runtime import aot
from ir_runtime.device.machine import code_for, this_machine
from tests.kernels.test_streamed import FEATURES, ROWS, Joined

x, weight = torch.randn(ROWS, FEATURES), torch.randn(FEATURES)
line = torch.randn(ROWS * FEATURES + 1)
with code_for(replace(this_machine(), l3_bytes=0)):
    program = aot.export(Joined(), (x, weight, line))
    expected = Joined()(x, weight, line)
    result = program(x, weight, line)
torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)
"""
