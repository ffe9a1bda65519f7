"""Modules are replaced for what they compute, whatever their classes are called."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import ir_runtime
from tests.models.look_alikes import LEFT, Gated, HalfBiased, N, RmsNorm


@pytest.mark.parametrize("name", LEFT)
def test_what_computes_something_else_is_left_alone(name: str):
    make, reason = LEFT[name]
    torch.manual_seed(0)
    module = make()
    model, x = nn.Sequential(module), torch.randn(2, 3, N)
    result = model(x)
    before = vars(module).copy()
    kind = {"norm": "norm", "linear": "linear", "gate": "mlp"}[name.split()[1]]
    report = ir_runtime.optimize(model, ops=kind)
    assert not report.replaced
    reasons = [left.reason for left in report.left if left.kind == kind]
    assert not reason or [reason in said for said in reasons] == [True], reasons
    assert vars(module).keys() == before.keys()
    assert torch.equal(model(x), result)


class Renamed(nn.Module):
    """A norm without the usual names of anything."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.rand(N))

    def forward(self, rows: Tensor) -> Tensor:
        wide = rows.float()
        size = torch.sqrt(torch.mean(wide * wide, dim=-1, keepdim=True) + 1e-5)
        return (wide / size * self.gain).to(rows.dtype)


def test_a_norm_is_found_without_a_name():
    model, x = nn.Sequential(Renamed()), torch.randn(2, N)
    before = model(x)
    report = ir_runtime.optimize(model)
    assert [place.op for place in report.replaced] == ["rms_norm"]
    torch.testing.assert_close(model(x), before)
    torch.testing.assert_close(model[0](rows=x), before)


def test_a_gate_is_found_without_a_name():
    model = nn.Sequential(Gated(nn.functional.silu))
    report = ir_runtime.optimize(model, ops="mlp", weights="int8")
    assert [(place.kind, place.op) for place in report.replaced] == [("mlp", "linear_w8")]


def test_a_gate_of_unlike_projections_is_not_joined():
    report = ir_runtime.optimize(nn.Sequential(HalfBiased()), weights="int8")
    assert dict(report.counts()) == {"linear": 3}
    assert [place.reason for place in report.left] == [
        "its projections differ in size, dtype, or in having a bias"
    ]


def test_a_gate_of_both_halves_may_have_its_weight_turned():
    from transformers.pytorch_utils import Conv1D

    class Halves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.both, self.down, self.act = Conv1D(2 * N, N), nn.Linear(N, N), nn.SiLU()

        def forward(self, x: Tensor) -> Tensor:
            gate, up = self.both(x).chunk(2, -1)
            return self.down(self.act(gate) * up)

    model, x = nn.Sequential(Halves()), torch.randn(2, N)
    before = model(x)
    report = ir_runtime.optimize(model, ops="mlp")
    assert [place.op for place in report.replaced] == ["silu_and_mul"]
    torch.testing.assert_close(model(x), before)


def test_rows_of_another_dtype_are_computed_as_before():
    norm = RmsNorm()
    model, x = nn.Sequential(norm), torch.randn(2, N).bfloat16()
    before = model(x)
    ir_runtime.optimize(model)
    assert before.dtype == torch.float32
    assert torch.equal(model(x), before)
