"""The line of the user's code that made a node of a trace, from the stack that torch recorded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

__all__ = ["user_line"]

_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
_OTHER_FILES = re.compile(r"/(?:torch|ir_runtime/(?:op_reg|aot|ir))/")


def user_line(node: Any) -> str | None:
    """Return `file:line`, None if unknown; without the directory, which differs by machine."""
    frames = _FRAME.findall(str(node.meta.get("stack_trace", "")))
    own = [(path, line) for path, line in frames if not _OTHER_FILES.search(path)]
    return f"{Path(own[-1][0]).name}:{own[-1][1]}" if own else None
