"""Do the catalogue's ops compute on a Vulkan device what they do on the CPU?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

import kernels_mlir
from ir_runtime import Device
from ir_runtime.counters import count_since
from ir_runtime.dtypes import dtype_info
from ir_runtime.errors import ArgumentError, DeviceError
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, forget_kernels
from ir_runtime.op_reg.call.kernel import bind_call
from kernels_mlir.attention.mm_encoder_attn import native_mm_encoder_attn
from tests.cases import (
    BY_OP,
    CASES,
    DTYPES,
    WIDTH,
    Arguments,
    Draw,
    OpCase,
    attention_arguments,
    case_named,
    widen,
)
from tests.sampling import covering

pytestmark = pytest.mark.vulkan

NAN, INF = float("nan"), float("inf")

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype_info(dtype).short)


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


def assert_near(actual: Tensor, exact: Tensor) -> None:
    info = dtype_info(actual.dtype)
    torch.testing.assert_close(
        actual.double(), exact.double(), atol=info.atol, rtol=info.rtol, equal_nan=True
    )


def tensor_count(arguments: Arguments) -> int:
    return sum(isinstance(a, Tensor) for a in arguments)


def copied_tensors(case: OpCase, arguments: Arguments) -> int:
    """How many tensors cross: all of the call, and what a kernel with indices reports of them."""
    reports = case.op == "rotary_embedding"
    return tensor_count(arguments) + case.result_count + reports


def spread(tensor: Tensor) -> Tensor:
    """Return the same values in every second element of a larger tensor, from an odd offset."""
    room = torch.full((*tensor.shape[:-1], 2 * tensor.shape[-1] + 1), 7, dtype=tensor.dtype)
    view = room[..., 1::2]
    view.copy_(tensor)
    return view


def transposed(tensor: Tensor) -> Tensor:
    """Return the same values with the last dimension outermost in memory."""
    return tensor.movedim(-1, 0).contiguous().movedim(0, -1)


# Of an op with several results there is no overload that writes into given tensors.
OUT_CASES = [case for case in CASES if case.result is None]


@covering(case=CASES, dtype=DTYPES)
def test_values_match_float64(case: OpCase, dtype: torch.dtype) -> None:
    """Each tensor is copied to the device and the result back: that is where the call ran."""
    arguments = case.arguments(dtype)
    with count_since() as counts:
        result = case.function(*arguments)
    assert counts[0].copies == copied_tensors(case, arguments)
    assert (result.dtype, result.device.type) == (dtype, "cpu")
    assert result.is_contiguous()
    assert_near(result, case.native(*widen(arguments)))


@covering(case=CASES, kinds=BY_OP)
def test_one_binary_serves_every_batch_size(case: OpCase) -> None:
    forget_kernels()
    with count_since() as counts:
        for lead in case.same_rank_leads:
            arguments = case.arguments(lead=lead)
            assert_near(case.function(*arguments), case.native(*widen(arguments)))
    assert counts[0].compiles + counts[0].store_hits == 1
    assert counts[0].selects == len(case.same_rank_leads)


@pytest.mark.parametrize("name", ["gelu-erf", "mm_encoder_attn-packed"])
def test_artifact_is_of_the_device_type(name: str, store: DirectoryStore, vulkan: Device) -> None:
    case = case_named(name)
    case.function(*case.arguments())
    (key,) = store.keys()
    assert (key.name, key.device_type) == (case.op, vulkan.type_cache_key)


@covering(case=CASES, kinds=BY_OP)
def test_ir_op_runs_its_kernel_there(case: OpCase) -> None:
    """Through torch's dispatcher, which its entrance leaves to a current device."""
    arguments = case.arguments()
    with count_since() as counts:
        result = case.one_result(case.ir_op.torch_op)(*arguments)
    assert counts[0].copies > 0
    assert torch.equal(result, case.function(*arguments))


@covering(case=CASES, kinds=BY_OP)
def test_calls_elsewhere_keep_their_kernels(case: OpCase, vulkan: Device) -> None:
    """The same arguments run on the CPU, with its bits, before, between and after."""
    arguments = case.arguments()
    on_vulkan = case.function(*arguments)
    with Device("local-sync"):
        on_cpu = case.function(*arguments)
    vulkan.clear()
    try:
        with count_since() as counts:
            assert torch.equal(case.function(*arguments), on_cpu)
        assert counts[0].copies == 0
    finally:
        vulkan.set()
    assert torch.equal(case.function(*arguments), on_vulkan)


