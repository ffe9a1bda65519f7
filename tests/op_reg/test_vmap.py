"""Does `torch.vmap` run the rule of an op, with gradients inside and outside of it?"""

from __future__ import annotations

import pytest
import torch
from torch.func import grad, jacrev, vjp

from ir_runtime.counters import count_since
from ir_runtime.errors import NotDifferentiableError, NoVmapRuleError, RegistrationError
from ir_runtime.op_reg import derive_backward, register_autograd, register_vmap
from tests.op_reg import ops
from tests.op_reg.differentiable import (
    calls_below,
    multiply,
    native_op,
    product_backward_op,
    product_gradients,
    product_op,
    save_inputs,
)
from tests.op_reg.ops import CustomOp, like_first, make_op, op_of, yield_first
from tests.sampling import covering

X, Y = torch.randn(3, 4), torch.randn(3, 4)


def elementwise(packet):
    """Return a rule that calls the op once, on all elements."""

    def rule(info, in_dims, *args):
        moved = [
            x.unsqueeze(0).expand(info.batch_size, *x.shape) if d is None else x.movedim(d, 0)
            for x, d in zip(args, in_dims, strict=True)
        ]
        return packet(*moved), 0

    return rule


def product_of(form, rule):
    """Register a product whose backward is of a form, and a vmap rule for each op of it."""
    packet = product_op()
    register_vmap(packet, "loop" if rule == "loop" else elementwise(packet))
    if form == "function":
        register_autograd(packet, product_gradients, setup_context=save_inputs)
    elif form == "native":
        register_autograd(packet, derive_backward(multiply))
    else:
        register_autograd(packet, product_backward_op(vmap="loop"))
    return packet


PRODUCTS = {
    f"{form}, {rule}": product_of(form, rule)
    for form in ("function", "op", "native")
    for rule in ("loop", "rule")
}
each_product = pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
LOOPED = PRODUCTS["native, loop"]


def total(product):
    return lambda x, y: product(x, y).sum()


# --- without gradients --------------------------------------------------------------------------


@each_product
@pytest.mark.parametrize("in_dims", [(0, 0), (0, None), (None, 0), (1, 0), (0, 1), (-1, -1)])
@pytest.mark.parametrize("out_dims", [0, 1])
def test_every_mapped_dimension(product, in_dims, out_dims):
    size = 4
    x, y = torch.randn(4, 4), torch.randn(4, 4)
    args = [t[0] if d is None else t for t, d in zip((x, y), in_dims, strict=True)]
    found = torch.vmap(product, in_dims, out_dims)(*args)
    assert found.shape == (size, size)
    assert torch.equal(found, torch.vmap(torch.mul, in_dims, out_dims)(*args))


@each_product
def test_vmap_of_vmap(product):
    assert torch.equal(torch.vmap(torch.vmap(product))(X, Y), X * Y)
    found = torch.vmap(torch.vmap(product, (0, None)), (None, 0))(X, Y)
    assert torch.equal(found, X[None] * Y[:, None])


@each_product
def test_inner_argument_of_the_outer_map(product):
    """The inner map has nothing to map in this op."""
    found = torch.vmap(lambda x, y: torch.vmap(lambda k: product(x, y) + k)(torch.arange(2.0)))
    assert torch.equal(found(X, Y), (X * Y)[:, None] + torch.arange(2.0)[None, :, None])


def test_rule_runs_one_kernel_and_the_loop_one_an_element():
    for name, launches in (("native, rule", 1), ("native, loop", 3)):
        with calls_below(PRODUCTS[name]) as seen:
            torch.vmap(PRODUCTS[name])(X.clone().requires_grad_(), Y)
        assert len(seen) == launches


def test_loop_over_nothing():
    assert torch.vmap(LOOPED)(torch.empty(0, 4), torch.empty(0, 4)).shape == (0, 4)
    columns = torch.empty(4, 0)
    assert torch.vmap(LOOPED, 1)(columns, columns).shape == (0, 4)


def test_loop_with_a_list():
    packet = native_op("sum_@UNIQUE@(Tensor[] xs) -> Tensor", lambda xs: xs[0] + xs[1], vmap="loop")
    assert torch.equal(torch.vmap(lambda x, y: packet([x, y]), (0, None))(X, Y[0]), X + Y[0])


def test_loop_with_two_results():
    packet = native_op(
        "both_@UNIQUE@(Tensor x, Tensor y) -> (Tensor, Tensor)",
        lambda x, y: (x + y, x * y),
        vmap="loop",
    )
    for rows in (3, 0):
        total, product = torch.vmap(packet)(X[:rows], Y[:rows])
        assert torch.equal(total, X[:rows] + Y[:rows])
        assert torch.equal(product, X[:rows] * Y[:rows])


