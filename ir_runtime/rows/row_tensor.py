"""The tensors of a traced function, which carry values in place of data, and what rules share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import UnsupportedOperatorError
from ir_runtime.rows.value import Value, Values

__all__ = ["HALVES", "NARROW", "NoRuleError", "RowTensor", "TraceState"]

HALVES = (torch.bfloat16, torch.float16)

NARROW = (
    *HALVES,
    *(torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz),
)
"""Float dtypes to which a cast rounds."""


class NoRuleError(Exception):
    """Tells why the arguments of an operator have no rule; the trace adds operator and line."""


class RowTensor(Tensor):
    """A tensor of a traced function: a shape, a dtype, and values in place of data.

    Attributes:
        meta: a meta tensor of this shape, dtype and layout.
        parts: values beside each other in the last dimension.
        form: `rows`, whose last dimension runs along the row; `dropped`, one number a row without
            a dimension for it; `scalar`, without dimensions.
    """

    meta: Tensor
    parts: Sequence[Value]
    form: str

    @staticmethod
    def __new__(cls: Any, meta: Tensor, parts: Sequence[Value], form: str) -> Any:
        made: Any = Tensor._make_wrapper_subclass(
            cls,
            meta.shape,
            strides=meta.stride(),
            dtype=meta.dtype,
            device=torch.device("cpu"),
        )
        made.meta, made.parts, made.form = meta, parts, form
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl  # pyright: ignore[reportAssignmentType]

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        raise UnsupportedOperatorError(f"rows: {func} runs outside of its trace")


class TraceState:
    """What the rules of one trace share.

    Attributes:
        lead: the sizes of the rows' dimensions.
        values: makes the values.
    """

    def __init__(self, lead: tuple[int, ...]) -> None:
        self.lead = lead
        self.values = Values()

    def value(self, operand: Any, dtype: torch.dtype | None = None) -> Value:
        """Return the value of an operand that is one part: a tensor or a number.

        Args:
            operand: the operand.
            dtype: the dtype that a number is rounded to, if it is of half precision.

        Raises:
            NoRuleError: it is neither.
        """
        if isinstance(operand, RowTensor):
            if len(operand.parts) > 1:
                raise NoRuleError("it takes parts of rows")
            return operand.parts[0]
        if isinstance(operand, bool):
            return self.values.constant(operand, is_bool=True)
        if not isinstance(operand, int | float):
            raise NoRuleError(f"it takes {operand!r}")
        constant = self.values.constant(operand)
        if dtype is None or dtype not in HALVES:
            return constant
        return self.values.round_to(constant, dtype)
