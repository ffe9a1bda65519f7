"""Are the gradients of the ops right, and does a model train through them?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import kernels_mlir
from tests.cases import (
    BY_OP,
    CASES,
    DTYPES,
    EPSILON,
    Arguments,
    OpCase,
    Ranked,
    case_named,
    ranked,
    widen,
)
from tests.sampling import covering, sampled

TOLERANCE = {
    torch.float32: {"rtol": 1e-4, "atol": 1e-5},
    torch.bfloat16: {"rtol": 1.6e-2, "atol": 1e-2},
    torch.float16: {"rtol": 2e-3, "atol": 2e-3},
}
"""Gradients are computed in float32 and rounded once; sums of several terms may cancel."""

STEPS = 20

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


def leaves(case: OpCase, arguments: Arguments) -> list[Tensor]:
    """Mark the differentiable arguments that are there, and return them."""
    places = [i for i in case.differentiable if arguments[i] is not None]
    return [arguments[i].requires_grad_() for i in places]


def gradients_of(
    case: OpCase, function: Callable[..., Tensor], arguments: Arguments, weights: Tensor
) -> tuple[Tensor, ...]:
    wanted = leaves(case, arguments)
    return torch.autograd.grad(function(*arguments), wanted, weights)


def noncontiguous(shape: torch.Size, dtype: torch.dtype) -> Tensor:
    """Return a random tensor whose last dimension is outermost in memory."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn((shape[-1], *shape[:-1]), generator=generator).to(dtype).movedim(0, -1)
    assert not x.is_contiguous()
    return x


def assert_gradients_match(case: OpCase, arguments: Arguments, weights: Tensor) -> None:
    actual = gradients_of(case, case.function, arguments, weights)
    exact = gradients_of(case, case.native, widen(arguments), weights.double())
    for a, e, leaf in zip(actual, exact, leaves(case, arguments), strict=True):
        assert (a.dtype, a.shape) == (leaf.dtype, leaf.shape)
        torch.testing.assert_close(a.double(), e, **TOLERANCE[a.dtype])


@covering(case=CASES, dtype=DTYPES)
def test_gradients_match_native(case: OpCase, dtype: torch.dtype) -> None:
    arguments = case.arguments(dtype)
    shape = case.native(*arguments).shape
    assert_gradients_match(case, arguments, noncontiguous(shape, dtype))


@covering(ranked=list(reversed(ranked())), kinds={"ranked": lambda ranked: ranked.case.op})
def test_gradients_of_every_rank(ranked: Ranked) -> None:
    arguments = ranked.case.arguments(lead=ranked.lead)
    shape = ranked.case.native(*arguments).shape
    assert_gradients_match(ranked.case, arguments, torch.ones(shape))


@covering(case=CASES, kinds=BY_OP)
def test_expanded_gradient(case: OpCase) -> None:
    """What `sum().backward()` passes: one number, seen as a whole tensor."""
    arguments = case.arguments()
    shape = case.native(*arguments).shape
    assert_gradients_match(case, arguments, torch.tensor(1.0).expand(shape))


@covering(case=CASES, kinds=BY_OP)
def test_gradients_of_noncontiguous_arguments(case: OpCase) -> None:
    arguments = tuple(
        noncontiguous(a.shape, a.dtype) if i in case.batched and a.is_floating_point() else a
        for i, a in enumerate(case.arguments())
    )
    shape = case.native(*arguments).shape
    assert_gradients_match(case, arguments, torch.ones(shape))


@pytest.mark.parametrize(
    ("case", "place"),
    [
        pytest.param(case, place, id=f"{case.id}-{case.names[place]}")
        for case in CASES
        for place in case.differentiable
    ],
)
def test_one_argument_alone_gets_its_gradient(case: OpCase, place: int) -> None:
    weights = noncontiguous(case.native(*case.arguments()).shape, torch.float32)
    every = gradients_of(case, case.function, case.arguments(), weights)
    arguments = case.arguments()
    alone = arguments[place].requires_grad_()
    (gradient,) = torch.autograd.grad(case.function(*arguments), alone, weights)
    assert torch.equal(gradient, every[case.differentiable.index(place)])


@each_case
def test_gradient_of_nothing_is_zero(case: OpCase) -> None:
    arguments = case.arguments(lead=case.empty_leads[0])
    weights = torch.ones(case.native(*arguments).shape)
    for gradient in gradients_of(case, case.function, arguments, weights):
        assert (gradient == 0).all()


@covering(
    case=[c for c in CASES if c.variant != "mixed"],  # bfloat16 first gradients round in between
    kinds=BY_OP,
)
def test_double_backward_is_right(case: OpCase) -> None:
    def second(function: Callable[..., Tensor], arguments: Arguments) -> tuple[Tensor, ...]:
        wanted = leaves(case, arguments)
        first = torch.autograd.grad(function(*arguments).square().sum(), wanted, create_graph=True)
        return torch.autograd.grad(sum(g.square().sum() for g in first), wanted)

    arguments = case.arguments()
    exact = second(case.native, widen(arguments))
    for a, e in zip(second(case.function, arguments), exact, strict=True):
        torch.testing.assert_close(a.double(), e, rtol=1e-3, atol=1e-3)


