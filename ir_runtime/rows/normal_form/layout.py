"""Rules of operators that move elements: slices and joins of the last dimension, views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ir_runtime.rows.normal_form.pointwise import Parts, aligned, piece
from ir_runtime.rows.normal_form.result_like import broadcast, empty
from ir_runtime.rows.normal_form.table import Dropped, Formed, rule
from ir_runtime.rows.row_tensor import NoRuleError, RowTensor, TraceState
from ir_runtime.rows.value import Value

__all__ = ["columns"]


def columns(t: TraceState, x: RowTensor, at: int, width: int) -> Parts:
    """Return some columns of a tensor; no parts for no columns."""
    if width <= 0:
        return ()
    made: list[Value] = []
    start = 0
    for part in x.parts:
        if len(x.parts) == 1 and part.kind != "lanes":
            return part if part.kind == "constant" else t.values.spread(part, width, _groups(x))
        low, high = max(at, start), min(at + width, start + part.width)
        if low < high:
            made.append(piece(t, (part,), low - start, high - low))
        start += part.width
    return tuple(made)


def _groups(x: RowTensor) -> int:
    """Return how many groups the form of a tensor has in a row; 0 for one."""
    return x.shape[-2] if x.form == "groups" and x.shape[-2] > 1 else 0


def _is_last(x: RowTensor, dim: int) -> bool:
    if x.is_flat:
        raise NoRuleError("it divides the groups of a row")
    return x.form in ("rows", "groups") and dim in (-1, x.ndim - 1)


def _need_last(x: RowTensor, dim: int) -> None:
    if not _is_last(x, dim):
        raise NoRuleError(f"it divides dimension {dim}, must be the last one")


@rule("slice", kind="move")
def _slice(
    t: TraceState,
    out: Any,
    x: RowTensor,
    dim: int = 0,
    start: Any = None,
    end: Any = None,
    step: int = 1,
) -> Parts:
    del end
    if tuple(out.shape) == tuple(x.shape):
        return x.parts
    _need_last(x, dim)
    size = x.shape[-1]
    first = min(max((start or 0) + (size if (start or 0) < 0 else 0), 0), size)
    if step == 1:
        return columns(t, x, first, out.shape[-1])
    parity = first % 2
    pairs = size - first + parity
    if step != 2 or 2 * out.shape[-1] != pairs:
        raise NoRuleError(f"it takes each {step}th column")
    found = _tuple(columns(t, x, first - parity, pairs))
    return tuple(t.values.every_second(found, parity))


@rule("select", kind="move")
def _select(t: TraceState, out: Any, x: RowTensor, dim: int, index: int) -> Any:
    del out
    _need_last(x, dim)
    at = index + x.shape[-1] if index < 0 else index
    (value,) = _tuple(columns(t, x, at, 1))
    return Dropped(value)


@rule("split", "split_with_sizes", kind="move")
def _split(t: TraceState, out: Any, x: RowTensor, sizes: Any, dim: int = 0) -> list[Parts]:
    del sizes
    _need_last(x, dim)
    made, at = [], 0
    for piece_ in out:
        made.append(columns(t, x, at, piece_.shape[-1]))
        at += piece_.shape[-1]
    return made


def _tuple(parts: Parts) -> tuple[Value, ...]:
    return (parts,) if isinstance(parts, Value) else tuple(parts)


def _cat_like(tensors: Sequence[RowTensor], dim: int = 0) -> Any:
    for x in tensors:
        _need_last(x, dim)
        if x.dtype != tensors[0].dtype:
            raise NoRuleError("it joins tensors of other dtypes")
    lead = broadcast([x.meta[..., :1] for x in tensors])[:-1]
    if any(list(x.shape[:-1]) != lead for x in tensors):
        raise NoRuleError("it joins tensors of other rows")
    return empty((*lead, sum(x.shape[-1] for x in tensors)), tensors[0].dtype)


@rule("cat", like=_cat_like, kind="move")
def _cat(t: TraceState, out: Any, tensors: Sequence[RowTensor], dim: int = 0) -> Parts:
    del out, dim
    if any(part.is_bool for x in tensors for part in x.parts):
        raise NoRuleError("it joins truth values")
    return tuple(part for x in tensors for part in _spread(t, x))


def _spread(t: TraceState, x: RowTensor) -> list[Value]:
    if len(x.parts) != 1:
        return list(x.parts)
    width = x.shape[-1]
    return [t.values.spread(x.parts[0], width, _groups(x))]


def _stack_like(tensors: Sequence[RowTensor], dim: int = 0) -> Any:
    first = tensors[0]
    is_last = first.form in ("rows", "groups") and dim in (-1, first.ndim)
    if len(tensors) != 2 or not is_last:
        raise NoRuleError("it stacks tensors, must stack two along a new last dimension")
    if any(x.shape != first.shape or x.dtype != first.dtype for x in tensors):
        raise NoRuleError("it stacks tensors of other shapes or dtypes")
    return empty((*first.shape, 2), first.dtype)


@rule("stack", like=_stack_like, kind="move")
def _stack(t: TraceState, out: Any, tensors: Sequence[RowTensor], dim: int = 0) -> Any:
    del out, dim
    if len({x.form for x in tensors}) > 1 or any(p.is_bool for x in tensors for p in x.parts):
        raise NoRuleError("it stacks rows and numbers, or truth values")
    both = aligned(t, tensors, [tuple(_spread(t, x)) for x in tensors])
    if any(len(parts) > 1 for parts in both):
        raise NoRuleError("it stacks parts of rows")
    return Formed(t.values.interleave(both[0][0], both[1][0]), f"{tensors[0].form} of pairs")


def _pad_like(x: RowTensor, pad: Sequence[int], value: float = 0) -> Any:
    del value
    if len(pad) != 2 or min(pad) < 0 or x.form not in ("rows", "groups") or x.is_flat:
        raise NoRuleError(f"it pads by {list(pad)}")
    return empty((*x.shape[:-1], x.shape[-1] + sum(pad)), x.dtype)


@rule("constant_pad_nd", like=_pad_like, kind="move")
def _pad(t: TraceState, out: Any, x: RowTensor, pad: Sequence[int], value: float = 0) -> Parts:
    return _between(t, x, pad[0], pad[1], t.value(value, out.dtype))


def _slice_backward_like(x: RowTensor, sizes: Sequence[int], *_: Any) -> Any:
    return empty(sizes, x.dtype)


@rule("slice_backward", like=_slice_backward_like, kind="move")
def _slice_backward(
    t: TraceState,
    out: Any,
    x: RowTensor,
    sizes: Sequence[int],
    dim: int,
    start: int,
    end: int,
    step: int,
) -> Parts:
    del end
    _need_last(x, dim)
    if step != 1:
        raise NoRuleError(f"it takes each {step}th column")
    before = start + sizes[-1] if start < 0 else start
    after = out.shape[-1] - before - x.shape[-1]
    return _between(t, x, before, after, t.values.constant(0.0))


def _between(t: TraceState, x: RowTensor, before: int, after: int, value: Value) -> Parts:
    groups = _groups(x)
    sides = [(t.values.spread(value, n, groups),) if n else () for n in (before, after)]
    return (*sides[0], *_spread(t, x), *sides[1])


def _same_like(x: RowTensor, **options: Any) -> Any:
    del options
    return empty(x.shape, x.dtype)


@rule("clone", "alias", "detach", "lift_fresh", "contiguous", like=_same_like, kind="move")
def _same(t: TraceState, out: Any, x: RowTensor, **options: Any) -> Parts:
    del t, out, options
    return x.parts


@rule("expand", kind="move")
def _expand(t: TraceState, out: Any, x: RowTensor, size: Any, implicit: bool = False) -> Parts:
    del size, implicit
    if x.form not in ("rows", "groups"):
        raise NoRuleError("it expands numbers of rows along the row")
    groups = out.shape[-2] if x.form == "groups" and out.shape[-2] > 1 else 0
    if len(x.parts) == 1 and out.shape[-1] != x.shape[-1]:
        return t.values.spread(x.parts[0], out.shape[-1], groups)
    if not groups:
        return x.parts
    return tuple(t.values.in_groups(p, groups, p.width, is_shared=True) for p in x.parts)


@rule("unsqueeze", kind="view")
def _unsqueeze(t: TraceState, out: Any, x: RowTensor, dim: int) -> Any:
    return _viewed(t, out, x, added=dim in (-1, x.ndim))


@rule("squeeze", kind="view")
def _squeeze(t: TraceState, out: Any, x: RowTensor, dim: Any = None) -> Any:
    del dim
    return _viewed(t, out, x)


@rule("view", "_unsafe_view", "_reshape_alias", kind="view")
def _view(t: TraceState, out: Any, x: RowTensor, size: Any, stride: Any = None) -> Any:
    del size, stride
    return _viewed(t, out, x)


def _viewed(t: TraceState, out: Any, x: RowTensor, *, added: bool = True) -> Any:
    """Return a view: a row as groups, groups as a row, a number with or without a dimension."""
    old, new = list(x.shape), list(out.shape)
    if old == new:
        return x.parts
    lead = list(t.lead)
    if x.form == "rows" and old[-1:] == [1] and new == old[:-1] == lead:
        return Dropped(x.parts[0])
    if x.form == "dropped" and added and new == [*old, 1]:
        return Formed(x.parts, "rows")
    if x.form == "scalar" and not lead and new == [1]:
        return Formed(x.parts, "rows")
    shared = x.form == "rows" and old[-1:] == new[-1:] and all(s == 1 for s in old[:-1])
    if shared and all(s == 1 for s in new[:-1]) and len(new) <= len(lead) + 1:
        return x.parts
    if x.form.endswith("of pairs") and new == [*old[:-2], 2 * old[-2]]:
        return Formed(x.parts, x.form.partition(" ")[0])
    if x.form == "groups" and new == [*old[:-2], old[-2] * old[-1]]:
        return Formed(_unspread(x.parts), "rows")
    in_groups = x.form == "rows" and len(new) > 1 and new[:-2] == old[:-1]
    if in_groups and new[-2] * new[-1] == old[-1]:
        return Formed(_divided(t, x, new[-2], new[-1]), "groups")
    raise NoRuleError(f"it views {old} as {new}")


def _unspread(parts: Sequence[Value]) -> Sequence[Value]:
    """Return the number that is spread, if it is one of the row: it fills the row, too."""
    (first, *others) = parts
    of_row = first.op == "spread" and first.args[0].kind != "group"
    return first.args if of_row and not others else parts


def _divided(t: TraceState, x: RowTensor, groups: int, width: int) -> Sequence[Value]:
    """Return the parts of a row as those of groups."""
    if x.groups:
        if x.groups != groups:
            raise NoRuleError(f"it views {x.groups} groups as {groups}")
        return x.parts
    if groups == 1 or x.parts[0].kind != "lanes":
        return x.parts
    if len(x.parts) > 1:
        raise NoRuleError("it views parts of rows as groups")
    return (t.values.in_groups(x.parts[0], groups, width, is_shared=False),)
