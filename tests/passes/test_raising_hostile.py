"""Graphs in which raising would be wrong or unusual: transforms, modes, nested graphs, order."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, fx

from ir_runtime.errors import ArgumentError
from ir_runtime.passes.raising.raise_forms import RaiseForms
from ir_runtime.passes.record.run_record import PassRecord
from tests.passes.raised import raised
from tests.passes.test_raising_norms import EPS, llama, rows

X, W = rows(2, 3, 16), rows(16, seed=1)


def test_function_inside_of_vmap_or_grad_computes_the_same() -> None:
    def mapped(x: Tensor, w: Tensor) -> Tensor:
        return torch.vmap(llama, (0, None))(x, w)

    def differentiated(x: Tensor, w: Tensor) -> Tensor:
        return torch.func.grad(lambda v: llama(v, w).square().sum())(x)

    for function in (mapped, differentiated):
        got, found = raised(function, X, W)
        assert not found.counts, "values of a transform are not those of the data"
        torch.testing.assert_close(got, function(X, W))


def test_norm_in_an_autocast_region_keeps_its_dtype() -> None:
    def function(x: Tensor, a: Tensor, w: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return llama(x @ a, w.to(torch.bfloat16))

    a = rows(16, 16, seed=2)
    got, found = raised(function, X, a, W)
    assert found.counts == {"rms_norm": 1}
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got, function(X, a, W))


def test_norm_in_a_nested_graph_is_raised_there() -> None:
    def function(x: Tensor, w: Tensor) -> Tensor:
        return torch.utils.checkpoint.checkpoint(llama, x, w, use_reentrant=False) + 1

    x = X.clone().requires_grad_()
    got, found = raised(function, x, W)
    assert found.counts == {"rms_norm": 1}
    got.square().sum().backward()
    gradient, x.grad = x.grad, None
    function(x, W).square().sum().backward()
    torch.testing.assert_close(gradient, x.grad)


def test_result_may_be_changed_and_the_input_too() -> None:
    def function(x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        x = x.clone()
        y = llama(x, w)
        x.mul_(2)
        y.add_(1)
        return x, y

    got, found = raised(function, X, W)
    assert found.counts == {"rms_norm": 1}
    torch.testing.assert_close(got, function(X, W))


def test_input_that_is_read_as_float_elsewhere_is_still_raised() -> None:
    def function(x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        h = x.float()
        y = (h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + EPS)).to(x.dtype)
        return w * y, h + 1

    x, w = X.bfloat16(), W.bfloat16()
    got, found = raised(function, x, w)
    assert found.counts == {"rms_norm": 1}
    torch.testing.assert_close(got, function(x, w))


def test_empty_rows_and_one_row_compute_the_same() -> None:
    for shape in ((0, 16), (1, 16), (16,), (1, 1, 16), (3, 1)):
        x, w = rows(*shape), rows(shape[-1], seed=1)
        got, found = raised(llama, x, w)
        assert found.counts == {"rms_norm": 1}, shape
        torch.testing.assert_close(got, llama(x, w))


def test_graph_without_values_is_left_as_it_is() -> None:
    graph = fx.symbolic_trace(llama).graph
    before = str(graph)
    record = PassRecord("")
    RaiseForms().run(graph, record)
    assert str(graph) == before
    assert record.matched_count == 0
    assert any("of unknown value" in miss.reason for miss in record.near_misses)


def test_form_that_is_not_known_is_refused() -> None:
    with pytest.raises(ArgumentError, match="`forms` has 'rms', must be of gemma_rms_norm, rms_"):
        RaiseForms(forms=("rms",))


def test_equal_passes_are_one_and_other_forms_another() -> None:
    passes: list[Any] = [RaiseForms(), RaiseForms(), RaiseForms(forms=("rms_norm",))]
    assert passes[0] == passes[1] != passes[2]
    assert passes[0].uuid() == passes[1].uuid() != passes[2].uuid()
