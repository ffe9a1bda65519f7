"""Where was something registered?"""

from __future__ import annotations

import traceback

__all__ = ["caller_stack"]


def caller_stack(above: int) -> list[str]:
    """Return the stack, the last entry being the caller's caller, `above` frames further up."""
    return traceback.format_stack()[: -1 - above]
