"""IREE's buffer views: make one (a buffer with a shape and an element type), and check its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from ir_runtime.dtypes import dtype_info, format_tensor
from ir_runtime.errors import LaunchError

if TYPE_CHECKING:
    from iree.runtime import HalBuffer, HalBufferView

__all__ = ["check_size", "retyped", "typed_view"]


def typed_view(buffer: HalBuffer, like: Tensor) -> HalBufferView:
    """View a buffer with the shape and dtype of a tensor."""
    from iree.runtime import HalBufferView, HalElementType

    element_type = getattr(HalElementType, dtype_info(like.dtype).element_type)
    return HalBufferView(buffer, list(like.shape), int(element_type))


def retyped(view: HalBufferView, shape: list[int], element_type: str) -> HalBufferView:
    """View the same buffer with another shape and element type."""
    from iree.runtime import HalBufferView, HalElementType

    return HalBufferView(view.get_buffer(), shape, int(getattr(HalElementType, element_type)))


def check_size(view: HalBufferView, like: Tensor) -> None:
    """Refuse a result whose buffer is smaller than a tensor like `like`.

    Raises:
        LaunchError: the buffer is too small.
    """
    size = like.numel() * like.element_size()
    available = view.get_buffer().byte_length()
    if available < size:
        raise LaunchError(
            f"result: {available} bytes, must be at least {size} for {format_tensor(like)}"
        )
