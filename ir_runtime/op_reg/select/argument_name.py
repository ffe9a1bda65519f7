"""The arguments of an op behind the MLIR values in its kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ir_runtime.op_reg.select.argument import EmptyOptionalTensorArg
from ir_runtime.op_reg.select.selection import KernelSelection

if TYPE_CHECKING:
    import torch
    from iree.compiler.ir import Value

__all__ = ["argument_name", "arguments_like"]

_VIEWS = (
    "tensor.cast",
    "tensor.collapse_shape",
    "tensor.expand_shape",
    "arith.extf",
    "arith.truncf",
)


def argument_name(ksel: KernelSelection, bindings: Sequence[Any], value: Any) -> str | None:
    """Return the name of the argument behind a value, also through views and casts, or None."""
    present = [
        name
        for name, desc in zip(ksel.op.arg_names, ksel.arg_descs, strict=True)
        if not isinstance(desc, EmptyOptionalTensorArg)
    ]
    while getattr(getattr(value, "owner", None), "name", "") in _VIEWS:
        value = value.owner.operands[0]
    for name, binding in zip(present, bindings, strict=True):
        bound = binding if isinstance(binding, list) else [binding]
        if any(value == b for b in bound if b is not None):
            return name
    return None


def arguments_like(
    ksel: KernelSelection, bindings: Sequence[Any], values: Sequence[Value]
) -> tuple[torch.Tensor, ...] | None:
    """Return the call's tensors behind operands, None if one is not an unchanged argument."""
    bound: list[tuple[Any, Any]] = []
    descs: list[Any] = ksel.get_provided_arg_descs()
    for desc, binding in zip(descs, bindings, strict=True):
        if isinstance(binding, list):
            bound.extend(zip(binding, (t.t for t in desc.ts), strict=True))
        elif binding is not None and desc.maybe_tensor_value is not None:
            bound.append((binding, desc.t))
    found = [next((t for v, t in bound if v == value), None) for value in values]
    return None if any(t is None for t in found) else tuple(found)  # pyright: ignore[reportReturnType]
