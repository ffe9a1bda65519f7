"""The torch functions that ops of other layers are defined by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["NATIVES"]

NATIVES: dict[str, Callable[..., Any]] = {}
"""By the name of an IR op its native."""
