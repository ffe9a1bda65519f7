"""The shapes that a torch function returns, and which of their sizes depend on the rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
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
from ir_runtime.frozen import frozen
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.op.tensor_leaves import as_results, call_by_schema

__all__ = ["ResultLike", "Results", "results_like"]

_DEPENDS_ON_VALUES = (
    DataDependentOutputException,
    DynamicOutputShapeException,
    UnsupportedFakeTensorException,
)


@frozen
class ResultLike:
    """The shape and dtype of a result.

    Attributes:
        shape: its sizes; some are symbols if the arguments have symbolic sizes.
        dtype: its dtype.
        static: the dimensions with the same size for any number of rows.
    """

    shape: Sequence[Any]
    dtype: torch.dtype
    static: tuple[int, ...]


Results = list[list[ResultLike]]
"""For each result of the schema its tensors: one tensor, or the tensors of a list."""


def results_like(
    op: Op, fake: Callable[..., Any], values: Sequence[Any], dynamic: Collection[int]
) -> Results:
    """Run `fake` on fake tensors, and return shapes and dtypes of the results.

    To find the static dimensions, the function is run a second time with other numbers of rows.

    Args:
        op: the op.
        fake: the function that computes shapes and dtypes of its results.
        values: all arguments; real tensors are not read, fake ones are passed on.
        dynamic: `id` of each tensor whose first dimension may have any size.

    Raises:
        ArgumentError: the function does not take tensors of these shapes.
        GenerateError: it depends on the values of tensors, or returns other types.
    """
    if any(isinstance(t, FakeTensor) for value in values for t in _tensors(value)):
        with torch.no_grad():
            found = _run(op, fake, values)
        return [[_by_symbols(t) for t in group] for group in found]
    # A size that differs between the two runs depends on the rows. If the second run fails at all
    # other sizes, or returns lists of other lengths, nothing is known: all sizes count as dynamic.
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
    """Run the function on fake tensors of the arguments' shapes; some get another first size."""
    from ir_runtime.op_reg.trace.import_program import first_lines, quiet_tracing

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
            f"{op.name}: its function depends on the values of its tensors, must depend only on "
            "shapes, dtypes and other arguments",
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
    """Run the function with other numbers of rows; return no results if it fails with all.

    Equal numbers of rows stay equal.
    """
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
