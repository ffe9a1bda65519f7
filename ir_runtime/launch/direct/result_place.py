"""Where a program leaves its results: in memory that it allocates, in operands or in constants."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ir_runtime.dtypes import DTYPES
from ir_runtime.frozen import frozen
from ir_runtime.launch.direct.known_value import KnownValues, number_from_bits
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError
from ir_runtime.launch.host_program.program import (
    HostProgram,
    NumberResult,
    PassedResult,
    TensorResult,
)

__all__ = ["ResultPlace", "result_places"]

_DTYPES: dict[str, torch.dtype] = {}
"""The dtype of each MLIR element type; an integer without a sign is signed, as in IREE."""
for _dtype, _row in DTYPES.items():
    _DTYPES.setdefault(_row.mlir, _dtype)
    if _row.element_type.startswith(("SINT_", "UINT_")):
        _DTYPES[_row.element_type.replace("INT_", "i").lower()] = _dtype


@frozen
class ResultPlace:
    """The memory of a result tensor.

    Attributes:
        slot: the number of the memory.
        offset: in bytes from its start.
        shape: of the result.
        dtype: of the result.
    """

    slot: int
    offset: int
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def size_bytes(self) -> int:
        """The bytes of the result."""
        return math.prod(self.shape) * self.dtype.itemsize

    def overlaps(self, other: ResultPlace) -> bool:
        """Tell whether the two share memory."""
        return (
            self.slot == other.slot
            and self.offset < other.offset + other.size_bytes
            and other.offset < self.offset + self.size_bytes
        )


def result_places(
    program: HostProgram,
    shapes: Sequence[tuple[int, ...]],
    dtypes: Sequence[torch.dtype],
    numbers: Sequence[float] = (),
) -> tuple[ResultPlace | float, ...]:
    """Compute where each result is; for a result that is a number, the number.

    Args:
        program: the program to launch.
        shapes: of the operand tensors.
        dtypes: of the operand tensors.
        numbers: the numbers of the call, in order.

    Raises:
        LaunchError: there are too few shapes or numbers, or a size cannot be computed.
        UnreadableProgramError: torch has no dtype for a result.
    """
    known = KnownValues(program, shapes, numbers)
    found: list[ResultPlace | float] = []
    for i, result in enumerate(program.results):
        if isinstance(result, NumberResult):
            found.append(number_from_bits(program.values[result.value].type, known[result.value]))
        elif isinstance(result, PassedResult):
            at = result.operand
            found.append(ResultPlace(at, 0, tuple(shapes[at]), dtypes[at]))
        else:
            found.append(_tensor_place(i, result, known))
    return tuple(found)


def _tensor_place(number: int, result: TensorResult, known: KnownValues) -> ResultPlace:
    dtype = _DTYPES.get(result.element_type)
    if dtype is None:
        raise UnreadableProgramError(f"result {number} is of type {result.element_type}")
    shape = tuple(known[dim] for dim in result.shape)
    place = ResultPlace(result.span.slot, known[result.span.offset], shape, dtype)
    if place.size_bytes > known[result.span.length]:
        raise UnreadableProgramError(f"result {number} is larger than its memory")
    return place
