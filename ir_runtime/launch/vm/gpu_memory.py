"""Memory of a GPU that torch's cache holds and IREE needs: the two do not know of each other."""

from __future__ import annotations

from collections.abc import Callable

import torch

__all__ = ["again_without_cache", "is_out_of_memory"]

_WORDS = ("RESOURCE_EXHAUSTED", "OUT_OF_MEMORY", "out of memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether IREE or a driver had no memory left."""
    text = str(error)
    return any(word in text for word in _WORDS)


def again_without_cache(
    run: Callable[[], None], empty_cache: Callable[[], None] | None = None
) -> None:
    """Run a launch; if it finds no memory, once more after torch has given back what it keeps.

    Args:
        run: the launch; a failure leaves its arguments as they were.
        empty_cache: gives back torch's memory; default: that of torch's GPUs.
    """
    try:
        run()
    except Exception as error:
        if empty_cache is None and not torch.cuda.is_initialized():
            raise
        if not is_out_of_memory(error):
            raise
        (empty_cache or torch.cuda.empty_cache)()
        run()
