"""The catalogue: ops for language models, each in one file, some with MLIR templates beside it.

An op is registered when it is first used; `import kernels_mlir` announces all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ir_runtime import ir
from ir_runtime.late_import import late_names
from ir_runtime.late_table import promise_torch_ops
from ir_runtime.layers import promise_layers

if TYPE_CHECKING:
    from kernels_mlir.activation.fatrelu_and_mul import fatrelu_and_mul
    from kernels_mlir.activation.gelu import gelu
    from kernels_mlir.activation.gelu_and_mul import gelu_and_mul
    from kernels_mlir.activation.gelu_and_mul_sparse import gelu_and_mul_sparse
    from kernels_mlir.activation.gelu_fast import gelu_fast
    from kernels_mlir.activation.gelu_new import gelu_new
    from kernels_mlir.activation.mul_and_silu import mul_and_silu
    from kernels_mlir.activation.quick_gelu import quick_gelu
    from kernels_mlir.activation.relu2 import relu2
    from kernels_mlir.activation.silu import silu
    from kernels_mlir.activation.silu_and_mul import silu_and_mul
    from kernels_mlir.activation.softmax import softmax
    from kernels_mlir.activation.swigluoai_and_mul import swigluoai_and_mul
    from kernels_mlir.activation.xielu import xielu
    from kernels_mlir.attention.causal_attention import causal_attention
    from kernels_mlir.attention.mm_encoder_attn import mm_encoder_attn
    from kernels_mlir.attention.paged_attention_decode import paged_attention_decode
    from kernels_mlir.matmul.gate_up_silu import gate_up_silu
    from kernels_mlir.matmul.linear import linear
    from kernels_mlir.matmul.linear_act import linear_act
    from kernels_mlir.matmul.linear_w4 import linear_w4
    from kernels_mlir.matmul.linear_w8 import linear_w8
    from kernels_mlir.norm.fused_add_gemma_rms_norm import fused_add_gemma_rms_norm
    from kernels_mlir.norm.fused_add_rms_norm import fused_add_rms_norm
    from kernels_mlir.norm.gemma_rms_norm import gemma_rms_norm
    from kernels_mlir.norm.layer_norm import layer_norm
    from kernels_mlir.norm.mixer2_gated_rms_norm import mixer2_gated_rms_norm
    from kernels_mlir.norm.qk_norm import qk_norm
    from kernels_mlir.norm.qk_norm_rope import qk_norm_rope
    from kernels_mlir.norm.rms_norm import rms_norm
    from kernels_mlir.norm.rms_norm_gated import rms_norm_gated
    from kernels_mlir.parallel.vocab_parallel_embedding import vocab_parallel_embedding
    from kernels_mlir.quant.dequant_fp8 import dequant_fp8
    from kernels_mlir.quant.dequant_int8 import dequant_int8
    from kernels_mlir.quant.dynamic_group_quant_fp8 import dynamic_group_quant_fp8
    from kernels_mlir.quant.dynamic_quant_fp8 import dynamic_quant_fp8
    from kernels_mlir.quant.quant_int8 import quant_int8
    from kernels_mlir.quant.static_group_quant_fp8 import static_group_quant_fp8
    from kernels_mlir.quant.static_quant_fp8 import static_quant_fp8
    from kernels_mlir.rope.apply_rotary_emb import apply_rotary_emb
    from kernels_mlir.rope.apply_rotary_pos_emb import apply_rotary_pos_emb
    from kernels_mlir.rope.dual_chunk_rotary_embedding import dual_chunk_rotary_embedding
    from kernels_mlir.rope.rotary_embedding import rotary_embedding
    from kernels_mlir.sampling.sample_tokens import sample_tokens

__all__ = [
    "apply_rotary_emb",
    "apply_rotary_pos_emb",
    "causal_attention",
    "dequant_fp8",
    "dequant_int8",
    "dual_chunk_rotary_embedding",
    "dynamic_group_quant_fp8",
    "dynamic_quant_fp8",
    "fatrelu_and_mul",
    "fused_add_gemma_rms_norm",
    "fused_add_rms_norm",
    "gate_up_silu",
    "gelu",
    "gelu_and_mul",
    "gelu_and_mul_sparse",
    "gelu_fast",
    "gelu_new",
    "gemma_rms_norm",
    "layer_norm",
    "linear",
    "linear_act",
    "linear_w4",
    "linear_w8",
    "mixer2_gated_rms_norm",
    "mm_encoder_attn",
    "mul_and_silu",
    "paged_attention_decode",
    "qk_norm",
    "qk_norm_rope",
    "quant_int8",
    "quick_gelu",
    "relu2",
    "rms_norm",
    "rms_norm_gated",
    "rotary_embedding",
    "sample_tokens",
    "silu",
    "silu_and_mul",
    "softmax",
    "static_group_quant_fp8",
    "static_quant_fp8",
    "swigluoai_and_mul",
    "vocab_parallel_embedding",
    "xielu",
]

_OPS = {
    "activation": (
        "fatrelu_and_mul",
        "gelu",
        "gelu_and_mul",
        "gelu_and_mul_sparse",
        "gelu_fast",
        "gelu_new",
        "mul_and_silu",
        "quick_gelu",
        "relu2",
        "silu",
        "silu_and_mul",
        "softmax",
        "swigluoai_and_mul",
        "xielu",
    ),
    "attention": ("causal_attention", "mm_encoder_attn", "paged_attention_decode"),
    "matmul": ("gate_up_silu", "linear", "linear_act", "linear_w4", "linear_w8"),
    "norm": (
        "fused_add_gemma_rms_norm",
        "fused_add_rms_norm",
        "gemma_rms_norm",
        "layer_norm",
        "mixer2_gated_rms_norm",
        "qk_norm",
        "qk_norm_rope",
        "rms_norm",
        "rms_norm_gated",
    ),
    "parallel": ("vocab_parallel_embedding",),
    "quant": (
        "dequant_fp8",
        "dequant_int8",
        "dynamic_group_quant_fp8",
        "dynamic_quant_fp8",
        "quant_int8",
        "static_group_quant_fp8",
        "static_quant_fp8",
    ),
    "rope": (
        "apply_rotary_emb",
        "apply_rotary_pos_emb",
        "dual_chunk_rotary_embedding",
        "rotary_embedding",
    ),
    "sampling": ("sample_tokens",),
}
"""By category the ops, each in the file of its name."""

_LAYERS = {
    "attention.layers": {"names": {"attention"}},
    "activation.layers": {
        "names": {
            "fatrelu_and_mul",
            "gelu",
            "gelu_and_mul",
            "gelu_and_mul_sparse",
            "gelu_fast",
            "gelu_new",
            "mul_and_silu",
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
            "swish",
            "tanh",
            "xielu",
        },
        "act_and_mul_fns": {"geglu", "gelu", "gelu_pytorch_tanh", "silu", "swigluoai", "swish"},
    },
    "norm.layers": {
        "names": {
            "gemma_rms_norm",
            "layer_norm",
            "mixer2_gated_rms_norm",
            "rms_norm",
            "rms_norm_gated",
        }
    },
    "quant.layers": {"names": {"quant_fp8"}},
    "rope.layers": {
        "names": {"apply_rotary_emb", "dual_chunk_rotary_embedding", "rotary_embedding"}
    },
    "parallel.column_parallel_linear": {"names": {"column_parallel_linear"}},
    "parallel.logits_processor": {"names": {"logits_processor"}},
    "parallel.parallel_lm_head": {"names": {"parallel_lm_head"}},
    "parallel.replicated_linear": {"names": {"replicated_linear"}},
    "parallel.row_parallel_linear": {"names": {"row_parallel_linear"}},
    "parallel.vocab_parallel_embedding": {"names": {"vocab_parallel_embedding"}},
}
"""By module, the names of its layers and of the activations that they compute."""

_INPLACE = (
    "fused_add_rms_norm",
    "fused_add_rms_norm_static_fp8_quant",
    "reshape_and_cache",
    "rms_norm",
    "rms_norm_dynamic_per_token_quant",
    "rms_norm_static_fp8_quant",
    "rotary_embedding",
    "rotary_reshape_and_cache",
    "silu_and_mul",
    "silu_and_mul_quant",
)
"""The ops of `torch.ops.ir_inplace`, each in the file of its name."""

_HOMES = {name: f"{category}.{name}" for category, names in _OPS.items() for name in names}

__getattr__ = late_names(__name__, _HOMES)

ir.promise_ops({name: f"{__name__}.{home}" for name, home in _HOMES.items()})
promise_torch_ops("ir_inplace", {name: f"{__name__}.inplace.{name}" for name in _INPLACE})
for _home, _names in _LAYERS.items():
    promise_layers(f"{__name__}.{_home}", **_names)
