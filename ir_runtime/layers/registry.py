"""Make the layer of an activation by its name in model configurations."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import nn

from ir_runtime.errors import ArgumentError, OpConflictError
from ir_runtime.late_table import LateTable
from ir_runtime.layers.name import close_names, op_registry

__all__ = [
    "get_act_and_mul_fn",
    "get_act_fn",
    "promise_layers",
    "register_act_and_mul_fn",
    "register_act_fn",
]

Factory = Callable[..., nn.Module]
"""Makes a layer; takes the arguments of the layer's class."""

_activations: LateTable[Factory] = LateTable()
_gated_activations: LateTable[Factory] = LateTable()


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


def promise_layers(
    module: str,
    *,
    names: Iterable[str] = (),
    act_fns: Iterable[str] = (),
    act_and_mul_fns: Iterable[str] = (),
) -> None:
    """Announce the layers of a module, which is imported when one is looked up.

    Args:
        module: its full name.
        names: those that its classes are registered with.
        act_fns: names that it registers with `register_act_fn`.
        act_and_mul_fns: names that it registers with `register_act_and_mul_fn`.
    """
    op_registry.promise(dict.fromkeys(names, module))
    _activations.promise(dict.fromkeys(act_fns, module))
    _gated_activations.promise(dict.fromkeys(act_and_mul_fns, module))


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


def _register(kind: str, factories: LateTable[Factory], name: str, factory: Factory) -> None:
    if name.lower() in factories:
        raise OpConflictError(f"{kind} {name!r}: has a layer already, must have only one")
    factories[name.lower()] = factory


def _make(
    kind: str, factories: LateTable[Factory], name: str, settings: dict[str, object]
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
