"""The catalogue: ops for language models; each op is one file with its MLIR templates."""

from kernels_mlir.activation import layers as _activation_layers  # noqa: F401  # pyright: ignore[reportUnusedImport]
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
from kernels_mlir.attention.mm_encoder_attn import mm_encoder_attn
from kernels_mlir.linear.linear import linear
from kernels_mlir.norm import layers as _norm_layers  # noqa: F401  # pyright: ignore[reportUnusedImport]
from kernels_mlir.norm.fused_add_gemma_rms_norm import fused_add_gemma_rms_norm
from kernels_mlir.norm.fused_add_rms_norm import fused_add_rms_norm
from kernels_mlir.norm.gemma_rms_norm import gemma_rms_norm
from kernels_mlir.norm.layer_norm import layer_norm
from kernels_mlir.norm.mixer2_gated_rms_norm import mixer2_gated_rms_norm
from kernels_mlir.norm.qk_norm import qk_norm
from kernels_mlir.norm.qk_norm_rope import qk_norm_rope
from kernels_mlir.norm.rms_norm import rms_norm
from kernels_mlir.norm.rms_norm_gated import rms_norm_gated
from kernels_mlir.rope.rotary_embedding import rotary_embedding

__all__ = [
    "fatrelu_and_mul",
    "fused_add_gemma_rms_norm",
    "fused_add_rms_norm",
    "gelu",
    "gelu_and_mul",
    "gelu_and_mul_sparse",
    "gelu_fast",
    "gelu_new",
    "gemma_rms_norm",
    "layer_norm",
    "linear",
    "mixer2_gated_rms_norm",
    "mm_encoder_attn",
    "mul_and_silu",
    "qk_norm",
    "qk_norm_rope",
    "quick_gelu",
    "relu2",
    "rms_norm",
    "rms_norm_gated",
    "rotary_embedding",
    "silu",
    "silu_and_mul",
    "softmax",
    "swigluoai_and_mul",
    "xielu",
]
