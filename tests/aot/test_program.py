"""What can be done with an exported program: text, VMFB, launchable, call?"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.export import Dim

import kernels_mlir  # noqa: F401 - promises the ops
from ir_runtime import aot, ir
from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.errors import ArgumentError, ExportError, LaunchError
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.launch.launchable import Launchable
from ir_runtime.op_reg.trace.import_program import quiet_tracing
from tests.op_reg import ops
from tests.op_reg.ops import LIBRARY, make_op

X, Y = torch.randn(3, 4), torch.randn(3, 4)
TARGETS = {
    "cuda": ("--iree-hal-target-device=cuda", "--iree-cuda-target=sm_80"),
    "hip": ("--iree-hal-target-device=hip", "--iree-rocm-target=gfx942"),
    "vulkan": ("--iree-hal-target-device=vulkan", "--iree-vulkan-target=llvmpipe"),
}


def add(x: Tensor, y: Tensor) -> Tensor:
    return ops.add(x, y)


def _scale_for_family(self: Any, ksel: Any, kb: Any) -> None:
    factor = {"local": 2.0, "cuda": 3.0, "hip": 5.0, "vulkan": 7.0}[ksel.device_family]
    kb.yield_results(ops.scaled(kb, kb.arg(0), factor))


def _select_family(self: Any, ksel: Any) -> None:
    ops.like_first(self, ksel)
    ksel.variant = ksel.device_family


by_family = make_op(
    "by_family_@UNIQUE@(Tensor x) -> Tensor", _select_family, _scale_for_family, library=LIBRARY
)


@pytest.mark.full
def test_a_second_process_compiles_nothing(store: DirectoryStore) -> None:
    script = (
        "import sys, torch; sys.path.insert(0, sys.argv[1])\n"
        "from ir_runtime import aot; from ir_runtime.counters import current_counts\n"
        "import kernels_mlir\n"
        "x = torch.ones(2, 48)\n"
        "p = aot.export(lambda x: torch.ops.ir_kernels.gelu(x, 'none'), (x,), name='g')\n"
        "p(x); c = current_counts(); print(c.compiles, c.store_hits)\n"
    )
    root = str(Path(__file__).parents[2])
    said = [
        subprocess.run(
            [sys.executable, "-c", script, root], capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    ]
    assert said == ["1 0", "0 1"]


def test_compile_and_call_share_an_artifact(store: DirectoryStore) -> None:
    program = aot.export(add, (X, Y))
    with count_since() as counts:
        vmfb = program.compile("local-task")
        assert torch.equal(program(X, Y), add(X, Y))
        assert program.compile(Device("local-sync")) == vmfb
    assert counts[0].compiles == 2  # the program and the eager op
    assert {key.name for key in store.keys()} == {"add", ops.op_of(ops.add).name}


def test_a_vmfb_is_written_and_runs(tmp_path: Path) -> None:
    path = tmp_path / "add.vmfb"
    vmfb = aot.export(add, (X, Y)).compile("local-task", path=path)
    assert path.read_bytes() == vmfb

    def load(device: Device) -> Any:
        from iree.runtime import VmModule

        return VmModule.copy_buffer(device.vm_instance, path.read_bytes())

    assert torch.equal(Launchable.from_vm_module(load)(X, Y), X + Y)


@pytest.mark.parametrize("family", TARGETS)
def test_a_program_compiles_for(family: str, tmp_path: Path) -> None:
    flags = TARGETS[family]
    program = aot.export(by_family, (X,), dynamic_shapes=({0: Dim.AUTO},))
    vmfb = program.compile(flags=flags, path=tmp_path / "program.vmfb")
    assert {"cuda": b"sm_80", "hip": b"gfx942", "vulkan": b"vulkan"}[family] in vmfb
    assert (tmp_path / "program.vmfb").read_bytes() == vmfb


@pytest.mark.parametrize(
    ("family", "factor"), [("local", 2), ("cuda", 3), ("hip", 5), ("vulkan", 7)]
)
def test_an_op_has_kernels_by_family(family: str, factor: int) -> None:
    text = aot.export(by_family, (X,)).mlir(family)
    assert f"arith.constant {factor}.000000e+00 : f32" in text


def test_the_text_is_saved_and_is_a_program(tmp_path: Path) -> None:
    path = tmp_path / "add.mlir"
    program = aot.export(add, (X, Y))
    program.save_mlir(path)
    assert path.read_text() == program.mlir()
    assert torch.equal(Launchable.jit_compile(path)(X, Y), add(X, Y))


def test_calls_of_one_kernel_share_its_function() -> None:
    def several(x: Tensor, y: Tensor) -> Tensor:
        return ops.add(ops.add(x, y), ops.add(y, y))

    text = aot.export(several, (X, Y)).mlir()
    assert (text.count("util.call"), text.count("util.func private")) == (3, 1)


def test_single_dispatch_keeps_its_function_and_pipeline() -> None:
    forced = make_op(
        "single_@UNIQUE@(Tensor x) -> Tensor",
        ops.like_first,
        lambda self, ksel, kb: kb.yield_results(ops.scaled(kb, kb.arg(0), 2.0)),
        single_dispatch=True,
    )
    text = aot.export(forced, (X,)).mlir()
    function = next(
        line for line in text.split("\n") if "util.func private @ir_tests_single" in line
    )
    assert "inlining_policy = #util.inline.never" in function
    assert "iree-preprocessing-make-single-dispatch" in function


def test_the_flags_of_an_op_are_those_of_its_program(store: DirectoryStore) -> None:
    flag = "--iree-llvmcpu-stack-allocation-limit=65536"
    flagged = make_op(
        "flagged_@UNIQUE@(Tensor x) -> Tensor", ops.like_first, ops.yield_first,
        compile_flags=(flag,),
    )  # fmt: skip
    aot.export(flagged, (X,)).compile("local-sync")
    assert [flag in key.flags for key in store.keys()] == [True]


def test_nested_arguments_and_results_keep_their_structure() -> None:
    def forward(pair: dict[str, Tensor], *, k: Tensor, n: int = 3) -> dict[str, Any]:
        total, difference = ops.sum_and_difference(pair["a"], k)
        return {"total": total * n, "rest": [difference, pair["b"] + 1]}

    program = aot.export(forward, ({"a": X, "b": Y},), {"k": Y, "n": 4})
    got = program({"a": X, "b": Y}, k=Y, n=4)
    assert torch.equal(got["total"], (X + Y) * 4)
    assert torch.equal(got["rest"][0], X - Y)
    assert torch.equal(got["rest"][1], Y + 1)
    assert [i.name for i in program.inputs if i.is_operand] == ["pair_a", "pair_b", "k"]


def test_keyword_arguments_may_come_in_any_order() -> None:
    program = aot.export(lambda *, a, b: ops.blend(a, 0.5, b), (), {"a": X, "b": Y})
    assert torch.equal(program(b=Y, a=X), ops.blend(X, 0.5, Y))


def test_one_tensor_given_twice_is_two_arguments() -> None:
    program = aot.export(add, (X, X))
    assert torch.equal(program(X, Y), X + Y)


class InPlaceOfView(torch.nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        x = x.clone()
        ops.twice(x[1])
        return x


class InPlace(torch.nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        x = x.clone()
        ops.add_into(x, x)
        return x


def _traced(module: torch.nn.Module) -> torch.export.ExportedProgram:
    with quiet_tracing():
        return torch.export.export(module, (X,), dynamic_shapes=({0: Dim("n", min=3, max=64)},))


def test_an_exported_program_is_taken_as_it_is() -> None:
    y = torch.randn(6, 4)
    wanted = y.clone()
    wanted[1] *= 2
    assert torch.equal(aot.export(_traced(InPlaceOfView()))(y), wanted)


def test_a_decomposed_program_is_taken() -> None:
    with quiet_tracing():
        decomposed = _traced(InPlace()).run_decompositions()
    y = torch.randn(6, 4)
    assert torch.equal(aot.export(decomposed)(y), y + y)


def test_a_decomposed_program_with_an_op_in_place_of_a_view_is_refused() -> None:
    with quiet_tracing():
        decomposed = _traced(InPlaceOfView()).run_decompositions()
    with pytest.raises(ExportError) as caught:
        aot.export(decomposed)
    assert str(caught.value) == (
        f"{ops.op_of(ops.twice).qualified_name}: changes a view in a program that is functional "
        "already, must change whole tensors there\n"
        "  fix: pass the ExportedProgram as torch.export.export returns it"
    )


def test_a_result_that_depends_on_a_size_is_a_number() -> None:
    program = aot.export(
        lambda x: (ops.scale(x), x.shape[0] * 2), (X,), dynamic_shapes=({0: Dim.DYNAMIC},)
    )
    assert program(torch.ones(5, 4))[1] == 10


def test_sizes_that_must_agree_are_checked_when_it_runs() -> None:
    program = aot.export(add, (X, Y), dynamic_shapes=({0: Dim.AUTO}, {0: Dim.AUTO}))
    with pytest.raises(LaunchError, match=r"add: y\.shape\[0\] must be x\.shape\[0\]"):
        program(torch.ones(7, 4), torch.ones(3, 4))


def test_sizes_that_derive_from_another_are_checked() -> None:
    half = Dim("half")
    program = aot.export(
        lambda x, y: ops.scale(x.reshape(2, -1)) + y,
        (torch.ones(6), torch.ones(3)),
        dynamic_shapes=({0: 2 * half}, {0: half}),
        name="halves",
    )
    assert program(torch.ones(10), torch.ones(5)).shape == (2, 5)
    with pytest.raises(LaunchError, match="halves: "):
        program(torch.ones(10), torch.ones(6))


def test_a_stated_range_is_checked() -> None:
    program = aot.export(
        ops.scale, (X,), dynamic_shapes=({0: Dim("n", min=3, max=8)},), name="ranged"
    )
    with pytest.raises(LaunchError, match=r"ranged: x\.shape\[0\] must be at most 8"):
        program(torch.ones(9, 4))
    with pytest.raises(LaunchError, match=r"ranged: x\.shape\[0\] must be at least 3"):
        program(torch.ones(2, 4))


def test_a_static_size_is_checked() -> None:
    with pytest.raises(ArgumentError) as caught:
        aot.export(add, (X, Y))(torch.ones(3, 5), torch.ones(3, 5))
    assert str(caught.value) == "add: `x` is f32[3, 5], must be f32[3, 4]"


def test_another_constant_is_refused() -> None:
    program = aot.export(lambda x, n: ops.scale(x) * n, (X, 3), name="times")
    with pytest.raises(ArgumentError) as caught:
        program(X, 4)
    assert str(caught.value) == "times: `n` is 4, must be 3, a constant of the export"


def test_other_keyword_arguments_are_refused() -> None:
    program = aot.export(lambda *, a: ops.scale(a), (), {"a": X}, name="f")
    with pytest.raises(ArgumentError) as caught:
        program(b=X)
    assert str(caught.value) == "f: keyword arguments ['b'], must be ['a']"


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        aot.export(add, (X, Y)).mlir("tpu")
    assert str(caught.value) == (
        "add: no device family 'tpu', must be one of local, vulkan, cuda, hip"
    )


def test_compiling_for_nothing_in_particular_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        aot.export(add, (X, Y)).compile(flags=["--iree-opt-level=O3"])
    assert str(caught.value) == (
        "add: there is no target, must be a device or flags with a target\n"
        "    flags --iree-opt-level=O3\n"
        "  fix: pass device='local-task', or a flag such as --iree-hal-target-device=cuda"
    )


def test_importing_the_package_loads_no_compiler() -> None:
    code = (
        "import sys, ir_runtime.aot, ir_runtime.ops.iree\n"
        "print([m for m in sys.modules if m.startswith('iree.compiler')])"
    )
    root = str(Path(__file__).parents[2])
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert said.stdout.strip() == "[]"


def test_two_products_of_one_program_have_executables_of_their_own():
    def twice(x: Tensor, first: Tensor, second: Tensor) -> Tensor:
        return ir.ops.linear(ir.ops.linear(x, first), second)

    arguments = (torch.randn(3, 32), torch.randn(16, 32), torch.randn(8, 16))
    text = aot.export(twice, arguments).mlir()
    names = re.findall(r"hal\.executable\.source private @(\w+)", text)
    entries = re.findall(r"hal\.executable\.export public @(\w+)", text)
    assert len(names) == 2
    assert sorted(names) == sorted(entries) == sorted({*names})
