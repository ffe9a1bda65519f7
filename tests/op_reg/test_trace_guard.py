"""Does a program assert the sizes that its trace depends on?"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.export import Dim

from ir_runtime import aot
from ir_runtime.errors import LaunchError
from ir_runtime.op_reg.trace.trace_function import torch_function_asm

LINE = "tensor<?xf32>"


@pytest.mark.parametrize(
    ("fn", "types", "expected"),
    [
        (lambda x: x.narrow(0, 2, 3), ["tensor<?x4xf32>"], ["2 <= operand 0.shape[0] - 3"]),
        (lambda x: x[5] + 1, ["tensor<?x4xf32>"], ["operand 0.shape[0] > 5"]),
        (
            lambda x, y: x + y[: x.shape[0]],
            [LINE, LINE],
            ["operand 0.shape[0] == Min(operand 0.shape[0], operand 1.shape[0])"],
        ),
        (lambda x: x.unfold(0, 3, 1) + 1, [LINE], ["operand 0.shape[0] >= 3"]),
    ],
    ids=["narrow", "select", "slice", "unfold"],
)
def test_sizes_that_a_trace_needs_are_asserted(fn: Any, types: list[str], expected: list[str]):
    text = torch_function_asm(fn, types)
    asserted = [line.partition("must have ")[2] for line in text.split("\n") if "assert" in line]
    assert all(any(found.startswith(e) for found in asserted) for e in expected)


def test_program_runs_at_all_sizes_that_torch_takes_and_refuses_others() -> None:
    def fn(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x + y[: x.shape[0]]

    x, y = torch.rand(7), torch.rand(9)
    program = aot.export(fn, (x, y), dynamic_shapes=({0: Dim.AUTO}, {0: Dim.AUTO}))
    for size in (0, 1, 7, 9):
        assert torch.equal(program(y[:size].clone(), y), fn(y[:size], y))
    with pytest.raises(LaunchError, match=r"must have x.shape\[0\] == Min"):
        program(x, y[:6].clone())
