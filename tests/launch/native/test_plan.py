"""Does a plan run its launches, in order, with the memory, constants and grid that it says?"""

from __future__ import annotations

import torch

from ir_runtime.launch.native._launcher import Plan
from tests.launch.native.libraries import SQUARE, executable


def _square_plan(rows: int) -> Plan:
    size = rows * 256
    step = ("dispatch", 0, 0, (rows, 1, 1), (), ((0, 0, size), (1, 0, size)))
    return Plan([executable(SQUARE)], 1, 1, [size, size], [], [step], 2 * size)


def test_a_plan_runs_its_dispatch_over_the_grid() -> None:
    x, y = torch.randn(8, 64), torch.empty(8, 64)
    assert _square_plan(8).run([x], [y]) == 0
    assert torch.equal(y, x * x)
