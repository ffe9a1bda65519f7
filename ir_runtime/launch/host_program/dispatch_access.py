"""The search for what the dispatches of a program do with their bindings.

In a pointwise dispatch each element of the result depends on no other element of an operand than
the one at the same place. It is one `linalg.generic` that reads the whole operand and writes the
whole result in the same order. IREE's code for the CPU reads an element before it writes that
place, so that both may be the same memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ir_runtime.frozen import frozen
from ir_runtime.launch.host_program.dispatch_extent import (
    NO_EXTENTS,
    Extents,
    find_extents,
    load_extents,
    store_extents,
)
from ir_runtime.launch.host_program.executable_text import UnreadableProgramError
from ir_runtime.launch.host_program.scratch_operand import parse_module

__all__ = [
    "NO_ACCESSES",
    "READ",
    "UNKNOWN_ACCESS",
    "WRITTEN_OVER",
    "DispatchAccess",
    "DispatchAccesses",
    "find_accesses",
    "load_accesses",
    "store_accesses",
]


@frozen
class DispatchAccess:
    """The known accesses of a function of an executable to its bindings.

    Attributes:
        only_read: the bindings that it does not write.
        written_over: pairs of a binding that it reads, and one that it writes: the two may be the
            same memory.
        partly: the bindings that it changes at some places only, as a scatter does. How many bytes
            these are is not known; what else it reads says about how many.
        extents: the parts of its bindings that it uses; recorded only for programs that pack
            results into one memory, or change arguments.
    """

    only_read: frozenset[int] = frozenset()
    written_over: frozenset[tuple[int, int]] = frozenset()
    partly: frozenset[int] = frozenset()
    extents: Extents = NO_EXTENTS


UNKNOWN_ACCESS = DispatchAccess()
DispatchAccesses = Mapping[str, DispatchAccess]
"""By name of the function; others are unknown."""
NO_ACCESSES: DispatchAccesses = {}

READ = "ir_runtime.read"
"""Attribute of a hand-written executable: how many bindings, the first ones, are only read."""
WRITTEN_OVER = "ir_runtime.written_over"
"""Attribute of it: numbers of bindings, by twos, of which one is read and the other written."""

_SUBSPAN = "stream.binding.subspan"
_LOAD = "iree_tensor_ext.dispatch.tensor.load"
_STORE = "iree_tensor_ext.dispatch.tensor.store"
_SCATTER = "iree_linalg_ext.scatter"


def store_accesses(accesses: DispatchAccesses) -> dict[str, Any]:
    """Return accesses as data for JSON."""
    return {
        name: {
            "only_read": sorted(a.only_read),
            "written_over": sorted(a.written_over),
            "partly": sorted(a.partly),
            **({"extents": store_extents(a.extents)} if a.extents.spans else {}),
        }
        for name, a in accesses.items()
    }


def load_accesses(stored: Mapping[str, Any]) -> DispatchAccesses:
    """Return what `store_accesses` made data of; what an older version did not store is unknown."""
    return {
        name: DispatchAccess(
            frozenset(a.get("only_read", ())),
            frozenset((i, j) for i, j in a.get("written_over", ())),
            frozenset(a.get("partly", ())),
            load_extents(a["extents"]) if "extents" in a else NO_EXTENTS,
        )
        for name, a in stored.items()
    }


def find_accesses(stream: bytes, *, with_extents: bool = False) -> DispatchAccesses:
    """Find what each dispatch of a program does with its bindings.

    Args:
        stream: the program in IREE's stream phase, text or bytecode.
        with_extents: whether to find extents, too; only some programs need them.
    """
    try:
        module = parse_module(stream)  # keeps its operations alive
    except UnreadableProgramError:
        return NO_ACCESSES
    found: dict[str, DispatchAccess] = {}
    for executable in module.body.operations:
        if executable.operation.name == "hal.executable.source":
            found |= _declared(executable.operation)
        if executable.operation.name != "stream.executable":
            continue
        for inner in _operations(executable.operation):
            functions = _operations(inner) if inner.name == "builtin.module" else []
            for function in functions:
                if function.name == "func.func":
                    name = function.attributes["sym_name"].value
                    found[name] = DispatchAccess(
                        _only_read(function),
                        _pairs(function),
                        _partly(function),
                        find_extents(function) if with_extents else NO_EXTENTS,
                    )
    return found


def _declared(executable: Any) -> dict[str, DispatchAccess]:
    """Return what the author of an executable says of its functions."""
    found: dict[str, DispatchAccess] = {}
    for export in _operations(executable):
        if export.name != "hal.executable.export" or READ not in export.attributes:
            continue
        numbers = list(export.attributes[WRITTEN_OVER])
        found[export.attributes["sym_name"].value] = DispatchAccess(
            frozenset(range(export.attributes[READ].value)),
            frozenset(zip(numbers[::2], numbers[1::2], strict=True)),
        )
    return found


def _only_read(function: Any) -> frozenset[int]:
    """Return the bindings of which all spans are only read; one without a span is unknown."""
    spans = [op for op in _operations(function) if op.name == _SUBSPAN]
    numbers = [(op.operands[0].arg_number, str(op.results[0].type)) for op in spans]
    written = {number for number, kind in numbers if "dispatch.tensor<readonly:" not in kind}
    return frozenset(number for number, _ in numbers) - written


def _operations(op: Any) -> list[Any]:
    return [each.operation for region in op.regions for block in region for each in block]


def _partly(function: Any) -> frozenset[int]:
    """Return the bindings that are read and written, and never as a whole but by a scatter."""
    found: set[int] = set()
    body = _operations(function)
    for span in body:
        if span.name != _SUBSPAN or "<readwrite:" not in str(span.results[0].type):
            continue
        memory = span.results[0]
        loads = [op for op in body if op.name == _LOAD and op.operands[0] == memory]
        stores = [op for op in body if op.name == _STORE and op.operands[1] == memory]
        moved = [load for load in loads if _is_whole(load, 0)]
        users = [use.owner.operation.name for load in moved for use in load.results[0].uses]
        users += [op.operands[0].owner.name for op in stores if _is_whole(op, 1)]
        if all(user == _SCATTER for user in users):
            found.add(span.operands[0].arg_number)
    return frozenset(found)


def _pairs(function: Any) -> frozenset[tuple[int, int]]:
    """Return the pairs that may be the same memory; none if it is not just a `linalg.generic`."""
    body = _operations(function)
    memory = [op for op in body if op.name in (_SUBSPAN, _LOAD, _STORE)]
    generics = [op for op in body if op.name.startswith("linalg.")]
    # Another operation with a region might read or write in an order of its own.
    if len(generics) != 1 or any(len(list(op.regions)) for op in body if op is not generics[0]):
        return frozenset()
    (generic,) = generics
    if generic.name != "linalg.generic" or len(list(generic.results)) != 1:
        return frozenset()
    maps = list(generic.attributes["indexing_maps"])
    kinds = {str(kind) for kind in generic.attributes["iterator_types"]}
    # With one loop a dimension, each element of the result is computed once.
    if kinds != {"#linalg.iterator_type<parallel>"} or not maps[-1].value.is_permutation:
        return frozenset()
    bindings = {op.results[0]: op.operands[0].arg_number for op in memory if op.name == _SUBSPAN}
    stores = [op for op in memory if op.name == _STORE and op.operands[0] == generic.results[0]]
    written = [op.operands[1] for op in stores]
    loads = [op for op in memory if op.name == _LOAD]
    others = [op for op in memory if op.name == _STORE and op not in stores]
    if others or len(stores) != 1 or not _is_whole(stores[0], 1) or written[0] not in bindings:
        return frozenset()
    # Several spans of one binding may be different places of it.
    if len(set(bindings.values())) != len(bindings):
        return frozenset()
    pairs: set[tuple[int, int]] = set()
    for load in loads:
        uses = [(use.owner, use.operand_number) for use in load.results[0].uses]
        read = load.operands[0]
        if read not in bindings or not _is_whole(load, 0) or _shape(read) != _shape(written[0]):
            continue
        if all(op.operation == generic and maps[i] == maps[-1] for op, i in uses):
            pairs.add((bindings[read], bindings[written[0]]))
    return frozenset(pairs)


def _shape(memory: Any) -> tuple[str, list[Any]]:
    """Return the type of a binding's contents, where they start, and their open sizes."""
    inner = str(memory.type).split(":", 1)[1]
    return inner, list(memory.owner.operands)[1:]


def _is_whole(op: Any, memory: int) -> bool:
    """Tell whether a load or store moves a whole binding, in order."""
    target = op.operands[memory]
    offsets = [int(n) for n in op.attributes["static_offsets"]]
    strides = [int(n) for n in op.attributes["static_strides"]]
    if any(offsets) or any(stride != 1 for stride in strides):
        return False
    subspan = target.owner
    segments = [int(n) for n in op.attributes["operandSegmentSizes"]]
    starts = [sum(segments[:i]) for i in range(len(segments))]
    sizes = list(op.operands)[starts[-2] : starts[-2] + segments[-2]]
    static = [int(n) for n in op.attributes["static_sizes"]]
    wanted = str(target.type).split("tensor<", 2)[-1].split(">", 1)[0].split("x")[:-1]
    dynamic = -(1 << 63)
    shown = ["?" if n == dynamic else str(n) for n in static]
    return shown == wanted and sizes == list(subspan.operands)[2:]
