"""The index arguments of operators in a traced program, their dimensions and their meanings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from ir_runtime.frozen import frozen

__all__ = [
    "IndexAccess",
    "UncheckedIndexError",
    "index_accesses",
    "strict_index_accesses",
    "writes_by_index",
    "written_places",
]

_WRITES = (
    "index_put",
    "_unsafe_index_put",
    "index_add",
    "index_copy",
    "index_fill",
    "put",
    "scatter",
)
_INDEX_NAMES = ("index", "indices")
_MASKS = (torch.bool, torch.uint8)
_PUTS = (torch.ops.aten.index_put.default, torch.ops.aten._unsafe_index_put.default)


class UncheckedIndexError(Exception):
    """An operator takes indices in a way that this file does not know; the message is a sentence.

    Attributes:
        node: the operator in the graph.
    """

    def __init__(self, message: str, node: Any) -> None:
        self.node = node
        super().__init__(message)


_Places = tuple[tuple[Any, int], ...]


@frozen
class IndexAccess:
    """One use of an index tensor by an operator.

    Attributes:
        place: place of the index in the operator's arguments: position, or position and item.
        index: the node of the index tensor.
        table: the node of the indexed tensor, or a size.
        dim: the indexed dimension, None if the index counts the elements of the whole tensor.
        wraps: whether negative indices count from the end.
        small: tensors with dimensions; each must be at most as large as its partner in `large`.
        large: tensors with dimensions, the partners of those in `small`.
    """

    place: tuple[int, ...]
    index: Any
    table: Any
    dim: int | None
    wraps: bool
    small: tuple[tuple[Any, int], ...] = ()
    large: tuple[tuple[Any, int], ...] = ()


def index_accesses(node: Any) -> Iterator[IndexAccess]:
    """Return each use of indices by a node of a functional graph.

    Raises:
        UncheckedIndexError: the operator takes indices, and this file does not know it.
    """
    target = node.target
    if not isinstance(target, torch._ops.OpOverload) or target.namespace != "aten":
        return
    known = _OPERATORS.get(target._schema.name.partition("::")[2])
    if known is not None:
        yield from known(node)
        return
    for i, argument in enumerate(target._schema.arguments):
        takes_index = argument.name in _INDEX_NAMES and "Tensor" in str(argument.type)
        if takes_index and i < len(node.args) and node.args[i] is not None:
            raise UncheckedIndexError(f"{target} takes indices that are not checked", node)
    _refuse_computed_places(node)


def _refuse_computed_places(node: Any) -> None:
    """Refuse an operator with an int argument, such as a start, computed from a tensor's values."""
    from torch.fx.experimental.symbolic_shapes import free_unbacked_symbols

    for argument, value in zip(node.target._schema.arguments, node.args, strict=False):
        found = value if isinstance(value, list | tuple) else [value]
        numbers = [v.meta.get("val") for v in found if isinstance(v, torch.fx.Node)]
        placed = "int" in str(argument.type) or "SymInt" in str(argument.real_type)
        for number in numbers:
            if placed and isinstance(number, torch.SymInt) and free_unbacked_symbols(number):
                raise UncheckedIndexError(
                    f"{node.target} takes `{argument.name}` from the values of a tensor", node
                )


def _along_dim(place: int, *, at: int = 1) -> Callable[[Any], Iterator[IndexAccess]]:
    """Return the access of an operator with a tensor, a dimension and an index as arguments."""

    def accesses(node: Any) -> Iterator[IndexAccess]:
        table, index = node.args[0], node.args[place]
        rank = table.meta["val"].ndim
        yield IndexAccess((place,), index, table, node.args[at] % max(rank, 1), wraps=False)

    return accesses


def _elementwise(*, source: int | None) -> Callable[[Any], Iterator[IndexAccess]]:
    """Return the access of `gather` and `scatter`; their index has the rank of the tensor."""

    def accesses(node: Any) -> Iterator[IndexAccess]:
        table, dim, index = node.args[:3]
        rank = index.meta["val"].ndim if table.meta["val"].ndim else 0
        dim = dim % max(rank, 1)
        small = [(index, i) for i in range(rank) if i != dim]
        large = [(table, i) for i in range(rank) if i != dim]
        written = None if source is None else node.args[source]
        if isinstance(written, torch.fx.Node) and written.meta["val"].ndim:
            small += [(index, i) for i in range(rank)]
            large += [(written, i) for i in range(rank)]
        yield IndexAccess(
            (2,), index, table, dim, wraps=False, small=tuple(small), large=tuple(large)
        )

    return accesses


def _embedding(node: Any) -> Iterator[IndexAccess]:
    yield IndexAccess((1,), node.args[1], node.args[0], 0, wraps=False)


