"""Whole programs on GPUs: launched directly on torch's stream, from first call to fast path."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime import aot
from ir_runtime.counters import count_since
from ir_runtime.device.driver_error import DeviceLostError
from ir_runtime.errors import LaunchError
from ir_runtime.launch import Launchable
from ir_runtime.launch.compile.program_record import stored_host_program
from ir_runtime.launch.direct.gpu import gpu_constants
from ir_runtime.launch.direct.gpu.gpu_code import load_gpu_code
from ir_runtime.launch.host_program.program import HostProgram
from tests.launch.gpu.constant_kernel import TABLE, WIDTH, scaling, scaling_source
from tests.launch.gpu.fake_torch import FakeTorch, fake_torch


@pytest.fixture(params=["cuda"])
def fake(
    request: pytest.FixtureRequest, store: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeTorch]:
    with fake_torch(request.param) as made:

        def upload(data: Tensor, device: int) -> Tensor:
            return made.place(data.clone(), device)

        monkeypatch.setattr(gpu_constants, "_uploaded", upload)
        monkeypatch.setattr(gpu_constants, "_tell_of_stream", lambda *_: None)
        yield made


def program() -> Launchable:
    return Launchable.jit_compile(scaling_source(into_destination=False), name="scaling")


def rows(fake: FakeTorch, count: int = 3, device: int = 0) -> Tensor:
    return fake.place(torch.zeros(count, WIDTH), device)


@pytest.mark.parametrize("fake", ["cuda", "hip"], indirect=True)
def test_program_is_launched_on_the_stream_and_then_from_c(fake: FakeTorch) -> None:
    scale, x = program(), rows(fake)
    fake.gpu.set_stream(31)
    first, second = scale(x), scale(x)
    seen = fake.gpu.launches()
    assert [launch.stream for launch in seen] == [31, 31]
    for launch, out in zip(seen, (first, second), strict=True):
        assert (launch.parameters[0], launch.parameters[2]) == (x.data_ptr(), out.data_ptr())
        table = struct.pack(f"{WIDTH}f", *TABLE)
        assert ctypes.string_at(launch.parameters[1], len(table)) == table
    assert (second.shape, second.dtype) == (x.shape, x.dtype)
    assert scale._calls.fast is not None
    assert scale._calls.fast.hits == 1


def test_explain_says_direct_and_the_gpu(fake: FakeTorch) -> None:
    told = program().explain(rows(fake))
    assert (told.executor, told.place, told.target) == ("direct", "cuda:0", "cuda:sm_89")


def test_tensors_of_cpu_and_gpu_take_turns(fake: FakeTorch) -> None:
    scale, x, here = program(), rows(fake), torch.ones(5, WIDTH)
    for _ in range(2):
        assert scale(x).shape == x.shape
        assert torch.equal(scale(here)[1], torch.tensor(TABLE))
    assert len(fake.gpu.launches()) == 2


def test_program_writes_into_given_tensors(fake: FakeTorch) -> None:
    scale, x, out = program(), rows(fake), rows(fake)
    assert scale(x, outputs=[out]) is out
    (launch,) = fake.gpu.launches()
    assert launch.parameters[2] == out.data_ptr()


def test_tensor_that_is_not_aligned_is_copied_and_counted(fake: FakeTorch) -> None:
    whole = fake.place(torch.zeros(3 * WIDTH + 1))
    shifted = whole[1:].view(3, WIDTH)
    fake.place(shifted)
    with count_since() as counts, pytest.raises(LaunchError, match="refuses a tensor: device"):
        program()(shifted)  # the copy is in memory that only torch on a GPU would put there
    assert counts[0].copies == 1


def test_error_of_the_driver_keeps_its_kind(fake: FakeTorch) -> None:
    scale, x = program(), rows(fake)
    for _ in range(2):  # in Python, and in C
        fake.gpu.fail("cuLaunchKernel", 700)
        with pytest.raises(DeviceLostError, match="scaling: device 0 failed"):
            scale(x)
        scale(x)
    fake.gpu.fail_allocation = True
    for each in (program(), scale):
        with pytest.raises(torch.OutOfMemoryError):
            each(x)


def test_program_that_changes_an_argument(fake: FakeTorch) -> None:
    class Add(torch.nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            x.add_(y)
            return x * 2

    made = aot.export(Add(), (torch.zeros(4, 64), torch.zeros(4, 64))).launchable()
    x, y = (fake.place(torch.zeros(4, 64)) for _ in range(2))
    assert made.explain(x, y).executor == "direct", made.explain(x, y).reason
    version = x._version
    for _ in range(2):
        result = made(x, y)
        assert result.shape == (4, 64)
    assert x._version > version
    first, second = fake.gpu.launches()
    assert first.parameters[:2] == second.parameters[:2] == (x.data_ptr(), y.data_ptr())
    # Both results are in one memory, so that the new content is computed aside.
    assert len({*first.parameters}) == 3
    # The other one is apart from it: `record_stream` knows memory by where it begins.
    assert not 0 <= result.data_ptr() - second.parameters[2] < 2 * result.nbytes


def test_index_report_is_left_to_be_counted(fake: FakeTorch) -> None:
    class Look(torch.nn.Module):
        def forward(self, table: Tensor, at: Tensor) -> Tensor:
            return torch.nn.functional.embedding(at, table)

    given = torch.zeros(8, 64), torch.zeros(4, dtype=torch.int64)
    made = aot.export(Look(), given).launchable()
    table, at = map(fake.place, given)
    assert made.explain(table, at).executor == "direct", made.explain(table, at).reason
    for _ in range(2):
        assert made(table, at).shape == (4, 64)
    assert [report.shape for report in fake.reports] == [(1, 4)] * 2


def test_constants_of_the_vm_are_the_reason() -> None:
    artifact = scaling("cuda:sm_89")
    stored = stored_host_program(artifact)
    assert isinstance(stored, HostProgram)
    reason = load_gpu_code(artifact, replace(stored, loaded=(0,)))
    assert reason == (
        "it has constants that are computed, or too large, which only IREE's VM loads there"
    )
