"""Is each launch of the benchmark of GPUs, replayed without one, what IREE would launch?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from benchmarks.gpu_cases import LAUNCH_ROWS, GpuCase, gpu_cases
from tests.full_inputs import KERNEL_INPUTS
from tests.launch.gpu import replay as replays
from tests.launch.gpu.replay import replay

FULL_INPUTS = (
    *KERNEL_INPUTS, "ir_runtime/rows", "ir_runtime/launch", "ir_runtime/op_reg/call",
    "benchmarks/gpu_cases.py", "tests/launch/gpu",
)  # fmt: skip
SIZES = (1, LAUNCH_ROWS, 64, 4096, 65536)  # those of `benchmarks gpu`
NAMES = tuple(dict.fromkeys(case.name for case in gpu_cases()))
QUICK = (
    GpuCase("rms_norm", 4096, torch.bfloat16),
    GpuCase("silu_and_mul", 1000, torch.float32),
    GpuCase("rotary_embedding", 80, torch.bfloat16),
)
CASES = [("cuda:sm_80", name) for name in NAMES] + [("hip:gfx942", name) for name in NAMES]


def check(chip: str, cases: list[GpuCase]) -> None:
    found = list(replay(chip, cases, SIZES))
    assert [wrong for each in found for wrong in each.differences] == []
    assert len(found) == len(cases) * len(SIZES)
    assert all(each.launches >= 2 for each in found)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_launches_of_a_case_are_those_of_iree(case: GpuCase) -> None:
    check("cuda:sm_80", [case])


@pytest.mark.full
@pytest.mark.usefixtures("store")
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("chip", "name"), CASES)
def test_launches_of_the_whole_benchmark_are_those_of_iree(chip: str, name: str) -> None:
    """Of all widths on CUDA, of one on ROCm."""
    cases = [case for case in gpu_cases() if case.name == name]
    check(chip, [case for case in cases if chip.startswith("cuda") or case.width == 4096])


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("part", ["grid", "numbers", "spans", "kernel"])
def test_a_launch_that_differs_is_told(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(*given: Any) -> Any:
        (first, *rest) = folded(*given)
        changed = {
            "grid": (7, 1, 1),
            "numbers": (5,),
            "spans": tuple(replace(span, offset=64) for span in first.spans),
            "kernel": first.kernel,
        }[part]
        if part == "kernel":
            return [first, first, *rest]
        return [replace(first, **{part: changed}), *rest]

    folded = replays.folded_launches
    monkeypatch.setattr(replays, "folded_launches", other)
    (found,) = replay("cuda:sm_80", QUICK[:1], [64])
    assert any(word in found.differences[0] for word in (part, "launches", "pointer"))