def test_loop_with_keyword_only_and_absent_arguments():
    packet = native_op(
        "affine_@UNIQUE@(Tensor x, Tensor? w=None, *, Tensor? b=None, float scale=1.0) -> Tensor",
        lambda x, w=None, *, b=None, scale=1.0: x * scale if b is None else x * scale + b,
        vmap="loop",
    )
    assert torch.equal(torch.vmap(lambda x: packet(x, scale=2.0))(X), X * 2)
    assert torch.equal(torch.vmap(lambda x, b: packet(x, b=b))(X, Y), X + Y)
    assert torch.equal(torch.vmap(lambda x, b: packet(x, b=b), (0, None))(X, Y[0]), X + Y[0])


def in_place_op():
    return make_op(
        "twice_@UNIQUE@_(Tensor(a!) x, Tensor y) -> Tensor(a!)",
        lambda self, ksel: (ksel.arg_tensor(0, inplace_tied=True), ksel.arg_tensor(1)),
        ops.yield_sum,
        vmap="loop",
    )


def test_loop_changes_mapped_arguments_in_place():
    x, packet = X.clone(), in_place_op()
    found = torch.vmap(packet, (1, None))(x, Y[:, 0].contiguous())
    assert torch.equal(x, X + Y[:, :1])
    assert torch.equal(found, x.t())


def test_loop_refuses_to_change_what_is_not_mapped():
    packet = in_place_op()
    with pytest.raises(NoVmapRuleError) as caught:
        torch.vmap(packet, (None, 0))(X[0].clone(), Y)
    assert str(caught.value) == (
        f"{op_of(packet).name}: `x` is changed in place and not mapped, "
        "must be mapped where another argument is"
    )


def test_rule_is_told_of_the_map():
    seen = []

    def rule(info, in_dims, x, factor, *, y):
        seen.append((info.batch_size, info.randomness, in_dims, tuple(x.shape), factor))
        return x * factor, in_dims[0]

    packet = make_op("told_@UNIQUE@(Tensor x, float factor, *, Tensor y) -> Tensor", None, None)
    register_vmap(packet, rule)
    found = torch.vmap(lambda x, y: packet(x, 2.0, y=y), (1, None), randomness="same")(X, Y)
    assert torch.equal(found, X.t() * 2)
    assert seen == [(4, "same", (1, None, None), (3, 4), 2.0)]


def test_method_of_the_class_is_the_rule():
    def vmap(self, info, in_dims, x):
        assert isinstance(self, CustomOp)
        return x * 10, in_dims[0]

    packet = make_op("method_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first, vmap=vmap)
    assert torch.equal(torch.vmap(packet)(X), X * 10)


def test_calls_outside_of_a_map_do_not_run_the_rule():
    with count_since() as counts:
        assert torch.equal(LOOPED(X, Y), X * Y)
    assert counts[0].compiles <= 1


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


# --- refusals -----------------------------------------------------------------------------------


def test_op_without_a_rule_is_refused():
    with pytest.raises(NoVmapRuleError) as caught:
        torch.vmap(ops.add)(X, Y)
    assert str(caught.value) == (
        f"{op_of(ops.add).name}: torch.vmap reached it, and it has no vmap rule\n"
        "  fix: ir_runtime.op_reg.register_vmap(op, rule), or register_vmap(op, 'loop') "
        "to call it for each element"
    )


def test_op_without_a_rule_runs_where_nothing_is_mapped():
    found = torch.vmap(lambda k: ops.add(X, Y) + k)(torch.arange(2.0))
    assert torch.equal(found, (X + Y) + torch.arange(2.0)[:, None, None])


def test_second_rule_is_refused():
    with pytest.raises(RegistrationError) as caught:
        register_vmap(LOOPED, "loop")
    assert str(caught.value) == (
        f"{op_of(LOOPED).qualified_name}: it has a vmap rule already, must be given one once"
    )


def test_rule_of_another_kind_is_refused():
    with pytest.raises(RegistrationError) as caught:
        register_vmap(ops.add, "map")
    assert str(caught.value) == (
        f"{op_of(ops.add).name}: its vmap rule is 'map', must be a function or 'loop'"
    )


def test_rule_that_returns_no_dimensions_is_torchs_own_error():
    packet = make_op("bare_@UNIQUE@(Tensor x) -> Tensor", like_first, yield_first)
    register_vmap(packet, lambda info, in_dims, x: x)
    with pytest.raises(RuntimeError, match="to have two returns"):
        torch.vmap(packet)(X)
