"""The shape and dtype of an operator's result, without torch's own meta functions.

Many of those are written in Python and import dynamo at their first use, which takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.rows.row_tensor import NoRuleError, RowTensor

__all__ = ["choice", "comparison", "float_function", "like_first", "pointwise", "reduction"]


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Return a meta tensor."""
    return torch.empty(tuple(shape), dtype=dtype, device="meta")


def broadcast(operands: Sequence[Any]) -> list[int]:
    """Return the shape that tensors broadcast to.

    Raises:
        NoRuleError: torch does not broadcast them.
    """
    shapes = [tuple(o.shape) for o in operands if isinstance(o, Tensor)]
    rank = max(map(len, shapes), default=0)
    result = [1] * rank
    for shape in shapes:
        for i, size in enumerate(shape, rank - len(shape)):
            if size != 1 and result[i] not in (1, size):
                raise NoRuleError(f"its tensors have the shapes {[list(s) for s in shapes]}")
            result[i] = size if size != 1 else result[i]
    return result


def like_first(x: RowTensor, *_: Any, **__: Any) -> Tensor:
    """The result is like the first operand."""
    return empty(x.shape, x.dtype)


def pointwise(*operands: Any, **_: Any) -> Tensor:
    """The result has the common dtype of the operands."""
    return empty(broadcast(operands), _common(operands))


def float_function(*operands: Any, **_: Any) -> Tensor:
    """The result has the common dtype, float32 for integers."""
    dtype = _common(operands)
    return empty(broadcast(operands), dtype if dtype.is_floating_point else _default())


def comparison(*operands: Any) -> Tensor:
    """The result is a truth value."""
    return empty(broadcast(operands), torch.bool)


def choice(condition: Any, a: Any, b: Any) -> Tensor:
    """The result has the common dtype of what is chosen from."""
    return empty(broadcast((condition, a, b)), _common((a, b)))


def reduction(
    x: RowTensor,
    dims: Any = None,
    keepdim: bool = False,
    **options: Any,
) -> Tensor:
    """The result lacks the last dimension, or has one element there."""
    dims = options.get("dim", dims)
    keepdim = options.get("keepdim", keepdim)
    dtype = options.get("dtype") or x.dtype
    if not dtype.is_floating_point or not x.dtype.is_floating_point:
        raise NoRuleError("it reduces integers")
    listed = [dims] if isinstance(dims, int) else list(dims or ())
    if not listed and x.ndim == 1:
        listed = [0]
    if x.is_flat:
        raise NoRuleError("it reduces the groups of a row")
    in_rows = x.form in ("rows", "groups")
    if not in_rows or [d % x.ndim for d in listed] != [x.ndim - 1]:
        raise NoRuleError(f"it reduces dimensions {listed}, must be the last one")
    return empty((*x.shape[:-1], 1) if keepdim else x.shape[:-1], dtype)


def _common(operands: Sequence[Any]) -> torch.dtype:
    """Return the dtype that torch computes in: tensors win over numbers beside them."""
    values = [o.meta if isinstance(o, Tensor) else o for o in operands]
    shaped = [v.dtype for v in values if isinstance(v, Tensor) and v.ndim]
    if len(values) == 1:
        return shaped[0] if shaped else values[0].dtype
    return torch.result_type(values[0], values[1])


def _default() -> torch.dtype:
    return torch.get_default_dtype()
