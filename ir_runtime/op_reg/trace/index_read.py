"""Reads of single elements by checked indices, as MLIR.

`gather`, or `table[index]` with a one-dimensional table, does little work per element. A second
pass over the indices, for the least and the greatest, would cost a third of that. On a CPU, one
pass does both, in blocks: each block has its own bounds, and a last step combines them. The
compiler cannot vectorise such a pass, so it is written with vectors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import prod
from string import Template
from typing import TYPE_CHECKING, Any

from ir_runtime.op_reg.generate.index_report import (
    ROW,
    ROW_TEXT,
    assert_any,
    check_index,
    lowest_index,
    report_row,
    size_of,
)
from ir_runtime.op_reg.generate.module_function import call_values, module_function, parse_type
from ir_runtime.op_reg.trace.index_place import line_places, table_places

if TYPE_CHECKING:
    from iree.compiler.ir import Value

__all__ = ["read_checked"]

_LANES = 16
_ZEROS = {
    **dict.fromkeys(("f16", "bf16", "f32", "f64"), "0.0"),
    **dict.fromkeys(("i8", "i16", "i32", "i64"), "0"),
}
"""Zero of each element type that vectors can have."""

_READ = """
#same = affine_map<($dims) -> ($dims)>
util.func private @ir_runtime_read(%table: $table, %index: $index) -> $result {
$sizes
  %empty = tensor.empty($dynamic) : $result
  %read = linalg.generic {indexing_maps = [#same, #same], iterator_types = [$parallel]}
      ins(%index : $index) outs(%empty : $result) {
  ^bb0(%a: $element, %o: $value):
    %at = arith.index_cast %a : $element to index
$coordinates
    %v = tensor.extract %table[$places] : $table
    linalg.yield %v : $value
  } -> $result
  util.return %read : $result
}
"""

_READ_AND_CHECK = """
!row = $row
!line = tensor<?x$element>
!entries = tensor<?x$value>
!bounds = tensor<?xi64>
!line_in = !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x$element>>
!entries_in = !iree_tensor_ext.dispatch.tensor<readonly:tensor<?x$value>>
!entries_out = !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?x$value>>
!bounds_out = !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?xi64>>
!given = vector<${lanes}x$element>
!wide = vector<${lanes}xi64>
!values = vector<${lanes}x$value>
!lanes = vector<${lanes}xindex>
!mask = vector<${lanes}xi1>
#all = dense<true> : !mask
#least = dense<9223372036854775807> : !wide
#greatest = dense<-9223372036854775808> : !wide
#row = affine_map<(d0) -> (d0)>
#row_none = affine_map<(d0) -> ()>
util.func private @ir_runtime_read_and_check(
    %table: $table, %index: $index, %size: i64, %lowest: i64) -> ($result, !row) {
  %c0 = arith.constant 0 : index
  %none = arith.constant 0 : i64
  %block_size = arith.constant 4096 : index
$sizes
  %joined = tensor.collapse_shape %index $dimensions : $index into $joined
  %line = tensor.cast %joined : $joined to !line
  %table_joined = tensor.collapse_shape %table $table_dimensions : $table into $table_joined
  %entries = tensor.cast %table_joined : $table_joined to !entries
  %entry_count = tensor.dim %entries, %c0 : !entries
$place_sizes
  %count = tensor.dim %line, %c0 : !line
  %blocks = arith.ceildivui %count, %block_size : index
  %read, %least_of, %greatest_of = flow.dispatch.workgroups[%count](
      %line, %entries, %size, %lowest, %count, %entry_count, %blocks$place_operands)
      : (!line{%count}, !entries{%entry_count}, i64, i64, index, index, index$place_types)
      -> (!entries{%count}, !bounds{%blocks}, !bounds{%blocks}) =
      (%line_in: !line_in, %entries_in: !entries_in, %size_in: i64, %lowest_in: i64,
       %n: index, %entry_n: index, %block_n: index$place_arguments,
       %read_out: !entries_out, %least_out: !bounds_out, %greatest_out: !bounds_out) {
    %k_0 = arith.constant 0 : index
    %k_lanes = arith.constant $lanes : index
    %k_block = arith.constant 4096 : index
    %zero = arith.constant 0 : i64
    %one = arith.constant 1 : i64
    %last = arith.subi %size_in, %one : i64
    %zeros = vector.broadcast %zero : i64 to !wide
    %lasts = vector.broadcast %last : i64 to !wide
    %lowests = vector.broadcast %lowest_in : i64 to !wide
    %all = arith.constant #all
    %nothing = arith.constant dense<$zero> : !values
    %least_0 = arith.constant #least
    %greatest_0 = arith.constant #greatest
    %block = flow.dispatch.workgroup.id[0] : index
    %begin = arith.muli %block, %k_block : index
    %left = arith.subi %n, %begin : index
    %length = arith.minui %left, %k_block : index
    %from = iree_tensor_ext.dispatch.tensor.load %entries_in, offsets = [0], sizes = [%entry_n],
        strides = [1] : !entries_in{%entry_n} -> !entries
    %own = iree_tensor_ext.dispatch.tensor.load %line_in, offsets = [%begin], sizes = [%length],
        strides = [1] : !line_in{%n} -> !line
    %first = tensor.extract %own[%k_0] : !line  // fills the last vector, and changes no bound
    %empty = tensor.empty(%length) : !entries
$start
    %own_read, %lows, %highs$carried_results = scf.for %at = %k_0 to %length step %k_lanes
        iter_args(%before = %empty, %l = %least_0, %g = %greatest_0$carried)
        -> (!entries, !wide, !wide$carried_types) {
      %given = vector.transfer_read %own[%at], %first : !line, !given
      $widen
      %negative = arith.cmpi slt, %i, %zeros : !wide
      %shift = arith.select %negative, %lowests, %zeros : !mask, !wide
      %from_start = arith.subi %i, %shift : !wide
      %low = arith.minsi %from_start, %lasts : !wide
      %in = arith.maxsi %low, %zeros : !wide
$place
      %places = arith.index_cast %place : !wide to !lanes
      %v = vector.gather %from[%k_0] [%places], %all, %nothing
          : !entries, !lanes, !mask, !values into !values
      %after = vector.transfer_write %v, %before[%at] : !values, !entries
      %least_1 = arith.minsi %i, %l : !wide
      %greatest_1 = arith.maxsi %i, %g : !wide
$advance
      scf.yield %after, %least_1, %greatest_1$carried_next : !entries, !wide, !wide$carried_types
    }
    %least_2 = vector.reduction <minsi>, %lows : !wide into i64
    %greatest_2 = vector.reduction <maxsi>, %highs : !wide into i64
    %own_least = tensor.from_elements %least_2 : tensor<1xi64>
    %own_greatest = tensor.from_elements %greatest_2 : tensor<1xi64>
    iree_tensor_ext.dispatch.tensor.store %own_read, %read_out, offsets = [%begin],
        sizes = [%length], strides = [1] : !entries -> !entries_out{%n}
    iree_tensor_ext.dispatch.tensor.store %own_least, %least_out, offsets = [%block],
        sizes = [1], strides = [1] : tensor<1xi64> -> !bounds_out{%block_n}
    iree_tensor_ext.dispatch.tensor.store %own_greatest, %greatest_out, offsets = [%block],
        sizes = [1], strides = [1] : tensor<1xi64> -> !bounds_out{%block_n}
    flow.return
  } count(%indices: index) -> (index, index, index) {
    %k_1 = arith.constant 1 : index
    %k_block = arith.constant 4096 : index
    %x = arith.ceildivui %indices, %k_block : index
    flow.return %x, %k_1, %k_1 : index, index, index
  }
  %min = arith.constant -9223372036854775808 : i64
  %max = arith.constant 9223372036854775807 : i64
  %bound = tensor.empty() : tensor<i64>
  %least_3 = linalg.fill ins(%max : i64) outs(%bound : tensor<i64>) -> tensor<i64>
  %greatest_3 = linalg.fill ins(%min : i64) outs(%bound : tensor<i64>) -> tensor<i64>
  %least, %greatest = linalg.generic {indexing_maps = [#row, #row, #row_none, #row_none],
      iterator_types = ["reduction"]} ins(%least_of, %greatest_of : !bounds, !bounds)
      outs(%least_3, %greatest_3 : tensor<i64>, tensor<i64>) {
  ^bb0(%a: i64, %b: i64, %l: i64, %g: i64):
    %least_4 = arith.minsi %a, %l : i64
    %greatest_4 = arith.maxsi %b, %g : i64
    linalg.yield %least_4, %greatest_4 : i64, i64
  } -> (tensor<i64>, tensor<i64>)
  %read_joined = tensor.cast %read : !entries to $result_joined
  %result = tensor.expand_shape %read_joined $dimensions output_shape [$shape]
      : $result_joined into $result
$report  util.return %result, %row : $result, !row
}
"""


def read_checked(
    module_body: Any,
    symbols: Any,
    table: Value,
    index: Value,
    dim: int,
    facts: dict[str, Any],
    *,
    wraps: bool,
    is_one_pass: bool,
) -> Value:
    """Emit a read and the check of its index at the current insertion point.

    Args:
        module_body: block of the module.
        symbols: symbols of the module.
        table: a builtin tensor of rank 1, or of the rank of the index.
        index: a builtin tensor of signed integers, of rank 1 or more. Its dimensions, except
            `dim`, are at most as large as those of a table of its rank.
        dim: the indexed dimension of the table.
        facts: the facts for messages; see `ir_runtime.launch.operand.index_fault`.
        wraps: whether negative indices count from the end.
        is_one_pass: whether one pass over the indices reads and checks, if the element type allows
            it; else there are two passes.

    Returns:
        The elements, in the shape of the index.
    """
    from iree.compiler.ir import RankedTensorType

    size = size_of(table, dim)
    kinds = RankedTensorType(table.type), RankedTensorType(index.type)
    types = _types(*kinds)
    result = parse_type(types["result"])
    if not is_one_pass or types["value"] not in _ZEROS:
        safe = check_index(module_body, symbols, index, size, facts, wraps=wraps)
        read = module_function(module_body, symbols, _read_text(*kinds, dim))
        return call_values(read, [table, safe], [result])[0]
    text = json.dumps(facts, sort_keys=True)
    assert_any(index, size, text)
    read = module_function(module_body, symbols, _one_pass_text(*kinds, dim))
    operands = [table, index, size, lowest_index(size, wraps=wraps)]
    elements, row = call_values(read, operands, [result, parse_type(ROW)])
    report_row(module_body, symbols, row, text)
    return elements


def _types(table: Any, index: Any) -> dict[str, str]:
    """Return the types of a read, and the parts of its MLIR that depend on the index's shape."""
    value, element = str(table.element_type), str(index.element_type)
    sizes = _shape(index)
    dynamic = [i for i, size in enumerate(sizes) if size == "?"]
    return {
        "table": str(table),
        "table_joined": f"tensor<{_count(table)}x{value}>",
        "table_dimensions": _joined_dimensions(table),
        "index": str(index),
        "joined": f"tensor<{_count(index)}x{element}>",
        "dimensions": _joined_dimensions(index),
        "result": f"tensor<{'x'.join([*sizes, value])}>",
        "result_joined": f"tensor<{_count(index)}x{value}>",
        "value": value,
        "element": element,
        "dynamic": ", ".join(f"%n{i}" for i in dynamic),
        "shape": ", ".join(f"%n{i}" if size == "?" else size for i, size in enumerate(sizes)),
        "sizes": "\n".join(
            f"  %d{i} = arith.constant {i} : index\n  %n{i} = tensor.dim %index, %d{i} : {index}"
            for i in dynamic
        ),
    }


def _shape(kind: Any) -> list[str]:
    return ["?" if kind.is_dynamic_dim(i) else str(kind.shape[i]) for i in range(kind.rank)]


def _count(kind: Any) -> str:
    return "?" if "?" in _shape(kind) else str(prod(kind.shape))


def _joined_dimensions(kind: Any) -> str:
    return f"[[{', '.join(map(str, range(kind.rank)))}]]"


def _read_text(table: Any, index: Any, dim: int) -> str:
    own = [i for i in range(table.rank) if i != dim]
    return Template(_READ).substitute(
        _types(table, index),
        dims=", ".join(f"d{i}" for i in range(index.rank)),
        parallel=", ".join(['"parallel"'] * index.rank),
        coordinates="\n".join(f"    %k{i} = linalg.index {i} : index" for i in own),
        places=", ".join("%at" if i == dim else f"%k{i}" for i in range(table.rank)),
    )


def _one_pass_text(table: Any, index: Any, dim: int) -> str:
    types = _types(table, index)
    widen = "%i = arith.extsi %given : !given to !wide"
    if types["element"] == "i64":
        widen = "%i = arith.addi %given, %zeros : !wide"
    several = table.rank > 1
    places = table_places(str(table), str(index), table.rank, dim) if several else line_places()
    names = [name for name, _ in places.carried]
    return Template(_READ_AND_CHECK).substitute(
        types,
        row=ROW,
        lanes=_LANES,
        zero=_ZEROS[types["value"]],
        widen=widen,
        place_sizes=places.sizes,
        place_operands=_further(places.operands),
        place_types=_further("i64" for _ in places.operands),
        place_arguments=_further(f"{name}_in: i64" for name in places.operands),
        start=places.start,
        carried=_further(f"{name} = {first}" for name, first in places.carried),
        carried_results=_further(f"{name}_last" for name in names),
        carried_types=_further("!wide" for _ in names),
        carried_next=_further(f"{name}_next" for name in names),
        place=places.place,
        advance=places.advance,
        report=ROW_TEXT,
    )


def _further(items: Iterable[str]) -> str:
    """Return the text that continues a list with these items."""
    return "".join(f", {item}" for item in items)
