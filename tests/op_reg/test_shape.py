from __future__ import annotations

import math

import pytest
import torch

from ir_runtime.op_reg import flatten, float_attribute, unflatten
from tests.op_reg.ops import like_first, make_op

SHAPES = [(), (3,), (2, 3), (2, 3, 4), (2, 3, 2, 2)]


def doubled_by(keep: int, *, static: bool):
    """An op that doubles `x` on its flat view."""

    def select(self, ksel):
        like_first(self, ksel)
        if static:
            ksel.arg_descs[0].specialize_all_dims()
            ksel.result_descs[0].specialize_all_dims()

    def generate(self, ksel, kb):
        from iree.compiler.dialects import arith
        from iree.compiler.ir import RankedTensorType

        line = flatten(kb, kb.arg(0), keep=keep)
        assert RankedTensorType(line.type).rank == 1 + keep
        kb.yield_results(unflatten(kb, arith.addf(line, line), kb.arg(0), keep=keep))

    return make_op("doubled_@UNIQUE@(Tensor x) -> Tensor", select, generate)


@pytest.mark.parametrize(("keep", "static"), [(0, False), (0, True), (1, False)])
def test_flatten_and_unflatten_serve_every_rank(keep, static):
    packet = doubled_by(keep, static=static)
    for shape in SHAPES[keep:]:
        x = torch.randn(shape)
        assert torch.equal(packet(x), x + x), shape


def test_flatten_keeps_two_dimensions():
    packet = doubled_by(2, static=False)
    for shape in SHAPES[2:]:
        x = torch.randn(shape)
        assert torch.equal(packet(x), x + x), shape


@pytest.mark.parametrize("shape", [(0,), (2, 0, 4)])
def test_flatten_of_nothing(shape):
    assert doubled_by(0, static=False)(torch.empty(shape)).shape == shape


def f32_of(text: str) -> float:
    """Read the attribute back as MLIR does."""
    from iree.compiler.ir import Context, FloatAttr

    with Context():
        return FloatAttr(FloatAttr.parse(text)).value


@pytest.mark.parametrize(
    "value", [0.0, -0.0, 1.0, 1e-6, 0.1, 3.4028234663852886e38, 1e-45, -1e-40, math.inf, -math.inf]
)
def test_float_attribute_is_exact(value):
    expected = torch.tensor(value, dtype=torch.float32).item()
    read = f32_of(float_attribute(value))
    assert read == expected
    assert math.copysign(1, read) == math.copysign(1, expected)


def test_float_attribute_of_nan():
    assert math.isnan(f32_of(float_attribute(math.nan)))


def test_float_attribute_text():
    assert float_attribute(1e-6) == "9.99999999999999955e-07 : f32"
    assert float_attribute(1.0, "bf16") == "1.00000000000000000e+00 : bf16"
    assert float_attribute(math.inf) == "0x7F800000 : f32"


@pytest.mark.parametrize("element", ["f16", "bf16", "f32", "f64"])
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 0.1])
def test_float_attribute_has_the_element_type_asked_for(element, value):
    text = float_attribute(value, element)
    assert text.endswith(f" : {element}")
    read = f32_of(text)
    assert read == pytest.approx(value, rel=1e-2, nan_ok=True)
