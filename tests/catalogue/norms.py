"""The norms of the catalogue: what each is compared with, and how it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
from transformers.models.qwen3_next.modeling_qwen3_next import Qwen3NextRMSNormGated
from transformers.models.zamba2.modeling_zamba2 import Zamba2RMSNormGated

import kernels_mlir  # noqa: F401 - registers the ops
from ir_runtime.ir import IrOp

__all__ = ["EPSILON", "NORMS", "Norm"]

EPSILON = 1e-5
GROUPS = 4


@dataclass(frozen=True, eq=False)
class Norm:
    """One call of an op, and what computes the same.

    Attributes:
        name: of the op.
        arguments: makes the arguments for rows, another tensor of their shape, and a weight.
        oracle: computes it without this package; takes the same, in float32 or wider.
        variant: names the choice of arguments, if the op has several.
        factor: of its largest error, to native's.
    """

    name: str
    arguments: Callable[[Tensor, Tensor, Tensor], tuple[Any, ...]]
    oracle: Callable[[Tensor, Tensor, Tensor], Any]
    variant: str = ""
    factor: float = 1.5

    @property
    def op(self) -> IrOp:
        return IrOp.registry[self.name]

    @property
    def id(self) -> str:
        return f"{self.name}-{self.variant}" if self.variant else self.name


def with_weight(layer: Any, weight: Tensor) -> Any:
    """Put a weight into a module that is no parameter, so that gradients reach it."""
    del layer.weight
    layer.weight = weight
    return layer


def gemma(x: Tensor, weight: Tensor) -> Tensor:
    return with_weight(GemmaRMSNorm(x.shape[-1], eps=EPSILON), weight)(x)


def partial(x: Tensor, weight: Tensor, size: int) -> Tensor:
    return x / (x[..., :size].pow(2).mean(-1, keepdim=True) + EPSILON).sqrt() * weight


def qwen(x: Tensor, z: Tensor, weight: Tensor) -> Tensor:
    return with_weight(Qwen3NextRMSNormGated(x.shape[-1], eps=EPSILON), weight)(x, z)


def zamba(x: Tensor, z: Tensor, weight: Tensor) -> Tensor:
    layer = Zamba2RMSNormGated(x.shape[-1], x.shape[-1] // GROUPS, eps=EPSILON)
    return with_weight(layer, weight)(x, z)


def grouped(x: Tensor, z: Tensor, weight: Tensor) -> Tensor:
    groups = (x * torch.sigmoid(z)).unflatten(-1, (GROUPS, -1))
    return functional.rms_norm(groups, groups.shape[-1:], eps=EPSILON).flatten(-2) * weight


NORMS = (
    Norm(
        "fused_add_rms_norm",
        lambda x, r, w: (x, r, w, EPSILON),
        lambda x, r, w: (functional.rms_norm(x + r, w.shape, w, EPSILON), x + r),
    ),
    Norm(
        "fused_add_rms_norm",
        lambda x, r, w: (x, r, None, EPSILON, x.shape[-1] // 4),
        lambda x, r, w: (partial(x + r, torch.ones_like(w), x.shape[-1] // 4), x + r),
        "partial",
    ),
    Norm("gemma_rms_norm", lambda x, r, w: (x, w, EPSILON), lambda x, r, w: gemma(x, w)),
    Norm(
        "fused_add_gemma_rms_norm",
        lambda x, r, w: (x, r, w, EPSILON),
        lambda x, r, w: (gemma(x + r, w), x + r),
    ),
    Norm("rms_norm_gated", lambda x, z, w: (x, z, w, EPSILON), qwen, "norm_first"),
    Norm(
        "rms_norm_gated",
        lambda x, z, w: (x, z, w, EPSILON, x.shape[-1] // GROUPS, False, "sigmoid"),
        grouped,
        "groups",
    ),
    Norm(  # its largest errors are those of exp far below zero: a kernel has 1.6 times torch's
        "mixer2_gated_rms_norm", lambda x, z, w: (x, z, w, EPSILON, GROUPS), zamba, factor=2.0
    ),
)
