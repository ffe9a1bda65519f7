"""Is the right target chosen for a GPU, and is torch's GPU matched with IREE's?"""

from __future__ import annotations

import logging
import types
from contextlib import nullcontext

import pytest
import torch

from ir_runtime.device import Device, get_device_from_torch
from ir_runtime.device.cuda import _TARGETS as CUDA_TARGETS
from ir_runtime.device.cuda import CudaDriver, cuda_target
from ir_runtime.device.driver_error import CaptureError
from ir_runtime.device.hip import _SKUS, HipDriver, hip_library_in, hip_target
from ir_runtime.device.place import HalPlace
from ir_runtime.device.torch_gpu import index_of_identity, refuse_capture
from ir_runtime.device.vulkan import _TARGETS as VULKAN_TARGETS
from ir_runtime.device.vulkan import vulkan_target
from ir_runtime.errors import DeviceError
from ir_runtime.launch.compile.compiler import BASE_FLAGS, compile_program
from tests.devices import open_or_skip
from tests.sampling import covering

FULL_INPUTS = ("ir_runtime/device", "ir_runtime/launch/compile/compiler.py")
TARGET_FLAGS = [
    *(("cuda", f"--iree-cuda-target=sm_{target}") for target in CUDA_TARGETS),
    *(("hip", f"--iree-rocm-target={target}") for _, target in _SKUS),
    *(("vulkan", f"--iree-vulkan-target={target}") for _, target in VULKAN_TARGETS),
]


@pytest.mark.parametrize(
    ("capability", "target"),
    [((6, 0), "sm_60"), ((7, 5), "sm_75"), ((8, 0), "sm_80"), ((8, 9), "sm_89"), ((7, 3), "sm_72")],
)
def test_cuda_chip_has_its_own_target(capability: tuple[int, int], target: str) -> None:
    assert cuda_target(capability) == target


@pytest.mark.parametrize("capability", [(9, 0), (10, 0), (12, 0)])
def test_newer_cuda_chip_gets_the_newest_target_and_a_reason(
    capability: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    """2.2: `--iree-hal-cuda-llvm-target-arch` does not exist; IREE has no sm_90."""
    with caplog.at_level(logging.INFO, "ir_runtime"):
        assert cuda_target(capability) == "sm_89"
    number = capability[0] * 10 + capability[1]
    assert caplog.messages == [
        f"compiling for sm_89: IREE has no sm_{number}, and the driver translates older PTX"
    ]


def test_too_old_cuda_chip_is_refused() -> None:
    with pytest.raises(DeviceError) as caught:
        cuda_target((5, 2))
    assert str(caught.value) == "CUDA chip sm_52: too old, must be sm_60 or later"


@pytest.mark.parametrize(
    ("name", "chip", "target"),
    [
        ("AMD Instinct MI300X", "gfx942:sramecc+:xnack-", "mi300x"),
        ("AMD Instinct MI300A", "gfx942", "mi300a"),
        ("AMD Instinct MI250X", "gfx90a", "mi250x"),
        ("AMD Radeon RX 7900 XTX", "gfx1100", "rx7900xtx"),
        ("AMD Radeon RX 7900 XT", "gfx1100", "rx7900xt"),
        ("AMD Radeon Graphics", "gfx1151", "gfx1151"),
        ("", "gfx90a:sramecc+:xnack-", "gfx90a"),
        ("", "nothing known", None),
    ],
)
def test_hip_device_is_compiled_for_its_product_else_its_chip(
    name: str, chip: str, target: str | None
) -> None:
    """D15."""
    assert hip_target(name, chip) == target


def test_torch_hip_library_is_found_among_the_loaded_ones() -> None:
    """D15: torch and IREE must share one libamdhip64."""
    maps = [
        "7f00-7f01 r-xp 00000000 08:01 1   /usr/lib/libc.so.6",
        "7f02-7f03 r-xp 00000000 08:01 2   /venv/torch/lib/libamdhip64.so.7",
    ]
    assert hip_library_in(maps) == "/venv/torch/lib/libamdhip64.so.7"
    assert hip_library_in(maps[:1]) is None
    assert hip_library_in(["7f00-7f01 r-xp 00000000 08:01 1"]) is None


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("llvmpipe (LLVM 15.0.6, 256 bits)", "llvmpipe"),
        ("NVIDIA GeForce RTX 4090", "ada"),
        ("NVIDIA A100-SXM4-40GB", "ampere"),
        ("AMD Radeon RX 7900 XTX (RADV NAVI31)", "rdna3"),
        ("AMD Radeon RX 6800 XT (RADV NAVI21)", "rdna2"),
        ("Adreno (TM) 740", "adreno"),
        ("Mali-G715", "valhall"),
        ("Something else", None),
    ],
)
def test_vulkan_device_is_compiled_for_what_its_name_tells(name: str, target: str | None) -> None:
    assert vulkan_target(name) == target


