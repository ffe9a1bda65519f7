"""How does a traced torch program become MLIR on builtin tensors?  By IREE's own passes."""

from __future__ import annotations

from typing import Any

from ir_runtime.errors import GenerateError

__all__ = ["Place", "first_lines", "lower_program"]

_PIPELINE = (
    "builtin.module(torch-to-iree{emit-async-entry-points=false strict-symbolic-shapes=true})"
)

Place = tuple[int, int]
"""An operand and a dimension of it."""


def lower_program(program: Any, name: str, classes: dict[str, list[Place]]) -> str:
    """Lower an exported program to builtin tensor types.

    Args:
        program: a `torch.export.ExportedProgram`.
        name: of the function, for messages.
        classes: dynamic dimensions that must be of one size, which the MLIR then asserts.

    Returns:
        A module with one function, `@main`.

    Raises:
        GenerateError: an operator of it is not known to the importer, or does not lower.
    """
    from iree.compiler.passmanager import PassManager

    module = _import(program, name)
    with module.context:
        try:
            PassManager.parse(_PIPELINE).run(module.operation)
        except Exception as error:
            raise GenerateError(
                f"inline_torch: {name} does not lower to builtin tensors, must use operators that "
                "torch-mlir and IREE convert",
                facts=first_lines(error),
            ) from error
        _drop_size_assumptions(module)
        _assert_equal_sizes(module, classes)
        module.operation.verify()
    return module.operation.get_asm()


def _import(program: Any, name: str) -> Any:
    from iree.compiler.extras.fx_importer import FxImporter
    from iree.compiler.ir import Context

    def attempt(*, size_expressions: bool) -> Any:
        context = Context()
        context.enable_multithreading(False)  # noqa: FBT003 - MLIR's threads do not survive a fork
        importer = FxImporter(context=context)
        importer.import_program(
            program, func_name="main", import_symbolic_shape_expressions=size_expressions
        )
        return importer.module

    try:
        try:
            return attempt(size_expressions=True)
        except NotImplementedError:  # an expression such as Min(4, s0)
            return attempt(size_expressions=False)
    except Exception as error:
        raise GenerateError(
            f"inline_torch: {name} does not import into MLIR, must use what IREE's FxImporter "
            "knows",
            facts=first_lines(error),
        ) from error


def _drop_size_assumptions(module: Any) -> None:
    """Remove what the passes assume of sizes: that none is 0, which does not hold here."""
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
    )

    main = next(op for op in module.body.operations if op.operation.name == "util.func")
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


def first_lines(error: BaseException) -> list[str]:
    """Return the kind of an exception and the first lines of its message."""
    lines = [line for line in str(error).split("\n") if line.strip()]
    return [f"{type(error).__name__}: {lines[0] if lines else ''}", *lines[1:12]]
