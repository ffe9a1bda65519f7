import json
import subprocess
import sys

import pytest
import torch

from ir_runtime import Launchable
from ir_runtime.cli import main
from ir_runtime.cli.trace import read_summary
from ir_runtime.errors import CompileError
from ir_runtime.op_reg import forget_kernels
from ir_runtime.settings import override_settings
from tests.op_reg import ops
from tests.op_reg.ops import op_of


def event(kind, name="op", key="op-0123", **fields):
    return {"event": kind, "name": name, "key": key, "duration_us": 1.0, **fields}


@pytest.fixture
def directory(tmp_path):
    """Three launches of two ops and three kernels, written by two processes."""
    compiled = event("compile", generate_ms=1.5, compile_ms=20.0)
    broken = event("compile", key="bad-4567", generate_ms=2.0, error="CompileError: no")
    launch = {"device": "local-sync", "executor": "vm"}
    first = [
        compiled,
        broken,
        event("launch", "a::op", duration_us=10.0, **launch),
        event("launch", "a::op", duration_us=40.0, **launch),
    ]
    second = [
        event("load"),
        event("launch", "a::op", duration_us=10.0, **launch),
        event("launch", "b::op", duration_us=7.0, **launch, error="LaunchError: no"),
        event("launch", "a::op", duration_us=3.0, device="local-task", executor="vm"),
    ]
    for number, events in ((1, first), (2, second)):
        text = "".join(f"{json.dumps(row)}\n" for row in events)
        (tmp_path / f"events-{number}.jsonl").write_text(text)
    return tmp_path


def test_table(directory, capsys):
    assert main(["trace", str(directory)]) == 0
    assert capsys.readouterr().out == (
        f"{directory}: 2 processes\n"
        "kernels     compiled  failed  loaded  generate ms  compile ms\n"
        "  op-0123          1       0       1          1.5        20.0\n"
        "  bad-4567         1       1       0          2.0         0.0\n"
        "launches  device      executor  count  failed  total us  median   max\n"
        "  a::op   local-sync  vm            3       0      60.0    10.0  40.0\n"
        "  b::op   local-sync  vm            1       1       7.0     7.0   7.0\n"
        "  a::op   local-task  vm            1       0       3.0     3.0   3.0\n"
    )


def test_json(directory, capsys):
    assert main(["trace", str(directory), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["processes"] == 2
    assert [row["key"] for row in report["kernels"]] == ["op-0123", "bad-4567"]
    assert report["launches"][0]["median_us"] == 10.0
    assert report["unreadable"] == 0


def test_lines_that_are_no_events_are_counted(directory, capsys):
    with (directory / "events-2.jsonl").open("a") as file:
        file.write('[1]\n{"event": "launch"}\n{"event": "lau')
    assert read_summary(directory).unreadable == 3
    assert main(["trace", str(directory)]) == 0
    assert capsys.readouterr().out.endswith("3 lines are no events and were left out\n")


def test_directory_without_a_trace_is_refused(tmp_path, capsys):
    for place in (tmp_path, tmp_path / "nowhere"):
        assert main(["trace", str(place)]) == 1
        assert capsys.readouterr().err == (
            f"error: {place}: holds no events-*.jsonl, "
            "must be a directory that a process traced into\n"
            "  fix: run the program with IR_RUNTIME_TRACE=DIR\n"
        )


def test_events_that_cannot_be_read_are_an_error(tmp_path, capsys):
    (tmp_path / "events-1.jsonl").mkdir()
    assert main(["trace", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}: cannot be read\n    [Errno 21]")


def test_summary_of_what_was_traced(store, tmp_path):
    x = torch.ones(3)
    with override_settings(trace=tmp_path / "trace"):
        ops.add(x, x)
        forget_kernels()
        ops.add(x, x)
        with pytest.raises(CompileError):
            Launchable.jit_compile("nonsense").preload("cpu")
    summary = read_summary(tmp_path / "trace")
    kernel, broken = summary.kernels
    assert (kernel.compiled, kernel.failed, kernel.loaded) == (1, 0, 1)
    assert (broken.compiled, broken.failed, broken.loaded) == (1, 1, 0)
    assert kernel.generate_ms > 0
    assert kernel.compile_ms > 0
    (launches,) = summary.launches
    assert (launches.name, launches.count) == (op_of(ops.add).qualified_name, 2)
    assert launches.max_us >= launches.median_us > 0


def test_reading_loads_neither_torch_nor_iree(directory):
    code = (
        f"import sys; from ir_runtime.cli import main; main(['trace', {str(directory)!r}])\n"
        "assert not [m for m in ('torch', 'iree') if m in sys.modules]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
