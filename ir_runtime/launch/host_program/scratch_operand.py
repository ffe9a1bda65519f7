"""The search for operands that a compiled program uses as scratch memory.

IREE 3.13 updates an operand in place if the program does not need its old contents later: a top-k
sorts it, an indexed update changes it. Only the stream phase shows what a dispatch writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ir_runtime.launch.host_program.entry_declaration import destinations_of
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError

__all__ = ["find_all_written_operands", "find_written_operands", "parse_module"]

_WRITES = 2  # a bit of `resource_accesses`
_HARMLESS = ("stream.cmd.flush", "stream.cmd.invalidate")
_MEMORY_TYPES = ("!stream.resource", "!hal.buffer")
_MAX_CALLS = 8

Roots = frozenset[int]


def find_written_operands(stream: bytes | str, entry: str) -> tuple[int, ...]:
    """Find the operands whose memory a function of a program writes.

    Args:
        stream: the program in IREE's stream phase, text or bytecode.
        entry: the exported function.

    Returns:
        Positions among the operand tensors, not counting destinations of results.

    Raises:
        UnreadableProgramError: the program does not show it.
    """
    module = parse_module(_bytes_of(stream))  # keeps its functions alive
    functions = _functions_of(module)
    if entry not in functions:
        raise UnreadableProgramError(f"no function {entry}")
    return _written_by(functions, entry)


def find_all_written_operands(stream: bytes) -> dict[str, tuple[int, ...] | None]:
    """Return `find_written_operands` of each exported function, None where it raises."""
    module = parse_module(stream)
    functions = _functions_of(module)
    found: dict[str, tuple[int, ...] | None] = {}
    for name, function in functions.items():
        if _is_private(function):
            continue
        try:
            found[name] = _written_by(functions, name)
        except UnreadableProgramError:
            found[name] = None
    return found


def _is_private(function: Any) -> bool:
    attributes = function.attributes
    return "sym_visibility" in attributes and attributes["sym_visibility"].value != "public"


def _bytes_of(text: bytes | str) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _functions_of(module: Any) -> dict[str, Any]:
    return {
        op.attributes["sym_name"].value: op.operation
        for op in module.body.operations
        if op.operation.name == "util.func"
    }


def _written_by(functions: dict[str, Any], entry: str) -> tuple[int, ...]:
    function = functions[entry]
    destinations = destinations_of(function)
    kinds = [str(argument.type) for argument in function.regions[0].blocks[0].arguments]
    tensors = [
        i for i, kind in enumerate(kinds) if kind == "!hal.buffer_view" and i not in destinations
    ]
    arguments = [frozenset((i,)) for i in range(len(kinds))]
    search = _Search(functions)
    search.visit_function(function, arguments)
    return tuple(place for place, i in enumerate(tensors) if i in search.written)


def parse_module(text: bytes) -> Any:
    """Parse MLIR.

    Raises:
        UnreadableProgramError: it does not parse.
    """
    from iree.compiler import ir

    context = ir.Context()
    context.enable_multithreading(False)  # noqa: FBT003 - the binding takes it so
    try:
        return ir.Module.parse(text, context)
    except ir.MLIRError as error:
        first = next(iter(error.error_diagnostics), None)
        reason = "not MLIR" if first is None else first.message.split("\n")[0]
        raise UnreadableProgramError(f"the text does not parse: {reason}") from error


class _Search:
    """Follows each memory back to the arguments of the entry that it may be.

    The result may be too large, never too small: where the search loses track, as in a branch, a
    memory may be any argument.
    """

    def __init__(self, functions: dict[str, Any]) -> None:
        self.written: set[int] = set()
        self._every: Roots = frozenset()
        self._functions = functions
        self._roots: dict[Any, Roots] = {}
        self._calls = 0

    def visit_function(self, function: Any, arguments: Sequence[Roots]) -> None:
        blocks = list(function.regions[0].blocks)
        self._every = self._every.union(*arguments)
        for block in blocks:
            # Branches may pass any memory to the arguments of later blocks.
            known = arguments if block == blocks[0] else [self._every] * len(block.arguments)
            self._roots.update(zip(block.arguments, known, strict=True))
        for block in blocks:
            self._visit_block(block)

    def _visit_block(self, block: Any) -> None:
        for operation in block.operations:
            self._visit(operation.operation)

    def _visit(self, op: Any) -> None:
        memories = [value for value in op.operands if str(value.type).startswith(_MEMORY_TYPES)]
        if op.name == "util.call":
            self._call(op)
        elif op.name == "stream.cmd.dispatch":
            self._dispatch(op, memories)
        elif op.name == "stream.cmd.copy":
            self._write(memories[1])
        elif op.regions:
            self._enter(op, memories)
            if not op.name.startswith("stream.cmd."):  # a branch or loop may yield any of them
                self._roots.update(dict.fromkeys(op.results, self._every))
                return
        elif op.name.startswith("stream.cmd.") and op.name not in _HARMLESS:
            for value in memories:
                self._write(value)
        roots: Roots = frozenset().union(*(self._roots.get(v, frozenset()) for v in memories))
        self._roots.update(dict.fromkeys(op.results, roots))

    def _enter(self, op: Any, memories: Sequence[Any]) -> None:
        roots = [self._roots.get(value, frozenset()) for value in memories]
        # The blocks of `stream.cmd.execute` and the like take the operands in their order; those
        # of a loop or branch may take any memory.
        captured = op.name.startswith("stream.cmd.")
        for region in op.regions:
            for block in region.blocks:
                for i, argument in enumerate(block.arguments):
                    known = captured and i < len(roots)
                    self._roots[argument] = roots[i] if known else self._every
                self._visit_block(block)

    def _dispatch(self, op: Any, memories: Sequence[Any]) -> None:
        accesses = [access.value for access in op.attributes["resource_accesses"]]
        if len(accesses) != len(memories):
            raise UnreadableProgramError("stream.cmd.dispatch does not say what it writes")
        for value, access in zip(memories, accesses, strict=True):
            if access & _WRITES:
                self._write(value)

    def _call(self, op: Any) -> None:
        callee = op.attributes["callee"].value
        self._calls += 1
        arguments = [self._roots.get(value, frozenset()) for value in op.operands]
        # A callee outside of the module may write everything. The limit also ends a recursion.
        if callee not in self._functions or self._calls > _MAX_CALLS:
            self.written.update(*arguments)
        else:
            self.visit_function(self._functions[callee], arguments)

    def _write(self, value: Any) -> None:
        self.written |= self._roots.get(value, frozenset())
