import json
import sys

import pytest
from torch import Tensor

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime import ir
from ir_runtime.cli import main
from tests.op_reg import ops
from tests.op_reg.ops import op_of


@pytest.fixture
def refused_provider():
    @ir.ops.gelu.register_impl("elsewhere", supported=ir.Refusal("no such chip"))
    def elsewhere(x: Tensor, approximate: str = "none") -> Tensor:
        return ir.ops.gelu.native(x, approximate)

    yield
    del ir.ops.gelu.impls["elsewhere"]


def test_ops_are_listed_with_their_providers(capsys, refused_provider):
    assert main(["ops"]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index('gelu(Tensor x, str approximate="none") -> Tensor')
    assert lines[start + 1 : start + 5] == [
        "  priority   iree, native",
        "  native     supported: torch functions",
        "  iree       supported: a kernel of its own",
        "  elsewhere  unsupported: no such chip",
    ]


def test_the_priority_is_that_of_the_caller(capsys):
    with ir.ops.gelu.set_priority(["native"]):
        assert main(["ops"]) == 0
    assert "  priority  native\n" in capsys.readouterr().out


def test_json_lists_each_op(capsys):
    assert main(["ops", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["ops"]}
    assert {name for name in rows if "::" not in name} == set(ir.IrOp.registry)
    assert rows["softmax"] == {
        "name": "softmax",
        "schema": "(Tensor x) -> Tensor",
        "priority": ["iree", "native"],
        "providers": [
            {"provider": "native", "supported": True, "reason": "torch functions"},
            {"provider": "iree", "supported": True, "reason": "a kernel of its own"},
        ],
    }


def test_ops_that_are_written_as_mlir_alone_are_listed(capsys):
    name = op_of(ops.add).qualified_name
    assert main(["ops"]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index(f"{name}(Tensor x, Tensor y) -> Tensor")
    assert lines[start + 1 : start + 3] == [
        "  priority  iree",
        "  iree      supported: a kernel of its own",
    ]
    assert not any(line.startswith("ir_kernels::") for line in lines)


def test_ops_of_a_module_that_is_asked_for(capsys, tmp_path, monkeypatch):
    (tmp_path / "ops_for_the_cli_test.py").write_text(
        "from torch import Tensor\n"
        "from ir_runtime import ir\n"
        "@ir.register_op\n"
        "def op_for_the_cli_test(x: Tensor) -> Tensor:\n"
        "    return x + 1\n"
    )
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    monkeypatch.chdir(tmp_path)
    try:
        assert main(["ops", "--import", "ops_for_the_cli_test"]) == 0
    finally:
        del ir.IrOp.registry["op_for_the_cli_test"]
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("op_for_the_cli_test(Tensor x) -> Tensor")
    assert lines[start + 1 : start + 4] == [
        "  priority  none: native runs",
        "  native    supported: torch functions",
        "  iree      supported: native, compiled",
    ]


def test_a_module_that_is_not_there_is_named(capsys):
    assert main(["ops", "--import", "no_such_module"]) == 1
    assert capsys.readouterr().err == (
        "error: --import no_such_module: cannot be imported, must be a module: "
        "No module named 'no_such_module'\n"
    )


def test_nothing_is_compiled(capsys, store):
    assert main(["ops"]) == 0
    assert capsys.readouterr().out
    assert store.size()[0] == 0
