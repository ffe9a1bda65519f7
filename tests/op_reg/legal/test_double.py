"""Programs of f32 need no f64 on devices that may have none."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ir_runtime import aot
from ir_runtime.errors import ExportError


def functions(x: Tensor) -> list[Tensor]:
    return [
        x.sin(),
        F.gelu(x),
        x.pow(-3.0),
        x.pow(x),
        torch.atan2(x, x + 1),
        x.softmax(1),
        x.var(1),
        F.layer_norm(x, (x.shape[1],)),
    ]


def test_f32_is_computed_in_f64_on_cpus_alone() -> None:
    program = aot.export(functions, (torch.rand(3, 5),))
    assert "f64" in program.mlir()
    for family in ("vulkan", "cuda", "hip"):
        assert "f64" not in program.mlir(family)


def test_weights_that_changed_since_the_export_are_refused() -> None:
    layer = torch.nn.Linear(4, 4)
    program = aot.export(layer, (torch.rand(3, 4),), name="layer")
    with torch.no_grad():
        layer.weight.add_(1)
    assert program.mlir()
    with pytest.raises(ExportError) as caught:
        program.mlir("vulkan")
    assert caught.value.headline == (
        "layer: its weights changed after the export, must not before it is first compiled for "
        "vulkan"
    )
