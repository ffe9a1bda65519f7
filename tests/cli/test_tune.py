"""`ir-runtime tune` and `tuned`: measured, shown, shipped, compared, cleared."""

from __future__ import annotations

import json

import pytest
import torch

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime import ir
from ir_runtime.cli import main
from ir_runtime.ir.tuning.ranking import Ranking
from ir_runtime.ir.tuning.table_file import table_files
from ir_runtime.ir.tuning.tables import tables


@pytest.fixture
def measured(store):
    """Let the table say that native is best for softmax of 4x64 and of 8x64."""
    for tokens in (4, 8):
        (x,) = ir.ops.softmax.generate_inputs(num_tokens=tokens, hidden_size=64)
        ranking = Ranking(("native", "iree"), {"native": 1000.0, "iree": 2000.0})
        tables.record(ir.ops.softmax, (x,), ranking)
    yield store
    tables.forget()


def said(capsys, *words: str, status: int = 0) -> str:
    assert main([*words]) == status
    found = capsys.readouterr()
    return found.out + found.err


def test_an_op_is_measured_and_shown(store, capsys):
    words = said(capsys, "tune", "softmax", "--shapes", "4x64", "--json")
    (row,) = json.loads(words)["measured"]
    assert row["op"] == "softmax"
    assert set(row["ranking"]["order"]) == {"iree", "native"}
    shown = said(capsys, "tuned", "show")
    assert "1 measured" in shown
    assert "softmax(x=f32[4,64], threads=" in shown
    assert "tuned table" in said(capsys, "doctor")
    assert "1 rankings of 1 ops" in said(capsys, "doctor")


def test_a_script_is_measured_by_its_calls(store, capsys, tmp_path):
    script = tmp_path / "model.py"
    script.write_text(
        "import sys, torch, kernels_mlir\n"
        "from ir_runtime import ir\n"
        "ir.ops.softmax(torch.ones(4, 64)); sys.exit(0)\n"
    )
    words = said(capsys, "tune", "--model", str(script))
    assert words.startswith("softmax(x=f32[4,64]")
    script.write_text("raise SystemExit('broken')")
    assert "ended with 'broken'" in said(capsys, "tune", "--model", str(script), status=1)
    assert "no such file" in said(capsys, "tune", "--model", str(tmp_path / "none"), status=1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sofmax",), "did you mean softmax?"),
        (("softmax", "--shapes", "4"), "must be tokens x features"),
        (("softmax", "--dtypes", "f33"), "must be of f64"),
    ],
)
def test_words_that_do_not_fit(capsys, words, message):
    assert message in said(capsys, "tune", *words, status=2)


def test_a_table_is_shipped(measured, capsys, tmp_path):
    path = tmp_path / "table.json"
    assert f"2 rankings written to {path}" in said(capsys, "tuned", "export", str(path))
    assert "no difference" in said(capsys, "tuned", "diff", str(path))
    assert "2 rankings forgotten, 0 left" in said(capsys, "tuned", "clear")
    assert "is empty" in said(capsys, "tuned", "export", str(path), status=1)
    words = said(capsys, "tuned", "diff", str(path), status=1)
    assert "softmax(x=f32[4,64]" in words
    assert "  - native 1.00 us, iree 2.00 us\n  + not measured" in words
    assert "2 rankings added" in said(capsys, "tuned", "import", str(path))
    assert ir.ops.softmax.dispatch(torch.ones(4, 64)).provider == "native"


def test_ops_are_cleared_by_name(measured, capsys):
    assert "0 rankings forgotten, 2 left" in said(capsys, "tuned", "clear", "gelu")
    assert "2 rankings forgotten, 0 left" in said(capsys, "tuned", "clear", "softmax")


def test_a_foreign_table_is_not_imported(measured, capsys, tmp_path):
    (own,) = table_files(measured.root)
    path = tmp_path / "table.json"
    path.write_text(own.read_text().replace('"schema"', '"schema_"'))
    assert "must be a file that `ir-runtime tune` wrote" in said(
        capsys, "tuned", "import", str(path), status=1
    )
    record = json.loads(own.read_text()) | {"torch": "1.0"}
    path.write_text(json.dumps(record))
    words = said(capsys, "tuned", "import", str(path), status=1)
    assert "for another machine or version" in words
    assert "torch: 1.0, here" in words
    assert "torch: " in said(capsys, "tuned", "diff", str(path), status=1)
    (measured.root / "tuned" / "other.json").write_bytes(path.read_bytes())
    assert "for another machine or version: torch: 1.0" in said(capsys, "doctor")


@pytest.mark.parametrize("words", [("export",), ("diff", "a", "b", "c"), ("import",)])
def test_files_are_counted(capsys, words):
    assert "words after it, must be" in said(capsys, "tuned", *words, status=1)
