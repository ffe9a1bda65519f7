"""Is what is compiled, loaded and launched written down, and is nothing done while it is off?"""

from __future__ import annotations

import logging
import math
import os
import sys
import threading
from pathlib import Path

import pytest
import torch

from ir_runtime import Launchable
from ir_runtime.counters import count_since
from ir_runtime.errors import CompileError, LaunchError
from ir_runtime.op_reg import forget_kernels
from ir_runtime.settings import override_settings
from tests.op_reg import ops
from tests.op_reg.ops import like_first, make_op, op_of, yield_first
from tests.trace_files import bars, events

X = torch.arange(6.0)
DOUBLE = """
func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = arith.addf %x, %x : tensor<?xf32>
  return %0 : tensor<?xf32>
}
"""
WRONG = DOUBLE.replace("addf", "addi")


def test_compile_is_an_event_with_its_files(trace, store):
    """O16."""
    assert torch.equal(ops.add(X, X), X + X)
    (row,) = events(trace, "compile")
    (artifact,) = store.root.glob("v1/*/kernel.vmfb")
    label = artifact.parent.name
    assert (row["name"], row["key"]) == (op_of(ops.add).name, label)
    assert row["digest"].startswith(label.rpartition("-")[2])
    assert row["device_type"].startswith("local:")
    assert "--iree-input-demote-f64-to-f32=false" in row["flags"]
    assert "--iree-hal-local-target-device-backends=llvm-cpu" in row["flags"]
    assert (trace / f"{label}.vmfb").read_bytes() == artifact.read_bytes()
    assert (trace / f"{label}.mlir").read_bytes() == artifact.with_name("kernel.mlir").read_bytes()
    assert row["source_bytes"] == (trace / f"{label}.mlir").stat().st_size
    assert row["vmfb_bytes"] == artifact.stat().st_size
    assert row["generate_ms"] > 0
    assert row["compile_ms"] > 0
    assert row["duration_us"] >= (row["generate_ms"] + row["compile_ms"]) * 1000
    assert (row["pid"], row["thread"]) == (os.getpid(), threading.get_native_id())
    assert row["thread_name"] == threading.current_thread().name
    assert "error" not in row


def test_launch_of_an_op_is_an_event(trace):
    """O16."""
    ops.scale(torch.ones(2, 3), 4.0)
    ops.scale(torch.ones(2, 3), 4.0)
    first, second = events(trace, "launch")
    (compiled,) = events(trace, "compile")
    assert first["name"] == op_of(ops.scale).qualified_name
    assert first["key"] == compiled["key"]
    assert first["arguments"] == ["f32[2, 3]", 4.0]
    assert (first["executor"], first["device"]) == ("direct", "direct")
    assert first["duration_us"] > 0
    assert first["time_s"] <= second["time_s"]


def test_each_kind_of_argument_is_described(trace):
    ops.list_sum([X, X])
    ops.affine(X, None, X)
    ops.scale(X, math.nan)
    ops.configured(X, True, "two", [1, 2])
    listed, optional, nan, configured = (row["arguments"] for row in events(trace, "launch"))
    assert listed == [["f32[6]", "f32[6]"]]
    assert optional == ["f32[6]", None, "f32[6]"]
    assert nan == ["f32[6]", "nan"]
    assert configured == ["f32[6]", True, "two", [1, 2], [], [], None, None]


def test_launches_in_place_into_out_and_from_a_graph_are_events(trace):
    ops.twice(X.clone())
    out = torch.empty(6)
    ops.add.out(X, X, out=out)
    compiled = torch.compile(lambda x: ops.add(x, x) * 2)
    assert torch.equal(compiled(X), X * 4)
    assert torch.equal(out, X + X)
    names = [row["name"] for row in events(trace, "launch")]
    twice, add = (op_of(op).qualified_name for op in (ops.twice, ops.add))
    assert names == [twice, add, add]


