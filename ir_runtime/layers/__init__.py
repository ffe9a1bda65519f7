"""Layers: modules whose forward is chosen, ops that find their layer, names of activations."""

from ir_runtime.layers.config import (
    CompilationConfig,
    CompilationLevel,
    get_compilation_config,
    set_compilation_config,
    set_default_compilation_config,
)
from ir_runtime.layers.direct_register import direct_register_custom_op
from ir_runtime.layers.forward_context import (
    ForwardContext,
    get_forward_context,
    register_layer,
    set_forward_context,
)
from ir_runtime.layers.layer import Layer
from ir_runtime.layers.name import op_registry, op_registry_oot
from ir_runtime.layers.platform import platform_name, use_platform
from ir_runtime.layers.pluggable import PluggableLayer
from ir_runtime.layers.registry import (
    get_act_and_mul_fn,
    get_act_fn,
    promise_layers,
    register_act_and_mul_fn,
    register_act_fn,
)

CustomOp = Layer
"""The name of `Layer` in vLLM; the op that is written as MLIR is `ir_runtime.CustomOp`."""

__all__ = [
    "CompilationConfig",
    "CompilationLevel",
    "CustomOp",
    "ForwardContext",
    "Layer",
    "PluggableLayer",
    "direct_register_custom_op",
    "get_act_and_mul_fn",
    "get_act_fn",
    "get_compilation_config",
    "get_forward_context",
    "op_registry",
    "op_registry_oot",
    "platform_name",
    "promise_layers",
    "register_act_and_mul_fn",
    "register_act_fn",
    "register_layer",
    "set_compilation_config",
    "set_default_compilation_config",
    "set_forward_context",
    "use_platform",
]
