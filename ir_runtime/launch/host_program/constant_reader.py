"""The reader of a program's globals, for values that are known before the program runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ir_runtime.launch.host_program.executable_text import UnreadableProgramError
from ir_runtime.launch.host_program.global_getter import GETTER
from ir_runtime.launch.host_program.object_value import Executable
from ir_runtime.launch.host_program.program_builder import Memory, ProgramBuilder

__all__ = ["MAX_CONSTANT_BYTES", "ConstantReader"]

MAX_CONSTANT_BYTES = 1 << 20
"""Limit of the constants that are stored with a program; larger ones stay in the VMFB."""

_COMPOSITE = re.compile(r"#util\.composite<(\d+)xi8, \[(.*)\]>", re.DOTALL)
_RESOURCE = re.compile(r"dense_resource<(\"[^\"]*\"|[^>]+)> : .*", re.DOTALL)
_RESOURCE_LINE = rb"^\s*\"?%s\"?: \"0x([0-9A-Fa-f]*)\",?\s*$"
_ALIGNMENT_BYTES = 4  # the alignment of a resource stands before its bytes
_OPENING, _CLOSING = "<([{", ">)]}"


class ConstantReader:
    """Knows the contents of a module's globals.

    Args:
        module: the program.
        text: the text it was parsed from: the compiler's bindings do not give a resource's bytes.
    """

    def __init__(self, module: Any, text: bytes) -> None:
        self._text = text
        self._module = module  # its operations live only as long as it does
        self._globals = {
            op.attributes["sym_name"].value: op.operation
            for op in module.body.operations
            if op.operation.name == "util.global"
        }
        self._stores: dict[str, list[Any]] = {}
        for op in module.body.operations:
            if op.operation.name in ("util.initializer", "util.func"):
                for inner in _operations(op.operation):
                    if inner.name == "util.global.store":
                        stored = inner.attributes["global"].value
                        self._stores.setdefault(stored, []).append(inner)
        self._loaded = _loadable(module)
        self._memories: dict[str, Memory] = {}
        self._size = 0

    def number_of(self, name: str) -> Any:
        """Return the attribute with the number that a global holds.

        Raises:
            UnreadableProgramError: the number is not known, or can change.
        """
        held = self._immutable(name)
        if "initial_value" not in held.attributes or name in self._stores:
            raise UnreadableProgramError(f"global {name} is computed when the program is loaded")
        return held.attributes["initial_value"]

    def executable_of(self, name: str) -> Executable:
        """Return the executable that a global holds.

        Raises:
            UnreadableProgramError: it may hold one of several executables.
        """
        self._immutable(name)
        created = [
            op
            for op in _operations(self._store_of(name).operation.parent)
            if op.name == "hal.executable.create"
        ]
        if len(created) != 1:
            raise UnreadableProgramError(f"global {name} holds one of {len(created)} executables")
        executable, variant = created[0].attributes["executable_target"].value
        return Executable(executable, variant)

    def memory_of(self, name: str, builder: ProgramBuilder) -> Memory:
        """Return the memory that a global holds: constant bytes, or a loaded buffer.

        A buffer is loaded if it is a parameter, computed, or too large to be stored with the
        program.

        Raises:
            UnreadableProgramError: it can change, or the program has no getter for it.
        """
        if name not in self._memories:
            self._immutable(name)
            try:
                data = self._uploaded(name, self._store_of(name).operands[0])
            except UnreadableProgramError:
                if name not in self._loaded:
                    raise
                self._memories[name] = builder.memory("loaded", place=self._loaded[name])
            else:
                self._memories[name] = builder.memory("constant", data=data)
        return self._memories[name]

    def bytes_of(self, attribute: Any) -> bytes:
        """Return the bytes of a constant.

        Raises:
            UnreadableProgramError: they are not known, or too many.
        """
        text = str(attribute)
        match = _COMPOSITE.fullmatch(text)
        if match is None:
            data = self._part(text, attribute.context)
        else:
            self._refuse_large(int(match[1]))  # before the text, which is longer, is read
            data = b"".join(self._part(part, attribute.context) for part in _parts(match[2]))
            if len(data) != int(match[1]):
                raise UnreadableProgramError(f"a constant of {match[1]} bytes has {len(data)}")
        self._refuse_large(len(data))
        self._size += len(data)
        return data

    def _refuse_large(self, size: int) -> None:
        if self._size + size > MAX_CONSTANT_BYTES:
            raise UnreadableProgramError(
                f"constants of more than {MAX_CONSTANT_BYTES} bytes stay in the VMFB"
            )

    def _immutable(self, name: str) -> Any:
        if name not in self._globals:
            raise UnreadableProgramError(f"no global {name}")
        if "is_mutable" in self._globals[name].attributes:
            raise UnreadableProgramError(f"global {name} can change")
        return self._globals[name]

    def _store_of(self, name: str) -> Any:
        stores = self._stores.get(name, [])
        if len(stores) != 1 or stores[0].parent.name != "util.initializer":
            raise UnreadableProgramError(f"global {name} is not set once, when loaded")
        return stores[0]

    def _uploaded(self, name: str, value: Any) -> bytes:
        """Return the bytes that an initializer uploads into the buffer `value`.

        The initializer tries to import the constant without a copy; a branch then allocates and
        uploads if that fails. All branches must give the same bytes, and nothing else may use the
        buffer, since that could change it.
        """
        origins = list(_origins(value))
        others = [_name(use.owner) for use in value.uses if _name(use.owner) != "util.global.store"]
        if others or not origins:
            raise UnreadableProgramError(f"global {name} is computed when the program is loaded")
        sources = [_source_of(origin) for origin in origins]
        first = sources[0]
        if first is None or any(source != first for source in sources):
            raise UnreadableProgramError(f"global {name} is computed when the program is loaded")
        constant, offset, length = first
        if _name(constant.owner) != "util.buffer.constant":
            raise UnreadableProgramError(f"global {name} is computed when the program is loaded")
        data = self.bytes_of(constant.owner.attributes["value"])
        if (offset, length) != (0, len(data)):
            raise UnreadableProgramError(f"global {name} holds a part of a constant")
        return data

    def _part(self, text: str, context: Any) -> bytes:
        from iree.compiler import ir

        resource = _RESOURCE.fullmatch(text)  # parsed a second time, it would get another name
        if resource is not None:
            return self._resource(resource[1].strip('"'))
        try:
            array = np.asarray(ir.Attribute.parse(text, context))
        except Exception as error:
            raise UnreadableProgramError(f"a constant {text[:40]}") from error
        if array.dtype.kind not in "iuf":
            raise UnreadableProgramError(f"a constant {text[:40]}")
        return array.tobytes()

    def _resource(self, name: str) -> bytes:
        line = re.compile(_RESOURCE_LINE % re.escape(name.encode()), re.MULTILINE)
        found = line.findall(self._text)
        if len(found) != 1:
            raise UnreadableProgramError(f"constant {name} is not in the text")
        return bytes.fromhex(found[0].decode())[_ALIGNMENT_BYTES:]


def _loadable(module: Any) -> dict[str, int]:
    """Return the globals whose buffers the getter returns, with their numbers."""
    for op in module.body.operations:
        if op.operation.name == "util.func" and op.attributes["sym_name"].value == GETTER:
            loads = [o for o in _operations(op.operation) if o.name == "util.global.load"]
            return {load.attributes["global"].value: i for i, load in enumerate(loads)}
    return {}


def _operations(op: Any) -> Iterator[Any]:
    for region in op.regions:
        for block in region.blocks:
            for inner in block.operations:
                yield inner.operation
                yield from _operations(inner.operation)


def _name(op: Any) -> str:
    return op.operation.name


def _origins(value: Any) -> Iterator[Any]:
    """Yield each operation result that a value may be; a block argument has one per branch."""
    from iree.compiler import ir

    if not isinstance(value.owner, ir.Block):
        yield value
        return
    argument = ir.BlockArgument(value)
    for block in argument.owner.region.blocks:
        branch = list(block.operations)[-1].operation
        # A branch lists the block arguments of its successors one after the other; those of
        # `cf.cond_br` follow its condition.
        successors = list(branch.successors)
        operands = list(branch.operands)[1 if branch.name == "cf.cond_br" else 0 :]
        for successor in successors:
            taken, operands = (
                operands[: len(successor.arguments)],
                operands[len(successor.arguments) :],
            )
            if successor == argument.owner:
                yield from _origins(taken[argument.arg_number])


def _source_of(buffer: Any) -> tuple[Any, int | None, int | None] | None:
    """Return the constant, offset and length that a buffer was made from, None if not known."""
    maker = buffer.owner.operation
    if maker.name == "hal.allocator.import":
        source, offset, length = list(maker.operands)[4:]
        return source, _known(offset), _known(length)
    if maker.name != "hal.allocator.allocate":
        return None
    # Allocated and uploaded: a file over the constant's bytes is read into the buffer, once.
    reads = [use.owner for use in buffer.uses if _name(use.owner) == "hal.device.queue.read"]
    if len(reads) != 1:
        return None
    _, _, _, _, file, file_offset, _, target_offset, length = reads[0].operands
    if file.owner.name != "hal.ex.file.from_memory" or _known(file_offset) != 0:
        return None
    _, _, source, offset, size, *_ = file.owner.operands
    if _known(target_offset) != 0 or _known(size) != _known(length):
        return None
    return source, _known(offset), _known(length)


def _known(value: Any) -> int | None:
    if value.owner.name != "arith.constant":
        return None
    return int(value.owner.attributes["value"].value)


def _parts(text: str) -> list[str]:
    """Split a list at the commas outside of brackets and strings."""
    parts: list[str] = []
    start, depth, quoted = 0, 0, False
    for at, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif not quoted:
            depth += (character in _OPENING) - (character in _CLOSING)
            if character == "," and depth == 0:
                parts.append(text[start:at].strip())
                start = at + 1
    parts.append(text[start:].strip())
    return [part for part in parts if part]
