"""Is `linear` right at the edges of its tiles, and is a packed weight never out of date?"""

from __future__ import annotations

import gc
import itertools
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ir_runtime.counters import count_since
from ir_runtime.device import cpu
from ir_runtime.device.cpu import CpuTarget
from ir_runtime.device.machine import code_for, this_machine
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg import ALL_CUSTOM_OP_REGS, forget_kernels
from kernels_mlir import linear
from kernels_mlir.matmul.linear import native_linear
from kernels_mlir.matmul.packed import forget_packed, pack_weight, packed_bytes, packed_for
from kernels_mlir.matmul.tile import tile_for
from tests.cases import DTYPES
from tests.sampling import covering

ROWS = (1, 2, 3, 11, 12, 13, 16, 17, 29, 265)
"""Around the tiles of 12 rows, the 16 that count as few, and the 264 of a workgroup."""
SIZES = ((1, 1), (31, 5), (33, 191), (64, 193), (97, 385), (545, 33))
"""Output and input features, around the panels of 32 and the blocks of 192 or 384."""

each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)


@pytest.fixture(autouse=True)
def _no_packed_weights() -> Iterator[None]:
    forget_packed()
    yield
    forget_packed()


def draw(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def parameter(n: int, k: int, dtype: torch.dtype = torch.float32) -> nn.Parameter:
    return nn.Parameter(draw(n, k, dtype=dtype, seed=1), requires_grad=False)


def assert_right(x: Tensor, weight: Tensor, bias: Tensor | None, y: Tensor) -> None:
    """Compare with float64: sums rounded in float32, and once to the dtype."""
    exact = native_linear(*(None if t is None else t.double() for t in (x, weight, bias)))
    terms = x.double().abs() @ weight.double().abs().T + 4.0
    bound = torch.finfo(x.dtype).eps * exact.abs() + 8 * torch.finfo(torch.float32).eps * terms
    assert ((y.double() - exact).abs() <= bound).all()


@covering(size=SIZES, dtype=DTYPES)
def test_sizes_around_tiles(size: tuple[int, int], dtype: torch.dtype) -> None:
    """Both forms, with the same bits."""
    n, k = size
    weight, bias = parameter(n, k, dtype), draw(n, dtype=dtype, seed=2)
    plain = weight.detach().clone()
    for rows in ROWS:
        x = draw(rows, k, dtype=dtype, seed=100 + rows)
        with count_since() as counts:
            packed = linear(x, weight, bias)
            lying = linear(x, plain, bias)
        assert counts[0].packs == (rows == ROWS[0])
        assert_right(x, plain, bias, packed)
        assert torch.equal(packed, lying)


@each_dtype
def test_a_row_is_the_same_bits_whatever_others_there_are(dtype: torch.dtype) -> None:
    weight, x = parameter(70, 400, dtype), draw(300, 400, dtype=dtype)
    whole = linear(x, weight)
    for start, rows in itertools.product((0, 5, 290), (1, 2, 7, 10)):
        assert torch.equal(linear(x[start : start + rows], weight), whole[start : start + rows])


@each_dtype
def test_rows_with_nan_and_infinity_keep_to_themselves(dtype: torch.dtype) -> None:
    weight, x = parameter(40, 37, dtype), draw(14, 37, dtype=dtype)
    clean = linear(x, weight)
    x[3, 36], x[13, 0] = float("nan"), float("inf")
    y = linear(x, weight)
    kept = [i for i in range(14) if i not in (3, 13)]
    assert torch.equal(y[kept], clean[kept])
    assert y[3].isnan().all()
    assert not y[13].isfinite().any()


HERE = cpu.host_cpu_target()
WITHOUT_AMX = replace(HERE, features=tuple(f for f in HERE.features if "amx" not in f))


@covering(
    dtype=DTYPES,
    target=(CpuTarget(HERE.triple, "x86-64-v3"), replace(HERE, features=()), WITHOUT_AMX),
    kinds={"dtype": lambda dtype: dtype == torch.bfloat16},
)
def test_other_cpus_tiles(dtype: torch.dtype, target: CpuTarget) -> None:
    """Their tiles run here too; in the dtypes without paired products, to the same bits."""
    x, weight, bias = draw(30, 401, dtype=dtype), parameter(77, 401, dtype), draw(77, dtype=dtype)
    expected = linear(x, weight, bias)
    with code_for(replace(this_machine(), cpu=target)):
        forget_packed()
        forget_kernels()
        packed, lying = linear(x, weight, bias), linear(x, weight.detach().clone(), bias)
    forget_kernels()
    assert torch.equal(packed, lying)
    if not tile_for(dtype).pairs:
        assert torch.equal(packed, expected)
    assert_right(x, weight, bias, packed)


def test_packed_layout() -> None:
    """Panels of columns, padded with zeros."""
    weight = draw(70, 19)
    packed, columns = pack_weight(weight), tile_for(weight.dtype).columns
    assert packed.is_contiguous()
    assert packed.shape == (-(-70 // columns), 19, columns)
    back = packed.transpose(1, 2).reshape(-1, 19)
    assert torch.equal(back[:70], weight)
    assert not back[70:].any()


def test_parameter_is_packed_once() -> None:
    weight = parameter(64, 48)
    with count_since() as counts:
        for rows in (1, 3, 20):
            linear(draw(rows, 48), weight)
    assert (counts[0].packs, counts[0].copies) == (1, 0)
    assert packed_bytes() == 64 * 48 * 4


def test_other_tensors_are_not_packed() -> None:
    """They may be gone with the call."""
    with count_since() as counts:
        linear(draw(3, 48), parameter(64, 48).detach())
        linear(draw(3, 48), parameter(48, 64).T)
    assert counts[0].packs == 0
    assert packed_bytes() == 0


def changed_by_optimizer(weight: nn.Parameter) -> None:
    with torch.no_grad():
        weight.add_(1.0)


def changed_through_a_detached_view(weight: nn.Parameter) -> None:
    weight.detach()[3, 5] = 100.0


def exchanged(weight: nn.Parameter) -> None:
    weight.data = draw(*weight.shape, seed=9)


def changed_through_data(weight: nn.Parameter) -> None:
    weight.data.copy_(draw(*weight.shape, seed=9))


def changed_through_numpy(weight: nn.Parameter) -> None:
    weight.detach().numpy()[:] *= 2.0


@pytest.mark.parametrize(
    "change",
    [
        changed_by_optimizer,
        changed_through_a_detached_view,
        exchanged,
        changed_through_data,
        changed_through_numpy,
    ],
    ids=lambda change: change.__name__,
)
def test_changed_parameter_is_packed_again(change: object) -> None:
    assert callable(change)
    weight, x = parameter(64, 48), draw(3, 48)
    linear(x, weight)
    change(weight)
    with count_since() as counts:
        y = linear(x, weight)
    assert counts[0].packs == 1
    assert_right(x, weight, None, y)
    assert packed_bytes() == 64 * 48 * 4


def test_parameter_that_changes_shape_is_packed_again() -> None:
    weight, x = parameter(64, 48), draw(3, 48)
    linear(x, weight)
    weight.data = weight.data.view(32, 96)
    assert_right(draw(3, 96), weight, None, linear(draw(3, 96), weight))
    with pytest.raises(ArgumentError, match=r"^linear: `x` is f32\[3, 48\], must have a last dim"):
        linear(x, weight)


def test_parameter_that_is_transposed_in_place_is_packed_again() -> None:
    weight, x = parameter(48, 48), draw(3, 48)
    linear(x, weight)
    weight.data = weight.data.T
    assert_right(x, weight, None, linear(x, weight))


def test_packed_weight_goes_with_its_parameter() -> None:
    weights = [parameter(64, 48) for _ in range(3)]
    for weight in weights:
        linear(draw(3, 48), weight)
    assert packed_bytes() == 3 * 64 * 48 * 4
    del weight, weights[1:]
    gc.collect()
    assert packed_bytes() == 64 * 48 * 4


def test_threads_pack_once() -> None:
    weight, x = parameter(200, 300), draw(5, 300)
    expected = linear(x, weight.detach().clone())
    barrier, results = threading.Barrier(8), []

    def call() -> None:
        barrier.wait()
        results.append(linear(x, weight))

    with count_since() as counts:
        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert counts[0].packs == 1
    assert len(results) == 8
    assert all(torch.equal(y, expected) for y in results)


def test_training_step_uses_the_packed_weight() -> None:
    layer, x = nn.Linear(48, 64), draw(5, 48)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    with count_since() as counts:
        for _ in range(3):
            y = linear(x, layer.weight, layer.bias)
            torch.testing.assert_close(y, F.linear(x, layer.weight, layer.bias))
            optimizer.zero_grad()
            y.square().mean().backward()
            optimizer.step()
    assert counts[0].packs == 3


def test_compiled_graph_uses_the_packed_weight() -> None:
    layer, x = nn.Linear(48, 64), draw(5, 48)

    class Module(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor) -> Tensor:
            return linear(x, self.layer.weight, self.layer.bias)

    expected = linear(x, layer.weight.detach().clone(), layer.bias)
    torch._dynamo.reset()
    with torch.no_grad(), count_since() as counts:
        y = torch.compile(Module(), fullgraph=True)(x)
    assert counts[0].packs == 1
    assert torch.equal(y, expected)


def test_inference_parameter_is_not_packed() -> None:
    """Torch does not count changes of it."""
    with torch.inference_mode():
        weight = parameter(64, 48)
        x = draw(3, 48)
        with count_since() as counts:
            y = linear(x, weight)
        assert_right(x, weight, None, y)
    assert counts[0].packs == 0


def test_strided_parameter() -> None:
    weight, x = nn.Parameter(draw(48, 64).T), draw(3, 48)
    with count_since() as counts:
        y = linear(x, weight)
    assert counts[0].packs == 1
    assert_right(x, weight.detach(), None, y.detach())


def test_packed_form_of_another_shape_is_refused() -> None:
    packed = packed_for(parameter(64, 48))
    assert packed is not None
    shape = list(tile_for(torch.float32).packed_shape(640, 48))
    with pytest.raises(ArgumentError) as caught:
        torch.ops.ir_packed.linear(draw(3, 48), packed, None, 640, 48)
    assert str(caught.value) == (
        f"linear: `packed` is f32{list(packed.shape)}, must be {shape} "
        "as a weight of 640 x 48 is packed on this CPU"
    )


REFUSED = {
    "bias": (
        (draw(3, 48), parameter(64, 48), draw(48)),
        "linear: `bias` is f32[48], must have 64 elements, one an output feature",
    ),
    "features": (
        (draw(3, 47), parameter(64, 48), None),
        "linear: `x` is f32[3, 47], must have a last dimension of 48 as `weight`",
    ),
    "no features": (
        (draw(3, 0), parameter(64, 0), None),
        "linear: `x` is f32[3, 0], its last dimension must be at least 1",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    arguments, message = REFUSED[name]
    with pytest.raises(ArgumentError) as caught:
        linear(*arguments)
    assert str(caught.value) == message


def test_weight_of_another_dtype_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"^linear: `weight` is bf16\[64, 48\]"):
        linear(draw(3, 48), parameter(64, 48, torch.bfloat16))


def test_both_kernels_are_registered() -> None:
    assert {"ir_kernels::linear", "ir_packed::linear"} <= ALL_CUSTOM_OP_REGS.keys()
