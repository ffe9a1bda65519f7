"""The package as a whole: what importing it loads, what it exports, what its pages say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import ir_runtime

ROOT = Path(__file__).parent.parent


def run_python(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_public_name_is_there():
    for name in ir_runtime.__all__:
        assert getattr(ir_runtime, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        ir_runtime.nonsense  # noqa: B018


@pytest.mark.parametrize("module", ["ir_runtime", "ir_runtime.op_reg", "kernels_mlir"])
def test_importing_loads_neither_compiler_nor_inductor(module: str):
    heavy = run_python(
        f"import {module}, sys; "
        "print([m for m in ('iree.compiler', 'torch._inductor', 'rich') if m in sys.modules])"
    )
    assert heavy == "[]\n"


def test_a_process_ends_without_a_word():
    done = subprocess.run(
        [sys.executable, "-c", "import torch, kernels_mlir; kernels_mlir.gelu(torch.ones(3))"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == ""
    assert done.stderr == ""


def test_the_readme_names_each_setting_with_its_default():
    from dataclasses import fields

    from ir_runtime.settings import Settings

    text = (ROOT / "README.md").read_text()
    for field in fields(Settings):
        if field.name == "base_stores":  # the further paths of the variable of `store`
            continue
        default = int(field.default) if isinstance(field.default, bool | float) else field.default
        cell = "unset" if default is None else f"`{default}`"
        assert f"| `IR_RUNTIME_{field.name.upper()}` | {cell} |" in text
