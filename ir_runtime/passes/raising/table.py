"""The table of forms, in the order in which they are tried."""

from __future__ import annotations

from types import MappingProxyType

from ir_runtime.passes.raising.attention import ATTENTION
from ir_runtime.passes.raising.gelu import GELU, GELU_ERF, GELU_NEW
from ir_runtime.passes.raising.gemma_rms_norm import GEMMA_RMS_NORM
from ir_runtime.passes.raising.layer_norm import LAYER_NORM
from ir_runtime.passes.raising.quick_gelu import QUICK_GELU
from ir_runtime.passes.raising.residual_norm import RESIDUAL_GEMMA_RMS_NORM, RESIDUAL_RMS_NORM
from ir_runtime.passes.raising.rms_norm import RMS_NORM
from ir_runtime.passes.raising.rotary import ROTARY
from ir_runtime.passes.raising.silu_and_mul import SILU_AND_MUL
from ir_runtime.passes.raising.torch_rms_norm import TORCH_RMS_NORM
from ir_runtime.passes.raising.weightless_rms_norm import WEIGHTLESS_RMS_NORM

__all__ = ["DEFAULT_FORMS", "FORMS"]

FORMS = MappingProxyType(
    {
        form.name: form
        for form in (
            GEMMA_RMS_NORM,  # before rms_norm, for which `1 + weight` would be the weight
            RMS_NORM,
            WEIGHTLESS_RMS_NORM,
            TORCH_RMS_NORM,
            LAYER_NORM,
            GELU,
            GELU_ERF,
            GELU_NEW,
            QUICK_GELU,
            SILU_AND_MUL,
            ROTARY,
            ATTENTION,
            RESIDUAL_RMS_NORM,
            RESIDUAL_GEMMA_RMS_NORM,
        )
    }
)
"""All forms by name."""

DEFAULT_FORMS = tuple(name for name in FORMS if name not in ("attention", "rotary"))
"""The forms that are raised if no others are asked for."""
