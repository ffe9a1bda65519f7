"""The search for dispatches that may write a result over an operand which they read.

In such a dispatch each element of the result depends on no other element of the operand than the
one at the same place. It is one `linalg.generic` that reads the whole operand and writes the whole
result in the same order. IREE's code for the CPU reads an element before it writes that place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ir_runtime.launch.host_program.executable_text import UnreadableProgramError
from ir_runtime.launch.host_program.scratch_operand import parse_module

__all__ = ["NONE_POINTWISE", "Pointwise", "find_pointwise"]

Pointwise = Mapping[str, frozenset[tuple[int, int]]]
"""By name of a function: pairs of a binding that is read, and the one that is written over it."""

NONE_POINTWISE: Pointwise = {}

_SUBSPAN = "stream.binding.subspan"
_LOAD = "iree_tensor_ext.dispatch.tensor.load"
_STORE = "iree_tensor_ext.dispatch.tensor.store"


def find_pointwise(stream: bytes) -> Pointwise:
    """Find the pairs of bindings in each dispatch of a program that may be the same memory.

    Args:
        stream: the program in IREE's stream phase, text or bytecode.
    """
    try:
        module = parse_module(stream)  # keeps its operations alive
    except UnreadableProgramError:
        return {}
    found: dict[str, frozenset[tuple[int, int]]] = {}
    for executable in module.body.operations:
        if executable.operation.name != "stream.executable":
            continue
        for inner in _operations(executable.operation):
            if inner.name == "builtin.module":
                for function in _operations(inner):
                    pairs = _pairs(function) if function.name == "func.func" else frozenset()
                    if pairs:
                        found[function.attributes["sym_name"].value] = pairs
    return found


def _operations(op: Any) -> list[Any]:
    return [each.operation for region in op.regions for block in region for each in block]


def _pairs(function: Any) -> frozenset[tuple[int, int]]:
    """Return the pairs of one function; none if it is more than one `linalg.generic`."""
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
