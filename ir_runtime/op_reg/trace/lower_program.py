"""The lowering of a traced torch program to MLIR on builtin tensors, by IREE's own passes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from ir_runtime.errors import (
    CompileError,
    CompilerNotFoundError,
    CompilerTimeoutError,
    GenerateError,
)
from ir_runtime.launch.compile.compiler import run_passes
from ir_runtime.op_reg.trace.fusion_barrier import keep_module_apart
from ir_runtime.op_reg.trace.import_program import example_sizes, first_lines, import_program
from ir_runtime.op_reg.trace.index_check import UncheckedIndexError, check_indices
from ir_runtime.op_reg.trace.index_expand import expand_index_checks
from ir_runtime.op_reg.trace.legal import (
    blame,
    places_of,
    refuse_operators,
    refuse_unknown_operators,
)
from ir_runtime.op_reg.trace.trace_guard import assert_trace_guards

__all__ = ["Place", "lower_program"]

_PIPELINE = "torch-to-iree{emit-async-entry-points=false strict-symbolic-shapes=true}"

Place = tuple[int, int]
"""The number of an operand, and one of its dimensions."""


def lower_program(
    program: Any,
    name: str,
    classes: dict[str, list[Place]],
    *,
    family: str = "local",
    arguments: Sequence[str | None] = (),
    of: str | None = None,
    apart: bool = False,
) -> str:
    """Lower an exported program to builtin tensor types.

    Args:
        program: a `torch.export.ExportedProgram`.
        name: of the function, for messages.
        classes: groups of dynamic dimensions that must be equal; the MLIR asserts it.
        family: the device family for the kernels of registered ops.
        arguments: names of the operands that are arguments of an op, in order, for messages.
        of: the op with these arguments.
        apart: whether the compiler is kept from fusing code into softmaxes and writes by index.

    Returns:
        A module with the function `@main`, and the functions of the kernels that it calls.

    Raises:
        ArgumentError: a call of a registered op does not fit it.
        GenerateError: the kernel of a called op cannot be made, or an operator takes indices that
            cannot be checked.
        UnsupportedOperatorError: an operator of the program cannot be compiled.
    """
    from ir_runtime.op_reg.program.expand import ExpandCustomOpsPass

    refuse_operators(f"inline_torch: {name}", program)
    inputs = program.graph_signature.user_inputs
    named = {node: a for node, a in zip(inputs, arguments, strict=False) if a is not None}
    try:
        check_indices(program, named, of)
    except UncheckedIndexError as error:
        raise GenerateError(f"inline_torch: {name} cannot be made safe: {error}") from error
    module = _import(program, name)
    expand_index_checks(module.operation, family)
    refuse_unknown_operators(f"inline_torch: {name}", module, program)
    ExpandCustomOpsPass(module.operation, device_family=family, hints=example_sizes(program)).run()
    if apart:
        keep_module_apart(module)
    with module.context:
        module = _lowered(module, name, program)
        _drop_size_assumptions(module)
        _assert_equal_sizes(module, classes)
        _assert_guards(module, program, name, arguments)
        module.operation.verify()
    return module.operation.get_asm()


def _lowered(module: Any, name: str, program: Any) -> Any:
    """Run the passes; `run_passes` may use a child process, since some programs crash them."""
    from iree.compiler.ir import Module

    imported = io.BytesIO()
    module.operation.write_bytecode(imported)
    try:
        text = run_passes(name, imported.getvalue(), _PIPELINE)
    except (CompilerNotFoundError, CompilerTimeoutError):
        raise
    except CompileError as error:
        raise blame(f"inline_torch: {name}", places_of(program), error.diagnostics) from None
    return Module.parse(text, module.context)


def _import(program: Any, name: str) -> Any:
    try:
        return import_program(program)
    except Exception as error:
        raise GenerateError(
            f"inline_torch: {name} does not import into MLIR, must use only operators that IREE's "
            "FxImporter knows",
            facts=first_lines(error),
        ) from error


def _drop_size_assumptions(module: Any) -> None:
    """Remove the passes' assumptions that no size is 0; kernels run at size 0, too."""
    from iree.compiler.ir import WalkResult

    found: list[Any] = []

    def visit(op: Any) -> Any:
        if op.name == "util.assume.int":
            found.append(op)
        return WalkResult.ADVANCE

    module.operation.walk(visit)
    for op in found:
        for result, operand in zip(op.results, op.operands, strict=True):
            result.replace_all_uses_with(operand)
        op.erase()


def _assert_equal_sizes(module: Any, classes: dict[str, list[Place]]) -> None:
    from iree.compiler.dialects import arith, tensor
    from iree.compiler.ir import (
        IndexType,
        InsertionPoint,
        IntegerAttr,
        Location,
        Operation,
        StringAttr,
        SymbolTable,
    )

    main = SymbolTable(module.operation)["main"]
    entry = main.operation.regions[0].blocks[0]

    def size_at(place: Place) -> Any:
        index = arith.ConstantOp(IndexType.get(), IntegerAttr.get(IndexType.get(), place[1]))
        return tensor.dim(entry.arguments[place[0]], index.result)

    with Location.unknown(), InsertionPoint.at_block_begin(entry):
        for first, *others in classes.values():
            for other in others:
                same = arith.cmpi(arith.CmpIPredicate.eq, size_at(first), size_at(other))
                text = (
                    f"operand {other[0]} dimension {other[1]} must be of the size of "
                    f"operand {first[0]} dimension {first[1]}"
                )
                Operation.create(
                    "cf.assert", operands=[same], attributes={"msg": StringAttr.get(text)}
                )


def _assert_guards(module: Any, program: Any, name: str, arguments: Sequence[str | None]) -> None:
    from iree.compiler.ir import InsertionPoint, Location, SymbolTable

    main = SymbolTable(module.operation)["main"]
    entry = main.operation.regions[0].blocks[0]
    nodes = program.graph_signature.user_inputs
    called = [*arguments, *[None] * (len(nodes) - len(arguments))]
    inputs = [
        (node, value, label or f"operand {i}")
        for i, (node, value, label) in enumerate(zip(nodes, entry.arguments, called, strict=True))
    ]
    with Location.unknown(), InsertionPoint.at_block_begin(entry):
        assert_trace_guards(program, inputs, name)