@each_case
def test_nothing_in_gives_nothing_out(case: OpCase) -> None:
    for lead in case.empty_leads:
        arguments = case.arguments(lead=lead)
        with count_since() as counts:
            result = case.function(*arguments)
        assert (counts[0].compiles, counts[0].copies) == (0, 0)
        assert (result.shape, result.dtype) == (case.native(*arguments).shape, torch.float32)


@covering(case=CASES, layout=(spread, transposed), kinds=BY_OP)
def test_arguments_of_any_layout(case: OpCase, layout: Callable[[Tensor], Tensor]) -> None:
    arguments = case.arguments()
    laid_out = tuple(layout(a) if isinstance(a, Tensor) else a for a in arguments)
    assert torch.equal(case.function(*laid_out), case.function(*arguments))


@covering(case=OUT_CASES, kinds=BY_OP)
def test_out_is_written(case: OpCase) -> None:
    arguments = case.arguments()
    expected = case.function(*arguments)
    out = torch.full_like(expected, NAN)
    address = out.data_ptr()
    case.packet.out(*arguments, out=out)
    assert out.data_ptr() == address
    assert torch.equal(out, expected)


@covering(case=OUT_CASES, layout=(spread, transposed), kinds=BY_OP)
def test_out_of_any_layout_is_written(case: OpCase, layout: Callable[[Tensor], Tensor]) -> None:
    arguments = case.arguments()
    expected = case.function(*arguments)
    out = layout(torch.full_like(expected, NAN))
    strides = out.stride()
    case.packet.out(*arguments, out=out)
    assert out.stride() == strides
    assert torch.equal(out, expected)


@pytest.mark.parametrize(
    "case", [c for c in OUT_CASES if c.op != "silu_and_mul"], ids=lambda c: c.id
)
def test_out_may_be_the_first_argument(case: OpCase) -> None:
    arguments = case.arguments()
    expected = case.function(*arguments)
    case.packet.out(*arguments, out=arguments[0])
    assert torch.equal(arguments[0], expected)


@covering(case=CASES, kinds=BY_OP)
def test_gradients_match_native(case: OpCase) -> None:
    def gradients(function: Callable[..., Tensor], arguments: Arguments) -> tuple[Tensor, ...]:
        leaves = [arguments[i].requires_grad_() for i in case.differentiable]
        return torch.autograd.grad(function(*arguments).square().sum(), leaves)

    arguments = case.arguments()
    with count_since() as counts:
        actual = gradients(case.function, arguments)
    assert counts[0].copies == copied_tensors(case, arguments)
    for a, e in zip(actual, gradients(case.native, widen(arguments)), strict=True):
        tolerance = 1e-4 if a.dtype == torch.float32 else 2e-2
        torch.testing.assert_close(a.double(), e, rtol=tolerance, atol=tolerance)


@covering(approximate=("none", "tanh"), dtype=DTYPES)
def test_gelu_of_every_magnitude(dtype: torch.dtype, approximate: str) -> None:
    """An exponential whose rounding is optimised away errs by 0.1."""
    x = torch.logspace(-30, 4, 500, dtype=torch.float64).to(dtype)
    x = torch.cat([x, -x, torch.tensor([0.0, NAN, INF, -INF], dtype=dtype)])
    result = kernels_mlir.gelu(x, approximate)
    exact = torch.nn.functional.gelu(x[:-3].double(), approximate=approximate)
    assert_near(result[:-3], exact)
    assert result[-3].isnan()
    assert result[-2] == INF


