"""Do ops and programs written for wave or iree-turbine run when only their imports change?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime import Device, Launchable, aot, get_vm_instance, invoke_vm_function
from ir_runtime.counters import count_since
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, FreeFuncKernelBuilder
from ir_runtime.op_reg.select.call_selection import CallSelection
from tests.op_reg import seed_style_ops as seed
from tests.op_reg.ops import op_of
from tests.sampling import sampled

X = torch.arange(24.0).reshape(4, 6) - 7
Y = torch.arange(24.0).reshape(4, 6) * 2 + 1
W = torch.arange(18.0).reshape(3, 6) - 4
B = torch.arange(3.0)
SOURCE = """
module @program {
  func.func @main(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
    %0 = arith.mulf %x, %y : tensor<?xf32>
    return %0 : tensor<?xf32>
  }
}
"""
FLAT = torch.arange(5.0)


def _add_in_place(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    changed = x.clone()
    return seed.add_(changed, y), changed


def _accumulate(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    changed = x.clone()
    return seed.accumulate(changed, y), changed


def _one_of_two(x: Tensor, y: Tensor) -> Tensor:
    absent, present = seed.chosen(x, y, [False, True])
    assert absent is None
    return present


CASES: dict[str, tuple[Any, tuple[Tensor, ...], Any]] = {
    "identity": (seed.identity, (X,), X),
    "a text": (lambda t: seed.tagged("double", t), (X,), X * 2),
    "another text": (lambda t: seed.tagged("once", t), (X,), X),
    "a list of integers": (lambda t: seed.transpose_last(t, [1, 0]), (X,), X.t()),
    "declined": (lambda t: seed.declined(t, False), (X,), X),
    "no optional": (lambda x, w: seed.linear(x, None, w), (X, W), X @ W.t()),
    "an optional": (seed.linear, (X, B, W), X @ W.t() + B),
    "a Jinja template": (seed.added, (X, Y), X + Y),
    "another variant": (seed.added, (FLAT, FLAT), FLAT * 2),
    "in place": (_add_in_place, (X, Y), (X + Y, X + Y)),
    "in place beside a result": (_accumulate, (X, Y), (X - Y, X + Y)),
    "both results": (lambda x, y: seed.chosen(x, y, [True, True]), (X, Y), (X, Y)),
    "one of two results": (_one_of_two, (X, Y), Y),
    "a list and numbers": (lambda x, y: seed.shifted([x, y, x], 4, 0.5), (X, Y), X + Y + X + 2),
}


def assert_equal(got: Any, wanted: Any) -> None:
    if isinstance(wanted, Tensor):
        got, wanted = (got,), (wanted,)
    assert len(got) == len(wanted)
    for g, w in zip(got, wanted, strict=True):
        torch.testing.assert_close(g, w, rtol=0, atol=0)


@pytest.mark.parametrize("case", CASES)
def test_op_runs_eager(case: str, store: DirectoryStore) -> None:
    fn, args, wanted = CASES[case]
    for first in (1, 0):
        with count_since() as counts:
            assert_equal(fn(*args), wanted)
        assert (counts[0].compiles, counts[0].selects) == (first, first)


@sampled(4, case=tuple(CASES))
def test_op_runs_compiled(case: str) -> None:
    torch._dynamo.reset()
    fn, args, wanted = CASES[case]
    assert_equal(torch.compile(fn, fullgraph=True)(*args), wanted)


@sampled(4, case=tuple(CASES))
def test_op_runs_exported(case: str) -> None:
    fn, args, wanted = CASES[case]
    program = aot.export(fn, args)
    assert "torch.operator" not in program.mlir()
    assert_equal(program(*args), wanted)


def test_eager_execute_answers_calls_and_not_programs() -> None:
    assert torch.equal(seed.answered(X), X * 3)
    compiled = torch.compile(lambda x: seed.answered(x), fullgraph=True)  # noqa: PLW0108
    assert torch.equal(compiled(X), X * 3)  # a compiled graph calls the op
    assert torch.equal(aot.export(seed.answered, (X,))(X), X)


def test_eager_execute_may_decline_call_by_call() -> None:
    assert torch.equal(seed.declined(X, True), X - 1)
    assert torch.equal(seed.declined(X, False), X)


def test_op_without_results_runs_for_its_effect() -> None:
    seed.heard_tags.clear()
    assert seed.heard("x", X) is None
    assert seed.heard_tags == ["x [4, 6]"]


def test_number_goes_in_and_comes_out() -> None:
    assert [seed.counted(n) for n in (3, -(2**62), 3)] == [3, -(2**62), 3]


def test_registered_ops_are_listed() -> None:
    for name in ("tagged", "linear", "add_"):
        assert ALL_CUSTOM_OP_REGS[f"seed_style::{name}"].name == name
        assert getattr(torch.ops.seed_style, name) is getattr(seed, name)
    assert op_of(seed.identity).name.startswith("identity_x")


def test_kernel_is_written_apart_from_a_call() -> None:
    op = op_of(seed.tagged)
    ksel = CallSelection(op, ["double", X])
    op.select(ksel)
    kb = FreeFuncKernelBuilder.create_module(ksel, func_name="mine")
    with kb.ip, kb.context, kb.location:
        op.generate(ksel, kb)
    assert "func.func public @mine(%arg0: tensor<?x?xf32>) -> tensor<?x?xf32>" in str(
        kb.module_body.owner
    )


def test_program_is_compiled_from_text(tmp_path: Path) -> None:
    program = Launchable.jit_compile(SOURCE, entry_point="main", file_cache_dir=tmp_path)
    assert torch.equal(program(FLAT, FLAT), FLAT * FLAT)


def test_program_is_found_in_the_file_cache_alone(tmp_path: Path) -> None:
    program = Launchable.jit_compile(SOURCE, entry_point="main", file_cache_dir=tmp_path)
    program.preload(torch.device("cpu"))
    found = Launchable.from_file_cache_only(tmp_path, entry_point="main")
    with count_since() as counts:
        found.preload(torch.device("cpu"))
        assert torch.equal(found(FLAT, FLAT), FLAT * FLAT)
    assert counts[0].compiles == 0


def compiled_for(device: Device) -> bytes:
    from iree.compiler import tools

    return tools.compile_str(SOURCE, extra_args=list(device.compile_target_flags))


def test_program_is_taken_from_a_module_of_the_user() -> None:
    from iree.runtime import VmModule

    def load(device: Device) -> VmModule:
        return VmModule.copy_buffer(device.vm_instance, compiled_for(device))

    program = Launchable.from_vm_module(load, entry_point="main")
    assert torch.equal(program(FLAT, FLAT), FLAT * FLAT)


def test_function_is_invoked_by_hand() -> None:
    from iree.runtime import HalBufferView, VmContext, VmModule, VmVariantList

    device = Device("local-task")
    module = VmModule.copy_buffer(get_vm_instance(), compiled_for(device))
    context = VmContext(device.vm_instance, [device.create_hal_module(), module])
    arguments, results = VmVariantList(2), VmVariantList(1)
    for _ in range(2):
        arguments.push_ref(device.import_torch_tensor(FLAT))
    invoke_vm_function(device, False, context, module.lookup_function("main"), arguments, results)
    view = HalBufferView.__iree_vm_cast__(results.get_as_ref(0))
    meta = torch.empty(FLAT.shape, dtype=torch.float32, device="meta")
    assert torch.equal(device.export_torch_tensor(view, meta), FLAT * FLAT)
