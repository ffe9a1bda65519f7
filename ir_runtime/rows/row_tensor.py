"""The tensors of a traced function, which carry values in place of data, and what rules share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.errors import UnsupportedOperatorError
from ir_runtime.rows.make_values import Values
from ir_runtime.rows.value import Gather, NoRuleError, Value

__all__ = ["DTYPES", "HALVES", "INDICES", "NARROW", "NoRuleError", "RowTensor", "TraceState"]

HALVES = (torch.bfloat16, torch.float16)

NARROW = (
    *HALVES,
    *(torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz),
)
"""Float dtypes to which a cast rounds."""

DTYPES = (torch.float32, *NARROW, torch.int8)
"""Dtypes of arguments and results."""

INDICES = (torch.int32, torch.int64)
"""Dtypes of indices."""


class RowTensor(Tensor):
    """A tensor of a traced function: a shape, a dtype, and values in place of data.

    Attributes:
        meta: a meta tensor of this shape, dtype and layout.
        parts: values beside each other in the last dimension, or in each group of it.
        form: `rows`, whose last dimension runs along the row; `groups`, whose last two dimensions
            do; `dropped`, one number a row without a dimension for it; `scalar`, without
            dimensions; `rows of pairs` and `groups of pairs`, with one more dimension for two
            numbers beside each other; `index`, one integer a row; `table`, neither rows nor
            shared by rows, as far as is known.
        source: of `table`, the number of the argument; else -1.
    """

    meta: Tensor
    parts: Sequence[Value]
    form: str
    source: int

    @staticmethod
    def __new__(cls: Any, meta: Tensor, parts: Sequence[Value], form: str, source: int = -1) -> Any:
        made: Any = Tensor._make_wrapper_subclass(
            cls,
            meta.shape,
            strides=meta.stride(),
            dtype=meta.dtype,
            device=torch.device("cpu"),
        )
        made.meta, made.parts, made.form, made.source = meta, parts, form, source
        return made

    @property
    def groups(self) -> int:
        """How many groups its values have in a row; 0 if they are of the whole row."""
        return max((part.groups for part in self.parts), default=0)

    @property
    def is_flat(self) -> bool:
        """Whether the last dimension is groups of several columns, one behind the other."""
        return self.form == "rows" and self.groups > 0

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
        arguments: the tensors that the function takes.
        gathers: the reads of tables.
        along: for arguments that some rows share, which dimensions of the rows they have.
    """

    def __init__(self, lead: tuple[int, ...]) -> None:
        self.lead = lead
        self.values = Values()
        self.arguments: list[RowTensor] = []
        self.gathers: list[Gather] = []
        self.along: dict[int, tuple[bool, ...]] = {}

    def is_lead(self, sizes: Sequence[int]) -> bool:
        """Tell whether sizes before the last dimension broadcast to those of the rows."""
        lead = self.lead[len(self.lead) - len(sizes) :]
        fits = len(sizes) <= len(self.lead)
        return fits and all(size in (1, of_rows) for size, of_rows in zip(sizes, lead, strict=True))

    def shared(self, tensor: RowTensor) -> RowTensor | None:
        """Return a table as rows that some rows share, None if it does not broadcast to them.

        Raises:
            NoRuleError: other rows share it elsewhere.
        """
        *sizes, width = tensor.shape
        if tensor.dtype in INDICES or not self.is_lead(sizes):
            return None
        missing = len(self.lead) - len(sizes)
        has = (size == of_rows for size, of_rows in zip(sizes, self.lead[missing:], strict=True))
        along = (*[False] * missing, *has)
        if self.along.setdefault(tensor.source, along) != along:
            raise NoRuleError(f"it broadcasts argument {tensor.source} in two ways")
        return RowTensor(tensor.meta, (self.values.input(tensor.source, width),), "rows")

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
