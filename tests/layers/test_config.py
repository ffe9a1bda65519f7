"""Which layers does a config enable, and which lists does it refuse?"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable

import pytest
import torch

from ir_runtime.errors import ArgumentError, EnableListError
from ir_runtime.layers import (
    CompilationConfig,
    CompilationLevel,
    Layer,
    get_compilation_config,
    op_registry,
    set_compilation_config,
    set_default_compilation_config,
)
from ir_runtime.settings import override_settings

NAMES = ("rms_norm", "silu_and_mul", "gelu_and_mul", "relu3")
ALL, NONE = (True, True, True, True), (False, False, False, False)


@pytest.fixture(autouse=True)
def layers() -> dict[str, type[Layer]]:
    def make(name: str) -> type[Layer]:
        class Small(Layer):
            def forward_native(self, x):
                return x

        op_registry.pop(name, None)
        return Layer.register(name)(Small)

    return {name: make(name) for name in NAMES}


def enabled(config: CompilationConfig) -> tuple[bool, ...]:
    with set_compilation_config(config):
        return tuple(op_registry[name].enabled() for name in NAMES)


@pytest.mark.parametrize(
    ("items", "level", "use_inductor", "expected"),
    [
        *(("", level, False, ALL) for level in range(4)),
        *(("", level, True, ALL) for level in range(3)),
        ("", 3, True, NONE),
        ("+rms_norm,-silu_and_mul", 0, True, (True, False, True, True)),
        ("+rms_norm,-silu_and_mul", 0, False, (True, False, True, True)),
        ("none,-rms_norm,+relu3", 3, True, (False, False, False, True)),
        ("none,-rms_norm,+relu3", 0, False, (False, False, False, True)),
        ("all,-silu_and_mul", 3, True, (True, False, True, True)),
        ("none,-relu3,+rms_norm,+silu_and_mul", 0, True, (True, True, False, False)),
        (" none , , +relu3 ", 0, True, (False, False, False, True)),
        ("+relu3", 3, True, (False, False, False, True)),
        ("-relu3", 3, False, (True, True, True, False)),
    ],
)
@pytest.mark.parametrize("form", [str, lambda text: text.split(",")], ids=["string", "list"])
def test_each_list_enables_its_layers(
    items: str,
    level: int,
    use_inductor: bool,
    expected: tuple[bool, ...],
    form: Callable[[str], object],
):
    """C-09."""
    config = CompilationConfig(level=level, use_inductor=use_inductor, custom_ops=form(items))
    assert enabled(config) == expected


@pytest.mark.parametrize(
    ("items", "named"),
    [
        ("all,none", "'none' follows 'all'"),
        ("none,all", "'all' follows 'none'"),
        ("all,+rms_norm,all", "'all' follows 'all'"),
        ("none,none", "'none' follows 'none'"),
        ("+rms_norm,-rms_norm", "'+rms_norm' contradicts '-rms_norm'"),
        ("-rms_norm,all,+rms_norm", "'+rms_norm' contradicts '-rms_norm'"),
        ("rms_norm", "'rms_norm' is not known"),
        ("all,+", "'+' is not known"),
        ("+rms norm", "'+rms norm' is not known"),
        ("All", "'All' is not known"),
    ],
)
def test_a_bad_list_is_refused_by_its_item(items: str, named: str):
    """C-08."""
    for given in (items, items.split(",")):
        with pytest.raises(EnableListError, match=r"custom_ops: item ") as caught:
            CompilationConfig(custom_ops=given)
        assert named in str(caught.value)
        assert isinstance(caught.value, ValueError)


def test_a_bare_name_is_told_what_to_write():
    """C-08."""
    with pytest.raises(EnableListError) as caught:
        CompilationConfig(custom_ops="rms_norm")
    assert str(caught.value) == (
        "custom_ops: item 'rms_norm' is not known, must be 'all', 'none', '+name' or '-name'\n"
        "  fix: write '+rms_norm' to enable it, '-rms_norm' to disable it"
    )


def test_an_item_that_is_no_text_is_refused():
    """C-08."""
    with pytest.raises(EnableListError, match="item 3 is no text"):
        CompilationConfig(custom_ops=["all", 3])


def test_an_unknown_name_is_a_warning_with_close_ones(caplog: pytest.LogCaptureFixture):
    """C-08."""
    with caplog.at_level(logging.WARNING):
        CompilationConfig(custom_ops="all,-rms_nrom,+relu3")
    (record,) = caplog.records
    assert "item '-rms_nrom' names no layer that is registered so far" in record.getMessage()
    assert "rms_norm" in record.getMessage()


def test_items_without_a_layer_in_the_model_are_named(
    caplog: pytest.LogCaptureFixture, layers: dict[str, type[Layer]]
):
    """C-08."""
    config = CompilationConfig(custom_ops="all,-rms_norm,-relu3")
    with set_compilation_config(config):
        layers["rms_norm"]()
    with caplog.at_level(logging.WARNING):
        config.custom_op_log_check()
    (record,) = caplog.records
    assert "'-relu3' has no effect" in record.getMessage()


def test_the_default_is_written_into_the_list():
    """C-08."""
    assert CompilationConfig().custom_ops == ["all"]
    assert CompilationConfig(level=3).custom_ops == ["none"]
    assert CompilationConfig(level=3, use_inductor=False).custom_ops == ["all"]
    assert CompilationConfig(level=2).level is CompilationLevel.DYNAMO_ONCE


@pytest.mark.parametrize("level", [4, -1, "piecewise"])
def test_a_level_that_is_none_is_refused(level: object):
    with pytest.raises(ArgumentError, match=r"`level` is .*, must be 0, 1, 2 or 3"):
        CompilationConfig(level=level)


@pytest.mark.parametrize("change", ["all", "none"])
def test_default_on_wants_one_of_all_and_none(change: str):
    """C-07."""
    config = CompilationConfig()
    config.custom_ops.append(change)
    with pytest.raises(AssertionError, match="2 times"), set_compilation_config(config):
        Layer.default_on()
    config.custom_ops.clear()
    with pytest.raises(AssertionError, match="0 times"), set_compilation_config(config):
        Layer.default_on()


def test_default_on_is_true_for_all_alone():
    """C-07."""
    for word, expected in (("all", True), ("none", False)):
        with set_compilation_config(CompilationConfig(custom_ops=word)):
            assert Layer.default_on() is expected


def test_contradictions_written_in_later_are_refused_too(layers: dict[str, type[Layer]]):
    """C-06."""
    config = CompilationConfig(custom_ops="+relu3")
    config.custom_ops.append("-relu3")
    with set_compilation_config(config):
        with pytest.raises(AssertionError, match=r"'\+relu3' contradicts '-relu3'"):
            layers["relu3"]()
        layers["rms_norm"]()


def test_without_any_config_all_layers_are_enabled(layers: dict[str, type[Layer]]):
    assert all(layer.enabled() for layer in layers.values())
    assert get_compilation_config().level == CompilationLevel.NO_COMPILATION


def test_the_variable_holds_where_no_config_does(layers: dict[str, type[Layer]]):
    with override_settings(custom_ops="none,+relu3"):
        assert [layers[name].enabled() for name in NAMES] == [False, False, False, True]
        with set_compilation_config(CompilationConfig(custom_ops="-relu3")):
            assert [layers[name].enabled() for name in NAMES] == [True, True, True, False]
    assert layers["rms_norm"].enabled()


def test_configs_nest_and_end_with_an_exception():
    outer, inner = CompilationConfig(), CompilationConfig()
    with set_compilation_config(outer):
        with contextlib.suppress(KeyError), set_compilation_config(inner):
            assert get_compilation_config() is inner
            raise KeyError
        assert get_compilation_config() is outer


def test_other_threads_see_the_default_config_alone():
    default, inside = CompilationConfig(), CompilationConfig()
    set_default_compilation_config(default)
    seen: list[CompilationConfig] = []
    with set_compilation_config(inside):
        thread = threading.Thread(target=lambda: seen.append(get_compilation_config()))
        thread.start()
        thread.join()
    assert seen == [default]
    assert seen[0] is default


def test_kernels_stay_enabled_under_torch_compile():
    """C-09."""

    @Layer.register("doubles_on_cpu")
    class Doubles(Layer):
        def forward_native(self, x):
            return x + x

        def forward_cpu(self, x):
            return x * 2 + 1  # so that the result tells who ran

        forward_cuda = forward_cpu

    layer = Doubles()
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    assert compiled(torch.ones(3)).tolist() == [3.0] * 3
