"""The replacement of a call's results in a program by the results of its kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ir_runtime.errors import GenerateError
from ir_runtime.op_reg.generate.torch_type import torch_tensor_asm
from ir_runtime.op_reg.select.argument import EmptyOptionalTensorArg, ScalarResult, TensorListArg
from ir_runtime.op_reg.select.result import written_descs

if TYPE_CHECKING:
    from iree.compiler.ir import Value

    from ir_runtime.op_reg.program.inline_builder import InlineKernelBuilder

__all__ = ["replace_call"]

_NUMBERS = {int: ("from_i64", "int"), float: ("from_f64", "float"), bool: ("from_i1", "bool")}


def replace_call(operation: Any, kb: InlineKernelBuilder, place: str) -> None:
    """Replace the results of a call by those of its kernel, and erase the call.

    The kernel yields its new results, then the changed arguments in declared order. The call has
    the results of the schema, then the changed arguments in schema order.

    Args:
        operation: the call.
        kb: the builder; it has yielded results, in the kernel's own types.
        place: the place of the call in the user's code.

    Raises:
        GenerateError: the call has another number of results than the op.
    """
    made = _made(kb)
    if len(made) != len(operation.results):
        raise GenerateError(
            f"{kb.ksel.op.name}: the call has {len(operation.results)} results, "
            f"must be {len(made)}",
            facts=[f"called at {place}"],
            fix="import a functional program, as ir_runtime.aot.export does"
            if kb.ksel.op.mutated_args
            else None,
        )
    for i, (result, (desc, values)) in enumerate(zip(list(operation.results), made, strict=True)):
        with operation.location, kb.ip:
            if isinstance(desc, TensorListArg):
                _replace_list(kb, result, desc, values, i)
            else:
                result.replace_all_uses_with(_as_program(kb, desc, values, result.type, i))
    operation.erase()


def _made(kb: InlineKernelBuilder) -> list[tuple[Any, list[Value]]]:
    """Return, for each result of the call, its declaration and the values of the kernel for it."""
    ksel, op = kb.ksel, kb.ksel.op
    written = iter(kb.results)
    new = [(desc, _take(desc, written)) for desc in ksel.result_descs]
    tied = [(desc, _take(desc, written)) for desc in ksel.inplace_tied_arg_descs]
    changed = {
        i: next((pair for pair in tied if pair[0] is ksel.arg_descs[i]), (ksel.arg_descs[i], []))
        for i in op.mutated_args
    }
    rest = iter(new)
    aliased = [r.alias_info is not None and op.returned_arg is not None for r in op.schema.returns]
    made = [changed[op.returned_arg] if alias else next(rest) for alias in aliased]  # pyright: ignore[reportArgumentType]
    return [*made, *changed.values()]


def _take(desc: Any, written: Iterator[Value]) -> list[Value]:
    return [next(written) for _ in written_descs([desc])]


def _as_program(
    kb: InlineKernelBuilder, desc: Any, values: list[Value], wanted: Any, index: int
) -> Value:
    from iree.compiler.dialects import tensor
    from iree.compiler.ir import Operation, Type

    if isinstance(desc, EmptyOptionalTensorArg):
        return Operation.create("torch.constant.none", results=[wanted]).result
    if isinstance(desc, ScalarResult):
        convert, kind = _NUMBERS[desc.kind]
        number = tensor.extract(values[0], [])
        return Operation.create(
            f"torch_c.{convert}", results=[Type.parse(f"!torch.{kind}")], operands=[number]
        ).result
    return kb.from_kernel(values[0], wanted, index)


def _replace_list(
    kb: InlineKernelBuilder, result: Any, desc: TensorListArg, values: list[Value], index: int
) -> None:
    """Replace each use of an element by its value, and each use of the whole list by a new list."""
    from iree.compiler.ir import Operation, Type

    for use in list(result.uses):
        unpack = use.owner.operation
        if unpack.name != "torch.prim.ListUnpack":
            continue
        for element, value in zip(list(unpack.results), values, strict=True):
            element.replace_all_uses_with(kb.from_kernel(value, element.type, index))
        unpack.erase()
    if not list(result.uses):
        return
    elements = [
        kb.from_kernel(value, Type.parse(torch_tensor_asm(element)), index)
        for value, element in zip(values, desc.ts, strict=True)
    ]
    listed = Operation.create(
        "torch.prim.ListConstruct", results=[result.type], operands=elements
    ).result
    result.replace_all_uses_with(listed)
