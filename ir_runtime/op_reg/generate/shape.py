"""Views of a tensor of any rank as rows or as a line, and back to the original shape.

They change only the shape, not the data; the compiler folds them away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iree.compiler.ir import Value

    from ir_runtime.op_reg.generate.module_builder import ModuleBuilder

__all__ = ["flatten", "float_attribute", "unflatten"]


def flatten(kb: ModuleBuilder, value: Value, *, keep: int) -> Value:
    """Merge all but the last `keep` dimensions of a tensor into one.

    Args:
        kb: the builder.
        value: a tensor of rank `keep` or more; rank `keep` gets a leading dimension of size 1.
        keep: 0 makes a line, 1 makes rows.
    """
    from iree.compiler.dialects import tensor
    from iree.compiler.ir import RankedTensorType, ShapedType

    kind = RankedTensorType(value.type)
    lead = kind.rank - keep
    if lead == 1:
        return value
    dynamic = ShapedType.get_dynamic_size()
    kept = list(kind.shape[lead:])
    with kb.context, kb.location, kb.ip:
        if lead == 0:
            target = RankedTensorType.get([1, *kept], kind.element_type)
            groups = _groups(0, keep)
            return _expand(value, target, groups, [_size(kb, value, i) for i in range(keep)])
        sizes = kind.shape[:lead]
        merged = dynamic if dynamic in sizes else _product(sizes)
        target = RankedTensorType.get([merged, *kept], kind.element_type)
        return tensor.collapse_shape(target, value, _groups(lead, keep))


def unflatten(kb: ModuleBuilder, value: Value, like: Value, *, keep: int) -> Value:
    """Undo `flatten`: restore the leading dimensions of `like`.

    Args:
        kb: the builder.
        value: has `1 + keep` dimensions.
        like: the tensor before `flatten`; gives the leading dimensions.
        keep: as in `flatten`.
    """
    from iree.compiler.dialects import tensor
    from iree.compiler.ir import RankedTensorType

    kind, old = RankedTensorType(value.type), RankedTensorType(like.type)
    lead = old.rank - keep
    if lead == 1:
        return value
    kept = list(kind.shape[1:])
    with kb.context, kb.location, kb.ip:
        target = RankedTensorType.get([*old.shape[:lead], *kept], kind.element_type)
        if lead == 0:
            one = RankedTensorType.get([1, *kept], kind.element_type)
            value = value if value.type == one else tensor.cast(one, value)
            return tensor.collapse_shape(target, value, _groups(0, keep))
        sizes = [_size(kb, like, i) for i in range(lead)]
        sizes += [_size(kb, value, 1 + i) for i in range(keep)]
        return _expand(value, target, _groups(lead, keep), sizes)


def float_attribute(value: float, element: str = "f32") -> str:
    """Write a float as an MLIR attribute, exactly, such as `1.0e-06 : f32`."""
    if math.isfinite(value):
        return f"{value:.17e} : {element}"
    kind = "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return f"{_NOT_FINITE[element][kind]} : {element}"


_NOT_FINITE = {
    "f16": {"inf": "0x7C00", "-inf": "0xFC00", "nan": "0x7E00"},
    "bf16": {"inf": "0x7F80", "-inf": "0xFF80", "nan": "0x7FC0"},
    "f32": {"inf": "0x7F800000", "-inf": "0xFF800000", "nan": "0x7FC00000"},
    "f64": {"inf": "0x7FF0000000000000", "-inf": "0xFFF0000000000000", "nan": "0x7FF8000000000000"},
}
"""Bit patterns of the values for which MLIR has no decimal form."""


def _groups(lead: int, keep: int) -> list[list[int]]:
    """Return, for each dimension of the narrow shape, its dimensions of the wide shape."""
    if lead == 0:
        return [[0, 1], *([i] for i in range(2, 1 + keep))] if keep else []
    return [list(range(lead)), *([lead + i] for i in range(keep))]


def _expand(
    value: Value, target: Any, groups: Sequence[Sequence[int]], sizes: Sequence[int | Value]
) -> Value:
    from iree.compiler.dialects import tensor
    from iree.compiler.ir import ShapedType

    static = list(target.shape)
    if len(sizes) < len(static):
        sizes = [1, *sizes]
    dynamic = [
        size
        for size, dim in zip(sizes, static, strict=True)
        if dim == ShapedType.get_dynamic_size()
    ]
    return tensor.expand_shape(target, value, groups, dynamic, static)


def _size(kb: ModuleBuilder, value: Value, index: int) -> int | Value:
    from iree.compiler.dialects import tensor
    from iree.compiler.ir import RankedTensorType

    kind = RankedTensorType(value.type)
    if not kind.is_dynamic_dim(index):
        return kind.shape[index]
    return tensor.dim(value, kb.constant_index(index))


def _product(sizes: Sequence[int]) -> int:
    total = 1
    for size in sizes:
        total *= size
    return total
