"""Do the ops compute on a device what float64 does? The device is an option; see conftest.py."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.gpu_cases import GpuCase, gpu_cases
from benchmarks.triton_rows import triton_kernel
from ir_runtime.dtypes import dtype_info, short_name
from tests.cases import CASES, DTYPES, OpCase, widen

QUICK = {GpuCase("rms_norm", 64, torch.float32), GpuCase("rotary_embedding", 80, torch.bfloat16)}
EVERY = [
    pytest.param(
        case,
        id=f"{case.name}-{case.width}-{short_name(case.dtype)}",
        marks=() if case in QUICK else pytest.mark.full,
    )
    for case in gpu_cases()
]
OPS = [
    pytest.param(
        case,
        dtype,
        id=f"{case.id}-{short_name(dtype)}",
        marks=() if (case.id, dtype) == ("gelu-erf", torch.float32) else pytest.mark.full,
    )
    for case in CASES
    for dtype in DTYPES
]


def moved(arguments: Any, device: str) -> tuple[Any, ...]:
    return tuple(a.to(device) if isinstance(a, Tensor) else a for a in arguments)


def assert_near(actual: Tensor, exact: Tensor, device: str) -> None:
    info = dtype_info(actual.dtype)
    assert actual.device.type == device
    assert actual.is_contiguous()
    torch.testing.assert_close(
        actual.double().cpu(), exact.double(), atol=2 * info.atol, rtol=2 * info.rtol
    )


@pytest.mark.parametrize("case", EVERY)
def test_row_op_is_that_of_float64(case: GpuCase, device: str) -> None:
    """For one row, some, and more than a workgroup takes."""
    for rows in (1, 33):
        given = case.arguments(rows, "cpu", seed=rows)
        results = case.kernel(*moved(given, device))
        exact = case.native(*widen(given))
        pairs = (
            zip(results, exact, strict=True)
            if case.op == "rotary_embedding"
            else [(results, exact)]
        )
        for actual, wanted in pairs:
            assert_near(actual, wanted, device)


@pytest.mark.parametrize(
    "name",
    [
        "rms_norm",
        *(pytest.param(n, marks=pytest.mark.full) for n in ("layer_norm", "softmax", "gelu")),
    ],
)
def test_nan_and_infinity_stay_what_they_are(name: str, device: str) -> None:
    """A GPU's own NaN may have all bits set, which rounding to bf16 must not carry over."""
    case = GpuCase(name, 64, torch.bfloat16)
    x, *others = case.arguments(33, "cpu")
    x[0, 5], x[1, 7], x[2, 0] = torch.nan, torch.inf, -torch.inf
    result = case.kernel(*moved((x, *others), device)).cpu()
    exact = case.native(*widen((x, *others)))
    assert torch.equal(result.isnan(), exact.isnan())
    torch.testing.assert_close(result[3:].double(), exact[3:], atol=2e-2, rtol=2e-2)


@pytest.mark.parametrize("name", dict.fromkeys(case.name for case in gpu_cases()))
def test_triton_peer_is_that_of_float64(name: str, gpu: str) -> None:
    """The benchmark compares with it."""
    peer = triton_kernel(name)
    if peer is None:
        pytest.skip("triton is not installed")
    case = GpuCase(name, 4096, torch.bfloat16)
    given = case.arguments(33, "cpu")
    results, exact = peer(*moved(given, gpu)), case.native(*widen(given))
    pairs = [(results, exact)] if isinstance(results, Tensor) else zip(results, exact, strict=True)
    for actual, wanted in pairs:
        assert_near(actual, wanted, gpu)


@pytest.mark.parametrize(("case", "dtype"), OPS)
def test_op_is_that_of_float64(case: OpCase, dtype: torch.dtype, device: str) -> None:
    arguments = case.arguments(dtype)
    actual = case.one_result(case.packet)(*moved(arguments, device))
    assert_near(actual, case.native(*widen(arguments)), device)


def norm(rows: int, device: str, seed: int = 0) -> tuple[GpuCase, tuple[Any, ...], Tensor]:
    """Return a case, its arguments on a device, and the result in float64."""
    case = GpuCase("rms_norm", 64, torch.float32)
    given = case.arguments(rows, "cpu", seed=seed)
    return case, moved(given, device), case.native(*widen(given))


@pytest.mark.parametrize("layout", ["transposed", "offset", "expanded"])
def test_layouts(layout: str, device: str) -> None:
    case, (x, *others), _ = norm(9, "cpu")
    laid_out = {
        "transposed": lambda: x.t().contiguous().to(device).t(),
        "offset": lambda: torch.cat((x.new_zeros(1), x.flatten())).to(device)[1:].view(x.shape),
        "expanded": lambda: x[:1].to(device).expand(9, -1),
    }[layout]()
    exact = case.native(*widen((laid_out.cpu(), *others)))
    assert_near(case.kernel(laid_out, *moved(others, device)), exact, device)


def test_no_rows(device: str) -> None:
    case, given, _ = norm(0, device)
    assert case.kernel(*given).shape == (0, 64)


def test_launch_waits_for_the_stream_and_not_the_host_for_it(gpu: str) -> None:
    case, given, _ = norm(33, gpu)
    x, *others = given
    case.kernel(*given)  # loads the code
    late = torch.zeros_like(x)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        torch.cuda._sleep(200_000_000)
        late.copy_(x)
        y = case.kernel(late, *others)
        is_behind = not stream.query()
    assert is_behind, "the host waited for the stream"
    stream.synchronize()
    assert torch.equal(y, case.kernel(*given))


def test_graph_replays_on_new_numbers(gpu: str) -> None:
    case, given, _ = norm(33, gpu)
    x, *others = given
    case.kernel(*given)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        doubled = x * 2
        y = case.kernel(doubled, *others) + 1
    x.copy_(torch.randn_like(x))
    graph.replay()
    torch.cuda.synchronize()
    assert torch.equal(y, case.kernel(x * 2, *others) + 1)


def test_compiled_with_graphs(gpu: str) -> None:
    case, given, exact = norm(33, gpu)
    compiled = torch.compile(lambda *args: case.kernel(*args) + 0, mode="reduce-overhead")
    for _ in range(4):
        y = compiled(*given).clone()
    assert_near(y, exact, gpu)


def test_each_gpu_has_its_code(gpu: str) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("there is one GPU")
    for index in range(torch.cuda.device_count()):
        where = f"cuda:{index}"
        case, given, exact = norm(33, where)
        y = case.kernel(*given)
        assert y.device == torch.device(where)
        assert_near(y, exact, "cuda")
