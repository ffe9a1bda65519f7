"""Ops and layers of the catalogue are registered when they are first used, whole or not at all."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

import kernels_mlir
from ir_runtime import ir
from ir_runtime.late_table import LateTable
from ir_runtime.layers import op_registry, registry
from tests.test_late_import import run_python

ROOT = Path(__file__).parent.parent

REGISTERING = """
import sys, time
import tables
assert "{name}" not in tables.found  # the module looks before it registers
tables.found["{name}"] = "half"
time.sleep(0.3)
tables.found["{name}"] = "whole"
"""


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LateTable[str]:
    """Return a table with the entry `here`, and two announced ones that take 0.3 s to come."""
    found: LateTable[str] = LateTable()
    monkeypatch.setitem(sys.modules, "tables", SimpleNamespace(found=found))
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("first", "second"):
        monkeypatch.delitem(sys.modules, f"late_{name}", raising=False)
        (tmp_path / f"late_{name}.py").write_text(REGISTERING.format(name=name))
    found["here"] = "whole"
    found.promise({name: f"late_{name}" for name in ("first", "second")})
    return found


def test_a_look_up_imports_one_module_and_an_iteration_all(table: LateTable[str]):
    assert table["here"] == "whole"
    assert table.get("nowhere") is None
    assert "nowhere" not in table
    with table.only_present():
        with table.only_present():
            assert list(table) == ["here"]
        assert len(table) == 1
    assert table.names() == {"here", "first", "second"}
    assert "late_first" not in sys.modules
    assert table["first"] == "whole"
    assert table.present() == {"here": "whole", "first": "whole"}
    assert {**table} == {"here": "whole", "first": "whole", "second": "whole"}


def test_a_thread_waits_for_what_another_registers(table: LateTable[str]):
    thread = threading.Thread(target=lambda: table["first"])
    thread.start()
    while table.present().get("first") is None:
        assert thread.is_alive()
    assert table.present()["first"] == "half"
    assert table["first"] == "whole"
    thread.join()


def test_a_module_that_fails_is_asked_again(table: LateTable[str], tmp_path: Path):
    whole = (tmp_path / "late_first.py").read_text()
    (tmp_path / "late_first.py").write_text("1 / 0  # for now")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            table["first"]
    (tmp_path / "late_first.py").write_text(whole)
    assert table["first"] == "whole"


def test_what_is_announced_is_what_is_registered():
    homes = {name: f"kernels_mlir.{home}" for name, home in kernels_mlir._HOMES.items()}
    assert set(kernels_mlir.__all__) == homes.keys()
    found = {
        name: home
        for name, op in ir.IrOp.registry.items()
        if (home := str(op.native.__module__)).startswith("kernels_mlir.")
    }
    assert found == homes
    tables = (op_registry, registry._activations, registry._gated_activations)
    for kind, table in zip(("names", "act_fns", "act_and_mul_fns"), tables, strict=True):
        announced = {
            name: f"kernels_mlir.{home}"
            for home, names in kernels_mlir._LAYERS.items()
            for name in names.get(kind, ())
        }
        found = {name: _module_of(table[name]) for name in table}
        assert {n: m for n, m in found.items() if m.startswith("kernels_mlir.")} == announced


def _module_of(factory) -> str:
    return str(getattr(factory, "func", factory).__module__)


def test_no_op_has_the_name_of_a_subpackage():
    """Its import would put the package in the place of the function."""
    packages = {path.parent.name for path in ROOT.glob("kernels_mlir/*/__init__.py")}
    assert not packages & kernels_mlir._HOMES.keys()


NEW_PROCESS = """
import pickle, sys
import torch
import kernels_mlir
from ir_runtime import ir

def loaded():
    return sorted(m for m in sys.modules if m.startswith("kernels_mlir.") and m.count(".") == 2)

assert loaded() == [], loaded()
x = torch.randn(3, 64)
torch.ops.ir_kernels.gelu(x)
assert loaded() == ["kernels_mlir.activation.gelu"], loaded()
packet = torch.ops.ir_kernels.gelu
assert packet is torch.ops.ir_kernels.gelu and packet.__module__ == "torch._ops.ir_kernels"
assert ir.ops.gelu.packet is torch.ops.ir_runtime.gelu
assert not hasattr(torch.ops.ir_kernels, "nothing")

with ir.IrOpPriorityConfig(silu_and_mul=["native"]).set_priority():
    assert ir.ops.silu_and_mul.get_priority() == ["native"]
assert "kernels_mlir.norm.rms_norm" not in sys.modules

@torch.compile(backend="eager", fullgraph=True)
def compiled(x):
    return torch.ops.ir_kernels.softmax(x)

assert torch.equal(compiled(x), kernels_mlir.softmax(x))
assert "kernels_mlir.norm.rms_norm" not in sys.modules
with ir.IrOpPriorityConfig().with_default(["native"]).set_priority():
    assert ir.ops.rms_norm.get_priority() == ["native"]
"""


def test_ops_are_imported_when_they_are_used():
    run_python(NEW_PROCESS)


DIGEST = """
import sys
import torch
import kernels_mlir
from ir_runtime import ir
from ir_runtime.op_reg.digest.op_digest import code_digest
if sys.argv[1:]:
    list(ir.IrOp.registry)

class Op:
    def generate(self, ksel, kb):
        late = kernels_mlir
        return torch.ops.ir_kernels.gelu, torch.ops.ir_runtime.softmax, kernels_mlir.rms_norm, late

print(code_digest(Op))
"""


def test_a_key_does_not_depend_on_which_ops_were_used():
    assert run_python(DIGEST) == run_python(DIGEST, "all are imported")


SAME_NAME = """
import torch
import kernels_mlir
from ir_runtime import ir
from ir_runtime.errors import OpConflictError

try:
    @ir.register_op
    def softmax(x: torch.Tensor) -> torch.Tensor:
        return x
except OpConflictError as error:
    print(error)
"""


def test_an_op_with_an_announced_name_is_refused():
    assert "Op 'softmax' is already registered" in run_python(SAME_NAME)
