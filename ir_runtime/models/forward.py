"""The forwards that modules get: each calls an op with the module's own parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from ir_runtime.ir import IrOp

__all__ = ["is_mixed", "is_recorded", "only", "row_forward"]

Forward = Callable[..., Any]


def only(given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Return the single argument of a call, by position or by whatever name."""
    (x,) = (*given, *named.values())
    return x


def is_mixed(x: Tensor, weight: Tensor) -> bool:
    """Tell whether torch would change dtypes in a call: by promotion, or in a region of autocast.

    The op has the dtypes of its arguments instead, so the module computes such a call as before.
    """
    return x.dtype is not weight.dtype or torch.is_autocast_enabled(x.device.type)


def is_recorded() -> bool:
    """Tell whether somebody records what is computed, and would not see what a module keeps."""
    return (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.PROXY) is not None
        or torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
    )


def row_forward(op: IrOp, weights: tuple[str, ...], epsilon: float) -> Forward:
    """Return a forward that calls a norm.

    Args:
        op: takes rows, the parameters, and epsilon.
        weights: names of the parameters; none for a norm without a weight.
        epsilon: of the norm.
    """
    if not weights:

        def plain(self: nn.Module, *given: Any, **named: Any) -> Tensor:
            del self
            return op(only(given, named), None, epsilon)

        return plain

    def scaled(self: nn.Module, *given: Any, **named: Any) -> Tensor:
        x = only(given, named)
        own = self._parameters
        tensors = [own[name] for name in weights]
        if is_mixed(x, tensors[0]):  # pyright: ignore[reportArgumentType]
            return type(self).forward(self, x)
        return op(x, *tensors, epsilon)

    return scaled
