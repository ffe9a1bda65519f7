"""The MLIR of a kernel changes only together with its key."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden_mlir.record import GOLDEN, complaint, golden_cases, recorded, written_with

ROOT = Path(__file__).parents[2]
CASES = golden_cases()

pytestmark = pytest.mark.skipif(
    recorded()["versions"] != written_with(),
    reason=f"golden MLIR is of {recorded()['versions']}, here is {written_with()}",
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


def check(root: Path, *names: str) -> str:
    """Run the golden test of a copy for the named cases; return what it says."""
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["tests/golden_mlir", "-k", " or ".join(f"recorded[{name}]" for name in names)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    run = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    return run.stdout + run.stderr


def test_a_change_of_text_needs_a_change_of_the_number(copy: Path) -> None:
    """A comment costs nobody a stored kernel, a changed dtype row never keeps one."""
    names = ("dtypes", "traced_static", "rms_norm_weighted")
    for edited in ("bind.py", "builder.py", "from_torch.py"):
        edit(copy / "ir_runtime/op_reg" / edited, "\n\n\n", "\n\n\n# a comment\n\n\n")
    assert "3 passed" in check(copy, *names)

    edit(copy / "ir_runtime/dtypes.py", '"u16", "i16"', '"u16", "i8"')
    said = check(copy, *names)
    assert "1 failed, 2 passed" in said
    assert "dtypes: its MLIR changed, and its key did not" in said
    assert "fix: raise MLIR_SCHEMA" in said
    refused = subprocess.run(
        [sys.executable, "-P", "-m", "tests.golden_mlir.record"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("the MLIR of dtypes changed, and the key did not\n")

    edit(copy / "ir_runtime/op_reg/mlir_schema.py", "MLIR_SCHEMA = ", "MLIR_SCHEMA = 1000")
    said = check(copy, *names)
    assert "3 failed" in said
    assert "dtypes: its golden file is out of date" in said
