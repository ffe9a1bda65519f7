"""Make a torch tensor plain and dense, so that IREE can read it; refuse other tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from ir_runtime.dtypes import format_tensor
from ir_runtime.errors import UnsupportedTorchDeviceError, UnsupportedTypeError

__all__ = ["GPU_ALIGNMENT", "plain", "require_cpu"]

GPU_ALIGNMENT = 16
"""The alignment in bytes that kernels for GPUs need: they load and store no more at once."""


def require_cpu(tensor: Tensor) -> None:
    """Refuse a tensor that is not on the CPU.

    Raises:
        UnsupportedTorchDeviceError: it is elsewhere.
    """
    if tensor.device.type != "cpu":
        raise UnsupportedTorchDeviceError(
            f"{format_tensor(tensor)} on {tensor.device}: not on the CPU, must be there"
        )


def plain(tensor: Tensor) -> Tensor:
    """Return a tensor's numbers, without gradient and without a pending conj or neg.

    Raises:
        UnsupportedTypeError: it is not dense, or not of plain numbers.
    """
    if tensor.is_quantized:
        raise UnsupportedTypeError(
            f"{format_tensor(tensor)}: quantized, must be plain numbers",
            fix="pass tensor.dequantize() or tensor.int_repr()",
        )
    if tensor.layout is not torch.strided:
        raise UnsupportedTypeError(
            f"{format_tensor(tensor)}: layout {tensor.layout}, must be dense (torch.strided)",
            fix="pass tensor.to_dense()",
        )
    if tensor.is_nested:
        raise UnsupportedTypeError("a nested tensor: has no single shape, must be dense")
    tensor = tensor.detach() if tensor.requires_grad else tensor
    return tensor.resolve_conj().resolve_neg()
