"""The MLIR of a kernel changes only together with its key."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.golden_mlir.record import GOLDEN, complaint, golden_cases, recorded, written_with

ROOT = Path(__file__).parents[2]
CASES = golden_cases()

TORCH = recorded()["versions"]["torch"]
pytestmark = pytest.mark.skipif(
    written_with()["torch"] != TORCH, reason=f"torch writes a part of it, and it is of {TORCH}"
)


@pytest.mark.parametrize("golden", CASES, ids=lambda golden: golden.name)
def test_text_and_key_are_as_recorded(golden) -> None:
    wrong = complaint(golden, recorded())
    assert wrong is None, f"{golden.name}: {wrong}"


def test_every_golden_file_is_of_a_case() -> None:
    names = sorted(golden.name for golden in CASES)
    assert sorted(path.stem for path in GOLDEN.glob("*.mlir")) == names
    assert sorted(recorded()["digests"]) == names


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the package and its tests, for edits."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("ir_runtime", "kernels_mlir", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


CHECK = """
import json, sys
from tests.golden_mlir import record
cases = {case.name: case for case in record.golden_cases()}
known = record.recorded()
chosen = [cases[name] for name in ("dtypes", "rms_norm_weighted")]
def complaints():
    return [(record.complaint(case, known) or "").split(chr(10))[0] for case in chosen]
first = complaints()
try:
    record.refuse_lies(chosen, known)
    refusal = ""
except SystemExit as error:
    refusal = str(error)
record.MLIR_SCHEMA += 1
print(json.dumps([first, refusal, complaints()]))
"""


def check(root: Path) -> list[Any]:
    """Return what is said of two cases in a copy; what writing says; and with a higher number."""
    environment = {**os.environ, "PYTHONPATH": str(root)}
    run = subprocess.run(
        [sys.executable, "-P", "-c", CHECK],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_a_change_of_text_needs_a_change_of_the_number(copy: Path) -> None:
    """A comment costs nobody a stored kernel, a changed dtype row never keeps one."""
    for edited in ("call/bound_launch.py", "generate/builder.py", "trace/trace_function.py"):
        edit(copy / "ir_runtime/op_reg" / edited, "\n\n\n", "\n\n\n# a comment\n\n\n")
    stale = "its golden file is out of date"
    assert check(copy) == [["", ""], "", [stale, stale]]

    edit(copy / "ir_runtime/dtypes.py", '"u16", "i16"', '"u16", "i8"')
    lie = "its MLIR changed, and its key did not: stored kernels would be taken for it"
    refusal = (
        "the MLIR of dtypes changed, and the key did not\n"
        "  fix: raise MLIR_SCHEMA in ir_runtime/op_reg/digest/mlir_schema.py"
    )
    assert check(copy) == [[lie, ""], refusal, [stale, stale]]
