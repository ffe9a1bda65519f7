"""The numbers of row kernels: against float64, at all widths, at the ends of the range."""

from __future__ import annotations

import pytest
import torch

from ir_runtime.rows.emit.shifted import shifted_plan
from ir_runtime.rows.plan import make_plan
from ir_runtime.rows.trace import trace
from tests.row_kernels import natives
from tests.row_kernels.kernel import as_tuple, form, joined, kernel_of

F32, BF16, F16 = torch.float32, torch.bfloat16, torch.float16
STRETCHES = [(0, 1e-3), (1e-3, 0.1), (0.1, 1), (1, 3), (3, 6), (6, 10), (10, 30), (30, 80)]


def tensors(name: str, rows: int, width: int, dtype: torch.dtype, seed: int = 0) -> list:
    generator = torch.Generator().manual_seed(seed)

    def make(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator).to(dtype)

    x = make(rows, 2 * width if name in ("silu_and_mul", "rotated") else width)
    shared = {"rms_norm": 1, "rounded_norm": 1, "layer_norm": 2, "rotated": 2}.get(name, 0)
    return [x, *(make(x.shape[-1]) for _ in range(shared))]


def errors(name: str, args: list, got: tuple) -> list[tuple[float, float]]:
    """Return the largest error of each result, and that of torch."""
    native = getattr(natives, name)
    eager = as_tuple(native(*args))
    wanted = as_tuple(native(*(a.double() for a in args)))
    found = []
    for g, e, w in zip(got, eager, wanted, strict=True):
        assert g.shape == e.shape
        assert g.dtype == e.dtype
        error = [(v.double() - w.double()).abs().max().item() for v in (g, e)]
        found.append((error[0], error[1]))
    return found


NAMES = ["rms_norm", "layer_norm", "softmax", "gelu", "silu_and_mul", "rotated"]


@pytest.mark.parametrize("dtype", [F32, BF16, F16])
@pytest.mark.parametrize("name", [*NAMES, "rounded_norm", "statistics"])
def test_error_is_that_of_torch(name, dtype):
    args = tensors(name, 40, 1000, dtype)
    op = kernel_of(getattr(natives, name))
    assert form(op, *args) == "a row kernel"
    for mine, torchs in errors(name, args, as_tuple(op(*args))):
        assert mine <= 1.5 * torchs


@pytest.mark.parametrize("name", ["gelu", "silu_and_mul", "softmax"])
def test_error_on_stretches_of_the_range(name):
    """Each row has another size of numbers."""
    op = kernel_of(getattr(natives, name))
    for low, high in STRETCHES:
        (x,) = tensors(name, 8, 1000, F32)
        x = x.sign() * (low + (high - low) * torch.rand(x.shape))
        ((mine, torchs),) = errors(name, [x], as_tuple(op(x)))
        reference = high * torch.finfo(torch.float64).eps  # its error: 1 + erf cancels there, too
        assert mine <= max(1.5 * torchs, reference), (low, high)


@pytest.mark.parametrize("width", [1, 31, 33, 80])
def test_width_that_is_no_whole_vector(width):
    """Nothing beyond a row, or a part of it, is read into it or written."""
    for dtype in (F32, BF16):
        args = tensors("rotated", 3, width, dtype)
        functions = [natives.rotated, natives.silu_and_mul, natives.statistics, natives.softmax]
        functions = [lambda x, *_, f=f: f(x) for f in functions[1:]] + [natives.rotated]
        got = joined(functions, args)(*args)
        wanted = [r for f in functions for r in as_tuple(f(*args))]
        for g, w in zip(got, wanted, strict=True):
            tolerance = 1e-6 if dtype == F32 else 2e-2
            torch.testing.assert_close(g, w, atol=tolerance, rtol=tolerance, equal_nan=True)


def test_quantization_rounds_as_torch():
    """The quotient is not a product with the inverse: a tie would fall to the other side."""
    x = torch.randn(64, 333)
    q, scale = kernel_of(natives.quantized)(x)
    wanted, wanted_scale = natives.quantized(x)
    assert torch.equal(scale, wanted_scale)
    assert torch.equal(q, wanted)


def test_cast_in_the_middle_rounds():
    """The compiler takes extf(truncf(x)) for x."""
    x = torch.randn(4, 100)

    def twice(x: torch.Tensor) -> torch.Tensor:
        return x.to(BF16).to(F32) * 3 + x.to(F16).to(F32)

    got = kernel_of(twice)(x)
    torch.testing.assert_close(got, twice(x), rtol=3e-7, atol=0)


