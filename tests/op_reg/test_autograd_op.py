"""Is an op called as its argument names say when it is the backward of another?"""

from __future__ import annotations

import pytest
import torch

from ir_runtime.counters import count_since
from ir_runtime.errors import NotDifferentiableError
from ir_runtime.op_reg import derive_backward, register_autograd
from tests.op_reg.differentiable import leaf, native_op, product_backward_op, product_op
from tests.op_reg.ops import make_op, op_of


def op_with_backward(signature, native, backward_signature, backward_native):
    packet = native_op(signature, native)
    register_autograd(packet, native_op(backward_signature, backward_native))
    return packet


def test_names_of_arguments_in_any_order():
    packet = op_with_backward(
        "scaled_@UNIQUE@(Tensor x, Tensor y, float factor) -> Tensor",
        lambda x, y, factor: x * y * factor,
        "of_@UNIQUE@(Tensor y, float factor, Tensor grad, Tensor x) "
        "-> (Tensor grad_y, Tensor grad_x)",
        lambda y, factor, grad, x: (grad * x * factor, grad * y * factor),
    )
    x, y = leaf(3, dtype=torch.float64), leaf(3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x, y: packet(x, y, 3.0), (x, y))


def test_keyword_only_arguments_of_both():
    packet = op_with_backward(
        "scaled_@UNIQUE@(Tensor x, *, float factor=2.0, Tensor y) -> Tensor",
        lambda x, *, factor, y: x * y * factor,
        "of_@UNIQUE@(Tensor grad, *, Tensor x, Tensor y, float factor) "
        "-> (Tensor grad_x, Tensor grad_y)",
        lambda grad, *, x, y, factor: (grad * y * factor, grad * x * factor),
    )
    x, y = leaf(3, dtype=torch.float64), leaf(3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x, y: packet(x, y=y), (x, y))
    assert torch.autograd.gradcheck(lambda x, y: packet(x, factor=5.0, y=y), (x, y))


def test_unnamed_results_are_gradients_in_order():
    packet = op_with_backward(
        "scaled_@UNIQUE@(Tensor x, float factor, Tensor y) -> Tensor",
        lambda x, factor, y: x * y * factor,
        "of_@UNIQUE@(Tensor grad, Tensor x, float factor, Tensor y) -> (Tensor, Tensor)",
        lambda grad, x, factor, y: (grad * y * factor, grad * x * factor),
    )
    x, y = leaf(3, dtype=torch.float64), leaf(3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x, y: packet(x, 3.0, y), (x, y))


def test_saved_result():
    """`1 / x` differentiates to minus the square of its result."""
    packet = op_with_backward(
        "inverse_@UNIQUE@(Tensor x) -> Tensor",
        lambda x: 1 / x,
        "of_@UNIQUE@(Tensor grad, Tensor result) -> Tensor",
        lambda grad, result: -grad * result * result,
    )
    x = torch.rand(3, dtype=torch.float64).add(1).requires_grad_()
    assert torch.autograd.gradcheck(packet, x)


def test_saved_result_by_its_own_name():
    packet = op_with_backward(
        "inverse_@UNIQUE@(Tensor x) -> (Tensor y)",
        lambda x: 1 / x,
        "of_@UNIQUE@(Tensor grad_y, Tensor y) -> Tensor",
        lambda grad_y, y: -grad_y * y * y,
    )
    x = torch.rand(3, dtype=torch.float64).add(1).requires_grad_()
    assert torch.autograd.gradcheck(packet, x)


