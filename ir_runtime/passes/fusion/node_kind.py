"""What a node of a post-grad graph is for fusions: a row op, a pointwise op, or a view of rows."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, fx

from ir_runtime.op_reg.op.native import NATIVES
from ir_runtime.op_reg.op.registry import ALL_CUSTOM_OP_REGS
from ir_runtime.passes.fusion.fused_rows import is_fused
from ir_runtime.passes.fusion.program import program_of

__all__ = [
    "activation_places",
    "is_computed",
    "is_number",
    "is_part",
    "is_pointwise",
    "is_row_op",
    "is_view",
    "leaves_kernels_out",
    "op_names",
    "ops_without_kernels",
    "value_of",
]

_ATEN: Any = torch.ops.aten
_CONVERT: Any = torch.ops.prims.convert_element_type.default

_VIEWS = (
    *(_ATEN.view.default, _ATEN.reshape.default, _ATEN._unsafe_view.default, _ATEN.alias.default),
    *(_ATEN.unsqueeze.default, _ATEN.squeeze.dim, _ATEN.select.int, _ATEN.slice.Tensor),
    *(_ATEN.split.Tensor, _ATEN.split_with_sizes.default, _ATEN.expand.default),
)
"""Ops that return views; those of rows may be repeated inside of a kernel."""

_JOINS = (_ATEN.cat.default, _ATEN.constant_pad_nd.default)
"""Ops that are not pointwise, but move elements within a row."""

_NUMBERS = (_ATEN.full.default, _ATEN.scalar_tensor.default)
"""Ops that make a tensor without dimensions out of a number."""


def value_of(node: fx.Node) -> Tensor | None:
    """Return the fake tensor of a node; None for another value, or if it is unknown."""
    value = node.meta.get("val")
    return value if isinstance(value, Tensor) else None


def is_row_op(node: fx.Node) -> bool:
    """Tell whether a node calls an op whose meaning is a torch function, or a fused op."""
    target = node.target
    if node.op != "call_function" or not isinstance(target, torch._ops.OpOverload):
        return False
    if is_fused(target):
        return True
    name = target._schema.name
    if target._overloadname != "default" or target._schema.is_mutable:
        return False
    if name in NATIVES:
        return True
    kernel = ALL_CUSTOM_OP_REGS.present().get(name)
    return kernel is not None and kernel.like_native is not None


def op_names(node: fx.Node) -> tuple[str, ...]:
    """Return the names of the row ops that a node computes; () for another node."""
    if not is_row_op(node):
        return ()
    if is_fused(node.target):
        return program_of(str(node.args[0])).op_names
    target: Any = node.target
    return (target._schema.name.partition("::")[2],)


def leaves_kernels_out(node: fx.Node) -> bool:
    """Tell whether a user's priority keeps the provider `iree` from the IR op of a node."""
    target = node.target
    if not isinstance(target, torch._ops.OpOverload):
        return False
    op = _ir_ops().get(target._schema.name)
    return op is not None and not _may_be_kernel(op)


def ops_without_kernels() -> list[str]:
    """Return the names of registered IR ops that a user's priority keeps `iree` from."""
    return sorted(name for name, op in _ir_ops().items() if not _may_be_kernel(op))


def _may_be_kernel(op: Any) -> bool:
    priority = op.priority.current()
    by_user = priority.impls and not priority.candidates
    return not by_user or any(impl.provider == "iree" for impl in priority.impls)


def activation_places(node: fx.Node) -> tuple[int, ...] | None:
    """Return the positions of a row op's arguments that have rows; None if it is not known."""
    target: Any = node.target
    name = target._schema.name
    op = _ir_ops().get(name)
    if op is not None:
        return tuple(op.activation_indices)
    kernel: Any = ALL_CUSTOM_OP_REGS.present().get(name)
    return getattr(kernel, "activations", None)


def _ir_ops() -> dict[str, Any]:
    from ir_runtime.ir.op import IrOp

    return {op.qualified_name: op for op in IrOp.registry.present().values()}


def is_part(node: fx.Node) -> bool:
    """Tell whether a node takes one result out of several."""
    return node.op == "call_function" and node.target is operator.getitem


def is_pointwise(node: fx.Node) -> bool:
    """Tell whether a node computes each element of a row from one or few elements of rows."""
    target = node.target
    if node.op != "call_function" or not isinstance(target, torch._ops.OpOverload):
        return False
    if target is _CONVERT or target in _JOINS or target is _ATEN._to_copy.default:
        return True
    schema = target._schema
    if schema.is_mutable or not schema.name.startswith("aten::") or len(schema.returns) != 1:
        return False
    if torch.Tag.nondeterministic_seeded in target.tags or schema.returns[0].alias_info is not None:
        return False
    return torch.Tag.pointwise in target.tags


def is_number(node: fx.Node) -> bool:
    """Tell whether a node makes a tensor without dimensions out of a number."""
    value = value_of(node)
    return node.target in _NUMBERS and value is not None and value.ndim == 0


def is_view(node: fx.Node) -> bool:
    """Tell whether a node is a view, or a part of one, or a number that may be repeated."""
    if is_part(node):
        source = node.args[0]
        return isinstance(source, fx.Node) and source.target in _VIEWS
    return node.op == "call_function" and (node.target in _VIEWS or is_number(node))


def is_computed(node: fx.Node) -> bool:
    """Tell whether a node makes new tensors that a row kernel could make."""
    return is_pointwise(node) or is_row_op(node)
