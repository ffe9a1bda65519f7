from __future__ import annotations

import pytest
import torch

from ir_runtime.errors import ArgumentError, NotDifferentiableError
from tests.op_reg import ops
from tests.op_reg.ops import like_first_of_two, make_op, op_of

FIX = (
    "\n  fix: define setup_context and backward on its CustomOp class, or call it under "
    "torch.no_grad() or on detached tensors"
)


def refusal_of(packet) -> str:
    return f"{op_of(packet).name}: a gradient reached it, and it has no backward{FIX}"


def leaf(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, requires_grad=True)


def product():
    """An op whose backward needs what setup_context saves."""

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith

        kb.yield_results(arith.mulf(kb.arg(0), kb.arg(1)))

    def setup_context(self, ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    def backward(self, ctx, gradient):
        x, y = ctx.saved_tensors
        return gradient * y, gradient * x

    return make_op(
        "product_@UNIQUE@(Tensor x, Tensor y) -> Tensor",
        like_first_of_two,
        generate,
        setup_context=setup_context,
        backward=backward,
    )


PRODUCT = product()


def test_gradient_is_right_in_eager():
    x, y = leaf(3, 4), leaf(3, 4)
    PRODUCT(x, y).sum().backward()
    assert torch.equal(x.grad, y)
    assert torch.equal(y.grad, x)


def test_gradient_agrees_with_finite_differences():
    x, y = leaf(3).double().detach().requires_grad_(), torch.randn(3, dtype=torch.float64)
    assert torch.autograd.gradcheck(PRODUCT, (x, y))


def test_gradient_of_an_op_with_keyword_arguments():
    x = leaf(4)
    ops.keyed(x, factor=5.0, bias=torch.ones(4)).sum().backward()
    assert torch.equal(x.grad, torch.full((4,), 5.0))


def test_only_what_asks_gets_a_gradient():
    x, y = leaf(4), torch.randn(4)
    PRODUCT(x, y).sum().backward()
    assert torch.equal(x.grad, y)
    assert y.grad is None


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_gradient_is_right_compiled(backend):
    x, y = leaf(3, 4), leaf(3, 4)
    call = torch.compile(lambda x, y: PRODUCT(x, y) * 2, backend=backend, fullgraph=True)
    call(x, y).sum().backward()
    assert torch.equal(x.grad, y * 2)
    assert torch.equal(y.grad, x * 2)


def test_gradient_is_right_compiled_for_dynamic_shapes():
    call = torch.compile(PRODUCT, backend="aot_eager", fullgraph=True, dynamic=True)
    for n in (3, 5, 9):
        x, y = leaf(n, 2), leaf(n, 2)
        call(x, y).sum().backward()
        assert torch.equal(x.grad, y)


def test_op_without_a_backward_refuses_a_gradient():
    with pytest.raises(NotDifferentiableError) as caught:
        ops.scale(leaf(4)).sum().backward()
    assert str(caught.value) == refusal_of(ops.scale)


def test_op_without_a_backward_runs_while_no_gradient_is_asked_for():
    x = leaf(4)
    y = ops.scale(x)
    assert y.requires_grad
    assert torch.equal(y.detach(), x.detach() * 2)


def test_refusal_through_a_list():
    with pytest.raises(NotDifferentiableError) as caught:
        ops.list_sum([torch.randn(4), leaf(4)]).sum().backward()
    assert str(caught.value) == refusal_of(ops.list_sum)


def test_refusal_through_two_results_of_which_one_is_used():
    with pytest.raises(NotDifferentiableError) as caught:
        ops.sum_and_difference(leaf(4), torch.randn(4))[1].sum().backward()
    assert str(caught.value) == refusal_of(ops.sum_and_difference)


def test_refusal_through_an_optional_argument():
    with pytest.raises(NotDifferentiableError) as caught:
        ops.affine(torch.randn(4), None, leaf(4)).sum().backward()
    assert str(caught.value) == refusal_of(ops.affine)


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_compiled_op_without_a_backward_refuses_a_gradient(backend):
    call = torch.compile(lambda x: ops.scale(x) * 3, backend=backend, fullgraph=True)
    x = leaf(4)
    loss = call(x).sum()
    assert torch.allclose(loss, (x * 6).sum())
    with pytest.raises(NotDifferentiableError) as caught:
        loss.backward()
    assert str(caught.value) == refusal_of(ops.scale)
    assert x.grad is None


def test_out_overload_refuses_what_requires_a_gradient():
    with pytest.raises(ArgumentError, match="not differentiable"):
        ops.add.out(leaf(4), leaf(4), out=torch.empty(4))


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoint_recomputes(reentrant):
    from torch.utils.checkpoint import checkpoint

    x, y = leaf(4), leaf(4)
    checkpoint(lambda x, y: PRODUCT(x, y).sin(), x, y, use_reentrant=reentrant).sum().backward()
    expected = (x * y).cos() * y
    assert torch.allclose(x.grad, expected)


def test_second_use_of_one_result_adds_up():
    x = leaf(4)
    y = PRODUCT(x, x)
    (y + y).sum().backward()
    assert torch.allclose(x.grad, 4 * x)
