"""Do row kernels for GPUs compute what float64 does? They run on a Vulkan device.

Mesa's software device has subgroups of 8 threads. With them as the family's, it runs the code that
CUDA and ROCm have: numbers are exchanged within a subgroup, and then through memory.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from ir_runtime import Device
from ir_runtime.counters import count_since
from ir_runtime.errors import DeviceError
from ir_runtime.op_reg import forget_kernels
from ir_runtime.rows.gpu.chip import CHIPS
from tests.row_kernels import natives
from tests.row_kernels.kernel import as_tuple, form, joined, kernel_of
from tests.row_kernels.test_groups import EACH, FUNCTIONS, TAKEN, make_tensors

pytestmark = pytest.mark.vulkan

F32, BF16, F16 = torch.float32, torch.bfloat16, torch.float16


@pytest.fixture(scope="module")
def device() -> Device:
    try:
        return Device("vulkan")
    except DeviceError as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def vulkan(device: Device) -> Iterator[Device]:
    """Run the calls of the test on the Vulkan device."""
    with device:
        yield device


@pytest.fixture
def exchanging() -> Iterator[None]:
    """Give the family subgroups, as CUDA and ROCm have."""
    usual = CHIPS["vulkan"]
    CHIPS["vulkan"] = dataclasses.replace(usual, subgroup=8)
    forget_kernels()
    yield
    CHIPS["vulkan"] = usual
    forget_kernels()


def assert_near_float64(got: Tensor, fn, given, index: int = 0) -> None:
    exact = [t.double() if t.is_floating_point() else t for t in given]
    e, w = as_tuple(fn(*given))[index], as_tuple(fn(*exact))[index]
    assert (got.shape, got.dtype) == (e.shape, e.dtype), fn.__name__
    mine, torchs = ((v.double() - w.double()).abs().max().item() for v in (got, e))
    last_place = 2e-7 * w.double().abs().max().item()
    # A device may be off by two places in a root or a quotient.
    assert mine <= 3 * torchs + last_place + 2e-7, (fn.__name__, mine, torchs)


def drawn(*shape: int, dtype: torch.dtype = F32, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize(
    ("size", "dtype"), [(40, F32), pytest.param(80, BF16, marks=pytest.mark.full)]
)
def test_groups_pairs_tables_and_shared_rows(size: int, dtype: torch.dtype) -> None:
    tensors = make_tensors(size, dtype)
    got = list(joined(FUNCTIONS, tensors, TAKEN)(*tensors))
    for fn, own in EACH:
        given = [tensors[i] for i in own]
        for index in range(len(as_tuple(fn(*given)))):
            assert_near_float64(got.pop(0), fn, given, index)
    assert not got


ROW_FUNCTIONS = (
    natives.rms_norm,
    natives.layer_norm,
    natives.softmax,
    natives.gelu,
    natives.silu_and_mul,
    natives.rotated,
    natives.quantized,
    natives.rounded_norm,
    natives.statistics,
)
ROW_TAKEN = ((0, 1), (0, 1, 2), (0,), (0,), (0,), (0, 3, 4), (0,), (0, 1), (0,))


def row_tensors(width: int, dtype: torch.dtype) -> list[Tensor]:
    shapes = [(5, width), (width,), (width,), (5, width), (5, width)]
    return [drawn(*shape, dtype=dtype, seed=seed) for seed, shape in enumerate(shapes)]


@pytest.mark.parametrize(
    ("width", "dtype"),
    [
        (80, BF16),
        pytest.param(80, F32, marks=pytest.mark.full),
        pytest.param(1000, F16, marks=pytest.mark.full),
        pytest.param(998, F32, marks=pytest.mark.full),
        pytest.param(4096, BF16, marks=pytest.mark.full),
        pytest.param(11008, F32, marks=pytest.mark.full),
    ],
)
def test_rows_of_any_width(width: int, dtype: torch.dtype) -> None:
    tensors = row_tensors(width, dtype)
    got = list(joined(ROW_FUNCTIONS, tensors, ROW_TAKEN)(*tensors))
    for fn, own in zip(ROW_FUNCTIONS, ROW_TAKEN, strict=True):
        given = [tensors[i] for i in own]
        for index in range(len(as_tuple(fn(*given)))):
            assert_near_float64(got.pop(0), fn, given, index)
    assert not got


@pytest.mark.parametrize("width", [40, 1000])
def test_threads_exchange_numbers_as_on_cuda(width: int, exchanging: None) -> None:
    """In subgroups of several rows, and in a workgroup of one row."""
    tensors = row_tensors(width, F32)[:3]
    functions, taken = (natives.layer_norm, natives.softmax), ((0, 1, 2), (0,))
    got = joined(functions, tensors, taken)(*tensors)
    for y, fn, own in zip(got, functions, taken, strict=True):
        assert_near_float64(y, fn, [tensors[i] for i in own])


def test_one_kernel_serves_all_numbers_of_rows() -> None:
    op = kernel_of(natives.rms_norm)
    weight = drawn(80)
    with count_since() as counted:
        for shape in ((1, 80), (5, 80), (2, 3, 80), (4, 1, 2, 80), (80,)):
            x = drawn(*shape)
            assert_near_float64(op(x, weight), natives.rms_norm, (x, weight))
    assert counted[0].compiles + counted[0].store_hits == 1
    words = "a row kernel: one dispatch, 4 rows a workgroup, 128 threads, vectors of 4"
    assert form(op, drawn(5, 80), weight).startswith(words)


@pytest.mark.full
def test_more_rows_than_workgroups_in_a_dimension() -> None:
    op = kernel_of(natives.rms_norm)
    x, weight = drawn(66000, 520), drawn(520)
    assert "a workgroup a row" in form(op, x, weight)
    assert_near_float64(op(x, weight), natives.rms_norm, (x, weight))
