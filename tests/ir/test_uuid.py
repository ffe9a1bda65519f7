"""What tells that a provider is not what it was?  All code that decides what it computes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from tests.ir.ops import is_even, make_scaled, scaled

MODULE = """
from torch import Tensor

SHIFT = 1.0


def shift(x: Tensor) -> Tensor:
    return x + SHIFT


def mine(x: Tensor, factor: float = 2.0) -> Tensor:
    return shift(x * factor)
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Write a module that no package has; return its function `mine`."""
    path = tmp_path / "out_of_tree_provider.py"

    def load(text: str):
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, path.stem, module)
        import linecache

        linecache.checkcache(str(path))
        exec(compile(path.read_text(), str(path), "exec"), vars(module))
        return module.mine

    return load


def uuid_of(function, **options) -> str:
    op = ir.IrOp.registry.get("scaled") or make_scaled()
    op.impls.pop("mine", None)
    return op.register_impl("mine", **options)(function).uuid()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("shift(x * factor)", "shift(x / factor)"),
        ("return x + SHIFT", "return x - SHIFT"),
        ("SHIFT = 1.0", "SHIFT = 2.0"),
    ],
    ids=["function", "function it calls", "constant"],
)
def test_edit_changes_it_and_restoring_restores_it(load, before, after):
    """IR-37."""
    first = uuid_of(load(MODULE))
    edited = uuid_of(load(MODULE.replace(before, after)))
    assert edited != first
    assert uuid_of(load(MODULE)) == first


def test_what_it_does_not_use_does_not_count(load):
    first = uuid_of(load(MODULE))
    assert uuid_of(load(MODULE + "\n\ndef other(): return 3\n")) == first


def test_closure():
    def make(offset: float):
        def mine(x: Tensor, factor: float = 2.0) -> Tensor:
            return x * factor + offset

        return mine

    assert uuid_of(make(1.0)) != uuid_of(make(2.0))
    assert uuid_of(make(1.0)) == uuid_of(make(1.0))


def test_tensor_in_a_closure():
    def make(table: Tensor):
        def mine(x: Tensor, factor: float = 2.0) -> Tensor:
            return x * factor + table

        return mine

    assert uuid_of(make(torch.zeros(3))) != uuid_of(make(torch.ones(3)))
    assert uuid_of(make(torch.zeros(3))) == uuid_of(make(torch.zeros(3)))


def test_function_without_a_file():
    """As typed at a prompt."""

    def make(expression: str):
        scope: dict[str, object] = {"Tensor": Tensor}
        exec(f"def mine(x: Tensor, factor: float = 2.0) -> Tensor:\n  return {expression}", scope)
        return scope["mine"]

    assert uuid_of(make("x * factor")) == uuid_of(make("x * factor"))
    assert uuid_of(make("x * factor")) != uuid_of(make("x / factor"))
    assert uuid_of(make("x * 1.0")) != uuid_of(make("x * 2.0"))


def test_what_it_takes_counts():
    plain = uuid_of(scaled)
    even = uuid_of(scaled, supports_args=is_even)
    ranked = uuid_of(scaled, constraints=[ir.rank("x", 2)])
    other = uuid_of(scaled, constraints=[ir.rank("x", 3)])
    assert len({plain, even, ranked, other}) == 4


def test_same_function_for_two_ops():
    one, two = make_scaled(), make_scaled(name="other")
    assert one.impls["native"].uuid() == two.impls["native"].uuid()


def test_inplace_counts():
    op = make_scaled(allow_inplace=True)
    one = op.register_impl("one")(scaled)
    two = op.register_impl("two", inplace=True)(scaled)
    assert one.uuid() != two.uuid()


@pytest.mark.full
def test_same_in_each_process():
    """Whatever the seed of its hashes."""
    import os
    import subprocess

    text = """
from tests.ir.ops import is_even, make_scaled, scaled
op = make_scaled()
print(op.register_impl("mine", supports_args=is_even)(scaled).uuid(), op.impls["iree"].uuid())
"""
    found = {
        subprocess.run(
            [sys.executable, "-c", text],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
