"""The catalogue: ops for language models; each op is one file with its MLIR templates."""

from kernels_mlir.activation import layers  # noqa: F401  # pyright: ignore[reportUnusedImport]
from kernels_mlir.activation.gelu import gelu
from kernels_mlir.activation.silu_and_mul import silu_and_mul
from kernels_mlir.activation.softmax import softmax
from kernels_mlir.attention.mm_encoder_attn import mm_encoder_attn
from kernels_mlir.linear.linear import linear
from kernels_mlir.norm.layer_norm import layer_norm
from kernels_mlir.norm.rms_norm import rms_norm
from kernels_mlir.quant import layers as quant_layers  # noqa: F401  # pyright: ignore[reportUnusedImport]
from kernels_mlir.quant.dequant_fp8 import dequant_fp8
from kernels_mlir.quant.dequant_int8 import dequant_int8
from kernels_mlir.quant.dynamic_group_quant_fp8 import dynamic_group_quant_fp8
from kernels_mlir.quant.dynamic_quant_fp8 import dynamic_quant_fp8
from kernels_mlir.quant.quant_int8 import quant_int8
from kernels_mlir.quant.static_group_quant_fp8 import static_group_quant_fp8
from kernels_mlir.quant.static_quant_fp8 import static_quant_fp8
from kernels_mlir.rope import scaled_layers  # noqa: F401  # pyright: ignore[reportUnusedImport]
from kernels_mlir.rope.apply_rotary_emb import apply_rotary_emb
from kernels_mlir.rope.apply_rotary_pos_emb import apply_rotary_pos_emb
from kernels_mlir.rope.dual_chunk_rotary_embedding import dual_chunk_rotary_embedding
from kernels_mlir.rope.rotary_embedding import rotary_embedding

__all__ = [
    "apply_rotary_emb",
    "apply_rotary_pos_emb",
    "dequant_fp8",
    "dequant_int8",
    "dual_chunk_rotary_embedding",
    "dynamic_group_quant_fp8",
    "dynamic_quant_fp8",
    "gelu",
    "layer_norm",
    "linear",
    "mm_encoder_attn",
    "quant_int8",
    "rms_norm",
    "rotary_embedding",
    "silu_and_mul",
    "softmax",
    "static_group_quant_fp8",
    "static_quant_fp8",
]
