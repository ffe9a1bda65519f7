"""In-place ops: what may be one, and what happens to activations in eager calls."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.ir import IrOp, IrOpInplace
from tests.ir.ops import add_twice, make_add_twice, make_scaled, wrapped

X, Y = torch.arange(6.0).reshape(2, 3), torch.ones(2, 3)
SUM, TWICE = X + Y, (X + Y) * 2


@pytest.fixture
def op():
    return make_add_twice()


def test_kind_of_op(op):
    """IR-60."""
    assert isinstance(op, IrOpInplace)
    assert issubclass(IrOpInplace, IrOp)
    assert op.allow_inplace is True
    assert isinstance(op.maybe_inplace, ir.IrOpInplaceOverload)
    plain = make_scaled()
    assert plain.allow_inplace is False
    assert not hasattr(plain, "maybe_inplace")


def one_result(x: Tensor, x_residual: Tensor) -> Tensor:
    return x


def two_results(x: Tensor) -> tuple[Tensor, Tensor]:
    return x, x


def a_number(x: Tensor) -> int:
    return 1


def tensor_and_number(x: Tensor, x_residual: Tensor) -> tuple[Tensor, int]:
    return x, 1


def list_result(x: Tensor) -> list[Tensor]:
    return [x]


def optional_result(x: Tensor, x_residual: Tensor) -> tuple[Tensor, Tensor | None]:
    return x, None


def no_activation(a: Tensor) -> Tensor:
    return a


def list_activation(x: list[Tensor]) -> Tensor:
    return x[0]


def optional_activation(x: Tensor | None) -> Tensor:
    assert x is not None
    return x


@pytest.mark.parametrize(
    "function",
    [
        one_result,
        two_results,
        a_number,
        tensor_and_number,
        list_result,
        optional_result,
        no_activation,
        list_activation,
        optional_activation,
    ],
)
def test_results_and_activations_must_pair(function):
    """IR-61, hazard 16: lists and optional tensors are counted as what they are."""
    with pytest.raises(AssertionError, match=f"op {function.__name__}: "):
        ir.register_op(allow_inplace=True)(function)
    assert IrOp.registry == {}


def test_lists_are_fine_where_nothing_is_donated():
    """Hazard 16."""

    @ir.register_op(allow_inplace=True)
    def summed(x: Tensor, others: list[Tensor], last: Tensor | None = None) -> Tensor:
        return x + sum(others) + (0 if last is None else last)

    found = summed(X, [X, X])
    assert torch.equal(found, X * 3)
    assert torch.equal(summed.maybe_inplace(X, [X, X], X), X * 4)
    torch.library.opcheck(summed.torch_op, (X, [X, Y], Y))


def test_results_that_may_be_none():
    """Hazard 16: without `allow_inplace`."""

    @ir.register_op
    def halves(x: Tensor, both: bool) -> tuple[Tensor, Tensor | None]:
        return x / 2, x * 2 if both else None

    assert torch.equal(halves(X, True)[1], X * 2)
    assert halves(X, False)[1] is None


def test_schema_of_the_overload(op):
    """IR-62."""
    schema = str(op.maybe_inplace.torch_op._schema)
    assert schema.endswith(
        "::add_twice.maybe_inplace(Tensor(a0!) x, Tensor(a1!) x_residual, Tensor? bias=None)"
        " -> (Tensor, Tensor)"
    )


def test_overload_has_the_same_fake(op):
    """IR-62."""
    op.register_fake(lambda x, x_residual, bias=None: (x.new_empty(7), x.new_empty(8)))
    with torch._subclasses.FakeTensorMode():
        one, two = op.maybe_inplace(torch.empty(2), torch.empty(2))
    assert one.shape == (7,)
    assert two.shape == (8,)


@pytest.mark.parametrize("on", [True, False])
def test_provider_may_ignore_the_permission(op, on):
    """IR-63."""
    x, y = X.clone(), Y.clone()
    with op.set_priority(["fresh"]), wrapped(on):
        one, two = op.maybe_inplace(x, y)
    assert torch.equal(one, TWICE)
    assert torch.equal(two, SUM)
    assert torch.equal(x, X)
    assert torch.equal(y, Y)


@pytest.mark.parametrize("on", [True, False])
def test_donated_activations_are_written_without_a_copy(op, on):
    """IR-64."""
    x, y = X.clone(), Y.clone()
    with op.set_priority(["writes"]), wrapped(on):
        one, two = op.maybe_inplace(x, y)
    assert one.data_ptr() == x.data_ptr()
    assert two.data_ptr() == y.data_ptr()
    assert torch.equal(one, TWICE)
    assert torch.equal(two, SUM)


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("provider", ["native", "fresh", "writes"])
def test_default_overload_leaves_activations_alone(op, on, provider):
    """IR-64."""
    x, y = X.clone(), Y.clone()
    with op.set_priority([provider]), wrapped(on):
        one, two = op(x, y, X[0])
    assert torch.equal(x, X)
    assert torch.equal(y, Y)
    assert torch.equal(one, (SUM + X[0]) * 2)
    assert torch.equal(two, SUM + X[0])


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("provider", ["native", "fresh", "writes"])
@pytest.mark.parametrize("overload", ["default", "maybe_inplace"])
def test_same_tensor_for_both_activations(op, on, provider, overload):
    """Hazard 2."""
    function = op if overload == "default" else op.maybe_inplace
    x = X.clone()
    with op.set_priority([provider]), wrapped(on):
        one, two = function(x, x)
    assert torch.equal(one, X * 4)
    assert torch.equal(two, X * 2)


@pytest.mark.parametrize("on", [True, False])
def test_two_views_of_one_memory(op, on):
    """Hazard 2: overlapping, with another start."""
    base = torch.arange(8.0)
    expected = add_twice(base[:6].clone(), base[2:].clone())
    with op.set_priority(["writes"]), wrapped(on):
        found = op.maybe_inplace(base[:6], base[2:])
    for mine, other in zip(found, expected, strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("listed", [True, False])
def test_donated_memory_that_another_argument_reads(on, listed):
    """Hazard 2: `weight` is a row of what is written."""

    @ir.register_op(allow_inplace=True)
    def shifted(x: Tensor, weight: Tensor, more: list[Tensor]) -> Tensor:
        return sum(more, x + 1) + weight

    @shifted.register_impl("writes", inplace=True)
    def writes(x: Tensor, weight: Tensor, more: list[Tensor]) -> Tensor:
        x.add_(1)
        for row in (weight, *more):
            x.add_(row.clone())
        return x

    x = X.clone()
    weight, more = (Y[0], [x[1], x[0]]) if listed else (x[1], [])
    expected = shifted.native(x, weight, more)
    with shifted.set_priority(["writes"]), wrapped(on):
        assert torch.equal(shifted.maybe_inplace(x, weight, more), expected)


@pytest.mark.parametrize("on", [True, False])
def test_columns_of_one_table_are_written_without_a_copy(op, on):
    """Query and key of one projection share memory, and no element."""
    table = torch.arange(24.0).reshape(2, 12)
    x, y = table[:, :4], table[:, 4:8]
    expected = add_twice(x.clone(), y.clone())
    with op.set_priority(["writes"]), wrapped(on):
        found = op.maybe_inplace(x, y)
    assert [t.data_ptr() for t in found] == [x.data_ptr(), y.data_ptr()]
    for mine, other in zip(found, expected, strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize("on", [True, False])
def test_expanded_activation(op, on):
    """Hazard 5: elements that share memory cannot be written."""
    x = X[:1].clone().expand(2, 3)
    with op.set_priority(["writes"]), wrapped(on):
        found = op.maybe_inplace(x, Y.clone())
        plain = op(x, Y)
    for mine, other, third in zip(found, add_twice(x.clone(), Y), plain, strict=True):
        assert torch.equal(mine, other)
        assert torch.equal(third, other)


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("overload", ["default", "maybe_inplace"])
def test_activations_by_keyword(op, on, overload):
    """Hazard 12."""
    function = op if overload == "default" else op.maybe_inplace
    with op.set_priority(["writes"]), wrapped(on):
        one, two = function(x_residual=Y.clone(), x=X.clone())
        mixed = function(X.clone(), x_residual=Y.clone(), bias=X[0])
    assert torch.equal(one, TWICE)
    assert torch.equal(two, SUM)
    assert torch.equal(mixed[1], SUM + X[0])


@pytest.mark.parametrize("on", [True, False])
def test_autograd_notices_what_was_written(op, on):
    """A tensor that was kept for a backward and donated after that is an error, not a number."""
    x, leaf = X.clone(), Y.clone().requires_grad_()
    kept = (leaf * x).sum()
    with op.set_priority(["writes"]), wrapped(on):
        op.maybe_inplace(x, Y.clone())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        kept.backward()


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("provider", ["native", "fresh", "writes"])
def test_gradient_through_a_donated_activation(op, on, provider):
    """What a gradient needs is not written."""
    x, y = X.clone().requires_grad_(), Y.clone().requires_grad_()
    with op.set_priority([provider]), wrapped(on):
        one, two = op.maybe_inplace(x, y)
        (one.sum() + 3 * two.sum()).backward()
    assert torch.equal(x.grad, torch.full_like(X, 5.0))
    assert torch.equal(y.grad, torch.full_like(X, 5.0))
    assert torch.equal(x.detach(), X)


@pytest.mark.parametrize("on", [True, False])
def test_inference_mode(op, on):
    with torch.inference_mode(), op.set_priority(["writes"]), wrapped(on):
        x, y = X.clone(), Y.clone()
        one, two = op.maybe_inplace(x, y)
        assert one.data_ptr() == x.data_ptr()
        assert torch.equal(two, SUM)


@pytest.mark.parametrize("on", [True, False])
def test_empty_activations(op, on):
    empty = torch.empty(0, 3)
    with op.set_priority(["writes"]), wrapped(on):
        one, two = op.maybe_inplace(empty.clone(), empty.clone())
    assert one.shape == two.shape == (0, 3)
