"""Calls that write into given tensors: in-place arguments and `out`."""

from __future__ import annotations

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.errors import ArgumentError, NotDifferentiableError
from tests.op_reg import ops
from tests.op_reg.ops import op_of


def test_results_that_share_memory_are_written_one_after_the_other():
    x, y, memory = torch.rand(4096), torch.rand(4096), torch.empty(6144)
    total, difference = memory[:4096], memory[2048:]
    with count_since() as counts:
        ops.sum_and_difference.out(x, y, out0=total, out1=difference)
    assert torch.equal(difference, x - y)
    assert torch.equal(total[:2048], (x + y)[:2048])
    assert counts[0].copies == 2


@pytest.mark.parametrize(
    "layout",
    [lambda x: x, lambda x: x.t(), lambda x: x[::2, 1::2], lambda x: x[1:, 1:], lambda x: x[0, 1]],
    ids=["contiguous", "transposed", "strided", "misaligned", "scalar"],
)
def test_in_place_writes_back(layout):
    base = torch.randn(8, 8)
    expected = base.clone()
    layout(expected).mul_(2)
    x = layout(base)
    assert ops.twice(x) is x
    assert torch.equal(base, expected)


@pytest.mark.parametrize("offset", [0, 1, 16])
def test_in_place_with_an_overlapping_operand(offset):
    base = torch.arange(64.0)
    x, y = base[offset : offset + 32], base[:32]
    expected = x + y
    ops.add_into(x, y)
    assert torch.equal(x, expected)


def test_in_place_on_an_argument_that_overlaps_itself_is_refused():
    with pytest.raises(RuntimeError, match="single memory location"):
        ops.twice(torch.randn(1).expand(4))


def test_several_mutated_arguments_of_any_layout():
    x, y = torch.randn(4, 4), torch.randn(4, 4)
    x0, y0 = x.clone(), y.clone()
    ops.exchange(x.t(), y.t())
    assert torch.equal(x, y0)
    assert torch.equal(y, x0)


def test_in_place_bumps_the_version():
    x = torch.randn(4)
    before = x._version
    ops.twice(x)
    assert x._version > before


def test_changing_a_saved_tensor_is_an_autograd_error():
    w, x = torch.randn(4, requires_grad=True), torch.randn(4)
    loss = (w * x).sum()
    ops.twice(x)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_writing_out_over_a_saved_tensor_is_an_autograd_error():
    w, x = torch.randn(4, requires_grad=True), torch.randn(4)
    loss = (w * x).sum()
    ops.add.out(torch.ones(4), torch.ones(4), out=x)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_in_place_on_what_requires_a_gradient_is_refused():
    x = torch.randn(4, requires_grad=True)
    with pytest.raises(
        NotDifferentiableError, match=f"^{op_of(ops.twice).name}: an argument requires"
    ):
        ops.twice(x)
    with torch.no_grad():
        expected = x * 2
        ops.twice(x)
    assert torch.equal(x, expected)


def test_out_may_be_an_argument():
    x, y = torch.randn(8), torch.randn(8)
    expected = x + y
    ops.add.out(x, y, out=x)
    assert torch.equal(x, expected)


def test_out_may_overlap_an_argument():
    base = torch.arange(48.0)
    x, out = base[:32], base[16:]
    expected = x + x
    ops.add.out(x, x, out=out)
    assert torch.equal(out, expected)


@pytest.mark.parametrize("layout", [lambda x: x.t(), lambda x: x[1:, 1:], lambda x: x[::2]])
def test_out_of_any_layout_is_written_and_counted(layout):
    base = torch.zeros(9, 9)
    out = layout(base)
    x = torch.randn(out.shape)
    with count_since() as counts:
        ops.add.out(x, x, out=out)
    assert torch.equal(out, x + x)
    assert base.count_nonzero() == out.count_nonzero()
    assert counts[0].copies == 1


def test_staged_out_is_written_by_a_copy():
    x, out = torch.randn(8), torch.empty(8)
    with count_since() as counts:
        assert ops.add.out(x, x, staged=True, out=out) is out
    assert torch.equal(out, x + x)
    assert counts[0].copies == 1


def test_out_of_two_results():
    x, a, b = torch.randn(4), torch.empty(4), torch.empty(4)
    returned = ops.sum_and_difference.out(x, x, out0=a, out1=b)
    assert returned[0] is a
    assert returned[1] is b
    assert torch.equal(a, x + x)
    assert torch.equal(b, x - x)


@pytest.mark.parametrize("out", [torch.empty(3), torch.empty(4, dtype=torch.float64)])
def test_out_that_does_not_fit_is_refused(out):
    shown = "f32[3]" if out.numel() == 3 else "f64[4]"
    with pytest.raises(ArgumentError) as caught:
        ops.add.out(torch.ones(4), torch.ones(4), out=out)
    assert str(caught.value) == f"{op_of(ops.add).name}.out: `out` is {shown}, must be f32[4]"


def test_out_of_no_elements():
    out = torch.empty(0)
    assert ops.add.out(torch.empty(0), torch.empty(0), out=out) is out
