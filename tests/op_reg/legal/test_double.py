"""Programs of f32 need no f64 on devices that may have none."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ir_runtime import aot
from ir_runtime.errors import ExportError
from tests.aot.operators import CASES, samples_of

INDEX = torch.tensor([1, 0, 1])


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
        x.scatter_add(0, INDEX[:, None].expand(-1, 5), x),
        x.index_add(0, INDEX, x),
        x.index_put((INDEX,), x, accumulate=True),
        F.avg_pool1d(x, 2),
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
        "layer: its weights changed after the export, must stay the same until it is first "
        "compiled for vulkan"
    )


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_no_operator_of_f32_needs_f64_or_fails_on_vulkan() -> None:
    """But for those that the compiler lacks and f64 makes up for."""
    found: dict[str, str] = {}
    for name, case in CASES.items():
        for sample in (s for s in samples_of(case) if s.dtype == torch.float32):
            try:
                program = aot.export(case.fn, sample.arguments)
            except ExportError:
                continue  # refused everywhere
            try:
                text = program.mlir("vulkan")
            except ExportError as error:
                found[name] = str(getattr(error, "operator", error))
                continue
            if "f64" in text:
                found[name] = "f64"
    assert found == {"erfc": "aten.erfc", "_to_copy float64": "f64"}
