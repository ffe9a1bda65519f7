"""Checks at the start of a program for the conditions of its trace on the inputs' sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ir_runtime.op_reg.generate.torch_type import parse_torch_tensor_type
from ir_runtime.op_reg.program import size_assertion
from ir_runtime.op_reg.program.symbolic_size import NO_MAX, OpenSize, SizeRead, SizeTable

if TYPE_CHECKING:
    from ir_runtime.op_reg.generate.torch_type import TorchTensorType

__all__ = ["assert_input_sizes", "assumed_conditions", "settled_conditions"]

_SMALLEST_USUAL = 2


def assumed_conditions(program: Any, *, is_oblivious: bool) -> list[Any]:
    """Return the conclusions of a trace about its open sizes, as sympy relations.

    Call it before the program is decomposed: that adds conclusions that nothing depends on.

    Args:
        program: a `torch.export.ExportedProgram`.
        is_oblivious: whether it was traced without conclusions from sizes other than 0 and 1. If
            not, only equations are returned: other conclusions may be of that needless kind.
    """
    env = _shape_env_of(program)
    guards = [guard.expr for guard in env.guards] if env is not None else []
    equations = [guard for guard in guards if _is_equation(guard)]
    others = [guard for guard in guards if not (_is_equation(guard) or _tells_small_sizes(guard))]
    return equations + others if is_oblivious else equations


def _is_equation(condition: Any) -> bool:
    return type(condition).__name__ == "Equality"


def _tells_small_sizes(condition: Any) -> bool:
    """Tell whether a condition only excludes the sizes 0 and 1, for which the code is the same."""
    return any(side.is_Integer and 0 <= side <= _SMALLEST_USUAL for side in condition.args)


def settled_conditions(program: Any, conditions: Sequence[Any]) -> list[Any]:
    """Return the conditions with the symbols that a program has after its decomposition."""
    env = _shape_env_of(program)
    replaced = {} if env is None else dict(env.replacements)
    found: list[Any] = []
    for condition in conditions:
        while replaced and condition.free_symbols & replaced.keys():
            condition = condition.xreplace(replaced)  # noqa: PLW2901 - until nothing is replaced
        if condition.free_symbols and condition not in found:
            found.append(condition)
    return found


def _shape_env_of(program: Any) -> Any:
    """Return torch's shape environment of a traced program, None if it has no open sizes."""
    for node in program.graph.nodes:
        value = node.meta.get("val")
        mode = getattr(value, "fake_mode", None)
        if mode is not None and mode.shape_env is not None:
            return mode.shape_env
    return None


def assert_input_sizes(
    module: Any, name: str, program: Any, inputs: Sequence[str], conditions: Sequence[Any]
) -> None:
    """Add assertions to an imported program for the conditions of its trace on the inputs' sizes.

    Args:
        module: has the function `@main`, on values of the torch dialect; changed in place.
        name: of the program, for messages.
        program: the `torch.export.ExportedProgram` that was imported; its user inputs are the
            operands of `@main`.
        inputs: names of the operands of `@main`.
        conditions: conditions beyond those that the program's symbols express.

    Raises:
        GenerateError: the program cannot compute a condition.
    """
    from iree.compiler.ir import InsertionPoint, Location, SymbolTable

    with module.context, Location.unknown():
        entry = SymbolTable(module.operation)["main"].regions[0].blocks[0]
        _admit_small_sizes(entry)
        table = _TracedSizes(program.range_constraints)
        for label, value, traced in zip(inputs, entry.arguments, _operands(program), strict=True):
            table.add(value, traced, label)
        kinds = [parse_torch_tensor_type(str(value.type)) for value in entry.arguments]
        first = entry.operations[0]
        for value, kind in zip(list(entry.arguments), kinds, strict=True):
            if kind is not None and None in kind.dims:
                _pass_through(value, kind, first)
        with InsertionPoint.at_block_begin(entry):
            size_assertion.assert_input_sizes(table, name)
            size_assertion.assert_sizes(table, conditions, name, origin="torch.export")


def _operands(program: Any) -> list[Any]:
    """Return the trace's value of each operand: a fake tensor or a symbol."""
    from torch.export.graph_signature import ConstantArgument, InputKind

    values = {n.name: n.meta["val"] for n in program.graph.nodes if n.op == "placeholder"}
    return [
        values[spec.arg.name]
        for spec in program.graph_signature.input_specs
        if spec.kind is InputKind.USER_INPUT and not isinstance(spec.arg, ConstantArgument)
    ]


class _TracedSizes(SizeTable):
    """The symbols of a traced program, found in its operands.

    Args:
        ranges: the range of each symbol.
    """

    def __init__(self, ranges: Mapping[Any, Any]) -> None:
        super().__init__(lambda size: size.least)
        self._ranges = ranges

    def add(self, value: Any, traced: Any, label: str) -> None:
        """Add the places of an operand's open sizes, or of an operand that is itself a size."""
        if isinstance(traced, torch.SymInt):
            self._reads.append((traced.node.expr, SizeRead(value, None, label)))
        for i, size in enumerate(traced.shape if isinstance(traced, Tensor) else ()):
            if isinstance(size, torch.SymInt) and not size.node.expr.is_Integer:
                place = SizeRead(value, i, f"{label}.shape[{i}]")
                self._reads.append((size.node.expr, place))

    def open_sizes(self) -> Iterator[tuple[Any, OpenSize]]:
        for symbol, limits in self._ranges.items():
            if self.read_of(symbol) is not None:
                # torch writes 2 as the least value of each size, since it treats 0 and 1 specially
                least = int(limits.lower) if limits.lower.is_Integer else -NO_MAX
                most = int(limits.upper) if limits.upper.is_Integer else NO_MAX
                yield symbol, OpenSize(str(symbol), 0 if least <= _SMALLEST_USUAL else least, most)


def _admit_small_sizes(entry: Any) -> None:
    """Allow sizes of 0 and 1: torch writes 2 as the least value, but nothing depends on it."""
    from iree.compiler.ir import Attribute

    for op in entry.operations:
        attributes = op.operation.attributes
        named = op.operation.name == "torch.symbolic_int"
        if named and attributes["min_val"].value <= _SMALLEST_USUAL:
            attributes["min_val"] = Attribute.parse("0 : i64")


def _pass_through(value: Any, kind: TorchTensorType, before: Any) -> None:
    """Make the program use a second value of an input, which is no real copy.

    The compiler assumes that sizes with the same symbol are equal, and would drop the assertion
    for it. So the assertions read the inputs, and the symbols belong to the second values.
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
