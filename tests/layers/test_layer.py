"""What does a layer run, by platform, enable list and overrides?"""

from __future__ import annotations

import copy
import gc
import logging
import pickle
import weakref

import pytest
import torch
from torch import nn

from ir_runtime.errors import ArgumentError, NoForwardError
from ir_runtime.layers import (
    CompilationConfig,
    CustomOp,
    Layer,
    op_registry,
    platform_name,
    set_compilation_config,
    use_platform,
)

PLATFORMS = ("cpu", "cuda", "hip", "xpu", "tpu", "vulkan", "oot")
OFF = "none"


class Says(Layer):
    """Says which forward runs."""

    def forward_native(self):
        return "native"


class SaysAll(Says):
    def forward_cuda(self):
        return "cuda"

    def forward_hip(self):
        return "hip"

    def forward_cpu(self):
        return "cpu"

    def forward_xpu(self):
        return "xpu"

    def forward_tpu(self):
        return "tpu"

    def forward_vulkan(self):
        return "vulkan"

    def forward_oot(self):
        return "oot"


class Scale(Layer):
    """At module level, so that it can be pickled."""

    def __init__(self, factor: float, **choice: bool) -> None:
        super().__init__(**choice)
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward_native(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_enabled_layer_runs_the_forward_of_its_platform(platform: str):
    """C-01, C-03."""
    with use_platform(platform):
        layer = SaysAll()
    assert layer() == platform
    assert layer._forward_method == getattr(layer, f"forward_{platform}")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_disabled_layer_runs_native_everywhere(platform: str):
    """C-03."""
    with use_platform(platform), set_compilation_config(CompilationConfig(custom_ops=OFF)):
        layer = SaysAll()
    assert layer() == "native"
    assert layer._forward_method == layer.forward_native


def test_the_choice_is_made_once():
    """C-01."""
    here = platform_name()
    layer = SaysAll()
    with use_platform("tpu"), set_compilation_config(CompilationConfig(custom_ops=OFF)):
        assert layer() == here


@pytest.mark.parametrize("platform", ["xpu", "cpu", "tpu", "oot", "vulkan"])
def test_forwards_of_most_platforms_default_to_native(platform: str):
    """C-02."""
    with use_platform(platform):
        assert Says()() == "native"


@pytest.mark.parametrize("platform", ["cuda", "hip"])
def test_a_layer_without_a_forward_for_gpus_says_so(platform: str):
    """C-02."""
    with use_platform(platform):
        layer = Says()
    with pytest.raises(NotImplementedError, match="Says has no forward_cuda and no op") as caught:
        layer()
    assert isinstance(caught.value, NoForwardError)


def test_hip_runs_the_forward_of_cuda():
    """C-02."""

    class OnGpus(Says):
        def forward_cuda(self):
            return "cuda"

    with use_platform("hip"):
        assert OnGpus()() == "cuda"


def test_a_layer_without_native_says_so():
    """C-02."""
    with pytest.raises(NotImplementedError, match="Layer has no forward_native and no op"):
        Layer().forward_native(torch.ones(2))


def test_an_unknown_platform_is_refused():
    with pytest.raises(ArgumentError, match="platform 'npu': is not known"), use_platform("npu"):
        pass


def test_each_instance_is_counted():
    """C-03."""
    Layer.register("counted")(type("Counted", (Says,), {}))
    Layer.register("uncounted")(type("Uncounted", (Says,), {}))
    config = CompilationConfig(custom_ops="all,-uncounted")
    with set_compilation_config(config):
        for _ in range(3):
            op_registry["counted"]()
        op_registry["uncounted"]()
        op_registry["uncounted"](enforce_enable=True)
    assert config.enabled_custom_ops == {"counted": 3, "uncounted": 1}
    assert config.disabled_custom_ops == {"uncounted": 1}


def test_enforce_enable_comes_before_the_list():
    """C-03."""
    with set_compilation_config(CompilationConfig(custom_ops=OFF)), use_platform("cpu"):
        assert SaysAll(enforce_enable=True)() == "cpu"
        assert SaysAll()() == "native"


def test_subclasses_share_the_setting_until_they_have_a_name():
    """C-06."""
    parent = Layer.register("parent")(type("Parent", (Says,), {}))
    child = type("Child", (parent,), {})
    own = Layer.register("own")(type("Own", (parent,), {}))
    with set_compilation_config(CompilationConfig(custom_ops="all,-parent")):
        assert [parent.enabled(), child.enabled(), own.enabled()] == [False, False, True]
    with set_compilation_config(CompilationConfig(custom_ops="all,-own")):
        assert [parent.enabled(), child.enabled(), own.enabled()] == [True, True, False]
    assert child.name == "parent"


def test_a_class_without_a_name_warns_once_and_follows_the_default(
    caplog: pytest.LogCaptureFixture,
):
    """C-06."""
    with caplog.at_level(logging.WARNING):
        assert Says.enabled()
        with set_compilation_config(CompilationConfig(custom_ops=OFF)):
            assert not Says.enabled()
    (record,) = caplog.records
    assert "Says: has no name" in record.getMessage()


def compile_counts(config: CompilationConfig, **choice: bool) -> int:
    calls = []

    def backend(graph, inputs):
        calls.append(graph)
        return graph.forward

    config.backend = backend if config.backend == "inductor" else config.backend
    with set_compilation_config(config):
        layer = Scale(3.0, **choice)
    for rows in (4, 5, 6):
        torch.testing.assert_close(layer(torch.ones(rows)), torch.full((rows,), 3.0))
    torch._dynamo.reset()
    return len(calls)


def test_native_is_compiled_once_for_all_sizes_where_asked_for():
    """C-03."""
    config = CompilationConfig(level=3, custom_ops=OFF)
    assert compile_counts(config, compile_native=True) == 1


@pytest.mark.parametrize(
    ("config", "choice"),
    [
        ({"level": 3, "custom_ops": "none"}, {"compile_native": False}),
        ({"level": 0, "custom_ops": "none"}, {"compile_native": True}),
        ({"level": 3, "custom_ops": "none", "backend": "eager"}, {"compile_native": True}),
        ({"level": 3, "custom_ops": "all"}, {"compile_native": True}),
    ],
)
def test_native_is_not_compiled_otherwise(config: dict, choice: dict):
    """C-03."""
    with use_platform("cpu"):
        assert compile_counts(CompilationConfig(**config), **choice) == 0


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("how", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_run_on_their_own_weights(how, compiled: bool):
    config = CompilationConfig(level=1, custom_ops=OFF, backend="aot_eager")
    with set_compilation_config(config):
        layer = Scale(3.0, compile_native=compiled)
    layer(torch.ones(2))
    other = how(layer)
    with torch.no_grad():
        layer.factor.fill_(7.0)
    assert other(torch.ones(2)).tolist() == [3.0, 3.0]
    assert layer(torch.ones(2)).tolist() == [7.0, 7.0]
    torch._dynamo.reset()


def test_a_replica_runs_on_its_own_weights():
    layer = Scale(3.0)
    replica = layer._replicate_for_data_parallel()
    replica.factor = torch.tensor(5.0)
    assert replica(torch.ones(1)).item() == 5.0


def test_a_layer_is_freed_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        layer = Scale(3.0)
        watched = weakref.ref(layer)
        del layer
        assert watched() is None
    finally:
        gc.enable()


def test_the_chosen_method_can_be_exchanged():
    """C-01."""
    layer = Scale(3.0)
    layer._forward_method = lambda x: x - 1
    assert layer(torch.ones(1)).item() == 0.0
    layer._forward_method = layer.forward_native
    assert layer(torch.ones(1)).item() == 3.0


def test_state_dicts_hold_parameters_alone():
    assert list(Scale(3.0).state_dict()) == ["factor"]


def test_the_seeds_name_is_the_layer():
    assert CustomOp is Layer