WHOLE_RANGE = {
    "rms_norm": lambda x: (x, torch.tensor([1.0, 2.0, 3.0]), EPSILON),
    "layer_norm": lambda x: (x, torch.tensor([1.0, 2.0, 3.0]), torch.zeros(3), EPSILON),
    "gelu": lambda x: (x, "tanh"),
    "softmax": lambda x: (x,),
}


@pytest.mark.parametrize("op", WHOLE_RANGE)
@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1e18, 1e20, 8.5e37])
def test_gradient_of_very_large_and_small_rows(op: str, scale: float) -> None:
    """K12: what was squared in float32 gave 0 or NaN."""
    case = next(c for c in CASES if c.op == op)
    weights = torch.tensor([[1.0, 0.25, -0.5], [0.5, -1.0, 2.0]])
    x = torch.tensor([[1.0, -1.5, 2.0], [0.75, 3.0, -0.25]]) * scale
    arguments = WHOLE_RANGE[op](x)
    (mine, *_) = gradients_of(case, getattr(kernels_mlir, op), arguments, weights)
    (exact, *_) = gradients_of(case, case.ir_op.native, widen(arguments), weights.double())
    torch.testing.assert_close(
        mine.double(), exact, rtol=1e-5, atol=1e-6 * exact.abs().max().item()
    )


def test_gradient_of_a_gate_that_is_shut_is_zero() -> None:
    """K12: an infinite product met a slope of 0, which gave NaN."""
    x = torch.tensor([[-200.0, -1e30, 3e38, 3e38]], requires_grad=True)
    kernels_mlir.silu_and_mul(x).backward(torch.tensor([[10.0, -10.0]]))
    assert torch.equal(x.grad, torch.zeros(1, 4))


@pytest.mark.parametrize("value", [0.1, 3.0, 1e4])
def test_weight_gradient_of_constant_rows_is_zero(value: float) -> None:
    """K12: a mean that is off by one rounding was taken for a deviation."""
    x = torch.full((64, 384), value, dtype=torch.bfloat16)
    weight = torch.ones(384, dtype=torch.bfloat16, requires_grad=True)
    gradient = torch.randn(64, 384, generator=torch.Generator().manual_seed(0)).bfloat16()
    kernels_mlir.layer_norm(x, weight, weight.detach(), EPSILON).backward(gradient)
    assert weight.grad.abs().max() < 1e-8


def test_changed_argument_is_noticed() -> None:
    """Autograd refuses to differentiate at a value that has been overwritten."""
    x = case_named("gelu-erf").arguments()[0].requires_grad_()
    hidden = x * 2
    y = kernels_mlir.gelu(hidden)
    hidden.detach().zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


class Norms(nn.Module):
    """A linear layer and each of the row ops."""

    def __init__(self) -> None:
        super().__init__()
        self.widen, self.narrow = nn.Linear(16, 96), nn.Linear(48, 1)
        self.scale = nn.Parameter(torch.ones(48))
        self.weight, self.bias = nn.Parameter(torch.ones(48)), nn.Parameter(torch.zeros(48))

    def forward(self, x: Tensor) -> Tensor:
        x = kernels_mlir.silu_and_mul(self.widen(x))
        x = kernels_mlir.rms_norm(x, self.scale, 1e-6)
        x = kernels_mlir.gelu(kernels_mlir.layer_norm(x, self.weight, self.bias, 1e-5))
        return self.narrow(x)


class Attention(nn.Module):
    """One block of an encoder with grouped heads, over packed segments."""

    def __init__(self) -> None:
        super().__init__()
        self.project, self.out = nn.Linear(16, (4 + 2 + 2) * 8), nn.Linear(32, 1)
        self.register_buffer("cu_seqlens", torch.tensor([0, 3, 8], dtype=torch.int32))

    def forward(self, x: Tensor) -> Tensor:
        heads = self.project(x).unflatten(-1, (8, 8))
        query, key, value = heads.split((4, 2, 2), dim=2)
        attended = kernels_mlir.mm_encoder_attn(query, key, value, cu_seqlens=self.cu_seqlens)
        return self.out(attended.flatten(2))


@pytest.fixture
def fresh_dynamo() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def losses_of(model: nn.Module, call: Callable[[Tensor], Any]) -> list[float]:
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(4, 8, 16, generator=generator)
    target = x.sum(-1, keepdim=True).tanh()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = F.mse_loss(call(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@sampled(1, build=(Norms, Attention))
def test_model_trains_eager_and_compiled(build: type[nn.Module], fresh_dynamo: None) -> None:
    torch.manual_seed(3)
    eager, compiled = build(), build()
    compiled.load_state_dict(eager.state_dict())
    expected = losses_of(eager, eager)
    actual = losses_of(compiled, torch.compile(compiled, fullgraph=True))
    assert expected[-1] < 0.8 * expected[0]
    assert actual == pytest.approx(expected, rel=1e-3)
