"""Calls of compiled kernels: memory of operands and results, lists, numbers and dtypes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.device import Device
from ir_runtime.dtypes import DTYPES
from ir_runtime.errors import IrRuntimeError, LaunchError
from ir_runtime.settings import override_settings
from tests.op_reg import ops
from tests.op_reg.ops import like_first, make_op, op_of
from tests.sampling import covering

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def values_of(dtype: torch.dtype) -> torch.Tensor:
    """Return 16 elements of any dtype, every bit pattern sensible."""
    if dtype.is_complex:
        return torch.randn(16, dtype=dtype)
    if dtype is torch.bool:
        return torch.arange(16) % 3 == 0
    if dtype.is_floating_point:
        return torch.linspace(-2, 2, 16).to(dtype)
    return torch.arange(-8, 8).to(dtype)


def bits(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous().view(torch.uint8)


def test_one_kernel_serves_all_sizes(store):
    with count_since() as counts:
        for shape in ((1, 1), (2, 3), (7, 5), (100, 33)):
            x = torch.randn(shape)
            assert torch.equal(ops.add(x, x), x + x)
    assert (counts[0].compiles, counts[0].selects) == (1, 4)


def test_other_rank_is_another_kernel(store):
    with count_since() as counts:
        for shape in ((), (3,), (2, 3)):
            x = torch.randn(shape)
            assert torch.equal(ops.add(x, x), x + x)
    assert counts[0].compiles == 3


def test_contiguous_aligned_tensors_are_not_copied():
    x, y = torch.randn(64, 64), torch.randn(64, 64)
    with count_since() as counts:
        ops.add(x, y)
        ops.add.out(x, y, out=torch.empty(64, 64))
    assert counts[0].copies == 0


def test_result_lies_in_torchs_own_memory():
    """`out=` receives the result where it lies, and a freed result's block is used again."""
    x, out = torch.randn(64, 64), torch.empty(64, 64)
    address = out.data_ptr()
    assert ops.add.out(x, x, out=out) is out
    assert out.data_ptr() == address
    assert torch.equal(out, x + x)
    y = ops.add(x, x)
    assert y.untyped_storage().resizable()
    assert y.untyped_storage().nbytes() == 4 * 64 * 64


def test_each_result_has_its_own_storage():
    a, b = ops.sum_and_difference(torch.randn(8), torch.randn(8))
    assert a.untyped_storage().data_ptr() != b.untyped_storage().data_ptr()


@pytest.mark.parametrize(
    "layout",
    [
        lambda x: x.t(),
        lambda x: x[::2, ::2],
        lambda x: x.flip(0)[:, 1:],
        lambda x: x[:1].expand(16, 16),
        lambda x: x.flatten()[1:].unflatten(0, (5, 51)),
    ],
    ids=["transposed", "strided", "column", "expanded", "misaligned"],
)
def test_other_layouts_are_copied_and_counted(layout):
    x = layout(torch.randn(16, 16))
    with count_since() as counts:
        assert torch.equal(ops.identity(x), x)
    assert counts[0].copies == 1


def test_result_is_contiguous_whatever_the_argument():
    assert ops.identity(torch.randn(4, 6).t()).is_contiguous()


@pytest.mark.parametrize("shape", [(0,), (0, 4), (4, 0), (0, 0, 3)])
def test_nothing_in_nothing_out(shape):
    x = torch.empty(shape)
    assert ops.add(x, x).shape == shape
    assert ops.twice(x) is x
    assert ops.list_sum([x, x]).shape == shape
    assert [y.shape for y in ops.sum_and_difference(x, x)] == [shape, shape]


def test_nothing_in_something_out():
    for _ in range(2):
        assert torch.equal(ops.column_sum(torch.empty(0, 4)), torch.zeros(4))
    assert torch.equal(ops.column_sum(torch.ones(3, 4)), torch.full((4,), 3.0))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_lists(count):
    xs = [torch.randn(3, 4) for _ in range(count)]
    expected = xs[0]
    for x in xs[1:]:
        expected = expected + x
    for _ in range(2):
        assert torch.equal(ops.list_sum(xs), expected)


def test_list_of_views_of_one_tensor():
    x = torch.randn(6, 4)
    assert torch.equal(ops.list_sum(list(x.unbind(0)[:2])), x[0] + x[1])


@pytest.mark.parametrize("by", [0, -1, 2**31, -(2**31) - 1, 2**63 - 1, -(2**63)])
def test_int_operand_is_64_bits_wide(by):
    assert torch.equal(ops.shift(torch.zeros(3, dtype=torch.int64), by), torch.full((3,), by))


@pytest.mark.parametrize("present", range(4))
def test_optional_tensors(present):
    x, w, b = torch.randn(4), torch.randn(4), torch.randn(4)
    w, b = w if present & 1 else None, b if present & 2 else None
    expected = x if w is None else x * w
    expected = expected if b is None else expected + b
    torch.testing.assert_close(ops.affine(x, w, b), expected)  # the compiler fuses into one fma


