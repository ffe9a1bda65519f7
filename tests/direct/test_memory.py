"""How much memory does a call take?  Its results and its plan's transients, nothing else."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from ir_runtime.op_reg import explain
from tests.cases import CASES, OpCase
from tests.op_reg.ops import op_of

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


def allocated_bytes(call) -> int:
    """Return what torch's allocator gave out during a call."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        result = call()
    given = [e.self_cpu_memory_usage for e in profiled.key_averages()]
    del result
    return sum(size for size in given if size > 0)


CHECKED_BYTES = 64  # what looking at values may take, or the report of a kernel with indices


def tensors_of(value: object) -> list[torch.Tensor]:
    values = value if isinstance(value, tuple) else (value,)
    return [v for v in values if isinstance(v, torch.Tensor)]


def looks_at_values(case: OpCase) -> bool:
    return op_of(case.packet).has_check or case.op == "rotary_embedding"


@each_case
def test_a_call_allocates_its_results(case: OpCase):
    arguments = case.arguments()
    results = tensors_of(case.packet.default(*arguments))
    wanted = sum(result.numel() * result.element_size() for result in results)
    taken = allocated_bytes(lambda: case.packet.default(*arguments))
    assert wanted <= taken <= wanted + (CHECKED_BYTES if looks_at_values(case) else 0)


@pytest.mark.parametrize(
    "case", [c for c in CASES if "out" in c.packet.overloads()], ids=lambda case: case.id
)
def test_out_allocates_nothing(case: OpCase):
    arguments = case.arguments()
    results = tensors_of(case.packet.default(*arguments))
    names = [f"out{i}" for i in range(len(results))] if len(results) > 1 else ["out"]
    outs = {name: torch.empty_like(r) for name, r in zip(names, results, strict=True)}
    case.packet.out(*arguments, **outs)
    assert allocated_bytes(lambda: case.packet.out(*arguments, **outs)) == 0


@each_case
def test_transients_are_kept_by_the_thread_and_reused(case: OpCase):
    from ir_runtime.launch.direct.native import _launcher

    arguments = case.arguments()
    plan = explain(case.packet, *arguments).plan
    assert plan is not None
    needed = sum(-(-size // 64) * 64 for size in plan.transients)

    def sizes() -> list[int]:
        found = [threading.get_native_id(), _launcher.transient_bytes()]
        for _ in range(3):
            case.packet.default(*arguments)
            found.append(_launcher.transient_bytes())
        return found

    with ThreadPoolExecutor(1) as thread:  # one that has none yet
        number, before, *after = thread.submit(sizes).result()
    wait_for_end(number)
    assert len(set(after)) == 1
    assert needed <= after[0] - before <= needed + 4096


def wait_for_end(number: int) -> None:
    """Wait until the system has ended a thread: its memory is freed after Python has joined it."""
    deadline = time.monotonic() + 30
    while Path(f"/proc/self/task/{number}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def flags_at(address: int) -> list[str]:
    """Return the kernel's flags of the mapping that an address lies in."""
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first = line.split()[0]
        if "-" in first and not first.endswith(":"):
            start, end = (int(part, 16) for part in first.split("-"))
            inside = start <= address < end
        elif inside and first == "VmFlags:":
            return line.split()[1:]
    raise AssertionError(hex(address))


@pytest.mark.skipif(
    not Path("/sys/kernel/mm/transparent_hugepage").exists(), reason="no large pages here"
)
def test_large_results_lie_in_large_pages():
    """Else a kernel waits for its pages longer than it computes."""
    x = torch.ones(2049, 4096)
    torch.ops.ir_kernels.gelu(x)  # the launcher serves what was seen before
    result = torch.ops.ir_kernels.gelu(x)
    assert "hg" in flags_at(result.data_ptr() + result.nbytes // 2)
    assert "hg" not in flags_at(x.data_ptr() + x.nbytes // 2)
