"""Forward-mode derivatives of ops, and tensors that no op takes."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import forward_ad

from ir_runtime.errors import ArgumentError, NotDifferentiableError
from ir_runtime.op_reg import CustomOp, def_library, derive_backward
from tests.op_reg.ops import scaled

LIBRARY = def_library("op_reg_tests_forward")
X = torch.arange(6.0).reshape(2, 3)


class Scaled(CustomOp):
    signature = "scaled_@UNIQUE@(Tensor x, float factor) -> Tensor"

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.attr_float(1)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel, kb):
        kb.yield_results(scaled(kb, kb.arg(0), ksel.arg_descs[1].v))


@CustomOp.register(library=LIBRARY)
class WithBackward(Scaled):
    def setup_context(self, ctx, inputs, output):
        ctx.factor = inputs[1]

    def backward(self, ctx, *gradients):
        return gradients[0] * ctx.factor, None


@CustomOp.register(library=LIBRARY)
class WithNative(Scaled):
    backward = derive_backward(lambda x, factor: x * factor)


@pytest.mark.parametrize("op", [WithBackward, WithNative])
def test_tangent_is_pushed_forward(op):
    with forward_ad.dual_level():
        primal, tangent = forward_ad.unpack_dual(op(forward_ad.make_dual(X, X + 1), 3.0))
    assert torch.equal(primal, X * 3)
    assert torch.equal(tangent, (X + 1) * 3)


def test_transform_needs_a_torch_function():
    _, tangent = torch.func.jvp(lambda x: WithNative(x, 3.0), (X,), (X + 1,))
    assert torch.equal(tangent, (X + 1) * 3)
    with pytest.raises(NotDifferentiableError, match="this call has no forward-mode derivative"):
        torch.func.jvp(lambda x: WithBackward(x, 3.0), (X,), (X + 1,))


def test_gradient_of_a_tangent_is_right_or_refused():
    x = X.clone().requires_grad_()
    with forward_ad.dual_level():
        y = forward_ad.unpack_dual(WithNative(forward_ad.make_dual(x, x.detach()), 3.0))
        (gradient,) = torch.autograd.grad(y.primal.sum(), x)
        assert torch.equal(gradient, torch.full_like(X, 3.0))
        with pytest.raises(NotDifferentiableError, match="carries a tangent and requires"):
            WithBackward(forward_ad.make_dual(x, x.detach()), 3.0)


def test_nested_tensor_is_refused():
    nested = torch.nested.nested_tensor([X, X[:1]], layout=torch.jagged)
    with pytest.raises(ArgumentError) as caught:
        WithBackward(nested, 3.0)
    assert "`x` is a nested tensor, must be a plain one" in str(caught.value)
    assert torch.equal(WithBackward(nested.values(), 3.0), nested.values() * 3)
