"""The reader of commands and queue operations: dispatches, copies and fills, in running order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ir_runtime.launch.host_program.executable_text import UnreadableProgramError
from ir_runtime.launch.host_program.object_value import (
    Buffer,
    Commands,
    Device,
    Executable,
    Fence,
    Function,
    HostBuffer,
    HostObject,
)
from ir_runtime.launch.host_program.program import (
    ProgramCopy,
    ProgramDispatch,
    ProgramFill,
    ProgramStep,
    Span,
)
from ir_runtime.launch.host_program.program_builder import ProgramBuilder

__all__ = ["QUEUE_OPS", "CommandReader"]

_COMMAND = "hal.command_buffer."
_QUEUE = "hal.device.queue."
_IN_ORDER = frozenset(
    _COMMAND + name for name in ("execution_barrier", "begin_debug_group", "end_debug_group")
)
_PATTERNS = ("i8", "i16", "i32")

QUEUE_OPS = _IN_ORDER | {
    *(
        _COMMAND + name
        for name in (
            "create", "finalize", "dispatch", "fill_buffer", "copy_buffer", "update_buffer",
        )
    ),
    *(
        _QUEUE + name
        for name in ("alloca", "dealloca", "fill", "copy", "update", "barrier", "execute")
    ),
}  # fmt: skip
"""The operations that are understood."""


class CommandReader:
    """Reads recorded commands and enqueued operations as steps of a program.

    IREE's queue may run operations in any order that their fences allow. Here they run in the order
    of the text. This order is allowed if each operation waits only for earlier ones.

    Args:
        builder: takes the steps.
        operand: returns the object of an operand, which must be of a given kind.
        scalar: returns the position of an operand that is a number.
    """

    def __init__(
        self,
        builder: ProgramBuilder,
        operand: Callable[..., Any],
        scalar: Callable[[Any, int], int],
    ) -> None:
        self._builder = builder
        self._operand = operand
        self._scalar = scalar

    def read(self, op: Any) -> HostObject | None:
        """Read one of `QUEUE_OPS`; returns its result, if it has one.

        Raises:
            UnreadableProgramError: it is used in a way that is not understood.
        """
        if op.name.startswith(_QUEUE):
            return self._enqueue(op, op.name.removeprefix(_QUEUE))
        name = op.name.removeprefix(_COMMAND)
        if name == "create":
            # More operands declare a binding table: buffers that are given when it runs.
            if len(op.operands) > 2:
                raise UnreadableProgramError("a command buffer that is filled in when it runs")
            return Commands()
        commands = self._operand(op, 0, Commands)
        if commands.finalized:
            raise UnreadableProgramError(f"{op.name} after the command buffer's end")
        if name == "finalize":
            commands.finalized = True
        elif op.name not in _IN_ORDER:
            commands.steps.append(self._command(op, name))
        return None

    def _command(self, op: Any, name: str) -> ProgramStep:
        if name == "dispatch":
            return self._dispatch(op)
        if name == "fill_buffer":
            return self._fill(op, 1)
        if name == "copy_buffer":
            return self._copy(op, 1)
        return self._update(op, source=1, source_offset=3, target=4)

    def _enqueue(self, op: Any, name: str) -> HostObject | None:
        self._operand(op, 0, Device)
        wait, signal = self._operand(op, 2, Fence), self._operand(op, 3, Fence)
        # A fence that no earlier operation signals means that the text order is not allowed.
        if not wait.ready:
            raise UnreadableProgramError(f"{op.name} waits for a later operation")
        signal.signalled = True
        steps = self._builder.steps
        if name == "alloca":
            memory = self._builder.memory("allocated", size=self._scalar(op, 7))
            return Buffer(memory, self._builder.constant("index", 0))
        if name == "dealloca":
            buffer = self._operand(op, 4, Buffer)
            if buffer.memory.kind != "allocated":
                raise UnreadableProgramError(f"{op.name} of memory that is not its own")
            buffer.memory.freed = True
        elif name == "execute":
            steps.extend(self._execute(op))
        elif name == "fill":
            steps.append(self._fill(op, 4))
        elif name == "copy":
            steps.append(self._copy(op, 4))
        elif name == "update":
            steps.append(self._update(op, source=4, source_offset=5, target=6))
        return None

    def _execute(self, op: Any) -> list[ProgramStep]:
        if len(op.operands) != 5:
            raise UnreadableProgramError(f"{op.name} of several command buffers, or none")
        commands = self._operand(op, 4, Commands)
        # Compiled without memoization, a command buffer is executed once. `steps` are not copied.
        if not commands.finalized or commands.executed:
            raise UnreadableProgramError(f"{op.name} of commands that are not ready, or run twice")
        commands.executed = True
        return commands.steps

    def _dispatch(self, op: Any) -> ProgramStep:
        # Segments: command buffer, executable, function, the grid's x, y and z, one each; then
        # constants, then buffers, offsets and lengths of the bindings, equally many of the three.
        sizes = [int(size) for size in op.attributes["operandSegmentSizes"]]
        if sizes[:6] != [1] * 6 or len(sizes) != 10 or len(set(sizes[7:])) != 1:
            raise UnreadableProgramError(f"{op.name} with operands {sizes}")
        constants, bindings = sizes[6], sizes[7]
        owner, function = self._operand(op, 1, Executable), self._operand(op, 2, Function)
        if function.owner is not owner:
            raise UnreadableProgramError(f"{op.name} of a function of another executable")
        first = 6 + constants
        spans = [
            self._span(op, first + i, first + bindings + i, first + 2 * bindings + i)
            for i in range(bindings)
        ]
        return ProgramDispatch(
            function.executable,
            function.function,
            (self._scalar(op, 3), self._scalar(op, 4), self._scalar(op, 5)),
            tuple(self._scalar(op, 6 + i) for i in range(constants)),
            tuple(spans),
        )

    def _fill(self, op: Any, first: int) -> ProgramStep:
        pattern = self._scalar(op, first + 3)
        kind = self._builder.type_of(pattern)
        if kind not in _PATTERNS:
            raise UnreadableProgramError(f"{op.name} with a pattern of type {kind}")
        return ProgramFill(self._span(op, first, first + 1, first + 2), pattern)

    def _copy(self, op: Any, first: int) -> ProgramStep:
        length = first + 4
        return ProgramCopy(
            self._span(op, first, first + 1, length), self._span(op, first + 2, first + 3, length)
        )

    def _update(self, op: Any, *, source: int, source_offset: int, target: int) -> ProgramStep:
        data = self._operand(op, source, HostBuffer).data
        memory = self._builder.memory("constant", data=data)
        length = self._scalar(op, target + 2)
        return ProgramCopy(
            Span(memory.number, self._scalar(op, source_offset), length),
            self._span(op, target, target + 1, target + 2),
        )

    def _span(self, op: Any, buffer: int, offset: int, length: int) -> Span:
        found = self._operand(op, buffer, Buffer)
        if found.memory.freed:
            raise UnreadableProgramError(f"{op.name} uses memory that was given back")
        # A buffer may be a part of a memory: spans count from the start of the whole memory.
        start = self._builder.value("addi", "index", found.offset, self._scalar(op, offset))
        return Span(found.memory.number, start, self._scalar(op, length))
