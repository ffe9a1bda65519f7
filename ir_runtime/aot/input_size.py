"""Let a program check, before it runs, what its trace takes for granted of its inputs' sizes."""

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
    """Return what a trace concluded of its open sizes from its examples: sympy relations.

    To be asked before the program is decomposed, which adds conclusions that nothing depends on.

    Args:
        program: a `torch.export.ExportedProgram`.
        is_oblivious: whether it was traced without conclusions from sizes not being 0 or 1. If
            not, only equations are returned: of the others nobody can tell which are such.
    """
    env = _shape_env_of(program)
    guards = [guard.expr for guard in env.guards] if env is not None else []
    equations = [guard for guard in guards if _is_equation(guard)]
    others = [guard for guard in guards if not (_is_equation(guard) or _tells_small_sizes(guard))]
    return equations + others if is_oblivious else equations


def _is_equation(condition: Any) -> bool:
    return type(condition).__name__ == "Equality"


def _tells_small_sizes(condition: Any) -> bool:
    """Tell whether a condition only says that a size is not 0 or 1, which needs no other code."""
    return any(side.is_Integer and 0 <= side <= _SMALLEST_USUAL for side in condition.args)


def settled_conditions(program: Any, conditions: Sequence[Any]) -> list[Any]:
    """Return conditions over the symbols that a program has after it was decomposed."""
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
    """Return what knows the symbols of a traced program, None if it has no open sizes."""
    for node in program.graph.nodes:
        value = node.meta.get("val")
        mode = getattr(value, "fake_mode", None)
        if mode is not None and mode.shape_env is not None:
            return mode.shape_env
    return None


def assert_input_sizes(
    module: Any, name: str, program: Any, inputs: Sequence[str], conditions: Sequence[Any]
) -> None:
    """Assert in an imported program what its trace takes for granted of the inputs' sizes.

    Args:
        module: has the function `@main`, on values of the torch dialect; changed in place.
        program: the `torch.export.ExportedProgram` that was imported.
        name: of the program, for messages.
        program: what was imported: a program whose user inputs are the operands of `@main`.
        inputs: names of the operands of `@main`.
        conditions: what must hold beyond what the program writes with symbols.

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
    """Return what the trace knows of each operand: a fake tensor or a symbol."""
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
        """Note where the open sizes of an operand, or an operand that is a size, are found."""
        if isinstance(traced, torch.SymInt):
            self._reads.append((traced.node.expr, SizeRead(value, None, label)))
        for i, size in enumerate(traced.shape if isinstance(traced, Tensor) else ()):
            if isinstance(size, torch.SymInt) and not size.node.expr.is_Integer:
                place = SizeRead(value, i, f"{label}.shape[{i}]")
                self._reads.append((size.node.expr, place))

    def open_sizes(self) -> Iterator[tuple[Any, OpenSize]]:
        for symbol, limits in self._ranges.items():
            if self.read_of(symbol) is not None:
                # torch states 2 for sizes that it takes to be neither 0 nor 1
                least = int(limits.lower) if limits.lower.is_Integer else -NO_MAX
                most = int(limits.upper) if limits.upper.is_Integer else NO_MAX
                yield symbol, OpenSize(str(symbol), 0 if least <= _SMALLEST_USUAL else least, most)


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
