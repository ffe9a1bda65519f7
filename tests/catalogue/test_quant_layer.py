"""The layer of quantisation to eight-bit floats: scales, padding, strides, refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ir_runtime.errors import ArgumentError
from ir_runtime.layers import op_registry
from kernels_mlir.quant.layers import GroupShape, QuantFP8
from kernels_mlir.quant.static_group_quant_fp8 import static_group_quant_fp8
from kernels_mlir.quant.static_quant_fp8 import static_quant_fp8
from tests.catalogue.quant import (
    FP8,
    assert_nearest,
    difficult_rows,
    dynamic_oracle,
    group_oracle,
)

X = torch.ones(4, 6)
SCALE = torch.ones(1)


def test_the_layer_has_the_seeds_name() -> None:
    assert op_registry["quant_fp8"] is QuantFP8


def test_the_layer_shapes_scales_by_its_groups(custom_ops: str) -> None:
    x = difficult_rows()[:6, :64]
    x[:] = torch.linspace(-3, 3, x.numel()).view(6, 64)
    token, channel = torch.rand(6) + 0.1, torch.rand(64) + 0.1
    for shape, scale, seen in (
        (GroupShape.PER_TENSOR, torch.tensor(0.5), torch.tensor(0.5)),
        (GroupShape.PER_TOKEN, token, token[:, None]),
        (GroupShape.PER_TOKEN, torch.tensor([0.5]), torch.tensor([[0.5]])),
        (GroupShape.PER_CHANNEL, channel, channel[None]),
    ):
        y, found = QuantFP8(True, shape)(x, scale)
        assert torch.equal(found, seen)
        expected = static_quant_fp8.native(x, seen, FP8)
        assert_nearest(y, expected, x.double() / seen)
    blocks = torch.rand(3, 2) + 0.1
    y, found = QuantFP8(True, (2, 32))(x, blocks)
    assert found is blocks
    assert torch.equal(y.float(), static_group_quant_fp8.native(x, blocks, FP8, [2, 32]).float())
    with pytest.raises(ArgumentError, match=r"`scale` is f32\[6\], must have 2 dimensions"):
        QuantFP8(True, (2, 32))(x, token)


def test_the_layer_computes_scales_pads_and_transposes(custom_ops: str) -> None:
    x = torch.linspace(-3, 3, 6 * 64).view(6, 64)
    y, scale = QuantFP8(False, GroupShape.PER_TOKEN, num_token_padding=9)(x)
    assert y.shape == (9, 64)
    assert scale.shape == (6, 1)
    assert not y[6:].view(torch.uint8).any()
    expected, _ = dynamic_oracle(x, FP8, "token")
    assert_nearest(y[:6], expected, x.double() / scale)
    y, scale = QuantFP8(False, GroupShape.PER_TENSOR)(x)
    assert scale.shape == (1,)
    layer = QuantFP8(False, (1, 32), 9, True, True)
    y, scale = layer(x)
    assert (y.shape, scale.shape, scale.stride()) == ((6, 64), (6, 2), (1, 6))
    assert torch.equal(scale, group_oracle(x, FP8, 32, powers=True)[1])
    assert layer.state_dict() == {}


def test_the_layer_refuses_what_it_cannot_do() -> None:
    def message(make: Any) -> str:
        with pytest.raises(ArgumentError) as caught:
            make()
        return str(caught.value).removeprefix("quant_fp8: ")

    static, dynamic = (
        lambda *a, **k: QuantFP8(True, *a, **k),
        lambda *a, **k: QuantFP8(False, *a, **k),
    )
    token = GroupShape.PER_TOKEN
    assert message(lambda: static(token)(X)) == "`scale` is None, must be a tensor"
    assert message(lambda: dynamic(token)(X, SCALE)).startswith("`scale` is f32[1], must be None")
    assert message(lambda: static(token)(X, SCALE, SCALE)).startswith("`scale_ub` is f32[1]")
    wanted = "must be per tensor, per token or (1, group size) for dynamic scales"
    assert message(lambda: dynamic((2, 3))) == f"`group_shape` is (2, 3), {wanted}"
    assert message(lambda: dynamic((-1, 1))) == f"`group_shape` is (-1, 1), {wanted}"
    assert message(lambda: static((0, 3))).startswith("`group_shape` is (0, 3), must have sizes")
    assert message(lambda: static(token, use_ue8m0=True)).startswith("`use_ue8m0` is True")
    assert message(lambda: static(token, dtype=torch.int8)).startswith("`dtype` is i8, must be f8")
