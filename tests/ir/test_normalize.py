"""What providers get in place of what the caller leaves out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.settings import override_settings
from tests.ir.ops import captured, wrapped

X = torch.arange(6.0).reshape(2, 3)


def normal(x: Tensor, weight: Tensor | None, eps: float) -> tuple[Tensor, Tensor, float]:
    return x, x.new_ones(x.shape[-1]) if weight is None else weight, eps


@pytest.fixture
def op():
    @ir.register_op(normalize=normal, allow_inplace=True)
    def weighed(x: Tensor, weight: Tensor | None = None, eps: float = 1e-6) -> Tensor:
        assert weight is not None
        return x * weight + eps

    weighed.seen = []

    @weighed.register_impl(
        "mine",
        constraints=[ir.present("weight")],
        supports_args=lambda x, weight=None, eps=1e-6: weight.ndim == 1,
    )
    def mine(x: Tensor, weight: Tensor | None = None, eps: float = 1e-6) -> Tensor:
        weighed.seen.append(weight)
        return x * weight + eps

    @weighed.register_impl("writes", inplace=True)
    def writes(x: Tensor, weight: Tensor | None = None, eps: float = 1e-6) -> Tensor:
        return x.mul_(weight).add_(eps)

    return weighed


CALLS = {
    "op": lambda op: op(X),
    "torch op": lambda op: op.torch_op(X),
    "by keyword": lambda op: op(x=X, eps=1e-6),
    "maybe_inplace": lambda op: op.maybe_inplace(X.clone()),
    "torch maybe_inplace": lambda op: op.maybe_inplace.torch_op(X.clone()),
    "out": lambda op: op.packet.out(X, out=torch.empty_like(X)),
    "gradient": lambda op: op(X.clone().requires_grad_()).detach(),
    "vmap": lambda op: torch.vmap(op)(X),
}


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("provider", ["native", "mine", "writes"])
@pytest.mark.parametrize("call", CALLS)
def test_no_provider_sees_none(op, call, provider, on):
    with op.set_priority([provider, "native"]), wrapped(on):
        assert torch.equal(CALLS[call](op), X + 1e-6)
    if provider == "mine" and call != "vmap":
        assert torch.equal(op.seen[-1], torch.ones(3))


@pytest.mark.parametrize("on", [True, False])
def test_compiled(op, on, fresh_compiler):
    with op.set_priority(["mine", "native"]), wrapped(on):
        compiled = torch.compile(lambda x: op(x), backend="aot_eager", fullgraph=True)
        assert torch.equal(compiled(X), X + 1e-6)


def test_graph_holds_what_the_caller_gave(op):
    _, targets = captured(lambda x: op(x), X)
    assert targets == [op.torch_op]


def test_choice_is_made_of_what_providers_get(op):
    with op.set_priority(["mine", "native"]):
        assert op.dispatch(X).provider == "mine"
        assert op.explain(X).chosen == "mine"
        assert "weight=f32[3]" in str(op.explain(X))


def test_shadow_mode(op):
    with override_settings(check="shadow"), op.set_priority(["mine", "native"]):
        assert torch.equal(op(X), X + 1e-6)


@pytest.mark.parametrize("on", [True, False])
def test_gradient_without_what_may_be_left_out(op, on):
    x = X.clone().requires_grad_()
    with op.set_priority(["mine", "native"]), wrapped(on):
        op(x).sum().backward()
    assert torch.equal(x.grad, torch.ones_like(X))


def test_registered_fake_gets_what_providers_get(op):
    seen = []

    @op.register_fake
    def fake(x: Tensor, weight: Tensor | None = None, eps: float = 1e-6) -> Tensor:
        seen.append(weight)
        return torch.empty_like(x)

    op(X.to("meta"))
    assert seen[0].shape == (3,)


def test_gradient_of_what_was_given(op):
    x, weight = X.clone().requires_grad_(), torch.full((3,), 2.0, requires_grad=True)
    with op.set_priority(["mine", "native"]):
        op(x, weight).sum().backward()
    assert torch.equal(x.grad, torch.full_like(X, 2.0))
    assert torch.equal(weight.grad, X.sum(0))


def test_shapes_without_values(op):
    assert op(X.to("meta")).shape == (2, 3)
    with torch._subclasses.FakeTensorMode():
        assert op(torch.empty(4, 5)).shape == (4, 5)


def test_opcheck(op):
    for provider in ("native", "mine", "writes"):
        with op.set_priority([provider, "native"]):
            torch.library.opcheck(op.torch_op, (X,))
            torch.library.opcheck(op.torch_op, (X.clone().requires_grad_(), X[0]))