def test_saved_result_under_functional_transforms():
    def native(grad, result):
        return -grad * result * result

    backward = native_op(
        "of_@UNIQUE@(Tensor grad, Tensor result) -> Tensor",
        native,
        backward=derive_backward(native),
        vmap="loop",
    )
    packet = native_op(
        "inverse_@UNIQUE@(Tensor x) -> Tensor", lambda x: 1 / x, backward=backward, vmap="loop"
    )
    x = torch.rand(3, dtype=torch.float64) + 1
    first = torch.func.grad(lambda x: packet(x).sum())
    torch.testing.assert_close(first(x), -1 / x**2)
    torch.testing.assert_close(torch.func.grad(lambda x: first(x).sum())(x), 2 / x**3)
    torch.testing.assert_close(torch.func.jacrev(packet)(x), torch.diag(-1 / x**2))
    torch.testing.assert_close(torch.vmap(torch.func.grad(packet))(x), -1 / x**2)


def test_list_result_whose_elements_have_gradients_in_part():
    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.return_new_tensor_list([x.t.shape] * 2, x.t.dtype)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        x = kb.arg(0)
        kb.yield_results(arith.addf(x, x), arith.mulf(x, x))

    packet = make_op("listed_@UNIQUE@(Tensor x) -> Tensor[]", select, generate)
    backward = native_op(
        "of_@UNIQUE@(Tensor[] grad, Tensor[] result, Tensor x) -> Tensor",
        lambda grad, result, x: 2 * grad[0] + 2 * grad[1] * x + 0 * result[0],
    )
    register_autograd(packet, backward)
    x = leaf(3)
    for used, expected in (([0], torch.full((3,), 2.0)), ([1], 2 * x), ([0, 1], 2 + 2 * x)):
        results = packet(x)
        (found,) = torch.autograd.grad(sum(results[i].sum() for i in used), x)
        torch.testing.assert_close(found, expected.detach())


def test_saved_result_that_was_changed_is_noticed():
    packet = op_with_backward(
        "inverse_@UNIQUE@(Tensor x) -> Tensor",
        lambda x: 1 / x,
        "of_@UNIQUE@(Tensor grad, Tensor result) -> Tensor",
        lambda grad, result: -grad * result * result,
    )
    y = packet(torch.rand(3).add(1).requires_grad_())
    with torch.no_grad():
        y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


TWO_RESULTS = "both_@UNIQUE@(Tensor x, Tensor y) -> (Tensor total, Tensor product)"


def two_results(x, y):
    return x + y, x * y


def test_two_results_whose_unused_gradient_is_zeros():
    packet = op_with_backward(
        TWO_RESULTS,
        two_results,
        "of_@UNIQUE@(Tensor grad_total, Tensor grad_product, Tensor x, Tensor y) "
        "-> (Tensor grad_x, Tensor grad_y)",
        lambda gt, gp, x, y: (gt + gp * y, gt + gp * x),
    )
    x, y = leaf(3), leaf(3)
    gx, gy = torch.autograd.grad(packet(x, y)[1].sum(), (x, y))
    torch.testing.assert_close((gx, gy), (y.detach(), x.detach()))
    args = leaf(3, dtype=torch.float64), leaf(3, dtype=torch.float64)
    assert torch.autograd.gradcheck(packet, args)


def test_unused_gradient_is_none_where_the_argument_is_optional():
    absent = []

    def native(gt, gp, x, y):
        absent.append((gt is None, gp is None))
        both = torch.zeros_like(x) if gt is None else gt
        return (both, both) if gp is None else (both + gp * y, both + gp * x)

    packet = op_with_backward(
        TWO_RESULTS,
        two_results,
        "of_@UNIQUE@(Tensor? grad_total, Tensor? grad_product, Tensor x, Tensor y) "
        "-> (Tensor grad_x, Tensor grad_y)",
        native,
    )
    for weight_total, weight_product in ((1, 0), (0, 1), (1, 1)):
        x, y = leaf(3), leaf(3)
        total, product = packet(x, y)
        losses = [total.sum()] * weight_total + [product.sum()] * weight_product
        found = torch.autograd.grad(sum(losses), (x, y))
        expected = weight_total + weight_product * y, weight_total + weight_product * x
        torch.testing.assert_close(found, tuple(e.detach() for e in expected))
    assert absent == [(False, True), (True, False), (False, False)]


