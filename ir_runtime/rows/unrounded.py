"""Functions whose values between their operations need not be rounded to bfloat16.

torch's operators round each result to its dtype. A compiler that fuses them computes on with what
it has in float32: fewer instructions, and more exact. A fused program asks for that; a function of
a user, or one op's native, is computed as written.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from contextvars import ContextVar

__all__ = ["leave_unrounded", "watch"]

_watched: ContextVar[list[bool] | None] = ContextVar("_watched", default=None)


def leave_unrounded() -> None:
    """Say, while a function is traced, that its values need not be rounded between operations.

    Values that are rounded down, up or to integers afterwards stay rounded, and so do results.
    """
    asked = _watched.get()
    if asked is not None:
        asked.append(True)


@contextlib.contextmanager
def watch() -> Generator[list[bool]]:
    """Collect what is said while a function is traced."""
    asked: list[bool] = []
    token = _watched.set(asked)
    try:
        yield asked
    finally:
        _watched.reset(token)
