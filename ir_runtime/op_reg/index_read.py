"""Write a read of a line of elements by indices that are checked, as MLIR.

`table[index]` does so little an element that a second pass over the indices, for the least and the
greatest, would cost a third of it. On a CPU one pass does both, in blocks: each has bounds of its
own, which a last step joins. The compiler cannot divide such a pass by itself, so it is written out
in vectors.
"""

from __future__ import annotations

import json
from math import prod
from typing import TYPE_CHECKING, Any

from ir_runtime.op_reg.index_report import (
    ROW,
    ROW_TEXT,
    assert_any,
    check_index,
    lowest_index,
    report_row,
    size_of,
)
from ir_runtime.op_reg.module_function import call_values, module_function, parse_type

if TYPE_CHECKING:
    from iree.compiler.ir import Value

__all__ = ["read_checked"]

_BLOCK, _LANES = 4096, 16
_ZEROS = {
    **dict.fromkeys(("f16", "bf16", "f32", "f64"), "0.0"),
    **dict.fromkeys(("i8", "i16", "i32", "i64"), "0"),
}
"""Of the elements that vectors can have."""

_READ = """
util.func private @ir_runtime_read(%table: {table}, %index: {index}) -> {result} {{
{sizes}
  %empty = tensor.empty({dynamic}) : {result}
  %read = linalg.generic {{indexing_maps = [affine_map<({dims}) -> ({dims})>,
      affine_map<({dims}) -> ({dims})>], iterator_types = [{parallel}]}}
      ins(%index : {index}) outs(%empty : {result}) {{
  ^bb0(%a: {element}, %o: {value}):
    %at = arith.index_cast %a : {element} to index
    %v = tensor.extract %table[%at] : {table}
    linalg.yield %v : {value}
  }} -> {result}
  util.return %read : {result}
}}
"""

