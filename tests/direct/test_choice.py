"""Which executor runs a call, and does everybody say so?"""

from __future__ import annotations

import logging

import pytest
import torch

import kernels_mlir
from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.errors import ArgumentError, LaunchError
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.op_reg import CustomOp, MlirTemplate, explain
from ir_runtime.settings import Settings, override_settings
from tests.cases import CASES
from tests.op_reg.ops import LIBRARY
from tests.trace_files import events

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
X = torch.randn(5, 48)


LOOP = MlirTemplate(
    "looped",
    """
!x = tensor<?xf32>
#id = affine_map<(i) -> (i)>
util.func private @looped(%x: !x) -> !x {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %x, %c0 : !x
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%v = %x) -> (!x) {
    %e = tensor.empty(%n) : !x
    %d = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
        ins(%v : !x) outs(%e : !x) {
    ^bb0(%a: f32, %_: f32):
      %s = arith.addf %a, %a : f32
      linalg.yield %s : f32
    } -> !x
    scf.yield %d : !x
  }
  util.return %r : !x
}
""",
)


@CustomOp.register(library=LIBRARY)
class looped(CustomOp):
    """Double a tensor as often as it has elements: its host program has control flow."""

    signature = "looped(Tensor x) -> Tensor"

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel, kb):
        kb.yield_results(kb.inline_mlir(LOOP, {}, kb.arg_value(0)))


@each_case
def test_each_kernel_of_the_catalogue_launches_directly(case):
    found = explain(case.packet, *case.arguments())
    assert found.executor == "direct", found
    assert found.plan is not None
    assert found.plan.steps


def test_a_kernel_that_is_not_understood_runs_in_the_vm_and_says_why():
    found = explain(looped, torch.randn(5))
    assert found.executor == "vm"
    assert "its host program is not understood: " in found.reason
    x = torch.randn(3)
    assert torch.equal(looped(x), 8 * x)


def test_a_kernel_that_is_not_understood_is_refused_if_direct_is_asked_for():
    with override_settings(launch="direct"), pytest.raises(LaunchError) as caught:
        looped(torch.randn(3))
    assert caught.value.headline == (
        "looped: cannot be launched directly, and IR_RUNTIME_LAUNCH=direct"
    )
    assert "not understood" in caught.value.facts[0]


def test_the_vm_can_be_asked_for():
    with override_settings(launch="vm"):
        found = explain(torch.ops.ir_kernels.gelu, X)
    assert (found.executor, found.reason) == ("vm", "IR_RUNTIME_LAUNCH=vm")
    assert found.place == "local-sync"


def test_large_work_in_the_vm_goes_to_its_worker_pool():
    with override_settings(launch="vm", task_min_bytes=1024):
        assert explain(torch.ops.ir_kernels.gelu, X).place == "local-task"


def test_a_current_device_is_kept_to():
    with Device("local-sync"):
        found = explain(torch.ops.ir_kernels.gelu, X)
    assert (found.executor, found.place) == ("vm", "local-sync")


def test_nothing_to_compute_is_said():
    found = explain(torch.ops.ir_kernels.gelu, X[:0])
    assert (found.executor, found.kernel) == ("none", None)


def test_a_change_of_the_executor_holds_for_calls_already_seen():
    kernels_mlir.gelu(X)
    with override_settings(launch="direct"), count_since() as counts:
        kernels_mlir.gelu(X)
    assert counts[0].selects == 1


@pytest.mark.parametrize("value", ["auto", "DIRECT", "vm"])
def test_the_choice_is_an_environment_variable(value):
    assert Settings.from_environment({"IR_RUNTIME_LAUNCH": value}).launch == value.lower()


def test_another_value_is_refused():
    with pytest.raises(ArgumentError) as caught:
        Settings.from_environment({"IR_RUNTIME_LAUNCH": "fast"})
    assert str(caught.value) == ("IR_RUNTIME_LAUNCH: 'fast' is not known, must be auto, direct, vm")


def test_an_explanation_reads_well():
    text = str(explain(torch.ops.ir_kernels.rms_norm, X, None, 1e-6))
    lines = text.split("\n")
    assert lines[0].startswith("ir_kernels::rms_norm(x=f32[5, 48], weight=None, epsilon=1e-06")
    assert lines[1] == "  executor  direct: its host program is understood"
    assert any(line.startswith("  launches  dispatch over ") for line in lines)
    assert lines[-1].startswith("  memory    ")


def test_traces_name_the_executor(trace):
    kernels_mlir.gelu(X)
    with override_settings(launch="vm"):
        kernels_mlir.gelu(X)
    rows = [(row["executor"], row["device"]) for row in events(trace, "launch")]
    assert rows == [("direct", "direct"), ("vm", "local-sync")]


def test_traces_say_what_a_direct_launch_copied(trace):
    torch.ops.ir_kernels.gelu(torch.randn(48, 5).t())
    (row,) = events(trace, "copy")
    assert (row["name"], row["why"], row["tensors"]) == ("gelu", "strides", 1)


def test_traces_say_what_the_launcher_copied(trace):
    x = torch.randn(241)[1:].view(5, 48)
    for _ in range(2):
        torch.ops.ir_kernels.gelu(x)
    found = [(row["name"], row["why"], row["tensors"]) for row in events(trace, "copy")]
    assert found == [("gelu", "alignment", 1)] * 2


def test_the_profiler_names_the_executor():
    kernels_mlir.gelu(X)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        kernels_mlir.gelu(X)
    names = {event.name for event in profile.events()}
    assert {"ir_kernels::gelu", "gelu (direct)"} <= names
    with override_settings(launch="vm"):
        kernels_mlir.gelu(X)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            kernels_mlir.gelu(X)
    assert "gelu (vm, local-sync)" in {event.name for event in profile.events()}


def test_a_stored_kernel_launches_directly_without_compiling(store: DirectoryStore):
    from ir_runtime.op_reg import forget_kernels

    kernels_mlir.gelu(X)
    forget_kernels()
    with count_since() as counts:
        kernels_mlir.gelu(X)
        assert explain(torch.ops.ir_kernels.gelu, X).executor == "direct"
    assert (counts[0].compiles, counts[0].store_hits) == (0, 1)
    (key,) = store.keys()
    names = sorted(path.suffix for path in store.path_of(key).iterdir())
    assert names == [".json", ".json", ".mlir", ".so", ".vmfb"]


def test_a_damaged_executable_is_compiled_again(store: DirectoryStore, caplog):
    from ir_runtime.op_reg import forget_kernels

    kernels_mlir.gelu(X)
    forget_kernels()
    (executable,) = store.path_of(store.keys()[0]).glob("*.so")
    executable.write_bytes(executable.read_bytes()[:-1] + b"!")
    with caplog.at_level(logging.WARNING), count_since() as counts:
        y = kernels_mlir.gelu(X)
    assert (counts[0].compiles, counts[0].corrupt_artifacts) == (1, 1)
    torch.testing.assert_close(y, torch.nn.functional.gelu(X))


def test_the_store_counts_what_launches_directly(store: DirectoryStore):
    kernels_mlir.gelu(X)
    looped(torch.randn(3))
    direct, reasons = store.executors()
    assert direct == 1
    assert list(reasons.values()) == [1]
