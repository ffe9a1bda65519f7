"""Reports of GPUs are counted when counts are read; until then no call looks at one."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import Tensor

from ir_runtime.counters import count_since
from ir_runtime.launch.operand import later_fault
from ir_runtime.launch.operand.later_fault import count_faults_later

CALLS = 600  # more than are kept one by one


def report(*, fault: bool) -> Tensor:
    """One row is out of range, or none."""
    return torch.tensor([[0, 9 if fault else 3, 0, 4], [-1, 2, -1, 3]])


def test_faults_are_counted_when_counts_are_read_not_in_a_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(later_fault, "_reports", {})
    read: list[int] = []
    with count_since() as counts:
        monkeypatch.setattr(Tensor, "__int__", lambda t: read.append(t.item()) or t.item())
        alive: list[weakref.ref[Tensor]] = []
        for i in range(CALLS):
            rows = report(fault=i % 2 == 0)
            alive.append(weakref.ref(rows))
            count_faults_later(rows)
        assert read == []
        del rows
        gc.collect()
        assert sum(each() is not None for each in alive) < CALLS / 2
    assert counts[0].index_faults == CALLS / 2
    assert read == [CALLS / 2]
    with count_since() as counts:
        count_faults_later(report(fault=True))
    assert counts[0].index_faults == 1
