"""Layers of ops whose kernels are made from native: names, settings, weights, enable lists."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ir_runtime import ir
from ir_runtime.errors import ArgumentError
from ir_runtime.layers import (
    CompilationConfig,
    Layer,
    get_act_and_mul_fn,
    get_act_fn,
    op_registry,
    set_compilation_config,
)
from kernels_mlir.activation import layers as activation_layers
from kernels_mlir.norm import layers as norm_layers
from tests.catalogue.activations import ACTIVATIONS, Activation

EPSILON = 1e-5


def disabled(make: Callable[[], Any]) -> Any:
    """Make a layer that runs native."""
    with set_compilation_config(CompilationConfig(custom_ops="none")):
        return make()


@pytest.mark.parametrize("case", ACTIVATIONS, ids=lambda case: case.name)
def test_layer_of_an_activation_passes_its_settings_to_the_op(case: Activation):
    made = getattr(activation_layers, case.layer)
    assert op_registry[case.name] is made
    dtype = {"dtype": torch.float32} if case.name == "xielu" else {}
    layer = disabled(lambda: made(**case.options, **dtype))
    assert layer.ir_op is case.op
    given = case.arguments(torch.randn(3, 8))
    if case.name == "xielu":
        given = (given[0], layer.alpha_p, layer.alpha_n, layer.beta, layer.eps)
    assert torch.equal(layer(given[0]), case.op.native(*given))


def test_disabled_layer_is_compiled_whole():
    """The quantile of its sparsity is a constant of the graph."""
    layer = disabled(lambda: activation_layers.GeluAndMulSparse(0.8))
    x = torch.randn(3, 8)
    assert torch.equal(torch.compile(layer, backend="eager", fullgraph=True)(x), layer(x))


def make_rms() -> Layer:
    return norm_layers.RMSNorm(8, EPSILON, var_hidden_size=4)


def make_gated() -> Layer:
    return norm_layers.RMSNormGated(8, EPSILON, group_size=2, activation="sigmoid")


NORM_LAYERS: dict[str, tuple[Callable[[], Any], Callable[..., Any], list[str]]] = {
    "rms_norm": (
        make_rms,
        lambda layer, x, z: ir.ops.rms_norm.native(x, layer.weight, EPSILON, 4),
        ["weight"],
    ),
    "gemma_rms_norm": (
        lambda: norm_layers.GemmaRMSNorm(8, EPSILON),
        lambda layer, x, z: ir.ops.gemma_rms_norm.native(x, layer.weight, EPSILON),
        ["weight"],
    ),
    "layer_norm": (
        lambda: norm_layers.LayerNorm(8, EPSILON),
        lambda layer, x, z: ir.ops.layer_norm.native(x, layer.weight, layer.bias, EPSILON),
        ["bias", "weight"],
    ),
    "rms_norm_gated": (
        make_gated,
        lambda layer, x, z: ir.ops.rms_norm_gated.native(
            x, z, layer.weight, EPSILON, 2, False, "sigmoid"
        ),
        ["weight"],
    ),
    "mixer2_gated_rms_norm": (
        lambda: norm_layers.Mixer2RMSNormGated(8, 2, eps=EPSILON),
        lambda layer, x, z: ir.ops.mixer2_gated_rms_norm.native(x, z, layer.weight, EPSILON, 2),
        ["weight"],
    ),
}
CLASSES = {
    "rms_norm": "RMSNorm",
    "gemma_rms_norm": "GemmaRMSNorm",
    "layer_norm": "LayerNorm",
    "rms_norm_gated": "RMSNormGated",
    "mixer2_gated_rms_norm": "Mixer2RMSNormGated",
}


def arguments_of(name: str, x: Tensor, z: Tensor) -> tuple[Tensor, ...]:
    return (x, z) if "gated" in name else (x,)


@pytest.mark.parametrize("name", NORM_LAYERS)
def test_layer_of_a_norm_keeps_its_weights(name: str):
    """Its state goes into another layer and through a pickle; both compute what the op does."""
    make, expected, keys = NORM_LAYERS[name]
    assert op_registry[name].__name__ == CLASSES[name]
    layer = disabled(make)
    torch.nn.init.normal_(layer.weight)
    assert sorted(layer.state_dict()) == keys
    other = disabled(make)
    other.load_state_dict(layer.state_dict())
    x, z = torch.randn(3, 8), torch.randn(3, 8)
    for found in (layer, other, pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
        assert torch.equal(found(*arguments_of(name, x, z)), expected(layer, x, z))
        assert found.ir_op is ir.IrOp.registry[name]


@pytest.mark.parametrize("name", NORM_LAYERS)
def test_enable_list_names_the_layer(name: str):
    make, expected, _ = NORM_LAYERS[name]
    config = CompilationConfig(custom_ops=f"none,+{name}")
    with set_compilation_config(config):
        layer = make()
    assert config.enabled_custom_ops[name] == 1
    x, z = torch.randn(3, 8), torch.randn(3, 8)
    op = ir.IrOp.registry[name]
    with op.set_priority(["native"]):
        torch.testing.assert_close(layer(*arguments_of(name, x, z)), expected(layer, x, z))
    with pytest.raises(ArgumentError), op.set_priority(["native"]):  # an op's refusal
        layer(*arguments_of(name, x[:, :7], z[:, :7]))


@pytest.mark.parametrize("custom_ops", ["all", "none"])
@pytest.mark.parametrize("name", ["rms_norm", "gemma_rms_norm"])
def test_norm_adds_a_residual(name: str, custom_ops: str):
    with set_compilation_config(CompilationConfig(custom_ops=custom_ops)):
        layer = op_registry[name](8, EPSILON)
    torch.nn.init.normal_(layer.weight)
    op = ir.IrOp.registry[f"fused_add_{name}"]
    x, residual = torch.randn(3, 8), torch.randn(3, 8)
    wanted = op.native(x, residual, layer.weight, EPSILON)
    with op.set_priority(["native"]):
        for found, expected in zip(layer(x, residual), wanted, strict=True):
            assert torch.equal(found, expected)
        compiled = torch.compile(layer, backend="eager", fullgraph=True)
        for found, expected in zip(compiled(x, residual), wanted, strict=True):
            assert torch.equal(found, expected)


def test_enabled_layer_donates_to_an_in_place_provider():
    op = ir.ops.fused_add_rms_norm

    @op.register_impl("written", inplace=True)
    def written(
        x: Tensor,
        x_residual: Tensor,
        weight: Tensor | None,
        epsilon: float,
        variance_size: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        y, total = op.native(x, x_residual, weight, epsilon, variance_size)
        return x.copy_(y), x_residual.copy_(total)

    try:
        layer = norm_layers.RMSNorm(8)
        x, residual = torch.randn(3, 8), torch.randn(3, 8)
        wanted = op.native(x, residual, None, 1e-6)
        with torch.no_grad(), op.set_priority(["written"]):
            y, total = layer(x, residual)
        assert y.data_ptr() == x.data_ptr()
        assert total.data_ptr() == residual.data_ptr()
        torch.testing.assert_close((y, total), wanted)
    finally:
        del op.impls["written"]


def test_norm_without_a_weight_checks_its_rows():
    layer = disabled(lambda: norm_layers.RMSNorm(8, has_weight=False))
    assert not layer.state_dict()
    x = torch.randn(3, 8)
    assert torch.equal(layer(x), ir.ops.rms_norm.native(x, None, 1e-6))
    with pytest.raises(ArgumentError, match=r"`x` is f32\[3, 7\], must have a last dimension of 8"):
        layer(x[:, :7])


def test_mixer_norm_may_only_gate():
    layer = disabled(lambda: norm_layers.Mixer2RMSNormGated(8, 2, use_rms_norm=False))
    assert not layer.state_dict()
    x, gate = torch.randn(3, 8), torch.randn(3, 8)
    torch.testing.assert_close(layer(x, gate), x * torch.nn.functional.silu(gate))
    with pytest.raises(ArgumentError, match="`full_n_groups` is 3, must divide"):
        norm_layers.Mixer2RMSNormGated(8, 3)


def test_names_of_configurations():
    assert type(get_act_fn("swish")) is activation_layers.Silu
    assert type(get_act_fn("torch.nn.modules.activation.SiLU")) is activation_layers.Silu
    assert type(get_act_and_mul_fn("swish")) is activation_layers.SiluAndMul
    assert get_act_and_mul_fn("gelu_pytorch_tanh").approximate == "tanh"
    with pytest.raises(ArgumentError, match="fix: for 0, use GeluAndMul"):
        activation_layers.GeluAndMulSparse(0.0)
