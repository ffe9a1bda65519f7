"""The way of index reports from the checks in a module to the last result of its entry.

Each check of a module passes its row to a function without a body. Here those calls are removed.
All functions between them and the entry return the rows as additional results, and the entry
returns them as one tensor, its last result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ir_runtime.errors import GenerateError
from ir_runtime.launch.operand.index_fault import COLUMNS, REFLECTION
from ir_runtime.op_reg.generate.index_report import REPORT, ROW
from ir_runtime.op_reg.generate.module_function import call_values, module_function, parse_type

__all__ = ["collect_reports"]

_MOST_ROWS = 16

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


def collect_reports(module_op: Any, entry: str, *, destination: bool) -> None:
    """Make an entry return the rows of all index checks; without checks, nothing changes.

    Args:
        module_op: the module.
        entry: its exported function.
        destination: whether the entry is in destination-passing form, and takes one more buffer;
            else it is a function on values of the torch dialect.
    """
    from iree.compiler.ir import Location, SymbolTable

    module: Any = module_op.operation
    if not any(REPORT in call.attributes for call in _calls(module)):
        return
    with module.context, Location.unknown():
        _Collection(module, SymbolTable(module), entry, destination=destination).run()


class _Collection:
    """Makes functions return the rows of their checks, from the callees to the entry."""

    def __init__(self, module: Any, symbols: Any, entry: str, *, destination: bool) -> None:
        self._module = module
        self._symbols = symbols
        self._entry = entry
        self._destination = destination
        self._facts: dict[str, list[str]] = {}  # by function, the facts of the rows it returns

    def run(self) -> None:
        function = self._symbols[self._entry].operation
        rows, facts = self._rows(function)
        if not rows:
            return
        self._finish(function, rows, facts)
        for op in list(self._module.regions[0].blocks[0].operations):
            name = op.operation.attributes["sym_name"].value
            if name.startswith(REPORT):
                op.operation.erase()

    def _rows(self, function: Any) -> tuple[list[Any], list[str]]:
        """Return the rows in a function and in its callees; removes the calls that report them."""
        rows: list[Any] = []
        facts: list[str] = []
        if not function.regions[0].blocks:
            return rows, facts
        last = list(function.regions[0].blocks)[-1]
        for op in _calls(function):
            if REPORT in op.attributes:
                self._require_top(op, last)
                rows.append(op.operands[0])
                facts.append(op.attributes[REPORT].value)
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
        # A row of a block that may run several times, or not at all, cannot be one more result.
        if op.block != last:
            raise GenerateError(
                "an index is checked in a loop or a branch, must be at the top of a function"
            )

    def _returned(self, name: str) -> list[str]:
        if name not in self._facts:
            function = self._symbols[name].operation
            self._facts[name] = []  # ends the search if the function calls itself
            rows, self._facts[name] = self._rows(function)
            if rows:
                _return_more(function, rows)
        return self._facts[name]

    def _finish(self, function: Any, rows: list[Any], facts: list[str]) -> None:
        from iree.compiler.ir import Attribute, DictAttr, InsertionPoint, Operation, StringAttr

        last = list(function.regions[0].blocks)[-1]
        body = self._module.regions[0].blocks[0]
        with InsertionPoint(_after(rows, last)):
            joined = [
                self._joined(body, rows[i : i + _MOST_ROWS])
                for i in range(0, len(rows), _MOST_ROWS)
            ]
            report = joined[0]
            if len(joined) > 1:
                kind = parse_type(f"tensor<{len(rows)}x{COLUMNS}xi64>")
                report = Operation.create(
                    "tensor.concat",
                    results=[kind],
                    operands=joined,
                    attributes={"dim": Attribute.parse("0 : i64")},
                ).result
            if not self._destination:
                kind = parse_type(f"!torch.vtensor<[{len(rows)},{COLUMNS}],si64>")
                report = Operation.create(
                    "torch_c.from_builtin_tensor", results=[kind], operands=[report]
                ).result
        if self._destination:
            _add_destination(function)
        _return_more(function, [report])
        text = StringAttr.get("[" + ", ".join(facts) + "]")
        attributes = function.attributes
        known = attributes["iree.reflection"] if "iree.reflection" in attributes else ()  # noqa: SIM401
        reflection = {named.name: named.attr for named in known} | {REFLECTION: text}
        function.attributes["iree.reflection"] = DictAttr.get(reflection)

    def _joined(self, body: Any, rows: list[Any]) -> Any:
        function = module_function(body, self._symbols, _join_text(len(rows)))
        kind = parse_type(f"tensor<{len(rows)}x{COLUMNS}xi64>")
        return call_values(function, rows, [kind])[0]


def _after(rows: Sequence[Any], block: Any) -> Any:
    """Return the first op of a block at which all rows are known.

    What changes an argument comes later: a report that is joined after a change would be read too
    late, so the argument would be changed aside and copied.
    """
    operations = [op.operation for op in block.operations]
    owners = [row.owner for row in rows]
    known = [i for i, op in enumerate(operations) if any(op == owner for owner in owners)]
    return operations[max(known, default=-1) + 1]


def _calls(container: Any) -> list[Any]:
    from iree.compiler.ir import WalkResult

    found: list[Any] = []

    def visit(op: Any) -> Any:
        if op.name in ("util.call", "func.call"):
            found.append(op)
        return WalkResult.ADVANCE

    container.walk(visit)
    return found


def _with_more_results(call: Any, count: int) -> list[Any]:
    """Replace a call by one with `count` more results, the rows; returns the rows."""
    from iree.compiler.ir import InsertionPoint, Operation

    old = list(call.results)
    with call.location, InsertionPoint(call):
        made = Operation.create(
            call.name,
            results=[*(r.type for r in old), *[parse_type(ROW)] * count],
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
    entry.add_argument(parse_type("!hal.buffer_view"), Location.unknown())
    place = Attribute.parse(f"{len(kind.results)} : index")
    attributes = [*function.attributes["arg_attrs"], DictAttr.get({"iree.abi.output": place})]
    function.attributes["arg_attrs"] = ArrayAttr.get(attributes)


def _join_text(count: int) -> str:
    selects: list[str] = []
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
        arguments=", ".join(f"{name}: {ROW}" for name in names),
        names=", ".join(names),
        types=", ".join([ROW] * count),
        maps="#one, " * count,
        block=", ".join(f"%a{i}: i64" for i in range(count)),
        selects="\n".join(selects),
        last=count - 1,
    ).replace("%n0 : i64", "%a0 : i64")
