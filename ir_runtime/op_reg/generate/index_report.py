"""The check of an index tensor, as MLIR.

A check yields the tensor with all indices moved into range, and a row of four numbers: the least
and the greatest index, the lowest index allowed, and the size. The row is passed to a function that
has no body; `report_collection` turns these rows into a result.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ir_runtime.launch.operand.index_fault import COLUMNS, ZERO_SIZE
from ir_runtime.op_reg.generate.module_function import (
    build_util_call,
    call_values,
    module_function,
    parse_type,
)

if TYPE_CHECKING:
    from iree.compiler.ir import Value

    from ir_runtime.op_reg.generate.module_builder import ModuleBuilder

__all__ = [
    "REPORT",
    "ROW",
    "ROW_TEXT",
    "assert_any",
    "check_argument",
    "check_index",
    "lowest_index",
    "report_bounds",
    "report_row",
    "size_of",
]

REPORT = "ir_runtime.index_report"
ROW = f"tensor<{COLUMNS}xi64>"

ROW_TEXT = """  %empty_row = tensor.empty() : tensor<4xi64>
  %row = linalg.generic {indexing_maps = [#row_none, #row_none, #row],
      iterator_types = ["parallel"]}
      ins(%least, %greatest : tensor<i64>, tensor<i64>) outs(%empty_row : tensor<4xi64>) {
  ^bb0(%l: i64, %g: i64, %o: i64):
    %k = linalg.index 0 : index
    %k_0 = arith.constant 0 : index
    %k_1 = arith.constant 1 : index
    %k_2 = arith.constant 2 : index
    %is_0 = arith.cmpi eq, %k, %k_0 : index
    %is_1 = arith.cmpi eq, %k, %k_1 : index
    %is_2 = arith.cmpi eq, %k, %k_2 : index
    %from_2 = arith.select %is_2, %lowest, %size : i64
    %from_1 = arith.select %is_1, %g, %from_2 : i64
    %number = arith.select %is_0, %l, %from_1 : i64
    linalg.yield %number : i64
  } -> tensor<4xi64>
"""
"""MLIR that makes the row `%row` from `%least`, `%greatest`, `%lowest` and `%size`."""

_CHECK = """
#same = affine_map<({dims}) -> ({dims})>
#none = affine_map<({dims}) -> ()>
#row = affine_map<(d0) -> (d0)>
#row_none = affine_map<(d0) -> ()>
util.func private @ir_runtime_check_index(%index: {type}, %size: i64, %lowest: i64)
    -> ({type}, {row}) {{
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  %min = arith.constant -9223372036854775808 : i64
  %max = arith.constant 9223372036854775807 : i64
  %last = arith.subi %size, %one : i64
{sizes}
  %empty = tensor.empty({dynamic}) : {type}
  %safe = linalg.generic {{indexing_maps = [#same, #same], iterator_types = [{parallel}]}}
      ins(%index : {type}) outs(%empty : {type}) {{
  ^bb0(%a: {element}, %o: {element}):
    {widen}
    %negative = arith.cmpi slt, %i, %zero : i64
    %shift = arith.select %negative, %lowest, %zero : i64
    %from_start = arith.subi %i, %shift : i64
    %low = arith.minsi %from_start, %last : i64
    %in = arith.maxsi %low, %zero : i64
    {narrow}
    linalg.yield %r : {element}
  }} -> {type}
  %bound = tensor.empty() : tensor<i64>
  %least_0 = linalg.fill ins(%max : i64) outs(%bound : tensor<i64>) -> tensor<i64>
  %greatest_0 = linalg.fill ins(%min : i64) outs(%bound : tensor<i64>) -> tensor<i64>
  %least, %greatest = linalg.generic {{indexing_maps = [#same, #none, #none],
      iterator_types = [{reduction}]}}
      ins(%index : {type}) outs(%least_0, %greatest_0 : tensor<i64>, tensor<i64>) {{
  ^bb0(%a: {element}, %l: i64, %g: i64):
    {widen}
    %least_1 = arith.minsi %i, %l : i64
    %greatest_1 = arith.maxsi %i, %g : i64
    linalg.yield %least_1, %greatest_1 : i64, i64
  }} -> (tensor<i64>, tensor<i64>)
{report}  util.return %safe, %row : {type}, {row}
}}
"""


def check_index(
    module_body: Any,
    symbols: Any,
    index: Value,
    size: Value,
    facts: dict[str, Any],
    *,
    wraps: bool = False,
) -> Value:
    """Emit the check of an index tensor at the current insertion point.

    Args:
        module_body: block of the module.
        symbols: symbols of the module.
        index: a builtin tensor of signed integers.
        size: size of the indexed dimension, `i64`.
        facts: the facts for messages; see `ir_runtime.launch.operand.index_fault`.
        wraps: whether negative indices count from the end.

    Returns:
        The indices, from 0 to `size - 1`.
    """
    from iree.compiler.ir import RankedTensorType

    kind = RankedTensorType(index.type)
    text = json.dumps(facts, sort_keys=True)
    assert_any(index, size, text)
    check = module_function(module_body, symbols, _check_text(kind))
    operands = [index, size, lowest_index(size, wraps=wraps)]
    safe, row = call_values(check, operands, [index.type, parse_type(ROW)])
    report_row(module_body, symbols, row, text)
    return safe


def lowest_index(size: Value, *, wraps: bool) -> Value:
    """Return the lowest allowed index, as `i64`."""
    from iree.compiler.dialects import arith
    from iree.compiler.ir import IntegerAttr, IntegerType

    wide = IntegerType.get_signless(64)
    zero = arith.ConstantOp(wide, IntegerAttr.get(wide, 0)).result
    return arith.subi(zero, size) if wraps else zero


def report_row(module_body: Any, symbols: Any, row: Value, text: str) -> None:
    """Pass a row to the function that `report_collection` searches for."""
    from iree.compiler.ir import StringAttr

    report = module_function(module_body, symbols, f"util.func private @{REPORT}(%row: {ROW})")
    marker = build_util_call(report, [row], [])
    marker.attributes[REPORT] = StringAttr.get(text)


def check_argument(
    kb: ModuleBuilder, index: Value, table: Value, dim: int, *, wraps: bool
) -> Value:
    """Emit the check of an index tensor of a kernel; see `KernelBuilder.checked_index`."""
    op, name = kb.ksel.op.name, kb.argument_name(index)
    facts = {"op": op} if name is None else {"op": op, "argument": name, "of": op}
    size = size_of(table, dim)
    return check_index(kb.module_body, kb.symbol_table, index, size, facts, wraps=wraps)


def report_bounds(kb: ModuleBuilder, row: Value, argument: str, limit: str) -> None:
    """Report a row that a kernel made itself; see `KernelBuilder.report_index_bounds`."""
    op = kb.ksel.op.name
    facts = {"op": op, "argument": argument, "of": op, "limit": limit}
    report_row(kb.module_body, kb.symbol_table, row, json.dumps(facts, sort_keys=True))


def size_of(table: Value, dim: int) -> Value:
    """Return a size of a tensor, as `i64`."""
    from iree.compiler.dialects import arith, tensor
    from iree.compiler.ir import IndexType, IntegerAttr, IntegerType

    at = arith.ConstantOp(IndexType.get(), IntegerAttr.get(IndexType.get(), dim)).result
    return arith.index_cast(IntegerType.get_signless(64), tensor.dim(table, at))


def assert_any(index: Value, size: Value, text: str) -> None:
    """Assert that the dimension has elements, or that there are no indices; runs on the host."""
    from iree.compiler.dialects import arith, tensor
    from iree.compiler.ir import (
        IndexType,
        IntegerAttr,
        IntegerType,
        Operation,
        RankedTensorType,
        StringAttr,
    )

    kind = RankedTensorType(index.type)
    wide = IntegerType.get_signless(64)
    zero = arith.ConstantOp(wide, IntegerAttr.get(wide, 0)).result
    holds = arith.cmpi(arith.CmpIPredicate.sgt, size, zero)
    for i in range(kind.rank):
        if kind.is_dynamic_dim(i):
            at = arith.ConstantOp(IndexType.get(), IntegerAttr.get(IndexType.get(), i)).result
            dim = arith.index_cast(wide, tensor.dim(index, at))
            holds = arith.ori(holds, arith.cmpi(arith.CmpIPredicate.eq, dim, zero))
        elif kind.shape[i] == 0:
            return
    message = StringAttr.get(ZERO_SIZE + text)
    Operation.create("cf.assert", operands=[holds], attributes={"msg": message})


def _check_text(kind: Any) -> str:
    rank, element = kind.rank, str(kind.element_type)
    width = int(element.removeprefix("i"))
    dims = [f"d{i}" for i in range(rank)]
    dynamic = [i for i in range(rank) if kind.is_dynamic_dim(i)]
    sizes = [
        f"  %c{i} = arith.constant {i} : index\n  %n{i} = tensor.dim %index, %c{i} : {kind}"
        for i in dynamic
    ]
    widen, narrow = (
        f"%i = arith.extsi %a : {element} to i64",
        f"%r = arith.trunci %in : i64 to {element}",
    )
    if width == 64:
        widen, narrow = "%i = arith.addi %a, %zero : i64", "%r = arith.addi %in, %zero : i64"
    return _CHECK.format(
        dims=", ".join(dims),
        type=str(kind),
        row=ROW,
        report=ROW_TEXT,
        element=element,
        sizes="\n".join(sizes),
        dynamic=", ".join(f"%n{i}" for i in dynamic),
        parallel=", ".join(['"parallel"'] * rank),
        reduction=", ".join(['"reduction"'] * rank),
        widen=widen,
        narrow=narrow,
    )
