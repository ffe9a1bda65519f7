"""An op on tensors of a GPU, from its first call to the fast path; torch's own GPU is replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.errors import ArtifactNotFoundError, DeviceError, MixedDeviceError
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, explain
from ir_runtime.op_reg.call.call_functions import CallFunctions
from ir_runtime.op_reg.op.op import Op
from ir_runtime.op_reg.select import call_device as devices
from ir_runtime.settings import override_settings
from tests.launch.gpu.fake_torch import KEYS, FakeTorch, dispatched, fake_torch
from tests.launch.gpu.kernels import RMS_NORM


@pytest.fixture
def fake(store: Any) -> Iterator[FakeTorch]:
    with fake_torch() as made:
        yield made


@pytest.fixture
def functions(fake: FakeTorch) -> Iterator[CallFunctions]:
    with dispatched(rms_norm(), fake.gpu.driver.device_type) as made:
        yield made


def arguments(fake: FakeTorch, device: int = 0) -> list[Any]:
    return fake.moved(RMS_NORM.arguments(torch.bfloat16), device)


def rms_norm() -> Op:
    return ALL_CUSTOM_OP_REGS["ir_kernels::rms_norm"]


def test_second_call_is_served_in_c(fake: FakeTorch, functions: CallFunctions) -> None:
    args = arguments(fake)
    fake.gpu.set_stream(21)
    with count_since() as counts:
        first = functions.autograd_there(KEYS, *args)
    assert counts[0].selects == 1
    (launched,) = fake.gpu.launches()
    assert launched.parameters[:3] == (args[0].data_ptr(), args[1].data_ptr(), first.data_ptr())
    with count_since() as counts:
        second = functions.autograd_there(KEYS, *args)
    assert rms_norm().calls.fast is not None
    assert rms_norm().calls.fast.hits == 1
    assert counts[0] == type(counts[0])()
    (again,) = fake.gpu.launches()
    assert again.parameters[2] == second.data_ptr() != first.data_ptr()
    assert (again.grid, again.parameters[3:], again.stream) == (
        launched.grid, launched.parameters[3:], 21
    )  # fmt: skip
    assert (second.shape, second.dtype) == (args[0].shape, args[0].dtype)


def test_below_autograd_and_into_given_tensors(fake: FakeTorch, functions: CallFunctions) -> None:
    args, (out, *_) = arguments(fake), arguments(fake)
    for _ in range(2):
        assert functions.call_there(*args).shape == args[0].shape
        assert functions.call_out_there(*args, out=out) is out
        assert functions.autograd_out_there(KEYS, *args, out=out) is out
    targets = [launch.parameters[2] for launch in fake.gpu.launches()]
    assert targets.count(out.data_ptr()) == 4
    assert rms_norm().calls.fast is not None
    assert rms_norm().calls.fast.hits >= 3


def test_entrances_without_the_dispatcher_serve_gpus(
    fake: FakeTorch, functions: CallFunctions
) -> None:
    """They ask the entrance for CPU tensors first; what it refuses may be on a GPU."""
    fast = rms_norm().calls.fast
    assert fast is not None
    entrance = fast.guarded_entrance(lambda *args: "slow")
    into = fast.guarded_out_entrance(lambda *args, **named: "slow")
    args, (out, *_) = arguments(fake), arguments(fake)
    assert entrance(*args) == into(*args, out=out) == "slow"
    functions.autograd_there(KEYS, *args)
    functions.call_out_there(*args, out=out)
    fake.gpu.take()
    assert entrance(*args).shape == args[0].shape
    assert into(*args, out=out) is out
    assert [launch.parameters[2] for launch in fake.gpu.launches()][1] == out.data_ptr()
    with torch.autocast("cpu", torch.bfloat16):
        assert (entrance(*args) == "slow") == bool(rms_norm().autocast_dtypes)


def test_calls_that_need_more_go_the_long_way(fake: FakeTorch, functions: CallFunctions) -> None:
    args = arguments(fake)
    assert (
        functions.autograd_there(KEYS | torch._C.DispatchKeySet(torch._C.DispatchKey.Python), *args)
        == "slow"
    )
    args[0].requires_grad_()
    assert functions.autograd_there(KEYS, *args) == "slow"


def test_explain_says_direct_and_the_chip(fake: FakeTorch) -> None:
    told = explain("ir_kernels::rms_norm", *arguments(fake))
    assert (told.executor, told.place, told.target) == ("direct", "cuda:0", "cuda:sm_89")
    assert told.plan is not None
    assert str(told).splitlines()[1:3] == [
        "  executor  direct: its host program is understood",
        "  device    cuda:0",
    ]


def test_gpus_of_two_chips_have_two_kernels(fake: FakeTorch, functions: CallFunctions) -> None:
    fake.capabilities[1] = (8, 0)
    for device in (0, 1):
        functions.autograd_there(KEYS, *arguments(fake, device))
    lines = fake.gpu.take()
    assert sum(line.startswith("cuModuleLoadDataEx") for line in lines) == 2
    launches = [line for line in lines if line.startswith("cuLaunchKernel")]
    assert ["context=0" in line for line in launches] == [True, False]


# --- bad input ---


def test_chip_without_a_target_is_an_error(fake: FakeTorch, functions: CallFunctions) -> None:
    fake.capabilities[0] = (5, 2)
    with pytest.raises(DeviceError, match="CUDA chip sm_52: too old, must be sm_60 or later"):
        functions.autograd_there(KEYS, *arguments(fake))
    fake.capabilities[0] = (8, 9)
    functions.autograd_there(KEYS, *arguments(fake))  # and the others work


def test_store_without_the_chip_is_an_error(fake: FakeTorch, functions: CallFunctions) -> None:
    functions.autograd_there(KEYS, *arguments(fake))
    fake.capabilities[1] = (8, 0)
    with override_settings(compile=False), pytest.raises(ArtifactNotFoundError) as caught:
        functions.autograd_there(KEYS, *arguments(fake, 1))
    assert any("cuda-target=sm_80 wanted, --iree-cuda-target=sm_89 stored" in fact
               for fact in caught.value.facts)  # fmt: skip
    functions.autograd_there(KEYS, *arguments(fake))


def test_newer_chip_runs_the_code_of_an_older_one(
    fake: FakeTorch, functions: CallFunctions
) -> None:
    functions.autograd_there(KEYS, *arguments(fake))
    fake.capabilities[1] = (9, 0)
    with override_settings(compile=False):
        functions.autograd_there(KEYS, *arguments(fake, 1))
    assert {launch.context for launch in fake.gpu.launches()} == {0, 1}


def test_tensors_on_two_gpus_are_an_error() -> None:
    meta = [torch.empty(1, device="meta"), torch.empty(1)]
    with pytest.raises(MixedDeviceError, match="`x` on meta, `y` on cpu, must all be on one"):
        devices.call_device("op", ("x", "y"), meta)
