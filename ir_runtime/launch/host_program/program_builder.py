"""The builder of a host program: it collects values, memories and steps while they are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ir_runtime.launch.host_program.executable_text import UnreadableProgramError
from ir_runtime.launch.host_program.expression import Value, compute_values, width_of
from ir_runtime.launch.host_program.program import (
    Check,
    ConditionCheck,
    HostProgram,
    LengthCheck,
    NumberResult,
    PassedResult,
    ProgramCopy,
    ProgramDispatch,
    ProgramFill,
    ProgramStep,
    Result,
    ShapeCheck,
    Span,
    TensorResult,
)

__all__ = ["Memory", "ProgramBuilder"]


@dataclass(eq=False)
class Memory:
    """A memory that the program uses.

    Attributes:
        number: its number in the order of appearance; the slot in all spans until `build`.
        kind: `operand`, `destination`, `allocated`, `constant` or `loaded`.
        place: the number of the operand, the destination or the loaded buffer.
        size: the position of its size in bytes, if it is allocated.
        data: the contents of a constant.
        freed: whether the program has given it back.
    """

    number: int
    kind: str
    place: int = 0
    size: int = 0
    data: bytes = b""
    freed: bool = False


@dataclass
class ProgramBuilder:
    """Collects the parts of a program.

    Args:
        variants: name of the binary of each executable.
    """

    variants: Mapping[str, str]
    arguments: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    steps: list[ProgramStep] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    _values: dict[Value, int] = field(default_factory=dict)
    _memories: list[Memory] = field(default_factory=list)
    _functions: dict[str, dict[str, int]] = field(default_factory=dict)

    def value(self, op: str, kind: str, *operands: int) -> int:
        """Return the position of a value; equal values are kept once, constant ones folded."""
        if width_of(kind) is None:
            raise UnreadableProgramError(f"a value of type {kind}")
        if op == "addi" and 0 in map(self.constant_bits, operands):
            return operands[1] if self.constant_bits(operands[0]) == 0 else operands[0]
        value = Value(op, kind, operands)
        if value not in self._values:
            bits = self._folded(value)
            if bits is not None:
                value = Value("constant", kind, (bits,))
        return self._values.setdefault(value, len(self._values))

    def constant(self, kind: str, number: int) -> int:
        """Return the position of a constant."""
        return self.value("constant", kind, number & ((1 << (width_of(kind) or 0)) - 1))

    def constant_bits(self, position: int) -> int | None:
        """Return the bits of a value that is a constant, else None."""
        value = self._value_at(position)
        return value.operands[0] if value.op == "constant" else None

    def type_of(self, position: int) -> str:
        """Return the type of a value."""
        return self._value_at(position).type

    def memory(self, kind: str, *, place: int = 0, size: int = 0, data: bytes = b"") -> Memory:
        """Return a new memory."""
        memory = Memory(len(self._memories), kind, place, size, data)
        self._memories.append(memory)
        return memory

    def function(self, executable: str, variant: str, name: str) -> tuple[int, int]:
        """Return the indices of an executable and of an exported function of it."""
        if self.variants.get(executable) != variant:
            raise UnreadableProgramError(f"no binary {variant} of executable {executable}")
        names = self._functions.setdefault(executable, {})
        return list(self._functions).index(executable), names.setdefault(name, len(names))

    def work_on_copies(self, operands: Iterable[int]) -> None:
        """Make the steps use a copy of each of these operands instead of the operand.

        Raises:
            UnreadableProgramError: the size of an operand is not known.
        """
        for place in operands:
            old = next(m for m in self._memories if (m.kind, m.place) == ("operand", place))
            lengths = [
                check.length
                for check in self.checks
                if isinstance(check, LengthCheck) and check.slot == old.number
            ]
            # The copy is as large as the check of the operand's bytes demands. With no check, or
            # with two, its size is not known.
            if len(set(lengths)) != 1:
                raise UnreadableProgramError(f"operand {place} is written, and its size is unknown")
            new = self.memory("allocated", size=lengths[0])
            # Checks still name the operand itself; steps and results name the copy.
            slots = {m.number: m.number for m in self._memories} | {old.number: new.number}
            same = {position: position for position in range(len(self._values))}
            whole = Span(old.number, self.constant("index", 0), lengths[0])
            first = ProgramCopy(whole, replace(whole, slot=new.number))
            self.steps[:] = [first, *(_step(step, same, slots) for step in self.steps)]
            shapes = [c for c in self.checks if isinstance(c, ShapeCheck) and c.operand == place]
            for i, result in enumerate(self.results):
                # A result that is the operand itself must be the written copy. The result then
                # needs a shape and a type, which only a shape check states.
                if isinstance(result, PassedResult) and result.operand == place:
                    if not shapes:
                        raise UnreadableProgramError(f"result {i} is operand {place}, written")
                    made = TensorResult(whole, shapes[0].shape, shapes[0].element_type)
                    result = made  # noqa: PLW2901 - from here on a result like any other
                self.results[i] = _result(result, same, slots)

    def build(self) -> HostProgram:
        """Return the program, with slots numbered by kind and without unused values.

        Raises:
            UnreadableProgramError: a destination does not hold exactly one result, at its start.
        """
        results = self._result_memories()
        # Memory that the program allocates is a result memory if a result is in it, so that the
        # caller owns it after the call. The rest are transients, scratch buffers of the call.
        rest = [m for m in self._memories if m.kind == "allocated" and m not in results]
        constants = [m for m in self._memories if m.kind == "constant"]
        operands = sorted((m for m in self._memories if m.kind == "operand"), key=_place)
        loaded = [m for m in self._memories if m.kind == "loaded"]
        order = (*operands, *results, *rest, *constants, *loaded)
        slots = {memory.number: slot for slot, memory in enumerate(order)}
        sizes = [self._size_of(memory) for memory in results]
        transients = [memory.size for memory in rest]
        kept = self._kept([*sizes, *transients])
        values = list(self._values)
        return HostProgram(
            arguments=tuple(self.arguments),
            executables=tuple(self._functions),
            functions=tuple(tuple(names) for names in self._functions.values()),
            values=tuple(_renumbered(values[old], kept) for old in kept),
            checks=tuple(_check(check, kept, slots) for check in self.checks),
            results=tuple(_result(result, kept, slots) for result in self.results),
            result_sizes=tuple(kept[size] for size in sizes),
            transients=tuple(kept[size] for size in transients),
            constants=tuple(memory.data for memory in constants),
            steps=tuple(_step(step, kept, slots) for step in self.steps),
            loaded=tuple(memory.place for memory in loaded),
        )

    def _result_memories(self) -> list[Memory]:
        destinations = sorted((m for m in self._memories if m.kind == "destination"), key=_place)
        tensors = [r.span for r in self.results if isinstance(r, TensorResult)]
        if destinations:
            return destinations
        found = [self._memories[span.slot] for span in tensors]
        return list(dict.fromkeys(m for m in found if m.kind == "allocated"))

    def _size_of(self, memory: Memory) -> int:
        if memory.kind == "allocated":
            return memory.size
        spans = [r.span for r in self.results if isinstance(r, TensorResult)]
        held = [span for span in spans if span.slot == memory.number]
        if len(held) != 1 or self.constant_bits(held[0].offset) != 0:
            raise UnreadableProgramError(f"destination {memory.place} does not hold one result")
        return held[0].length

    def _folded(self, value: Value) -> int | None:
        """Return the bits of an operation on constants, None if an operand is not constant."""
        if value.op in ("constant", "dim", "number"):
            return None
        known = [self._value_at(o) for o in value.operands]
        if any(v.op != "constant" for v in known):
            return None
        alone = Value(value.op, value.type, tuple(range(len(known))))
        return compute_values([*known, alone], (), ())[-1]

    def _value_at(self, position: int) -> Value:
        if len(self._listed) != len(self._values):
            self._listed = list(self._values)
        return self._listed[position]

    def __post_init__(self) -> None:
        self._listed: list[Value] = []

    def _kept(self, sizes: Sequence[int]) -> dict[int, int]:
        """Return the new position of each used value, by its old position."""
        used: set[int] = set(sizes)
        for part in (*self.checks, *self.results, *self.steps):
            used.update(_values_of(part))
        # A value refers only to earlier ones: one pass from the end finds all that are used.
        values = list(self._values)
        for position in range(len(values) - 1, -1, -1):
            if position in used and values[position].op not in ("constant", "dim", "number"):
                used.update(values[position].operands)
        return {old: new for new, old in enumerate(sorted(used))}


def _place(memory: Memory) -> int:
    return memory.place


def _values_of(part: Check | Result | ProgramStep) -> Iterable[int]:
    match part:
        case ShapeCheck():
            return part.shape
        case LengthCheck():
            return (part.length,)
        case ConditionCheck():
            return (part.condition,)
        case TensorResult():
            return (*part.shape, part.span.offset, part.span.length)
        case NumberResult():
            return (part.value,)
        case ProgramDispatch():
            spans = [position for b in part.bindings for position in (b.offset, b.length)]
            return (*part.workgroups, *part.constants, *spans)
        case ProgramFill():
            return (part.pattern, part.target.offset, part.target.length)
        case ProgramCopy():
            ends = (part.source, part.target)
            return [position for span in ends for position in (span.offset, span.length)]
        case _:
            return ()


def _renumbered(value: Value, kept: Mapping[int, int]) -> Value:
    if value.op in ("constant", "dim", "number"):
        return value
    return replace(value, operands=tuple(kept[o] for o in value.operands))


def _span(span: Span, kept: Mapping[int, int], slots: Mapping[int, int]) -> Span:
    return Span(slots[span.slot], kept[span.offset], kept[span.length])


def _check(check: Check, kept: Mapping[int, int], slots: Mapping[int, int]) -> Check:
    match check:
        case ShapeCheck():
            return replace(check, shape=tuple(kept[dim] for dim in check.shape))
        case LengthCheck():
            return replace(check, slot=slots[check.slot], length=kept[check.length])
        case ConditionCheck():
            return replace(check, condition=kept[check.condition])


def _result(result: Result, kept: Mapping[int, int], slots: Mapping[int, int]) -> Result:
    match result:
        case TensorResult():
            shape = tuple(kept[dim] for dim in result.shape)
            return replace(result, span=_span(result.span, kept, slots), shape=shape)
        case NumberResult():
            return NumberResult(kept[result.value])
        case _:
            return result


def _step(step: ProgramStep, kept: Mapping[int, int], slots: Mapping[int, int]) -> ProgramStep:
    match step:
        case ProgramDispatch():
            x, y, z = step.workgroups
            return replace(
                step,
                workgroups=(kept[x], kept[y], kept[z]),
                constants=tuple(kept[constant] for constant in step.constants),
                bindings=tuple(_span(span, kept, slots) for span in step.bindings),
            )
        case ProgramFill():
            return ProgramFill(_span(step.target, kept, slots), kept[step.pattern])
        case ProgramCopy():
            return ProgramCopy(_span(step.source, kept, slots), _span(step.target, kept, slots))
