"""The stack of a registration, for messages that show where something was registered."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import overload

__all__ = ["CallerStack", "caller_stack"]


class CallerStack(Sequence[str]):
    """Lines as those of `traceback.format_stack`; written when they are read, as few ever are.

    Args:
        frames: file, line and function of each frame, the outermost first.
    """

    def __init__(self, frames: Sequence[tuple[str, int, str]]) -> None:
        self._frames = frames

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return _written(self._frames[index])
        return _written([self._frames[index]])[0]

    def __len__(self) -> int:
        return len(self._frames)


def _written(frames: Sequence[tuple[str, int, str]]) -> list[str]:
    return traceback.format_list([(*frame, None) for frame in frames])


def caller_stack(above: int) -> CallerStack:
    """Return the caller's stack without its `above` innermost frames."""
    frames: list[tuple[str, int, str]] = []
    frame: FrameType | None = sys._getframe(1 + above)
    while frame is not None:
        frames.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return CallerStack(frames[::-1])
