"""Do layers with packed weights load and save both forms, and compute what they dequantise to?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ir_runtime import ir
from ir_runtime.errors import ArgumentError
from kernels_mlir.matmul.gate_up_layer import GateUpSilu, QuantizedGateUpSilu
from kernels_mlir.matmul.quantized_layer import QuantizedLinear

EXACT = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(autouse=True)
def _by_native() -> Iterator[None]:
    """The kernels have tests of their own."""
    names = ("linear_w8", "linear_w4", "gate_up_silu")
    config = ir.IrOpPriorityConfig(**dict.fromkeys(names, "native"))
    with config.set_priority():
        yield


def linear(n: int, k: int, *, bias: bool = True, seed: int = 0) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(k, n, bias=bias)


def rows(k: int) -> Tensor:
    return torch.randn((2, 3, k), generator=torch.Generator().manual_seed(9))


@pytest.mark.parametrize(("bits", "group"), [(8, None), (8, 32), (4, None), (4, 32)])
def test_linear_computes_its_dequantised_weight(bits: int, group: int | None) -> None:
    own = linear(45, 96)
    layer = QuantizedLinear.from_linear(own, bits, group)
    assert layer.group_size == (group or (96 if bits == 8 else 32))
    assert layer.bias is own.bias
    x = rows(96)
    torch.testing.assert_close(layer(x), nn.functional.linear(x, layer.dequantize(), own.bias))
    assert (layer.dequantize() - own.weight).abs().max() < 1.1 / 96**0.5 / (127 if bits == 8 else 7)


@pytest.mark.parametrize("bits", [8, 4])
def test_linear_loads_a_float_weight_and_its_own_form(bits: int) -> None:
    own = linear(45, 96, seed=1)
    made, other = (QuantizedLinear.from_linear(linear(45, 96, seed=s), bits) for s in (1, 2))
    assert not torch.equal(made.weight, other.weight)
    assert set(made.state_dict()) == {"weight", "scale", "bias"}
    assert made.state_dict()["weight"].dtype == (torch.int8 if bits == 8 else torch.int32)
    other.load_state_dict(own.state_dict())
    assert torch.equal(other(rows(96)), made(rows(96)))
    again = nn.Sequential(QuantizedLinear.from_linear(linear(45, 96, seed=3), bits))
    again.load_state_dict(nn.Sequential(made).state_dict())
    assert torch.equal(again(rows(96)), made(rows(96)))


def test_linear_refuses_a_weight_of_another_shape() -> None:
    layer = QuantizedLinear.from_linear(linear(45, 96))
    with pytest.raises(RuntimeError, match="size mismatch for weight"):
        layer.load_state_dict({**layer.state_dict(), "weight": torch.zeros(45, 95)})


def checkpoint() -> tuple[Tensor, Tensor, Tensor]:
    """Words, zeros and scales of 128 inputs in 4 groups, and 40 outputs."""
    torch.manual_seed(0)
    words = torch.randint(-(2**31), 2**31 - 1, (16, 40), dtype=torch.int32)
    zeros = torch.randint(0, 2**27, (4, 5), dtype=torch.int32)
    return words, zeros, torch.rand(4, 40).half()


def in_another_order() -> QuantizedLinear:
    return QuantizedLinear.from_gptq(*checkpoint(), torch.arange(128) % 4, torch.ones(40))


def test_linear_of_a_checkpoint_with_another_order() -> None:
    layer, (_, zeros, scales), x = in_another_order(), checkpoint(), rows(128)
    expected = nn.functional.linear(x, layer.dequantize(), torch.ones(40))
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-3)
    assert {"order", "zero"} <= set(layer.state_dict())
    other = QuantizedLinear.from_awq(torch.zeros(128, 5, dtype=torch.int32), zeros, scales)
    assert other(x).shape == (2, 3, 40)


def test_linear_with_zeros_and_an_order_loads_a_float_weight() -> None:
    """Zeros, the order and the dtype of scales are those of the layer."""
    own, layer = linear(40, 128, seed=1), in_another_order()
    layer.load_state_dict(own.state_dict())
    assert (layer.scale.dtype, layer.bits) == (torch.float16, 4)
    assert (layer.dequantize() - own.weight).abs().max() < 2 / 128**0.5 / 15
    x = rows(128)
    torch.testing.assert_close(
        layer(x), nn.functional.linear(x, layer.dequantize(), own.bias), **EXACT
    )
    with pytest.raises(RuntimeError, match="size mismatch for weight"):
        layer.load_state_dict({**layer.state_dict(), "weight": torch.zeros(40, 96)})


@pytest.mark.parametrize(
    ("make", "width", "message"),
    [
        (lambda: QuantizedLinear.from_linear(linear(45, 40), 8), 39, "QuantizedLinear: `x` is f32"),
        (lambda: QuantizedLinear.from_linear(linear(45, 40), 4), 34, "QuantizedLinear: `x` is f32"),
        (lambda: QuantizedLinear.from_linear(linear(45, 40), 4).packed.linear, 34, "QuantizedWei"),
        (in_another_order, 140, "QuantizedLinear: `x` is f32"),
    ],
    ids=["8 bits", "4 bits", "packed", "order"],
)
def test_rows_of_another_length_are_refused(
    make: Callable[[], Callable[[Tensor], Tensor]], width: int, message: str
) -> None:
    """The ops cannot tell them apart: a packed weight has a padded row."""
    with pytest.raises(ArgumentError, match=f"^{message}.*{width}], its last dimension must be "):
        make()(rows(width))


@pytest.mark.parametrize("bits", [None, 8, 4])
def test_layers_are_traced_whole(bits: int | None) -> None:
    """One graph for any number of rows, with the op in it."""
    gate_up = GateUpSilu.from_linears(linear(45, 96, seed=1), linear(45, 96, seed=2), bits)
    layers = (
        [gate_up] if bits is None else [gate_up, QuantizedLinear.from_linear(linear(45, 96), bits)]
    )
    for layer in layers:
        graphs: list[torch.fx.GraphModule] = []

        def keep(graph: torch.fx.GraphModule, inputs: object, seen: Any = graphs) -> Any:
            del inputs
            seen.append(graph)
            return graph

        compiled = torch.compile(layer, fullgraph=True, dynamic=True, backend=keep)
        for x in (rows(96), rows(96).repeat(1, 2, 1)):
            assert torch.equal(compiled(x), layer(x))
        (graph,) = graphs
        name = "gate_up_silu" if bits is None else f"linear_w{bits}"
        assert any(name in str(node.target) for node in graph.graph.nodes)


@pytest.mark.parametrize("bits", [None, 8, 4])
@pytest.mark.parametrize("biased", [True, False])
def test_gate_up_is_both_layers(bits: int | None, biased: bool) -> None:
    gate, up = (linear(45, 96, bias=biased, seed=s) for s in (1, 2))
    layer = GateUpSilu.from_linears(gate, up, bits)
    x = rows(96)
    if isinstance(layer, QuantizedGateUpSilu):
        weights = layer.dequantize().chunk(2)
        bias = (gate.bias, up.bias) if biased else (None, None)
        g, u = (nn.functional.linear(x, w, b) for w, b in zip(weights, bias, strict=True))
    else:
        g, u = gate(x), up(x)
    torch.testing.assert_close(layer(x), nn.functional.silu(g) * u, **EXACT)


def test_gate_up_loads_both_forms() -> None:
    made, other = (
        GateUpSilu.from_linears(linear(45, 96, seed=s), linear(45, 96, seed=s + 1), 4)
        for s in (1, 5)
    )
    plain = GateUpSilu.from_linears(linear(45, 96, seed=1), linear(45, 96, seed=2))
    other.load_state_dict(plain.state_dict())
    assert torch.equal(other(rows(96)), made(rows(96)))


def test_layers_that_differ_are_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        GateUpSilu.from_linears(linear(45, 96), linear(45, 96, bias=False))
    assert str(caught.value) == (
        "GateUpSilu: the layers are (45, 96) torch.float32, bias=True and (45, 96) torch.float32, "
        "bias=False, must have one size, one dtype, and both a bias or none"
    )
    with pytest.raises(ArgumentError, match=r"^quantize: `bits` is 3, must be 8 or 4$"):
        QuantizedLinear.from_linear(linear(4, 32), 3)
