"""Models that `optimize` does not change, and failures that leave a model as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import ir_runtime
from ir_runtime.errors import ArgumentError
from ir_runtime.models.change import NewForward
from ir_runtime.models.errors import OptimizeError
from tests.models.look_alikes import N, RmsNorm


def model() -> nn.Sequential:
    return nn.Sequential(RmsNorm(), RmsNorm())


def test_a_model_is_optimised_once():
    made = model()
    report = ir_runtime.optimize(made, ops="norm")
    with pytest.raises(OptimizeError, match="Sequential: 0 is optimised already"):
        ir_runtime.optimize(made)
    report.undo()
    assert len(ir_runtime.optimize(made).replaced) == 2


def test_a_report_is_undone_once():
    report = ir_runtime.optimize(model())
    report.undo()
    with pytest.raises(OptimizeError, match="undone already"):
        report.undo()


def _offloaded() -> nn.Module:
    return model().to("meta")


def _hooked() -> nn.Module:
    made: Any = model()
    made[1]._hf_hook = object()
    return made


def _quantised() -> nn.Module:
    made: Any = model()
    made.is_quantized = True
    return made


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_offloaded, "2 of 2 tensors are on the meta device, such as 0.weight"),
        (_hooked, "1 has a hook of accelerate"),
        (_quantised, "it is quantised already"),
    ],
)
def test_a_model_that_cannot_be_changed_is_refused(make, said: str):
    made = make()
    with pytest.raises(OptimizeError, match=said):
        ir_runtime.optimize(made)
    assert not any("forward" in vars(module) for module in made.modules())


def test_weights_of_another_dtype_are_a_line_of_the_report():
    report = ir_runtime.optimize(model().double())
    assert {left.reason for left in report.left} == {
        "its weight is f64, must be f32, bf16 or f16",
    }


def test_a_weight_made_in_inference_mode_is_a_line_of_the_report():
    with torch.inference_mode():
        made = nn.Sequential(nn.Linear(N, N))
    report = ir_runtime.optimize(made, ops="linear")
    assert [left.reason for left in report.left] == [
        "its weight was made in inference mode, where no changes are counted: not packed"
    ]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"ops": "norms"}, "`ops` has 'norms', must be 'all' or of norm, mlp, linear"),
        ({"weights": "int2"}, "`weights` is 'int2', must be 'int8', 'int4' or None"),
    ],
)
def test_an_unknown_setting_is_refused(settings: dict[str, Any], said: str):
    with pytest.raises(ArgumentError, match=said):
        ir_runtime.optimize(model(), **settings)


def test_a_failure_in_the_middle_leaves_the_model_as_it_was(monkeypatch: pytest.MonkeyPatch):
    made, x = model(), torch.randn(3, N)
    before = made(x)
    applied: list[NewForward] = []
    apply = NewForward.apply

    def fail_at_the_second(change: NewForward) -> None:
        apply(change)
        applied.append(change)
        if len(applied) == 2:
            raise MemoryError

    monkeypatch.setattr(NewForward, "apply", fail_at_the_second)
    with pytest.raises(MemoryError):
        ir_runtime.optimize(made)
    assert len(applied) == 2
    assert not any("forward" in vars(module) for module in made.modules())
    assert torch.equal(made(x), before)


def test_a_failure_after_weights_were_freed_says_so(monkeypatch: pytest.MonkeyPatch):
    from kernels_mlir.matmul.quantized_layer import QuantizedLinear

    made = nn.Sequential(nn.Linear(N, N), RmsNorm(), nn.Linear(N, N))
    round_weight, rounded = QuantizedLinear.from_linear.__func__, []

    def fail_at_the_second(kind: Any, linear: nn.Linear, bits: int) -> Any:
        rounded.append(linear.in_features)
        if rounded.count(N) == 2:
            raise MemoryError
        return round_weight(kind, linear, bits)

    monkeypatch.setattr(QuantizedLinear, "from_linear", classmethod(fail_at_the_second))
    with pytest.raises(OptimizeError, match="failed after 1 weights were rounded and freed"):
        ir_runtime.optimize(made, weights="int8", undo=False)
    assert "forward" not in vars(made[1])
    assert isinstance(made[0], QuantizedLinear)
    assert type(made[2]) is nn.Linear
    assert made(torch.randn(2, N)).shape == (2, N)