@covering(dtype=tuple(DTYPES), kinds={"dtype": lambda d: (d.itemsize, DTYPES[d].carrier)})
def test_every_dtype_passes_unchanged(dtype):
    x = values_of(dtype)
    y = ops.identity(x)
    assert y.dtype == dtype
    assert torch.equal(bits(y), bits(x))


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: DTYPES[d].short)
def test_float_arithmetic(dtype):
    x = values_of(dtype)
    assert torch.equal(ops.add(x, x), x + x)


def yield_integer_sum(self, ksel, kb):
    from iree.compiler.dialects import arith

    kb.yield_results(arith.addi(kb.arg(0), kb.arg(0)))


INTEGERS = [d for d in DTYPES if not (d.is_floating_point or d.is_complex or d is torch.bool)]
integer_double = make_op("idouble_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_integer_sum)


@pytest.mark.parametrize("dtype", INTEGERS, ids=lambda d: DTYPES[d].short)
def test_integer_arithmetic_wraps(dtype):
    x = values_of(dtype)
    assert torch.equal(bits(integer_double(x)), bits((x.to(torch.int64) * 2).to(dtype)))


def test_signs_share_mlir_but_not_results():
    x = torch.tensor([200, 100], dtype=torch.uint8)
    assert integer_double(x).dtype == torch.uint8
    assert integer_double(x.view(torch.int8)).dtype == torch.int8


def test_f64_is_not_demoted():
    x = torch.tensor([1.0 + 2**-40], dtype=torch.float64)
    assert ops.add(x, torch.zeros_like(x)).item() == 1.0 + 2**-40


def test_identity_never_aliases_its_argument():
    x = torch.randn(8)
    y = ops.identity(x)
    assert y.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
    y.zero_()
    assert x.count_nonzero() == 8


def test_only_large_tensors_run_on_the_worker_pool():
    def opened_by(size: int) -> tuple[bool, bool]:
        x = torch.randn(size)
        right = torch.equal(ops.add(x, x), x + x)
        return right, Device.is_open("local-task")  # a thread opens the devices that it runs on

    for size, pool in ((64, False), (3 << 20, True)):
        with override_settings(launch="vm"), ThreadPoolExecutor(1) as fresh_thread:
            assert fresh_thread.submit(opened_by, size).result() == (True, pool)


RESIZED = """
util.func private @f(%x: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c4096 = arith.constant 4096 : index
  %one = arith.constant 1.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %c16 = arith.constant 16 : index
  %k = arith.muli %n, %c4096 : index
  %m = arith.divui %k, %c16 : index
  %e = tensor.empty(%m) : tensor<?xf32>
  %0 = linalg.fill ins(%one : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  util.return %0 : tensor<?xf32>
}
"""


def resized(factor: int, *, specialised: bool):
    """An op whose kernel yields `factor / 16` times the elements that `select` declares."""

    def select(self, ksel):
        like_first(self, ksel)
        if specialised:
            ksel.result_descs[0].specialize_all_dims()

    def generate(self, ksel, kb):
        text = RESIZED.replace("4096", str(factor))
        kb.yield_results(kb.inline_mlir(text, {}, kb.arg(0)))

    return make_op("resized_@UNIQUE@(Tensor x) -> Tensor", select, generate)


@pytest.mark.parametrize("factor", [65_536, 8])
def test_kernel_that_yields_another_size_than_declared_is_refused(factor):
    packet, arena = resized(factor, specialised=False), torch.zeros(65_536)
    with pytest.raises(IrRuntimeError) as caught:
        packet.out(torch.ones(16), out=arena[:16])
    assert str(caught.value).startswith(op_of(packet).name)
    assert arena[16:].count_nonzero() == 0
    with pytest.raises(IrRuntimeError):
        packet(torch.ones(16))


def test_kernel_that_yields_more_than_a_specialised_result_stays_inside_it():
    packet, arena = resized(65_536, specialised=True), torch.zeros(65_536)
    packet.out(torch.ones(16), out=arena[:16])
    assert arena.count_nonzero() == 16


FAILS = """
util.func private @f(%x: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %ok = arith.cmpi slt, %n, %c3 : index
  cf.assert %ok, "fewer than three"
  %0 = arith.addf %x, %x : tensor<?xf32>
  util.return %0 : tensor<?xf32>
}
"""


def test_failing_launch_is_reported_and_the_next_one_works():
    def generate(self, ksel, kb):
        kb.yield_results(kb.inline_mlir(FAILS, {}, kb.arg(0)))

    packet = make_op("fails_@UNIQUE@(Tensor x) -> Tensor", like_first, generate)
    for _ in range(2):
        with pytest.raises(LaunchError) as caught:
            packet(torch.ones(5))
        assert str(caught.value).startswith(f"{op_of(packet).name}: failed while running\n    ")
        assert "fewer than three" in str(caught.value)
        assert torch.equal(packet(torch.ones(2)), torch.full((2,), 2.0))


def test_rank_above_what_dlpack_views_take():
    x = torch.randn(1, 2, 1, 2, 1, 2, 1, 2)
    assert torch.equal(ops.add(x, x), x + x)