@pytest.mark.parametrize("dtype", [BF16, F16])
def test_every_half_survives_and_every_float_rounds_as_torch(dtype):
    def through(x: torch.Tensor) -> torch.Tensor:
        return x.to(dtype).to(F32)

    bits = torch.arange(-(1 << 31), 1 << 31, 65521, dtype=torch.int64)
    x = bits.to(torch.int32).view(F32)[: 65536 // 64 * 64].reshape(-1, 64)
    assert torch.equal(kernel_of(through)(x).nan_to_num(7), through(x).nan_to_num(7))
    halves = torch.arange(-32768, 32768).to(torch.int16).view(dtype).reshape(-1, 64)
    halves = torch.where(halves.isnan(), torch.nan, halves)

    def same(x: torch.Tensor) -> torch.Tensor:
        return torch.neg(torch.neg(x))

    assert torch.equal(kernel_of(same)(halves).view(torch.int16), halves.view(torch.int16))


@pytest.mark.parametrize("dtype", [F32, BF16])
@pytest.mark.parametrize("name", ["rms_norm", "layer_norm", "softmax", "silu_and_mul", "gelu"])
def test_nan_and_infinities_stand_where_torch_has_them(name, dtype):
    args = tensors(name, 8, 1000, dtype)
    x = args[0]
    x[0, 17], x[1, -1], x[2, 0] = torch.nan, torch.nan, torch.inf
    x[3, -1], x[4], x[5] = -torch.inf, 0, 3.0
    x[6] *= 1e-30
    got = kernel_of(getattr(natives, name))(*args)
    # Torch's own float32 gelu gives NaN for infinity, its float64 one infinity.
    wanted = getattr(natives, name)(*(a.double() for a in args)).to(dtype)
    assert torch.equal(got.isnan(), wanted.isnan())
    assert torch.equal(got.isinf(), wanted.isinf())


def test_squares_beyond_float32():
    weight = torch.ones(1000)
    for size in (1e22, 1e-22):
        x = torch.randn(4, 1000) * size
        got = kernel_of(natives.rms_norm)(x, weight, 0.0)
        wanted = natives.rms_norm(x.double(), weight.double(), 0.0)
        torch.testing.assert_close(got.double(), wanted, rtol=1e-6, atol=1e-6)


def test_mean_far_from_zero():
    """The mean is subtracted with more digits than float32 has."""
    x, weight, bias = 1e5 + torch.randn(4, 4096), torch.ones(4096), torch.zeros(4096)
    ((mine, torchs),) = errors(
        "layer_norm", [x, weight, bias], (kernel_of(natives.layer_norm)(x, weight, bias),)
    )
    assert mine <= max(torchs, 1e-3)


def test_difference_of_equal_products_is_zero():
    """A fused multiply and add would leave the rounding error of one product."""

    def difference(x: torch.Tensor) -> torch.Tensor:
        y = x * 1.0
        return torch.sqrt(x * x - y * y.clone()) + (x * 3 + -(x * 3))

    assert torch.count_nonzero(kernel_of(difference)(torch.randn(3, 1000))) == 0


def test_quotient_by_a_number_whose_inverse_is_subnormal():
    def share(x: torch.Tensor) -> torch.Tensor:
        return x / x.abs().amax(-1, keepdim=True).clamp(min=1e-20)

    sizes = torch.tensor([1e38, 3.4e38, 1e30, 1.0, 1e-19, torch.inf])
    x = torch.linspace(-1, 1, 1000) * sizes[:, None]
    torch.testing.assert_close(kernel_of(share)(x), share(x), rtol=3e-7, atol=0, equal_nan=True)


def normal(x: torch.Tensor, epsilon: float = 1e-5) -> torch.Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred * torch.rsqrt(centred.square().mean(-1, keepdim=True) + epsilon)


NORMALISED = (
    lambda x, r: x,
    lambda x, r: x + r,
    lambda x, r: x[..., 161:],
    lambda x, r: x[..., 1::2],
)


def test_mean_and_variance_of_computed_and_partial_rows_from_one_reading():
    """Also where the first columns are far from the others, at the ends of the range."""
    generator = torch.Generator().manual_seed(0)
    x, r = torch.randn(2, 8, 290, generator=generator)
    x = x * 10 + 3
    x[0, :32], x[1, 161:193], x[2, 0], x[3, 200] = 1e4, 1e7, 1e8, 1e8
    x[4], x[6], x[7] = 7.3, x[6].sign() * 2.5e38, x[7].sigmoid() * 3.3e38
    x[5] *= 1e-25
    functions = [lambda x, r, take=take: normal(take(x, r)) for take in NORMALISED]
    functions.append(lambda x, r: normal(x, 0.0))
    for fn in functions:
        plan = make_plan(trace(fn, (x, r), (0, 1)))
        assert shifted_plan(plan) is not plan
    *got, without_epsilon = joined(functions, [x, r])(x, r)
    for y, take in zip(got, NORMALISED, strict=True):
        exact = normal(take(x, r).double())
        torch.testing.assert_close(y.double(), exact, atol=2e-6, rtol=1e-6)
    constant = torch.arange(8) == 4
    assert torch.equal(without_epsilon.isnan().all(-1), constant)
    assert torch.equal(without_epsilon.isnan().any(-1), constant)
