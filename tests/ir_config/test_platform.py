"""What are priorities where nobody sets them?  Those of the platform, rows IR-82 to IR-84."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime import ir
from ir_runtime.counters import count_since
from ir_runtime.op_reg import forget_kernels
from tests.cases import CASES, OpCase

RMS, GELU = ir.ops.rms_norm, ir.ops.gelu


class Reluctant(ir.Platform):
    """A platform that would rather not run kernels."""

    def get_default_ir_op_priority(self, config: Any = None) -> ir.IrOpPriorityConfig:
        first = "iree" if config == "eager" else "native"
        return ir.IrOpPriorityConfig().with_default([first, "native"], gelu=["iree", "native"])


@pytest.fixture(autouse=True)
def same_platform() -> Iterator[None]:
    before = ir.current_platform()
    yield
    ir.set_platform(before)
    ir.set_platform_default(ir.ops.softmax)


def test_the_kernels_come_first():
    """IR-82"""
    config = ir.current_platform().get_default_ir_op_priority()
    assert config.rms_norm == config.gelu == ["iree", "native"]


def test_the_default_is_the_same_in_compiled_graphs():
    platform = ir.current_platform()
    assert platform.get_default_ir_op_priority("inductor") == platform.get_default_ir_op_priority()


def test_the_users_list_comes_before_the_platforms():
    """IR-82"""
    default = ir.current_platform().get_default_ir_op_priority()
    mine = ir.IrOpPriorityConfig(rms_norm="native")
    merged = mine.with_default([], **default.priorities)
    assert merged.rms_norm == ["native", "iree"]
    assert merged.gelu == ["iree", "native"]
    assert merged.with_default([], **default.priorities) == merged


def test_another_platform_gives_its_ops_other_defaults():
    ir.set_platform(Reluctant())
    assert ir.current_platform().get_default_ir_op_priority("eager").rms_norm == ["iree", "native"]
    assert RMS.get_priority() == ["native"]
    assert GELU.get_priority() == ["iree", "native"]
    x = torch.ones(2, 48)
    forget_kernels()
    with count_since() as counts:
        torch.ops.ir_runtime.rms_norm(x, None, 1e-6)
    assert counts[0].selects == 0


def test_what_was_set_by_hand_stays():
    ir.ops.softmax.set_default(["native"])
    ir.set_platform(Reluctant())
    ir.set_platform(ir.Platform())
    assert ir.ops.softmax.get_priority() == ["native"]


def test_ops_of_others_do_not_follow_the_platform():
    @ir.register_op(name="follows_nobody")
    def follows_nobody(x: Tensor) -> Tensor:
        return x + 1

    try:
        ir.set_platform(Reluctant())
        assert follows_nobody.get_priority() == []
        ir.set_platform_default(follows_nobody)
        assert follows_nobody.get_priority() == ["native"]
    finally:
        del ir.IrOp.registry["follows_nobody"]


def test_a_platform_brings_modules_with_providers(monkeypatch: pytest.MonkeyPatch):
    """IR-83"""
    module = types.ModuleType("kernels_of_elsewhere")
    imported: list[str] = []

    class Elsewhere(ir.Platform):
        kernel_modules = ("kernels_mlir", "kernels_of_elsewhere")

        def get_default_ir_op_priority(self, config: Any = None) -> ir.IrOpPriorityConfig:
            return ir.IrOpPriorityConfig().with_default(["elsewhere", "iree", "native"])

    def load(name: str) -> types.ModuleType:
        imported.append(name)
        if name == "kernels_of_elsewhere":

            @RMS.register_impl("elsewhere")
            def rms_norm_elsewhere(
                x: Tensor,
                weight: Tensor | None,
                epsilon: float,
                variance_size: int | None = None,
            ) -> Tensor:
                return RMS.native(x, weight, epsilon, variance_size)

        return module

    monkeypatch.setattr("importlib.import_module", load)
    try:
        ir.set_platform(Elsewhere())
        assert RMS.get_priority() == ["iree", "native"]
        ir.current_platform().import_ir_kernels()
        assert imported == ["kernels_mlir", "kernels_of_elsewhere"]
        assert RMS.get_priority() == ["elsewhere"]
        assert GELU.get_priority() == ["iree", "native"]
    finally:
        del RMS.impls["elsewhere"]


def test_a_module_that_is_not_there_is_an_import_error():
    class Broken(ir.Platform):
        kernel_modules = ("no_such_kernels",)

    with pytest.raises(ImportError, match="no_such_kernels"):
        Broken().import_ir_kernels()


def test_the_catalogue_is_imported_by_the_platform():
    """IR-83"""
    code = (
        "from ir_runtime import ir\n"
        "assert not ir.IrOp.registry\n"
        "ir.current_platform().import_ir_kernels()\n"
        "print(ir.ops.rms_norm.get_priority())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "['iree', 'native']\n"


@pytest.mark.full
def test_a_platform_set_before_the_catalogue_is_asked():
    code = (
        "from ir_runtime import ir\n"
        "class Plain(ir.Platform):\n"
        "    def get_default_ir_op_priority(self, config=None):\n"
        "        return ir.IrOpPriorityConfig().with_default('native')\n"
        "ir.set_platform(Plain())\n"
        "import kernels_mlir\n"
        "print(ir.ops.rms_norm.get_priority())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "['native']\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_without_torchs_dispatcher_all_ops_run_the_same_providers(case: OpCase):
    """IR-84"""
    arguments = case.arguments()
    expected = case.one_result(case.ir_op)(*arguments)
    forget_kernels()
    ir.set_default_torch_wrap(False)
    try:
        with count_since() as counts:
            result = case.one_result(case.ir_op)(*arguments)
    finally:
        ir.set_default_torch_wrap(True)
    assert counts[0].selects == 1
    torch.testing.assert_close(result, expected, rtol=0, atol=0)
