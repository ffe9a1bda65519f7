"""Rewrite a module between the flow and the stream phase, so that no two updates share a buffer.

`compiler_process` loads this file by its path, so it imports nothing but the compiler.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from typing import Any

__all__ = ["with_separate_tensors"]

_SAME_TENSOR = ("flow.tensor.reshape", "flow.tensor.bitcast", "tensor.cast")
_READERS = ("flow.tensor.slice", "flow.tensor.load", "flow.tensor.trace", "hal.tensor.export")


def with_separate_tensors(flow: bytes) -> bytes | None:
    """Give each use of a tensor that depends on no other tensor its own dispatch and executable.

    Such a tensor is an `arange`, or the places that a sort moves. If two dispatches update it in
    place, IREE 3.13 does not copy it but repeats the dispatch that makes it, and later merges the
    two equal dispatches: both updates happen in one buffer, and the numbers are wrong
    (https://github.com/iree-org/iree/pull/23665). It never merges different executables.

    Args:
        flow: the module after the flow phase, as bytecode.

    Returns:
        The module with these copies, None if it needs none.
    """
    from iree.compiler.ir import Context, Module

    context: Any = Context()
    context.enable_multithreading(False)  # noqa: FBT003 - MLIR's threads do not survive a fork
    module = Module.parse(flow, context).operation
    if not _separate_tensors(module):
        return None
    written = io.BytesIO()
    module.write_bytecode(written)
    return written.getvalue()


def _separate_tensors(module: Any) -> bool:
    """Make the copies of `with_separate_tensors`; returns whether any was needed."""
    operations = _operations_in(module)
    executables = {
        op.attributes["sym_name"].value: op for op in operations if op.name == "flow.executable"
    }
    makers: dict[str, list[Any]] = {}
    for op in operations:
        if op.name == "flow.dispatch" and not any(_is_tensor(value) for value in op.operands):
            makers.setdefault(op.attributes["entry_points"][0].value[0], []).append(op)
    changed = False
    for name, dispatches in makers.items():
        if name not in executables:  # code from elsewhere, whose symbols cannot be renamed
            continue
        uses = [use for op in dispatches for use in _uses_of(op)]
        if len(uses) < 2 or not any(_may_write(*use) for use in uses):
            continue
        changed = True
        for i, op in enumerate(dispatches):
            if i:
                _call_copy(op, executables)
            _separate(op, lambda op: _call_copy(op.clone(), executables))
    return changed


def _operations_in(module: Any) -> list[Any]:
    from iree.compiler.ir import WalkResult

    found: list[Any] = []

    def visit(operation: Any) -> Any:
        found.append(operation)
        return WalkResult.ADVANCE

    module.walk(visit)
    return found


def _is_tensor(value: Any) -> bool:
    return str(value.type).startswith("tensor<")


def _uses_of(op: Any) -> list[tuple[Any, int]]:
    """Return the users of an operation's results, also through views, with operand numbers."""
    found: list[tuple[Any, int]] = []
    for result in op.results:
        for use in result.uses:
            user = use.owner.operation
            views = user.name in _SAME_TENSOR
            found.extend(_uses_of(user) if views else [(user, use.operand_number)])
    return found


def _may_write(user: Any, number: int) -> bool:
    """Tell whether an operation may update one of its operands in place."""
    if user.name == "flow.dispatch":
        first = user.attributes["operandSegmentSizes"][0]
        return any(tied.value == number - first for tied in user.attributes["tied_operands"])
    if user.name == "flow.tensor.update":
        return number == 0
    return user.name not in _READERS and user.name != "hal.tensor.barrier"


def _separate(op: Any, copy: Callable[[Any], Any]) -> None:
    """Copy an operation, and the views of its results, for each use but the first."""
    for result in op.results:
        for use in list(result.uses):
            if use.owner.operation.name in _SAME_TENSOR:
                _separate(use.owner.operation, lambda view: view.clone())
    uses = [
        (i, use.owner.operation, use.operand_number)
        for i, result in enumerate(op.results)
        for use in result.uses
    ]
    for i, user, number in uses[1:]:
        with op.context, _before(op):
            user.operands[number] = copy(op).results[i]


def _before(op: Any) -> Any:
    from iree.compiler.ir import InsertionPoint

    return InsertionPoint(op)


def _call_copy(dispatch: Any, executables: dict[str, Any]) -> Any:
    """Make a dispatch call a copy of its executable; returns the dispatch."""
    from iree.compiler.ir import ArrayAttr, SymbolRefAttr

    name, entry = dispatch.attributes["entry_points"][0].value
    original = executables[name]
    names = (f"{name}_use_{i}" for i in itertools.count())
    fresh = next(unused for unused in names if unused not in executables)
    suffix = fresh.removeprefix(name)
    with dispatch.context, _before(original):
        executables[fresh] = twin = original.clone()
        _rename_entries(twin, name, suffix)
        called = SymbolRefAttr.get([fresh, entry + suffix])
        dispatch.attributes["entry_points"] = ArrayAttr.get([called])
    return dispatch


def _rename_entries(executable: Any, name: str, suffix: str) -> None:
    """Rename an executable and its functions: the code of all executables is linked together."""
    from iree.compiler.ir import FlatSymbolRefAttr, StringAttr

    operations = _operations_in(executable)
    exports = [op for op in operations if "function_ref" in op.attributes]
    renamed = {name, *(export.attributes["sym_name"].value for export in exports)}
    for export in exports:
        function = export.attributes["function_ref"].value
        renamed.add(function)
        export.attributes["function_ref"] = FlatSymbolRefAttr.get(function + suffix)
    for op in operations:
        if "sym_name" in op.attributes and op.attributes["sym_name"].value in renamed:
            op.attributes["sym_name"] = StringAttr.get(op.attributes["sym_name"].value + suffix)
