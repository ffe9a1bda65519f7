"""Conditions that a module must meet before its forward may be replaced at all."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ir_runtime.dtypes import short_name

__all__ = ["FLOATS", "why_not"]

FLOATS = (torch.float32, torch.bfloat16, torch.float16)
"""Dtypes of weights that our kernels take."""

_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
)


def why_not(module: nn.Module) -> str | None:
    """Return why a module must stay as it is, whatever it computes; None if nothing forbids it."""
    if "forward" in vars(module):
        return "its forward was replaced on the instance"
    if parametrize.is_parametrized(module) or _is_pruned(module):
        return "it has parametrizations, so its weights are computed in each call"
    if any(getattr(module, hooks, None) for hooks in _HOOKS):
        return "it has hooks, which expect its own forward"
    return _why_not_tensors({**module._parameters, **module._buffers}.items())


def _is_pruned(module: nn.Module) -> bool:
    """Tell whether a plain attribute stands for a parameter, as `weight_norm` and pruning do."""
    return any(f"{name}_orig" in module._parameters for name in vars(module)) or any(
        f"{name}_g" in module._parameters for name in vars(module)
    )


def _why_not_tensors(named: Iterable[tuple[str, Tensor | None]]) -> str | None:
    for name, tensor in named:
        if tensor is None:
            continue
        if type(tensor) not in (Tensor, nn.Parameter, nn.Buffer):
            return f"its {name} is a {type(tensor).__name__}, must be a plain tensor"
        if tensor.device.type != "cpu":
            return f"its {name} is on {tensor.device}, must be on the CPU"
        if name in ("weight", "bias") and tensor.dtype not in FLOATS:
            return f"its {name} is {short_name(tensor.dtype)}, must be f32, bf16 or f16"
    return None
