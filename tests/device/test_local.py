"""Do CPU tensors cross without a copy where they can, and right where they cannot?"""

from __future__ import annotations

import gc
import warnings
import weakref

import pytest
import torch
from torch import Tensor

from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.dtypes import DTYPES
from ir_runtime.errors import LaunchError, UnsupportedTorchDeviceError, UnsupportedTypeError

URIS = ("local-sync", "local-task")
EVERY_DTYPE = pytest.mark.parametrize("dtype", DTYPES, ids=[info.short for info in DTYPES.values()])


@pytest.fixture(params=URIS)
def device(request: pytest.FixtureRequest) -> Device:
    return Device(request.param)


def sample(dtype: torch.dtype, count: int = 24) -> Tensor:
    """Make `count` elements of distinct, valid bits."""
    if dtype is torch.bool:
        return torch.arange(count) % 3 == 0
    return (torch.arange(count * dtype.itemsize) % 64).to(torch.uint8).view(dtype)


def bits(tensor: Tensor) -> list[int]:
    return tensor.contiguous().view(-1).view(torch.uint8).tolist()


def like(tensor: Tensor) -> Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")


def round_trip(device: Device, tensor: Tensor) -> tuple[Tensor, int]:
    """Return the tensor after both crossings, and how many copies they took."""
    with count_since() as counted:
        result = device.export_torch_tensor(device.import_torch_tensor(tensor), like(tensor))
    return result, counted[0].copies


@EVERY_DTYPE
def test_aligned_contiguous_tensor_crosses_both_ways_at_one_address(
    device: Device, dtype: torch.dtype
) -> None:
    tensor = sample(dtype)
    result, copies = round_trip(device, tensor)
    assert (result.data_ptr(), copies) == (tensor.data_ptr(), 0)
    assert (result.dtype, bits(result)) == (dtype, bits(tensor))


@EVERY_DTYPE
def test_imported_view_has_the_element_type_of_the_table(
    device: Device, dtype: torch.dtype
) -> None:
    from iree.runtime import HalElementType

    view = device.import_torch_tensor(sample(dtype))
    assert view.element_type == int(getattr(HalElementType, DTYPES[dtype].element_type))


@EVERY_DTYPE
def test_misaligned_slice_is_copied_and_counted(device: Device, dtype: torch.dtype) -> None:
    tensor = sample(dtype, 33)[1:]
    result, copies = round_trip(device, tensor)
    assert copies == 1
    assert result.data_ptr() != tensor.data_ptr()
    assert bits(result) == bits(tensor)


