"""Norms that are written out become ops; what only looks like one is left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.passes.raised import raised

Norm = Callable[[Tensor, Tensor], Tensor]
EPS = 1e-5


def llama(x: Tensor, w: Tensor) -> Tensor:
    dtype = x.dtype
    h = x.to(torch.float32)
    h = h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + EPS)
    return w * h.to(dtype)


def t5(x: Tensor, w: Tensor) -> Tensor:
    variance = x.to(torch.float32).pow(2).mean(-1, keepdim=True)
    h = x * torch.rsqrt(variance + EPS)
    return w * h.to(w.dtype)


def by_functions(x: Tensor, w: Tensor) -> Tensor:
    h = x.float()
    mean = torch.mean(torch.square(h), dim=[x.ndim - 1], keepdim=True)
    return torch.mul(torch.div(h, torch.sqrt(torch.add(EPS, mean))).type_as(x), w)


def weight_first(x: Tensor, w: Tensor) -> Tensor:
    h = x.float()
    return (h * torch.rsqrt((h * h).mean(-1, True) + EPS) * w.float()).to(x.dtype)


def gemma(x: Tensor, w: Tensor) -> Tensor:
    h = x.float()
    h = h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + EPS)
    return (h * (1.0 + w.float())).type_as(x)


def weightless(x: Tensor, w: Tensor) -> Tensor:
    h = x.float()
    return (h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + EPS)).to(x.dtype)


def of_torch(x: Tensor, w: Tensor) -> Tensor:
    return torch.nn.functional.rms_norm(x, (x.shape[-1],), w, EPS)


def of_torch_plain(x: Tensor, w: Tensor) -> Tensor:
    return torch.nn.functional.rms_norm(x, (x.shape[-1],))


def layer_norm(x: Tensor, w: Tensor) -> Tensor:
    return torch.nn.functional.layer_norm(x, (x.shape[-1],), w, 2 * w, EPS)


NORMS: dict[Norm, str] = {
    llama: "rms_norm",
    t5: "rms_norm",
    by_functions: "rms_norm",
    weight_first: "rms_norm",
    gemma: "gemma_rms_norm",
    weightless: "weightless_rms_norm",
    of_torch: "torch_rms_norm",
    of_torch_plain: "torch_rms_norm",
    layer_norm: "layer_norm",
}


def rows(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("norm", NORMS, ids=lambda norm: norm.__name__)
def test_norm_becomes_one_op(norm: Norm, dtype: torch.dtype) -> None:
    x, w = rows(2, 3, 16, dtype=dtype), rows(16, dtype=dtype, seed=1)
    got, found = raised(norm, x, w)
    assert found.counts == {NORMS[norm]: 1}, found.near_misses
    assert len([t for t in found.targets if isinstance(t, torch._ops.OpOverload)]) == 1
    exact = norm(x.double(), w.double()) if norm is layer_norm else exactly(norm, x, w)
    eager = (norm(x, w) - exact).abs().max()
    assert (got - exact).abs().max() <= 1.2 * eager + torch.finfo(dtype).eps
    assert got.dtype == dtype


def exactly(norm: Norm, x: Tensor, w: Tensor) -> Tensor:
    """Compute a norm in float64, where the functions above would go back to float32."""
    x, w = x.double(), w.double()
    if norm is of_torch_plain:
        w = torch.ones_like(w)
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + torch.finfo(torch.float32).eps)
    y = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS)
    return y * {gemma: 1 + w, weightless: torch.ones_like(w)}.get(norm, w)


def root(h: Tensor, dim: int = -1) -> Tensor:
    return torch.rsqrt(h.pow(2).mean(dim, keepdim=True) + EPS)


def over_tokens(x: Tensor, w: Tensor) -> Tensor:
    return w * (x * root(x, -2))


def without_square(x: Tensor, w: Tensor) -> Tensor:
    return w * (x * torch.rsqrt(x.mean(-1, keepdim=True) + EPS))


def epsilon_outside(x: Tensor, w: Tensor) -> Tensor:
    return w * (x * (torch.rsqrt(x.pow(2).mean(-1, keepdim=True)) + EPS))


def of_another_tensor(x: Tensor, w: Tensor) -> Tensor:
    return w * (x * root(x.sin()))


def weight_of_tokens(x: Tensor, w: Tensor) -> Tensor:
    return w[:3, None] * (x * root(x))


def one_weight(x: Tensor, w: Tensor) -> Tensor:
    return w[:1] * (x * root(x))


def wide_weight(x: Tensor, w: Tensor) -> Tensor:
    return w.double() * (x * root(x))


def narrow_between(x: Tensor, w: Tensor) -> Tensor:
    return w * (x * root(x)).to(torch.bfloat16).to(x.dtype)


def root_read_elsewhere(x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    r = root(x)
    return w * (x * r), r


def detached_root(x: Tensor, w: Tensor) -> Tensor:
    return w * (x * root(x.detach()))


def root_without_gradient(x: Tensor, w: Tensor) -> Tensor:
    with torch.no_grad():
        r = root(x)
    return w * (x * r)


def changed_between(x: Tensor, w: Tensor) -> Tensor:
    x = x.clone()
    r = root(x)
    x.add_(1)
    return w * (x * r)


def negative_epsilon(x: Tensor, w: Tensor) -> Tensor:
    return w * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + -EPS))


def two_dimensions(x: Tensor, w: Tensor) -> Tensor:
    return torch.nn.functional.layer_norm(x, tuple(x.shape[-2:]), x[0], x[0], EPS)


def no_bias(x: Tensor, w: Tensor) -> Tensor:
    return torch.nn.functional.layer_norm(x, (x.shape[-1],), w, None, EPS)


LOOK_ALIKES: dict[Callable[..., Any], tuple[str, str]] = {
    over_tokens: ("mean", "found -2, expected -1"),
    without_square: ("l_x_", "found an input, expected pow"),
    epsilon_outside: ("add", "found add, expected rsqrt"),
    of_another_tensor: ("pow_1", "found sin, expected `x`"),
    weight_of_tokens: ("getitem", "must have one number for each element of a row"),
    one_weight: ("getitem", "must have one number for each element of a row"),
    wide_weight: ("mul_1", "must be of the dtype of"),
    narrow_between: ("to", "or wider"),
    root_read_elsewhere: ("r", "is read by `output`, too"),
    detached_root: ("pow_1", "found detach, expected `x`"),
    root_without_gradient: ("", "a mode of torch changes"),
    changed_between: ("", "something is written"),
    negative_epsilon: ("mul_1", "must be finite and >= 0"),
    two_dimensions: ("layer_norm", "normalises [3, 16]"),
    no_bias: ("layer_norm", "found None, expected a tensor"),
}


@pytest.mark.parametrize("function", LOOK_ALIKES, ids=lambda function: function.__name__)
def test_look_alike_is_left_alone(function: Callable[..., Any]) -> None:
    x, w = rows(2, 3, 16), rows(16, seed=1)
    got, found = raised(function, x, w)
    assert not found.counts
    assert not [t for t in found.targets if isinstance(t, torch._ops.OpOverload)]
    torch.testing.assert_close(got, function(x, w), equal_nan=True)
    node, reason = LOOK_ALIKES[function]
    assert any(node in m.node and reason in m.reason for m in found.near_misses), found.near_misses


def test_dtypes_that_an_op_does_not_keep_are_left_alone() -> None:
    x, w = rows(3, 16, dtype=torch.bfloat16), rows(16)
    got, found = raised(llama, x, w)
    assert not found.counts
    assert got.dtype == torch.float32
    _, found = raised(llama, x.double(), w.double())
    assert not found.counts
    _, found = raised(llama, x.to(torch.int32), w)
    assert not found.counts


def test_near_miss_names_the_module() -> None:
    class Norm(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return over_tokens(x, x[0, 0])

    model = torch.nn.Sequential()
    model.add_module("first", Norm())
    _, found = raised(model, rows(2, 3, 16))
    (miss,) = found.near_misses
    assert miss.pattern in ("rms_norm", "gemma_rms_norm")
    assert "first" in miss.where
    assert "Norm" in miss.where


def test_rows_in_another_order_keep_their_strides() -> None:
    def heads_first(x: Tensor, w: Tensor) -> Tensor:
        y = llama(x.transpose(1, 2), w)
        return y.transpose(1, 2).view(2, 5, -1)

    x, w = rows(2, 5, 3, 16), rows(16, seed=1)
    got, found = raised(heads_first, x, w)
    assert found.counts == {"rms_norm": 1}
    assert got.is_contiguous()
    torch.testing.assert_close(got, heads_first(x, w))


def test_sizes_that_vary_make_no_guard() -> None:
    graphs: list[torch.fx.Graph] = []

    def function(x: Tensor, w: Tensor) -> Tensor:
        return llama(x, w) + gemma(x, w)

    from ir_runtime.passes.raising.raise_forms import RaiseForms
    from ir_runtime.passes.record.run_record import PassRecord
    from tests.passes.raised import natively

    def backend(module: torch.fx.GraphModule, inputs: list[Tensor]) -> torch.fx.GraphModule:
        record = PassRecord("")
        RaiseForms().run(module.graph, record)
        assert record.matched_count == 2
        module.recompile()
        graphs.append(module.graph)
        return module

    compiled = torch.compile(function, backend=backend, dynamic=True)
    with natively():
        for batch, tokens in ((2, 3), (4, 3), (5, 7), (3, 3)):
            x, w = rows(batch, tokens, 16), rows(16, seed=1)
            torch.testing.assert_close(compiled(x, w), function(x, w))
    assert len(graphs) == 1
