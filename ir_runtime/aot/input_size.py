"""What does a program check of its inputs before it runs?  Sizes that it takes to be related."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ir_runtime.op_reg.torch_type import TorchTensorType

__all__ = ["assert_input_sizes"]

_SMALLEST_USUAL = 2


def assert_input_sizes(module: Any, program: Any, name: str, inputs: Sequence[str]) -> None:
    """Assert in an imported program what its trace takes for granted of the inputs' sizes.

    Args:
        module: has the function `@main`, on values of the torch dialect; changed in place.
        program: the `torch.export.ExportedProgram` that was imported.
        name: of the program, for messages.
        inputs: names of the operands of `@main`.
    """
    from iree.compiler.ir import InsertionPoint, Location, SymbolTable

    from ir_runtime.op_reg import size_assertion
    from ir_runtime.op_reg.symbolic_size import SizeTable
    from ir_runtime.op_reg.torch_type import parse_torch_tensor_type
    from ir_runtime.op_reg.trace_guard import assert_trace_guards

    with module.context, Location.unknown():
        entry = SymbolTable(module.operation)["main"].regions[0].blocks[0]
        _admit_small_sizes(entry)
        table = SizeTable(lambda size: min(max(6, size.least), size.most))
        kinds = [parse_torch_tensor_type(str(value.type)) for value in entry.arguments]
        for label, value, kind in zip(inputs, entry.arguments, kinds, strict=True):
            if kind is not None:
                table.shape_of(value, kind, label)
        first = entry.operations[0]
        for value, kind in zip(list(entry.arguments), kinds, strict=True):
            if kind is not None and None in kind.dims:
                _pass_through(value, kind, first)
        with InsertionPoint.at_block_begin(entry):
            size_assertion.assert_input_sizes(table, name)
            assert_trace_guards(
                program, [(i, v, i) for i, v in zip(inputs, entry.arguments, strict=True)], name
            )


def _admit_small_sizes(entry: Any) -> None:
    """Let sizes be 0 and 1: torch states 2 for all, and nothing here depends on it."""
    from iree.compiler.ir import Attribute

    for op in entry.operations:
        attributes = op.operation.attributes
        named = op.operation.name == "torch.symbolic_int"
        if named and attributes["min_val"].value <= _SMALLEST_USUAL:
            attributes["min_val"] = Attribute.parse("0 : i64")


def _pass_through(value: Any, kind: TorchTensorType, before: Any) -> None:
    """Let all of the program use a copy of an input, in name only.

    The compiler takes sizes of values with the same symbol to be equal, and would drop the
    assertion that they are. So the assertions read the inputs, and the symbols are of the copies.
    """
    from iree.compiler.ir import InsertionPoint, Operation, Type

    with InsertionPoint(before):
        builtin = Operation.create(
            "torch_c.to_builtin_tensor",
            results=[Type.parse(kind.builtin_asm)],
            operands=[value],
        )
        copy = Operation.create(
            "torch_c.from_builtin_tensor", results=[value.type], operands=[builtin.result]
        ).result
    value.replace_all_uses_except(copy, builtin)
