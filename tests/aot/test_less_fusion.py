"""A program whose fused code needs an unbounded stack is compiled again with less fusion."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from ir_runtime import aot
from ir_runtime.aot.less_fusion import obtain_program, part_softmaxes
from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.launch.compiler import BASE_FLAGS
from ir_runtime.launch.key import KernelKey, compiler_version, digest_of

SOURCE = (Path(__file__).parent / "fused_softmax.mlir").read_bytes()
"""A softmax of open sizes whose mask comes of two gathers; the compiler fuses all of it."""


def test_second_compile_is_logged_and_kept(caplog: pytest.LogCaptureFixture) -> None:
    device = Device("local-sync")
    version = compiler_version()
    assert version is not None
    digest = digest_of(SOURCE)
    key = KernelKey("fused", digest, device.type_cache_key, version, tuple(BASE_FLAGS), entry="")
    with caplog.at_level(logging.INFO, "ir_runtime.aot"):
        artifact = obtain_program(key, device.compile_target_flags, SOURCE)
    (said,) = (r.message for r in caplog.records if r.name == "ir_runtime.aot")
    assert said.startswith("fused: compiled again with less fusion")
    with count_since() as counts:
        again = obtain_program(key, device.compile_target_flags, SOURCE)
    assert counts[0].compiles == 0
    assert again.key == artifact.key != key


def test_only_softmaxes_of_open_sizes_are_kept_apart() -> None:
    def two(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return torch.softmax(x * 2, -1), torch.softmax(y * 2, -1)

    x = torch.randn(2, 3)
    program = aot.export(two, (x, x), dynamic_shapes=({1: Dim.DYNAMIC}, None))
    parted = part_softmaxes(program.mlir("vulkan").encode()).decode()
    assert parted.count("iree_tensor_ext.compute_barrier.start") == 1
    assert "compute_barrier.start %" in parted
    assert "tensor<2x?xf32>" in parted
