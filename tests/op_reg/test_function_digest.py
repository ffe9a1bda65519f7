"""The digest of a function changes with the code that it runs, and with nothing else."""

from __future__ import annotations

import functools
import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from ir_runtime.op_reg.digest.op_digest import function_digest
from tests.op_reg.test_identity import ROOT

BASE = """
import functools
import torch
EPSILON = 1e-6
WEIGHT = torch.arange(4.0)
TABLE = {"a": [1, 2]}
def helper(x): return x + 1
def outer(k):
    def inner(x): return helper(x) * k
    return inner
closure = outer(2)
def doubled(f):
    @functools.wraps(f)
    def wrapper(*args): return f(*args) * 2
    return wrapper
@doubled
def wrapped(x): return x
class Shift:
    by = 3
    def __call__(self, x): return x + self.by + self.more
def fn(x, scale=1.0, *, bias=0.5):
    return closure(x) * scale + bias + EPSILON + TABLE["a"][0] + wrapped(x) + WEIGHT
"""
CHANGES = [
    ("return x + 1\n", "return x + 2\n"),
    ("closure = outer(2)", "closure = outer(3)"),
    ("EPSILON = 1e-6", "EPSILON = 1e-5"),
    ("EPSILON = 1e-6", "EPSILON = torch.float32"),
    ('"a": [1, 2]', '"a": [2, 2]'),
    ("arange(4.0)", "arange(5.0)"),
    ("arange(4.0)", "arange(4.0).neg()"),
    ("arange(4.0)", "arange(4.0).half()"),
    ("f(*args) * 2", "f(*args) * 3"),
    ("def wrapped(x): return x", "def wrapped(x): return -x"),
    ("scale=1.0", "scale=2.0"),
    ("bias=0.5", "bias=1.5"),
    ("+ EPSILON", "- EPSILON"),
]


def typed_in(source: str, name: str = "fn") -> Any:
    """Return what a scope without a name or a file holds."""
    scope: dict[str, Any] = {}
    exec(source, scope)
    return scope[name]


def imported(folder: Path, source: str) -> ModuleType:
    """Import a module anew from a file of this text."""
    file = folder / "ir_tests_edited.py"
    file.write_text(source)
    sys.modules.pop("ir_tests_edited", None)
    importlib.invalidate_caches()
    return importlib.import_module("ir_tests_edited")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_changed_code_without_a_file_changes_it(old: str, new: str) -> None:
    assert old in BASE
    assert function_digest(typed_in(BASE)) == function_digest(typed_in(BASE))
    assert function_digest(typed_in(BASE)) != function_digest(typed_in(BASE.replace(old, new)))


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_an_edited_module_changes_it_and_a_restored_one_restores_it(
    folder: Path, old: str, new: str
) -> None:
    first = function_digest(imported(folder, BASE).fn)
    assert function_digest(imported(folder, BASE.replace(old, new)).fn) != first
    assert function_digest(imported(folder, BASE).fn) == first


def test_code_that_the_function_does_not_refer_to_does_not_count(folder: Path) -> None:
    first = function_digest(imported(folder, BASE).fn)
    assert function_digest(imported(folder, BASE + "\ndef other(x): return x\n").fn) == first


def test_lambdas_of_one_line_are_told_apart(folder: Path) -> None:
    module = imported(folder, "one, two = (lambda x: x + 1), (lambda x: x + 2)\n")
    assert function_digest(module.one) != function_digest(module.two)
    assert function_digest(module.one) == function_digest(module.one)


def test_arguments_of_a_partial_count() -> None:
    fn = typed_in(BASE)
    digests = [function_digest(functools.partial(fn, scale=s)) for s in (1.0, 1.0, 2.0)]
    assert digests[0] == digests[1] != digests[2]
    assert function_digest(fn) not in digests


def test_code_under_a_partial_counts() -> None:
    one, other = typed_in(BASE), typed_in(BASE.replace("return x + 1\n", "return x + 2\n"))
    digests = [function_digest(functools.partial(f, scale=1.0)) for f in (one, other)]
    assert digests[0] != digests[1]


@pytest.mark.parametrize("of", [lambda shift: shift, lambda shift: shift.__call__])
def test_an_object_that_is_called_counts_with_class_and_attributes(
    of: Callable[[Any], Any],
) -> None:
    def digest(source: str, more: int) -> str:
        shift = typed_in(source, "Shift")()
        shift.more = more
        return function_digest(of(shift))

    assert digest(BASE, 1) == digest(BASE, 1)
    assert digest(BASE, 1) != digest(BASE, 2)
    assert digest(BASE, 1) != digest(BASE.replace("by = 3", "by = 4"), 1)


def test_parameters_of_a_module_count() -> None:
    linear = torch.nn.Linear(2, 2)
    before = function_digest(linear)
    assert function_digest(linear) == before
    with torch.no_grad():
        linear.weight[0, 0] += 1
    assert function_digest(linear) != before


def test_builtin_functions_count_by_name() -> None:
    assert function_digest(torch.sin) == function_digest(torch.sin)
    assert function_digest(torch.sin) != function_digest(torch.cos)
    assert function_digest(torch.ops.aten.sin) != function_digest(torch.ops.aten.cos)


def test_it_does_not_depend_on_the_process() -> None:
    """Neither hash seeds nor addresses may reach it."""
    script = (
        "from ir_runtime.op_reg.digest.op_digest import function_digest\n"
        "from tests.op_reg.test_function_digest import BASE, typed_in, typed_in as fn\n"
        "source = BASE + 'NAMES = frozenset(\"abcdefgh\")\\ndef g(x): return fn(x), NAMES'\n"
        "print(function_digest(typed_in(source, 'g')), function_digest(fn))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
