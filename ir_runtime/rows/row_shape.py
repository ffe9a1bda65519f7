"""Tensors of a kernel as rows of two dimensions, and back to the shapes of the function.

They change only the shape, not the data; the compiler folds them away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from ir_runtime.op_reg import KernelBuilder, flatten, unflatten
from ir_runtime.op_reg.generate.operand_size_check import Place, assert_equal_sizes
from ir_runtime.rows.value import Graph

if TYPE_CHECKING:
    from iree.compiler.ir import Value

__all__ = ["as_rows", "assert_row_sizes", "from_rows", "one_column"]


def assert_row_sizes(
    kb: KernelBuilder, graph: Graph, tensors: Sequence[Tensor], operands: Sequence[Value]
) -> None:
    """Assert what the trace takes for equal: sizes of the rows' dimensions in several operands.

    Args:
        kb: the builder.
        graph: the traced function.
        tensors: those of the trace.
        operands: of any sizes in the dimensions that are not compiled in.
    """
    first = graph.leader.argument
    for source, tensor in zip(graph.inputs, tensors, strict=True):
        number, lead = source.argument, tensor.shape[: tensor.ndim - len(source.inner)]
        pairs: list[tuple[Place, Place | int]] = []
        if source.role in ("rows", "index") and number != first:
            pairs += [((first, d), (number, d)) for d in range(len(lead))]
        if source.role in ("broadcast", "shared"):
            pairs += [((number, d), 1) for d, size in enumerate(lead) if size == 1]
        own = ((number, d) for d, size in enumerate(lead) if size != 1)
        pairs += [
            ((first, d), 1 if tensors[first].shape[d] == 1 else next(own))
            for d, has in enumerate(source.along)
            if has
        ]
        for pair in pairs:
            assert_equal_sizes(kb, "rows.inline", operands, pair)


def as_rows(kb: KernelBuilder, value: Value, inner: Sequence[int]) -> Value:
    """View a tensor as rows.

    Args:
        kb: the builder.
        value: has the dimensions of the rows, then those of `inner`.
        inner: one size, or two that become one; none for a tensor with one element a row, which
            becomes a line.
    """
    found = flatten(kb, value, keep=len(inner))
    return _joined(kb, found) if len(inner) > 1 else found


def one_column(kb: KernelBuilder, value: Value, inner: Sequence[int]) -> Value:
    """Return a tensor with the same dimensions of rows, and one more."""
    if len(inner) > 1:
        return _joined(kb, value)
    return value if inner else _reshaped(kb, value, 0, (1,))


def from_rows(kb: KernelBuilder, rows: Value, inner: Sequence[int], like: Value) -> Value:
    """Undo `as_rows`.

    Args:
        kb: the builder.
        rows: has two dimensions.
        inner: the sizes that follow those of the rows.
        like: has the dimensions of the rows, and one more.
    """
    value = unflatten(kb, _sized(kb, rows, like), like, keep=1)
    return value if len(inner) == 1 else _reshaped(kb, value, 1, inner)


def _sized(kb: KernelBuilder, rows: Value, like: Value) -> Value:
    """Return rows whose number is static, if that of `like` is."""
    from iree.compiler.dialects import tensor
    from iree.compiler.ir import RankedTensorType

    kind, wanted = RankedTensorType(rows.type), RankedTensorType(like.type)
    rank = wanted.rank - 1
    if any(wanted.is_dynamic_dim(i) for i in range(rank)):
        return rows
    shape = [math.prod(wanted.shape[:rank]), kind.shape[1]]
    with kb.context, kb.location, kb.ip:
        target = RankedTensorType.get(shape, kind.element_type)
        return rows if target == kind else tensor.cast(target, rows)


def _joined(kb: KernelBuilder, value: Value) -> Value:
    """Merge the last two dimensions."""
    from iree.compiler.dialects import tensor
    from iree.compiler.ir import RankedTensorType

    kind = RankedTensorType(value.type)
    *lead, a, b = kind.shape
    groups = [[i] for i in range(len(lead))] + [[len(lead), len(lead) + 1]]
    with kb.context, kb.location, kb.ip:
        target = RankedTensorType.get([*lead, a * b], kind.element_type)
        return tensor.collapse_shape(target, value, groups)


def _reshaped(kb: KernelBuilder, value: Value, keep: int, inner: Sequence[int]) -> Value:
    """Replace the last `keep` dimensions, one or none, by others of as many elements."""
    from iree.compiler.dialects import tensor
    from iree.compiler.ir import RankedTensorType

    kind = RankedTensorType(value.type)
    lead = kind.rank - keep
    shape = [*kind.shape[:lead], *inner]
    groups = [[i] for i in range(min(kind.rank, len(shape)))]
    if groups:
        groups[-1] = list(range(len(groups) - 1, max(kind.rank, len(shape))))
    with kb.context, kb.location, kb.ip:
        target = RankedTensorType.get(shape, kind.element_type)
        if len(shape) < kind.rank:
            return tensor.collapse_shape(target, value, groups)
        sizes = [
            tensor.dim(value, kb.constant_index(i)) for i in range(lead) if kind.is_dynamic_dim(i)
        ]
        return tensor.expand_shape(target, value, groups, sizes, shape)
