"""The hooks of Inductor: where passes run, and which option holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import fx
from torch._inductor import config as inductor_config
from torch._inductor import custom_graph_pass

from ir_runtime.errors import ArgumentError

__all__ = ["OPTION_OF_HOOK", "is_backward", "present_passes", "with_entry"]

OPTION_OF_HOOK = {
    "pre_grad": "pre_grad_custom_pass",
    "joint_pre": "joint_custom_pre_pass",
    "joint_post": "joint_custom_post_pass",
    "post_grad_pre": "post_grad_custom_pre_pass",
    "post_grad": "post_grad_custom_post_pass",
}
"""By hook, in the order of a compile, the option of Inductor that holds its passes."""


def is_backward(graph: fx.Graph, hook: str) -> bool:
    """Tell whether a graph computes gradients alone: after autograd, one that takes some."""
    inputs = graph.find_nodes(op="placeholder") if hook.startswith("post_grad") else ()
    return any("tangents" in str(node.target) for node in inputs)


def present_passes(option: str, options: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the passes that options, or else Inductor's configuration, already have at a hook."""
    present = options.get(option, getattr(inductor_config, option))
    if present is None:
        return ()
    return tuple(present) if isinstance(present, list | tuple) else (present,)


def with_entry(option: str, present: tuple[Any, ...], entry: Any) -> Any:
    """Return the value of an option: the passes that are there, and then ours.

    Raises:
        ArgumentError: there are some, and this torch takes one pass a hook.
    """
    others = tuple(other for other in present if other != entry)
    if not others:
        return entry
    if not hasattr(custom_graph_pass, "get_custom_graph_passes"):
        raise ArgumentError(
            f"{option}: holds {others[0]!r} already, must be free with this version of torch",
            fix="add that pass to the pipeline instead",
        )
    return (*others, entry)
