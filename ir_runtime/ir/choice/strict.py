"""May native run where no priority names it?  Not in strict mode."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch

from ir_runtime.settings import current_settings

__all__ = ["Traced", "is_strict", "strict_priority"]

_strict: ContextVar[bool | None] = ContextVar("ir_runtime_strict_priority", default=None)


class Traced(threading.local):
    """What a context variable holds, for compilers that trace a call: they cannot read contexts.

    Attributes:
        value: what the last `with` block of this thread that was entered, or left, made of it.
    """

    def __init__(self) -> None:
        self.value: Any = None  # in each thread: a compiled graph is guarded by its own thread's


_traced_strict = Traced()


def is_strict() -> bool:
    """Tell whether native runs only where a priority names it."""
    inside = _traced_strict.value if torch.compiler.is_dynamo_compiling() else _strict.get()
    return current_settings().strict_priority if inside is None else inside


@contextmanager
def strict_priority(strict: bool = True) -> Generator[None]:  # noqa: FBT001, FBT002 - as enable_torch_wrap
    """Refuse, in this context, to run native where no priority names it.

    The default is the setting `IR_RUNTIME_STRICT_PRIORITY`.
    """
    token = _strict.set(strict)
    _traced_strict.value = strict
    try:
        yield
    finally:
        _strict.reset(token)
        _traced_strict.value = _strict.get()
