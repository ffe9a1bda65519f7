"""What a condition reads of a call: how long its answer holds."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Reads"]


class Reads(IntEnum):
    """How much of a call a condition reads; a larger one reads all that a smaller one does.

    Attributes:
        KIND: which arguments are None, and of tensors dtype, rank and device.
        CALL: sizes and strides, too, and all values that are no tensors.
        MORE: it may read values of tensors, or state that is no argument. Only such conditions are
            tested in each call.
    """

    KIND = 0
    CALL = 1
    MORE = 2
