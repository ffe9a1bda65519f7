"""Where do the catalogue's ops live, and what do they take?

The kernels are `torch.ops.ir_kernels.<op>`; `torch.ops.ir_runtime.<op>` leads to them. What they
call on arguments that they prepare and keep is in `torch.ops.ir_packed`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import ArgumentError
from ir_runtime.op_reg import (
    IR_RUNTIME_LIBRARY,
    CustomOp,
    KernelSelection,
    forward_op,
    fragment,
)

__all__ = ["FLOATS", "check_rows", "register_kernel", "register_packed_kernel", "round_by_sum"]

FLOATS = (torch.float32, torch.bfloat16, torch.float16)
"""Dtypes of the kernels, which compute in float32 (or wider) and round once."""

MAX_VULKAN_ROWS = 65535
"""Workgroups that every Vulkan device can count in one dimension of a dispatch."""

_LIBRARY = fragment("ir_kernels")
_PACKED = fragment("ir_packed")


def register_kernel(op_class: type[CustomOp]) -> Callable[..., Any]:
    """Register a kernel of the catalogue in both namespaces; a class decorator."""
    packet = CustomOp.register(op_class, library=_LIBRARY)
    forward_op(packet, IR_RUNTIME_LIBRARY)
    return packet


def register_packed_kernel(op_class: type[CustomOp]) -> Callable[..., Any]:
    """Register a kernel on arguments packed for this machine; a class decorator."""
    return CustomOp.register(op_class, library=_PACKED)


def round_by_sum(ksel: KernelSelection) -> str:
    """Return the MLIR attribute `#round_by_sum` of a template: false where drivers fold sums."""
    return "false" if ksel.device_family == "vulkan" else "true"


def check_rows(ksel: KernelSelection, x: Tensor) -> None:
    """Refuse more rows than a Vulkan dispatch has workgroups.

    From there on a workgroup takes several rows, and IREE 3.13 puts no barrier between them: a row
    would be scaled by the sum of the next one.
    """
    if ksel.device_family != "vulkan":
        return
    rows = math.prod(x.shape[:-1])
    if rows > MAX_VULKAN_ROWS:
        raise ArgumentError(
            f"{ksel.op.name}: `x` {format_tensor(x)} has {rows} rows, "
            f"must have at most {MAX_VULKAN_ROWS} on Vulkan",
            fix="split it into several calls",
        )
