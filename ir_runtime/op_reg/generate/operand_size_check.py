"""Assertions that operands of a template have equal sizes where its MLIR requires it.

Two dimensions must be equal where a `linalg` operation has one loop over both, and where an
elementwise operation of `arith` or `math` combines two tensors. Other operations do not show it: if
operands are used by those, two operands with the same type alias must have equal sizes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ir_runtime.errors import GenerateError

if TYPE_CHECKING:
    from iree.compiler.ir import Value

    from ir_runtime.op_reg.generate.module_builder import ModuleBuilder

__all__ = ["Place", "assert_equal_sizes", "assert_operand_sizes", "parameter_aliases"]

Place = tuple[int, int]
"""The number of an operand, and one of its dimensions."""
Size = Place | int | None
"""The origin of a size: a dimension of an operand, a number in the text, or None if unknown."""

_ELEMENTWISE = ("arith.", "math.")
_READ_AS_THEY_ARE = ("tensor.dim", "util.return", "func.return", *_ELEMENTWISE, "linalg.")
_CAST = ("tensor.cast", "flow.tensor.tie_shape")


def assert_operand_sizes(
    kb: ModuleBuilder,
    function: Any,
    operands: Sequence[Value],
    aliases: Sequence[str | None],
) -> None:
    """Emit the assertions before a call of a template's function.

    Args:
        kb: the builder; the assertions go to its insertion point.
        function: the function of the module.
        operands: the operands of the call.
        aliases: for each parameter its type alias in the text, None if it has another type.

    Raises:
        GenerateError: two static sizes differ.
    """
    groups = _Groups()
    sizes = _Sizes(function)
    for places in sizes.equal_sizes():
        groups.join(places)
    for one, other in _pairs_of_one_alias(aliases):
        if sizes.is_opaque(one) or sizes.is_opaque(other):
            for dim in range(sizes.rank(one)):
                groups.join([(one, dim), (other, dim)])
    template = function.attributes["sym_name"].value
    for group in groups.all():
        assert_equal_sizes(kb, template, operands, group)


def parameter_aliases(text: str, name: str, known: Mapping[str, Any]) -> list[str | None]:
    """Return the type alias of each parameter of a function in MLIR text, None without alias."""
    start = re.search(rf"@{re.escape(name)}\s*\(", text)
    if start is None:
        return []
    depth, parts = 0, [""]
    for character in text[start.end() :]:
        if character == ")" and depth == 0:
            break
        depth += (character in "(<{[") - (character in ")>}]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    kinds = [part.partition(":")[2].split() for part in parts if part.strip()]
    return [kind[0] if kind and kind[0] in known else None for kind in kinds]


def _pairs_of_one_alias(aliases: Sequence[str | None]) -> Iterator[Place]:
    for i, alias in enumerate(aliases):
        first = aliases.index(alias)
        if alias is not None and first < i:
            yield first, i


class _Groups:
    """Sets of sizes that must be equal; sets with a common place are merged."""

    def __init__(self) -> None:
        self._sets: list[set[Place | int]] = []

    def join(self, sizes: Sequence[Place | int]) -> None:
        joined: set[Place | int] = set(sizes)
        apart: list[set[Place | int]] = []
        for each in self._sets:
            # Numbers do not connect sets: two dimensions of size 4 have nothing else in common.
            if joined.isdisjoint(size for size in each if not isinstance(size, int)):
                apart.append(each)
            else:
                joined |= each
        self._sets = [*apart, joined]

    def all(self) -> list[list[Place | int]]:
        """Return the sets with several sizes: places in order, then numbers."""
        ordered = [
            [*sorted(s for s in each if isinstance(s, tuple)), *(s for s in each if type(s) is int)]
            for each in self._sets
        ]
        return sorted((o for o in ordered if len(o) > 1 and isinstance(o[0], tuple)), key=str)


class _Sizes:
    """The origins of the sizes in the body of a function."""

    def __init__(self, function: Any) -> None:
        self._entry = function.regions[0].blocks[0]
        self._sizes: dict[Any, list[Size]] = {}
        for i, argument in enumerate(self._entry.arguments):
            kind = _tensor_type(argument.type)
            if kind is not None:
                self._sizes[argument] = [
                    (i, d) if kind.is_dynamic_dim(d) else kind.shape[d] for d in range(kind.rank)
                ]

    def rank(self, argument: int) -> int:
        kind = _tensor_type(self._entry.arguments[argument].type)
        return 0 if kind is None else kind.rank

    def is_opaque(self, argument: int) -> bool:
        """Tell whether an operation that shows no relation of sizes uses an argument."""
        waiting = [self._entry.arguments[argument]]
        while waiting:
            for use in waiting.pop().uses:
                name = use.owner.operation.name
                if name in _CAST:
                    waiting.extend(use.owner.operation.results)
                elif not name.startswith(_READ_AS_THEY_ARE):
                    return True
        return False

    def equal_sizes(self) -> Iterator[list[Place | int]]:
        """Find sizes that must be equal for the operations at the top level of the function."""
        for each in self._entry.operations:
            op = each.operation
            if op.name.startswith("linalg."):
                yield from self._of_loops(op)
                outs = [v for v in op.operands if _tensor_type(v.type)][-len(op.results) or None :]
                for result, out in zip(op.results, outs, strict=False):
                    self._sizes[result] = self._of(out)
            elif op.name.startswith(_ELEMENTWISE):
                yield from self._of_positions(op)
            elif op.name in _CAST:
                self._sizes[op.results[0]] = self._of(op.operands[0])
            elif op.name == "tensor.empty":
                self._sizes[op.results[0]] = self._of_empty(op)

    def _of(self, value: Any) -> list[Size]:
        kind = _tensor_type(value.type)
        unknown: list[Size] = [] if kind is None else [None] * kind.rank
        return self._sizes.get(value, unknown)

    def _of_loops(self, op: Any) -> Iterator[list[Place | int]]:
        from iree.compiler.dialects import linalg

        loops: dict[str, list[Place | int]] = {}
        maps: Any = linalg.get_indexing_maps(op) or []
        # Dimensions that are indexed by the same loop, as `d0` alone, must have its length.
        for value, of_value in zip(op.operands, maps, strict=False):
            expressions = [str(e) for e in of_value.value.results]
            for size, expression in zip(self._of(value), expressions, strict=False):
                if size is not None and re.fullmatch(r"d\d+", expression):
                    loops.setdefault(expression, []).append(size)
        yield from loops.values()

    def _of_positions(self, op: Any) -> Iterator[list[Place | int]]:
        tensors = [self._of(v) for v in op.operands if _tensor_type(v.type) is not None]
        positions = [[s for s in sizes if s is not None] for sizes in zip(*tensors, strict=False)]
        yield from positions
        if tensors and op.results:
            known: list[Size] = [next(iter(sizes), None) for sizes in positions]
            self._sizes[op.results[0]] = known

    def _of_empty(self, op: Any) -> list[Size]:
        kind, given = _tensor_type(op.results[0].type), iter(op.operands)
        return [
            self._of_number(next(given)) if kind.is_dynamic_dim(d) else kind.shape[d]
            for d in range(kind.rank)
        ]

    def _of_number(self, value: Any) -> Size:
        """Return the origin of a size that `tensor.dim` reads, None for another value."""
        made_by = getattr(value.owner, "operation", value.owner)
        if getattr(made_by, "name", "") != "tensor.dim":
            return None
        index = getattr(made_by.operands[1].owner, "operation", None)
        if index is None or index.name != "arith.constant":
            return None
        sizes, dim = self._of(made_by.operands[0]), index.attributes["value"].value
        return sizes[dim] if dim < len(sizes) else None


def _tensor_type(kind: Any) -> Any:
    from iree.compiler.ir import RankedTensorType

    return RankedTensorType(kind) if isinstance(kind, RankedTensorType) else None


def assert_equal_sizes(
    kb: ModuleBuilder, template: str, operands: Sequence[Any], group: Sequence[Place | int]
) -> None:
    """Emit the assertion that sizes are equal.

    Args:
        kb: the builder; the assertion goes to its insertion point.
        template: the function that takes the operands, for messages.
        operands: tensors.
        group: dimensions of operands, and at the end numbers.

    Raises:
        GenerateError: two static sizes differ.
    """
    from iree.compiler.dialects import arith, tensor
    from iree.compiler.ir import Operation, StringAttr

    op = kb.ksel.op.name

    def named(size: Place | int) -> str:
        if isinstance(size, int):
            return str(size)
        name = kb.argument_name(operands[size[0]])
        what = f"operand {size[0]} of @{template}" if name is None else f"`{name}`"
        return f"dimension {size[1]} of {what}"

    def number(size: Place | int) -> Any:
        """Return a static size as an int, else the value of the size."""
        if isinstance(size, int):
            return size
        kind = _tensor_type(operands[size[0]].type)
        if kind is not None and not kind.is_dynamic_dim(size[1]):
            return kind.shape[size[1]]
        return tensor.dim(operands[size[0]], kb.constant_index(size[1]))

    # All sizes of a group are compared with the first one. Static sizes are compared here, at
    # once; the others get an assertion that runs on the host before the kernel.
    with kb.context, kb.location, kb.ip:
        first = number(group[0])
        for other in group[1:]:
            text = f"{op}: {named(other)} must be equal to {named(group[0])}"
            if isinstance(other, int):
                text = f"{op}: {named(group[0])} must be {other}"
            size = number(other)
            if isinstance(first, int) and isinstance(size, int):
                if first != size:
                    raise GenerateError(f"{text}, and they are {size} and {first}")
                continue
            values = [kb.constant_index(s) if isinstance(s, int) else s for s in (first, size)]
            same = arith.cmpi(arith.CmpIPredicate.eq, *values)
            Operation.create("cf.assert", operands=[same], attributes={"msg": StringAttr.get(text)})