_READ_AND_CHECK = """
#row = affine_map<(d0) -> (d0)>
#row_none = affine_map<(d0) -> ()>
util.func private @ir_runtime_read_and_check(
    %table: {table}, %index: {index}, %size: i64, %lowest: i64) -> ({result}, {row}) {{
  %min = arith.constant -9223372036854775808 : i64
  %max = arith.constant 9223372036854775807 : i64
  %c0 = arith.constant 0 : index
{sizes}
{flatten}
  %entries = arith.index_cast %size : i64 to index
  %count = tensor.dim %line, %c0 : tensor<?x{element}>
  %block_size = arith.constant {block} : index
  %blocks = arith.ceildivui %count, %block_size : index
  %read, %block_least, %block_greatest = flow.dispatch.workgroups[%count](
      %line, %entry_line, %size, %entries, %count, %blocks)
      : (tensor<?x{element}>{{%count}}, tensor<?x{value}>{{%entries}}, i64, index, index, index)
      -> (tensor<?x{value}>{{%count}}, tensor<?xi64>{{%blocks}}, tensor<?xi64>{{%blocks}}) =
      (%index_in: {dispatch}<readonly:tensor<?x{element}>>,
       %table_in: {dispatch}<readonly:tensor<?x{value}>>,
       %table_size: i64, %table_count: index, %index_count: index, %block_count: index,
       %read_out: {dispatch}<writeonly:tensor<?x{value}>>,
       %least_out: {dispatch}<writeonly:tensor<?xi64>>,
       %greatest_out: {dispatch}<writeonly:tensor<?xi64>>) {{
    %zero = arith.constant 0 : i64
    %one = arith.constant 1 : i64
    %k_0 = arith.constant 0 : index
    %k_lanes = arith.constant {lanes} : index
    %k_block = arith.constant {block} : index
    %zeros = vector.broadcast %zero : i64 to vector<{lanes}xi64>
    %sizes = vector.broadcast %table_size : i64 to vector<{lanes}xi64>
    %last = arith.subi %table_size, %one : i64
    %lasts = vector.broadcast %last : i64 to vector<{lanes}xi64>
    %all = arith.constant dense<true> : vector<{lanes}xi1>
    %none = arith.constant dense<{zero}> : vector<{lanes}x{value}>
    %block = flow.dispatch.workgroup.id[0] : index
    %begin = arith.muli %block, %k_block : index
    %left = arith.subi %index_count, %begin : index
    %length = arith.minui %left, %k_block : index
    %entry = iree_tensor_ext.dispatch.tensor.load %table_in,
        offsets = [0], sizes = [%table_count], strides = [1]
        : {dispatch}<readonly:tensor<?x{value}>>{{%table_count}} -> tensor<?x{value}>
    %own = iree_tensor_ext.dispatch.tensor.load %index_in,
        offsets = [%begin], sizes = [%length], strides = [1]
        : {dispatch}<readonly:tensor<?x{element}>>{{%index_count}} -> tensor<?x{element}>
    %first = tensor.extract %own[%k_0] : tensor<?x{element}>
    %firsts_0 = vector.broadcast %first : {element} to vector<{lanes}x{element}>
{widen_first}
    %empty = tensor.empty(%length) : tensor<?x{value}>
    %read_0, %lows, %highs = scf.for %at = %k_0 to %length step %k_lanes
        iter_args(%before = %empty, %l = %firsts, %g = %firsts)
        -> (tensor<?x{value}>, vector<{lanes}xi64>, vector<{lanes}xi64>) {{
      %given = vector.transfer_read %own[%at], %first
          : tensor<?x{element}>, vector<{lanes}x{element}>
{widen}
{from_start}
      %low = arith.minsi %from_start, %lasts : vector<{lanes}xi64>
      %in = arith.maxsi %low, %zeros : vector<{lanes}xi64>
      %places = arith.index_cast %in : vector<{lanes}xi64> to vector<{lanes}xindex>
      %v = vector.gather %entry[%k_0] [%places], %all, %none
          : tensor<?x{value}>, vector<{lanes}xindex>, vector<{lanes}xi1>, vector<{lanes}x{value}>
          into vector<{lanes}x{value}>
      %after = vector.transfer_write %v, %before[%at]
          : vector<{lanes}x{value}>, tensor<?x{value}>
      %least_1 = arith.minsi %i, %l : vector<{lanes}xi64>
      %greatest_1 = arith.maxsi %i, %g : vector<{lanes}xi64>
      scf.yield %after, %least_1, %greatest_1
          : tensor<?x{value}>, vector<{lanes}xi64>, vector<{lanes}xi64>
    }}
    %least_0 = vector.reduction <minsi>, %lows : vector<{lanes}xi64> into i64
    %greatest_0 = vector.reduction <maxsi>, %highs : vector<{lanes}xi64> into i64
    %own_least = tensor.from_elements %least_0 : tensor<1xi64>
    %own_greatest = tensor.from_elements %greatest_0 : tensor<1xi64>
    iree_tensor_ext.dispatch.tensor.store %read_0, %read_out,
        offsets = [%begin], sizes = [%length], strides = [1]
        : tensor<?x{value}> -> {dispatch}<writeonly:tensor<?x{value}>>{{%index_count}}
    iree_tensor_ext.dispatch.tensor.store %own_least, %least_out,
        offsets = [%block], sizes = [1], strides = [1]
        : tensor<1xi64> -> {dispatch}<writeonly:tensor<?xi64>>{{%block_count}}
    iree_tensor_ext.dispatch.tensor.store %own_greatest, %greatest_out,
        offsets = [%block], sizes = [1], strides = [1]
        : tensor<1xi64> -> {dispatch}<writeonly:tensor<?xi64>>{{%block_count}}
    flow.return
  }} count(%indices: index) -> (index, index, index) {{
    %k_1 = arith.constant 1 : index
    %k_block = arith.constant {block} : index
    %x = arith.ceildivui %indices, %k_block : index
    flow.return %x, %k_1, %k_1 : index, index, index
  }}
  %no_bound = tensor.empty() : tensor<i64>
  %least_i = linalg.fill ins(%max : i64) outs(%no_bound : tensor<i64>) -> tensor<i64>
  %greatest_i = linalg.fill ins(%min : i64) outs(%no_bound : tensor<i64>) -> tensor<i64>
  %least, %greatest = linalg.generic {{
      indexing_maps = [#row, #row, #row_none, #row_none], iterator_types = ["reduction"]}}
      ins(%block_least, %block_greatest : tensor<?xi64>, tensor<?xi64>)
      outs(%least_i, %greatest_i : tensor<i64>, tensor<i64>) {{
  ^bb0(%bl: i64, %bg: i64, %l: i64, %g: i64):
    %least_1 = arith.minsi %bl, %l : i64
    %greatest_1 = arith.maxsi %bg, %g : i64
    linalg.yield %least_1, %greatest_1 : i64, i64
  }} -> (tensor<i64>, tensor<i64>)
{unflatten}
{report}  util.return %result, %row : {result}, {row}
}}
"""


