"""Calls of functions in the module; operands are cast where only static sizes differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ir_runtime.errors import GenerateError

if TYPE_CHECKING:
    from iree.compiler.ir import Value

__all__ = ["build_call", "call_function", "fit_value"]


def call_function(func_op: Any, *args: Value) -> list[Value]:
    """Call a `util.func` or `func.func` of the module at the current insertion point.

    In `generate` this is the builder's insertion point. `KernelBuilder.call_function` always uses
    that one, and returns a single result without a list.

    Args:
        func_op: the function, for example from `TemplateLoader.inline_template_function`.
        args: its operands; cast to its types if only static sizes differ.

    Returns:
        The results, always as a list.

    Raises:
        GenerateError: the operands do not fit the function.
    """
    return build_call("call_function", func_op, args)


def build_call(caller: str, func_op: Any, args: Sequence[Any]) -> list[Value]:
    """Build a call at the current insertion point; error messages begin with `caller`."""
    from iree.compiler.ir import FlatSymbolRefAttr, FunctionType, Operation, TypeAttr

    function = func_op.operation
    kind = FunctionType(TypeAttr(function.attributes["function_type"]).value)
    name = function.attributes["sym_name"].value
    if len(kind.inputs) != len(args):
        raise GenerateError(
            f"{caller}: @{name} called with {len(args)} operands, must be {len(kind.inputs)}"
        )
    operands = [
        fit_value(value, wanted, f"{caller}: operand {i} of @{name}")
        for i, (value, wanted) in enumerate(zip(args, kind.inputs, strict=True))
    ]
    call = Operation.create(
        f"{function.name.partition('.')[0]}.call",
        results=list(kind.results),
        operands=operands,
        attributes={"callee": FlatSymbolRefAttr.get(name)},
    )
    return list(call.results)


def fit_value(value: Any, wanted: Any, what: str) -> Value:
    """Return `value` as type `wanted`, through a `tensor.cast` if only static sizes differ."""
    from iree.compiler.dialects import tensor
    from iree.compiler.ir import OpView, RankedTensorType, ShapedType, Value

    if isinstance(value, OpView) and len(value.operation.results) == 1:
        value = value.operation.results[0]
    if not isinstance(value, Value):
        raise GenerateError(
            f"{what} is {_in_words(value)}, must be a value of type {wanted}",
            facts=["attributes and absent optional tensors have no operand"] * (value is None),
        )
    if value.type == wanted:
        return value
    if isinstance(value.type, RankedTensorType) and isinstance(wanted, RankedTensorType):
        have, want = RankedTensorType(value.type), RankedTensorType(wanted)
        dynamic = ShapedType.get_dynamic_size()
        fits = have.element_type == want.element_type and have.rank == want.rank
        if fits and all(
            h == w or dynamic in (h, w) for h, w in zip(have.shape, want.shape, strict=True)
        ):
            return tensor.cast(wanted, value)
    raise GenerateError(f"{what} is {value.type}, must be {wanted}")


def _in_words(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
