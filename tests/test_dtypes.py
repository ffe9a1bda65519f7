"""Does the one table describe each dtype truthfully, and are others refused?"""

from __future__ import annotations

import pytest
import torch

from ir_runtime.dtypes import DTYPES, DtypeInfo, dtype_info, format_tensor, short_name
from ir_runtime.errors import UnsupportedTypeError

ROWS = pytest.mark.parametrize(
    ("dtype", "info"), DTYPES.items(), ids=[info.short for info in DTYPES.values()]
)


@ROWS
def test_element_type_exists_in_the_runtime_with_the_item_size(
    dtype: torch.dtype, info: DtypeInfo
) -> None:
    from iree.runtime import HalElementType

    bits = int(getattr(HalElementType, info.element_type)) & 0xFF
    assert bits == dtype.itemsize * 8


@ROWS
def test_carrier_has_the_item_size_of_what_it_carries(dtype: torch.dtype, info: DtypeInfo) -> None:
    assert info.carrier is None or info.carrier.itemsize == dtype.itemsize


@ROWS
def test_only_inexact_dtypes_have_a_tolerance(dtype: torch.dtype, info: DtypeInfo) -> None:
    inexact = dtype.is_floating_point or dtype.is_complex
    assert (info.atol > 0, info.rtol > 0) == (inexact, inexact)


def test_short_names_are_distinct() -> None:
    assert len({info.short for info in DTYPES.values()}) == len(DTYPES)


def test_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        DTYPES[torch.float32] = DTYPES[torch.float64]  # pyright: ignore[reportIndexIssue]


def test_a_dtype_outside_the_table_is_refused_with_the_choices() -> None:
    with pytest.raises(UnsupportedTypeError) as caught:
        dtype_info(torch.complex32)
    assert str(caught.value) == (
        "torch.complex32: not a dtype that compiled programs take, must be one of f64, f32, f16, "
        "bf16, f8e4m3fn, f8e4m3fnuz, f8e5m2, f8e5m2fnuz, f8e8m0fnu, i8, i16, i32, i64, u8, u16, "
        "u32, u64, bool, c64, c128"
    )


def test_short_name_of_a_dtype_outside_the_table_is_the_name_of_torch() -> None:
    assert (short_name(torch.bfloat16), short_name(torch.complex32)) == ("bf16", "complex32")


@pytest.mark.parametrize(
    ("shape", "text"), [((), "f32[]"), ((0,), "f32[0]"), ((4, 256), "f32[4, 256]")]
)
def test_tensor_is_described_by_dtype_and_shape(shape: tuple[int, ...], text: str) -> None:
    assert format_tensor(torch.empty(shape)) == text
