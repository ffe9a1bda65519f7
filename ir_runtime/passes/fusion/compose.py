"""The program of a group of nodes: ATen and IR calls with the arguments that the graph has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import fx

from ir_runtime.passes.fusion.fused_rows import FUSED_ROWS_SINGLE, is_fused
from ir_runtime.passes.fusion.group import Group, Refused
from ir_runtime.passes.fusion.node_kind import (
    activation_places,
    is_part,
    is_row_op,
    value_of,
)
from ir_runtime.passes.fusion.program import Argument, Made, Program, Step, program_of, replaced
from ir_runtime.passes.graph.storage import same_value

__all__ = ["program_for"]

_ATEN: Any = torch.ops.aten
_CONVERT: Any = torch.ops.prims.convert_element_type.default
_RESHAPES = (_ATEN.view.default, _ATEN.reshape.default, _ATEN._unsafe_view.default)
_IGNORED = ("layout", "device", "pin_memory", "memory_format", "non_blocking")
"""Options of ops that a group has only with their usual values: it is on the CPU, and its results
are contiguous."""


def program_for(group: Group) -> Program | Refused:
    """Return the program of a group, or the node that it cannot express."""
    composer = _Composer(group)
    for node in group.members:
        why = composer.add(node)
        if why is not None:
            return Refused(node, why)
    return Program(
        len(group.inputs),
        _rows_of(group),
        tuple(composer.steps),
        tuple(composer.made[r] for r in group.results),
    )


class _Composer:
    def __init__(self, group: Group) -> None:
        self.inputs = {node: Argument(at) for at, node in enumerate(group.inputs)}
        self.made: dict[fx.Node, Any] = {}
        self.steps: list[Step] = []

    def add(self, node: fx.Node) -> str | None:
        """Add the step of a node; returns why there is none."""
        if is_part(node):
            source, place = node.args[0], node.args[1]
            whole = self.made.get(source)  # pyright: ignore[reportArgumentType, reportCallIssue]
            if not isinstance(place, int) or whole is None:
                return "it takes a part of what the call does not make"
            self.made[node] = whole[place] if isinstance(whole, tuple) else Made(whole.step, place)
            return None
        if is_fused(node.target):
            return self._inline(node)
        if node.target in _RESHAPES:
            return self._reshape(node)
        try:
            return self._call(node)
        except _NotEncodableError as error:
            return str(error)

    def _call(self, node: fx.Node) -> None:
        target: Any = node.target
        args = tuple(self._encoded(a) for a in node.args)
        kwargs = {k: self._encoded(v) for k, v in node.kwargs.items() if k not in _IGNORED}
        if target is _CONVERT:
            dtype = args[1] if len(args) > 1 else kwargs["dtype"]
            target, args, kwargs = _ATEN._to_copy.default, args[:1], {"dtype": dtype}
        elif target is _ATEN.expand.default:
            args = (args[0], self._kept_sizes(node), *args[2:])
        self._step(node, target, args, kwargs)

    def _step(
        self, node: fx.Node, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.made[node] = Made(len(self.steps))
        self.steps.append(Step(target, args, tuple(kwargs.items())))

    def _inline(self, node: fx.Node) -> None:
        """Add the steps of a fused op."""
        inner = program_of(str(node.args[0]))
        given: Any = node.args[1]
        tensors, first = [self._tensor(t) for t in given], len(self.steps)

        def value(held: Any) -> Any:
            if isinstance(held, Argument):
                return tensors[held.number]
            return Made(held.step + first, held.place)

        for step in inner.steps:
            args, kwargs = replaced(step.args, value), replaced_pairs(step.kwargs, value)
            self.steps.append(Step(step.target, args, kwargs))
        results = tuple(value(r) for r in inner.results)
        self.made[node] = results[0] if node.target is FUSED_ROWS_SINGLE else results

    def _reshape(self, node: fx.Node) -> str | None:
        """Add a view of a row as groups, or the reverse, without the sizes of the rows."""
        source: Any = node.args[0]
        before, after = value_of(source), value_of(node)
        if before is None or after is None:
            return "the shapes of its tensors are unknown"
        old, new = before.shape, after.shape
        x = self._tensor(source)
        if same_value(old, new):
            self.made[node] = x
            return None
        if len(new) == len(old) + 1 and same_value(old[:-1], new[:-2]):
            inner = new[-2:]
            if all(type(size) is int for size in inner):
                self._step(node, _ATEN.unflatten.int, (x, -1, tuple(inner)), {})
                return None
        if len(new) == len(old) - 1 and same_value(old[:-2], new[:-1]):
            self._step(node, _ATEN.flatten.using_ints, (x, -2, -1), {})
            return None
        return f"it views {list(old)} as {list(new)}"

    def _kept_sizes(self, node: fx.Node) -> tuple[int, ...]:
        """Return the sizes of an expansion; -1 where it changes nothing."""
        source: Any = node.args[0]
        before, after = value_of(source), value_of(node)
        if before is None or after is None:
            raise _NotEncodableError("the shapes of its tensors are unknown")
        found: list[int] = []
        missing = after.ndim - before.ndim
        for at, size in enumerate(after.shape):
            if at >= missing and same_value(before.shape[at - missing], size):
                found.append(-1)
            elif type(size) is int:
                found.append(size)
            else:
                raise _NotEncodableError(f"it expands to the size {size}, which may change")
        return tuple(found)

    def _encoded(self, value: Any) -> Any:
        if isinstance(value, fx.Node):
            return self._tensor(value)
        if isinstance(value, list | tuple):
            return tuple(self._encoded(v) for v in value)
        if value is None or isinstance(value, bool | int | float | str | torch.dtype):
            return value
        raise _NotEncodableError(f"it takes {value!r}, which is no tensor, number, text or dtype")

    def _tensor(self, node: fx.Node) -> Any:
        found = self.made.get(node, self.inputs.get(node))
        if found is None:
            raise _NotEncodableError(f"it takes {node}, which is no tensor")
        return found


class _NotEncodableError(Exception):
    """An argument that a program cannot hold."""


def replaced_pairs(pairs: Sequence[tuple[str, Any]], by: Any) -> tuple[tuple[str, Any], ...]:
    """Return keyword arguments with each `Argument` and `Made` replaced."""
    return tuple((name, replaced(value, by)) for name, value in pairs)


def _rows_of(group: Group) -> tuple[int, ...]:
    """Return the numbers of the inputs that have all rows.

    They have the most elements before their last dimension, or differ from that in the number of
    heads, the dimension before the last one. What an op takes at a place that is no activation,
    such as a table, has none.
    """
    others = {
        source
        for node in group.members
        if is_row_op(node) and not is_fused(node.target)
        for source in _settings_of(node)
    }
    shapes = {n: value_of(n).shape for n in group.inputs if n not in others}  # pyright: ignore[reportOptionalMemberAccess]
    leads = [shape[:-1] for shape in shapes.values() if len(shape)]
    lead = max(leads, key=lambda sizes: (len(sizes), _known(sizes)), default=())
    tokens = lead[:-1] if len(lead) > 1 else None
    return tuple(
        at
        for at, node in enumerate(group.inputs)
        if (shape := shapes.get(node, ()))
        and (
            same_value(shape[:-1], lead)
            or (len(shape) == len(lead) + 1 and tokens and same_value(shape[:-2], tokens))
        )
    )


def _known(sizes: Sequence[Any]) -> int:
    """Return the product of the sizes that are known, symbols as large ones."""
    found = 1
    for size in sizes:
        found *= size if type(size) is int else 1 << 20
    return found


def _settings_of(node: fx.Node) -> list[fx.Node]:
    """Return the tensors that a row op takes beside its activations."""
    places = activation_places(node)
    if places is None:
        return []
    return [a for at, a in enumerate(node.args) if at not in places and isinstance(a, fx.Node)]
