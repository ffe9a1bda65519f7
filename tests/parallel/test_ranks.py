"""Two and four processes share a model's weights, and compute what one process computes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("ranks", [2, pytest.param(4, marks=pytest.mark.full)])
def test_ranks_compute_what_one_computes(ranks: int, tmp_path: Path):
    command = [sys.executable, "-W", "ignore", "-m", "tests.parallel.rank"]
    running = [
        subprocess.Popen(
            [*command, str(rank), str(ranks), str(tmp_path / "meet")],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(ranks)
    ]
    try:
        said = [process.communicate(timeout=240)[0] for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [0] * ranks, "\n".join(said)
