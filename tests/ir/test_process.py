"""Ops as objects, and processes that have them: copies, pickles, exits."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from tests.ir.ops import make_add_twice, make_scaled, scaled

X = torch.arange(6.0).reshape(2, 3)


def run(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import torch\nfrom torch import Tensor\n" + text],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("inplace", [True, False])
def test_pickle_is_the_registered_op(inplace):
    op = make_scaled(allow_inplace=inplace)
    assert pickle.loads(pickle.dumps(op)) is op


@pytest.mark.parametrize("function", [copy.copy, copy.deepcopy])
def test_copy_is_the_op(function):
    op = make_scaled()
    assert function(op) is op


def test_pickle_of_an_op_that_is_not_registered():
    op = ir.IrOp("scaled", scaled)
    with pytest.raises(pickle.PicklingError, match="is not registered"):
        pickle.dumps(op)


def test_module_that_holds_an_op_can_be_copied_and_saved(tmp_path):
    op = make_scaled()
    module = torch.nn.Linear(3, 3)
    module.op = op
    assert copy.deepcopy(module).op is op
    torch.save(module, tmp_path / "module.pt")
    assert torch.load(tmp_path / "module.pt", weights_only=False).op is op


def test_provider_can_be_copied_with_what_holds_it():
    op = make_scaled()
    impl = op.register_impl("mine")(scaled)
    assert copy.deepcopy(impl) is impl
    assert pickle.loads(pickle.dumps(impl)) is impl


@pytest.mark.full
def test_pickle_in_another_process():
    done = run("""
import pickle
from tests.ir.ops import make_scaled
op = make_scaled()
from ir_runtime import ir
print(pickle.loads(pickle.dumps(ir.ops.scaled)) is op)
""")
    assert done.stdout == "True\n", done.stderr


def test_texts_of_providers():
    op = make_add_twice()
    assert repr(op.impls["writes"]) == "IrOpImpl('add_twice', 'writes')"
    assert repr(op) == "IrOpInplace('add_twice')"
    assert (
        str(op)
        == "IrOpInplace('add_twice') - Add, and double the sum; two activations, two results."
    )


def test_op_is_one_of_its_class():
    op = make_scaled()
    assert isinstance(op, ir.IrOp)
    assert type(op).__name__ == "IrOp"


@pytest.mark.full
@pytest.mark.parametrize("compiled", [True, False])
def test_process_with_an_inplace_op_ends_well(compiled):
    """torch aborts at exit where a library that defines three overloads of an op is taken back."""
    done = run(f"""
from ir_runtime import ir

@ir.register_op(allow_inplace=True)
def doubled(x: Tensor) -> Tensor:
    return x * 2

@doubled.register_impl("writes", inplace=True)
def writes(x: Tensor) -> Tensor:
    return x.mul_(2)

with doubled.set_priority(["writes"]):
    function = doubled.maybe_inplace
    if {compiled}:
        function = torch.compile(function, backend="aot_eager")
    assert function(torch.ones(3)).sum() == 6
    assert doubled.packet.out(torch.ones(3), out=torch.empty(3)).sum() == 6
print("done")
""")
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


@pytest.mark.full
def test_process_that_only_imports_ends_well():
    done = run("from ir_runtime import ir")
    assert (done.returncode, done.stderr) == (0, "")


def test_import_needs_no_compiler():
    done = run("""
import sys
sys.modules["iree.compiler"] = None
from ir_runtime import ir

@ir.register_op
def doubled(x: Tensor) -> Tensor:
    return x * 2

print(doubled(torch.ones(3)).sum().item())
""")
    assert done.stdout == "6.0\n", done.stderr


def test_library_that_goes_takes_nothing_else_with_it(monkeypatch):
    """An op keeps its library; a second one of the same name can be made elsewhere."""
    other = torch.library.Library("ir_op_tests_that_goes", "FRAGMENT")
    monkeypatch.setattr("ir_runtime.ir.op.ir_torch_lib", other)
    op = make_scaled(name="kept", allow_inplace=True)
    monkeypatch.undo()
    gone = weakref.ref(other)
    del other
    gc.collect()
    assert gone() is not None
    assert torch.equal(op(X), X * 2)
    assert torch.equal(torch.ops.ir_op_tests_that_goes.kept(X), X * 2)


def test_many_threads_register():
    def register(i: int) -> Tensor:
        op = ir.register_op(name=f"scaled_{i}", allow_inplace=True)(scaled)
        op.register_impl("mine")(scaled)
        return op(X)

    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(register, range(32)):
            assert torch.equal(found, X * 2)
    assert len(ir.IrOp.registry) == 32


def test_same_name_from_many_threads_is_registered_once():
    def register(_: int) -> bool:
        try:
            make_scaled()
        except AssertionError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(register, range(16))) == 1


def test_same_provider_from_many_threads_is_registered_once():
    op = make_scaled()

    def register(_: int) -> bool:
        try:
            op.register_impl("mine")(scaled)
        except AssertionError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(register, range(16))) == 1
