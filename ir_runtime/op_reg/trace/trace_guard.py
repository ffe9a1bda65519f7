"""Assertions in a program for the guards of its trace: conditions on the sizes of its inputs.

A trace of `x.narrow(0, 2, 3)` is valid only for sizes of at least 5; a trace of `x + y[: len(x)]`
only for a `y` that is at least as long. At other sizes torch raises an error, but the program would
read outside of a tensor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ir_runtime.errors import GenerateError
from ir_runtime.op_reg.program.size_assertion import NoCodeError, SizeEmitter, format_condition
from ir_runtime.op_reg.program.symbolic_size import SizeRead

__all__ = ["assert_trace_guards"]

_FEW_ELEMENTS = 2


def assert_trace_guards(program: Any, inputs: Sequence[tuple[str, Any, str]], what: str) -> None:
    """Emit an assertion for each guard of a trace at the current insertion point.

    Args:
        program: a `torch.export.ExportedProgram`.
        inputs: for each operand of the program its node's name, its value, and its name in
            messages.
        what: start of the assertion's message.

    Raises:
        GenerateError: a guard cannot be computed in the program.
    """
    from iree.compiler.ir import Operation, StringAttr

    env = _shape_env(program)
    if env is None or not env.guards:
        return
    table = _Table(_reads(program, inputs))
    relaxed = (_relaxed(guard.expr).xreplace(env.replacements) for guard in env.guards)
    for condition in dict.fromkeys(relaxed):
        if condition in (True, False) or not table.knows(condition) or _is_of_layout(condition):
            continue
        shown = format_condition(table, condition)  # pyright: ignore[reportArgumentType]
        try:
            holds = SizeEmitter(table).relation(condition)  # pyright: ignore[reportArgumentType]
        except NoCodeError as error:
            raise GenerateError(
                f"{what}: torch traced it for sizes where {shown}, which the program cannot check",
                facts=[str(error)],
            ) from None
        message = StringAttr.get(f"{what}: must have {shown}")
        Operation.create("cf.assert", operands=[holds], attributes={"msg": message})


def _relaxed(condition: Any) -> Any:
    """Return a guard that accepts equal sizes, too, if it compares two sizes.

    torch asks which size is less; the trace is also valid if they are equal. Kernels are tried at
    equal sizes when they are traced, and programs compute broadcasts and slices with their sizes.
    """
    import sympy

    kinds = {sympy.StrictLessThan: sympy.Le, sympy.StrictGreaterThan: sympy.Ge}
    relaxed = kinds.get(type(condition))
    if relaxed is None or not all(side.free_symbols for side in condition.args):
        return condition
    return relaxed(*condition.args)


def _is_of_layout(condition: Any) -> bool:
    """Tell whether a guard tests for few elements; torch does so only to choose a layout."""
    numbers = [int(side) for side in condition.args if side.is_Integer]
    products = [side for side in condition.args if side.is_Mul and len(side.free_symbols) > 1]
    return bool(products) and bool(numbers) and 0 <= numbers[0] <= _FEW_ELEMENTS


def _shape_env(program: Any) -> Any:
    import torch

    for node in program.graph.nodes:
        value = node.meta.get("val")
        for size in getattr(value, "shape", (value,)):
            if isinstance(size, torch.SymInt):
                return size.node.shape_env
    return None


def _reads(program: Any, inputs: Sequence[tuple[str, Any, str]]) -> dict[Any, SizeRead]:
    """Return the place of each symbol that is the size of an input."""
    import torch

    nodes = {node.name: node.meta.get("val") for node in program.graph.nodes}
    found: dict[Any, SizeRead] = {}
    for name, value, label in inputs:
        traced = nodes[name]
        if isinstance(traced, torch.SymInt):
            found.setdefault(traced.node.expr, SizeRead(value, None, label))
        for i, size in enumerate(getattr(traced, "shape", ())):
            if isinstance(size, torch.SymInt) and size.node.expr.is_Symbol:
                found.setdefault(size.node.expr, SizeRead(value, i, f"{label}.shape[{i}]"))
    return found


class _Table:
    """The places of a trace's symbols, for an emitter."""

    def __init__(self, reads: Mapping[Any, SizeRead]) -> None:
        self._reads = reads

    def knows(self, condition: Any) -> bool:
        return all(symbol in self._reads for symbol in condition.free_symbols)

    def read_of(self, symbol: Any) -> tuple[SizeRead, int, int] | None:
        read = self._reads.get(symbol)
        return None if read is None else (read, 1, 0)

    def label_of(self, symbol: Any) -> str:
        return self._reads[symbol].label