@each_dtype
def test_silu_and_mul_of_every_magnitude(dtype: torch.dtype) -> None:
    gate = torch.logspace(-30, 4, WIDTH // 2, dtype=torch.float64).to(dtype)
    x = torch.cat([gate, -gate, torch.ones(WIDTH, dtype=dtype)])
    assert_near(kernels_mlir.silu_and_mul(x), torch.nn.functional.silu(x[:WIDTH].double()))


@pytest.mark.parametrize("mean", [1e2, 1e4, 1e6])
def test_layer_norm_keeps_its_variance_beside_a_large_mean(mean: float) -> None:
    """In float32: the mean is rounded, and what it is off made up for."""
    case = case_named("layer_norm-affine")
    arguments = case.make(Draw.seeded(torch.float32, mean=mean), (64,), WIDTH)
    assert_near(case.function(*arguments), case.native(*widen(arguments)))


@covering(name=("layer_norm-affine", "rms_norm-weighted"), width=(1, 7, 4096))
def test_norms_of_any_width(name: str, width: int) -> None:
    case = case_named(name)
    arguments = case.make(Draw.seeded(torch.float32), (9,), width)
    assert_near(case.function(*arguments), case.native(*widen(arguments)))


@pytest.mark.parametrize("name", ["layer_norm-affine", "rms_norm-weighted"])
def test_norms_take_more_rows_than_there_are_workgroups(name: str) -> None:
    case = case_named(name)
    arguments = case.arguments(lead=(2, 32768))
    assert_near(case.function(*arguments), case.native(*widen(arguments)))
    x, *others = case.make(Draw.seeded(torch.float32), (1, 1), 32769)
    with pytest.raises(ArgumentError) as caught:
        case.function(x.expand(2, 32768, 32769), *others)
    assert str(caught.value) == (
        f"{case.op}: `x` f32[2, 32768, 32769] has 65536 rows, must have at most 65535 of more than "
        "32768 columns on Vulkan\n"
        "  fix: split it into several calls"
    )


def test_activations_take_more_elements_than_a_grid() -> None:
    x = Draw.seeded(torch.float32).activation(66000, 2 * WIDTH)
    exact = case_named("silu_and_mul-rows").native(x.double())
    assert_near(kernels_mlir.silu_and_mul(x), exact)


@pytest.mark.parametrize("depth", [1, 3, 7, 80, 512])
def test_attention_of_any_depth(depth: int) -> None:
    case = case_named("mm_encoder_attn-packed")
    arguments = case.make(Draw.seeded(torch.float32), (2, 9), depth)
    assert_near(case.function(*arguments), case.native(*widen(arguments)))


def test_attention_of_no_depth_is_refused() -> None:
    case = case_named("mm_encoder_attn-dense")
    with pytest.raises(ArgumentError) as caught:
        case.function(*case.make(Draw.seeded(torch.float32), (2, 9), 0))
    assert str(caught.value) == (
        "mm_encoder_attn: `query` is f32[2, 9, 4, 0], must have a last dimension of at least 1"
    )


@pytest.mark.parametrize("scale", [0.0, -0.3, 1e4])
def test_attention_of_any_scale(scale: float) -> None:
    query, key, value, *_ = case_named("mm_encoder_attn-grouped").arguments(lead=(2, 70))
    result = kernels_mlir.mm_encoder_attn(query, key, value, scale)
    exact = native_mm_encoder_attn(query.double(), key.double(), value.double(), scale)
    torch.testing.assert_close(
        result.double(), exact, atol=2e-2 if abs(scale) > 1 else 1e-5, rtol=0
    )


def packed_arguments(bounds: list[int], length: int = 70) -> list:
    make = attention_arguments(4, 2, packed=True)
    arguments = list(make(Draw.seeded(torch.float32), (2, length), WIDTH))
    arguments[4] = torch.tensor(bounds, dtype=torch.int32)
    return arguments


@pytest.mark.parametrize("special", [NAN, INF], ids=["nan", "inf"])
@pytest.mark.parametrize("place", [0, 1, 2], ids=["query", "key", "value"])
def test_segment_keeps_its_nan_to_itself(special: float, place: int) -> None:
    arguments = packed_arguments([0, 5, 23, 23, 70])
    clean = kernels_mlir.mm_encoder_attn(*arguments)
    arguments[place][0, 10] = special
    result = kernels_mlir.mm_encoder_attn(*arguments)
    assert torch.equal(result[1], clean[1])
    assert torch.equal(result[:, :5], clean[:, :5])
    assert torch.equal(result[:, 23:], clean[:, 23:])
    assert_near(result[0, 5:23], native_mm_encoder_attn(*arguments)[0, 5:23])


@pytest.mark.parametrize(
    "bounds",
    [[-(2**31), 2**31 - 1], [-5, 30, 100], [10, 30, 50], [0], [70, 60, 50, 0], [-7] * 9],
    ids=str,
)
def test_attention_clamps_bounds_that_nobody_checked(bounds: list[int]) -> None:
    """As where values cannot be checked; tokens of no segment are 0."""
    arguments = packed_arguments(bounds)
    op = ALL_CUSTOM_OP_REGS["ir_kernels::mm_encoder_attn"]
    result = bind_call(op, arguments).run(arguments)
    if bounds == sorted(bounds):
        assert_near(result, native_mm_encoder_attn(*widen(tuple(arguments))))
    else:
        assert result.isfinite().all()