@covering(target=TARGET_FLAGS, kinds={"target": lambda target: target[0]})
def test_each_target_of_the_tables_compiles(target: tuple[str, str]) -> None:
    family, flag = target
    source = (
        b"func.func @main(%a: tensor<?x8xf32>) -> tensor<?x8xf32> {\n"
        b"  %0 = arith.addf %a, %a : tensor<?x8xf32>\n"
        b"  return %0 : tensor<?x8xf32>\n}"
    )
    flags = (f"--iree-hal-target-device={family}", flag, *BASE_FLAGS)
    assert compile_program("target", source, flags)


def test_gpu_is_matched_by_identity() -> None:
    """D15: order and number differ between torch and IREE."""
    identities = ["0000000a-0000-0000-0000-000000000001", "0000000B-0000-0000-0000-000000000002"]
    assert index_of_identity("GPU-0000000b000000000000000000000002", identities) == 1
    assert index_of_identity("GPU-0000000a-0000-0000-0000-000000000001", identities) == 0
    assert index_of_identity("GPU-3", identities) is None


@pytest.mark.gpu
def test_torch_gpu_has_a_device_of_its_own_chip_and_stream() -> None:
    """D14."""
    open_or_skip("gpu")
    device = get_device_from_torch(torch.device("cuda"))
    assert device.device_state.torch_device == torch.device("cuda", torch.cuda.current_device())
    assert get_device_from_torch(torch.device("cuda", torch.cuda.current_device())) is device
    with torch.cuda.stream(torch.cuda.Stream()):
        other = get_device_from_torch(torch.device("cuda"))
    same = other.instance_cache_key == device.instance_cache_key
    assert same == (torch.version.hip is None)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_gpu_tensor_crosses_without_a_copy(dtype: torch.dtype) -> None:
    """D18."""
    open_or_skip("gpu")
    device: Device = get_device_from_torch(torch.device("cuda"))
    tensor = torch.ones(4, 8, device="cuda").to(dtype)
    view = device.import_torch_tensor(tensor)
    tensor.zero_()
    torch.cuda.synchronize()
    back = device.export_torch_tensor(view, torch.empty(4, 8, dtype=dtype, device="meta"))
    assert torch.equal(back, tensor)


def test_gpu_that_torch_does_not_see_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of a GPU (MIG) has another identity in IREE; it must not be taken for the CPU."""
    driver = CudaDriver()
    place = HalPlace("cuda", "cuda://GPU-1", None, {"path": "GPU-1"})
    assert driver.torch_device(place) == torch.device("cpu")  # this torch has no GPUs
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("ir_runtime.device.torch_gpu._torch_identities", lambda: ["a-1", "b-2"])
    with pytest.raises(DeviceError) as caught:
        driver.torch_device(place)
    assert caught.value.headline == (
        "device cuda://GPU-1: torch does not see it, must be one of torch's GPUs"
    )
    assert caught.value.facts == ("torch sees cuda:0: a-1", "torch sees cuda:1: b-2")


def test_launch_by_iree_refuses_a_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ir_runtime.device.torch_gpu.current_gpu", lambda _: nullcontext())
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    refuse_capture(torch.device("cuda", 0))
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    with pytest.raises(CaptureError, match="its stream is captured, must not be for a launch"):
        refuse_capture(torch.device("cuda", 0))


def test_targets_of_a_torch_device_need_no_iree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    names = [target.name for target in CudaDriver().targets_of(torch.device("cuda", 0))]
    assert names[:2] == ["cuda:sm_89", "cuda:sm_87"]
    properties = types.SimpleNamespace(name="AMD Instinct MI300X", gcnArchName="gfx942:xnack-")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    names = [target.name for target in HipDriver().targets_of(torch.device("cuda", 0))]
    assert names == ["hip:mi300x", "hip:gfx942"]
    properties.name, properties.gcnArchName = "?", "?"
    with pytest.raises(DeviceError, match="'\\?' is no known chip, must be one"):
        HipDriver().targets_of(torch.device("cuda", 0))
