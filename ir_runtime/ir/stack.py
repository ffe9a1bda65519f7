"""The stack of a registration, for messages that show where something was registered."""

from __future__ import annotations

import traceback

__all__ = ["caller_stack"]


def caller_stack(above: int) -> list[str]:
    """Return the caller's stack without its `above` innermost frames."""
    return traceback.format_stack()[: -1 - above]