def test_launch_on_the_worker_pool_names_it(trace):
    x = torch.ones(8)
    with override_settings(task_min_bytes=1, launch="vm"):
        ops.add(x, x)
    (row,) = events(trace, "launch")
    assert (row["executor"], row["device"]) == ("vm", "local-task")


def test_launch_of_a_program_is_an_event(trace):
    program = Launchable.jit_compile(DOUBLE, name="double")
    assert torch.equal(program(X), X + X)
    with override_settings(launch="vm"):
        assert torch.equal(program(X), X + X)
    (compiled,) = events(trace, "compile")
    direct, vm = events(trace, "launch")
    for row in (direct, vm):
        assert (row["name"], row["key"]) == ("double", compiled["key"])
        assert row["arguments"] == ["f32[6]"]
    assert (direct["executor"], direct["device"]) == ("direct", "direct")
    assert (vm["executor"], vm["device"]) == ("vm", "local-sync")
    assert compiled["key"].startswith("double-")


def test_store_hits_are_events(trace, store):
    ops.add(X, X)
    forget_kernels()
    program = Launchable.jit_compile(DOUBLE, file_cache_dir=store.root / "programs")
    program.preload("cpu")
    Launchable.from_file_cache_only(store.root / "programs").preload("cpu")
    ops.add(X, X)
    of_program, of_op = events(trace, "load")
    compiled = {row["name"]: row for row in events(trace, "compile")}
    for row, name in ((of_op, op_of(ops.add).name), (of_program, "program")):
        assert (row["name"], row["key"]) == (name, compiled[name]["key"])
        assert row["vmfb_bytes"] == compiled[name]["vmfb_bytes"]
    assert of_op["store"] == f"store {store.root}"


def test_failed_compile_is_an_event_and_keeps_the_source(trace):
    with pytest.raises(CompileError):
        Launchable.jit_compile(WRONG, name="wrong").preload("cpu")
    (row,) = events(trace, "compile")
    assert row["error"].startswith("CompileError: wrong: MLIR does not compile\n")
    assert "arith.addi" in row["error"]
    assert (trace / f"{row['key']}.mlir").read_text() == WRONG
    assert not (trace / f"{row['key']}.vmfb").exists()
    assert "vmfb_bytes" not in row


def test_failing_generate_is_an_event(trace):
    def generate(self, ksel, kb):
        raise ZeroDivisionError("mine")

    packet = make_op("failing_@UNIQUE@(Tensor x) -> Tensor", like_first, generate)
    with pytest.raises(ZeroDivisionError):
        packet(X)
    (row,) = events(trace, "compile")
    assert row["error"] == "ZeroDivisionError: mine"
    assert "source_bytes" not in row


def test_failing_launch_is_an_event(trace):
    text = """
func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c9 = arith.constant 9 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %ok = arith.cmpi eq, %n, %c9 : index
  cf.assert %ok, "nine"
  return %x : tensor<?xf32>
}
"""
    with pytest.raises(LaunchError):
        Launchable.jit_compile(text)(X)
    (row,) = events(trace, "launch")
    assert "nine" in row["error"]


def test_nothing_is_launched_for_empty_results(trace):
    ops.scale(torch.empty(0), 2.0)
    assert not list(trace.glob("events-*"))


def test_chrome_trace_shows_the_same_events(trace):
    ops.add(X, X)
    rows, shown = events(trace), bars(trace)
    labels = {bar["name"]: bar for bar in shown if bar["ph"] == "M"}
    spans = [bar for bar in shown if bar["ph"] == "X"]
    assert labels["process_name"]["args"]["name"]
    assert labels["thread_name"]["tid"] == threading.get_native_id()
    assert [bar["cat"] for bar in spans] == [row["event"] for row in rows] == ["compile", "launch"]
    for bar, row in zip(spans, rows, strict=True):
        assert bar["name"] == f"{row['event']} {row['name']}"
        assert (bar["dur"], bar["args"]["key"]) == (row["duration_us"], row["key"])
        assert bar["ts"] == pytest.approx(row["time_s"] * 1e6, abs=1.0)
        assert (bar["pid"], bar["tid"]) == (row["pid"], row["thread"])


