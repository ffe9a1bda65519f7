"""Do ops find their layers by name, eager and compiled?"""

from __future__ import annotations

import contextlib
import threading

import pytest
import torch
from torch import nn
from torch.library import Library

from ir_runtime.errors import NoForwardContextError, UnknownLayerError
from ir_runtime.layers import (
    CompilationConfig,
    ForwardContext,
    Layer,
    direct_register_custom_op,
    get_forward_context,
    register_layer,
    set_compilation_config,
    set_forward_context,
)

LIBRARY = Library("ir_context_tests", "FRAGMENT")


def moe_forward_shared(
    hidden_states: torch.Tensor, router_logits: torch.Tensor, layer_name: str
) -> tuple[torch.Tensor, torch.Tensor]:
    layer = get_forward_context().no_compile_layers[layer_name]
    return layer.forward_impl(hidden_states, router_logits)


def moe_forward_shared_fake(
    hidden_states: torch.Tensor, router_logits: torch.Tensor, layer_name: str
) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.empty_like(hidden_states), torch.empty_like(hidden_states)


direct_register_custom_op(
    op_name="moe_forward_shared",
    op_func=moe_forward_shared,
    mutates_args=["hidden_states"],
    fake_impl=moe_forward_shared_fake,
    target_lib=LIBRARY,
    tags=(torch.Tag.needs_fixed_stride_order,),
)


class FusedMoE(Layer):
    """Two experts and a shared one; what `forward_impl` does no compiler could trace."""

    def __init__(self, prefix: str) -> None:
        super().__init__(enforce_enable=True)
        self.prefix = prefix
        self.calls = 0
        self.experts = nn.Parameter(torch.tensor([2.0, 3.0]))

    def forward_native(self, hidden_states, router_logits):
        shared, fused = torch.ops.ir_context_tests.moe_forward_shared(
            hidden_states, router_logits, self.prefix
        )
        return shared + fused

    forward_cuda = forward_native

    def forward_impl(self, hidden_states, router_logits):
        self.calls += 1
        scales = [self.experts[i].item() for i in router_logits.argmax(-1).tolist()]
        fused = hidden_states * torch.tensor(scales)[:, None]
        shared = hidden_states * 10
        hidden_states.zero_()  # as kernels that overwrite their input do
        return shared, fused


ROUTES = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
EXPECTED = torch.tensor([[12.0, 12.0], [13.0, 13.0]])


class Model(nn.Module):
    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(FusedMoE(name) for name in names)

    def forward(self, x, routes):
        x = x + 0
        out = 0
        for layer in self.layers:
            y = x + 0
            out = out + layer(y, routes) + y  # y is zero by now
        return out


@pytest.mark.parametrize("backend", [None, "eager", "aot_eager", "inductor"])
def test_ops_reach_their_layers_and_write_their_arguments(backend: str | None):
    """C-12."""
    model = Model(["a", "b"])
    run = model
    if backend is not None:
        run = torch.compile(model, fullgraph=True, backend=backend)
    layers = {layer.prefix: layer for layer in model.layers}
    with torch.no_grad(), set_forward_context(layers):
        torch.testing.assert_close(run(torch.ones(2, 2), ROUTES), 2 * EXPECTED)
        torch.testing.assert_close(run(torch.ones(2, 2), ROUTES), 2 * EXPECTED)
    assert [layer.calls for layer in model.layers] == [2, 2]


def test_the_context_of_the_call_counts_not_that_of_the_trace():
    """C-12."""
    model, other = Model(["a"]), FusedMoE("a")
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        with set_forward_context({"a": model.layers[0]}):
            compiled(torch.ones(2, 2), ROUTES)
        with set_forward_context({"a": other}):
            compiled(torch.ones(2, 2), ROUTES)
    assert (model.layers[0].calls, other.calls) == (1, 1)


def test_without_a_context_the_op_says_so():
    """C-12."""
    with pytest.raises(NoForwardContextError) as caught:
        FusedMoE("a")(torch.ones(2, 2), ROUTES)
    assert str(caught.value) == (
        "get_forward_context: no forward context is set here, must be called inside one\n"
        "  fix: with set_forward_context(layers_by_name): model(x)"
    )


def test_an_unknown_layer_is_an_error_with_close_names():
    """C-12."""
    layers = {"model.layers.0.moe": None, "model.layers.1.moe": None, "head": None}
    with set_forward_context(layers) as context, pytest.raises(KeyError) as caught:
        context.no_compile_layers["model.layer.1.moe"]
    assert isinstance(caught.value, UnknownLayerError)
    assert str(caught.value) == (
        "layer 'model.layer.1.moe': is not in the forward context, "
        "must be registered under this name\n"
        "    close to it: model.layers.1.moe, model.layers.0.moe\n"
        "  fix: register_layer('model.layer.1.moe', layer) where the layer is made"
    )


def test_names_are_given_once_in_a_config():
    """C-12."""
    config = CompilationConfig()
    first = FusedMoE("a")
    register_layer("a", first, config)
    register_layer("a", first, config)
    with pytest.raises(ValueError, match="Duplicate layer name: 'a'"):
        register_layer("a", FusedMoE("a"), config)
    assert config.static_forward_context == {"a": first}


def test_the_layers_of_the_config_are_the_default():
    """C-12."""
    with set_compilation_config(CompilationConfig()), torch.no_grad():
        layer = FusedMoE("a")
        register_layer("a", layer)
        with set_forward_context():
            torch.testing.assert_close(layer(torch.ones(2, 2), ROUTES), EXPECTED)
    with set_forward_context(ForwardContext({}, attn_metadata=3)) as context:
        assert get_forward_context() is context
        assert context.attn_metadata == 3


def test_contexts_nest_and_end_with_an_exception():
    """C-12."""
    with set_forward_context({}) as outer:
        with contextlib.suppress(KeyError), set_forward_context({}) as inner:
            assert get_forward_context() is inner
            raise KeyError
        assert get_forward_context() is outer
    with pytest.raises(NoForwardContextError):
        get_forward_context()


def test_threads_have_contexts_of_their_own():
    """C-12."""
    seen: list[str] = []

    def look(name: str, barrier: threading.Barrier) -> None:
        with set_forward_context({name: name}):
            barrier.wait()
            seen.extend(get_forward_context().no_compile_layers)

    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=look, args=(name, barrier)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == ["a", "b"]
