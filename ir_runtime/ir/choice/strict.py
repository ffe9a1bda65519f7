"""Strict mode: native computes a call only if a priority names it."""

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
    """A copy of a context variable for compilers that trace a call: they cannot read contexts.

    Attributes:
        value: the value since this thread last entered or left a `with` block that sets it.
    """

    def __init__(self) -> None:
        self.value: Any = None  # one for each thread: a compiled graph has a guard on it


_traced_strict = Traced()


def is_strict() -> bool:
    """Tell whether native runs only if a priority names it."""
    inside = _traced_strict.value if torch.compiler.is_dynamo_compiling() else _strict.get()
    return current_settings().strict_priority if inside is None else inside


@contextmanager
def strict_priority(strict: bool = True) -> Generator[None]:  # noqa: FBT001, FBT002 - as enable_torch_wrap
    """Refuse to run native in this context, unless a priority names it.

    The default is the setting `IR_RUNTIME_STRICT_PRIORITY`.
    """
    token = _strict.set(strict)
    _traced_strict.value = strict
    try:
        yield
    finally:
        _strict.reset(token)
        _traced_strict.value = _strict.get()
