"""Tell whether a call has a gradient to be recorded: the one test of it, in Python and in C."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["needs_grad"]


def needs_grad(*values: Any) -> bool:
    """Tell whether grad mode is on and a tensor requires a gradient.

    Args:
        values: arguments of a call; tensors, lists and tuples of tensors and None, anything else.
    """
    if not torch.is_grad_enabled():
        return False
    # sees no tensor in a tuple, nor in a list that holds None
    requires_grad = torch._C._any_requires_grad
    return requires_grad(*values) or any(
        isinstance(value, list | tuple) and requires_grad(*value) for value in values
    )
