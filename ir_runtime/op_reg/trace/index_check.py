"""The insertion of index checks into a traced program, before each operator that takes indices.

Compiled code reads and writes at any index without a check. So each index tensor of a program goes
through the op `ir_runtime_trace::checked_index`, which `index_report` writes as MLIR. It resolves
negative indices where torch allows them, clamps indices that are out of range, and reports them. A
plain look-up of elements becomes `ir_runtime_trace::checked_read`, which `index_read` writes.
"""

from __future__ import annotations

import copy
import json
import operator
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import torch

from ir_runtime.op_reg.op.library import fragment
from ir_runtime.op_reg.trace.index_access import (
    IndexAccess,
    UncheckedIndexError,
    index_accesses,
    strict_index_accesses,
    writes_by_index,
    written_places,
)
from ir_runtime.op_reg.trace.index_bounds import bounds_of
from ir_runtime.op_reg.trace.user_line import user_line

__all__ = ["UncheckedIndexError", "check_before_decomposition", "check_indices"]

_SCHEMA = (
    "checked_index(Tensor index, SymInt size, bool wraps, SymInt[] small, SymInt[] large, "
    "str facts) -> Tensor"
)

fragment("ir_runtime_trace").define(_SCHEMA)
fragment("ir_runtime_trace").impl(
    "checked_index", lambda index, *_: index.clone(), "CompositeExplicitAutograd"
)
fragment("ir_runtime_trace").define(
    "checked_read(Tensor table, Tensor index, int dim, bool wraps, SymInt[] small, SymInt[] large, "
    "str facts) -> Tensor"
)
_VIEWS = (
    "view",
    "reshape",
    "unsqueeze",
    "squeeze",
    "expand",
    "clone",
    "alias",
    "permute",
    "slice",
    "select",
)
_READS = (
    torch.ops.aten.gather.default,
    torch.ops.aten.index.Tensor,
    torch.ops.aten.index_select.default,
    torch.ops.aten.take.default,
    torch.ops.aten._unsafe_index.Tensor,
)
_MANY = 4096


def check_before_decomposition(program: Any) -> Any:
    """Return a program with checks of the indices that torch's decompositions would change.

    torch decomposes `index_add` into `index_put`, which accepts negative indices, and drops the
    assertion of `one_hot`.
    """
    if not any(strict_index_accesses(node) for node in program.graph.nodes):
        return program
    program = program._update(copy.deepcopy(program.graph_module), program.graph_signature)
    for node in list(program.graph.nodes):
        for access in strict_index_accesses(node):
            facts = json.dumps(_facts(node, None, None))
            _replace(node, access.place, _insert(program.graph, node, access, facts))
    program.graph_module.recompile()
    return program


def check_indices(program: Any, names: Mapping[str, str], within: str | None = None) -> None:
    """Insert a check before each use of indices in a functional program; changes its graph.

    Args:
        program: a `torch.export.ExportedProgram`.
        names: names of the program's inputs for messages, by the names of their nodes.
        within: the op with the arguments `names`.

    Raises:
        UncheckedIndexError: an operator takes indices, and `index_access` does not know it.
    """
    graph = program.graph
    constants = _constants(program)
    checked: dict[Any, Any] = {}
    for node in list(graph.nodes):
        if node.op != "call_function":
            continue
        if node.target is _checked():  # from `check_before_decomposition`: add the names only
            facts = _facts(node, names.get(_origin(node.args[0]).name), within)
            facts |= {"op": json.loads(node.args[-1])["op"]}
            node.args = (*node.args[:-1], json.dumps(facts))
            continue
        user = _by_index_select(graph, node, names, within)
        _drop_empty_write(user)
        for access in index_accesses(user):
            size = _size_of(access)
            if _is_in_range(access, size, constants):
                continue
            text = json.dumps(_facts(user, names.get(_origin(access.index).name), within))
            key = (access.index, str(size), access.wraps, access.small, access.large)
            if key not in checked and _reads_elements(user, access):
                _check_in_read(graph, user, access, text)
                continue
            if key not in checked:
                checked[key] = _insert(graph, user, access, text)
            _replace(user, access.place, checked[key])
        _expand_written_values(graph, user)
    program.graph_module.recompile()


