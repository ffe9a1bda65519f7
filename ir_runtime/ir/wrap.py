"""Do calls of IR ops go through torch's dispatcher?  They do, unless told otherwise."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["enable_torch_wrap", "set_default_torch_wrap", "wrap"]


class Wrap:
    """Whether a call of an op is a call of its torch op."""

    def __init__(self) -> None:
        self.on = True  # of the instance: read sooner than an attribute of the class


wrap = Wrap()


@contextmanager
def enable_torch_wrap(enable: bool = True) -> Generator[None]:  # noqa: FBT001, FBT002 - the known name
    """Let calls go through torch's dispatcher, or not, for the length of a `with` block.

    Without it a call runs its provider at once: eager calls are cheaper, and a compiler traces
    through the provider instead of seeing one node. Holds for the whole process.
    """
    before = wrap.on
    wrap.on = enable
    try:
        yield
    finally:
        wrap.on = before


def set_default_torch_wrap(enable: bool = True) -> None:  # noqa: FBT001, FBT002 - the known name
    """Let calls go through torch's dispatcher, or not, from now on."""
    wrap.on = enable