def _listed(node: Any) -> Iterator[IndexAccess]:
    """Return the accesses of `index` and `index_put`, which take an index per dimension."""
    table, dim = node.args[0], 0
    for item, index in enumerate(node.args[1]):
        if index is None:
            dim += 1
        elif index.meta["val"].dtype in _MASKS:
            dim += index.meta["val"].ndim
        else:
            first = index is next(i for i in node.args[1] if i is not None)
            small, large = _written_values(node) if first else ((), ())
            yield IndexAccess((1, item), index, table, dim, wraps=True, small=small, large=large)
            dim += 1


def _written_values(node: Any) -> tuple[_Places, _Places]:
    """Return the sizes that must be equal for the values of `index_put`, as `small` and `large`.

    torch expands the values to the written places; compiled code reads a value for each place
    without a check. Equal is written as "at most as large", in both directions.
    """
    places = written_places(node)
    if places is None:
        return (), ()
    values = node.args[2]
    shape = values.meta["val"].shape
    pairs: list[tuple[tuple[Any, int], tuple[Any, int]]] = []
    for i, place in zip(range(-1, -len(shape) - 1, -1), reversed(places), strict=False):
        size, written = shape[i], place[0].meta["val"].shape[place[1]]
        # As text: a comparison of symbols would use representative values, and record a guard.
        if str(size) not in ("1", str(written)):
            pairs.append(((values, len(shape) + i), place))
    both = [*pairs, *((other, one) for one, other in pairs)]
    return tuple(one for one, _ in both), tuple(other for _, other in both)


def written_places(node: Any) -> list[tuple[Any, int]] | None:
    """Return, for each dimension that an `index_put` writes, a tensor and a dimension of that size.

    torch broadcasts the indices to joint dimensions. These take the place of the indexed dimensions
    if those are adjacent; else they come first.

    Returns:
        None if the node is no `index_put`, or if it writes where a mask says so.
    """
    if node.target not in _PUTS:
        return None
    table, listed = node.args[:2]
    indices = [index for index in listed if index is not None]
    if any(index.meta["val"].dtype in _MASKS for index in indices):
        return None
    rank = max(index.meta["val"].ndim for index in indices)
    joint: list[tuple[Any, int]] = []
    for i in range(-rank, 0):
        found = [(t, t.meta["val"].ndim + i) for t in indices if t.meta["val"].ndim >= -i]
        wide = [(t, d) for t, d in found if str(t.meta["val"].shape[d]) != "1"]
        joint.append((wide or found)[0])
    taken = [dim for dim, index in enumerate(listed) if index is not None]
    rest = [(table, dim) for dim in range(table.meta["val"].ndim) if dim not in taken]
    adjacent = taken == list(range(taken[0], taken[-1] + 1))
    before = taken[0] if adjacent else 0
    return [*rest[:before], *joint, *rest[before:]]


def _masked_listed(node: Any) -> Iterator[IndexAccess]:
    """Return the accesses of `_unsafe_masked_index`, whose second argument is a mask."""
    table = node.args[0]
    for item, index in enumerate(node.args[2]):
        if index is not None:
            yield IndexAccess((2, item), index, table, item, wraps=True)


def _as_a_line(node: Any) -> Iterator[IndexAccess]:
    yield IndexAccess((1,), node.args[1], node.args[0], None, wraps=True)


_OPERATORS: dict[str, Callable[[Any], Iterator[IndexAccess]]] = {
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
"""The accesses of ATen operators, by name."""


def _one_hot(node: Any) -> Iterator[IndexAccess]:
    classes = node.args[1] if len(node.args) > 1 else -1
    if isinstance(classes, int) and classes > 0:
        yield IndexAccess((0,), node.args[0], classes, None, wraps=False)


def _several_open(node: Any) -> Iterator[IndexAccess]:
    """Return the accesses of `x[i, j]` with open sizes, which becomes a read by one joint index."""
    found = [index for index in node.args[1] if index is not None]
    sizes = [size for index in found for size in index.meta["val"].shape]
    if len(found) > 1 and any(isinstance(size, torch.SymInt) for size in sizes):
        yield from _listed(node)


_STRICT: dict[str, Callable[[Any], Iterator[IndexAccess]]] = {
    "index": _several_open,
    "index_add": _along_dim(2),
    "index_copy": _along_dim(2),
    "one_hot": _one_hot,
}
"""Accesses that must be checked before torch decomposes the operator, by name."""


def strict_index_accesses(node: Any) -> list[IndexAccess]:
    """Return the accesses of a node that would be lost when torch decomposes it."""
    target = node.target
    if not isinstance(target, torch._ops.OpOverload) or target.namespace != "aten":
        return []
    find = _STRICT.get(target._schema.name.partition("::")[2].rstrip("_"))
    return [] if find is None else list(find(node))


def writes_by_index(node: Any) -> bool:
    """Tell whether the operator of a node writes at its indices."""
    if not isinstance(node.target, torch._ops.OpOverload) or node.target.namespace != "aten":
        return False
    return node.target._schema.name.partition("::")[2].startswith(_WRITES)
