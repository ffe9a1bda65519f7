"""The tensors that a caller gives for the results of a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ir_runtime.dtypes import DTYPES
from ir_runtime.errors import ArgumentError

__all__ = ["refuse_one_output", "write_outputs"]

_INTEGERS = frozenset(
    d for d in DTYPES if not (d.is_floating_point or d.is_complex or d == torch.bool)
)


def refuse_one_output(name: str, outputs: Any) -> None:
    """Refuse a tensor in place of a sequence of them.

    Raises:
        ArgumentError: `outputs` is a tensor.
    """
    if isinstance(outputs, Tensor):
        raise ArgumentError(
            f"{name}: `outputs` is a tensor, must be a sequence of them",
            fix="pass outputs=[tensor]",
        )


def write_outputs(name: str, outputs: Sequence[Any], values: Sequence[Any]) -> list[Tensor]:
    """Copy results into the tensors that the caller gave for them; an error leaves all unchanged.

    Raises:
        ArgumentError: an output does not fit its result.
    """
    if len(outputs) != len(values):
        raise ArgumentError(f"{name}: {len(outputs)} outputs, must be {len(values)} as the results")
    fitting = [
        _fit(f"{name}: output {i}", i, *pair)
        for i, pair in enumerate(zip(outputs, values, strict=True))
    ]
    for output, value in zip(outputs, fitting, strict=True):
        output.copy_(value)
    return list(outputs)


def _fit(label: str, index: int, output: Any, value: Any) -> Tensor:
    if not isinstance(value, Tensor) or not isinstance(output, Tensor):
        got, must = (type(x).__name__ for x in (output, value))
    elif output.shape != value.shape:
        got, must = list(output.shape), list(value.shape)
    elif output.device != value.device:
        got, must = f"on {output.device}", f"on {value.device}"
    elif value.dtype == output.dtype or _differ_in_sign_only(value.dtype, output.dtype):
        return value.view(output.dtype)
    else:
        got, must = f"of {output.dtype}", f"of {value.dtype}"
    raise ArgumentError(f"{label} is {got}, must be {must} as result {index}")


def _differ_in_sign_only(one: torch.dtype, other: torch.dtype) -> bool:
    """Tell whether two dtypes differ only in sign: IREE's own integers have none."""
    return one in _INTEGERS and other in _INTEGERS and one.itemsize == other.itemsize