NEEDS = (
    "of_@UNIQUE@(Tensor grad, Tensor x, Tensor y, bool[] needs_grad) "
    "-> (Tensor grad_x, Tensor grad_y)"
)


def masked_product():
    """A backward that computes what is needed, and leaves the other result empty."""

    def native(grad, x, y, needs_grad):
        masks.append(tuple(needs_grad))
        none = grad.new_empty(0)
        return grad * y if needs_grad[0] else none, grad * x if needs_grad[1] else none

    masks: list[tuple[bool, ...]] = []
    packet = op_with_backward(
        "masked_@UNIQUE@(Tensor x, Tensor y) -> Tensor", lambda x, y: x * y, NEEDS, native
    )
    return packet, masks


@pytest.mark.parametrize("needs", [(True, False), (False, True), (True, True)])
def test_needs_grad_says_which_gradients_are_asked_for(needs):
    """Reference 2.4: a mask, and results of which some are not there."""
    packet, masks = masked_product()
    x, y = (torch.randn(3, requires_grad=need) for need in needs)
    packet(x, y).sum().backward()
    assert set(masks) == {needs}
    assert (x.grad is not None, y.grad is not None) == needs
    assert x.grad is None or torch.equal(x.grad, y)
    assert y.grad is None or torch.equal(y.grad, x)


@pytest.mark.parametrize("needs", [(True, False), (False, True), (True, True)])
def test_needs_grad_compiled(needs):
    packet, _ = masked_product()
    x, y = (torch.randn(3, requires_grad=need) for need in needs)
    compiled = torch.compile(lambda x, y: packet(x, y) * 2, backend="aot_eager", fullgraph=True)
    compiled(x, y).sum().backward()
    assert x.grad is None or torch.equal(x.grad, 2 * y)
    assert y.grad is None or torch.equal(y.grad, 2 * x)


def absent_where_not_needed():
    """A backward whose results are `Tensor?`, None where nobody asks."""

    def select(self, ksel):
        grad = ksel.arg_tensor(0)
        ksel.arg_tensor(1)
        ksel.arg_tensor(2)
        for need in ksel.attr_list_bool(3).v:
            ksel.maybe_return_tensor(grad.t if need else None)

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        grad, x, y = (kb.arg_value(i) for i in range(3))
        pairs = zip((y, x), ksel.arg_descs[3].v, strict=True)
        kb.yield_results(*(arith.mulf(grad, factor) for factor, need in pairs if need))

    backward = make_op(
        "of_@UNIQUE@(Tensor grad, Tensor x, Tensor y, bool[] needs_grad) "
        "-> (Tensor? grad_x, Tensor? grad_y)",
        select,
        generate,
    )
    packet = native_op("masked_@UNIQUE@(Tensor x, Tensor y) -> Tensor", lambda x, y: x * y)
    register_autograd(packet, backward)
    return packet


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("needs", [(True, False), (False, True), (True, True)])
def test_result_may_be_absent_where_no_gradient_is_needed(needs, compiled):
    """Reference 2.4: one result of several is there, and it is not taken for the first."""
    packet = absent_where_not_needed()
    x, y = (torch.randn(3, requires_grad=need) for need in needs)
    call = torch.compile(packet, backend="aot_eager", fullgraph=True) if compiled else packet
    call(x, y).sum().backward()
    assert x.grad is None or torch.equal(x.grad, y)
    assert y.grad is None or torch.equal(y.grad, x)


def test_backward_runs_as_a_kernel(store):
    packet = product_op()
    register_autograd(packet, product_backward_op())
    x, y = leaf(4), leaf(4)
    z = packet(x, y)
    with count_since() as counts:
        z.backward(torch.ones(4))
    assert (counts[0].selects, counts[0].compiles) == (1, 1)
    assert torch.equal(x.grad, y)


