"""Are the row kernels right for rows of any length, and lines of any?  They compute in vectors."""

from __future__ import annotations

import pytest
import torch

import kernels_mlir
from ir_runtime.dtypes import dtype_info
from tests.cases import CASES, DTYPES, Draw, OpCase, widen
from tests.full_inputs import KERNEL_INPUTS
from tests.sampling import covering

LENGTHS = (1, 31, 33, 256, 300)
"""Less than a vector of 32, more, a block of eight vectors, and a block, a vector and some more."""

FULL_INPUTS = KERNEL_INPUTS
row_cases = [
    case
    for case in CASES
    if case.op in ("layer_norm", "rms_norm", "silu_and_mul", "softmax")
    and case.variant != "partial"
]


@covering(case=row_cases, length=LENGTHS, dtype=DTYPES)
def test_rows_of_any_length(case: OpCase, length: int, dtype: torch.dtype) -> None:
    arguments = case.make(Draw.seeded(dtype, 1), (3,), length)
    info = dtype_info(dtype)
    exact = case.native(*widen(arguments))
    actual = case.function(*arguments).double()
    torch.testing.assert_close(actual, exact, atol=info.atol, rtol=info.rtol)


@covering(size=(1, 40, 300), dtype=DTYPES)
def test_variance_of_any_part_of_a_row(size: int, dtype: torch.dtype) -> None:
    x = Draw.seeded(dtype, 1).activation(3, 300)
    exact = x.double() * torch.rsqrt(x.double()[:, :size].square().mean(-1, keepdim=True) + 1e-5)
    info = dtype_info(dtype)
    actual = kernels_mlir.rms_norm(x, None, 1e-5, size).double()
    torch.testing.assert_close(actual, exact, atol=info.atol, rtol=info.rtol)


@pytest.mark.parametrize("length", [300, 4096])
@pytest.mark.parametrize("level", [10.0, 1e3, 1e6, 1e25])
def test_layer_norm_of_rows_that_begin_unlike_the_rest(length: int, level: float) -> None:
    """The kernel guesses the mean by the first elements, and sums again if that was far off."""
    x = Draw.seeded(torch.float32, 1).activation(4, length) + level
    x[0, :32] = 0.0
    x[1, :32] = -level
    x[2, 31] = 1e3 * level
    x[3, 32:] = -level
    one, zero = torch.ones(length), torch.zeros(length)
    exact = torch.nn.functional.layer_norm(x.double(), (length,), eps=1e-5)
    torch.testing.assert_close(
        kernels_mlir.layer_norm(x, one, zero, 1e-5).double(), exact, atol=1e-5, rtol=1.3e-6
    )


@covering(approximate=("none", "tanh"), dtype=DTYPES)
def test_lines_of_any_length(approximate: str, dtype: torch.dtype) -> None:
    """Around a vector, and around what a workgroup takes."""
    x = Draw.seeded(dtype, 1).activation(5000)
    whole = kernels_mlir.gelu(x, approximate)
    for size in (1, 31, 32, 33, 2047, 2048, 2049, 4099):
        assert torch.equal(kernels_mlir.gelu(x[:size], approximate), whole[:size])


@covering(columns=(2049, 2048, 4097), kinds={"columns": lambda columns: columns > 2000})
def test_wide_rows_are_shared_by_workgroups(columns: int) -> None:
    x = Draw.seeded(torch.float32, 1).activation(2, 2 * columns)
    gate, up = x.double().chunk(2, dim=-1)
    exact = gate * torch.sigmoid(gate) * up
    torch.testing.assert_close(kernels_mlir.silu_and_mul(x).double(), exact, atol=1e-5, rtol=1.3e-6)


@pytest.mark.parametrize("bits", [0x7FFFFFFF, -1, 0x7F800001])
def test_nan_of_a_weight_of_any_payload_stays_nan(bits: int) -> None:
    """Rounding to bf16 adds to the bits of a number, which would carry over into those of a NaN."""
    x = Draw.seeded(torch.bfloat16, 1).activation(3, 48)
    weight = torch.ones(48)
    weight.view(torch.int32)[7] = bits
    assert weight[7].isnan()
    result = kernels_mlir.rms_norm(x, weight, 1e-5)
    assert result[:, 7].isnan().all()
    assert result.isnan().sum() == 3
