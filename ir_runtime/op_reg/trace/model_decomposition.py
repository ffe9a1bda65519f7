"""Decompositions of operators that models use, that importers lack and torch does not decompose."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["add_model_decompositions"]


def add_model_decompositions(table: Any) -> Any:
    """Add the decompositions of this file to a table for `run_decompositions`, and return it."""
    from torch._decomp import get_decompositions

    aten = torch.ops.aten
    table.update(get_decompositions([aten._native_batch_norm_legit_functional.default]))
    table[aten._native_batch_norm_legit_no_training.default] = _batch_norm
    table[aten.histc.default] = _histc
    table[aten._grouped_mm.default] = _grouped_mm
    if hasattr(torch.ops.transformers, "grouped_mm_fallback"):
        table[torch.ops.transformers.grouped_mm_fallback.default] = _grouped_mm
    return table


def _batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise with the statistics from training; the tensors to save are empty."""
    del momentum
    kind = torch.promote_types(x.dtype, torch.float32)
    shape = [1, -1] + [1] * (x.dim() - 2)
    mean, variance = (t.to(kind).reshape(shape) for t in (mean, variance))
    out = (x.to(kind) - mean) * torch.rsqrt(variance + eps)
    if weight is not None:
        out = out * weight.to(kind).reshape(shape)
    if bias is not None:
        out = out + bias.to(kind).reshape(shape)
    return out.to(x.dtype), x.new_empty(0), x.new_empty(0)


def _histc(x: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:  # noqa: A002
    """Count the elements in equal bins from `min` to `max`; the last bin includes `max`."""
    if min == max:
        return NotImplemented
    flat = x.reshape(-1, 1)
    place = ((flat - min) * (bins / (max - min))).floor().clamp(max=bins - 1)
    inside = (flat >= min) & (flat <= max)
    hits = inside & (place == torch.arange(bins, device=x.device))
    return hits.sum(0).to(x.dtype)


def _grouped_mm(
    x: Tensor,
    weight: Tensor,
    offs: Tensor | None = None,
    bias: Tensor | None = None,
    out_dtype: torch.dtype | None = None,
) -> Tensor:
    """Multiply the rows of each group with the group's matrix; `offs` has the ends of the groups.

    All rows are multiplied with all matrices, and each row takes its group's product.
    """
    if x.dim() != 2 or weight.dim() != 3 or offs is None or bias is not None:
        return NotImplemented
    groups, rows = weight.shape[0], torch.arange(x.shape[0], device=x.device)
    group = (offs.unsqueeze(1) <= rows).sum(0).clamp(max=groups - 1)
    products = torch.matmul(x.unsqueeze(0), weight)
    chosen = group.view(1, -1, 1).expand(1, x.shape[0], weight.shape[2])
    return products.gather(0, chosen).squeeze(0).to(out_dtype or x.dtype)