def test_switch_applies_to_shapes_seen_before(store, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    ops.add(X, X)
    with override_settings(trace=first):
        ops.add(X, X)
        with override_settings(trace=second):
            ops.add(X, X)
        ops.add(X, X)
    ops.add(X, X)
    assert [len(events(directory, "launch")) for directory in (first, second)] == [2, 1]


def test_other_settings_leave_bound_launches_alone():
    ops.add(X, X)
    with override_settings(compile=False), count_since() as counts:
        ops.add(X, X)
    assert counts[0].selects == 0


def files_of_a_call(call) -> set[str]:
    """Return the names of the Python files whose code runs in a call."""
    seen: set[str] = set()

    def note(frame, event, argument):
        seen.add(Path(frame.f_code.co_filename).name)

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return seen


@pytest.mark.parametrize("launch", ["direct", "vm"])
def test_untraced_hit_runs_no_code_of_tracing(trace, launch):
    packet = make_op("untraced_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first)
    for directory, expected in ((trace, True), (None, False)):
        with override_settings(trace=directory, launch=launch):
            packet(X)
            files = files_of_a_call(lambda: packet(X))
            (bound,) = op_of(packet).calls.young.values()
        in_c_alone = launch == "direct" and not expected
        assert bool(files & {"destination.py", "launch_type.py"}) is not in_c_alone
        assert bool(files & {"tracing.py", "traced_launch.py", "settings.py"}) is expected
        assert bound.run.__module__.endswith("traced_launch" if expected else "bound_launch")
        assert bound.run_into.__module__.endswith("traced_launch" if expected else "bound_launch")
    assert len(events(trace, "launch")) == 2


def test_untraced_program_asks_once_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = Launchable.jit_compile(DOUBLE)
    program(X)
    assert files_of_a_call(lambda: program(X)) <= {
        "counters.py", "launchable.py", "test_tracing.py"
    }  # fmt: skip
    with override_settings(launch="vm"):
        assert "invoke.py" in files_of_a_call(lambda: program(X))
    assert not list(tmp_path.iterdir())


def profiled(call) -> list[str]:
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, acc_events=True) as profile:
        call()
    return [event.name for event in profile.events()]


def test_profiler_shows_the_op_while_tracing_is_off():
    ops.add(X, X)
    names = profiled(lambda: ops.add(X, X))
    assert op_of(ops.add).qualified_name in names
    assert not [name for name in names if name.startswith("ir_runtime::launch")]


def test_profiler_shows_launches_and_compiles_while_tracing_is_on(trace):
    program = Launchable.jit_compile(DOUBLE, name="double")
    names = profiled(lambda: (ops.add(X, X), ops.add(X, X), program(X)))
    op = op_of(ops.add)
    assert names.count(f"ir_runtime::launch {op.qualified_name}") == 2
    assert names.count(f"ir_runtime::compile {op.name}") == 1
    assert names.count("ir_runtime::launch double") == 1
    assert names.count(op.qualified_name) == 2


def test_compiles_and_loads_are_logged_below_our_own_logger(store, caplog):
    with caplog.at_level(logging.DEBUG, "ir_runtime"):
        ops.add(X, X)
        forget_kernels()
        ops.add(X, X)
    compiled, loaded = (r for r in caplog.records if r.name == "ir_runtime.build")
    (artifact,) = store.root.glob("v1/*/kernel.vmfb")
    label = artifact.parent.name
    assert compiled.levelno == logging.INFO
    assert compiled.getMessage().startswith(f"compiled {label} in ")
    assert compiled.getMessage().endswith(" ms")
    assert (loaded.levelno, loaded.getMessage()) == (
        logging.DEBUG,
        f"loaded {label} from store {store.root}",
    )
    assert not [r for r in caplog.records if r.name == "root"]
