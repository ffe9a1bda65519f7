"""Do CPU tensors come to a Vulkan device and back as they are?"""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.dtypes import DTYPES
from ir_runtime.errors import LaunchError, UnsupportedTorchDeviceError, UnsupportedTypeError
from tests.devices import open_or_skip

pytestmark = pytest.mark.vulkan


@pytest.fixture
def device() -> Device:
    return open_or_skip("vulkan")


def round_trip(device: Device, tensor: Tensor) -> Tensor:
    view = device.import_torch_tensor(tensor)
    return device.export_torch_tensor(
        view, torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
    )


@pytest.mark.parametrize("dtype", list(DTYPES), ids=str)
def test_every_dtype_crosses(device: Device, dtype: torch.dtype) -> None:
    count = 6 * dtype.itemsize
    tensor = (torch.arange(count, dtype=torch.uint8) % 2).view(torch.uint8)
    tensor = tensor.view(dtype).view(2, 3) if dtype != torch.bool else tensor.bool().view(2, 3)
    back = round_trip(device, tensor)
    assert back.dtype == dtype
    assert torch.equal(back.view(torch.uint8), tensor.view(torch.uint8))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(24.0).view(4, 6)[:, ::2],
        torch.arange(24.0).view(4, 6).T,
        torch.arange(25.0)[1:],
        torch.tensor(3.0),
        torch.arange(3.0).expand(4, 3),
        torch.arange(8.0).to(torch.complex64).conj(),
        torch._neg_view(torch.arange(8.0)),
        torch.arange(6.0, requires_grad=True),
        torch.ones(1, 1, 1, 1, 1, 1, 1, 2),
    ],
    ids=[
        "strided", "transposed", "offset", "0-d", "expanded", "conj", "neg", "grad", "rank 8"
    ],
)  # fmt: skip
def test_every_layout_crosses(device: Device, tensor: Tensor) -> None:
    assert torch.equal(round_trip(device, tensor), tensor.detach())


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 5)])
def test_tensor_without_elements_crosses(device: Device, shape: tuple[int, ...]) -> None:
    assert round_trip(device, torch.empty(shape)).shape == shape


def test_each_crossing_is_counted_as_a_copy(device: Device) -> None:
    with count_since() as counts:
        round_trip(device, torch.ones(4))
    assert counts[0].copies == 2


def test_sparse_and_quantized_tensors_are_refused(device: Device) -> None:
    with pytest.raises(UnsupportedTypeError, match="must be dense"):
        device.import_torch_tensor(torch.ones(2, 2).to_sparse())


def test_tensor_of_another_device_is_refused(device: Device) -> None:
    with pytest.raises(UnsupportedTorchDeviceError, match="on meta: not on the CPU"):
        device.import_torch_tensor(torch.empty(2, device="meta"))


def test_result_that_is_too_small_is_refused(device: Device) -> None:
    view = device.import_torch_tensor(torch.ones(2))
    with pytest.raises(LaunchError) as caught:
        device.export_torch_tensor(view, torch.empty(300, device="meta"))
    assert "must be at least 1200 for f32[300]" in str(caught.value)


def test_type_key_is_its_own(device: Device) -> None:
    """2.2: device.py:595, no Vulkan there."""
    assert device.type_cache_key.startswith("vulkan:--iree-hal-target-device=vulkan")
    assert device.type_cache_key != Device("local-task").type_cache_key
    assert device.driver_id == "vulkan"
    assert device.sync


def test_device_describes_itself(device: Device) -> None:
    """D3, D7."""
    state = device.device_state
    text = device.dump_device_info()
    for value in (device.uri, state.enumerated_name, state.enumerated_path):
        assert value in text
    assert isinstance(state.enumerated_device_id, int)


@pytest.mark.full
def test_process_that_used_vulkan_ends_well(device: Device) -> None:
    code = (
        "import torch\n"
        "from ir_runtime import Device\n"
        "device = Device('vulkan')\n"
        "view = device.import_torch_tensor(torch.ones(4))\n"
        "assert device.export_torch_tensor(view, torch.empty(4, device='meta')).sum() == 4\n"
        "del view\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
