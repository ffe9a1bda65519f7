"""The expansion of index checks in an imported program, from torch values to builtin tensors."""

from __future__ import annotations

import json
from typing import Any

from ir_runtime.op_reg.generate.index_report import check_index
from ir_runtime.op_reg.generate.module_function import parse_type
from ir_runtime.op_reg.generate.torch_type import parse_torch_tensor_type
from ir_runtime.op_reg.trace.index_read import read_checked

__all__ = ["expand_index_checks"]

_TRACED = "torch.ir_runtime_trace."


def expand_index_checks(module_op: Any, family: str) -> None:
    """Expand the calls of `checked_index` and `checked_read` in a program that FxImporter made.

    Args:
        module_op: the module.
        family: the device family; decides how a checked read is written.
    """
    from iree.compiler.ir import InsertionPoint, Operation, SymbolTable, WalkResult

    found: list[Any] = []

    def visit(op: Any) -> Any:
        if op.name == "torch.operator" and op.attributes["name"].value.startswith(_TRACED):
            found.append(op)
        return WalkResult.ADVANCE

    module: Any = module_op.operation
    module.walk(visit)
    with module.context:
        symbols = SymbolTable(module)
        body = module.regions[0].blocks[0]
        for op in found:
            with op.location, InsertionPoint(op):
                if op.attributes["name"].value == f"{_TRACED}checked_read":
                    result = _read(op, body, symbols, family)
                else:
                    result = _check(op, body, symbols)
                result = Operation.create(
                    "torch_c.from_builtin_tensor",
                    results=[op.results[0].type],
                    operands=[result],
                ).result
                op.results[0].replace_all_uses_with(result)
                op.erase()


def _check(op: Any, body: Any, symbols: Any) -> Any:
    index, size, wraps, small, large, facts = op.operands
    known = json.loads(_constant(facts))
    _assert_all_at_most(small, large, known)
    builtin = _to_builtin(index)
    return check_index(body, symbols, builtin, _to_i64(size), known, wraps=bool(_constant(wraps)))


def _read(op: Any, body: Any, symbols: Any, family: str) -> Any:
    table, index, dim, wraps, small, large, facts = op.operands
    known = json.loads(_constant(facts))
    _assert_all_at_most(small, large, known)
    return read_checked(
        body,
        symbols,
        _to_builtin(table),
        _to_builtin(index),
        int(_constant(dim)),
        known,
        wraps=bool(_constant(wraps)),
        is_one_pass=family == "local",
    )


def _assert_all_at_most(small: Any, large: Any, facts: dict[str, Any]) -> None:
    for one, other in zip(_list(small), _list(large), strict=True):
        _assert_at_most(one, other, facts)


def _to_builtin(value: Any) -> Any:
    from iree.compiler.ir import Operation

    kind = parse_torch_tensor_type(str(value.type))
    assert kind is not None, "a tensor of unknown rank or dtype"
    return Operation.create(
        "torch_c.to_builtin_tensor", results=[parse_type(kind.builtin_asm)], operands=[value]
    ).result


def _constant(value: Any) -> Any:
    return value.owner.attributes["value"].value


def _list(value: Any) -> list[Any]:
    return list(value.owner.operands)


def _to_i64(value: Any) -> Any:
    from iree.compiler.ir import Operation

    return Operation.create("torch_c.to_i64", results=[parse_type("i64")], operands=[value]).result


def _assert_at_most(one: Any, other: Any, facts: dict[str, Any]) -> None:
    from iree.compiler.dialects import arith
    from iree.compiler.ir import Operation, StringAttr

    holds = arith.cmpi(arith.CmpIPredicate.sle, _to_i64(one), _to_i64(other))
    name = facts.get("argument") or "the index"
    text = f"{facts['op']}: `{name}` must not be larger than the tensor in another dimension"
    Operation.create("cf.assert", operands=[holds], attributes={"msg": StringAttr.get(text)})