def _by_index_select(graph: Any, node: Any, names: Mapping[str, str], within: str | None) -> Any:
    """Replace `x.select(dim, i.item())` by `x.index_select(dim, i).squeeze(dim)`.

    An index tensor can be checked; a number from `item()` cannot.
    """
    if node.target is not torch.ops.aten.select.int:
        return node
    table, dim, number = node.args
    item = isinstance(number, torch.fx.Node) and number.target
    if item is not torch.ops.aten._local_scalar_dense.default:
        return node
    dim %= table.meta["val"].ndim

    def add(op: Any, *args: Any) -> Any:
        made = graph.call_function(op, args)
        values = [a.meta["val"] if isinstance(a, torch.fx.Node) else a for a in args]
        with table.meta["val"].fake_mode:
            made.meta["val"] = op(*values)
        made.meta["stack_trace"] = node.meta.get("stack_trace", "")
        return made

    with graph.inserting_before(node):
        line = add(torch.ops.aten.view.default, number.args[0], [1])
        if line.meta["val"].dtype != torch.int64:
            line = add(torch.ops.prims.convert_element_type.default, line, torch.int64)
        argument = names.get(_origin(number.args[0]).name)
        facts = json.dumps(_facts(node, argument, within))
    index = _insert(graph, node, IndexAccess((2,), line, table, dim, wraps=True), facts)
    with graph.inserting_before(node):
        chosen = add(torch.ops.aten.index_select.default, table, dim, index)
    node.args = (chosen, dim, 0)
    if not number.users:
        graph.erase_node(number)
    return chosen


def _drop_empty_write(node: Any) -> None:
    """Replace a write without indices by a copy of the tensor: IREE 3.13 does not compile it."""
    if not writes_by_index(node):
        return
    indices = [access.index.meta["val"] for access in index_accesses(node)]
    if any(0 in index.shape for index in indices):
        node.target, node.args, node.kwargs = torch.ops.aten.clone.default, node.args[:1], {}


def _expand_written_values(graph: Any, node: Any) -> None:
    """Expand the values of an `index_put` to the written places.

    torch-mlir expands values to at least one place in each open dimension. So a write that has no
    places would read an index that is not there.
    """
    places = written_places(node)
    if places is None:
        return
    values = node.args[2]
    shape = [tensor.meta["val"].shape[dim] for tensor, dim in places]
    if list(map(str, values.meta["val"].shape)) == list(map(str, shape)):
        return
    with graph.inserting_before(node):
        sizes = [_size_node(graph, tensor, dim) for tensor, dim in places]
        expanded = graph.call_function(torch.ops.aten.expand.default, (values, sizes))
    with values.meta["val"].fake_mode:
        expanded.meta["val"] = values.meta["val"].new_empty(shape)
    expanded.meta["stack_trace"] = node.meta.get("stack_trace", "")
    _replace(node, (2,), expanded)


def _reads_elements(user: Any, access: IndexAccess) -> bool:
    """Tell whether an operator reads one element per index, so the read itself may check them.

    A small index tensor is checked before the read, and so is one that other operators use, too.
    """
    shape, rank = access.index.meta["val"].shape, access.table.meta["val"].ndim
    if user.target not in _READS or not shape or not rank:
        return False
    if user.target is not torch.ops.aten.gather.default and rank > 1:
        return False
    if all(isinstance(n, int) for n in shape) and prod(shape) < _MANY:
        return False
    uses = [use for other in access.index.users for use in index_accesses(other)]
    return sum(use.index is access.index for use in uses) == 1


def _check_in_read(graph: Any, user: Any, access: IndexAccess, facts: str) -> None:
    with graph.inserting_before(user):
        small = [_size_node(graph, *place) for place in access.small]
        large = [_size_node(graph, *place) for place in access.large]
    user.target = torch.ops.ir_runtime_trace.checked_read.default
    user.args = (access.table, access.index, access.dim or 0, access.wraps, small, large, facts)
    user.kwargs = {}


# reads and writes that need no check


