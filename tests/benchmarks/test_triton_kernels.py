"""The Triton kernels that row ops are compared with: each op has one, and they are right."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.gpu_cases import gpu_cases
from tests.full_inputs import ALL_SOURCES

ROOT = Path(__file__).parents[2]
FULL_INPUTS = (*ALL_SOURCES, "benchmarks")
RIGHT = """
import torch
from benchmarks.gpu_cases import gpu_cases
from benchmarks.triton_kernels import PEERS
from ir_runtime.dtypes import dtype_info

def widen(value):
    floating = isinstance(value, torch.Tensor) and value.is_floating_point()
    return value.double() if floating else value

for case in gpu_cases():
    given = case.arguments(33, "cpu")
    found, exact = PEERS[case.name](*given), case.native(*map(widen, given))
    pairs = [(found, exact)] if isinstance(found, torch.Tensor) else zip(found, exact, strict=True)
    info = dtype_info(case.dtype)
    for actual, wanted in pairs:
        torch.testing.assert_close(actual.double(), wanted.double(), atol=info.atol, rtol=info.rtol)
    print(case)
"""


def test_each_op_has_a_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton itself is not needed for that."""
    stub, language = ModuleType("triton"), ModuleType("triton.language")
    stub.jit = lambda function: function
    stub.language = language
    monkeypatch.setitem(sys.modules, "triton", stub)
    monkeypatch.setitem(sys.modules, "triton.language", language)
    peers = importlib.import_module("benchmarks.triton_kernels").PEERS
    monkeypatch.delitem(sys.modules, "benchmarks.triton_kernels")
    assert set(peers) == {case.name for case in gpu_cases()}


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")
def test_peers_compute_what_float64_does() -> None:
    """By Triton's interpreter, which needs no GPU."""
    done = subprocess.run(
        [sys.executable, "-c", RIGHT],
        cwd=ROOT,
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(tuple(gpu_cases()))
