"""The overload `out`: results go where the caller says, or are refused."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from tests.ir.ops import add_twice, make_add_twice, make_scaled

X = torch.arange(6.0).reshape(2, 3)
PROVIDERS = ["native", "mine", "writes"]


@pytest.fixture
def op():
    op = make_scaled(allow_inplace=True)

    @op.register_impl("mine")
    def mine(x: Tensor, factor: float = 2.0) -> Tensor:
        return x * factor

    @op.register_impl("writes", inplace=True)
    def writes(x: Tensor, factor: float = 2.0) -> Tensor:
        return x.mul_(factor)

    return op


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("staged", [True, False])
def test_result_is_the_tensor_given(op, provider, staged):
    out = torch.full_like(X, -1.0)
    x = X.clone()
    with op.set_priority([provider]):
        found = op.packet.out(x, 3.0, staged=staged, out=out)
    assert found is out
    assert torch.equal(out, X * 3)
    assert torch.equal(x, X)


def test_default_and_keywords(op):
    out = torch.empty_like(X)
    assert torch.equal(op.packet.out(x=X, out=out), X * 2)
    assert torch.equal(op.packet(X, factor=4.0, out=out), X * 4)


def test_two_results():
    op = make_add_twice()
    outs = torch.empty_like(X), torch.empty_like(X)
    found = op.packet.out(X, X, out0=outs[0], out1=outs[1])
    assert found[0] is outs[0]
    assert found[1] is outs[1]
    for mine, other in zip(outs, add_twice(X, X), strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize(
    ("out", "text"),
    [
        (torch.empty(3, 2), r"scaled.out: `out` is f32\[3, 2\], must be f32\[2, 3\]"),
        (torch.empty(0), r"`out` is f32\[0\], must be f32\[2, 3\]"),
        (torch.empty(2, 3, dtype=torch.float64), r"`out` is f64\[2, 3\], must be f32\[2, 3\]"),
    ],
)
def test_wrong_shape_or_dtype(op, out, text):
    with pytest.raises(ValueError, match=text):
        op.packet.out(X, out=out)
    with pytest.raises(ValueError, match=text):
        op.packet.out(X.to("meta"), out=out.to("meta"))


@pytest.mark.parametrize("which", ["x", "out"])
def test_gradient_is_refused(op, which):
    x, out = X.clone(), torch.empty_like(X)
    (x if which == "x" else out).requires_grad_()
    with pytest.raises(ValueError, match="requires a gradient, must be without one"):
        op.packet.out(x, out=out)
    with torch.no_grad():
        assert torch.equal(op.packet.out(x, out=out), X * 2)


def test_tangent_is_refused(op):
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(X.clone(), torch.ones_like(X))
        with pytest.raises(RuntimeError, match="tangent"):
            op.packet.out(dual, out=torch.empty_like(X))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_out_that_is_the_input(op, provider):
    x = X.clone()
    with op.set_priority([provider]):
        assert op.packet.out(x, 3.0, out=x) is x
    assert torch.equal(x, X * 3)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_out_that_overlaps_the_input(op, provider):
    """The result is as if computed aside."""
    base = torch.arange(8.0)
    expected = base[:6] * 3
    with op.set_priority([provider]):
        op.packet.out(base[:6], 3.0, out=base[2:])
    assert torch.equal(base[2:], expected)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_strided_out(op, provider):
    table = torch.zeros(3, 4)
    with op.set_priority([provider]):
        op.packet.out(X, 3.0, out=table.t()[1:3])
    assert torch.equal(table.t()[1:3], X * 3)
    assert torch.equal(table.t()[0], torch.zeros(3))


def test_autograd_notices_what_was_written(op):
    leaf = X.clone().requires_grad_()
    out = torch.ones_like(X)
    kept = (leaf * out).sum()
    op.packet.out(X, out=out)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        kept.backward()


def test_result_that_may_be_none_has_no_out():
    @ir.register_op
    def halves(x: Tensor, both: bool) -> tuple[Tensor, Tensor | None]:
        return x / 2, x * 2 if both else None

    assert halves.packet.overloads() == ["default"]


def test_number_has_no_out():
    @ir.register_op
    def size_of(x: Tensor) -> int:
        return x.numel()

    assert size_of(X) == 6
    assert size_of.packet.overloads() == ["default"]


def test_compiled(op, fresh_compiler):
    def function(x):
        out = torch.empty_like(x)
        op.packet.out(x, 3.0, out=out)
        return out + 1

    compiled = torch.compile(function, backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(X), X * 3 + 1)
