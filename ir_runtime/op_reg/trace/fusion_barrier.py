"""Barriers in the torch dialect: the compiler fuses nothing before certain operations into them."""

from __future__ import annotations

from typing import Any

from ir_runtime.op_reg.generate.torch_type import parse_torch_tensor_type

__all__ = ["keep_apart", "keep_module_apart"]

_KEPT_APART = {"torch.aten._softmax": 0, "torch.aten._log_softmax": 0, "torch.aten.index_put": 2}
"""By operation, the operand that must be computed separately before it."""


def keep_apart(source: bytes) -> bytes:
    """Return a program, text in the torch dialect, with the barriers."""
    if not any(name.encode() in source for name in _KEPT_APART):
        return source
    from iree.compiler.ir import Context, Module

    context: Any = Context()
    context.enable_multithreading(False)  # noqa: FBT003 - MLIR's threads do not survive a fork
    module = Module.parse(source, context)
    keep_module_apart(module)
    return module.operation.get_asm(enable_debug_info=False).encode()


def keep_module_apart(module: Any) -> None:
    """Separate softmaxes and writes by index of dynamic sizes from the code before them.

    Args:
        module: a program in the torch dialect.
    """
    from iree.compiler.ir import Location, WalkResult

    found: list[Any] = []

    def visit(operation: Any) -> Any:
        if operation.name in _KEPT_APART:
            found.append(operation)
        return WalkResult.ADVANCE

    module.operation.walk(visit)
    with module.context, Location.unknown():
        for operation in found:
            _begin_barrier(operation, _KEPT_APART[operation.name])


def _begin_barrier(operation: Any, number: int) -> None:
    """Put a fusion barrier before an operand of an operation, if the operand has open sizes."""
    from iree.compiler.dialects import arith, iree_tensor_ext, tensor
    from iree.compiler.ir import IndexType, InsertionPoint, Operation, Type

    x = operation.operands[number]
    kind = parse_torch_tensor_type(str(x.type))
    if kind is None or None not in kind.dims:
        return
    plain = Type.parse(kind.builtin_asm)
    with InsertionPoint(operation):
        value = Operation.create("torch_c.to_builtin_tensor", [plain], [x]).result
        open_sizes = [
            tensor.DimOp(value, arith.ConstantOp(IndexType.get(), dim).result).result
            for dim, size in enumerate(kind.dims)
            if size is None
        ]
        apart = iree_tensor_ext.ComputeBarrierStartOp(plain, value, open_sizes).result
        operation.operands[number] = Operation.create(
            "torch_c.from_builtin_tensor", [x.type], [apart]
        ).result
