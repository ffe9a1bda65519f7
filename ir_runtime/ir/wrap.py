"""The switch for calls of IR ops through torch's dispatcher, or past it; by default through it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["enable_torch_wrap", "set_default_torch_wrap", "wrap"]


class Wrap:
    """Whether a call of an op is a call of its torch op."""

    def __init__(self) -> None:
        self.on = True  # on the instance, where it is read faster than on the class


wrap = Wrap()


@contextmanager
def enable_torch_wrap(enable: bool = True) -> Generator[None]:  # noqa: FBT001, FBT002 - the known name
    """Send calls through torch's dispatcher, or past it, inside a `with` block.

    Past the dispatcher a call runs its provider directly: eager calls are cheaper, and a compiler
    traces through the provider instead of seeing one node. Applies to the whole process.
    """
    before = wrap.on
    wrap.on = enable
    try:
        yield
    finally:
        wrap.on = before


def set_default_torch_wrap(enable: bool = True) -> None:  # noqa: FBT001, FBT002 - the known name
    """Send calls through torch's dispatcher, or past it, from now on."""
    wrap.on = enable
