"""The values of a host program for one call: sizes, and the shapes and numbers of its results."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from ir_runtime.errors import LaunchError
from ir_runtime.launch.host_program.expression import compute_values, width_of
from ir_runtime.launch.host_program.program import (
    HostProgram,
    NumberResult,
    PassedResult,
    ShapeCheck,
)
from ir_runtime.launch.operand.number import decode_number, encode_number

__all__ = [
    "KnownValues",
    "Shape",
    "expect_count",
    "known_values",
    "number_from_bits",
    "result_numbers",
    "result_shapes",
]

Shape = tuple[int, ...]


def result_shapes(
    program: HostProgram, shapes: Sequence[Shape], numbers: Sequence[float] | KnownValues = ()
) -> tuple[tuple[Shape, str], ...]:
    """Compute shape and MLIR element type of each result.

    Args:
        program: the program to launch.
        shapes: of the operand tensors.
        numbers: the numbers of the call, in order; or the values of the program for them.

    Returns:
        One pair a result. A number has its type and no dimensions. An operand that is returned
        unchanged has its shape, and its type if the program checks it, else "".

    Raises:
        LaunchError: there are too few shapes or numbers, or a size cannot be computed.
    """
    known = known_values(program, shapes, numbers)
    checked = {c.operand: c.element_type for c in program.checks if isinstance(c, ShapeCheck)}
    found: list[tuple[Shape, str]] = []
    for result in program.results:
        if isinstance(result, NumberResult):
            found.append(((), program.values[result.value].type))
        elif isinstance(result, PassedResult):
            shape = tuple(shapes[result.operand])
            found.append((shape, checked.get(result.operand, "")))
        else:
            found.append((tuple(known[dim] for dim in result.shape), result.element_type))
    return tuple(found)


def result_numbers(
    program: HostProgram, shapes: Sequence[Shape], numbers: Sequence[float] = ()
) -> tuple[float, ...]:
    """Compute the results that are numbers, in order.

    Args:
        program: the program to launch.
        shapes: of the operand tensors.
        numbers: the numbers of the call, in order.

    Raises:
        LaunchError: there are too few shapes or numbers, or a number cannot be computed.
    """
    known = KnownValues(program, shapes, numbers)
    return tuple(
        number_from_bits(program.values[result.value].type, known[result.value])
        for result in program.results
        if isinstance(result, NumberResult)
    )


def number_from_bits(kind: str, bits: int) -> float:
    """Return the Python number for the bits of a value of an MLIR type."""
    if kind not in ("f32", "f64"):
        return decode_number(bits, kind)
    data = bits.to_bytes(4 if kind == "f32" else 8, "little")
    return struct.unpack("<f" if kind == "f32" else "<d", data)[0]


class KnownValues:
    """The values of a program for one call."""

    def __init__(
        self, program: HostProgram, shapes: Sequence[Shape], numbers: Sequence[float]
    ) -> None:
        expect_count("tensors", len(shapes), program.operands)
        expect_count("numbers", len(numbers), len(program.numbers))
        bits = [
            _bits_of(i, number, kind)
            for i, (number, kind) in enumerate(zip(numbers, program.numbers, strict=True))
        ]
        self._values = compute_values(program.values, shapes, bits)

    def __getitem__(self, position: int) -> int:
        value = self._values[position]
        if value is None:
            raise LaunchError(
                "program: a size cannot be computed for these arguments, must not divide by zero "
                "or use a dimension that a tensor does not have"
            )
        return value


def known_values(
    program: HostProgram, shapes: Sequence[Shape], numbers: Sequence[float] | KnownValues
) -> KnownValues:
    """Return the values of a program for one call, which may be known already.

    Raises:
        LaunchError: there are too few shapes or numbers.
    """
    if isinstance(numbers, KnownValues):
        return numbers
    return KnownValues(program, shapes, numbers)


def expect_count(what: str, given: int, wanted: int) -> None:
    """Refuse a wrong number of tensors, numbers or the like.

    Raises:
        LaunchError: the numbers differ.
    """
    if given != wanted:
        raise LaunchError(f"program: {given} {what}, must be {wanted}")


def _bits_of(index: int, number: float, kind: str) -> int:
    """Return the bits of a number in the representation of a type."""
    encoded = encode_number(number, kind, f"number {index}")
    if isinstance(encoded, float):
        return int.from_bytes(struct.pack("<f" if kind == "f32" else "<d", encoded), "little")
    return encoded & ((1 << (width_of(kind) or 0)) - 1)
