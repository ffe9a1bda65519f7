"""One check for the kernels of all ops that are made from native: their form and their error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.ir import IrOp

__all__ = ["WIDTH", "as_tuple", "check_op", "in_stretches"]

FACTOR = 1.5
WIDTH = 200
"""Width of the rows of most tests: they share one binary an op and dtype."""

SMALLEST = 128 * torch.finfo(torch.float32).tiny
"""Errors below this are those of numbers that lose digits for being small, or vanish."""


def check_op(
    op: IrOp,
    calls: Iterable[Sequence[Any]],
    *,
    form: str = "a row kernel",
    factor: float = FACTOR,
) -> None:
    """Compute calls by the provider `iree`, and compare them with float64.

    Dimension 0 of the results counts stretches of the range of numbers. On each of them, the
    mean error is at most 1.5 times that of native, the largest error at most `factor` times.

    Args:
        op: the op.
        calls: the arguments of each call.
        form: the first words of `explain` about the kernel: "a row kernel" or "traced".
        factor: of the largest error.
    """
    for call in calls:
        arguments = op.all_arguments(tuple(call))
        with op.set_priority(["iree", "native"]):
            said = op.explain(*arguments)
            assert said.chosen == "iree", said
            assert said.verdicts[0].reason.startswith(form), said
            found = as_tuple(op(*arguments))
        own = as_tuple(op.native(*arguments))
        exact = as_tuple(op.native(*map(wide, arguments)))
        for number, (mine, natives, wanted) in enumerate(zip(found, own, exact, strict=True)):
            assert (mine.shape, mine.dtype) == (natives.shape, natives.dtype)
            assert mine.is_contiguous()
            for stretch in range(mine.shape[0]):
                where = f"{op.name}, {mine.dtype}, result {number}, stretch {stretch}"
                assert_accurate(where, mine[stretch], natives[stretch], wanted[stretch], factor)


def assert_accurate(
    where: str, mine: Tensor, natives: Tensor, exact: Tensor, factor: float = FACTOR
) -> None:
    """Compare errors where the dtype can hold the result; elsewhere, both must overflow alike."""
    held = exact.to(mine.dtype).isfinite()
    assert held.any(), f"{where}: no number that the dtype can hold"
    for result in (mine, natives):
        assert result[held].isfinite().all(), where
    torch.testing.assert_close(mine[~held], natives[~held], rtol=0, atol=0, equal_nan=True)
    error, theirs = ((y[held].double() - exact[held]).abs() for y in (mine, natives))
    message = f"{where}: {error.max():.3g} mean {error.mean():.3g}, native's {theirs.max():.3g} "
    message += f"mean {theirs.mean():.3g}"
    assert error.max() <= factor * theirs.max() + SMALLEST, message
    assert error.mean() <= FACTOR * theirs.mean() + SMALLEST, message


def in_stretches(
    bounds: Sequence[tuple[float, float]], dtype: torch.dtype, *, rows: int = 32, width: int = WIDTH
) -> Tensor:
    """Return `[len(bounds), rows, width]` random numbers, uniform between one pair of bounds."""
    generator = torch.Generator().manual_seed(0)
    part = torch.rand(len(bounds), rows, width, generator=generator, dtype=torch.float64)
    low, high = torch.tensor(bounds, dtype=torch.float64)[:, :, None, None].unbind(1)
    return (low + part * (high - low)).to(dtype)


def as_tuple(results: Any) -> tuple[Tensor, ...]:
    return tuple(results) if isinstance(results, list | tuple) else (results,)


def wide(value: Any) -> Any:
    floating = isinstance(value, Tensor) and value.is_floating_point()
    return value.double() if floating else value
