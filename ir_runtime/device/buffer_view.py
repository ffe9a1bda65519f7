"""IREE's buffer views: a buffer with a shape and an element type, and whether it holds a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from ir_runtime.dtypes import dtype_info, format_tensor
from ir_runtime.errors import LaunchError

if TYPE_CHECKING:
    from iree.runtime import HalBuffer, HalBufferView

__all__ = ["check_size", "retyped", "typed_view"]


def typed_view(buffer: HalBuffer, like: Tensor) -> HalBufferView:
    """View a buffer under the shape and dtype of a tensor."""
    from iree.runtime import HalBufferView, HalElementType

    element_type = getattr(HalElementType, dtype_info(like.dtype).element_type)
    return HalBufferView(buffer, list(like.shape), int(element_type))


def retyped(view: HalBufferView, shape: list[int], element_type: str) -> HalBufferView:
    """View the same buffer under another shape and element type."""
    from iree.runtime import HalBufferView, HalElementType

    return HalBufferView(view.get_buffer(), shape, int(getattr(HalElementType, element_type)))


def check_size(view: HalBufferView, like: Tensor) -> None:
    """Refuse a result whose buffer is too small for the tensor that it should be.

    Raises:
        LaunchError: it is.
    """
    size = like.numel() * like.element_size()
    available = view.get_buffer().byte_length()
    if available < size:
        raise LaunchError(
            f"result: {available} bytes, must be at least {size} for {format_tensor(like)}"
        )
