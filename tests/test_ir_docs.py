"""Does what `docs/ir_ops.md` says hold?  Its code runs, and prints what the page shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = (Path(__file__).parent.parent / "docs" / "ir_ops.md").read_text()


@pytest.fixture(scope="module")
def printed() -> str:
    code = "\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_code_runs(printed: str) -> None:
    assert "['native', 'iree', 'mine']" in printed


def test_the_decision_is_the_one_shown(printed: str) -> None:
    (shown,) = re.findall(r"```\n(ir\.ops\..*?)```", TEXT, re.DOTALL)
    assert shown in printed


def test_the_refusal_in_strict_mode_names_the_providers(printed: str) -> None:
    assert "op scale_rows: no provider of its priority takes these arguments" in printed
    assert "mine    refused: `x` is f64, must be f32" in printed


def test_each_name_is_public() -> None:
    from ir_runtime import ir

    names = set(re.findall(r"`?\bir\.([A-Za-z_]+)", TEXT)) - {"ops"}
    assert names <= set(ir.__all__)
