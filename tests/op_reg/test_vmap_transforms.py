"""Ops under gradients, Jacobians, forward mode and compiled maps."""

from __future__ import annotations

import pytest
import torch
from torch.func import grad, jacrev, vjp

from ir_runtime.errors import NotDifferentiableError
from ir_runtime.op_reg import derive_backward
from tests.op_reg import ops
from tests.op_reg.differentiable import native_op
from tests.op_reg.mapped_product import LOOPED, PRODUCTS, X, Y, each_product, total
from tests.op_reg.ops import op_of
from tests.sampling import covering

# --- with gradients -----------------------------------------------------------------------------


@each_product
def test_functional_gradient(product):
    torch.testing.assert_close(grad(total(product), (0, 1))(X, Y), (Y, X))


@each_product
def test_gradient_of_a_gradient(product):
    """A saved intermediate keeps its own derivative: the second derivative of x ** 3 is 6 x."""
    cube = lambda x: product(product(x, x), x).sum()  # noqa: E731
    found = grad(lambda x: grad(cube)(x).sum())(X)
    torch.testing.assert_close(found, 6 * X)


@each_product
def test_map_of_a_gradient(product):
    torch.testing.assert_close(torch.vmap(grad(total(product)))(X, Y), Y)
    torch.testing.assert_close(
        torch.vmap(grad(total(product)), (0, None))(X, Y[0]), Y[0].expand(3, 4)
    )


@each_product
def test_gradient_of_a_map(product):
    found = grad(lambda x, y: torch.vmap(product)(x, y).sum(), (0, 1))(X, Y)
    torch.testing.assert_close(found, (Y, X))


@each_product
def test_gradient_of_what_is_not_mapped_is_summed(product):
    found = grad(lambda x, y: torch.vmap(product, (None, 0))(x, y).sum(), (0, 1))(X[0], Y)
    torch.testing.assert_close(found, (Y.sum(0), X[0].expand(3, 4)))


@each_product
def test_map_of_tensors_that_require_a_gradient(product):
    x, y = X.clone().requires_grad_(), Y.clone().requires_grad_()
    torch.vmap(product)(x, y).sum().backward()
    torch.testing.assert_close((x.grad, y.grad), (Y, X))


@each_product
def test_jacobian(product):
    x, y = X[0], Y[0]
    found = jacrev(product, (0, 1))(x, y)
    torch.testing.assert_close(found, (torch.diag(y), torch.diag(x)))


@each_product
def test_jacobian_of_a_jacobian(product):
    cube = lambda x: product(product(x, x), x).sum()  # noqa: E731
    torch.testing.assert_close(jacrev(jacrev(cube))(X[0]), torch.diag(6 * X[0]))


@each_product
def test_map_of_a_jacobian(product):
    found = torch.vmap(jacrev(product))(X, Y)
    torch.testing.assert_close(found, torch.diag_embed(Y))


@each_product
def test_pull_back_is_called_after_its_transform_has_ended(product):
    _, pull = vjp(product, X, Y)
    torch.testing.assert_close(pull(torch.ones(3, 4)), (Y, X))
    mapped = torch.vmap(pull)(torch.stack([torch.ones(3, 4), torch.zeros(3, 4)]))
    torch.testing.assert_close(mapped[0], torch.stack([Y, torch.zeros(3, 4)]))


@each_product
def test_pull_back_is_differentiable_in_what_was_saved(product):
    x = X.clone().requires_grad_()
    _, pull = vjp(lambda x: product(product(x, x), x).sum(), x)
    (found,) = torch.autograd.grad(pull(torch.tensor(1.0))[0].sum(), x)
    torch.testing.assert_close(found, 6 * X)


@each_product
def test_vectorised_jacobian_of_torch_autograd(product):
    found = torch.autograd.functional.jacobian(lambda x: product(x, Y[0]), X[0], vectorize=True)
    torch.testing.assert_close(found, torch.diag(Y[0]))


@each_product
def test_batched_gradients(product):
    x = X[0].clone().requires_grad_()
    z = product(x, Y[0])
    (found,) = torch.autograd.grad(z, x, torch.eye(4), is_grads_batched=True)
    torch.testing.assert_close(found, torch.diag(Y[0]))


