"""Does a layer of an IR op run what the op's priority chooses, and its own forwards among that?"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from ir_runtime import CustomOp, ir
from ir_runtime.counters import count_since
from ir_runtime.errors import LayerClassError, PriorityError
from ir_runtime.launch.artifact.store import DirectoryStore
from ir_runtime.layers import (
    CompilationConfig,
    Layer,
    set_compilation_config,
    use_platform,
)
from ir_runtime.op_reg import def_library

RAN: list[str] = []


@ir.register_op
def layer_scale(x: Tensor, weight: Tensor, bias: float = 0.0) -> Tensor:
    """Scale each row."""
    RAN.append("native")
    return x * weight + bias


@layer_scale.register_impl("vendor", supports_args=lambda x, weight, bias=0.0: x.shape[-1] % 2 == 0)
def vendor(x: Tensor, weight: Tensor, bias: float = 0.0) -> Tensor:
    RAN.append("vendor")
    return x * weight + bias


@ir.register_op
def layer_triple(x: Tensor) -> Tensor:
    """Triple each element."""
    return x * 3


@CustomOp.register(library=def_library("ir_layer_tests"))
class triple_kernel(CustomOp):
    signature = "triple_kernel(Tensor x) -> Tensor"

    def select(self, ksel):
        x = ksel.arg_tensor(0)
        ksel.return_new_tensor(x.t.shape, x.t.dtype)

    def generate(self, ksel, kb):
        kb.yield_results(kb.inline_torch(lambda x: x * 3, kb.arg_value(0)))


@layer_triple.register_impl("kernel")
def layer_triple_kernel(x: Tensor) -> Tensor:
    return torch.ops.ir_layer_tests.triple_kernel(x)


class Tripled(Layer):
    ir_op = layer_triple


class ScaleLayer(Layer):
    """Overrides no forward; at module level, so that it can be pickled."""

    ir_op = layer_scale

    def __init__(self, size: int = 2, **choice: bool) -> None:
        super().__init__(**choice)
        self.weight = nn.Parameter(torch.full((size,), 3.0), requires_grad=False)

    def op_arguments(self, x: Tensor) -> tuple[Tensor, Tensor, float]:
        return x, self.weight, 1.0


class OwnNative(ScaleLayer):
    def forward_native(self, x: Tensor) -> Tensor:
        RAN.append("own native")
        return super().forward_native(x)


class OwnCpu(ScaleLayer):
    def forward_cpu(self, x: Tensor) -> Tensor:
        RAN.append("own cpu")
        return x * 3 + 1


@pytest.fixture(autouse=True)
def on_the_cpu() -> Iterator[None]:
    RAN.clear()
    with use_platform("cpu"):
        yield


def run(layer: Layer, size: int = 2) -> list[str]:
    RAN.clear()
    torch.testing.assert_close(layer(torch.ones(4, size)), torch.full((4, size), 4.0))
    return list(RAN)


def disabled(layer_class: type[Layer], **choice: bool) -> Layer:
    with set_compilation_config(CompilationConfig(custom_ops="none")):
        return layer_class(**choice)


def test_a_layer_finds_the_op_of_its_name():
    @Layer.register("layer_scale")
    class Named(Layer):
        pass

    layer = Named()
    assert layer.ir_op is layer_scale
    with layer_scale.set_priority(["vendor", "native"]):
        found = layer(torch.ones(1, 2), weight=torch.ones(2))
    assert found.tolist() == [[1.0, 1.0]]
    assert RAN == ["vendor"]


def test_a_layer_of_a_name_without_an_op_has_none():
    @Layer.register("no_op_of_this_name")
    class Named(Layer):
        pass

    assert Named().ir_op is None


def test_a_layer_can_have_no_op_though_its_name_has_one():
    @Layer.register("layer_scale")
    class Apart(Layer):
        ir_op = None

        def forward_native(self, x):
            return "apart"

    with layer_scale.set_priority(["vendor", "native"]):
        assert Apart()(torch.ones(1, 2)) == "apart"


@pytest.mark.parametrize("platform", ["cpu", "cuda", "hip", "xpu", "tpu", "vulkan", "oot"])
def test_an_enabled_layer_runs_the_providers_in_turn(platform: str):
    """C-03."""
    with use_platform(platform):
        even, odd = ScaleLayer(2), ScaleLayer(3)
    with layer_scale.set_priority(["vendor", "native"]):
        assert run(even) == ["vendor"]
        assert run(odd, 3) == ["native"]


def test_a_disabled_layer_runs_native_whatever_the_priority():
    """C-03."""
    with layer_scale.set_priority(["vendor", "native"]):
        assert run(disabled(ScaleLayer)) == ["native"]
        assert run(disabled(OwnNative)) == ["own native", "native"]
        assert run(disabled(OwnCpu)) == ["native"]
        assert run(disabled(ScaleLayer, enforce_enable=True)) == ["vendor"]


def test_an_own_native_stands_where_native_stands():
    layer, odd = OwnNative(2), OwnNative(3)
    with layer_scale.set_priority(["native"]):
        assert run(layer) == ["own native", "native"]
    with layer_scale.set_priority(["vendor", "native"]):
        assert run(layer) == ["vendor"]
        assert run(odd, 3) == ["own native", "native"]


def test_an_own_forward_of_the_platform_comes_before_all_providers():
    layer = OwnCpu()
    for priority in (["native"], ["vendor", "native"]):
        with layer_scale.set_priority(priority):
            assert run(layer) == ["own cpu"]
    with use_platform("cuda"), layer_scale.set_priority(["vendor", "native"]):
        assert run(OwnCpu()) == ["vendor"]


def test_a_layer_runs_the_kernel_of_its_op(store: DirectoryStore):
    layer = Tripled()
    x = torch.tensor([1.0, -2.0])
    with layer_triple.set_priority(["kernel"]), count_since() as counts:
        assert layer(x).tolist() == [3.0, -6.0]
        assert layer(x).tolist() == [3.0, -6.0]
    assert counts[0].compiles == 1


@pytest.mark.parametrize("how", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_keep_their_op(how):
    layer = how(ScaleLayer())
    assert layer.ir_op is layer_scale
    with layer_scale.set_priority(["vendor", "native"]):
        assert run(layer) == ["vendor"]


def test_missing_arguments_are_named():
    @Layer.register("layer_scale")
    class Named(Layer):
        pass

    with layer_scale.set_priority(["native"]), pytest.raises((TypeError, RuntimeError)) as caught:
        Named()(torch.ones(2))
    assert "weight" in str(caught.value)


def graph_of(layer: Layer, size: int = 2) -> list[str]:
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(layer, fullgraph=True, backend=backend)
    torch.testing.assert_close(compiled(torch.ones(4, size)), torch.full((4, size), 4.0))
    (graph,) = graphs
    return [str(n.target) for n in graph.graph.nodes if n.op == "call_function"]


@pytest.mark.parametrize("layer_class", [ScaleLayer, OwnNative])
def test_an_enabled_layer_is_one_node_of_a_full_graph(layer_class: type[Layer]):
    with layer_scale.set_priority(["vendor", "native"]):
        (target,) = graph_of(layer_class())
    assert "layer_scale" in target


def test_a_compiled_layer_runs_its_own_native():
    class Negated(ScaleLayer):
        def forward_native(self, x):
            return -((-x) * self.weight) + 1.0

    layer = Negated()
    with layer_scale.set_priority(["native"]):
        assert any("neg" in target for target in graph_of(layer))
    torch._dynamo.reset()


def test_gradients_flow_through_the_op():
    layer = ScaleLayer()
    layer.weight.requires_grad_(True)
    with layer_scale.set_priority(["vendor", "native"]):
        layer(torch.full((4, 2), 5.0)).sum().backward()
    assert layer.weight.grad.tolist() == [20.0, 20.0]


def test_divisible_batches_are_chosen_under_dynamic_sizes_as_in_eager():
    @ir.register_op(name="layer_eights")
    def eights(x: Tensor) -> Tensor:
        return x

    @eights.register_impl("eight", constraints=[ir.divisible("x", 0, 8)])
    def eight(x: Tensor) -> Tensor:
        return x + 1

    class Eights(Layer):
        ir_op = "layer_eights"

        def forward_native(self, x: Tensor) -> Tensor:
            return x + 2

    layer = Eights()
    assert layer.ir_op is eights
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    with eights.set_priority(["eight", "native"]):
        for size in (8, 9, 16, 10, 24):
            x = torch.zeros(size)
            assert torch.equal(compiled(x), layer(x)), size
    torch._dynamo.reset()


@pytest.mark.parametrize("wrong", ["no_such_op", 3, int, torch.ops.aten.sin])
def test_ir_op_that_is_no_op_is_refused_where_the_class_is_made(wrong: object):
    with pytest.raises(LayerClassError, match=r"`ir_op` is .*, must be an IrOp, the name of one"):
        type("Wrong", (Layer,), {"ir_op": wrong})


def test_no_provider_is_an_error_of_the_op():
    layer = ScaleLayer(3)
    with (
        layer_scale.set_priority(["vendor"]),
        ir.strict_priority(),
        pytest.raises(PriorityError, match="no provider of its priority takes these arguments"),
    ):
        layer(torch.ones(1, 3))
