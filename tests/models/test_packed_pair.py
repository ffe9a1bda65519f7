"""Gate and factor of an MLP with weights as they are: packed as one, and one product."""

from __future__ import annotations

import copy
import gc
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import ir_runtime
from ir_runtime.models.gated_mlp import packed_pair
from kernels_mlir.matmul.packed import packed_bytes

WIDTH, INNER = 64, 96


class Mlp(nn.Module):
    def __init__(self, dtype: torch.dtype = torch.float32, *, bias: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.gate = nn.Linear(WIDTH, INNER, bias=bias, dtype=dtype)
        self.up = nn.Linear(WIDTH, INNER, bias=bias, dtype=dtype)
        self.down = nn.Linear(INNER, WIDTH, bias=bias, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(functional.silu(self.gate(x)) * self.up(x))


def exactly(mlp: Mlp, x: Tensor) -> Tensor:
    twin = copy.deepcopy(mlp).double()
    return Mlp.forward(twin, x.double())


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> list[Tensor | None]:
    """Collect the results of the product."""
    found: list[Tensor | None] = []
    product = packed_pair.gate_up_pair

    def watched(x: Tensor, gate: Tensor, up: Tensor) -> Tensor | None:
        found.append(product(x, gate, up))
        return found[-1]

    monkeypatch.setattr(packed_pair, "gate_up_pair", watched)
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["f32", "bf16"])
def test_it_is_one_product_and_follows_changes_of_either_weight(
    dtype: torch.dtype, pairs: list[Tensor | None]
):
    gc.collect()  # what an earlier test packed goes now, not in between
    mlp = Mlp(dtype).eval().requires_grad_(requires_grad=False)
    before = packed_bytes()
    report = ir_runtime.optimize(mlp, ops="mlp")
    assert [(place.kind, place.op) for place in report.replaced] == [("mlp", "gate_up_silu")]
    rtol = 1e-5 if dtype == torch.float32 else 2e-2
    for rows in ((1, WIDTH), (2, 33, WIDTH), (0, WIDTH)):
        x = torch.randn(rows).to(dtype)
        torch.testing.assert_close(mlp(x).double(), exactly(mlp, x), atol=rtol, rtol=rtol)
    assert packed_bytes() - before == 2 * INNER * WIDTH * dtype.itemsize, "nothing else is packed"
    for weight in (mlp.gate.weight, mlp.up.weight):
        weight.mul_(-2)
        torch.testing.assert_close(mlp(x[:1]).double(), exactly(mlp, x[:1]), atol=rtol, rtol=rtol)
        x = torch.randn(3, WIDTH).to(dtype)
        torch.testing.assert_close(mlp(x).double(), exactly(mlp, x), atol=rtol, rtol=rtol)
    assert len(pairs) == 7
    assert all(y is not None for y in pairs)
    del mlp.gate.weight  # what was packed of it goes with it
    mlp.gate.weight = nn.Parameter(torch.ones(INNER, WIDTH, dtype=dtype), requires_grad=False)
    assert packed_bytes() == before
    torch.testing.assert_close(mlp(x).double(), exactly(mlp, x), atol=10 * rtol, rtol=rtol)
    report.undo()
    mlp(x)
    assert len(pairs) == 8


def test_gradients_training_graphs_and_transforms_compute_as_before(pairs: list[Tensor | None]):
    mlp, x = Mlp(), torch.randn(3, WIDTH)
    wanted = mlp(x)
    ir_runtime.optimize(mlp.eval(), ops="mlp")
    mlp(x).sum().backward()  # the weights need a gradient
    assert mlp.gate.weight.grad is not None
    mlp.requires_grad_(requires_grad=False)
    (gradient,) = torch.autograd.grad(mlp(leaf := x.clone().requires_grad_()).sum(), leaf)
    assert gradient.abs().sum() > 0
    mlp.train()
    torch.testing.assert_close(mlp(x), wanted)
    mlp.eval()
    graph = torch.compile(mlp, backend="eager", fullgraph=True)
    torch.testing.assert_close(graph(x), wanted)
    torch.testing.assert_close(torch.func.vmap(mlp)(x), wanted)
    torch.testing.assert_close(torch.func.functional_call(mlp, {}, (x,)), wanted)
    with torch.autocast("cpu", torch.bfloat16):
        assert mlp(x).dtype == torch.bfloat16
    assert len(pairs) == 1, "of the functional call, which changes nothing"
    torch.testing.assert_close(copy.deepcopy(mlp)(x), wanted)
    assert len(pairs) == 2


def test_a_factor_that_alone_needs_a_gradient_has_one(pairs: list[Tensor | None]):
    mlp, x = Mlp().eval().requires_grad_(requires_grad=False), torch.randn(3, WIDTH)
    ir_runtime.optimize(mlp, ops="mlp")
    mlp.up.weight.requires_grad_()
    mlp(x).sum().backward()
    assert mlp.up.weight.grad is not None
    assert not pairs


@pytest.mark.parametrize(
    ("make", "undo", "reason"),
    [
        (lambda: Mlp(bias=True), True, "its projections have a bias: they are computed one by one"),
        (Mlp, False, "its packed copy takes the memory of the weights again, and `undo` is False"),
        (lambda: Mlp(torch.float64), True, "gate: its weight is f64, must be f32, bf16 or f16"),
    ],
    ids=["bias", "no undo", "f64"],
)
def test_what_cannot_be_packed_is_left_with_the_reason(
    make: Callable[[], Mlp], undo: bool, reason: str
):
    (left,) = (
        place
        for place in ir_runtime.optimize(make(), ops="mlp", undo=undo).left
        if place.kind == "mlp"
    )
    assert left.reason == reason
