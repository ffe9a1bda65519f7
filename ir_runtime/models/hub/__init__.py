"""Our layers for HuggingFace's package `kernels`: `kernel_mapping`."""

from __future__ import annotations

from ir_runtime.models.hub.mapping import DEVICES, LayerSource, kernel_mapping

__all__ = ["DEVICES", "LayerSource", "kernel_mapping"]
