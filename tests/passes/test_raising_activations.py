"""Activations and gates that are written out become ops; what only looks like one does not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.passes.raised import raised
from tests.passes.test_raising_norms import rows


def gelu(x: Tensor) -> Tensor:
    return F.gelu(x)


def gelu_tanh(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


def gelu_new(x: Tensor) -> Tensor:
    cube = x + 0.044715 * torch.pow(x, 3.0)
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * cube))


def gelu_of_functions(x: Tensor) -> Tensor:
    cube = torch.add(x * x * x * 0.044715, x)
    return x * (0.5 * torch.add(torch.tanh(cube * math.sqrt(2 / math.pi)), 1))


def gelu_erf(x: Tensor) -> Tensor:
    return x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))


def gelu_in_float(x: Tensor) -> Tensor:
    h = x.float()
    return (h * (1.0 + torch.erf(h * math.sqrt(0.5))) * 0.5).to(x.dtype)


def quick_gelu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(1.702 * x)


def gate_of_chunks(x: Tensor) -> Tensor:
    gate, up = x.chunk(2, dim=-1)
    return up * F.silu(gate)


def gate_of_slices(x: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    return F.silu(x[..., :half]) * x[..., half:]


def gate_second(x: Tensor) -> Tensor:
    up, gate = torch.chunk(x, 2, -1)
    return up * (gate * gate.sigmoid())


FUNCTIONS: dict[Callable[[Tensor], Tensor], tuple[str, str]] = {
    gelu: ("gelu", "gelu"),
    gelu_tanh: ("gelu", "gelu"),
    gelu_new: ("gelu_new", "gelu"),
    gelu_of_functions: ("gelu_new", "gelu"),
    gelu_erf: ("gelu_erf", "gelu"),
    gelu_in_float: ("gelu_erf", "gelu"),
    quick_gelu: ("quick_gelu", "quick_gelu"),
    gate_of_chunks: ("silu_and_mul", "silu_and_mul"),
    gate_of_slices: ("silu_and_mul", "silu_and_mul"),
    gate_second: ("silu_and_mul", "mul_and_silu"),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_activation_becomes_one_op(
    function: Callable[[Tensor], Tensor], dtype: torch.dtype
) -> None:
    x = rows(2, 3, 16, dtype=dtype)
    got, found = raised(function, x)
    form, op = FUNCTIONS[function]
    assert found.counts == {form: 1}, found.near_misses
    assert found.targets == [getattr(torch.ops.ir_runtime, op).default]
    h = x.double()
    exact = gelu_erf(h) if function is gelu_in_float else function(h)
    eager = (function(x) - exact).abs().max()
    assert (got - exact).abs().max() <= 1.2 * eager + torch.finfo(dtype).eps
    assert got.dtype == dtype


def other_factor(x: Tensor) -> Tensor:
    return x * torch.sigmoid(1.7 * x)


def other_constant(x: Tensor) -> Tensor:
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.04 * torch.pow(x, 3))))


def other_tensor(x: Tensor) -> Tensor:
    return 0.5 * x * (1.0 + torch.erf(x.cos() / math.sqrt(2.0)))


def minus_one(x: Tensor) -> Tensor:
    return 0.5 * x * (-1.0 + torch.erf(x / math.sqrt(2.0)))


def same_half(x: Tensor) -> Tensor:
    gate, _ = x.chunk(2, dim=-1)
    return gate * F.silu(gate)


def thirds(x: Tensor) -> Tensor:
    gate, up, _ = x[..., :15].chunk(3, dim=-1)
    return F.silu(gate) * up


def over_tokens(x: Tensor) -> Tensor:
    gate, up = x[:, :2].chunk(2, dim=1)
    return F.silu(gate) * up


def unequal_slices(x: Tensor) -> Tensor:
    return F.silu(x[..., :8]) * x[..., 7:15]


def uneven_chunks(x: Tensor) -> Tensor:
    gate, up = x[..., :3].chunk(2, dim=-1)
    return F.silu(gate) * up


def chunk_read_twice(x: Tensor) -> tuple[Tensor, Tensor]:
    gate, up = x.chunk(2, dim=-1)
    return F.silu(gate) * up, up + 1


def in_place(x: Tensor) -> Tensor:
    gate, up = x.clone().chunk(2, dim=-1)
    return F.silu(gate, inplace=True) * up


LOOK_ALIKES: dict[Callable[..., Any], str] = {
    other_factor: "found 1.7, expected 1.702",
    other_constant: "found 0.04, expected 0.044715",
    other_tensor: "found cos, expected `x`",
    minus_one: "found -1.0, expected 1",
    same_half: "",
    thirds: "must be the two halves",
    over_tokens: "must be the two halves",
    unequal_slices: "must be the two halves",
    uneven_chunks: "must be the two halves",
    chunk_read_twice: "is read by",
    in_place: "",
}


@pytest.mark.parametrize("function", LOOK_ALIKES, ids=lambda function: function.__name__)
def test_look_alike_is_left_alone(function: Callable[..., Any]) -> None:
    x = rows(2, 3, 16)
    got, found = raised(function, x)
    assert not found.counts
    torch.testing.assert_close(got, function(x))
    reasons = [miss.reason for miss in found.near_misses]
    assert any(LOOK_ALIKES[function] in r for r in reasons) or not LOOK_ALIKES[function], reasons


def test_only_the_forms_that_are_asked_for_are_raised() -> None:
    def both(x: Tensor) -> Tensor:
        return gelu(x) + quick_gelu(x)

    _, found = raised(both, rows(3, 4), forms=("quick_gelu",))
    assert found.counts == {"quick_gelu": 1}
    assert not found.near_misses
