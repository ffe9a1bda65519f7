"""Find the operators of a traced program that take indices, and check each index before them.

Compiled code reads and writes where an index says. So each index tensor of a program goes through
the op `ir_runtime_trace::checked_index`, which becomes MLIR in `index_report`: it makes negative
indices count from the end where torch means that, clamps what is out of range, and reports it.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ir_runtime.op_reg.import_program import user_line
from ir_runtime.op_reg.library import fragment

__all__ = ["CHECKED_INDEX", "UncheckedIndexError", "check_indices"]

CHECKED_INDEX = "ir_runtime_trace.checked_index"
_SCHEMA = (
    "checked_index(Tensor index, SymInt size, bool wraps, SymInt[] small, SymInt[] large, "
    "str facts) -> Tensor"
)

fragment("ir_runtime_trace").define(_SCHEMA)
fragment("ir_runtime_trace").impl(
    "checked_index", lambda index, *_: index.clone(), "CompositeExplicitAutograd"
)

_INDEX_NAMES = ("index", "indices")
_VIEWS = ("view", "reshape", "unsqueeze", "squeeze", "expand", "clone", "alias", "permute", "slice", "select")
_MASKS = (torch.bool, torch.uint8)


class UncheckedIndexError(Exception):
    """An operator takes indices in a way that is not known here; the message is a sentence."""


@dataclass(frozen=True)
class _Access:
    """One use of an index tensor by an operator.

    Attributes:
        place: of the index among the operator's arguments: position, or position and item.
        index: the node of the index tensor.
        table: the node of the tensor that is indexed.
        dim: the dimension that is indexed, None for the tensor as a line.
        wraps: whether negative indices count from the end.
        small: tensors and dimensions that must be at most as large as those of `large`.
        large: tensors and dimensions, likewise.
    """

    place: tuple[int, ...]
    index: Any
    table: Any
    dim: int | None
    wraps: bool
    small: tuple[tuple[Any, int], ...] = ()
    large: tuple[tuple[Any, int], ...] = ()


def check_indices(program: Any, names: Mapping[str, str], within: str | None = None) -> None:
    """Insert a check before each use of indices in a functional program; changes its graph.

    Args:
        program: a `torch.export.ExportedProgram`.
        names: what to call inputs of the program in messages, by the names of their nodes.
        within: the op whose arguments `names` are.

    Raises:
        UncheckedIndexError: an operator takes indices and is not known here.
    """
    graph = program.graph
    constants = _constants(program)
    checked: dict[Any, Any] = {}
    for node in list(graph.nodes):
        if node.op != "call_function":
            continue
        for access in _accesses(node):
            size = _size_of(access)
            if _is_in_range(access, size, constants):
                continue
            text = _facts(node, names.get(_source(access.index).name), within)
            key = (access.index, str(size), access.wraps, access.small, access.large)
            if key not in checked:
                checked[key] = _insert(graph, node, access, text)
            _replace(node, access.place, checked[key])
    program.graph_module.recompile()


# which operators take indices


def _accesses(node: Any) -> Iterator[_Access]:
    target = node.target
    if not isinstance(target, torch._ops.OpOverload) or target.namespace != "aten":
        return
    known = _OPERATORS.get(target._schema.name.partition("::")[2])
    if known is not None:
        yield from known(node)
        return
    for i, argument in enumerate(target._schema.arguments):
        if argument.name in _INDEX_NAMES and "Tensor" in str(argument.type):
            if i < len(node.args) and node.args[i] is not None:
                raise UncheckedIndexError(f"{target} takes indices that are not checked")
    _refuse_computed_places(node)


def _refuse_computed_places(node: Any) -> None:
    """Refuse an operator whose place in a tensor is a number that the program computes."""
    from torch.fx.experimental.symbolic_shapes import free_unbacked_symbols

    for argument, value in zip(node.target._schema.arguments, node.args, strict=False):
        found = value if isinstance(value, list | tuple) else [value]
        numbers = [v.meta.get("val") for v in found if isinstance(v, torch.fx.Node)]
        placed = "int" in str(argument.type) or "SymInt" in str(argument.real_type)
        for number in numbers:
            if placed and isinstance(number, torch.SymInt) and free_unbacked_symbols(number):
                raise UncheckedIndexError(
                    f"{node.target} takes `{argument.name}` from the values of a tensor"
                )


def _along_dim(place: int, *, at: int = 1) -> Callable[[Any], Iterator[_Access]]:
    """Return the access of an operator whose arguments are a tensor, a dimension, an index."""

    def accesses(node: Any) -> Iterator[_Access]:
        table, index = node.args[0], node.args[place]
        rank = table.meta["val"].ndim
        yield _Access((place,), index, table, node.args[at] % max(rank, 1), wraps=False)

    return accesses


def _elementwise(*, source: int | None) -> Callable[[Any], Iterator[_Access]]:
    """Return the access of `gather` and `scatter`, whose index has the rank of the tensor."""

    def accesses(node: Any) -> Iterator[_Access]:
        table, dim, index = node.args[:3]
        rank = index.meta["val"].ndim if table.meta["val"].ndim else 0
        dim = dim % max(rank, 1)
        small = [(index, i) for i in range(rank) if i != dim]
        large = [(table, i) for i in range(rank) if i != dim]
        written = None if source is None else node.args[source]
        if isinstance(written, torch.fx.Node) and written.meta["val"].ndim:
            small += [(index, i) for i in range(rank)]
            large += [(written, i) for i in range(rank)]
        yield _Access((2,), index, table, dim, False, tuple(small), tuple(large))

    return accesses


def _embedding(node: Any) -> Iterator[_Access]:
    yield _Access((1,), node.args[1], node.args[0], 0, wraps=False)


def _listed(node: Any) -> Iterator[_Access]:
    """Return the accesses of `index` and `index_put`, which have a list with an index a dimension."""
    table, dim = node.args[0], 0
    for item, index in enumerate(node.args[1]):
        if index is None:
            dim += 1
        elif index.meta["val"].dtype in _MASKS:
            dim += index.meta["val"].ndim
        else:
            yield _Access((1, item), index, table, dim, wraps=True)
            dim += 1


def _masked_listed(node: Any) -> Iterator[_Access]:
    """Return those of `_unsafe_masked_index`, which stands between the tensor and its list."""
    table = node.args[0]
    for item, index in enumerate(node.args[2]):
        if index is not None:
            yield _Access((2, item), index, table, item, wraps=True)


def _as_a_line(node: Any) -> Iterator[_Access]:
    yield _Access((1,), node.args[1], node.args[0], None, wraps=True)


_OPERATORS: dict[str, Callable[[Any], Iterator[_Access]]] = {
    "embedding": _embedding,
    "gather": _elementwise(source=None),
    "index": _listed,
    "index_add": _along_dim(2),
    "index_copy": _along_dim(2),
    "index_fill": _along_dim(2),
    "index_put": _listed,
    "index_select": _along_dim(2),
    "put": _as_a_line,
    "scatter": _elementwise(source=3),
    "scatter_add": _elementwise(source=3),
    "scatter_reduce": _elementwise(source=3),
    "take": _as_a_line,
    "_unsafe_index": _listed,
    "_unsafe_index_put": _listed,
    "_unsafe_masked_index": _masked_listed,
    "_unsafe_masked_index_put_accumulate": _masked_listed,
}
"""By the name of an ATen operator."""


# what needs no check


def _is_in_range(access: _Access, size: Any, constants: Mapping[str, torch.Tensor]) -> bool:
    """Tell whether an index cannot be out of range; sizes of other dimensions may be."""
    for small, large in zip(access.small, access.large, strict=True):
        if not _at_most(_dim_size(*small), _dim_size(*large)):
            return False
    source = _source(access.index)
    constant = constants.get(source.name)
    if constant is not None:
        if not isinstance(size, int) or not constant.numel():
            return False
        low = 0  # as what follows has it: a negative index is yet to be made to count from the end
        return bool(constant.min() >= low and constant.max() < size)
    if source.op != "call_function" or not isinstance(source.target, torch._ops.OpOverload):
        return False
    name = source.target._schema.name
    if name == "aten::arange":
        return _arange_end(source, size)
    return False


def _arange_end(node: Any, size: Any) -> bool:
    """Tell whether a range from 0 upwards ends before `size`."""
    overload = node.target._overloadname
    numbers = [_number(value) for value in node.args]
    if overload == "default":
        start, end, step = 0, numbers[0], 1
    elif overload in ("start", "start_step"):
        start, end, step = numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 1
    else:
        return False
    if not (isinstance(start, int) and start >= 0 and isinstance(step, int) and step > 0):
        return False
    return _at_most(end, size)


def _at_most(one: Any, other: Any) -> bool:
    """Tell whether it is known that a size is at most another one."""
    if isinstance(one, int) and isinstance(other, int):
        return one <= other
    return str(one) == str(other)


def _number(value: Any) -> Any:
    return value.meta.get("val") if isinstance(value, torch.fx.Node) else value


def _constants(program: Any) -> dict[str, torch.Tensor]:
    """Return the constant tensors of a program by the names of their nodes."""
    from torch.export.graph_signature import InputKind

    values = program.constants
    found: dict[str, torch.Tensor] = {}
    for spec in program.graph_signature.input_specs:
        value = values.get(spec.target)
        if spec.kind is InputKind.CONSTANT_TENSOR and isinstance(value, torch.Tensor):
            found[spec.arg.name] = value
    return found


def _source(node: Any) -> Any:
    """Return the node whose elements, all or some of them, a node holds."""
    while node.op == "call_function" and isinstance(node.target, torch._ops.OpOverload):
        name = node.target._schema.name.partition("::")[2]
        copied = name in ("lift_fresh_copy", "_to_copy", *_VIEWS)
        if not copied or not isinstance(node.args[0], torch.fx.Node):
            break
        if node.args[0].meta["val"].dtype != node.meta["val"].dtype:
            if not _keeps_numbers(node.args[0].meta["val"].dtype, node.meta["val"].dtype):
                break
        node = node.args[0]
    return node


def _keeps_numbers(one: torch.dtype, other: torch.dtype) -> bool:
    signed = (torch.int8, torch.int16, torch.int32, torch.int64)
    return one in signed and other in signed and one.itemsize < other.itemsize


# the check itself


def _dim_size(node: Any, dim: int) -> Any:
    return node.meta["val"].shape[dim]


def _size_of(access: _Access) -> Any:
    table = access.table.meta["val"]
    if access.dim is None:
        return table.numel()
    return table.shape[access.dim] if table.ndim else 1


def _size_node(graph: Any, node: Any, dim: int) -> Any:
    """Return a size as the graph has it: a number, or a node that computes it."""
    size = _dim_size(node, dim)
    if isinstance(size, int):
        return size
    made = graph.call_function(torch.ops.aten.sym_size.int, (node, dim))
    made.meta["val"] = size
    return made


def _insert(graph: Any, before: Any, access: _Access, facts: str) -> Any:
    with graph.inserting_before(before):
        size = _size_argument(graph, access)
        small = [_size_node(graph, *place) for place in access.small]
        large = [_size_node(graph, *place) for place in access.large]
        node = graph.call_function(
            torch.ops.ir_runtime_trace.checked_index.default,
            (access.index, size, access.wraps, small, large, facts),
        )
    node.meta = {k: v for k, v in access.index.meta.items() if k in ("val", "tensor_meta")}
    node.meta["stack_trace"] = before.meta.get("stack_trace", "")
    return node


def _size_argument(graph: Any, access: _Access) -> Any:
    rank = access.table.meta["val"].ndim
    if access.dim is not None:
        return _size_node(graph, access.table, access.dim) if rank else 1
    total: Any = 1
    for dim in range(rank):
        size = _size_node(graph, access.table, dim)
        if isinstance(total, int) and isinstance(size, int):
            total = total * size
            continue
        value = _number(total) * _number(size)
        total = graph.call_function(operator.mul, (total, size))
        total.meta["val"] = value
    return total


def _replace(node: Any, place: Sequence[int], value: Any) -> None:
    args = list(node.args)
    if len(place) == 1:
        args[place[0]] = value
    else:
        items = list(args[place[0]])
        items[place[1]] = value
        args[place[0]] = items
    node.args = tuple(args)


def _facts(node: Any, argument: str | None, within: str | None) -> str:
    """Return what messages say; a line of code only if no argument tells where the index is."""
    facts = {"op": node.target._schema.name.replace("::", ".")}
    if argument is not None:
        facts["argument"] = argument
        facts |= {"of": within} if within is not None else {}
    elif (line := user_line(node)) is not None:
        facts["at"] = line
    return json.dumps(facts)
