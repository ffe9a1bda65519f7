"""The benchmarks run and say what they measured; their numbers are judged by people, not here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.measure import Row, measure_interleaved, print_rows

ROOT = Path(__file__).parent.parent.parent


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
        timeout=280,
    )
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert rows <= {row["name"] for row in result["rows"]}
    assert all(row["value"] > 0 for row in result["rows"])


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
