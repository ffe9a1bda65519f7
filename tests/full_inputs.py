"""What a test file depends on: sources of the package, and the test modules that it uses."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import torch

from ir_runtime.launch.artifact.key import compiler_version, digest_of

__all__ = ["ALL_SOURCES", "BUDGET", "KERNEL_INPUTS", "RECORD", "ROOT", "inputs_digest"]

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "tests" / "full_passed.json"
BUDGET = ROOT / "tests" / "compile_budget.json"

ALL_SOURCES = ("ir_runtime", "kernels_mlir", "pyproject.toml")
KERNEL_INPUTS = (
    "kernels_mlir",
    "tests/cases.py",
    "tests/golden_mlir/texts",
    "ir_runtime/launch/compile/compiler.py",
    "ir_runtime/launch/compile/compiler_process.py",
    "ir_runtime/device/cpu.py",
)
"""What a kernel of the catalogue computes depends on these: its code, and the MLIR it becomes."""

_UPPER_ROOMS = ("ir_runtime/passes", "ir_runtime/cli")
_LOWER_TESTS = frozenset(
    [
        "aot",
        "device",
        "direct",
        "ir",
        "ir_config",
        "kernels",
        "launch",
        "layers",
        "op_reg",
        "ops",
        "parallel",
        "row_kernels",
    ]
)
"""Tests of rooms that never import the upper ones; import-linter holds that."""

_SOURCE_SUFFIXES = frozenset({".py", ".mlir", ".c", ".h", ".json", ".toml", ".jinja"})


def inputs_digest(test_file: Path, inputs: tuple[str, ...]) -> str:
    """Digest a test file, what it names as inputs, test modules, and versions of torch and IREE."""
    paths = _test_modules(test_file) if inputs[: len(ALL_SOURCES)] == ALL_SOURCES else {test_file}
    for pattern in inputs:
        found = list(ROOT.glob(pattern))
        assert found, f"{test_file}: no file is named {pattern}, which is in FULL_INPUTS"
        for path in found:
            paths.update(path.rglob("*") if path.is_dir() else [path])
    parts: list[str | bytes] = [torch.__version__.partition("+")[0], str(compiler_version())]
    for path in sorted(paths):
        if _counts(path, test_file):
            parts += [path.relative_to(ROOT).as_posix(), path.read_bytes()]
    return digest_of(*parts)


def _counts(path: Path, test_file: Path) -> bool:
    if path.suffix not in _SOURCE_SUFFIXES or path in (RECORD, BUDGET) or not path.is_file():
        return False
    upper = path.relative_to(ROOT).as_posix().startswith(_UPPER_ROOMS)
    return not (upper and _room(test_file) in _LOWER_TESTS)


def _room(test_file: Path) -> str:
    """Return the folder of `tests` that a file lies in; "" for `tests` itself."""
    parts = test_file.relative_to(ROOT).parts
    return parts[1] if len(parts) > 2 else ""


@cache
def _test_modules(test_file: Path) -> set[Path]:
    """Return a test file and the files that it may read in the folders of modules it imports.

    Tests of the tests and of the checkout read any of them.
    """
    if _room(test_file) in ("", "mutation", "golden_mlir"):
        return set((ROOT / "tests").rglob("*"))
    seen: set[Path] = set()
    todo = [test_file, *(parent / "conftest.py" for parent in test_file.parents)]
    while todo:
        file = todo.pop()
        if file in seen or not file.is_file() or ROOT / "tests" not in file.parents:
            continue
        seen.add(file)
        todo += _imported_tests(file)
        todo += [f for f in file.parent.iterdir() if not f.name.startswith("test_")]
    return seen


def _imported_tests(file: Path) -> list[Path]:
    if file.suffix != ".py":
        return []
    found: list[Path] = []
    for node in ast.walk(ast.parse(file.read_bytes())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found += [
            path
            for name in names
            if name.startswith("tests")
            for path in (
                (ROOT / name.replace(".", "/")).with_suffix(".py"),
                ROOT / name.replace(".", "/") / "__init__.py",
            )
        ]
    return found
