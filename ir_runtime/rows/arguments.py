"""The arguments of a traced function: which sizes are those of rows, and what each tensor is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ir_runtime.errors import UnsupportedOperatorError
from ir_runtime.rows.make_values import Values
from ir_runtime.rows.row_tensor import DTYPES, INDICES, RowTensor
from ir_runtime.rows.value import Gather, Graph, Input, Value

__all__ = ["argument", "leading_sizes", "with_roles"]

MOST_SEGMENTS = 3
"""Dimensions of a grid."""


def leading_sizes(tensors: Sequence[Tensor], activations: Sequence[int]) -> list[tuple[int, ...]]:
    """Return what the sizes of the rows' dimensions may be, likely ones first.

    They are the most that a tensor has before its last dimension; but only the first of them, if
    another tensor has just those: its rows belong to several rows of the others, unless its sizes
    are those only by chance. If tensors differ in the dimension before the last one alone, as
    queries and keys of other numbers of heads do, that dimension may be no rows', too.

    Args:
        tensors: all tensors.
        activations: numbers of those that have rows; empty if it is unknown.
    """
    counted = [tensors[n] for n in activations] or tensors
    indices = [tuple(t.shape) for t in tensors if t.dtype in INDICES]
    leads = [tuple(t.shape if t.dtype in INDICES else t.shape[:-1]) for t in counted]
    if not activations and indices:  # a table may have more rows than the others
        leads = _that_begin(leads, indices) or leads
    most = max(leads, key=lambda lead: (math.prod(lead), len(lead)), default=())
    others = [tuple(t.shape[:-1]) for t in tensors if t.dtype not in INDICES]
    several = [lead for lead in others if math.prod(lead) > 1]
    shorter = [
        min(fitting, key=len)
        for found in (indices, several)
        if (fitting := [lead for lead in found if lead and lead == most[: len(lead)]])
    ]
    return list(dict.fromkeys([*shorter, most, *_without_groups(leads, most)]))


def _without_groups(
    leads: Sequence[tuple[int, ...]], most: tuple[int, ...]
) -> list[tuple[int, ...]]:
    """Return the sizes that remain if the last of them is the number of groups in a row."""
    rows = most[:-1]
    return [rows for lead in leads if rows and len(lead) == len(most) and lead[:-1] == rows][1:2]


def _that_begin(
    leads: Sequence[tuple[int, ...]], starts: Sequence[tuple[int, ...]]
) -> list[tuple[int, ...]]:
    return [lead for lead in leads if any(lead[: len(s)] == s for s in starts)]


def argument(
    values: Values, number: int, tensor: Tensor, lead: tuple[int, ...], *, is_activation: bool
) -> tuple[Input, RowTensor]:
    """Return what an argument is for the kernel, and for the function.

    Raises:
        UnsupportedOperatorError: no kernel takes it.
    """
    shown = f"argument {number} of shape {list(tensor.shape)}"
    if tensor.dtype not in (*DTYPES, *INDICES):
        kind = str(tensor.dtype).removeprefix("torch.")
        raise UnsupportedOperatorError(f"no row kernel: {shown} is {kind}")
    if 0 in tensor.shape:
        raise UnsupportedOperatorError(f"no row kernel: {shown} is empty")
    form, role, inner = _form(tensor, lead, is_activation=is_activation)
    width = math.prod(inner)
    parts: tuple[Value, ...] = ()
    if form == "groups" and inner[0] > 1:
        groups, columns = inner
        parts = (values.input(number, columns, step=columns, groups=groups),)
    elif form not in ("table", "index"):
        parts = (values.input(number, width),)
    meta = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
    source = number if form in ("table", "index") else -1
    return Input(number, tensor.dtype, width, role, inner), RowTensor(meta, parts, form, source)


def _form(
    tensor: Tensor, lead: tuple[int, ...], *, is_activation: bool
) -> tuple[str, str, tuple[int, ...]]:
    """Return the form of a tensor, its role and its inner sizes."""
    shape, rank = tuple(tensor.shape), len(lead)
    if tensor.dtype in INDICES:
        return ("index", "index", ()) if shape == lead else ("table", "unused", ())
    single = math.prod(shape[:-1]) == 1 and tensor.ndim <= rank + 1
    if shape[:-1] == lead and shape and (is_activation or not single):
        return "rows", "rows", shape[-1:]
    if single:
        return ("rows" if shape else "scalar"), "shared", shape[-1:]
    if shape[:rank] == lead and tensor.ndim == rank + 2:
        return "groups", "rows", shape[-2:]
    return "table", "unused", shape[-1:]


def with_roles(
    inputs: Sequence[Input],
    values: Sequence[Value],
    gathers: Sequence[Gather],
    along: Mapping[int, tuple[bool, ...]],
) -> tuple[Input, ...]:
    """Return the inputs with the roles that the traced function gives them.

    Args:
        inputs: as `argument` returned them.
        values: all values of the function.
        gathers: its reads of tables.
        along: for inputs that some rows share, the dimensions of the rows that they have.

    Raises:
        UnsupportedOperatorError: a table is used as rows, too, or nothing has rows.
    """
    tables = {g.table for g in gathers}
    direct = {v.source for v in values if v.op == "input" and v.gather < 0}
    both = tables & direct
    if both:
        raise UnsupportedOperatorError(
            f"no row kernel: argument {min(both)} is a table, and has rows, too"
        )
    chosen = {g.index for g in gathers}

    def with_role(source: Input) -> Input:
        number = source.argument
        if number in tables:
            return dataclasses.replace(source, role="table")
        if number in along and number in direct:
            return dataclasses.replace(source, role="broadcast", along=along[number])
        if source.role == "index" and number not in chosen:
            return dataclasses.replace(source, role="unused")
        return source

    found = tuple(map(with_role, inputs))
    if not {"rows", "index"} & {i.role for i in found}:
        raise UnsupportedOperatorError("no row kernel: none of its arguments has rows")
    if any(i.along for i in found):
        _check_broadcast(found)
    return found


def _check_broadcast(inputs: tuple[Input, ...]) -> None:
    """Refuse what the grid of a kernel has no numbers for."""
    if "rows" not in {i.role for i in inputs}:
        raise UnsupportedOperatorError("no row kernel: no argument has all rows of a broadcast")
    if len(Graph(inputs, ()).segments) > MOST_SEGMENTS:
        raise UnsupportedOperatorError(
            f"no row kernel: its arguments share rows along more than {MOST_SEGMENTS} dimensions"
        )
