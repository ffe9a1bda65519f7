"""Write the check of an index as MLIR, and carry what it finds to the results of the program.

A check yields the index tensor with all indices in range, and a row of four numbers: the least and
the greatest index, the lowest one allowed, and the size. The row is given to a function that is
only declared. `collect_reports` removes those calls at last, and lets all functions between them
and the entry return the rows; the entry returns them as one tensor, its last result.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ir_runtime.errors import GenerateError
from ir_runtime.launch.index_fault import COLUMNS, REFLECTION, ZERO_SIZE
from ir_runtime.op_reg.torch_type import parse_torch_tensor_type

if TYPE_CHECKING:
    from iree.compiler.ir import Value

__all__ = ["check_index", "collect_reports", "expand_index_checks"]

_REPORT = "ir_runtime.index_report"
_ROW = f"tensor<{COLUMNS}xi64>"
_MOST_ROWS = 16

_CHECK = """
#same = affine_map<({dims}) -> ({dims})>
#none = affine_map<({dims}) -> ()>
#row = affine_map<(d0) -> (d0)>
#row_none = affine_map<(d0) -> ()>
util.func private @ir_runtime_check_index(%index: {type}, %size: i64, %lowest: i64) -> ({type}, {row}) {{
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
  %empty_row = tensor.empty() : {row}
  %row = linalg.generic {{indexing_maps = [#row_none, #row_none, #row], iterator_types = ["parallel"]}}
      ins(%least, %greatest : tensor<i64>, tensor<i64>) outs(%empty_row : {row}) {{
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
  }} -> {row}
  util.return %safe, %row : {type}, {row}
}}
"""

_JOIN = """
#all = affine_map<(d0, d1) -> (d0, d1)>
#one = affine_map<(d0, d1) -> (d1)>
util.func private @ir_runtime_join_reports({arguments}) -> tensor<{count}x{columns}xi64> {{
  %empty = tensor.empty() : tensor<{count}x{columns}xi64>
  %rows = linalg.generic {{indexing_maps = [{maps}#all], iterator_types = ["parallel", "parallel"]}}
      ins({names} : {types}) outs(%empty : tensor<{count}x{columns}xi64>) {{
  ^bb0({block}, %o: i64):
    %k = linalg.index 0 : index
{selects}
    linalg.yield %n{last} : i64
  }} -> tensor<{count}x{columns}xi64>
  util.return %rows : tensor<{count}x{columns}xi64>
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
        size: `i64`, of the dimension that is indexed.
        facts: what messages say of it; see `ir_runtime.launch.index_fault`.
        wraps: whether negative indices count from the end.

    Returns:
        The indices, from 0 to `size - 1`.
    """
    from iree.compiler.dialects import arith
    from iree.compiler.ir import IntegerAttr, IntegerType, Operation, RankedTensorType, StringAttr

    kind = RankedTensorType(index.type)
    text = json.dumps(facts, sort_keys=True)
    _assert_any(index, kind, size, text)
    wide = IntegerType.get_signless(64)
    lowest = arith.ConstantOp(wide, IntegerAttr.get(wide, 0)).result
    if wraps:
        lowest = arith.subi(lowest, size)
    check = _function(module_body, symbols, _check_text(kind))
    safe, row = _call(check, [index, size, lowest], [index.type, _parse(_ROW)])
    report = _function(module_body, symbols, f"util.func private @{_REPORT}(%row: {_ROW})")
    marker = _call_operation(report, [row], [])
    marker.attributes[_REPORT] = StringAttr.get(text)
    del Operation
    return safe


def expand_index_checks(module_op: Any) -> None:
    """Expand the calls of `checked_index` in a program that FxImporter made."""
    from iree.compiler.ir import InsertionPoint, SymbolTable, WalkResult

    found: list[Any] = []

    def visit(op: Any) -> Any:
        if op.name == "torch.operator" and op.attributes["name"].value == _OPERATOR:
            found.append(op)
        return WalkResult.ADVANCE

    module: Any = module_op.operation
    module.walk(visit)
    with module.context:
        symbols = SymbolTable(module)
        body = module.regions[0].blocks[0]
        for op in found:
            with op.location, InsertionPoint(op):
                _expand(op, body, symbols)


_OPERATOR = "torch.ir_runtime_trace.checked_index"


def _expand(op: Any, body: Any, symbols: Any) -> None:
    from iree.compiler.ir import Operation

    index, size, wraps, small, large, facts = op.operands
    kind = parse_torch_tensor_type(str(index.type))
    assert kind is not None, "an index of unknown rank or dtype"
    text = _constant(facts)
    pairs = zip(_list(small), _list(large), strict=True)
    for one, other in pairs:
        _assert_at_most(one, other, json.loads(text))
    builtin = Operation.create(
        "torch_c.to_builtin_tensor", results=[_parse(kind.builtin_asm)], operands=[index]
    ).result
    safe = check_index(
        body, symbols, builtin, _to_i64(size), json.loads(text), wraps=bool(_constant(wraps))
    )
    result = Operation.create(
        "torch_c.from_builtin_tensor", results=[op.results[0].type], operands=[safe]
    ).result
    op.results[0].replace_all_uses_with(result)
    op.erase()


def _constant(value: Any) -> Any:
    return value.owner.attributes["value"].value


def _list(value: Any) -> list[Any]:
    return list(value.owner.operands)


def _to_i64(value: Any) -> Any:
    from iree.compiler.ir import Operation

    return Operation.create("torch_c.to_i64", results=[_parse("i64")], operands=[value]).result


def _assert_at_most(one: Any, other: Any, facts: dict[str, Any]) -> None:
    from iree.compiler.dialects import arith
    from iree.compiler.ir import Operation, StringAttr

    holds = arith.cmpi(arith.CmpIPredicate.sle, _to_i64(one), _to_i64(other))
    name = facts.get("argument") or "the index"
    text = f"{facts['op']}: `{name}` must not be larger than the tensor in another dimension"
    Operation.create("cf.assert", operands=[holds], attributes={"msg": StringAttr.get(text)})


def _assert_any(index: Any, kind: Any, size: Any, text: str) -> None:
    """Assert that there is something to index, or no index; sizes are known before anything runs."""
    from iree.compiler.dialects import arith, tensor
    from iree.compiler.ir import IndexType, IntegerAttr, IntegerType, Operation, StringAttr

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
    wide = width == 64
    return _CHECK.format(
        dims=", ".join(dims),
        type=str(kind),
        row=_ROW,
        element=element,
        sizes="\n".join(sizes),
        dynamic=", ".join(f"%n{i}" for i in dynamic),
        parallel=", ".join(['"parallel"'] * rank),
        reduction=", ".join(['"reduction"'] * rank),
        widen=("%i = arith.addi %a, %zero : i64" if wide else f"%i = arith.extsi %a : {element} to i64"),
        narrow=("%r = arith.addi %in, %zero : i64" if wide else f"%r = arith.trunci %in : i64 to {element}"),
    )


def _join_text(count: int) -> str:
    selects = ["    %n0 = arith.addi %a0, %a0_zero : i64"] if False else []
    for i in range(1, count):
        before = "%a0" if i == 1 else f"%n{i - 1}"
        selects += [
            f"    %c{i} = arith.constant {i} : index",
            f"    %is{i} = arith.cmpi eq, %k, %c{i} : index",
            f"    %n{i} = arith.select %is{i}, %a{i}, {before} : i64",
        ]
    names = [f"%r{i}" for i in range(count)]
    return _JOIN.format(
        count=count,
        columns=COLUMNS,
        arguments=", ".join(f"{name}: {_ROW}" for name in names),
        names=", ".join(names),
        types=", ".join([_ROW] * count),
        maps="#one, " * count,
        block=", ".join(f"%a{i}: i64" for i in range(count)),
        selects="\n".join(selects),
        last=count - 1,
    ).replace("%n0 : i64", "%a0 : i64")


# functions of a module


def _parse(text: str) -> Any:
    from iree.compiler.ir import Type

    return Type.parse(text)


def _function(body: Any, symbols: Any, text: str) -> Any:
    """Return a function of the module, which is added if it is not there yet."""
    from iree.compiler.ir import Module, StringAttr

    from ir_runtime.launch.key import digest_of

    module = Module.parse(text)  # must outlive what is taken from it
    found = module.body.operations[0].operation
    name = f"{found.attributes['sym_name'].value}_{digest_of(text)[:8]}"
    if name in symbols:
        return symbols[name].operation
    found.detach_from_parent()
    found.attributes["sym_name"] = StringAttr.get(name)
    body.append(found)
    symbols.insert(found)
    return found


def _call_operation(function: Any, operands: Sequence[Any], results: Sequence[Any]) -> Any:
    from iree.compiler.ir import FlatSymbolRefAttr, Operation

    name = function.attributes["sym_name"].value
    return Operation.create(
        "util.call",
        results=list(results),
        operands=list(operands),
        attributes={"callee": FlatSymbolRefAttr.get(name)},
    )


def _call(function: Any, operands: Sequence[Any], results: Sequence[Any]) -> list[Any]:
    return list(_call_operation(function, operands, results).results)


# from the checks to the results


def collect_reports(module_op: Any, entry: str, *, destination: bool) -> None:
    """Make an entry return what the checks of a module find; nothing changes if there are none.

    Args:
        module_op: the module.
        entry: its exported function.
        destination: whether it is in destination-passing form, so that it takes one more buffer;
            else it is a function on values of the torch dialect.
    """
    from iree.compiler.ir import Location, SymbolTable

    module: Any = module_op.operation
    if _REPORT not in {name for name in _attribute_names(module)}:
        return
    with module.context, Location.unknown():
        _Collection(module, SymbolTable(module), entry, destination=destination).run()


def _attribute_names(module: Any) -> set[str]:
    from iree.compiler.ir import WalkResult

    found: set[str] = set()

    def visit(op: Any) -> Any:
        if op.name == "util.call" and _REPORT in op.attributes:
            found.add(_REPORT)
        return WalkResult.ADVANCE

    module.walk(visit)
    return found


class _Collection:
    """Lets functions return the rows of their checks, from the callees to the entry."""

    def __init__(self, module: Any, symbols: Any, entry: str, *, destination: bool) -> None:
        self._module = module
        self._symbols = symbols
        self._entry = entry
        self._destination = destination
        self._facts: dict[str, list[str]] = {}  # of the rows that a function returns

    def run(self) -> None:
        function = self._symbols[self._entry].operation
        rows, facts = self._rows(function)
        if not rows:
            return
        self._finish(function, rows, facts)
        for op in list(self._module.regions[0].blocks[0].operations):
            name = op.operation.attributes["sym_name"].value
            if name.startswith(_REPORT):
                op.operation.erase()

    def _rows(self, function: Any) -> tuple[list[Any], list[str]]:
        """Return the rows in a function, those of its calls included; takes the calls away."""
        rows: list[Any] = []
        facts: list[str] = []
        if not function.regions[0].blocks:
            return rows, facts
        last = list(function.regions[0].blocks)[-1]
        for op in _calls(function):
            if _REPORT in op.attributes:
                self._require_top(op, last)
                rows.append(op.operands[0])
                facts.append(op.attributes[_REPORT].value)
                op.erase()
                continue
            callee = op.attributes["callee"].value
            callee_facts = self._returned(callee)
            if callee_facts:
                self._require_top(op, last)
                rows += _with_more_results(op, len(callee_facts))
                facts += callee_facts
        return rows, facts

    def _require_top(self, op: Any, last: Any) -> None:
        if op.block != last:
            raise GenerateError(
                "an index is checked in a loop or a branch, must be at the top of a function"
            )

    def _returned(self, name: str) -> list[str]:
        if name not in self._facts:
            function = self._symbols[name].operation
            self._facts[name] = []
            rows, self._facts[name] = self._rows(function)
            if rows:
                _return_more(function, rows)
        return self._facts[name]

    def _finish(self, function: Any, rows: list[Any], facts: list[str]) -> None:
        from iree.compiler.ir import Attribute, DictAttr, InsertionPoint, Operation, StringAttr

        last = list(function.regions[0].blocks)[-1]
        body = self._module.regions[0].blocks[0]
        with InsertionPoint(list(last.operations)[-1]):
            joined = [
                self._joined(body, rows[i : i + _MOST_ROWS]) for i in range(0, len(rows), _MOST_ROWS)
            ]
            report = joined[0]
            if len(joined) > 1:
                kind = _parse(f"tensor<{len(rows)}x{COLUMNS}xi64>")
                report = Operation.create(
                    "tensor.concat",
                    results=[kind],
                    operands=joined,
                    attributes={"dim": Attribute.parse("0 : i64")},
                ).result
            if not self._destination:
                kind = _parse(f"!torch.vtensor<[{len(rows)},{COLUMNS}],si64>")
                report = Operation.create(
                    "torch_c.from_builtin_tensor", results=[kind], operands=[report]
                ).result
        if self._destination:
            _add_destination(function)
        _return_more(function, [report])
        text = "[" + ", ".join(facts) + "]"
        reflection = {REFLECTION: StringAttr.get(text)}
        function.attributes["iree.reflection"] = DictAttr.get(reflection)

    def _joined(self, body: Any, rows: list[Any]) -> Any:
        function = _function(body, self._symbols, _join_text(len(rows)))
        kind = _parse(f"tensor<{len(rows)}x{COLUMNS}xi64>")
        return _call(function, rows, [kind])[0]


def _calls(function: Any) -> list[Any]:
    from iree.compiler.ir import WalkResult

    found: list[Any] = []

    def visit(op: Any) -> Any:
        if op.name in ("util.call", "func.call"):
            found.append(op)
        return WalkResult.ADVANCE

    function.walk(visit)
    return found


def _with_more_results(call: Any, count: int) -> list[Any]:
    """Exchange a call by one that has more results, which are rows; returns those."""
    from iree.compiler.ir import InsertionPoint, Operation

    old = list(call.results)
    with call.location, InsertionPoint(call):
        made = Operation.create(
            call.name,
            results=[*(r.type for r in old), *[_parse(_ROW)] * count],
            operands=list(call.operands),
            attributes={name: call.attributes[name] for name in call.attributes},
        )
    for before, after in zip(old, list(made.results), strict=False):
        before.replace_all_uses_with(after)
    call.erase()
    return list(made.results)[len(old) :]


def _return_more(function: Any, values: Sequence[Any]) -> None:
    from iree.compiler.ir import FunctionType, InsertionPoint, Operation, TypeAttr

    last = list(function.regions[0].blocks)[-1]
    end = list(last.operations)[-1].operation
    with end.location, InsertionPoint(end):
        Operation.create(end.name, operands=[*end.operands, *values])
    end.erase()
    entry = function.regions[0].blocks[0]
    kind = FunctionType(TypeAttr(function.attributes["function_type"]).value)
    new = FunctionType.get(
        [argument.type for argument in entry.arguments],
        [*kind.results, *(value.type for value in values)],
    )
    function.attributes["function_type"] = TypeAttr.get(new)


def _add_destination(function: Any) -> None:
    from iree.compiler.ir import ArrayAttr, Attribute, DictAttr, FunctionType, Location, TypeAttr

    kind = FunctionType(TypeAttr(function.attributes["function_type"]).value)
    entry = function.regions[0].blocks[0]
    entry.add_argument(_parse("!hal.buffer_view"), Location.unknown())
    place = Attribute.parse(f"{len(kind.results)} : index")
    attributes = [*function.attributes["arg_attrs"], DictAttr.get({"iree.abi.output": place})]
    function.attributes["arg_attrs"] = ArrayAttr.get(attributes)
