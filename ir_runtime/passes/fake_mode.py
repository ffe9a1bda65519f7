"""`enable_fake_mode`: run a function on fake tensors, apart from a trace that is going on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch._guards import tracing
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily

__all__ = ["enable_fake_mode"]

P = ParamSpec("P")
R = TypeVar("R")


def enable_fake_mode(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function under a fake tensor mode of its own; a decorator.

    Patterns are traced so: tensors that the function makes have no memory, and neither a trace nor
    a fake mode of the caller sees them.
    """

    @functools.wraps(function)
    def under_fake_mode(*args: P.args, **kwargs: P.kwargs) -> R:
        with tracing(None), unset_fake_temporarily(), FakeTensorMode(), torch.no_grad():
            return function(*args, **kwargs)

    return under_fake_mode
