"""Make the layer of an activation by its name in model configurations."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ir_runtime.errors import ArgumentError, OpConflictError
from ir_runtime.layers.name import close_names

__all__ = ["get_act_and_mul_fn", "get_act_fn", "register_act_and_mul_fn", "register_act_fn"]

Factory = Callable[..., nn.Module]
"""Makes a layer; takes the arguments of the layer's class."""

_activations: dict[str, Factory] = {}
_gated_activations: dict[str, Factory] = {}


def register_act_fn(name: str, factory: Factory) -> None:
    """Register the layer that `get_act_fn(name)` makes.

    Raises:
        OpConflictError: the name has a layer already.
    """
    _register("activation", _activations, name, factory)


def register_act_and_mul_fn(name: str, factory: Factory) -> None:
    """Register the layer that `get_act_and_mul_fn(name)` makes.

    Raises:
        OpConflictError: the name has a layer already.
    """
    _register("gated activation", _gated_activations, name, factory)


def get_act_fn(name: str, **settings: object) -> nn.Module:
    """Make the layer of an activation, by its name in model configurations.

    Args:
        name: such as "gelu_new" or "relu2", in any case, or a class of torch such as
            "torch.nn.modules.activation.SiLU"; `import kernels_mlir` registers the catalogue's
            names.
        settings: arguments of the layer's class.

    Raises:
        ArgumentError: no layer has this name; the message lists the known names.
    """
    return _make("activation", _activations, name, settings)


def get_act_and_mul_fn(name: str, **settings: object) -> nn.Module:
    """Make the layer that gates one half of its input by an activation of the other.

    Args:
        name: such as "silu" or "swigluoai", in any case.
        settings: arguments of the layer's class.

    Raises:
        ArgumentError: no layer has this name; the message lists the known names.
    """
    return _make("gated activation", _gated_activations, name, settings)


def _register(kind: str, factories: dict[str, Factory], name: str, factory: Factory) -> None:
    if name.lower() in factories:
        raise OpConflictError(f"{kind} {name!r}: has a layer already, must have only one")
    factories[name.lower()] = factory


def _make(
    kind: str, factories: dict[str, Factory], name: str, settings: dict[str, object]
) -> nn.Module:
    short = name.rpartition(".")[2] if name.startswith("torch.nn.modules.") else name
    factory = factories.get(short.lower())
    if factory is None:
        facts = [f"known: {', '.join(sorted(factories))}"] if factories else close_names(name, ())
        raise ArgumentError(
            f"{kind} {name!r} is not supported, must be one that is registered",
            facts=facts,
            fix=None
            if factories
            else "import kernels_mlir, which registers the catalogue's activations",
        )
    return factory(**settings)
