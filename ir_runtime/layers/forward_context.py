"""How does an op find the layer that it belongs to?

An op takes a layer's name, a string; the layers are in the context of the forward pass. That keeps
the layer out of graphs: the op is opaque to torch.compile.
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
    """Layers by name; one that is missing is an error that says which there are."""

    def __missing__(self, name: str) -> Any:
        raise UnknownLayerError(
            f"layer {name!r}: is not in the forward context, must be registered under this name",
            facts=close_names(str(name), self),
            fix=f"register_layer({name!r}, layer) where the layer is made",
        )


@dataclass
class ForwardContext:
    """What ops may know of the forward pass that they run in.

    Attributes:
        no_compile_layers: the layers that ops look up, by name.
        attn_metadata: what the caller wants to reach the layers' forwards.
        extra: likewise, by name.
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
            "get_forward_context: no forward context is set here, must be called inside of one",
            fix="with set_forward_context(layers_by_name): model(x)",
        )
    return found


@contextmanager
def set_forward_context(
    context: ForwardContext | Mapping[str, Any] | None = None,
) -> Generator[ForwardContext]:
    """Set the context for the length of a `with` block; blocks nest, other threads do not see it.

    Args:
        context: the context, or its layers by name; default: the layers that `register_layer`
            put into the compilation config in force.
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
    """Let ops find a layer by its name, in contexts made from a compilation config.

    Args:
        prefix: the layer's name, as `model.layers.0.attn`.
        layer: the layer; the config keeps it alive.
        config: default: that in force.

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
