"""How are layers named and replaced, and which definitions are refused?"""

from __future__ import annotations

import pytest
import torch
from torch import nn

import ir_runtime
from ir_runtime.errors import (
    LayerClassError,
    OpConflictError,
    OpDefinitionError,
    RegistrationError,
)
from ir_runtime.layers import (
    CompilationConfig,
    Layer,
    PluggableLayer,
    op_registry,
    op_registry_oot,
    set_compilation_config,
)


def in_tree(base: type = Layer, name: str = "in_tree") -> type:
    @base.register(name)
    class InTree(base):
        def __init__(self, size: int = 2) -> None:
            super().__init__()
            self.size = size

        def forward_native(self):
            return "in tree"

        forward_cpu = forward_cuda = forward_native

    return InTree


BASES = pytest.mark.parametrize("base", [Layer, PluggableLayer])


@BASES
def test_registering_gives_a_class_its_name(base: type):
    """C-04, C-10."""
    layer_class = in_tree(base)
    assert layer_class.name == "in_tree"
    assert op_registry["in_tree"] is layer_class


@BASES
def test_a_name_is_given_once(base: type):
    """C-04."""
    first = in_tree()
    with pytest.raises(AssertionError, match="Duplicate op name") as caught:
        in_tree(base)
    assert isinstance(caught.value, OpConflictError)
    assert op_registry["in_tree"] is first


def test_a_class_is_named_once():
    """C-04."""
    layer_class = in_tree()
    with pytest.raises(OpConflictError, match="has the name 'in_tree', must be registered once"):
        Layer.register("another")(layer_class)
    assert "another" not in op_registry


@pytest.mark.parametrize("name", ["", "a,b", "+a", "a b", "1a", "all", "none"])
def test_a_name_that_no_list_could_have_is_refused(name: str):
    """C-04."""
    with pytest.raises(OpDefinitionError, match=r"layer name .* is invalid"):
        Layer.register(name)


def test_register_without_a_name_is_refused():
    """C-04."""
    with pytest.raises(TypeError, match="takes the layer's name"):

        @Layer.register
        class Nameless(Layer): ...


@pytest.mark.parametrize("given", [3, lambda x: x, nn.ReLU, PluggableLayer])
def test_what_is_no_layer_class_is_refused(given: object):
    """C-04."""
    with pytest.raises(LayerClassError, match="must be a subclass of"):
        Layer.register("no_class")(given)
    assert "no_class" not in op_registry


@BASES
def test_a_replacement_is_made_instead(base: type):
    """C-05, C-10."""
    old = in_tree(base)

    @old.register_oot
    class Bare(old):
        pass

    made = old(size=5)
    assert type(made) is Bare
    assert made.size == 5
    assert made.name == "in_tree"


def test_a_replacement_is_registered_in_three_ways():
    """C-05."""
    old = in_tree()

    @old.register_oot()
    class Called(old):
        pass

    assert type(old()) is Called
    op_registry_oot.clear()

    @Layer.register_oot(name="InTree")
    class Named(old):
        pass

    assert type(old()) is Named
    assert op_registry_oot == {"InTree": Named}


def test_a_replacement_follows_the_name_in_enable_lists():
    """C-05, C-06."""
    old = in_tree()

    @old.register_oot
    class Fast(old):
        def forward_native(self):
            return "slow"

        def forward_cpu(self):
            return "fast"

        forward_cuda = forward_cpu

    assert old()() == "fast"
    with set_compilation_config(CompilationConfig(custom_ops="all,-in_tree")) as config:
        assert old()() == "slow"
    assert config.disabled_custom_ops == {"in_tree": 1}


def test_a_replacement_of_the_same_class_name_makes_itself():
    """C-05."""
    old = in_tree()
    replacement = old.register_oot(type("InTree", (old,), {}))
    assert type(old()) is replacement
    assert type(replacement()) is replacement


def test_another_class_of_the_same_name_is_left_alone():
    """C-05."""
    old = in_tree()
    old.register_oot(type("Fast", (old,), {}))
    other = in_tree(name="other")
    assert other.__name__ == old.__name__
    assert type(other()) is other


def test_subclasses_of_the_replaced_class_are_left_alone():
    """C-05."""
    old = in_tree()
    child = type("Child", (old,), {})
    old.register_oot(type("Fast", (old,), {}))
    assert type(child()) is child


def test_a_class_is_replaced_once():
    """C-05."""
    old = in_tree()
    first = old.register_oot(type("First", (old,), {}))
    with pytest.raises(AssertionError, match="First replaces it"):
        old.register_oot(type("Second", (old,), {}))
    assert type(old()) is first


@pytest.mark.parametrize("given", [3, "InTree", lambda: None])
def test_a_replacement_must_be_a_class(given: object):
    """C-05."""
    with pytest.raises(TypeError, match="is no class"):
        in_tree().register_oot(given)
    with pytest.raises(TypeError, match="is no class"):
        Layer.register_oot(name="InTree")(given)
    assert not op_registry_oot


def test_a_replacement_must_be_a_subclass():
    """C-05."""
    old = in_tree()
    stranger = type("Stranger", (Layer,), {})
    for decorate in (old.register_oot, Layer.register_oot(name="InTree"), Layer.register_oot):
        with pytest.raises(LayerClassError, match="none of its subclasses, must be one"):
            decorate(stranger)
    assert not op_registry_oot


def test_a_composing_layer_keeps_its_forward():
    """C-10."""

    @PluggableLayer.register("composes")
    class Composes(PluggableLayer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(2, 2, bias=False)

        def forward(self, x):
            return self.inner(x)

    layer = Composes()
    assert layer(torch.ones(1, 2)).shape == (1, 2)
    assert list(layer.state_dict()) == ["inner.weight"]
    assert not hasattr(layer, "forward_native")


def test_the_op_that_is_written_as_mlir_points_to_layers():
    """C-04."""
    with pytest.raises(RegistrationError, match="'x' is no class") as caught:

        @ir_runtime.CustomOp.register("x")
        class Mistaken: ...

    assert 'ir_runtime.layers.Layer.register("x")' in str(caught.value)
