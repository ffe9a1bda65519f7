"""The places of its bindings that a dispatch uses, as its code in the stream phase declares them.

IREE packs several results into one allocation and binds all of it to each dispatch. The code of the
dispatch says which part it uses: a span that begins at a constant, or at a number of the dispatch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ir_runtime.launch.host_program.expression import ARITY, Value, compute_values, width_of

__all__ = ["NO_EXTENTS", "Extents", "find_extents", "load_extents", "store_extents"]

_SUBSPAN = "stream.binding.subspan"
_TENSOR = re.compile(
    r"!iree_tensor_ext\.dispatch\.tensor<\w+:tensor<((?:[\d?]+x)*)([a-zA-Z0-9]+)>>"
)
_ELEMENT = re.compile(r"(?:i|f|bf)(8|16|32|64)|f(8)E\w+")
_SAME = ("util.assume.int", "iree_tensor_ext.dispatch.workload.ordinal")
"""Operations that return their operands."""
_MOST_VALUES = 4096


@dataclass(frozen=True)
class Extents:
    """The spans of bindings that a function uses; a binding without one may be used everywhere.

    Attributes:
        values: numbers, computed from the constants of a dispatch.
        spans: of a binding: its number, the position of the offset in bytes among the values, and
            that of the length.
    """

    values: tuple[Value, ...] = ()
    spans: tuple[tuple[int, int, int], ...] = ()

    def of(self, constants: Sequence[int]) -> Mapping[int, Sequence[tuple[int, int]]]:
        """Return the known spans of each binding, as offset and length."""
        wanted = [v.operands[0] for v in self.values if v.op == "number"]
        if any(number >= len(constants) for number in wanted):
            return {}
        known = compute_values(self.values, (), constants)
        found: dict[int, list[tuple[int, int]]] = {}
        for binding, offset, length in self.spans:
            start, size = known[offset], known[length]
            if start is None or size is None:
                return {}
            found.setdefault(binding, []).append((start, size))
        return found


NO_EXTENTS = Extents()


def store_extents(extents: Extents) -> dict[str, Any]:
    """Return extents as data for JSON."""
    values = [[value.op, value.type, *value.operands] for value in extents.values]
    return {"values": values, "spans": [list(span) for span in extents.spans]}


def load_extents(stored: Any) -> Extents:
    """Return what `store_extents` made data of; other data says nothing of any binding."""
    try:
        values = tuple(Value(op, kind, tuple(rest)) for op, kind, *rest in stored["values"])
        spans = tuple((binding, offset, length) for binding, offset, length in stored["spans"])
    except (KeyError, TypeError, ValueError):
        return NO_EXTENTS
    right = all(_is_right(i, value) for i, value in enumerate(values))
    right = right and all(_below(place, values) for span in spans for place in span[1:])
    return Extents(values, spans) if right else NO_EXTENTS


def _is_right(position: int, value: Value) -> bool:
    if not all(isinstance(n, int) and n >= 0 for n in value.operands) or not width_of(value.type):
        return False
    if value.op in ("constant", "number"):
        return len(value.operands) == 1
    return ARITY.get(value.op) == len(value.operands) and max(value.operands) < position


def _below(position: Any, values: Sequence[Value]) -> bool:
    return isinstance(position, int) and 0 <= position < len(values)


def find_extents(function: Any) -> Extents:
    """Find the spans of its bindings that a function of an executable uses."""
    arguments = list(function.regions[0].blocks[0].arguments)
    bindings = [a for a in arguments if str(a.type) == "!stream.binding"]
    if arguments[: len(bindings)] != bindings:
        return NO_EXTENTS
    numbers = _Numbers(len(bindings))
    spans: list[tuple[int, int, int]] = []
    for binding, argument in enumerate(bindings):
        found = [_span_of(numbers, use.owner.operation) for use in argument.uses]
        spans += [(binding, *span) for span in found if span is not None and None not in found]
    if len(numbers.values) > _MOST_VALUES:
        return NO_EXTENTS
    return Extents(tuple(numbers.values), tuple(spans))


def _span_of(numbers: _Numbers, op: Any) -> tuple[int, int] | None:
    """Return the positions of offset and length of a span; None if one is not understood."""
    kind = _TENSOR.fullmatch(str(op.results[0].type)) if op.name == _SUBSPAN else None
    element = None if kind is None else _ELEMENT.fullmatch(kind[2])
    if kind is None or element is None:
        return None
    offset, *open_sizes = (numbers.position(value) for value in list(op.operands)[1:])
    size: int | None = numbers.constant(int(element[1] or element[2]) // 8)
    for text in kind[1].split("x")[:-1]:
        factor = open_sizes.pop(0) if text == "?" else numbers.constant(int(text))
        if size is None or factor is None:
            return None
        size = numbers.add("muli", "index", size, factor)
    return None if offset is None or size is None else (offset, size)


class _Numbers:
    """The numbers of a function, each computed from its arguments.

    Args:
        bindings: how many of its first arguments are bindings; the others are constants.
    """

    def __init__(self, bindings: int) -> None:
        self.values: list[Value] = []
        self._bindings = bindings
        self._positions: dict[Value, int] = {}

    def add(self, op: str, kind: str, *operands: int) -> int:
        """Return the position of a value."""
        value = Value(op, kind, operands)
        if value not in self._positions:
            self._positions[value] = len(self.values)
            self.values.append(value)
        return self._positions[value]

    def constant(self, number: int) -> int:
        """Return the position of a size."""
        return self.add("constant", "index", number)

    def position(self, value: Any) -> int | None:
        """Return the position of a value of the function, None if it is not understood."""
        kind = str(value.type)
        width = width_of(kind)
        if width is None or kind.startswith(("f", "bf")):
            return None
        if hasattr(value, "arg_number"):
            number = value.arg_number - self._bindings
            return self.add("number", kind, number) if kind == "i32" and number >= 0 else None
        op = value.owner
        if op.name in _SAME:
            return self.position(op.operands[value.result_number])
        if op.name == "arith.constant":
            return self.add("constant", kind, int(op.attributes["value"].value) % (1 << width))
        name = op.name.removeprefix("arith.")
        if not op.name.startswith("arith.") or name not in ARITY:
            return None
        operands = [self.position(operand) for operand in op.operands]
        known = [operand for operand in operands if operand is not None]
        return self.add(name, kind, *known) if len(known) == len(operands) else None