@pytest.mark.parametrize(
    ("shape", "strides"),
    [
        ((), ()),
        ((1,), (77,)),
        ((1, 8, 1), (999, 1, 77)),
        ((8, 1), (1, 5)),
        ((2,) * 8, (128, 64, 32, 16, 8, 4, 2, 1)),
    ],
    ids=["0-d", "one element", "odd strides of size 1", "column", "rank 8"],
)
def test_dense_layout_crosses_without_a_copy(
    device: Device, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    tensor = torch.arange(256.0).as_strided(shape, strides)
    result, copies = round_trip(device, tensor)
    assert (result.data_ptr(), copies) == (tensor.data_ptr(), 0)
    assert torch.equal(result, tensor)


@pytest.mark.parametrize("shape", [(0,), (0, 4), (3, 0, 2)])
@EVERY_DTYPE
def test_zero_size_tensor_keeps_shape_and_dtype(
    device: Device, dtype: torch.dtype, shape: tuple[int, ...]
) -> None:
    result, copies = round_trip(device, torch.empty(shape, dtype=dtype))
    assert (tuple(result.shape), result.dtype, copies) == (shape, dtype, 0)


def not_importable() -> dict[str, Tensor]:
    torch.manual_seed(0)
    numbers = torch.arange(24.0).reshape(4, 6)
    turned = torch.randn(16, dtype=torch.complex64).conj()
    return {
        "transposed": numbers.t(),
        "strided": numbers[:, ::2],
        "expanded": torch.tensor([7.0]).expand(5),
        "broadcast row": numbers[:1].expand(3, 6),
        "permuted rank 8": torch.arange(256.0).reshape((2,) * 8).permute(7, 6, 5, 4, 3, 2, 1, 0),
        "conj": turned,
        "neg": turned.imag,
        "neg, contiguous": torch._neg_view(torch.arange(16.0)),
        "conj, misaligned": turned[1:],
    }


@pytest.mark.parametrize("name", list(not_importable()))
def test_layout_that_iree_cannot_read_is_copied_with_its_values(device: Device, name: str) -> None:
    tensor = not_importable()[name]
    result, copies = round_trip(device, tensor)
    assert copies == 1
    assert torch.equal(result, tensor.resolve_conj().resolve_neg())
    assert (result.is_conj(), result.is_neg()) == (False, False)


def test_copy_of_a_misaligned_tensor_leaves_the_tensor_alone(device: Device) -> None:
    tensor = torch.arange(33.0)[1:]
    result, _ = round_trip(device, tensor)
    result.zero_()
    assert torch.equal(tensor, torch.arange(1.0, 33.0))


def test_tensor_that_wants_a_gradient_crosses_without_a_copy(device: Device) -> None:
    tensor = torch.ones(16, requires_grad=True)
    result, copies = round_trip(device, tensor)
    assert (result.data_ptr(), copies, result.requires_grad) == (tensor.data_ptr(), 0, False)


def test_aligned_slice_crosses_without_a_copy(device: Device) -> None:
    tensor = torch.arange(64.0)[16:]
    result, copies = round_trip(device, tensor)
    assert (result.data_ptr(), copies) == (tensor.data_ptr(), 0)


def test_result_dtype_comes_from_the_meta_tensor(device: Device) -> None:
    tensor = torch.arange(16.0)
    view = device.import_torch_tensor(tensor)
    wanted = torch.empty((2, 16), dtype=torch.bfloat16, device="meta")
    result = device.export_torch_tensor(view, wanted)
    assert (result.dtype, result.shape) == (wanted.dtype, wanted.shape)
    assert bits(result) == bits(tensor)


def test_export_of_a_part_of_the_buffer_reads_its_beginning(device: Device) -> None:
    view = device.import_torch_tensor(torch.arange(16.0))
    result = device.export_torch_tensor(view, torch.empty(3, device="meta"))
    assert torch.equal(result, torch.tensor([0.0, 1.0, 2.0]))


def test_export_of_too_small_a_buffer_is_refused(device: Device) -> None:
    view = device.import_torch_tensor(torch.zeros(4))
    with pytest.raises(LaunchError) as caught:
        device.export_torch_tensor(view, torch.empty(5, device="meta"))
    assert str(caught.value) == "result: 16 bytes, must be at least 20 for f32[5]"


def test_imported_view_keeps_the_memory_of_a_deleted_tensor(device: Device) -> None:
    tensor = torch.arange(4096.0)
    view = device.import_torch_tensor(tensor)
    address = tensor.data_ptr()
    del tensor
    gc.collect()
    churn = [torch.full((4096,), -1.0) for _ in range(16)]
    result = device.export_torch_tensor(view, torch.empty(4096, device="meta"))
    assert address not in {other.data_ptr() for other in churn}
    assert torch.equal(result, torch.arange(4096.0))


def test_memory_is_freed_with_the_last_of_tensor_view_and_result(device: Device) -> None:
    tensor = torch.arange(4096.0)
    storage = weakref.ref(tensor.untyped_storage())
    result, _ = round_trip(device, tensor)
    del tensor
    gc.collect()
    assert storage() is not None
    del result
    gc.collect()
    assert storage() is None


@pytest.mark.parametrize("make", [lambda: torch.arange(4096.0), lambda: torch.arange(4097.0)[1:]])
def test_exported_tensor_keeps_the_buffer_alive(device: Device, make: object) -> None:
    tensor = make()  # pyright: ignore[reportCallIssue]
    expected = tensor.clone()
    result, _ = round_trip(device, tensor)
    del tensor
    gc.collect()
    churn = [torch.full((4096,), -1.0) for _ in range(16)]
    assert result.data_ptr() not in {other.data_ptr() for other in churn}
    assert torch.equal(result, expected)


def test_write_through_the_exported_tensor_reaches_the_imported_one(device: Device) -> None:
    tensor = torch.zeros(16)
    result, _ = round_trip(device, tensor)
    result.fill_(3)
    assert torch.equal(tensor, torch.full((16,), 3.0))


def quietly(make: object) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces that these kinds are young or old
        return make()  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: torch.eye(3).to_sparse(),
            (
                "f32[3, 3]: layout torch.sparse_coo, must be dense (torch.strided)\n"
                "  fix: pass tensor.to_dense()"
            ),
        ),
        (
            lambda: torch.eye(3).to_sparse_csr(),
            (
                "f32[3, 3]: layout torch.sparse_csr, must be dense (torch.strided)\n"
                "  fix: pass tensor.to_dense()"
            ),
        ),
        (
            lambda: torch.ones(4).to_mkldnn(),
            (
                "f32[4]: layout torch._mkldnn, must be dense (torch.strided)\n"
                "  fix: pass tensor.to_dense()"
            ),
        ),
        (
            lambda: torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8),
            (
                "qint8[4]: quantized, must be plain numbers\n"
                "  fix: pass tensor.dequantize() or tensor.int_repr()"
            ),
        ),
        (
            lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
            "a nested tensor: has no single shape, must be dense",
        ),
    ],
    ids=["sparse", "sparse csr", "mkldnn", "quantized", "nested"],
)
def test_tensor_that_is_not_dense_is_refused(device: Device, make: object, message: str) -> None:
    tensor = quietly(make)
    with pytest.raises(UnsupportedTypeError) as caught:
        device.import_torch_tensor(tensor)
    assert str(caught.value) == message


def test_dtype_outside_the_table_is_refused(device: Device) -> None:
    tensor = quietly(lambda: torch.ones(4, dtype=torch.complex32))
    with pytest.raises(UnsupportedTypeError, match=r"torch\.complex32: not a dtype that"):
        device.import_torch_tensor(tensor)


def test_meta_tensor_is_refused(device: Device) -> None:
    with pytest.raises(UnsupportedTorchDeviceError) as caught:
        device.import_torch_tensor(torch.empty(3, device="meta"))
    assert str(caught.value) == "f32[3] on meta: not on the CPU, must be there"
