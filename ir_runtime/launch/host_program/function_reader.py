"""The reader of host functions: it reads each operation in order, and refuses unknown ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ir_runtime.launch.host_program.command_reader import QUEUE_OPS, CommandReader
from ir_runtime.launch.host_program.constant_reader import ConstantReader
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError
from ir_runtime.launch.host_program.number_value import PURE_DIALECTS, read_constant, read_operation
from ir_runtime.launch.host_program.object_value import (
    Buffer,
    Device,
    ElementType,
    Executable,
    Fence,
    Function,
    HostBuffer,
    HostObject,
    Ignored,
    NotUnderstood,
    Scalar,
    Status,
    View,
)
from ir_runtime.launch.host_program.program import (
    ConditionCheck,
    LengthCheck,
    NumberResult,
    PassedResult,
    Result,
    ShapeCheck,
    Span,
    TensorResult,
)
from ir_runtime.launch.host_program.program_builder import ProgramBuilder

__all__ = ["FunctionReader"]

_T = TypeVar("_T")
_MAX_CALLS = 8
_BRANCHES = ("cf.br", "cf.cond_br", "cf.switch", "util.unreachable")
_IGNORED = ("hal.device.allocator", "hal.memory_type", "hal.buffer_usage", "hal.encoding_type")
_ATTRIBUTES = {
    "hal.buffer_view.dim": {"index"},
    "hal.buffer_view.assert": {"message"},
    "hal.buffer.assert": {"message", "memory_types", "buffer_usage"},
    "hal.element_type": {"type"},
    "hal.encoding_type": {"encoding"},
    "hal.memory_type": {"type"},
    "hal.buffer_usage": {"usage"},
    "hal.executable.lookup.function": {"entry_point"},
    "hal.command_buffer.create": {"modes", "command_categories"},
    "hal.command_buffer.execution_barrier": {"source_stage_mask", "target_stage_mask"},
    "hal.command_buffer.dispatch": {"operandSegmentSizes"},
    "util.global.load": {"global", "is_immutable"},
    "util.call": {"callee", "tied_operands"},
    "util.return": {"tied_operands"},
    "util.status.check_ok": {"message"},
    "util.buffer.constant": {"value", "alignment", "name", "mime_type"},
    "cf.assert": {"msg"},
    "arith.constant": {"value"},
    "arith.cmpi": {"predicate"},
}
"""Attributes that each operation may have. `flags` of 0 are allowed, too; any other attribute could
change the meaning of an operation and is refused."""


class FunctionReader:
    """Reads host functions into a program.

    It runs a function symbolically: `_known` holds for each SSA value the object that it stands
    for (a number, a buffer, a fence, ...), and launches are added to the program as they appear.

    Args:
        builder: takes the values, checks, steps and results.
        functions: operations of all functions of the module, by name.
        constants: knows the contents of globals.
    """

    def __init__(
        self, builder: ProgramBuilder, functions: Mapping[str, Any], constants: ConstantReader
    ) -> None:
        self._builder = builder
        self._functions = functions
        self._constants = constants
        self._commands = CommandReader(builder, self.operand, self.scalar)
        self._known: dict[Any, HostObject] = {}
        self._calls = 0
        self._readers: dict[str, Callable[[Any], HostObject | None]] = {
            "hal.buffer_view.dim": self._dim,
            "hal.buffer_view.assert": self._assert_shape,
            "hal.buffer_view.buffer": lambda op: self.operand(op, 0, View).buffer,
            "hal.buffer_view.create": self._create_view,
            "hal.buffer.assert": self._assert_length,
            "hal.buffer.subspan": self._subspan,
            "hal.devices.get": lambda _: Device(),
            "hal.element_type": lambda op: ElementType(str(op.attributes["type"].value)),
            "hal.executable.lookup.function": self._lookup,
            "hal.fence.create": lambda _: Fence(),
            "hal.fence.join": self._join,
            "hal.fence.signal": self._signal,
            "hal.fence.await": self._await,
            "util.null": self._null,
            "util.global.load": self._load_global,
            "util.buffer.constant": lambda op: HostBuffer(
                self._constants.bytes_of(op.attributes["value"])
            ),
            "util.status.check_ok": self._check_status,
            "cf.assert": lambda op: self._condition(self.scalar(op, 0), op.attributes["msg"].value),
            "arith.constant": lambda op: Scalar(
                read_constant(self._builder, op.attributes["value"])
            ),
            **dict.fromkeys(_IGNORED, lambda _: Ignored()),
        }

    def read_entry(self, function: Any, destinations: Mapping[int, int]) -> None:
        """Read an exported function.

        Args:
            function: its operation.
            destinations: for each argument that receives a result, the number of the result.

        Raises:
            UnreadableProgramError: it does something that is not understood.
        """
        block = self._first_block(function)
        arguments = [
            self._argument(i, str(argument.type), destinations)
            for i, argument in enumerate(block.arguments)
        ]
        returned = self._read_body(function, arguments)
        results = [self._result(i, value) for i, value in enumerate(returned)]
        self._builder.results.extend(results)
        self._check_destinations(returned, destinations)

    def operand(self, op: Any, index: int, kind: type[_T]) -> _T:
        """Return the object of an operand of an operation, which must be of a given kind.

        Raises:
            UnreadableProgramError: it is of another kind.
        """
        found = self._known[op.operands[index]]
        if isinstance(found, NotUnderstood):
            raise UnreadableProgramError(f"{found.op} is not understood")
        if not isinstance(found, kind):
            raise UnreadableProgramError(
                f"operand {index} of {op.name} is a {type(found).__name__.lower()}, "
                f"not a {kind.__name__.lower()}"
            )
        return found

    def scalar(self, op: Any, index: int) -> int:
        """Return the position of an operand that is a number, among the program's values."""
        return self.operand(op, index, Scalar).position

    def _first_block(self, function: Any) -> Any:
        blocks = list(function.regions[0].blocks)
        if not blocks:
            name = function.attributes["sym_name"].value
            raise UnreadableProgramError(f"function {name} is external")
        return blocks[0]

    def _argument(self, index: int, kind: str, destinations: Mapping[int, int]) -> HostObject:
        builder = self._builder
        if kind == "!hal.fence":
            return Fence(signalled=True)
        if index in destinations:
            if kind not in ("!hal.buffer", "!hal.buffer_view"):
                raise UnreadableProgramError(f"argument {index} receives a result and is a {kind}")
            place = builder.arguments.count("destination")
            builder.arguments.append("destination")
            memory = builder.memory("destination", place=place)
        elif kind == "!hal.buffer_view":
            place = builder.arguments.count("tensor")
            builder.arguments.append("tensor")
            memory = builder.memory("operand", place=place)
        else:
            place = sum(a not in ("tensor", "destination") for a in builder.arguments)
            position = builder.value("number", kind, place)
            builder.arguments.append(kind)
            return Scalar(position)
        buffer = Buffer(memory, builder.constant("index", 0))
        return buffer if kind == "!hal.buffer" else View(buffer)

    def _read_body(self, function: Any, arguments: Sequence[HostObject]) -> list[HostObject]:
        # A function that is called twice is read twice; its values are then simply overwritten,
        # since nothing reads those of the first call after it has returned.
        block, seen = self._first_block(function), []
        self._known.update(zip(block.arguments, arguments, strict=True))
        while block not in seen:
            seen.append(block)
            *body, last = (operation.operation for operation in block.operations)
            for op in body:
                self._read(op)
            if last.name == "util.return":
                return [self._known[value] for value in last.operands]
            if last.name != "cf.br":
                raise UnreadableProgramError(f"control flow in the host function: {last.name}")
            block = last.successors[0]
            passed = [self._known[value] for value in last.operands]
            self._known.update(zip(block.arguments, passed, strict=True))
        raise UnreadableProgramError("a loop in the host function")

    def _read(self, op: Any) -> None:
        name = op.name
        if name in _BRANCHES or len(op.regions):
            raise UnreadableProgramError(f"control flow in the host function: {name}")
        self._check_attributes(op)
        if name == "util.call":
            self._call(op)
            return
        if name in self._readers:
            result = self._readers[name](op)
        elif name in QUEUE_OPS:
            result = self._commands.read(op)
        elif name.startswith(PURE_DIALECTS) or name == "util.align":
            result = self._compute(op)
        else:
            raise UnreadableProgramError(f"{name} is not understood")
        if result is not None:
            self._known[op.results[0]] = result

    def _check_attributes(self, op: Any) -> None:
        allowed = _ATTRIBUTES.get(op.name, set())
        for name in op.attributes:
            if name == "flags":
                if op.attributes[name].value != 0:
                    raise UnreadableProgramError(f"{op.name} with flags {op.attributes[name]}")
            elif name not in allowed and not op.name.startswith(PURE_DIALECTS):
                raise UnreadableProgramError(f"attribute {name} of {op.name} is not understood")

    def _compute(self, op: Any) -> HostObject:
        operands = [self._known[value] for value in op.operands]
        if len(op.results) != 1:
            raise UnreadableProgramError(f"{op.name} is not understood")
        # These operations have no effects, so an unknown one matters only if its result is used:
        # `operand` refuses then.
        if not all(isinstance(operand, Scalar) for operand in operands):
            return NotUnderstood(f"{op.name} on operands that are not numbers")
        positions = [self.scalar(op, i) for i in range(len(operands))]
        position = read_operation(self._builder, op, positions)
        return NotUnderstood(op.name) if position is None else Scalar(position)

    def _call(self, op: Any) -> None:
        callee = op.attributes["callee"].value
        if callee not in self._functions:
            raise UnreadableProgramError(f"a call of {callee}, which is not in the module")
        self._calls += 1
        if self._calls > _MAX_CALLS:
            raise UnreadableProgramError(f"more than {_MAX_CALLS} calls of functions")
        arguments = [self._known[value] for value in op.operands]
        returned = self._read_body(self._functions[callee], arguments)
        self._known.update(zip(op.results, returned, strict=True))

    def _dim(self, op: Any) -> HostObject:
        operand = self._operand_tensor(op)
        return Scalar(self._builder.value("dim", "index", operand, op.attributes["index"].value))

    def _operand_tensor(self, op: Any) -> int:
        view = self.operand(op, 0, View)
        if view.made is not None or view.buffer.memory.kind != "operand":
            raise UnreadableProgramError(f"{op.name} of a buffer view that is no operand")
        return view.buffer.memory.place

    def _assert_shape(self, op: Any) -> None:
        operand = self._operand_tensor(op)
        element = self.operand(op, 1, ElementType).name
        self.operand(op, 2, Ignored)
        shape = tuple(self.scalar(op, i) for i in range(3, len(op.operands)))
        label = op.attributes["message"].value
        self._builder.checks.append(ShapeCheck(operand, label, shape, element))

    def _assert_length(self, op: Any) -> None:
        # A check of a slot counts bytes from its start. Memory of the program needs no check:
        # its size is the program's own.
        buffer = self.operand(op, 0, Buffer)
        if self._builder.constant_bits(buffer.offset) != 0:
            raise UnreadableProgramError("hal.buffer.assert of a part of a buffer")
        if buffer.memory.kind in ("operand", "destination"):
            label = op.attributes["message"].value
            check = LengthCheck(buffer.memory.number, label, self.scalar(op, 2))
            self._builder.checks.append(check)

    def _create_view(self, op: Any) -> HostObject:
        buffer = self.operand(op, 0, Buffer)
        element = self.operand(op, 3, ElementType).name
        self.operand(op, 4, Ignored)
        offset = self._builder.value("addi", "index", buffer.offset, self.scalar(op, 1))
        span = Span(buffer.memory.number, offset, self.scalar(op, 2))
        shape = tuple(self.scalar(op, i) for i in range(5, len(op.operands)))
        return View(buffer, TensorResult(span, shape, element))

    def _subspan(self, op: Any) -> HostObject:
        buffer = self.operand(op, 0, Buffer)
        offset = self._builder.value("addi", "index", buffer.offset, self.scalar(op, 1))
        return Buffer(buffer.memory, offset)

    def _lookup(self, op: Any) -> HostObject:
        owner = self.operand(op, 0, Executable)
        executable, variant, function = op.attributes["entry_point"].value
        if (executable, variant) != (owner.name, owner.variant):
            raise UnreadableProgramError(f"{op.name} of {executable} in {owner.name}")
        return Function(owner, *self._builder.function(executable, variant, function))

    def _join(self, op: Any) -> HostObject:
        parts = [self.operand(op, i, Fence) for i in range(len(op.operands))]
        return Fence(signalled=True, parts=parts)

    def _signal(self, op: Any) -> None:
        self.operand(op, 0, Fence).signalled = True

    def _await(self, op: Any) -> HostObject:
        for i in range(1, len(op.operands)):
            if not self.operand(op, i, Fence).ready:
                raise UnreadableProgramError("hal.fence.await of a fence that is not signalled")
        return Status()

    def _null(self, op: Any) -> HostObject:
        kind = str(op.results[0].type)
        return Fence(signalled=True) if kind == "!hal.fence" else NotUnderstood(f"a null {kind}")

    def _load_global(self, op: Any) -> HostObject:
        name = op.attributes["global"].value
        kind = str(op.results[0].type)
        if kind == "!hal.device":
            return Device()
        if kind == "!hal.executable":
            return self._constants.executable_of(name)
        if kind == "!hal.buffer":
            memory = self._constants.memory_of(name, self._builder)
            return Buffer(memory, self._builder.constant("index", 0))
        return Scalar(read_constant(self._builder, self._constants.number_of(name)))

    def _check_status(self, op: Any) -> None:
        # The status of a wait is always good here; a computed one must be 0 for each call.
        if isinstance(self._known[op.operands[0]], Status):
            return
        status = self.scalar(op, 0)
        zero = self._builder.constant(self._builder.type_of(status), 0)
        holds = self._builder.value("cmpi.eq", "i1", status, zero)
        self._condition(holds, op.attributes["message"].value)

    def _condition(self, condition: int, message: str) -> None:
        # Only a condition that depends on the call becomes a check.
        if self._builder.constant_bits(condition) is None:
            self._builder.checks.append(ConditionCheck(condition, message))
        elif not self._builder.constant_bits(condition):
            raise UnreadableProgramError(f"an assertion never holds: {message}")

    def _result(self, index: int, value: HostObject) -> Result:
        if isinstance(value, Scalar):
            return NumberResult(value.position)
        if isinstance(value, View):
            if value.buffer.memory.freed:
                raise UnreadableProgramError(f"result {index} is in memory that was given back")
            if value.made is not None:
                return value.made
            if value.buffer.memory.kind == "operand":
                return PassedResult(value.buffer.memory.place)
        raise UnreadableProgramError(f"result {index} is a {type(value).__name__.lower()}")

    def _check_destinations(
        self, returned: Sequence[HostObject], destinations: Mapping[int, int]
    ) -> None:
        """Check that each destination holds its result, and that all or no results have one.

        Otherwise a caller would return a tensor that the program never wrote.
        """
        for place, (_, result) in enumerate(sorted(destinations.items())):
            value = returned[result] if result < len(returned) else None
            memory = value.buffer.memory if isinstance(value, View) and value.made else None
            if memory is None or (memory.kind, memory.place) != ("destination", place):
                raise UnreadableProgramError(f"result {result} is not in its destination")
        tensors = sum(isinstance(value, View) for value in returned)
        if destinations and tensors != len(destinations):
            raise UnreadableProgramError("some results have a destination, others not")
