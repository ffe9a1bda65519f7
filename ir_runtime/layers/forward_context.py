"""The context of a forward pass, in which an op finds its layer by name.

An op takes the name of its layer, a string, and looks the layer up in the context. So the layer
stays out of graphs: torch.compile does not look into the op.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ir_runtime.errors import ArgumentError, NoForwardContextError, UnknownLayerError
from ir_runtime.layers.config import CompilationConfig, get_compilation_config
from ir_runtime.layers.name import close_names

__all__ = ["ForwardContext", "get_forward_context", "register_layer", "set_forward_context"]


class _LayersByName(dict[str, Any]):
    """Layers by name; a missing name raises an error with the known names."""

    def __missing__(self, name: str) -> Any:
        raise UnknownLayerError(
            f"layer {name!r}: is not in the forward context, must be registered under this name",
            facts=close_names(str(name), self),
            fix=f"register_layer({name!r}, layer) where the layer is made",
        )


@dataclass
class ForwardContext:
    """The facts about a forward pass that its ops can read.

    Attributes:
        no_compile_layers: the layers that ops look up, by name.
        attn_metadata: data from the caller for the forwards of layers.
        extra: more such data, by name.
    """

    no_compile_layers: dict[str, Any]
    attn_metadata: Any = None
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.no_compile_layers = _LayersByName(self.no_compile_layers)


_current: ContextVar[ForwardContext | None] = ContextVar("ir_runtime_forward", default=None)


def get_forward_context() -> ForwardContext:
    """Return the context of the forward pass.

    Raises:
        NoForwardContextError: none is set in this thread and task.
    """
    found = _current.get()
    if found is None:
        raise NoForwardContextError(
            "get_forward_context: no forward context is set here, must be called inside one",
            fix="with set_forward_context(layers_by_name): model(x)",
        )
    return found


@contextmanager
def set_forward_context(
    context: ForwardContext | Mapping[str, Any] | None = None,
) -> Generator[ForwardContext]:
    """Set the context inside a `with` block; blocks nest, and other threads do not see it.

    Args:
        context: the context, or its layers by name; default: the layers that `register_layer` put
            into the current compilation config.
    """
    if context is None:
        context = get_compilation_config().static_forward_context
    if not isinstance(context, ForwardContext):
        context = ForwardContext(dict(context))
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def register_layer(prefix: str, layer: Any, config: CompilationConfig | None = None) -> None:
    """Add a layer to a compilation config; ops find it by name in contexts made from the config.

    Args:
        prefix: the layer's name, such as `model.layers.0.attn`.
        layer: the layer; the config keeps it alive.
        config: default: the config in force.

    Raises:
        ArgumentError: another layer has the name.
    """
    layers = (config or get_compilation_config()).static_forward_context
    if layers.get(prefix, layer) is not layer:
        raise ArgumentError(
            f"register_layer: Duplicate layer name: {prefix!r}, each layer must have its own",
            fix="give each layer its place in the model as prefix",
        )
    layers[prefix] = layer