def test_gradient_of_one_result_of_two():
    native = lambda x, y: (x + y, x * y)  # noqa: E731
    packet = native_op(
        "both_@UNIQUE@(Tensor x, Tensor y) -> (Tensor, Tensor)",
        native,
        backward=derive_backward(native),
        vmap="loop",
    )
    torch.testing.assert_close(grad(lambda x, y: packet(x, y)[1].sum())(X, Y), Y)
    found = torch.vmap(grad(lambda x, y: packet(x, y)[1].sum()))(X, Y)
    torch.testing.assert_close(found, Y)


def test_functional_gradient_of_a_list():
    native = lambda xs: xs[0] * xs[1]  # noqa: E731
    packet = native_op(
        "times_@UNIQUE@(Tensor[] xs) -> Tensor", native, backward=derive_backward(native)
    )
    torch.testing.assert_close(grad(lambda x, y: packet([x, y]).sum())(X, Y), Y)


def test_functional_gradient_without_a_backward_is_refused():
    with pytest.raises(NotDifferentiableError, match="a gradient reached it"):
        grad(lambda x: ops.scale(x).sum())(X[0])


# --- forward mode -------------------------------------------------------------------------------

FORWARD_MODE = (
    ": an argument carries a tangent, and this call has no forward-mode derivative\n"
    "  fix: use reverse mode, such as torch.func.vjp or jacrev instead of jvp or jacfwd"
)


def test_tangent_is_refused_not_dropped():
    """An op of torch.library returns a result without a tangent, as if it were constant."""
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(X, Y)
        with pytest.raises(NotDifferentiableError) as caught:
            ops.scale(dual)
        assert str(caught.value) == op_of(ops.scale).name + FORWARD_MODE
        assert torch.equal(ops.scale(X), ops.scale(X.clone()))


@pytest.mark.parametrize("call", [LOOPED, ops.add])
def test_tangent_of_an_op_with_a_backward(call):
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(X, Y)
        found = torch.autograd.forward_ad.unpack_dual(call(dual, X)).tangent
    torch.testing.assert_close(found, Y * X if call is LOOPED else Y)


def test_functional_forward_mode_of_an_op_with_a_native():
    _, tangent = torch.func.jvp(LOOPED, (X, Y), (X, Y))
    torch.testing.assert_close(tangent, 2 * X * Y)
    torch.testing.assert_close(torch.func.jacfwd(LOOPED)(X[0], Y[0]), torch.diag(Y[0]))


def test_tangent_is_refused_by_an_out_overload():
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(X, Y)
        with pytest.raises(NotDifferentiableError):
            ops.add.out(dual, X, out=torch.empty(3, 4))


# --- traced -------------------------------------------------------------------------------------

TRANSFORMS = {
    "map": torch.vmap,
    "map of one": lambda product: lambda x, y: torch.vmap(product, (0, None))(x, y[0]),
    "gradient": lambda product: grad(total(product)),
    "map of gradient": lambda product: torch.vmap(grad(total(product))),
    # Not jacrev(product): Dynamo cannot copy the attributes of any op packet, as jacrev does.
    "jacobian": lambda product: lambda x, y: jacrev(lambda x: product(x, y[0]))(x[0]),
}


@covering(
    transform=tuple(TRANSFORMS),
    name=("function, rule", "native, loop"),
    backend=("aot_eager", "inductor"),
)
def test_compiled_transform_is_right(transform, name, backend):
    torch._dynamo.reset()
    transform = TRANSFORMS[transform]
    compiled = torch.compile(transform(PRODUCTS[name]), backend=backend, fullgraph=True)
    torch.testing.assert_close(compiled(X, Y), transform(torch.mul)(X, Y))


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # torch.export copies its own
def test_exported_map_is_right():
    class Mapped(torch.nn.Module):
        def forward(self, x, y):
            return torch.vmap(PRODUCTS["native, rule"])(x, y)

    assert torch.equal(torch.export.export(Mapped(), (X, Y)).module()(X, Y), X * Y)
