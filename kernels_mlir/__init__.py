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
    from kernels_mlir.parallel.vocab_parallel_embedding import vocab_parallel_embedding
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
    "vocab_parallel_embedding",
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
    "vocab_parallel_embedding": "parallel.vocab_parallel_embedding",
}
"""By op, its module."""

_LAYERS = {
    "activation.layers": {
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
    },
    "parallel.column_parallel_linear": {"names": {"column_parallel_linear"}},
    "parallel.logits_processor": {"names": {"logits_processor"}},
    "parallel.parallel_lm_head": {"names": {"parallel_lm_head"}},
    "parallel.replicated_linear": {"names": {"replicated_linear"}},
    "parallel.row_parallel_linear": {"names": {"row_parallel_linear"}},
    "parallel.vocab_parallel_embedding": {"names": {"vocab_parallel_embedding"}},
}
"""By module, the names of its layers and of the activations that they compute."""

__getattr__ = late_names(__name__, _HOMES)

ir.promise_ops({name: f"{__name__}.{home}" for name, home in _HOMES.items()})
for _home, _names in _LAYERS.items():
    promise_layers(f"{__name__}.{_home}", **_names)
