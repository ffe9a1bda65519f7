"""`VectorCode` and `Vector`: MLIR text of a function of vectors, from Python expressions."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

__all__ = ["Vector", "VectorCode", "polynomial"]

Number = float | int
"""In expressions with vectors it stands for the vector of this number in all lanes."""


class VectorCode:
    """The lines of one function; vectors add to them as they are combined.

    Args:
        lanes: elements of each vector.
        prefix: of the names of values, for lines that become a part of other code.
        branches: whether code that few vectors need is in a branch; else all compute it.
        folds_sums: whether a compiler takes `(a + b) - b` for `a`, so that a sum does not round.

    Attributes:
        lanes: elements of each vector.
    """

    def __init__(
        self, lanes: int, *, prefix: str = "", branches: bool = True, folds_sums: bool = False
    ) -> None:
        self.lanes = lanes
        self._prefix = prefix
        self._branches = branches
        self._folds_sums = folds_sums
        self._constants: dict[tuple[str, str, int], Vector] = {}
        self._constant_lines: list[str] = []
        self._lines: list[str] = []
        self._values = 0
        self._indent = "  "

    def emit(self, operation: str, kind: str, lanes: int) -> Vector:
        """Add an operation that has one result, a vector of an element type."""
        self._values += 1
        name = f"%{self._prefix}{self._values}"
        self._lines.append(f"{self._indent}{name} = {operation}")
        return Vector(self, name, kind, lanes)

    def constant(self, number: Number, kind: str, lanes: int = 0) -> Vector:
        """Return the vector of a number; constants precede all other lines."""
        lanes = lanes or self.lanes
        text = _float_text(number) if kind.startswith("f") else _integer_text(int(number), kind)
        key = text, kind, lanes
        if key not in self._constants:
            name = f"%{self._prefix}c{len(self._constants)}"
            vector = Vector(self, name, kind, lanes)
            self._constant_lines.append(
                f"  {vector} = arith.constant dense<{text}> : {vector.type}"
            )
            self._constants[key] = vector
        return self._constants[key]

    def rarely(self, mask: Vector, usual: Vector, rare: Callable[[], Vector]) -> Vector:
        """Return `usual`, but where any lane of `mask` is set all lanes of `rare()`.

        The lines of `rare` are in a branch, which most vectors do not take.
        """
        if not self._branches:
            return mask.select(rare(), usual)
        self._values += 2
        any_lane, result = f"%{self._values - 1}", f"%{self._values}"
        taken = usual.type
        self._lines += [
            f"{self._indent}{any_lane} = vector.reduction <or>, {mask} : {mask.type} into i1",
            f"{self._indent}{result} = scf.if {any_lane} -> ({taken}) {{",
        ]
        with self._indented():
            self._lines.append(f"{self._indent}scf.yield {rare()} : {taken}")
        self._lines.append(f"{self._indent}}} else {{")
        with self._indented():
            self._lines.append(f"{self._indent}scf.yield {usual} : {taken}")
        self._lines.append(f"{self._indent}}}")
        return Vector(self, result, usual.kind, usual.lanes)

    def rounded(self, x: Vector, offset: Vector | Number, factor: Number = 1.0) -> Vector:
        """Return x times a factor, rounded to an integer by the sum with a large offset."""
        if self._folds_sums:
            whole = (x if factor == 1.0 else x * factor)._with("math.roundeven")
            return whole + offset
        return x + offset if factor == 1.0 else x.fma(factor, offset)

    def counted(self, x: Vector, start: Number, step: Number) -> Vector:
        """Return x >= 0 as a whole number of steps; the last place of `start` is one step."""
        if self._folds_sums:
            steps = (x + start).bits() - x.constant(start).bits()
            return steps.convert("f32") * step
        return (x + start) - start

    def lines(self) -> list[str]:
        """Return the lines so far, without those that make a function of them."""
        return [*self._constant_lines, *self._lines]

    @contextmanager
    def _indented(self) -> Generator[None]:
        outer, self._indent = self._indent, self._indent + "  "
        yield
        self._indent = outer

    def function(self, name: str, operands: Sequence[Vector], result: Vector) -> str:
        """Return the function that takes `operands` and returns `result`."""
        taken = ", ".join(f"{operand}: {operand.type}" for operand in operands)
        lines = "\n".join([*self._constant_lines, *self._lines])
        return (
            f"func.func private @{name}({taken}) -> {result.type} {{\n"
            f"{lines}\n  return {result} : {result.type}\n}}\n"
        )


class Vector:
    """A vector in the code of a function.

    Comparisons are ordered: false where an operand is NaN.

    Attributes:
        code: the function.
        name: of the SSA value.
        kind: the element type, such as `f32`; masks have `i1`.
        lanes: the number of elements.
    """

    __slots__ = ("code", "kind", "lanes", "name")

    def __init__(self, code: VectorCode, name: str, kind: str, lanes: int = 0) -> None:
        self.code = code
        self.name = name
        self.kind = kind
        self.lanes = lanes or code.lanes

    @property
    def type(self) -> str:
        """The type in MLIR."""
        return _type(self.kind, self.lanes)

    def __str__(self) -> str:
        return self.name

    def like(self, number: Vector | Number) -> Vector:
        """Return the vector of a number, of the element type of `self`."""
        return number if isinstance(number, Vector) else self.constant(number)

    def constant(self, number: Number, kind: str = "") -> Vector:
        """Return the vector of a number with as many lanes, by default of the same kind."""
        return self.code.constant(number, kind or self.kind, self.lanes)

    def rounded_sum(self, offset: Vector | Number, factor: Number = 1.0) -> Vector:
        """Return `self * factor + offset`, an integer plus the offset, which is large."""
        return self.code.rounded(self, offset, factor)

    def _with(self, operation: str, *others: Vector | Number, kind: str = "") -> Vector:
        operands = ", ".join(str(self.like(operand)) for operand in (self, *others))
        return self.code.emit(
            f"{operation} {operands} : {self.type}", kind or self.kind, self.lanes
        )

    def _arithmetic(self, name: str, other: Vector | Number) -> Vector:
        return self._with(f"arith.{name}{'f' if self.kind.startswith('f') else 'i'}", other)

    def __add__(self, other: Vector | Number) -> Vector:
        return self._arithmetic("add", other)

    def __sub__(self, other: Vector | Number) -> Vector:
        return self._arithmetic("sub", other)

    def __rsub__(self, other: Number) -> Vector:
        return self.like(other) - self

    def __mul__(self, other: Vector | Number) -> Vector:
        return self._arithmetic("mul", other)

    def __truediv__(self, other: Vector | Number) -> Vector:
        return self._with("arith.divf", other)

    def __rtruediv__(self, other: Number) -> Vector:
        return self.like(other) / self

    def __neg__(self) -> Vector:
        return self._with("arith.negf")

    def __abs__(self) -> Vector:
        return self._with("math.absf")

    def fma(self, factor: Vector | Number, summand: Vector | Number) -> Vector:
        """Return `self * factor + summand`, rounded once."""
        return self._with("math.fma", factor, summand)

    def sqrt(self) -> Vector:
        """Return the square root."""
        return self._with("math.sqrt")

    def copysign(self, sign: Vector) -> Vector:
        """Return `self` with the sign of another vector."""
        return self._with("math.copysign", sign)

    def __and__(self, other: Vector | Number) -> Vector:
        return self._with("arith.andi", other)

    def __or__(self, other: Vector | Number) -> Vector:
        return self._with("arith.ori", other)

    def __xor__(self, other: Vector | Number) -> Vector:
        return self._with("arith.xori", other)

    def __lshift__(self, places: Vector | Number) -> Vector:
        return self._with("arith.shli", places)

    def __rshift__(self, places: Vector | Number) -> Vector:
        """Shift right; zeros come in."""
        return self._with("arith.shrui", places)

    def shift_signed(self, places: Number) -> Vector:
        """Shift right; copies of the sign come in."""
        return self._with("arith.shrsi", places)

    def _compare(self, order: str, other: Vector | Number) -> Vector:
        floating = self.kind.startswith("f")
        name = f"arith.cmpf o{order}," if floating else f"arith.cmpi {order},"
        return self._with(name, other, kind="i1")

    def __lt__(self, other: Vector | Number) -> Vector:
        return self._compare("lt" if self.kind.startswith("f") else "slt", other)

    def __gt__(self, other: Vector | Number) -> Vector:
        return self._compare("gt" if self.kind.startswith("f") else "sgt", other)

    def above_unsigned(self, other: Vector | Number) -> Vector:
        """Compare integers as unsigned ones."""
        return self._compare("ugt", other)

    def equals(self, other: Vector | Number) -> Vector:
        """Return the mask of equal lanes."""
        return self._compare("eq", other)

    def is_nan(self) -> Vector:
        """Return the mask of lanes that are NaN."""
        return self._with("arith.cmpf uno,", self, kind="i1")

    def select(self, yes: Vector | Number, no: Vector | Number) -> Vector:
        """Return `yes` where this mask is set, else `no`; at least one must be a vector."""
        known = yes if isinstance(yes, Vector) else no
        assert isinstance(known, Vector), "one must be a vector: its kind is the result's"
        operands = f"{self}, {known.like(yes)}, {known.like(no)}"
        text = f"arith.select {operands} : {self.type}, {known.type}"
        return self.code.emit(text, known.kind, self.lanes)

    def at_least(self, least: Number) -> Vector:
        """Return the larger of each lane and a number; NaN stays NaN."""
        return (self < least).select(least, self)

    def at_most(self, most: Number) -> Vector:
        """Return the smaller of each lane and a number; NaN stays NaN."""
        return (self > most).select(most, self)

    def _cast(self, operation: str, kind: str, lanes: int = 0) -> Vector:
        lanes = lanes or self.lanes
        types = f"{self.type} to {_type(kind, lanes)}"
        return self.code.emit(f"{operation} {self} : {types}", kind, lanes)

    def bits(self) -> Vector:
        """Return the bits as integers of the same size."""
        return self.bitcast(f"i{_bits_of(self.kind)}")

    def bitcast(self, kind: str) -> Vector:
        """Return the same bits as another element type of the same size."""
        return self._cast("arith.bitcast", kind)

    def regroup(self, kind: str) -> Vector:
        """Return the same bits as elements of another size, so in more or fewer lanes."""
        lanes = self.lanes * _bits_of(self.kind) // _bits_of(kind)
        return self._cast("vector.bitcast", kind, lanes)

    def shuffle(self, other: Vector, order: Sequence[int]) -> Vector:
        """Return lanes of `self` and then `other`, numbered through, in an order."""
        text = f"vector.shuffle {self}, {other} {list(order)} : {self.type}, {other.type}"
        return self.code.emit(text, self.kind, len(order))

    def convert(self, kind: str) -> Vector:
        """Return signed integers as floats, or floats of one size as floats of another."""
        if self.kind.startswith("i"):
            return self._cast("arith.sitofp", kind)
        wider = _bits_of(kind) > _bits_of(self.kind)
        return self._cast("arith.extf" if wider else "arith.truncf", kind)

    def integer(self, kind: str) -> Vector:
        """Return floats as signed integers, rounded towards zero; they must have room."""
        return self._cast("arith.fptosi", kind)

    def extend(self, kind: str) -> Vector:
        """Return integers in a wider type; zeros come in."""
        return self._cast("arith.extui", kind)

    def truncate(self, kind: str) -> Vector:
        """Return the low bits of integers."""
        return self._cast("arith.trunci", kind)


def polynomial(x: Vector, coefficients: Sequence[float]) -> Vector:
    """Return c0 + c1 x + c2 x^2 + ... by Horner's rule."""
    *others, last = coefficients
    sum_ = x.like(last)
    for coefficient in reversed(others):
        sum_ = sum_.fma(x, coefficient)
    return sum_


def _type(kind: str, lanes: int) -> str:
    return f"vector<{lanes}x{kind}>"


def _bits_of(kind: str) -> int:
    digits = kind.removeprefix("bf").lstrip("fi")
    return int(digits if digits.isdigit() else digits.partition("E")[0])


def _integer_text(number: int, kind: str) -> str:
    bits = _bits_of(kind)
    return str(number - (1 << bits) if number >= 1 << (bits - 1) else number)


def _float_text(number: float) -> str:
    if math.isinf(number) or math.isnan(number):
        (bits,) = struct.unpack("<I", struct.pack("<f", number))
        return f"0x{bits:08X}"
    text = repr(float(number))
    mantissa, exponent = text.partition("e")[::2]
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}e{exponent}" if exponent else mantissa
