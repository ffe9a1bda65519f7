"""The benchmark of GPUs, as far as it goes without one: its promises, its first call, its peers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gpu import Result, promises
from benchmarks.gpu_first_call import first_calls
from tests.full_inputs import ALL_SOURCES

ROOT = Path(__file__).parents[2]
FULL_INPUTS = (*ALL_SOURCES, "benchmarks")


def result(**changes: float) -> Result:
    given = {"ours_us": 10.0, "compiled_us": 11.0, "copy_share": 0.9} | changes
    return Result("softmax", "f32", 64, 4096, eager_us=12.0, triton_us=9.0, bytes=1, **given)


def test_each_promise_is_judged() -> None:
    launches, first = {"ours": 3.0, "torch.add": 2.0, "triton": 4.0}, {"packed": 80.0}
    kept = promises([result()], launches, first)
    assert all(is_kept for _, is_kept in kept)
    assert ("first call, packed: at most 100 ms", True) in kept
    broken = promises(
        [result(compiled_us=9.0, copy_share=0.7)], {"ours": 5.0, "torch.add": 2.0, "triton": 4.0},
        {"packed": 101.0},
    )  # fmt: skip
    assert [is_kept for _, is_kept in broken] == [False] * len(kept)
    assert ("first call: works", False) in promises([], launches, {})


@pytest.mark.full
@pytest.mark.timeout(300)
def test_first_call_is_measured_without_the_compiler() -> None:
    assert 0 < first_calls("cpu", samples=1)["packed"] < 10_000
    unknown = pytest.raises(RuntimeError, match="first call: the measured process failed")
    with unknown:
        first_calls("no device", samples=1)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_script_runs_on_the_cpu(tmp_path: Path) -> None:
    words = "--device cpu --ops softmax --sizes 1 --widths 64 --no-compile --rounds 1 --json"
    command = [sys.executable, "-m", "benchmarks", "gpu", *words.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    assert report["first_call_ms"]["packed"] > 0
    assert report["first_call_failed"] is None
    assert {row["name"] for row in report["results"]} == {"softmax"}