def _is_in_range(access: IndexAccess, size: Any, constants: Mapping[str, torch.Tensor]) -> bool:
    """Tell whether no index can be out of range, so that no check is needed."""
    for small, large in zip(access.small, access.large, strict=True):
        if not _at_most(_dim_size(*small), _dim_size(*large)):
            return False
    bounds = bounds_of(access.index, constants)
    if bounds is not None:  # the check must still resolve a negative index
        return isinstance(size, int) and bounds[0] >= 0 and bounds[1] < size
    source = _source(access.index)
    if source.op != "call_function" or not isinstance(source.target, torch._ops.OpOverload):
        return False
    if source.target is _checked():
        return _has_size(source, size)
    return source.target._schema.name == "aten::arange" and _arange_end(source, size)


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


def _has_size(check: Any, size: Any) -> bool:
    return str(_number(check.args[1])) == str(size)


def _at_most(one: Any, other: Any) -> bool:
    """Tell whether a size is known to be at most another size."""
    if isinstance(one, int) and isinstance(other, int):
        return one <= other
    return str(one) == str(other)


def _number(value: Any) -> Any:
    return value.meta.get("val") if isinstance(value, torch.fx.Node) else value


def _constants(program: Any) -> dict[str, torch.Tensor]:
    """Return the constant tensors of a program, by the names of their nodes."""
    from torch.export.graph_signature import InputKind

    values = program.constants
    found: dict[str, torch.Tensor] = {}
    for spec in program.graph_signature.input_specs:
        value = values.get(spec.target)
        if spec.kind is InputKind.CONSTANT_TENSOR and isinstance(value, torch.Tensor):
            found[spec.arg.name] = value
    return found


def _origin(node: Any) -> Any:
    """Return the source of a node's elements, also through a `where` that replaces some of them."""
    node = _source(node)
    if node.op == "call_function" and node.target is torch.ops.aten.where.self:
        return _origin(node.args[1])
    return node


def _source(node: Any) -> Any:
    """Return the source of a node's elements: the first node before copies, views and casts."""
    while node.op == "call_function" and isinstance(node.target, torch._ops.OpOverload):
        name = node.target._schema.name.partition("::")[2]
        copied = name in ("lift_fresh_copy", "_to_copy", *_VIEWS)
        if not copied or not isinstance(node.args[0], torch.fx.Node):
            break
        if not _keeps_numbers(node.args[0].meta["val"].dtype, node.meta["val"].dtype):
            break
        node = node.args[0]
    return node


def _keeps_numbers(one: torch.dtype, other: torch.dtype) -> bool:
    signed = (torch.int8, torch.int16, torch.int32, torch.int64)
    return one == other or (one in signed and other in signed and one.itemsize < other.itemsize)


# the check itself


def _dim_size(node: Any, dim: int) -> Any:
    return node.meta["val"].shape[dim]


def _checked() -> Any:
    return torch.ops.ir_runtime_trace.checked_index.default


def _size_of(access: IndexAccess) -> Any:
    if not isinstance(access.table, torch.fx.Node):
        return access.table
    table = access.table.meta["val"]
    if access.dim is None:
        return table.numel()
    return table.shape[access.dim] if table.ndim else 1


def _size_node(graph: Any, node: Any, dim: int) -> Any:
    """Return a size for the graph: a number, or a new node that computes it."""
    size = _dim_size(node, dim)
    if isinstance(size, int):
        return size
    made = graph.call_function(torch.ops.aten.sym_size.int, (node, dim))
    made.meta["val"] = size
    return made


def _insert(graph: Any, before: Any, access: IndexAccess, facts: str) -> Any:
    with graph.inserting_before(before):
        size = _size_argument(graph, access)
        small = [_size_node(graph, *place) for place in access.small]
        large = [_size_node(graph, *place) for place in access.large]
        node = graph.call_function(
            _checked(),
            (access.index, size, access.wraps, small, large, facts),
        )
    node.meta = {k: v for k, v in access.index.meta.items() if k in ("val", "tensor_meta")}
    node.meta["stack_trace"] = before.meta.get("stack_trace", "")
    return node


def _size_argument(graph: Any, access: IndexAccess) -> Any:
    if not isinstance(access.table, torch.fx.Node):
        return access.table
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


def _facts(node: Any, argument: str | None, within: str | None) -> dict[str, Any]:
    """Return the facts for messages; the user's line only if the index is no argument."""
    facts = {"op": node.target._schema.name.replace("::", ".")}
    if argument is not None:
        facts["argument"] = argument
        if within is not None:
            facts["of"] = within
    elif (line := user_line(node)) is not None:
        facts["at"] = line
    return facts