def read_checked(
    module_body: Any,
    symbols: Any,
    table: Value,
    index: Value,
    facts: dict[str, Any],
    *,
    wraps: bool,
    is_one_pass: bool,
) -> Value:
    """Emit `table[index]` and the check of the index at the current insertion point.

    Args:
        module_body: block of the module.
        symbols: symbols of the module.
        table: a builtin tensor of rank 1.
        index: a builtin tensor of signed integers, of rank 1 or more.
        facts: what messages say of the index; see `ir_runtime.launch.index_fault`.
        wraps: whether negative indices count from the end.
        is_one_pass: whether one pass over the indices reads and checks, else one does each.

    Returns:
        The elements, in the shape of the index.
    """
    from iree.compiler.ir import RankedTensorType

    size = size_of(table, 0)
    kinds = _kinds(RankedTensorType(table.type), RankedTensorType(index.type))
    result = parse_type(kinds["result"])
    if not is_one_pass or kinds["value"] not in _ZEROS:
        safe = check_index(module_body, symbols, index, size, facts, wraps=wraps)
        read = module_function(module_body, symbols, _READ.format(**kinds))
        return call_values(read, [table, safe], [result])[0]
    text = json.dumps(facts, sort_keys=True)
    assert_any(index, size, text)
    read = module_function(module_body, symbols, _one_pass_text(kinds, wraps=wraps))
    operands = [table, index, size, lowest_index(size, wraps=wraps)]
    elements, row = call_values(read, operands, [result, parse_type(ROW)])
    report_row(module_body, symbols, row, text)
    return elements


def _kinds(table: Any, index: Any) -> dict[str, str]:
    """Return the types of a read, and the MLIR that depends on the rank of its index."""
    rank, value, element = index.rank, str(table.element_type), str(index.element_type)
    sizes = ["?" if index.is_dynamic_dim(i) else str(index.shape[i]) for i in range(rank)]
    count = "?" if "?" in sizes else str(prod(index.shape))
    result = f"tensor<{'x'.join([*sizes, value])}>"
    dynamic = [i for i, size in enumerate(sizes) if size == "?"]
    names = [f"%n{i}" if size == "?" else size for i, size in enumerate(sizes)]
    group = f"[[{', '.join(str(i) for i in range(rank))}]]"
    return {
        "table": str(table),
        "index": str(index),
        "result": result,
        "value": value,
        "element": element,
        "row": ROW,
        "dims": ", ".join(f"d{i}" for i in range(rank)),
        "parallel": ", ".join(['"parallel"'] * rank),
        "dynamic": ", ".join(f"%n{i}" for i in dynamic),
        "sizes": "\n".join(
            f"  %c_{i} = arith.constant {i} : index\n  %n{i} = tensor.dim %index, %c_{i} : {index}"
            for i in dynamic
        ),
        "flatten": f"  %joined = tensor.collapse_shape %index {group}\n"
        f"      : {index} into tensor<{count}x{element}>\n"
        f"  %line = tensor.cast %joined : tensor<{count}x{element}> to tensor<?x{element}>\n"
        f"  %entry_line = tensor.cast %table : {table} to tensor<?x{value}>",
        "unflatten": f"  %counted = tensor.cast %read : tensor<?x{value}> to tensor<{count}x{value}>\n"
        f"  %result = tensor.expand_shape %counted {group} output_shape [{', '.join(names)}]\n"
        f"      : tensor<{count}x{value}> into {result}",
    }


def _one_pass_text(kinds: dict[str, str], *, wraps: bool) -> str:
    element, vector = kinds["element"], f"vector<{_LANES}xi64>"
    given = f"vector<{_LANES}x{element}>"
    widen = "  {} = arith.extsi {} : " + f"{given} to {vector}"
    if element == "i64":
        widen = "  {} = arith.addi {}, %zeros : " + vector
    from_start = f"      %from_start = arith.addi %i, %zeros : {vector}"
    if wraps:
        from_start = (
            f"      %negative = arith.cmpi slt, %i, %zeros : {vector}\n"
            f"      %shift = arith.select %negative, %sizes, %zeros : vector<{_LANES}xi1>, {vector}\n"
            f"      %from_start = arith.addi %i, %shift : {vector}"
        )
    return _READ_AND_CHECK.format(
        **kinds,
        zero=_ZEROS[kinds["value"]],
        widen_first=widen.format("%firsts", "%firsts_0"),
        widen=widen.format("  %i", "%given"),
        from_start=from_start,
        report=ROW_TEXT,
        block=_BLOCK,
        lanes=_LANES,
        dispatch="!iree_tensor_ext.dispatch.tensor",
    )