def test_argument_without_a_result_refuses_its_gradient():
    packet = op_with_backward(
        "half_@UNIQUE@(Tensor x, Tensor y) -> Tensor",
        lambda x, y: x * y,
        "of_@UNIQUE@(Tensor grad, Tensor y) -> (Tensor grad_x)",
        lambda grad, y: grad * y,
    )
    x, y = leaf(3), leaf(3)
    packet(x, y.detach()).sum().backward()
    assert torch.equal(x.grad, y)
    with pytest.raises(NotDifferentiableError) as caught:
        packet(x, y).sum().backward()
    name = op_of(packet).name
    assert str(caught.value) == (
        f"{name}: a gradient reached `y`, and its backward gives none for that argument\n"
        "  fix: return one, or None for zero, or detach the argument"
    )


def test_second_derivative_through_a_backward_without_one_is_refused():
    packet = op_with_backward(
        "once_@UNIQUE@(Tensor x) -> Tensor",
        lambda x: x * x,
        "of_@UNIQUE@(Tensor grad, Tensor x) -> Tensor",
        lambda grad, x: 2 * grad * x,
    )
    x = leaf(3)
    (gradient,) = torch.autograd.grad(packet(x).sum(), x, create_graph=True)
    with pytest.raises(NotDifferentiableError, match=r"of_\d+: a gradient reached it"):
        gradient.sum().backward()


def test_absent_optional_argument():
    def native(grad, x, w):
        return grad if w is None else grad * w, grad * x

    packet = op_with_backward(
        "maybe_@UNIQUE@(Tensor x, Tensor? w=None) -> Tensor",
        lambda x, w=None: x * 1 if w is None else x * w,
        "of_@UNIQUE@(Tensor grad, Tensor x, Tensor? w) -> (Tensor grad_x, Tensor grad_w)",
        native,
    )
    x, w = leaf(3), leaf(3)
    packet(x).sum().backward()
    assert torch.equal(x.grad, torch.ones(3))
    packet(x, w).sum().backward()
    assert torch.equal(x.grad, 1 + w)
    assert torch.equal(w.grad, x)


def test_list_argument_is_passed_on():
    packet = op_with_backward(
        "first_@UNIQUE@(Tensor x, Tensor[] ys) -> Tensor",
        lambda x, ys: x * ys[0] * ys[1],
        "of_@UNIQUE@(Tensor grad, Tensor[] ys) -> (Tensor grad_x)",
        lambda grad, ys: grad * ys[0] * ys[1],
    )
    x, ys = leaf(3), [torch.randn(3), torch.randn(3)]
    packet(x, ys).sum().backward()
    assert torch.allclose(x.grad, ys[0] * ys[1])


def test_default_of_the_backward_op_is_kept():
    packet = op_with_backward(
        "plain_@UNIQUE@(Tensor x) -> Tensor",
        lambda x: x * 4,
        "of_@UNIQUE@(Tensor grad, float slope=4.0) -> Tensor",
        lambda grad, slope: grad * slope,
    )
    x = leaf(3)
    packet(x).sum().backward()
    assert torch.equal(x.grad, torch.full((3,), 4.0))


def test_class_attribute_names_an_op():
    backward = native_op("of_@UNIQUE@(Tensor grad) -> Tensor", lambda grad: grad * 5)
    for value in (backward, backward.default, op_of(backward).qualified_name):
        packet = native_op(
            "attribute_@UNIQUE@(Tensor x) -> Tensor", lambda x: x * 5, backward=value
        )
        x = leaf(3)
        packet(x).sum().backward()
        assert torch.equal(x.grad, torch.full((3,), 5.0))


def test_derived_backward_of_a_backward_op_gives_second_derivatives():
    def native(grad, x):
        return 3 * grad * x * x

    backward = native_op(
        "of_@UNIQUE@(Tensor grad, Tensor x) -> Tensor", native, backward=derive_backward(native)
    )
    packet = native_op("cube_@UNIQUE@(Tensor x) -> Tensor", lambda x: x * x * x, backward=backward)
    assert torch.autograd.gradgradcheck(packet, leaf(3, dtype=torch.float64))
