"""Parts of the suite: what runs when, what is recorded as passed, and the budgets of compiles."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import full_inputs, schedule
from tests.full import over_budget
from tests.full_inputs import ALL_SOURCES, KERNEL_INPUTS, ROOT, inputs_digest

TESTS = '''
import pytest
import torch
from ir_runtime.launch import Launchable

FULL_INPUTS = ("inputs/*.py",)
DOUBLE = """func.func @main(%a: tensor<3xf32>) -> tensor<3xf32> {
  %0 = arith.addf %a, %a : tensor<3xf32>
  return %0 : tensor<3xf32>
}"""


def test_quick():
    assert torch.equal(Launchable.jit_compile(DOUBLE)(torch.ones(3)), torch.full((3,), 2.0))


@pytest.mark.full
@pytest.mark.parametrize(
    "number", [1, pytest.param(2, marks=(pytest.mark.vulkan, pytest.mark.timeout(600)))]
)
def test_long(number):
    from inputs.wanted import LARGEST

    assert number <= LARGEST
'''


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a checkout with this suite's conftest and a test file of its own."""
    root = tmp_path_factory.mktemp("suite")
    (root / "tests").mkdir()
    for name in (
        "cached_cxx.py",
        "conftest.py",
        "full.py",
        "full_inputs.py",
        "schedule.py",
        "session.py",
    ):
        shutil.copy(ROOT / "tests" / name, root / "tests")
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "tests" / "test_parts.py").write_text(TESTS)
    (root / "inputs").mkdir()
    (root / "inputs" / "wanted.py").write_text("LARGEST = 2\n")
    set_budget(root, 1)
    return root


def set_budget(root: Path, compiles: int) -> None:
    budget = dict.fromkeys(("quick", "full", "full on vulkan"), compiles)
    (root / "tests" / "compile_budget.json").write_text(json.dumps(budget))


def run(root: Path, *options: str) -> tuple[int, str]:
    """Run the suite; return its exit status and what it says."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST")
    }
    environment["IR_RUNTIME_COMPILE_CACHE"] = str(root / "cache")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_full_tests_run_when_asked_for_and_again_when_an_input_changed(suite: Path) -> None:
    record = suite / "tests" / "full_passed.json"
    status, said = run(suite, "--full", "all", "--record", "--minutes", "0")
    assert (status, "2 full tests were not reached in time\n  fix:" in said) == (0, True), said
    assert json.loads(record.read_text())["passed"] == {}

    file, on_vulkan = "tests/test_parts.py", "tests/test_parts.py on vulkan"
    status, said = run(suite, "--full", "changed", "--minutes", "9")
    assert (status, "1 passed, 1 skipped, 1 deselected" in said) == (0, True), said
    status, said = run(suite, "--full", "changed", "--record", "-m", "not vulkan")
    assert (status, "1 passed, 2 deselected" in said) == (0, True), said
    assert list(json.loads(record.read_text())["passed"]) == [file]
    status, said = run(suite, "--full", "changed", "--record")
    assert (status, "1 passed, 2 deselected" in said) == (0, True), said
    assert list(json.loads(record.read_text())["passed"]) == [file, on_vulkan]
    status, said = run(suite, "--full", "changed")
    assert (status, "no full test depends on what has changed" in said) == (0, True), said

    (suite / "inputs" / "wanted.py").write_text("LARGEST = 1\n")
    status, said = run(suite, "--full", "changed", "--record")
    assert (status, "1 failed, 1 passed, 1 deselected" in said) == (1, True), said
    assert list(json.loads(record.read_text())["passed"]) == [file]

    (suite / "inputs" / "wanted.py").write_text("LARGEST = 2\n")
    assert run(suite, "--full", "all", "--record", "-k", "test_long and 2")[0] == 0
    assert list(json.loads(record.read_text())["passed"]) == [file], "a part proves nothing"


def test_a_suite_over_its_budget_of_compiles_fails(suite: Path) -> None:
    set_budget(suite, 0)
    status, said = run(suite)
    assert (status, "1 passed, 2 deselected" in said) == (1, True), said
    assert "the quick suite compiled 1 programs, may compile 0\n  fix: share kernels" in said


def test_a_budget_that_is_kept_says_nothing() -> None:
    assert over_budget("full", 3, {"full": 3}) is None


def test_files_that_go_first_are_there() -> None:
    assert [file for file in schedule._LONG if not (ROOT / file).exists()] == []


def test_inputs_are_files_that_are_there() -> None:
    file = Path(__file__)
    assert inputs_digest(file, ALL_SOURCES) != inputs_digest(file, KERNEL_INPUTS)
    with pytest.raises(AssertionError, match=r"no file is named absent/\*, which is in"):
        inputs_digest(file, ("absent/*",))


def test_a_file_depends_on_the_test_modules_that_it_imports() -> None:
    used = full_inputs._test_modules(ROOT / "tests" / "aot" / "operators" / "test_products.py")
    names = {path.relative_to(ROOT / "tests").as_posix() for path in used}
    assert names > {"conftest.py", "aot/operators/battery.py", "sampling.py"}
    assert not [name for name in names if name.startswith(("catalogue/", "aot/test_", "kernels/"))]
    assert full_inputs._test_modules(Path(__file__)) > used, "tests of the checkout read any file"


@pytest.mark.parametrize(("test", "counts"), [("ir/test_op.py", False), ("cli/test_cli.py", True)])
def test_passes_count_for_tests_that_may_import_them(test: str, counts: bool) -> None:
    a_pass = ROOT / "ir_runtime" / "passes" / "graph_pass.py"
    assert full_inputs._counts(a_pass, ROOT / "tests" / test) == counts
