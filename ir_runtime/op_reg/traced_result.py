"""Which shapes does a torch function return, and which of their sizes depend on the rows?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
    UnsupportedFakeTensorException,
)

from ir_runtime.errors import ArgumentError, GenerateError
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.tensor_leaves import as_results, call_by_schema
from ir_runtime.op_reg.trace.import_program import first_lines, quiet_tracing

__all__ = ["ResultLike", "Results", "results_like"]

_DEPENDS_ON_VALUES = (
    DataDependentOutputException,
    DynamicOutputShapeException,
    UnsupportedFakeTensorException,
)


@dataclass(frozen=True)
class ResultLike:
    """What a result is like.

    Attributes:
        shape: its sizes; symbols where the arguments have some.
        dtype: its dtype.
        static: the dimensions that are of this size whatever the number of rows is.
    """

    shape: Sequence[Any]
    dtype: torch.dtype
    static: tuple[int, ...]


Results = list[list[ResultLike]]
"""For each result of the schema its tensors: one, or those of a list."""


def results_like(
    op: Op, fake: Callable[..., Any], values: Sequence[Any], dynamic: Collection[int]
) -> Results:
    """Run `fake` on tensors that hold nothing.

    Args:
        op: the op.
        fake: what computes shapes and dtypes of its results.
        values: all arguments; real tensors are not read, fake ones are passed on.
        dynamic: `id` of each tensor whose first dimension may have any size.

    Raises:
        ArgumentError: the function does not take tensors of these shapes.
        GenerateError: it depends on what tensors hold, or returns what is no tensor.
    """
    if any(isinstance(t, FakeTensor) for value in values for t in _tensors(value)):
        with torch.no_grad():
            found = _run(op, fake, values)
        return [[_by_symbols(t) for t in group] for group in found]
    found = _run_on_fakes(op, fake, values, {})
    others = _run_at_other_sizes(op, fake, values, dynamic) if dynamic else found
    if [len(group) for group in others] != [len(group) for group in found]:
        return [[_all_dynamic(t) for t in group] for group in found]
    return [
        [_by_comparison(t, other) for t, other in zip(group, other_group, strict=True)]
        for group, other_group in zip(found, others, strict=True)
    ]


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, list | tuple):
        return [t for t in value if isinstance(t, Tensor)]
    return [value] if isinstance(value, Tensor) else []


def _run(op: Op, fake: Callable[..., Any], values: Sequence[Any]) -> list[list[Tensor]]:
    returned = call_by_schema(op, fake, values)
    results = as_results(op, returned, "its function")
    groups = [list(r) if isinstance(r, list | tuple) else [r] for r in results]
    for group in groups:
        for result in group:
            if not isinstance(result, Tensor):
                raise GenerateError(
                    f"{op.name}: its function returns {result!r}, must return tensors"
                )
    return groups


def _run_on_fakes(
    op: Op, fake: Callable[..., Any], values: Sequence[Any], resized: dict[int, int]
) -> list[list[Tensor]]:
    """Run it on fake tensors of the arguments' shapes, with other first sizes for some."""

    def fake_of(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [fake_of(v) for v in value]
        if not isinstance(value, Tensor):
            return value
        shape = list(value.shape)
        if id(value) in resized:
            shape[0] = resized[id(value)]
        return torch.empty(shape, dtype=value.dtype, device=value.device)

    mode = FakeTensorMode(allow_non_fake_inputs=True)
    try:
        with torch.no_grad(), quiet_tracing(), mode:
            return _run(op, fake, [fake_of(value) for value in values])
    except _DEPENDS_ON_VALUES as error:
        raise GenerateError(
            f"{op.name}: its function depends on what its tensors hold, must depend on shapes, "
            "dtypes and values of other arguments alone",
            facts=first_lines(error),
        ) from error
    except GenerateError:
        raise
    except Exception as error:
        raise ArgumentError(
            f"{op.name}: its function does not take these arguments", facts=first_lines(error)
        ) from error


_CHANGES: tuple[Callable[[int], int], ...] = (
    lambda rows: rows + 1,
    lambda rows: 2 * rows + 2,
    lambda rows: 3 * rows,
)


def _run_at_other_sizes(
    op: Op, fake: Callable[..., Any], values: Sequence[Any], dynamic: Collection[int]
) -> list[list[Tensor]]:
    """Run it with other numbers of rows, equal ones where they are equal; nothing if none do."""
    rows = [t for value in values for t in _tensors(value) if id(t) in dynamic]
    for change in _CHANGES:
        try:
            return _run_on_fakes(op, fake, values, {id(t): change(t.shape[0]) for t in rows})
        except (ArgumentError, GenerateError):
            continue
    return []


def _by_symbols(t: Tensor) -> ResultLike:
    static = tuple(i for i, size in enumerate(t.shape) if isinstance(size, int))
    return ResultLike(t.shape, t.dtype, static)


def _by_comparison(t: Tensor, other: Tensor) -> ResultLike:
    if t.ndim != other.ndim:
        return _all_dynamic(t)
    same = (i for i, (one, two) in enumerate(zip(t.shape, other.shape, strict=True)) if one == two)
    return ResultLike(t.shape, t.dtype, tuple(same))


def _all_dynamic(t: Tensor) -> ResultLike:
    return ResultLike(t.shape, t.dtype, ())
