"""A program whose fused code needs an unbounded stack is compiled again with less fusion."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot
from ir_runtime.counters import count_since
from ir_runtime.errors import GenerateError
from ir_runtime.launch.compile.build import default_store
from ir_runtime.launch.compile.less_fusion import is_stored_maybe_less_fused
from ir_runtime.op_reg import (
    CustomOp,
    KernelBuilder,
    KernelSelection,
    build_kernel,
    def_library,
)
from ir_runtime.op_reg.trace.fusion_barrier import keep_apart
from ir_runtime.settings import override_settings

LIBRARY = def_library("less_fusion_tests")


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

    with caplog.at_level(logging.INFO, "ir_runtime.build"):
        ours = exported()(*given)
    (said,) = (r.message for r in caplog.records if "less fusion" in r.message)
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


def test_kernel_of_a_traced_op_is_compiled_again(caplog: pytest.LogCaptureFixture) -> None:
    @CustomOp.register(library=LIBRARY)
    class add_to_places(CustomOp):
        signature = "add_to_places(Tensor x, Tensor index, Tensor values) -> Tensor"

        def select(self, ksel: KernelSelection) -> None:
            x, *_ = (ksel.arg_tensor(i).t for i in range(3))
            ksel.return_new_tensor(x.shape, x.dtype)

        def generate(self, ksel: KernelSelection, kb: KernelBuilder) -> None:
            kb.yield_results(kb.inline_torch(add, *(kb.arg(i) for i in range(3))))

    given = (torch.rand(6).bfloat16(), torch.tensor([1, 5, 1]), torch.rand(3).bfloat16())
    with caplog.at_level(logging.INFO, "ir_runtime.build"):
        ours = add_to_places(*given)
    assert any(r.message.startswith("add_to_places: compiled again") for r in caplog.records)
    torch.testing.assert_close(ours, add(*given), rtol=1e-2, atol=0)
    with override_settings(compile=False):
        (built,) = build_kernel(add_to_places, *given)
    (key,) = (key for key in default_store().keys() if key.name == "add_to_places")
    assert (built.kernel, built.compiled) == (key.label, False)
    plain = replace(key, flags=tuple(flag for flag in key.flags if "creation" not in flag))
    assert is_stored_maybe_less_fused(plain)
    with pytest.raises(GenerateError, match="add cannot be traced"):
        add_to_places(given[0], torch.tensor([1]), torch.tensor(1.0).bfloat16())
