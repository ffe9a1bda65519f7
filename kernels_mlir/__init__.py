"""The catalogue: ops for language models; each op is one file with its MLIR templates.

An op is registered when it is first used; `import kernels_mlir` announces all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ir_runtime import ir
from ir_runtime.late_import import late_names
from ir_runtime.layers import promise_layers

if TYPE_CHECKING:
    from kernels_mlir.activation.gelu import gelu
    from kernels_mlir.activation.silu_and_mul import silu_and_mul
    from kernels_mlir.activation.softmax import softmax
    from kernels_mlir.attention.mm_encoder_attn import mm_encoder_attn
    from kernels_mlir.matmul.linear import linear
    from kernels_mlir.norm.layer_norm import layer_norm
    from kernels_mlir.norm.rms_norm import rms_norm
    from kernels_mlir.rope.rotary_embedding import rotary_embedding

__all__ = [
    "gelu",
    "layer_norm",
    "linear",
    "mm_encoder_attn",
    "rms_norm",
    "rotary_embedding",
    "silu_and_mul",
    "softmax",
]

_HOMES = {
    "gelu": "activation.gelu",
    "layer_norm": "norm.layer_norm",
    "linear": "matmul.linear",
    "mm_encoder_attn": "attention.mm_encoder_attn",
    "rms_norm": "norm.rms_norm",
    "rotary_embedding": "rope.rotary_embedding",
    "silu_and_mul": "activation.silu_and_mul",
    "softmax": "activation.softmax",
}
"""By op, its module."""

_LAYERS = {
    "names": {
        "gelu",
        "gelu_and_mul",
        "gelu_fast",
        "gelu_new",
        "quick_gelu",
        "relu",
        "relu2",
        "sigmoid",
        "silu",
        "silu_and_mul",
        "swigluoai_and_mul",
        "tanh",
        "xielu",
    },
    "act_fns": {
        "gelu",
        "gelu_fast",
        "gelu_new",
        "gelu_pytorch_tanh",
        "quick_gelu",
        "relu",
        "relu2",
        "sigmoid",
        "silu",
        "tanh",
        "xielu",
    },
    "act_and_mul_fns": {"geglu", "gelu", "silu", "swigluoai"},
}
"""The names of the layers of activations."""

__getattr__ = late_names(__name__, _HOMES)

ir.promise_ops({name: f"{__name__}.{home}" for name, home in _HOMES.items()})
promise_layers(f"{__name__}.activation.layers", **_LAYERS)
