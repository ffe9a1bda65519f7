"""Gradients, forward-mode derivatives and vmap of ops and their providers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from tests.ir.ops import add_twice, make_add_twice, make_scaled, wrapped

X = torch.arange(6.0).reshape(2, 3)


@pytest.fixture
def op():
    """Its provider computes in numpy: torch sees nothing of it."""

    @ir.register_op
    def cubed(x: Tensor, factor: float = 1.0) -> Tensor:
        return x * x * x * factor

    @cubed.register_impl("opaque")
    def opaque(x: Tensor, factor: float = 1.0) -> Tensor:
        return torch.from_numpy(x.detach().numpy() ** 3 * factor)

    return cubed


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("provider", ["native", "opaque"])
def test_gradient_is_that_of_native(op, provider, on):
    x = X.double().requires_grad_()
    with op.set_priority([provider]), wrapped(on):
        op(x, 2.0).sum().backward()
        assert torch.equal(x.grad, 6 * x.detach() ** 2)
        assert torch.autograd.gradcheck(op, (x,))
        assert torch.autograd.gradgradcheck(op, (x,))


@pytest.mark.parametrize("on", [True, False])
def test_gradients_of_two_results(on):
    op = make_add_twice()
    x, y = X.clone().requires_grad_(), X.clone().requires_grad_()
    with op.set_priority(["writes"]), wrapped(on):
        one, two = op(x, y)
        (gradient,) = torch.autograd.grad(two.sum(), x, retain_graph=True)
        assert torch.equal(gradient, torch.ones_like(X))
        (one + two).sum().backward()
    assert torch.equal(y.grad, torch.full_like(X, 3.0))


@pytest.mark.parametrize("on", [True, False])
def test_a_gradient_reaches_a_list_that_holds_none(on):
    @ir.register_op
    def total(xs: list[Tensor | None], y: Tensor) -> Tensor:
        return sum((x for x in xs if x is not None), y)

    @total.register_impl("opaque")
    def opaque(xs: list[Tensor | None], y: Tensor) -> Tensor:
        return total.native([x if x is None else x.detach() for x in xs], y)

    with total.set_priority(["opaque"]), wrapped(on):
        for place in (0, 1):
            x = X.clone().requires_grad_()
            xs = [x, None] if place == 0 else [None, x]
            total(xs, X).sum().backward()
            assert torch.equal(x.grad, torch.ones_like(X))


@pytest.mark.parametrize("on", [True, False])
def test_no_graph_where_grad_mode_is_off(op, on):
    x = X.clone().requires_grad_()
    with op.set_priority(["opaque"]), wrapped(on), torch.no_grad():
        assert not op(x).requires_grad


def test_own_backward(op):
    op.register_autograd(
        lambda ctx, gradient: (gradient * 10, None), setup_context=lambda ctx, inputs, output: None
    )
    x = X.clone().requires_grad_()
    with op.set_priority(["opaque"]):
        op(x).sum().backward()
    assert torch.equal(x.grad, torch.full_like(X, 10.0))


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("transform", [torch.func.grad, torch.func.jacrev])
def test_torch_func(op, transform, on):
    with op.set_priority(["opaque"]), wrapped(on):
        found = transform(lambda x: op(x).sum())(X)
    assert torch.equal(found, 3 * X**2)


@pytest.mark.parametrize("on", [True, False])
def test_forward_mode_is_that_of_native(op, on):
    """Not silently zero, though torch cannot look into the provider."""
    with op.set_priority(["opaque"]), wrapped(on):
        value, tangent = torch.func.jvp(op, (X,), (torch.ones_like(X),))
    assert torch.equal(value, X**3)
    assert torch.equal(tangent, 3 * X**2)


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("overload", ["default", "maybe_inplace"])
def test_dual_numbers(on, overload):
    op = make_scaled(allow_inplace=True)
    function = op if overload == "default" else op.maybe_inplace
    with torch.autograd.forward_ad.dual_level(), wrapped(on):
        dual = torch.autograd.forward_ad.make_dual(X.clone(), torch.ones_like(X))
        result = torch.autograd.forward_ad.unpack_dual(function(dual))
        assert torch.equal(result.tangent, torch.full_like(X, 2.0))
        assert torch.equal(function(X.clone()), X * 2), "without a tangent it is a plain call"


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("provider", ["native", "opaque"])
def test_vmap(op, provider, on):
    with op.set_priority([provider]), wrapped(on):
        assert torch.equal(torch.vmap(op)(X), X**3)
        assert torch.equal(torch.vmap(lambda x: op(x, 2.0), in_dims=1, out_dims=1)(X), X**3 * 2)
        nested = torch.vmap(torch.vmap(op))(X)
    assert torch.equal(nested, X**3)


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("overload", ["default", "maybe_inplace"])
@pytest.mark.parametrize("provider", ["native", "fresh", "writes"])
def test_vmap_of_two_results(provider, overload, on):
    op = make_add_twice()
    function = op if overload == "default" else op.maybe_inplace
    x, y = X.clone(), X.clone()
    with op.set_priority([provider]), wrapped(on):
        found = torch.vmap(lambda a: function(a + 0, y[0] + 0))(x)
    expected = add_twice(X, X[0].expand(2, 3))
    for mine, other in zip(found, expected, strict=True):
        assert torch.equal(mine, other)
    assert torch.equal(x, X)


@pytest.mark.parametrize("on", [True, False])
def test_gradient_of_each_row(op, on):
    with op.set_priority(["opaque"]), wrapped(on):
        found = torch.vmap(torch.func.grad(lambda x: op(x).sum()))(X)
    assert torch.equal(found, 3 * X**2)


@pytest.mark.parametrize("on", [True, False])
def test_compiled_gradient(op, on, fresh_compiler):
    x = X.clone().requires_grad_()
    with wrapped(on), op.set_priority(["native"]):
        compiled = torch.compile(lambda x: op(x) * 2, backend="aot_eager", fullgraph=True)
        compiled(x).sum().backward()
    assert torch.equal(x.grad, 6 * X**2)


def test_gradient_of_an_opaque_provider_in_a_compiled_graph(op, fresh_compiler):
    x = X.clone().requires_grad_()
    with op.set_priority(["opaque"]):
        compiled = torch.compile(lambda x: op(x) * 2, backend="aot_eager", fullgraph=True)
        compiled(x).sum().backward()
    assert torch.equal(x.grad, 6 * X**2)


def test_list_and_optional_arguments():
    @ir.register_op
    def total(x: Tensor, others: list[Tensor], last: Tensor | None = None) -> Tensor:
        return sum(others, x) + (0 if last is None else last)

    x, y, z = (X.clone().requires_grad_() for _ in range(3))
    for on in (True, False):
        with wrapped(on):
            total(x, [y, y], z).sum().backward()
    assert torch.equal(x.grad, torch.full_like(X, 2.0))
    assert torch.equal(y.grad, torch.full_like(X, 4.0))
    assert torch.equal(z.grad, torch.full_like(X, 2.0))
