"""What are programs compiled for on a Vulkan device that ir_runtime does not know by name?"""

from __future__ import annotations

import pytest
import torch

from ir_runtime import Device
from ir_runtime.counters import count_since
from ir_runtime.device import DeviceState
from ir_runtime.device.vulkan import generic_features
from ir_runtime.dtypes import dtype_info
from ir_runtime.errors import DeviceError, UnsupportedTypeError
from tests.cases import DTYPES, case_named, widen

SHADER = "spirv:v1.3,cap:Shader"
WIDTH_16 = "cap:Float16,cap:Int16,cap:StorageBuffer16BitAccess,ext:SPV_KHR_16bit_storage"
WIDTH_8 = "cap:Int8,cap:StorageBuffer8BitAccess,ext:SPV_KHR_8bit_storage"

each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype_info(dtype).short)


@pytest.fixture
def unknown() -> DeviceState:
    """The Vulkan device of this machine under a name that says nothing."""
    try:
        state = DeviceState.from_uri("vulkan")
    except DeviceError as error:
        pytest.skip(str(error))
    state.enumerated_info["name"] = "a device of no known make"
    return state


@pytest.mark.parametrize(
    ("details", "features", "sizes"),
    [
        ("", SHADER, set()),
        ("storageBuffer16BitAccess=yes shaderFloat16=no", SHADER, set()),
        ("storageBuffer16BitAccess=yes shaderFloat16=yes", f"{SHADER},{WIDTH_16}", {2}),
        ("storageBuffer8BitAccess=yes shaderInt8=yes", f"{SHADER},{WIDTH_8}", {1}),
    ],
    ids=["nothing", "half of it", "16 bits", "8 bits"],
)
def test_features_are_those_that_the_driver_lists(
    details: str, features: str, sizes: set[int]
) -> None:
    assert generic_features(details) == (features, frozenset(sizes))


@pytest.mark.full
@pytest.mark.vulkan
@each_dtype
@pytest.mark.parametrize("name", ["mm_encoder_attn-packed", "layer_norm-affine", "gelu-erf"])
def test_kernels_for_an_unknown_device_compute(
    name: str, dtype: torch.dtype, unknown: DeviceState
) -> None:
    """Among other things, their constants fit the 128 bytes that every device has for them."""
    case = case_named(name)
    arguments = case.arguments(dtype)
    device = Device(device_state=unknown)
    assert device.compile_target_flags == (
        "--iree-hal-target-device=vulkan",
        f"--iree-vulkan-target-features={SHADER},{WIDTH_16},{WIDTH_8}",
    )
    with device, count_since() as counts:
        result = case.function(*arguments)
    assert counts[0].copies == sum(isinstance(a, torch.Tensor) for a in arguments) + 1
    info = dtype_info(dtype)
    exact = case.native(*widen(arguments))
    torch.testing.assert_close(result.double(), exact, atol=info.atol, rtol=info.rtol)


@pytest.mark.vulkan
def test_items_that_the_device_is_not_known_to_take_are_refused(unknown: DeviceState) -> None:
    """Without the feature IREE's compiler gives wrong numbers, not an error."""
    unknown.details = ""
    case = case_named("gelu-erf")
    with Device(device_state=unknown), pytest.raises(UnsupportedTypeError) as caught:
        case.function(*case.arguments(torch.float16))
    assert str(caught.value) == (
        f"f16[7, 48]: {unknown.uri} is not known to take items of 16 bits, must have 32 or 64 bits"
    )
